"""What a kernel says of itself: in one line, as a table in a notebook, and as the story of how its
attention was mapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fa.diagnostics import CompileError
from fa.machine.debug.html_table import html_table
from fa.machine.spec.cost_tables import table_names

if TYPE_CHECKING:
    from fa.compiler import Kernel
    from fa.machine.cost.cost import Cost

SHOWN = 3
"""Mappings that were not chosen, and reasons why some are not possible, in a story."""


def summary(kernel: Kernel) -> str:
    """The kernel in one line."""
    arguments = ", ".join(
        f"{each.name}: {each.dtype}{list(each.shape)}" for each in kernel.layout.signature
    )
    return (
        f"<fa.Kernel {kernel.layout.kernel}({arguments}) on {kernel.machine.name}: "
        f"{len(kernel.words):,} instructions, {kernel.layout.hbm_bytes:,} bytes of HBM>"
    )


def summary_html(kernel: Kernel) -> str:
    """The kernel as a table: arguments and results, cost beside bounds."""
    regions = [
        (each.role, each.name, "x".join(map(str, each.shape)), str(each.storage), f"{each.bytes:,}")
        for each in kernel.layout.regions
    ]
    title = f"{kernel.layout.kernel} on {kernel.machine.name}"
    text = html_table(title, ("role", "tensor", "shape", "storage", "bytes"), regions)
    found = _cost(kernel)
    return text if found is None else text + _cost_html(kernel, found)


def _cost_html(kernel: Kernel, found: Cost) -> str:
    bounds = kernel.bounds
    rows: list[tuple[str, ...]] = []
    for name in table_names():
        cycles = found.total.cycles.get(name, 0)
        if cycles is not None:
            least = 0 if bounds is None else bounds.total.of(name)
            rest = (f"{least:,}", f"{cycles / least:.2f}") if least else ("", "")
            rows.append((name, f"{cycles:,}", *rest))
    return html_table("cycles", ("table", "cycles", "least", "times"), rows)


def story(kernel: Kernel) -> str:
    """How the kernel came to be, and where its time goes: a page of text, in the order of the
    decisions."""
    return "\n".join(_story(kernel)) + "\n"


def _story(kernel: Kernel) -> Iterator[str]:
    yield f"{kernel.layout.kernel} on {kernel.machine.name}"
    for each in kernel.problems:
        values = f", values {each.value_dim}" if each.value_dim != each.head_dim else ""
        yield (
            f"  attention: batch {each.batch}, {each.q_heads} query and {each.kv_heads} KV heads "
            f"of {each.head_dim}{values}, {each.q_len:,} queries, {each.kv_len:,} keys; "
            f"{each.pairs:,} scores are seen"
        )
    yield from _passes(kernel)
    yield from _mapping(kernel)
    for count in kernel.mask_tiles:
        yield f"masks: {count}"
    if kernel.ungrouped:
        yield f"heads of a group apart: {kernel.ungrouped}"
    yield from _memories(kernel)
    found = _cost(kernel)
    if found is None:
        yield "cost: not known before a run"
        return
    yield from _time(kernel, found)


def _passes(kernel: Kernel) -> Iterator[str]:
    if kernel.passes:
        yield f"passes: {kernel.passes}"


def _mapping(kernel: Kernel) -> Iterator[str]:
    lines = kernel.mappings.splitlines()
    if not lines:
        yield "mapping: not searched; the passes were given, or there was nothing to choose from"
        return
    yield lines[0].removesuffix(" (*)") + ", predicted and counted:"
    rows = [line.split() for line in lines[3:]]
    legal = [
        (row, line) for row, line in zip(rows, lines[3:], strict=True) if "rejected" not in row
    ]
    chosen = [line for row, line in legal if row[0] == "*"]
    others = [line for row, line in legal if row[0] != "*"]
    yield from (line.rstrip() for line in [*chosen, *others[:SHOWN]])
    if len(others) > SHOWN:
        yield f"  and {len(others) - SHOWN} that cost more"
    reasons: dict[str, int] = {}
    for row, line in zip(rows, lines[3:], strict=True):
        if "rejected" in row:
            reason = line.partition(": ")[2]
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1])[:SHOWN]:
        yield f"  {count} not possible: {reason}"


def _memories(kernel: Kernel) -> Iterator[str]:
    used, machine = kernel.layout.sram, kernel.machine
    sizes = (
        ("vector_rows", "rows of vector SRAM", machine.vector_sram_rows),
        ("matrix_tiles", "tiles of matrix SRAM", machine.matrix_tiles),
        ("fp_mem", "entries of FP_MEM", machine.fp_sram_depth),
        ("int_mem", "entries of INT_MEM", machine.int_sram_depth),
    )
    parts = [f"{used[key]:,} of {size:,} {name}" for key, name, size in sizes if key in used]
    if parts:
        yield f"memories: {', '.join(parts)}"


def _time(kernel: Kernel, found: Cost) -> Iterator[str]:
    bounds = kernel.bounds
    for name in table_names():
        total = found.total.cycles.get(name, 0)
        if not total:
            continue
        units = {unit: each.cycles.get(name, 0) or 0 for unit, each in found.unit.items()}
        most = sorted(units, key=lambda unit: -units[unit])[:2]
        shares = ", ".join(f"{100 * units[unit] / total:.0f} % {unit}" for unit in most)
        least = 0 if bounds is None else bounds.total.of(name)
        beside = f", {total / least:.2f} times the least" if least else ""
        yield f"{name}: {total:,} cycles{beside}; {shares}"


def _cost(kernel: Kernel) -> Cost | None:
    from fa.compiler import cost

    try:
        return cost(kernel)
    except CompileError:
        return None

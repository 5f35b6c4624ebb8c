"""Kernels against the machine's published generator and against their lower bounds.

One line for each kernel and cost table, the kernel compiled for that table: cycles without loading
Q and storing O, as the published figures are, and with them; the least that they could be
(`fa.machine.cost.lower_bounds`); the error against float64 on standard normal operands as they are
stored. For LLaMA's kernels what they cost before the mapping was chosen by cost stands beside it.
Kernels with published figures run in the simulator; of LLaMA's, those that are no longer than
`--longest` instructions do, and the others are costed. Prefill of 4096 tokens takes minutes to
compile: only `--all` does that, and `--write` without it leaves its lines on the page as they are.

    python bench/kernels.py [--quick] [--all] [--only TEXT] [--longest N]
    python bench/kernels.py --write [--all]    put the tables into docs/mapping.md
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fa
import numpy as np
from errors import relative_error
from fa.compiler import Kernel
from fa.dialects.fa.masks import CausalAttr
from fa.machine.cost.figures import Target
from page_tables import Page

TABLES: tuple[Target, ...] = ("emulator", "analytic")

PAGE = Page("mapping.md", "kernels.py")


@dataclass(frozen=True)
class Row:
    """A kernel by the arguments of `fa.attention`, and cycles by table, Q and O not moved.

    They are those published, those aimed at, and those before the mapping pass existed
    by today's cost model, with HBM bytes in all as the third number. `long`: it takes a minute to
    compile.
    """

    name: str
    machine: str
    shape: dict[str, Any]
    published: tuple[int, int] | None = None
    target: tuple[int, int] | None = None
    before: tuple[int, int, int] | None = None
    long: bool = False


def shape(q_len: int, kv_len: int, heads: int, kv_heads: int, dim: int, causal: bool = False):
    """The arguments of `fa.attention`."""
    mask = "causal" if causal else None
    return {
        "q_heads": heads, "kv_heads": kv_heads, "q_len": q_len, "kv_len": kv_len,
        "head_dim": dim, "mask": mask,
    }  # fmt: skip


ROWS = (
    Row("64x64, 1/1, 64", "plena-64", shape(64, 64, 1, 1, 64), (40_544, 9_710), (3_200, 4_200)),
    Row(
        "256x256, 1/1, 64", "plena-64", shape(256, 256, 1, 1, 64),
        (636_561, 143_708), (53_000, 62_000),
    ),
    Row(
        "256x256 causal, 1/1, 64", "plena-64", shape(256, 256, 1, 1, 64, True),
        (412_963, 96_797), (38_000, 42_000),
    ),
    Row("64x64, 4/1, 16", "plena-64", shape(64, 64, 4, 1, 16), (32_395, 17_849), (8_000, 8_200)),
    Row(
        "64x64 causal, 4/1, 16", "plena-64", shape(64, 64, 4, 1, 16, True),
        (46_046, 23_372), (9_500, 9_200),
    ),
    Row("1x1024, 1/1, 64", "plena-64", shape(1, 1024, 1, 1, 64), (44_647, 10_292), (8_000, 3_000)),
    Row(
        "128x128, 4/1, 32", "plena-128", shape(128, 128, 4, 1, 32),
        (38_080, 31_561), (13_500, 14_500),
    ),
)  # fmt: skip

LLAMA = (
    Row(
        "LLaMA-3.1-8B prefill 100", "plena-64", shape(100, 100, 32, 8, 128, True),
        before=(5_747_868, 926_508, 5_701_632),
    ),
    Row(
        "LLaMA-3.1-8B prefill 4096", "plena-64", shape(4096, 4096, 32, 8, 128, True),
        before=(4_800_821_722, 691_308_460, 2_281_701_376), long=True,
    ),
    Row(
        "LLaMA-3.1-8B decode 200", "plena-64", shape(1, 200, 32, 8, 128),
        before=(637_066, 93_740, 4_292_608),
    ),
    Row(
        "LLaMA-3.1-8B decode 4096", "plena-64", shape(1, 4096, 32, 8, 128),
        before=(10_142_086, 1_418_200, 67_207_168),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A kernel compiled for a table: cycles in it, HBM bytes, the error if it was run."""

    row: Row
    table: Target
    ours: int
    total: int
    least: int
    hbm_bytes: int
    error: float | None
    seconds: float

    @property
    def published(self) -> int | None:
        """Published cycles, if there are."""
        return self._of(self.row.published)

    @property
    def target(self) -> int | None:
        """Cycles aimed at, if any."""
        return self._of(self.row.target)

    @property
    def before(self) -> int | None:
        """Cycles before the mapping was chosen, if known."""
        return self._of(self.row.before)

    @property
    def bytes_before(self) -> int | None:
        """HBM bytes before the mapping was chosen, if known."""
        return None if self.row.before is None else self.row.before[2]

    def _of(self, pair: tuple[int, ...] | None) -> int | None:
        return None if pair is None else pair[TABLES.index(self.table)]


def error(kernel: Kernel, causal: bool) -> float:
    """The relative L2 error of a run against float64."""
    random = np.random.default_rng(2026)
    args = [random.standard_normal(each).astype(np.float32) for each in kernel.argument_shapes]
    return relative_error(kernel, args, CausalAttr.get() if causal else None)


def measure(row: Row, table: Target, run: bool, longest: int) -> Measured:
    """Compile a kernel for a table, cost it, and run it if that is wanted and not too long."""
    start = time.perf_counter()
    kernel = fa.compile(fa.attention(**row.shape), machine=row.machine, optimize_for=table)
    seconds = time.perf_counter() - start
    cost, bounds = fa.cost(kernel), kernel.bounds
    assert bounds is not None
    short = row.published is not None or cost.instructions <= longest
    return Measured(
        row,
        table,
        cost.without_moving.of(table),
        cost.total.of(table),
        bounds.without_moving.of(table),
        cost.hbm_bytes_read + cost.hbm_bytes_written,
        error(kernel, row.shape["mask"] == "causal") if run and short else None,
        seconds,
    )


def line(found: Measured) -> str:
    """A line of the printed table."""
    gain = "-" if found.before is None else f"{found.before / found.ours:.1f}"
    cells = (
        f"{found.row.name:<27}{found.row.machine:<11}{found.table:<10}",
        f"{number(found.published):>12}{number(found.target):>10}{number(found.before):>15}",
        f"{found.ours:>15,}{gain:>7}{found.total:>15,}{found.least:>13,}",
        f"{found.ours / found.least:>7.2f}{found.hbm_bytes:>15,}",
        f"{_error(found):>9}{found.seconds:>8.2f}",
    )
    return "".join(cells)


def head() -> str:
    """The names of the columns."""
    return (
        f"{'q x kv, heads, head_dim':<27}{'machine':<11}{'table':<10}{'published':>12}"
        f"{'target':>10}{'before':>15}{'without Q, O':>15}{'gain':>7}{'with':>15}{'least':>13}"
        f"{'times':>7}{'HBM bytes':>15}{'error':>9}{'compile':>8}"
    )


def number(value: int | None) -> str:
    """A number of cycles, if there is one."""
    return "-" if value is None else f"{value:,}"


def _error(found: Measured) -> str:
    return "-" if found.error is None else f"{found.error:.1e}"


def peers(measured: Sequence[Measured]) -> str:
    """The page's table of kernels with published figures."""
    lines = [
        "| q x kv, query/KV heads, head_dim | machine | table | published | target "
        "| without Q, O | with | bound | times the bound | error |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in measured:
        if each.published is not None:
            lines.append(
                f"| {each.row.name} | {each.row.machine} | {each.table} | {number(each.published)} "
                f"| {number(each.target)} | {each.ours:,} | {each.total:,} | {each.least:,} "
                f"| {each.ours / each.least:.2f} | {_error(each)} |"
            )
    return "\n".join(lines)


def models(measured: Sequence[Measured]) -> str:
    """The page's table of a model's kernels, before and after."""
    lines = [
        "| kernel | table | before | without Q, O | gain | with | bound | times the bound "
        "| HBM bytes before | HBM bytes | error |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in measured:
        if each.before is not None:
            lines.append(
                f"| {each.row.name} | {each.table} | {number(each.before)} | {each.ours:,} "
                f"| {each.before / each.ours:.1f} | {each.total:,} | {each.least:,} "
                f"| {each.ours / each.least:.2f} | {number(each.bytes_before)} "
                f"| {each.hbm_bytes:,} | {_error(each)} |"
            )
    return "\n".join(lines)


def replaced(text: str, measured: Sequence[Measured]) -> str:
    """The page with these figures."""
    known = {each.row.name for each in measured}
    kept = [row for row in LLAMA if row.long and row.name not in known]
    for name, make in (("peers", peers), ("models", models)):
        made = make(measured).splitlines()
        # What takes long to compile may not have been measured: its lines stay, in their place.
        for position, old in enumerate(PAGE.parts(text, name)[1].splitlines()):
            if any(old.startswith(f"| {row.name} |") for row in kept):
                made.insert(position, old)
        text = PAGE.replaced(text, name, "\n".join(made))
    return text


def measurements(rows: Sequence[Row], run: bool, longest: int) -> Iterator[Measured]:
    """Each kernel compiled for each table."""
    for row in rows:
        for table in TABLES:
            yield measure(row, table, run, longest)


def main() -> None:
    """Print the table, and write the page's if asked to."""
    parser = argparse.ArgumentParser(description="Kernels against published cycles and bounds.")
    parser.add_argument("--quick", action="store_true", help="cost everything, run nothing")
    parser.add_argument("--all", action="store_true", help="with what takes minutes to compile")
    parser.add_argument("--only", default="", help="kernels whose name has this text")
    parser.add_argument("--longest", type=int, default=1_000_000, help="instructions that are run")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    args = parser.parse_args()
    if args.write and (args.quick or args.only):
        parser.error("--write takes no part of the table, so neither --quick nor --only")
    rows = [row for row in (*ROWS, *LLAMA) if args.only in row.name and (not row.long or args.all)]
    print(head())
    measured: list[Measured] = []
    for found in measurements(rows, not args.quick, args.longest):
        print(line(found), flush=True)
        measured.append(found)
    if args.write:
        PAGE.path.write_text(replaced(PAGE.path.read_text("utf-8"), measured), "utf-8")


if __name__ == "__main__":
    main()

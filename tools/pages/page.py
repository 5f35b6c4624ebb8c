"""The page of a kernel: plain data put into `page.html`, which draws it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...diagnostics import CompileError
from ...frontends.mlir import OBSERVING, run_passes
from .cycles import Cycles, cycles_of
from .levels import LONGEST, Levels, Line
from .memories import MEMORIES, capacities, peak

if TYPE_CHECKING:
    from ...compiler import Kernel

TEMPLATE = Path(__file__).with_name("page.html")

MARK = "/*DATA*/"
"""Where the template takes its data."""

BUDGET = 6_000_000
"""Characters of IR in a page; of more, stages are left out, those in the middle first."""

KEPT = ("input", "fuse", "map", "allocate-sram")
"""Stages that are left out last."""


def levels_of(kernel: Kernel) -> Levels:
    """The levels of a kernel: its passes are run again, and looked at."""
    found = Levels()
    if kernel.source is None:
        return found
    token = OBSERVING.set(found)
    try:
        steps = [each for each in (kernel.passes, "lower-to-isa") if each]
        run_passes(kernel.source.clone(), ",".join(steps), kernel.machine_given)
    finally:
        OBSERVING.reset(token)
    return found


def html_page(kernel: Kernel) -> str:
    """The page as HTML. Raises CompileError where the kernel cannot be run on zeros."""
    data = json.dumps(page_data(kernel), separators=(",", ":"), ensure_ascii=False)
    # In a script, `</` could end it and `<!--` begin a comment.
    return TEMPLATE.read_text("utf-8").replace(MARK, data.replace("<", "\\u003c"))


def page_data(kernel: Kernel) -> dict[str, Any]:
    """What the page shows, as JSON values."""
    levels = levels_of(kernel)
    try:
        cycles = cycles_of(kernel)
    except CompileError:
        cycles = Cycles([], {}, [])
    bounds = kernel.bounds
    names: dict[str, int] = {}
    text = _source(kernel, levels)
    columns = [("source", text)] if text else []
    columns += _within_budget(levels.stages)
    columns.append(("assembly", _assembly(kernel)))
    return {
        "title": f"{kernel.layout.kernel} on {kernel.machine.name}",
        "story": kernel.explain(),
        "levels": [
            {
                "name": name,
                "text": [line.text for line in lines],
                "op": [_number(names, line.op) for line in lines],
                "place": [_number(names, line.place) for line in lines],
            }
            for name, lines in columns
        ],
        "names": list(names),
        "by_pc": cycles.by_pc,
        "counts": cycles.counts,
        "shares": [
            {
                "op": share.op,
                "place": share.place,
                "key": _number(names, share.op),
                "at": _number(names, share.place.rpartition(":")[0]),
                "cycles": share.cycles,
                "executed": share.executed,
                "static": share.static,
            }
            for share in cycles.shares
        ],
        "units": {table: cycles.by_unit(table) for table in cycles.by_pc},
        "bounds": {} if bounds is None else {t: bounds.total.of(t) for t in cycles.by_pc},
        "memories": [
            {
                "name": title,
                "room": capacities(kernel)[space],
                "peak": peak(kernel, levels.tiles, space),
                "tiles": [
                    [each.name, each.address, each.elements, each.start, each.end]
                    for each in levels.tiles
                    if each.space == space
                ],
            }
            for space, title in MEMORIES.items()
        ],
        "int_mem": [kernel.layout.sram.get("int_mem", 0), kernel.machine.int_sram_depth],
        "steps": levels.steps,
        "regions": [
            [each.role, each.name, list(each.shape), str(each.storage), each.base, each.bytes]
            for each in kernel.layout.regions
        ],
        "mappings": kernel.mappings,
        "masks": [
            {"where": each.where, "rows": each.rows, "cols": each.cols, "lines": each.lines}
            for each in levels.grids
        ],
        "mask_tiles": [
            f"{each.where}: {each}" if each.where else str(each) for each in kernel.mask_tiles
        ],
    }


def _number(names: dict[str, int], name: str) -> int:
    """A name as a number; -1 for none."""
    return names.setdefault(name, len(names)) if name else -1


def _source(kernel: Kernel, levels: Levels) -> list[Line]:
    """The file that most of the input's operations stand in, where it can be read."""
    if not levels.stages:
        return []
    files: dict[str, int] = {}
    for line in levels.stages[0][1]:
        file = line.place.rpartition(":")[0]
        files[file] = files.get(file, 0) + 1
    file = max((name for name in files if name), key=lambda name: files[name], default="")
    if not file:
        return []
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    lines = text.split("\n")
    return [Line(each[:LONGEST], "", f"{file}:{n}") for n, each in enumerate(lines, 1)]


def _assembly(kernel: Kernel) -> list[Line]:
    found: list[Line] = []
    for pc, text in enumerate(kernel.asm.splitlines()):
        source = kernel.sources.at(pc)
        found.append(Line(text, source.op, source.location.rpartition(":")[0]))
    return found


def _within_budget(stages: list[tuple[str, list[Line]]]) -> list[tuple[str, list[Line]]]:
    """The stages that fit a page."""
    sizes = {n: sum(len(line.text) for line in lines) for n, (_, lines) in enumerate(stages)}
    order = sorted(sizes, key=lambda n: (stages[n][0] not in KEPT, n))
    kept: set[int] = set()
    room = BUDGET
    for number in order:
        if sizes[number] <= room:
            room -= sizes[number]
            kept.add(number)
    return [stage for number, stage in enumerate(stages) if number in kept]

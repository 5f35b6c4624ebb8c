"""What lies where in the on-chip memories, and when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...dialects import fa

if TYPE_CHECKING:
    from ...compiler import Kernel
    from ...passes.placement.tile_liveness import TileLiveness

MEMORIES = {"vector": "vector SRAM", "matrix": "matrix SRAM", "scalar": "FP_MEM"}

BARS = 40
"""Characters of a memory in a text."""


@dataclass(frozen=True)
class Tile:
    """A tile in memory: elements from `address` on, alive from operation `start` to `end`."""

    name: str
    space: str
    address: int
    elements: int
    start: int
    end: int


def tiles_of(liveness: TileLiveness) -> list[Tile]:
    """The placed tiles of a function, by place and time."""
    points = sorted(2 * point for point in liveness.points.values())
    found: list[Tile] = []
    for value in liveness.tiles:
        kind, span = fa.tile(value), liveness.taken[value]
        if kind.at is None:
            continue
        start = max(0, bisect_right(points, span.start) - 1)
        end = max(start, bisect_right(points, span.end) - 1)
        name = f"%{value.name_hint}" if value.name_hint else "(unnamed)"
        space = str(kind.space.data)
        found.append(Tile(name, space, kind.at, kind.elements, start, end))
    return sorted(found, key=lambda tile: (tile.space, tile.address, tile.start, tile.name))


def capacities(kernel: Kernel) -> dict[str, int]:
    """Elements that each memory holds."""
    machine = kernel.machine
    return {
        "vector": machine.vector_sram_rows * machine.vlen,
        "matrix": machine.matrix_tiles * machine.mlen * machine.mlen,
        "scalar": machine.fp_sram_depth,
    }


def peak(kernel: Kernel, tiles: Sequence[Tile], space: str) -> int:
    """Elements up to the end of the highest tile of a memory, or of the constants in it."""
    stops = [each.address + each.elements for each in tiles if each.space == space]
    return max([*stops, kernel.layout.sram.get("fp_mem", 0) if space == "scalar" else 0])


def memory_map(kernel: Kernel, tiles: Sequence[Tile], steps: Sequence[str]) -> str:
    """The memories as text: each tile with its place, and the operations that it lives between."""
    lines: list[str] = []
    for space, room in capacities(kernel).items():
        here = [each for each in tiles if each.space == space]
        high = peak(kernel, tiles, space)
        filled = round(BARS * high / room) if room else 0
        bar = "#" * filled + "." * (BARS - filled)
        lines += ["", f"{MEMORIES[space]}: {high:,} of {room:,} elements  [{bar}]"]
        for each in here:
            stop = each.address + each.elements
            place = f"{each.address:,}..{stop:,}"
            lines.append(
                f"  {place:>20}  {each.name:<16} {each.start:>4}..{each.end:<4} "
                f"{steps[each.start]} .. {steps[each.end]}"
            )
    slots = kernel.layout.sram.get("int_mem", 0)
    lines += ["", f"INT_MEM: {slots:,} of {kernel.machine.int_sram_depth:,} entries"]
    lines += ["", f"HBM: {kernel.layout.hbm_bytes:,} of {kernel.machine.hbm_size:,} bytes"]
    for region in kernel.layout.regions:
        place = f"{region.base:#x}..{region.stop:#x}"
        lines.append(f"  {place:>20}  {region.role:<9} {region.name:<16} {region.bytes:,} bytes")
    return "\n".join(lines[1:]) + "\n"

"""Where a run's time went: cycles, instructions and HBM bytes of each source operation."""

from __future__ import annotations

from dataclasses import dataclass

from ..program.source_map import Source, SourceMap
from ..simulator.simulator import Result


@dataclass(slots=True)
class Entry:
    """One operation's share. `instructions` were executed, `static` are in the program."""

    source: Source
    cycles: int = 0
    instructions: int = 0
    hbm_bytes: int = 0
    static: int = 0


def profile(sources: SourceMap, result: Result) -> list[Entry]:
    """The entries of a finished run, most cycles first; equal ones in program order."""
    entries: dict[Source, Entry] = {}
    columns = (result.pc_cycles, result.pc_counts, result.pc_hbm_bytes)
    for pc, (cycles, count, hbm_bytes) in enumerate(zip(*columns, strict=True)):
        source = sources.at(pc)
        entry = entries.setdefault(source, Entry(source))
        entry.cycles += int(cycles)
        entry.instructions += int(count)
        entry.hbm_bytes += int(hbm_bytes)
        entry.static += 1
    return sorted(entries.values(), key=lambda entry: -entry.cycles)


def table(entries: list[Entry]) -> str:
    """The entries as text, a line each, with a line of sums; columns are as wide as they must be.

    HBM bytes are granules of 64 read and written, as everywhere.
    """
    total = Entry(Source("total"))
    for entry in entries:
        total.cycles += entry.cycles
        total.instructions += entry.instructions
        total.hbm_bytes += entry.hbm_bytes
        total.static += entry.static
    rows = [("cycles", "share", "executed", "HBM bytes", "static", "source operation")]
    for entry in (*entries, total):
        share = 100 * entry.cycles / total.cycles if total.cycles else 0.0
        rows.append(
            (
                f"{entry.cycles:,}",
                f"{share:.1f}%",
                f"{entry.instructions:,}",
                f"{entry.hbm_bytes:,}",
                f"{entry.static:,}",
                str(entry.source),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "".join(
        "  ".join((*(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)), row[5]))
        + "\n"
        for row in rows
    )

"""Where cycles go: by source operation and unit, in each cost table, of a simulated run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ...diagnostics import CompileError
from ...machine.cost.figures import UNITS
from ...machine.program.program import Program
from ...machine.spec.cost_tables import table_names

if TYPE_CHECKING:
    from ...compiler import Kernel
    from ...machine import Machine


@dataclass
class Share:
    """One source operation: cycles by table and unit, instructions in the program and executed."""

    op: str
    place: str
    cycles: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])
    static: int = 0
    executed: int = 0

    def of(self, table: str) -> int:
        """Cycles in a table."""
        return sum(self.cycles.get(table, {}).values())


@dataclass
class Cycles:
    """The shares of a run on zeros, most emulator cycles first; cycles of each pc by table."""

    shares: list[Share]
    by_pc: dict[str, list[int]]
    counts: list[int]

    def total(self, table: str) -> int:
        """All cycles in a table."""
        return sum(self.by_pc[table])

    def by_unit(self, table: str) -> dict[str, int]:
        """The cycles in a table by unit."""
        found = dict.fromkeys(map(str, UNITS), 0)
        for share in self.shares:
            for unit, cycles in share.cycles.get(table, {}).items():
                found[unit] += cycles
        return found


def cycles_of(kernel: Kernel) -> Cycles:
    """Run a kernel on zeros, with the largest lengths, in each table.

    Tables that lack one of its instructions are left out. Raises CompileError where it stops.
    """
    from ...machine import Trap

    zeros = kernel.defaults()
    words = [int(word) for word in kernel.words]
    decoded = Program(words, cast("Machine", kernel.machine)).decoded
    shares: dict[tuple[str, str], Share] = {}
    by_pc: dict[str, list[int]] = {}
    counts: list[int] = []
    for table in table_names():
        try:
            run = kernel.run(*zeros, table=table)
        except ValueError as error:
            if isinstance(error, CompileError):
                raise
            continue
        except Trap as error:
            raise CompileError(f"the kernel stops on zeros: {error}") from None
        by_pc[table] = [int(each) for each in run.pc_cycles]
        first, counts = not counts, [int(each) for each in run.pc_counts]
        for pc, (item, cycles) in enumerate(zip(decoded, by_pc[table], strict=True)):
            source = kernel.sources.at(pc)
            share = shares.setdefault(
                (source.op, source.location), Share(source.op, source.location)
            )
            if first:
                share.static += 1
                share.executed += counts[pc]
            if item is not None:
                units = share.cycles.setdefault(table, {})
                unit = str(item.instruction.unit)
                units[unit] = units.get(unit, 0) + cycles
    main = next(iter(by_pc), "")
    ordered = sorted(shares.values(), key=lambda each: -each.of(main))
    return Cycles(ordered, by_pc, counts)


def profile_text(kernel: Kernel, found: Cycles) -> str:
    """The cycles as text: by unit beside the least, then by source operation."""
    bounds = kernel.bounds
    tables = list(found.by_pc)
    rows: list[Sequence[str]] = [("", *tables)]
    for unit in UNITS:
        rows.append((str(unit), *(f"{found.by_unit(table)[str(unit)]:,}" for table in tables)))
    rows.append(("all", *(f"{found.total(table):,}" for table in tables)))
    if bounds is not None:
        rows.append(("least", *(f"{bounds.total.of(table):,}" for table in tables)))
    rows.append([])
    rows.append(("source operation", *tables, "executed", "static"))
    for share in found.shares:
        cells = (
            f"{share.of(table):,} {100 * share.of(table) / max(1, found.total(table)):5.1f}%"
            for table in tables
        )
        name = f"{share.op} at {share.place}" if share.place else share.op
        rows.append((name, *cells, f"{share.executed:,}", f"{share.static:,}"))
    widths = [
        max((len(row[column]) for row in rows if len(row) > column), default=0)
        for column in range(len(tables) + 3)
    ]
    lines: list[str] = []
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([f"{row[0]:<{widths[0]}}", *cells]).rstrip() if row else "")
    return "\n".join(lines) + "\n"

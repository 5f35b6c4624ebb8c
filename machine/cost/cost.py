"""What a program costs, counted from its words without running it.

Loop counts are static, or follow from lengths in INT_MEM, so every instruction's executions are
known. Compute cycles in all tables
and HBM bytes are those that the simulator counts; so is the time of HBM transfers in short
programs, in long ones it is estimated from samples (`hbm_time.py`). Where a table has loads run
beside other work, what waits for them is replayed (`loads_beside.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..host.layout import Layout
from ..program.loop_nest import Structure, structure_of
from ..program.program import Program
from ..program.run_time_counts import NotCounted, structure_with
from ..spec.cost_tables import CostTable, device_of, tables
from ..spec.isa import Unit
from ..spec.params import HBM_LINE, HbmDevice, Machine
from .figures import UNITS, Breakdown, Figures
from .hbm_time import LINES, Executions, TransferTime, line_counts, transfer_cycles
from .loads_beside import ExactMemory, MeanMemory, folded, mean_times, replayed
from .transfer_plan import NotLinear, Transfer, plan_transfers
from .transfer_replay import NotReplayed, replay

MOVED = ("query", "output")
"""Kinds of regions whose transfers published figures leave out: loading Q and storing O."""


BESIDE_ERROR = 0.05
"""Part by which the waits of an estimate may be off beside the times of transfers: means stand for
single ones, and loads that share the memory do not slow each other."""


class CostError(ValueError):
    """A program without a static cost, because the machine would stop or go other ways."""


@dataclass(frozen=True, repr=False)
class Cost(Breakdown, Mapping[str, Any]):
    """The figures of a program, in all, by unit and for moving Q and O.

    Also a mapping: `cost["emulator_cycles"]`, `dict(cost)`. The keys are those of `Figures` for the
    whole program, `instructions` (executed), `hbm_cycles` (of the emulator's), `hbm_exact` (whether
    all transfers were timed), `hbm_error` (by which part `hbm_cycles` may be off), `hbm_errors`
    (the same for the transfers of each table), and three with dictionaries of figures: `by_unit`,
    `moving_q_and_o` and `without_q_and_o`.
    """

    instructions: int
    hbm_exact: bool
    hbm_error: float
    hbm_errors: Mapping[str, float]

    def __repr__(self) -> str:
        known = self.total.cycles.items()
        cycles = ", ".join(f"{name} {each:,}" for name, each in known if each is not None)
        return (
            f"<fa.Cost cycles: {cycles}; HBM bytes: {self.hbm_bytes_read:,} read, "
            f"{self.hbm_bytes_written:,} written>"
        )

    def _repr_html_(self) -> str:
        """Cycles by unit in all tables, as a notebook shows them."""
        from ..debug.html_table import html_table

        names = list(self.total.cycles)
        parts = [*self.unit.items(), ("all", self.total)]
        rows = [
            (unit, *("-" if (n := each.cycles.get(t, 0)) is None else f"{n:,}" for t in names))
            for unit, each in parts
        ]
        return html_table("cycles", ("unit", *names), rows)

    @property
    def emulator_cycles(self) -> int:
        """Cycles in the emulator's table, HBM time included."""
        return self.total.emulator_cycles

    @property
    def analytic_cycles(self) -> int:
        """Cycles in the pipelined table."""
        return self.total.analytic_cycles

    @property
    def rtl_cycles(self) -> int:
        """Cycles in the table that was measured on RTL, waits for loads included; ValueError where
        the program has an instruction that its machine lacks."""
        return self.total.rtl_cycles

    @property
    def hbm_bytes_read(self) -> int:
        """Bytes read from HBM, whole lines."""
        return self.total.hbm_bytes_read

    @property
    def hbm_bytes_written(self) -> int:
        """Bytes written to HBM, whole lines."""
        return self.total.hbm_bytes_written

    @property
    def hbm_cycles(self) -> int:
        """The part of the emulator's cycles that is spent in HBM transfers."""
        return self.unit["hbm"].emulator_cycles

    def to_json(self) -> dict[str, Any]:
        """What the mapping holds."""
        return {
            **self.total.to_json(),
            "instructions": self.instructions,
            "hbm_cycles": self.hbm_cycles,
            "hbm_exact": self.hbm_exact,
            "hbm_error": round(self.hbm_error, 4),
            "hbm_errors": {table: round(error, 4) for table, error in self.hbm_errors.items()},
            **self.parts_to_json(),
        }

    def __getitem__(self, key: str) -> Any:
        return self.to_json()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_json())

    def __len__(self) -> int:
        return len(self.to_json())


def program_cost(
    words: Iterable[int],
    machine: Machine,
    layout: Layout | None = None,
    lines: int | None = LINES,
    lengths: Mapping[int, Sequence[int]] | None = None,
) -> Cost:
    """The cost of a program on a machine.

    `layout` says which transfers move Q and O, and what INT_MEM holds: `lengths` by argument, the
    largest where none are given. Programs whose transfers
    touch more than `lines` lines have the time of transfers estimated; None times all of them,
    however long that takes (some 15 us a line). Raises CostError.
    """
    words = list(words)
    program = Program(words, machine)
    int_mem = () if layout is None else layout.integers(lengths or {})
    structure = structure_of(program)
    if structure is None:
        try:
            structure = structure_with(program, int_mem)
        except NotCounted as error:
            raise CostError(str(error)) from None
    if structure is None:
        raise CostError(_no_structure(program))
    executions, counts = _transfers(program, structure, int_mem)
    exact = lines is None or sum(counts) <= lines
    count = _Count(program, structure, executions, counts, lines, exact, int_mem)
    transfers = executions.transfers
    traffic = [
        Figures({}, touched * HBM_LINE, touched * HBM_LINE if transfer.store else 0)
        for transfer, touched in zip(transfers, counts, strict=True)
    ]
    unit: dict[Unit, Figures] = {u: Figures() for u in UNITS}
    errors: dict[str, float] = {}
    for table in tables():
        if any(mnemonic in table.lacks for mnemonic in count.mnemonics):
            unit = {u: each + Figures({table.name: None}) for u, each in unit.items()}
            traffic = [each + Figures({table.name: None}) for each in traffic]
            continue
        by_unit, cycles, errors[table.name] = count.of(table)
        unit = {u: each + Figures({table.name: by_unit[u]}) for u, each in unit.items()}
        traffic = [
            each + Figures({table.name: round(took)})
            for each, took in zip(traffic, cycles, strict=True)
        ]
    unit["hbm"] = sum(traffic, unit["hbm"])
    moved = [] if layout is None else _moved(layout)
    return Cost(
        sum(unit.values(), Figures()),
        unit,
        sum((t for t, at in zip(traffic, transfers, strict=True) if _within(at, moved)), Figures()),
        sum(structure.counts),
        exact,
        errors["emulator"],
        errors,
    )


class _Count:
    """Cycles of a program in one table after another; what they share is found once."""

    def __init__(
        self,
        program: Program,
        structure: Structure,
        executions: Executions,
        counts: Sequence[int],
        lines: int | None,
        exact: bool,
        int_mem: Sequence[int],
    ) -> None:
        self.program = program
        self.structure = structure
        self.executions = executions
        self.counts = counts
        self.lines = lines
        self.exact = exact
        self.int_mem = int_mem
        self.mnemonics = {d.instruction.mnemonic for d in program.decoded if d is not None}
        # Times of transfers alone, by memory.
        self._times: dict[HbmDevice, TransferTime] = {}

    def of(self, table: CostTable) -> tuple[dict[Unit, int], list[float], float]:
        """Cycles by unit but for transfers, those of each transfer instruction in all of its
        executions, and by which part the cycles of all transfers may be off."""
        program = self.program
        if table != program.table:
            program = Program(program.words, program.machine, table)
        by_unit: dict[Unit, int] = dict.fromkeys(UNITS, 0)
        rows = zip(program.decoded, program.cycles, self.structure.counts, strict=True)
        for item, cycles, count in rows:
            if item is not None and item.instruction.unit != "hbm":
                by_unit[item.instruction.unit] += count * cycles
        transfers = self.executions.transfers
        if not table.is_timed:
            charged = [float(each.executed * program.cycles[each.pc]) for each in transfers]
            return by_unit, charged, 0.0
        device = device_of(table, program.machine)
        if table.overlaps:
            return by_unit, *self._beside(program, device)
        executions = self.executions
        if program.cycles != self.program.cycles:
            executions, _ = _transfers(program, self.structure, self.int_mem)
        time = transfer_cycles(executions, self.counts, self.lines, device)
        if executions is self.executions:
            self._times[device] = time
        return by_unit, time.cycles, time.error

    def _beside(self, program: Program, device: HbmDevice) -> tuple[list[float], float]:
        """Cycles of each transfer instruction where loads run beside other work, waits included."""
        parts = folded(program, self.structure)
        transfers = self.executions.transfers
        if self.exact:
            found, error = replayed(program, parts, ExactMemory(self.executions, device)), 0.0
        else:
            if device not in self._times:
                self._times[device] = transfer_cycles(
                    self.executions, self.counts, self.lines, device
                )
            time = self._times[device]
            memory = MeanMemory(mean_times(transfers, time.cycles))
            found, error = replayed(program, parts, memory, False), time.error + BESIDE_ERROR
        # A transfer instruction that a replay of integers met has an entry for each execution.
        executed: dict[int, int] = {}
        for each in transfers:
            executed[each.pc] = executed.get(each.pc, 0) + each.executed
        return [
            found.cost.get(each.pc, 0.0) * each.executed / max(1, executed[each.pc])
            for each in transfers
        ], error


def _transfers(
    program: Program, structure: Structure, int_mem: Sequence[int]
) -> tuple[Executions, list[int]]:
    """The transfers of a program and the lines that each touches."""
    try:
        plan = plan_transfers(program, structure, int_mem)
        return plan, line_counts(plan.transfers)
    except NotLinear:
        pass
    try:
        executed = replay(program, structure, int_mem)
        return executed, line_counts(executed.transfers)
    except (NotLinear, NotReplayed) as error:
        raise CostError(str(error)) from None


def _no_structure(program: Program) -> str:
    """Why a program has no static structure."""
    for pc, item in enumerate(program.decoded):
        if item is None or item.instruction.status != "implemented":
            return f"pc {pc}: {program.text(pc)}: the machine stops here"
        if item.instruction.mnemonic == "C_BREAK":
            return f"pc {pc}: a program with C_BREAK has no static cost"
    return (
        "loops that do not nest, write their own counters or execute more than "
        f"MAX_LOOP_INSTRUCTIONS = {program.machine.max_loop_instructions} instructions in an "
        "iteration have no static cost"
    )


def _moved(layout: Layout) -> list[range]:
    """The byte addresses of query and output regions."""
    return [range(each.base, each.stop) for each in layout.regions if each.kind in MOVED]


def _within(transfer: Transfer, places: Sequence[range]) -> bool:
    """Whether a transfer to or from vector SRAM begins in one of these places, where it first
    runs."""
    if not places or not transfer.executed or transfer.matrix:
        return False
    first = transfer.first_address
    return any(first in place for place in places)

"""What a program costs, counted from its words without running it.

Loop counts are static, so every instruction's executions are known. Compute cycles in both tables
and HBM bytes are those that the simulator counts; so is the time of HBM transfers in short
programs, in long ones it is estimated from samples (`hbm_time.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..host.layout import Layout
from ..program.loop_nest import Structure, structure_of
from ..program.program import Program
from ..spec.isa import Unit
from ..spec.params import HBM_LINE, Machine
from .figures import UNITS, Breakdown, Figures
from .hbm_time import LINES, Executions, line_counts, transfer_cycles
from .transfer_plan import NotLinear, Transfer, plan_transfers
from .transfer_replay import NotReplayed, replay

MOVED = ("query", "output")
"""Kinds of regions whose transfers published figures leave out: loading Q and storing O."""


class CostError(ValueError):
    """A program without a static cost, because the machine would stop or go other ways."""


@dataclass(frozen=True)
class Cost(Breakdown, Mapping[str, Any]):
    """The figures of a program, in all, by unit and for moving Q and O.

    Also a mapping: `cost["emulator_cycles"]`, `dict(cost)`. The keys are those of `Figures` for the
    whole program, `instructions` (executed), `hbm_cycles` (of the emulator's), `hbm_exact` (whether
    all transfers were timed), `hbm_error` (by which part `hbm_cycles` may be off), and three with
    dictionaries of figures: `by_unit`, `moving_q_and_o` and `without_q_and_o`.
    """

    instructions: int
    hbm_exact: bool
    hbm_error: float

    @property
    def emulator_cycles(self) -> int:
        """Cycles in the emulator's table, HBM time included."""
        return self.total.emulator_cycles

    @property
    def analytic_cycles(self) -> int:
        """Cycles in the pipelined table."""
        return self.total.analytic_cycles

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
) -> Cost:
    """The cost of a program on a machine.

    `layout` says which transfers move Q and O, and what INT_MEM holds. Programs whose transfers
    touch more than `lines` lines have the time of transfers estimated; None times all of them,
    however long that takes (some 15 us a line). Raises CostError.
    """
    program = Program(words, machine)
    structure = structure_of(program)
    if structure is None:
        raise CostError(_no_structure(program))
    int_mem = () if layout is None else layout.int_mem
    executions, counts = _transfers(program, structure, int_mem)
    time = transfer_cycles(executions, counts, lines)

    parameters = machine.cycle_parameters
    pipelined = {
        item.instruction.mnemonic: item.instruction.analytic.evaluate(parameters)
        for item in program.decoded
        if item is not None
    }
    emulator: dict[Unit, int] = dict.fromkeys(UNITS, 0)
    analytic: dict[Unit, int] = dict.fromkeys(UNITS, 0)
    for item, cycles, count in zip(program.decoded, program.cycles, structure.counts, strict=True):
        if item is not None:
            emulator[item.instruction.unit] += count * cycles
            analytic[item.instruction.unit] += count * pipelined[item.instruction.mnemonic]
    transfers = executions.transfers
    traffic = [
        Figures(
            round(cycles),
            transfer.executed,
            lines_touched * HBM_LINE,
            lines_touched * HBM_LINE if transfer.store else 0,
        )
        for transfer, lines_touched, cycles in zip(transfers, counts, time.cycles, strict=True)
    ]
    unit: dict[Unit, Figures] = {u: Figures(emulator[u], analytic[u]) for u in UNITS}
    unit["hbm"] = sum(traffic, Figures())
    moved = [] if layout is None else _moved(layout)
    return Cost(
        sum(unit.values(), Figures()),
        unit,
        sum((t for t, at in zip(traffic, transfers, strict=True) if _within(at, moved)), Figures()),
        sum(structure.counts),
        lines is None or sum(counts) <= lines,
        time.error,
    )


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

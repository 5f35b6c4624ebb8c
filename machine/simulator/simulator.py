"""The instruction simulator: `Simulator` holds a machine's state and runs programs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..hbm.transfer_timer import HbmTime, TransferUnit
from ..program.program import Program
from ..spec.params import Machine
from .engine import execute
from .interpreter import Interpreter
from .state import State

Engine: TypeAlias = Literal["fast", "plain"]
Progress: TypeAlias = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Result:
    """What a run took.

    `cycles` is all of it, `hbm_cycles` the part spent in HBM transfers, `compute_cycles` the rest.
    `per_opcode` maps a mnemonic to its `count`, `cycles` and `hbm_bytes` (read and written, in
    granules of 64). `pc_counts`, `pc_cycles` and `pc_hbm_bytes` are int64 arrays over the program.
    """

    cycles: int
    compute_cycles: int
    hbm_cycles: int
    instructions: int
    hbm_bytes_read: int
    hbm_bytes_written: int
    per_opcode: dict[str, dict[str, int]]
    pc_counts: NDArray[np.int64]
    pc_cycles: NDArray[np.int64]
    pc_hbm_bytes: NDArray[np.int64]


class Simulator(State):
    """A machine whose state is there to read and to write as arrays (see `State`)."""

    def __init__(self, m: Machine) -> None:
        super().__init__(m)

    def run(
        self,
        words: Iterable[int],
        hbm_time: HbmTime = "exact",
        progress: Progress | None = None,
        engine: Engine = "fast",
    ) -> Result:
        """Run a program from pc 0 on the state as it stands; memory timing starts cold.

        `hbm_time` "exact" models the memory device, "none" lets transfers take no time. `progress`
        is called now and then with the executed and the total number of instructions (None where
        the total is not known). `engine` "plain" is the slow interpreter. Raises Trap where the
        machine would stop; the state is then unspecified.
        """
        program = Program(words, self.machine)
        unit = TransferUnit(len(program.words), hbm_time)
        if engine == "fast":
            return _result(program, unit, execute(program, self, unit, progress))
        interpreter = Interpreter(program, self, unit)
        interpreter.run(progress)
        return _result(program, unit, interpreter.counts)


def _result(program: Program, unit: TransferUnit, counts: list[int]) -> Result:
    """Totals of a finished run."""
    pc_counts = np.array(counts, np.int64)
    hbm = np.array(unit.cycles, np.int64)
    read = np.array(unit.bytes_read, np.int64)
    written = np.array(unit.bytes_written, np.int64)
    pc_cycles = pc_counts * np.array(program.cycles, np.int64) + hbm
    per_opcode: dict[str, dict[str, int]] = {}
    for pc in np.flatnonzero(pc_counts):
        decoded = program.decoded[pc]
        if decoded is None:
            continue
        row = per_opcode.setdefault(
            decoded.instruction.mnemonic, {"count": 0, "cycles": 0, "hbm_bytes": 0}
        )
        row["count"] += int(pc_counts[pc])
        row["cycles"] += int(pc_cycles[pc])
        row["hbm_bytes"] += int(read[pc] + written[pc])
    cycles, hbm_cycles = int(pc_cycles.sum()), int(hbm.sum())
    return Result(
        cycles,
        cycles - hbm_cycles,
        hbm_cycles,
        int(pc_counts.sum()),
        int(read.sum()),
        int(written.sum()),
        dict(sorted(per_opcode.items())),
        pc_counts,
        pc_cycles,
        read + written,
    )

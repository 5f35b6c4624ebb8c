"""The instruction simulator: `Simulator` holds a machine's state and runs programs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..hbm.transfer_timer import HbmTime, TransferUnit
from ..spec.cost_tables import table_named
from ..spec.isa import INSTRUCTIONS
from ..spec.params import Machine
from .engine import execute
from .engines import Engine, engine_for
from .interpreter import Interpreter
from .prepared import Prepared, prepared
from .state import State

Progress: TypeAlias = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Result:
    """What a run took.

    `cycles` is all of it, `hbm_cycles` the part spent in HBM transfers, `compute_cycles` the rest.
    `per_opcode` maps a mnemonic to its `count`, `cycles` and `hbm_bytes` (read and written, in
    granules of 64). `pc_counts`, `pc_cycles` and `pc_hbm_bytes` are int64 arrays over the program.
    `engine` is what ran it: "native", "numpy" or "plain", `table` whose cycles these are. In a
    table whose loads run beside other work `hbm_cycles` are those that something waited for them,
    and `pc_cycles` lack those that the end of the program did.
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
    engine: str
    table: str = "emulator"


class Simulator(State):
    """A machine whose state is there to read and to write as arrays (see `State`)."""

    def __init__(self, m: Machine) -> None:
        super().__init__(m)

    def run(
        self,
        words: Iterable[int],
        hbm_time: HbmTime = "exact",
        progress: Progress | None = None,
        engine: Engine = "auto",
        table: str = "emulator",
        blocking: bool = False,
    ) -> Result:
        """Run a program from pc 0 on the state as it stands; memory timing starts cold.

        `hbm_time` "exact" models the memory device, "none" lets transfers take no time. `progress`
        is called now and then with the executed and the total number of instructions (None where
        the total is not known). `engine` is "native" (C), "numpy" (always there), "plain" (the slow
        interpreter), or "auto", the fastest there is; all give the same. A native run releases the
        GIL. `table` names the cost table (or the file of one) that times are taken from; with
        `blocking` each prefetch is waited for, where the table has them run beside other work.
        Raises Trap where the machine would stop, and the state is then unspecified; ValueError for
        an engine or a table that there is not.
        """
        costs = table_named(table)
        program = prepared(words, self.machine, costs.blocking() if blocking else costs)
        name = engine_for(engine, program, hbm_time)
        if name == "native":
            return self._run_native(program, hbm_time, progress)
        unit = TransferUnit(len(program.words), hbm_time, program.table, self.machine)
        if name == "numpy":
            counts = execute(program, self, unit, progress)
        else:
            interpreter = Interpreter(program, self, unit)
            interpreter.run(progress)
            counts = interpreter.counts
        traffic = unit.bytes_read, unit.bytes_written
        return _result(program, name, counts, unit.cycles, *traffic, unit.tail)

    def _run_native(
        self, program: Prepared, hbm_time: HbmTime, progress: Progress | None
    ) -> Result:
        from .native.session import Session

        program.check_load()
        run = Session(program, self, hbm_time)
        if progress is None:
            run.run()
        else:
            total = None if program.structure is None else sum(program.structure.counts)
            run.run(lambda executed: progress(executed, total))
            progress(run.executed, total)
        traffic = run.bytes_read, run.bytes_written
        return _result(program, "native", run.counts, run.hbm_cycles, *traffic, run.tail)


def _result(
    program: Prepared,
    engine: str,
    counts: ArrayLike,
    hbm_cycles: ArrayLike,
    bytes_read: ArrayLike,
    bytes_written: ArrayLike,
    tail: int = 0,
) -> Result:
    """Totals of a finished run, from its figures by pc and the cycles after its last one."""
    pc_counts = np.asarray(counts, np.int64)
    hbm = np.asarray(hbm_cycles, np.int64)
    read, written = np.asarray(bytes_read, np.int64), np.asarray(bytes_written, np.int64)
    pc_cycles = pc_counts * program.cycle_array + hbm
    moved = read + written
    per_opcode: dict[str, dict[str, int]] = {}
    sums = [np.zeros(len(INSTRUCTIONS) + 1, np.int64) for _ in range(3)]
    for total, by_pc in zip(sums, (pc_counts, pc_cycles, moved), strict=True):
        np.add.at(total, program.rows, by_pc)
    for row in np.flatnonzero(sums[0][:-1]).tolist():
        count, cycles, hbm_bytes = (int(total[row]) for total in sums)
        per_opcode[INSTRUCTIONS[row].mnemonic] = {
            "count": count,
            "cycles": cycles,
            "hbm_bytes": hbm_bytes,
        }
    hbm_total = int(hbm.sum()) + tail
    cycles = int(pc_cycles.sum()) + tail
    return Result(
        cycles,
        cycles - hbm_total,
        hbm_total,
        int(pc_counts.sum()),
        int(read.sum()),
        int(written.sum()),
        dict(sorted(per_opcode.items())),
        pc_counts,
        pc_cycles,
        moved,
        engine,
        program.table.name,
    )

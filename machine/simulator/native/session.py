"""A run in the native engine, in slices between which Python gets its turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from ...hbm.transfer_timer import HbmTime, TransferUnit, check_hbm_time
from ...numerics.bf16 import EXP_LIMIT
from ...spec.cost_tables import device_of
from ..interpreter import STUCK_ITERATIONS, Interpreter, Loop
from ..prepared import Prepared
from ..state import BMM_SCALE, State
from .layout import (
    BUFFERS,
    COUNTERS,
    FORMATS,
    OP_STOP,
    POINTERS,
    RUN_ENDED,
    RUN_LEFT,
    RUN_NO_MEMORY,
    RUN_STOPPED,
    TABLES,
    EngineLayout,
)
from .library import library
from .tables import format_tables, function_tables

SLICE = 1_000_000
"""About how many instructions run between two looks at signals: some 50 ms."""

_MASK64 = (1 << 64) - 1


class Session:
    """One run of a program on a state.

    `counts`, `hbm_cycles`, `bytes_read` and `bytes_written` are int64 arrays by pc. `until` is a pc
    before which the run stops when it first gets there. `variant` names a set of vector
    instructions for tests; the best there is otherwise. `tail` are the cycles that the end waited
    for loads. Raises Unavailable.
    """

    def __init__(
        self,
        program: Prepared,
        state: State,
        hbm_time: HbmTime,
        until: int | None = None,
        variant: Literal["base", "avx2", "avx512"] | None = None,
    ) -> None:
        check_hbm_time(hbm_time)
        self._functions = library().functions
        self._variant = None if variant is None else variant.encode()
        self._program = program
        self._state = state
        self._interpreter: Interpreter | None = None
        records = program.records
        if until is not None:
            records = records.copy()
            records["op"][until] = OP_STOP
        self._records = records
        length = len(program.words)
        self.counts, self.hbm_cycles, self.bytes_read, self.bytes_written = np.zeros(
            (len(COUNTERS), length), np.int64
        )
        machine = state.machine
        widest = max(machine.vlen, machine.mlen)
        self._buffers = (
            np.empty(state.matrix.shape, np.float32),
            np.zeros(machine.matrix_tiles, np.uint8),
            np.empty(widest, np.float32),
            np.empty(machine.vlen, np.uint32),
        )
        self._engine = self._layout()
        table = program.table
        if hbm_time == "exact" and table.is_timed:
            device = device_of(table, machine)
            open_dram = self._functions.fa_open_dram
            if not open_dram(self._engine, device.channels, device.column_gap):
                raise MemoryError
            self._engine.overlaps = table.overlaps
        self.tail = 0
        self.open: list[Loop] = []
        """The loops that were open when the run ended or stopped, outermost first."""

    def _layout(self) -> EngineLayout:
        state, machine = self._state, self._state.machine
        engine = EngineLayout(
            mlen=machine.mlen,
            vlen=machine.vlen,
            blen=machine.blen,
            hlen=machine.hlen,
            broadcast=machine.broadcast,
            rows=machine.vector_sram_rows,
            tiles=machine.matrix_tiles,
            hbm_size=state.hbm.size,
            fp_entries=state.fp32.size,
            int_entries=state.int.size,
            prefetch_m=machine.prefetch_m,
            prefetch_v=machine.prefetch_v,
            writeback_v=machine.writeback_v,
            loop_limit=min(machine.max_loop_instructions, _MASK64),
            stuck_limit=STUCK_ITERATIONS,
            bmm_scale=float(BMM_SCALE),
            exp_limit=EXP_LIMIT,
            scale=state.scale & _MASK64,
            stride=state.stride & _MASK64,
            mask=state.mask & _MASK64,
            records=self._records.ctypes.data,
            length=len(self._program.words),
        )
        memories = (
            *(state.vector32, state.fp32, state.matrix, state.int, state.hbm),
            *(state.m_accum, state.hm_accum, state.v_accum, state.hv_accum),
            *(state.gp, state.f32, state.a),
        )
        counters = (self.counts, self.hbm_cycles, self.bytes_read, self.bytes_written)
        for names, arrays in (
            (POINTERS, memories),
            (BUFFERS, self._buffers),
            (TABLES, function_tables()),
            (COUNTERS, counters),
        ):
            for name, array in zip(names, arrays, strict=True):
                setattr(engine, name, array.ctypes.data)
        used = self._program.mnemonics
        if used & {"H_PREFETCH_M", "H_PREFETCH_V", "H_STORE_V"}:
            for index, name in enumerate(FORMATS):
                stores = "H_STORE_V" in used and name.startswith("vector")
                engine.formats[index] = format_tables(getattr(machine, name), stores).layout
        return engine

    @property
    def pc(self) -> int:
        """Where the machine is."""
        return self._engine.pc

    @property
    def executed(self) -> int:
        """How many instructions have been executed."""
        return self._engine.executed

    @property
    def cycles(self) -> int:
        """Cycles so far, those of transfers included."""
        return self._engine.cycles

    def _loops(self) -> list[Loop]:
        """The open loops, outermost first."""
        engine = self._engine
        return [
            Loop(each.start, each.reg, each.since, each.lowest, each.stuck)
            for each in (engine.loops[index] for index in range(engine.depth))
        ]

    def run(self, report: Callable[[int], None] | None = None) -> bool:
        """Run to the end, or to the stop: whether it was the end. Raises Trap.

        `report` is called now and then with how many instructions have been executed.
        """
        engine, run = self._engine, self._functions.fa_run
        try:
            while True:
                status = run(engine, SLICE, self._variant)
                self._write_back()
                if status == RUN_ENDED:
                    self.tail = self._functions.fa_finish(engine)
                if status in (RUN_ENDED, RUN_STOPPED):
                    return status == RUN_ENDED
                if status == RUN_NO_MEMORY:
                    raise MemoryError
                if status == RUN_LEFT:
                    self._interpret()
                elif report is not None:
                    report(engine.executed)
        finally:
            self.open = self._loops()
            self._functions.fa_close(engine)

    def _write_back(self) -> None:
        engine, state = self._engine, self._state
        state.scale, state.stride, state.mask = engine.scale, engine.stride, engine.mask

    def _interpret(self) -> None:
        """Let the interpreter execute one instruction, or say why that is not possible."""
        engine, program = self._engine, self._program
        if self._interpreter is None:
            unit = TransferUnit(len(program.words), "none")
            self._interpreter = Interpreter(program, self._state, unit)
        interpreter, pc = self._interpreter, int(engine.pc)
        interpreter.resume(pc, engine.executed, self._loops())
        with np.errstate(all="ignore"):
            interpreter.step()
        decoded = program.decoded[pc]
        assert decoded is not None
        ended = decoded.instruction.mnemonic == "C_BREAK" and program.table.break_ends
        if decoded.instruction.unit in ("hbm", "control") and not ended:
            # Time of transfers and loops are the engine's own.
            raise RuntimeError(f"pc {pc} was left to the interpreter for no reason")
        self.counts[pc] += 1
        self._buffers[1][:] = 0
        engine.cycles += program.cycles[pc]
        engine.executed += 1
        engine.pc = interpreter.pc

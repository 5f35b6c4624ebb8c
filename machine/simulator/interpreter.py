"""The plain interpreter: one instruction after another, each as its section of the ISA says.

Written to be read and checked, not to be fast. Tests run all engines on the same programs; the
others leave to this one what traps, and the numpy engine programs with unusual control flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..hbm.transfer_timer import FOR_MATRIX, FOR_VECTOR, TransferUnit
from ..hbm.transfers import Addresses, TransferError, addresses, prefetch, store
from ..numerics.bf16 import (
    EXP_LIMIT,
    F32,
    U16,
    bf16_to_f32,
    exp_f32,
    f32_to_bf16,
    greatest,
    reciprocal_f32,
    round_bf16,
    sqrt_f32,
)
from ..numerics.summation_order import sum_four_chains, sum_peeled_chains, sum_row, sum_sequential
from ..program.program import Program
from ..spec.encoding import Decoded
from ..spec.formats import HbmFormat
from ..spec.isa import TOPK_POLICIES
from ..spec.params import Machine
from .state import BMM_SCALE, State

_WRAP = 0xFFFF_FFFF

STUCK_ITERATIONS = 100_000
"""A loop that has gone round so often without its counter reaching a new low is taken to be
endless. Only a body that writes its counter does that; the machine would go on forever."""


class Refused(Exception):
    """The reason why the machine does not execute an instruction."""


@dataclass(slots=True)
class Loop:
    """A live loop: where it starts, its counter, and the executed count at its iteration.

    `lowest` is the least that the counter has been at the end, `stuck` the iterations since then.
    """

    start: int
    register: int
    since: int
    lowest: int = 1 << 32
    stuck: int = 0


def _drained(values: F32) -> U16:
    """Sums of an accumulator as bf16. Which of several NaNs a sum gives is the host's, and some
    would round to infinity; here a NaN stays one."""
    return f32_to_bf16(np.where(np.isnan(values), np.float32(np.nan), values))


class Interpreter:
    """Executes a program on a state. Counts executions of each instruction in `counts`."""

    def __init__(self, program: Program, state: State, unit: TransferUnit) -> None:
        self.program = program
        self.state = state
        self.machine: Machine = state.machine
        self.unit = unit
        self.counts = [0] * len(program.words)
        self.cycles = 0
        self.executed = 0
        self.pc = 0
        self._loops: list[Loop] = []
        self._waits = program.waits if unit.overlaps else None
        self._handlers: list[Callable[[Decoded], None] | None] = [
            None if d is None else getattr(self, "_" + d.instruction.mnemonic.lower(), None)
            for d in program.decoded
        ]

    def run(self, progress: Callable[[int, int | None], None] | None = None) -> None:
        """Execute from pc 0 until the pc runs past the last word. Raises Trap."""
        program = self.program
        program.check_load()
        with np.errstate(all="ignore"):
            while self.pc < len(program.words):
                self.step()
                if progress is not None and self.executed % 10_000 == 0:
                    progress(self.executed, None)
        self.cycles += self.unit.finished(self.cycles)

    def step(self) -> None:
        """Execute the instruction at the pc and count it. Raises Trap."""
        pc = self.pc
        self._watch(pc)
        self.execute(pc)
        self.executed += 1
        self.counts[pc] += 1
        self.cycles += self.program.cycles[pc]

    def resume(self, pc: int, executed: int, loops: Iterable[Loop]) -> None:
        """Stand before the instruction at `pc`, after `executed` others, in these loops."""
        self.pc = pc
        self.executed = executed
        self._loops = list(loops)

    def open_loops(self) -> list[tuple[int, int]]:
        """The pc of the C_LOOP_START and the register of each open loop, outermost first."""
        return [(loop.start, loop.register) for loop in self._loops]

    def execute(self, pc: int) -> None:
        """Do what the instruction at `pc` does, memory time included. Raises Trap."""
        decoded, handler = self.program.decoded[pc], self._handlers[pc]
        try:
            if decoded is None or decoded.instruction.status == "undefined":
                raise Refused("no such opcode")
            if handler is None:
                raise Refused("the machine always stops here")
            for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True):
                if operand.bank == "fp" and value >= 8:
                    raise Refused(f"there is no register f{value}")
            self.pc = pc + 1
            if self._waits is not None and (waits := self._waits[pc]):
                self.cycles += self.unit.waited(pc, waits, self.cycles)
            handler(decoded)
        except (Refused, TransferError) as error:
            raise self.program.trap(pc, str(error)) from error

    def _watch(self, pc: int) -> None:
        """The watchdog of section 4.8: instructions in one iteration of any live loop."""
        limit = self.machine.max_loop_instructions
        for loop in self._loops:
            if self.executed + 1 - loop.since > limit:
                raise self.program.trap(
                    pc,
                    f"more than MAX_LOOP_INSTRUCTIONS = {limit} instructions in one iteration of "
                    f"the loop at pc {loop.start}",
                )

    # Operands and rows

    def _gp(self, decoded: Decoded, name: str) -> int:
        return int(self.state.gp[decoded.value(name)])

    def _fp(self, decoded: Decoded, name: str) -> np.float32:
        return self.state.f32[decoded.value(name)]

    def _set_fp(self, register: int, value: np.float32) -> None:
        self.state.f32[register] = round_bf16(np.array([value], np.float32))[0]

    def _row(self, address: int) -> int:
        """The row at an element address of vector SRAM."""
        length, rows = self.machine.vlen, self.machine.vector_sram_rows
        if address % length:
            raise Refused(f"vector address {address} is not a multiple of VLEN = {length}")
        if address // length >= rows:
            raise Refused(f"vector address {address} is beyond the last row ({rows} rows)")
        return address // length

    def _read_row(self, address: int) -> F32:
        return bf16_to_f32(self.state.vector[self._row(address)])

    def _write_row(self, address: int, values: F32) -> None:
        self.state.vector[self._row(address)] = f32_to_bf16(values)

    def _lanes(self, decoded: Decoded) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which lanes a masked instruction works on."""
        machine = self.machine
        if decoded.value("rmask") == 0:
            return np.ones(machine.vlen, np.bool_)
        heads = [bool(self.state.mask >> h & 1) for h in range(machine.vlen // machine.hlen)]
        return np.repeat(heads, machine.hlen)

    def _write_masked(self, decoded: Decoded, result: F32, unselected: F32) -> None:
        row = np.where(self._lanes(decoded), result, unselected)
        self._write_row(self._gp(decoded, "dest"), row)

    # Matrix unit (section 4.2)

    def _tile(self, address: int) -> tuple[F32, int]:
        """The tile that an element address of matrix SRAM lies in, and the offset within."""
        machine = self.machine
        size = machine.mlen * machine.mlen
        if machine.vlen != machine.mlen:
            raise Refused("matrix instructions need VLEN = MLEN")
        tile, offset = divmod(address, size)
        if tile >= machine.matrix_tiles:
            raise Refused(
                f"matrix address {address} is beyond the last tile ({machine.matrix_tiles} tiles)"
            )
        return self.state.matrix[tile], offset

    def _block(self, address: int) -> tuple[F32, int]:
        """Tile and first column or row of a BLEN-wide block at a row-granular address."""
        tile, offset = self._tile(address)
        step = self.machine.mlen * self.machine.blen
        if offset % step:
            raise Refused(
                f"matrix address {address} is not a multiple of BLEN·MLEN = {step} in its tile"
            )
        return tile, offset // self.machine.mlen

    def _rows(self, address: int, count: int) -> F32:
        return np.stack([self._read_row(address + i * self.machine.mlen) for i in range(count)])

    def _m_mm(self, decoded: Decoded) -> None:
        machine, address = self.machine, self._gp(decoded, "matrix")
        column = address % (machine.mlen * machine.mlen)
        if self.program.table.column_offsets and 0 < column < machine.mlen:
            tile, first = self._tile(address)
            if first % machine.blen:
                raise Refused(f"matrix column {first} is not a multiple of BLEN = {machine.blen}")
        else:
            tile, first = self._block(address)
        x = self._rows(self._gp(decoded, "vector"), self.machine.blen)
        w = tile[:, first : first + self.machine.blen]
        self.state.m_accum += sum_sequential(x.T[:, :, None] * w[:, None, :])

    def _m_tmm(self, decoded: Decoded) -> None:
        tile, first = self._block(self._gp(decoded, "matrix"))
        x = self._rows(self._gp(decoded, "vector"), self.machine.blen)
        w = tile[first : first + self.machine.blen]
        self.state.m_accum += sum_four_chains(x.T[:, :, None] * w.T[:, None, :])

    def _batched(self, address: int) -> tuple[F32, int]:
        """Tile and head offset of the batched instructions: only tile base plus h·HLEN works."""
        machine = self.machine
        if machine.broadcast * machine.hlen != machine.mlen:
            raise Refused("batched instructions need BROADCAST_AMOUNT·HLEN = MLEN")
        tile, offset = self._tile(address)
        if offset >= machine.mlen or offset % machine.hlen:
            raise Refused(
                f"matrix address {address} is not a tile's first one plus a multiple of HLEN = "
                f"{machine.hlen} below MLEN = {machine.mlen}"
            )
        return tile, offset

    def _m_bmm(self, decoded: Decoded) -> None:
        machine = self.machine
        tile, offset = self._batched(self._gp(decoded, "matrix"))
        rows = self._rows(self._gp(decoded, "vector"), machine.mlen)
        k = tile[offset : offset + machine.hlen]
        for h in range(machine.broadcast):
            q = rows[:, h :: machine.broadcast]
            product = sum_sequential(q.T[:, :, None] * k[:, None, :])
            self.state.hm_accum[h] += product * BMM_SCALE

    def _m_btmm(self, decoded: Decoded) -> None:
        machine = self.machine
        tile, offset = self._batched(self._gp(decoded, "matrix"))
        rows = self._rows(self._gp(decoded, "vector"), machine.mlen)
        k = tile[:, offset : offset + machine.hlen]
        for h in range(machine.broadcast):
            q = rows[:, h * machine.hlen : (h + 1) * machine.hlen]
            product = sum_sequential(q.T[:, :, None] * k.T[:, None, :])
            self.state.hm_accum[h] += product * BMM_SCALE

    def _m_mv(self, decoded: Decoded) -> None:
        machine = self.machine
        address = self._gp(decoded, "matrix")
        tile, offset = self._tile(address)
        if offset >= machine.mlen or offset % machine.blen:
            raise Refused(
                f"matrix address {address} is not a tile's first one plus a multiple of BLEN = "
                f"{machine.blen} below MLEN = {machine.mlen}"
            )
        row = self._read_row(self._gp(decoded, "vector"))
        self.state.v_accum += sum_sequential(row[:, None] * tile[:, offset : offset + machine.blen])

    def _m_tmv(self, decoded: Decoded) -> None:
        address = self._gp(decoded, "matrix")
        tile, offset = self._tile(address)
        if offset:
            raise Refused(f"matrix address {address} is not a tile's first one")
        row = self._read_row(self._gp(decoded, "vector"))
        self.state.v_accum += sum_peeled_chains(row[:, None] * tile[: self.machine.blen].T)

    def _m_btmv(self, decoded: Decoded) -> None:
        machine = self.machine
        address = (self._gp(decoded, "matrix") + self._gp(decoded, "matrix_offset")) & _WRAP
        tile, offset = self._batched(address)
        row = self._read_row(self._gp(decoded, "vector"))
        k = tile[:, offset : offset + machine.hlen]
        for h in range(machine.broadcast):
            q = row[h * machine.hlen : (h + 1) * machine.hlen]
            self.state.hv_accum[h] += sum_peeled_chains(q[:, None] * k.T) * BMM_SCALE

    def _out_address(self, decoded: Decoded, granule: int) -> tuple[int, int]:
        """Row address and first column of a write-out."""
        machine = self.machine
        if machine.vlen != machine.mlen:
            raise Refused("matrix instructions need VLEN = MLEN")
        address = (self._gp(decoded, "dest") + decoded.value("offset")) & _WRAP
        column = address % machine.mlen
        if column % granule:
            raise Refused(f"vector address {address} is not a multiple of {granule} in its row")
        return address - column, column

    def _m_mm_wo(self, decoded: Decoded) -> None:
        machine, accumulator = self.machine, self.state.m_accum
        address, column = self._out_address(decoded, machine.blen)
        step = self._gp(decoded, "stride") if decoded.value("stride") else 1
        for i in range(machine.blen):
            row = self._row((address + i * machine.mlen * step) & _WRAP)
            self.state.vector[row, column : column + machine.blen] = _drained(accumulator[i])
        accumulator[:] = 0

    def _m_bmm_wo(self, decoded: Decoded) -> None:
        machine, accumulator = self.machine, self.state.hm_accum
        address, _ = self._out_address(decoded, machine.mlen)
        for i, values in enumerate(accumulator.reshape(-1, machine.mlen)):
            self.state.vector[self._row((address + i * machine.mlen) & _WRAP)] = _drained(values)
        accumulator[:] = 0

    def _m_mv_wo(self, decoded: Decoded) -> None:
        machine, accumulator = self.machine, self.state.v_accum
        address, column = self._out_address(decoded, machine.blen)
        row = self._row(address)
        self.state.vector[row, column : column + machine.blen] = _drained(accumulator)
        accumulator[:] = 0

    def _m_bmv_wo(self, decoded: Decoded) -> None:
        machine, accumulator = self.machine, self.state.hv_accum
        address, _ = self._out_address(decoded, machine.mlen)
        for h, values in enumerate(accumulator):
            self.state.vector[self._row((address + h * machine.mlen) & _WRAP)] = _drained(values)
        accumulator[:] = 0

    # Vector unit (sections 4.3, 4.4)

    def _vv(self, decoded: Decoded, operation: Callable[[F32, F32], F32]) -> None:
        lhs = self._read_row(self._gp(decoded, "lhs"))
        rhs = self._read_row(self._gp(decoded, "rhs"))
        self._write_masked(decoded, operation(lhs, rhs), lhs)

    def _v_add_vv(self, decoded: Decoded) -> None:
        self._vv(decoded, lambda x, y: x + y)

    def _v_sub_vv(self, decoded: Decoded) -> None:
        self._vv(decoded, lambda x, y: x - y)

    def _v_mul_vv(self, decoded: Decoded) -> None:
        self._vv(decoded, lambda x, y: x * y)

    def _vf(self, decoded: Decoded, operation: Callable[[F32, np.float32], F32]) -> None:
        src = self._read_row(self._gp(decoded, "src"))
        self._write_masked(decoded, operation(src, self._fp(decoded, "scalar")), src)

    def _v_add_vf(self, decoded: Decoded) -> None:
        self._vf(decoded, lambda x, f: x + f)

    def _v_sub_vf(self, decoded: Decoded) -> None:
        if decoded.value("order"):
            self._vf(decoded, lambda x, f: -(x - f))
        else:
            self._vf(decoded, lambda x, f: x - f)

    def _v_mul_vf(self, decoded: Decoded) -> None:
        self._vf(decoded, lambda x, f: x * f)

    def _v_max_vf(self, decoded: Decoded) -> None:
        self._vf(decoded, lambda x, f: np.where(np.isnan(f) | (x < f), f, x))

    def _v_min_vf(self, decoded: Decoded) -> None:
        self._vf(decoded, lambda x, f: np.where(np.isnan(f) | (x > f), f, x))

    def _v_exp_v(self, decoded: Decoded) -> None:
        src = self._read_row(self._gp(decoded, "src"))
        clamped = np.clip(src, np.float32(-EXP_LIMIT), np.float32(EXP_LIMIT))
        self._write_masked(decoded, exp_f32(src), clamped)

    def _v_reci_v(self, decoded: Decoded) -> None:
        src = self._read_row(self._gp(decoded, "src"))
        self._write_masked(decoded, reciprocal_f32(src), src)

    def _v_shft_v(self, decoded: Decoded) -> None:
        src = self._read_row(self._gp(decoded, "src"))
        amount = min(self._gp(decoded, "amount"), src.size)
        zeros = np.zeros(amount, np.float32)
        self._write_row(
            self._gp(decoded, "dest"), np.concatenate((zeros, src[: src.size - amount]))
        )

    def _v_red_sum(self, decoded: Decoded) -> None:
        register = decoded.value("total")
        if register == 0:
            return
        row = self._read_row(self._gp(decoded, "src"))
        if decoded.value("rmask"):
            # Each selected head becomes its own sum in all lanes; then the whole row is summed.
            lanes, hlen = self._lanes(decoded), self.machine.hlen
            for first in range(0, row.size, hlen):
                if lanes[first]:
                    row[first : first + hlen] = sum_row(row[first : first + hlen])
        self._set_fp(register, self.state.f32[register] + sum_row(row))

    def _v_red_max(self, decoded: Decoded) -> None:
        register = decoded.value("total")
        if register == 0:
            return
        largest = greatest(self._read_row(self._gp(decoded, "src")))
        running = self.state.f32[register]
        # A NaN on either side gives way to the other.
        if np.isnan(running) or largest >= running:
            running = running if np.isnan(largest) else largest
            self._set_fp(register, running)

    def _v_topk(self, decoded: Decoded) -> None:
        policy = decoded.value("policy")
        if policy not in TOPK_POLICIES:
            raise Refused(f"V_TOPK has no policy {policy}, only 0 and 1")
        length, kept = TOPK_POLICIES[policy]
        source = self._gp(decoded, "src")
        vlen = self.machine.vlen
        logits = np.concatenate(
            [self._read_row((source + at) & _WRAP) for at in range(0, length, vlen)]
        )[:length]
        logits = np.where(np.isnan(logits), np.float32(-np.inf), logits)
        ranked = sorted(range(length), key=lambda i: (-logits[i], np.signbit(logits[i]), i))[:kept]
        chosen = logits[ranked]
        powers = np.exp((chosen - chosen[0]).astype(np.float64)).astype(np.float32)
        total = sum_sequential(powers[:, None])[0]
        usable = np.isfinite(total) and total > 0
        weights = powers / total if usable else np.zeros(kept, np.float32)
        indices, out = self._gp(decoded, "indices"), self._gp(decoded, "weights")
        for i, (index, weight) in enumerate(zip(ranked, f32_to_bf16(weights), strict=True)):
            self.state.int[self._int_entry((indices + i) & _WRAP)] = index
            self.state.fp[self._fp_entry((out + i) & _WRAP)] = weight

    # Scalar unit (sections 4.5, 4.6)

    def _pair(
        self, decoded: Decoded, operation: Callable[[np.float32, np.float32], np.float32]
    ) -> None:
        register = decoded.value("dest")
        if register:
            lhs, rhs = self._fp(decoded, "lhs"), self._fp(decoded, "rhs")
            self._set_fp(register, operation(lhs, rhs))

    def _single(self, decoded: Decoded, operation: Callable[[F32], F32]) -> None:
        register = decoded.value("dest")
        if register:
            source = np.array([self._fp(decoded, "src")], np.float32)
            self._set_fp(register, operation(source)[0])

    def _s_add_fp(self, decoded: Decoded) -> None:
        self._pair(decoded, lambda x, y: x + y)

    def _s_sub_fp(self, decoded: Decoded) -> None:
        self._pair(decoded, lambda x, y: x - y)

    def _s_max_fp(self, decoded: Decoded) -> None:
        self._pair(decoded, lambda x, y: y if y > x else x)

    def _s_mul_fp(self, decoded: Decoded) -> None:
        self._pair(decoded, lambda x, y: x * y)

    def _s_exp_fp(self, decoded: Decoded) -> None:
        self._single(decoded, exp_f32)

    def _s_reci_fp(self, decoded: Decoded) -> None:
        self._single(decoded, reciprocal_f32)

    def _s_sqrt_fp(self, decoded: Decoded) -> None:
        self._single(decoded, sqrt_f32)

    def _fp_entry(self, index: int) -> int:
        if index >= self.state.fp.size:
            raise Refused(f"FP_MEM has {self.state.fp.size} entries, not entry {index}")
        return index

    def _int_entry(self, index: int) -> int:
        if index >= self.state.int.size:
            raise Refused(f"INT_MEM has {self.state.int.size} entries, not entry {index}")
        return index

    def _memory_index(self, decoded: Decoded) -> int:
        return (self._gp(decoded, "base") + decoded.value("offset")) & _WRAP

    def _s_ld_fp(self, decoded: Decoded) -> None:
        index = self._fp_entry(self._memory_index(decoded))
        self.state.f[decoded.value("dest")] = self.state.fp[index]

    def _s_st_fp(self, decoded: Decoded) -> None:
        index = self._fp_entry(self._memory_index(decoded))
        self.state.fp[index] = self.state.f[decoded.value("value")]

    def _s_map_v_fp(self, decoded: Decoded) -> None:
        start, vlen = self._memory_index(decoded), self.machine.vlen
        self._fp_entry(start + vlen - 1)
        self._write_row(self._gp(decoded, "dest"), bf16_to_f32(self.state.fp[start : start + vlen]))

    def _set_gp(self, decoded: Decoded, name: str, value: int) -> None:
        self.state.gp[decoded.value(name)] = value & _WRAP

    def _s_add_int(self, decoded: Decoded) -> None:
        self._set_gp(decoded, "dest", self._gp(decoded, "lhs") + self._gp(decoded, "rhs"))

    def _s_sub_int(self, decoded: Decoded) -> None:
        self._set_gp(decoded, "dest", self._gp(decoded, "lhs") - self._gp(decoded, "rhs"))

    def _s_mul_int(self, decoded: Decoded) -> None:
        self._set_gp(decoded, "dest", self._gp(decoded, "lhs") * self._gp(decoded, "rhs"))

    def _s_addi_int(self, decoded: Decoded) -> None:
        self._set_gp(decoded, "dest", self._gp(decoded, "src") + decoded.value("value"))

    def _s_lui_int(self, decoded: Decoded) -> None:
        self._set_gp(decoded, "dest", decoded.value("value") << 12)

    def _s_ld_int(self, decoded: Decoded) -> None:
        index = self._int_entry(self._memory_index(decoded))
        self._set_gp(decoded, "dest", int(self.state.int[index]))

    def _s_st_int(self, decoded: Decoded) -> None:
        index = self._int_entry(self._memory_index(decoded))
        self.state.int[index] = self.state.gp[decoded.value("value")]

    # HBM (section 4.7)

    def _h_prefetch_m(self, decoded: Decoded) -> None:
        machine, unit = self.machine, self.unit
        dest = self._gp(decoded, "dest")
        size = machine.mlen * machine.mlen
        tile, tiles = dest // size, machine.prefetch_m // machine.mlen
        if dest % size:
            raise Refused(f"matrix address {dest} is not a multiple of MLEN² = {size}")
        if tile + tiles > machine.matrix_tiles:
            raise Refused(
                f"{tiles} tiles from tile {tile} go beyond the last ({machine.matrix_tiles} tiles)"
            )
        form = machine.matrix_kv if decoded.value("precision") else machine.matrix_weight
        at = self._addresses(decoded, form, machine.prefetch_m, machine.mlen)
        values = prefetch(self.state.hbm, form, at, machine.mlen)
        self.state.matrix[tile : tile + tiles] = values.reshape(tiles, machine.mlen, machine.mlen)
        now = self.cycles
        self.cycles += unit.prefetched(self.pc - 1, form, at, machine.mlen, now, FOR_MATRIX)

    def _h_prefetch_v(self, decoded: Decoded) -> None:
        machine, unit = self.machine, self.unit
        row = self._row(self._gp(decoded, "dest"))
        form = machine.vector_kv if decoded.value("precision") else machine.vector_act
        at = self._addresses(decoded, form, machine.prefetch_v, machine.vlen)
        values = f32_to_bf16(prefetch(self.state.hbm, form, at, machine.vlen))
        # Rows past the end of the memory are dropped without a sign.
        kept = min(machine.prefetch_v, machine.vector_sram_rows - row)
        self.state.vector[row : row + kept] = values[:kept]
        now = self.cycles
        self.cycles += unit.prefetched(self.pc - 1, form, at, machine.vlen, now, FOR_VECTOR)

    def _h_store_v(self, decoded: Decoded) -> None:
        machine, unit = self.machine, self.unit
        src = self._gp(decoded, "src")
        rows = [self._row((src + r * machine.vlen) & _WRAP) for r in range(machine.writeback_v)]
        form = machine.vector_kv if decoded.value("precision") else machine.vector_act
        at = self._addresses(decoded, form, machine.writeback_v, machine.vlen)
        store(self.state.hbm, form, at, bf16_to_f32(self.state.vector[rows]))
        self.cycles += unit.stored(self.pc - 1, form, at, machine.vlen, self.cycles)

    def _addresses(self, decoded: Decoded, form: HbmFormat, rows: int, length: int) -> Addresses:
        state = self.state
        step = state.stride if decoded.value("rstride") == 1 else length
        base = int(state.a[decoded.value("base")])
        return addresses(form, base, self._gp(decoded, "offset"), state.scale, step, rows)

    # Control (section 4.8)

    def _c_set_addr_reg(self, decoded: Decoded) -> None:
        address = self._gp(decoded, "high") << 32 | self._gp(decoded, "low")
        self.state.a[decoded.value("dest")] = address

    def _c_set_scale_reg(self, decoded: Decoded) -> None:
        self.state.scale = self._gp(decoded, "src")

    def _c_set_stride_reg(self, decoded: Decoded) -> None:
        self.state.stride = self._gp(decoded, "src")

    def _c_set_v_mask_reg(self, decoded: Decoded) -> None:
        self.state.mask = self._gp(decoded, "src")

    def _c_loop_start(self, decoded: Decoded) -> None:
        if decoded.value("count") == 0:
            raise Refused("a loop cannot have a count of 0; the least is 1")
        self._set_gp(decoded, "counter", decoded.value("count"))
        self._loops.append(Loop(self.pc - 1, decoded.value("counter"), self.executed + 1))

    def _c_loop_end(self, decoded: Decoded) -> None:
        register = decoded.value("counter")
        for depth in range(len(self._loops) - 1, -1, -1):
            if self._loops[depth].register == register:
                break
        else:
            raise Refused(f"no loop with the counter gp{register} is open")
        counter = self._gp(decoded, "counter")
        if counter > 1:
            loop = self._loops[depth]
            if counter < loop.lowest:
                loop.lowest, loop.stuck = counter, 0
            elif loop.stuck == STUCK_ITERATIONS:
                raise Refused(
                    f"the loop at pc {loop.start} never ends: its body writes gp{register}, which "
                    f"has not gone down for {STUCK_ITERATIONS:,} iterations"
                )
            loop.stuck += 1
            self._set_gp(decoded, "counter", counter - 1)
            loop.since = self.executed + 1
            self.pc = loop.start + 1
        else:
            self._set_gp(decoded, "counter", 0)
            del self._loops[depth]

    def _c_break(self, decoded: Decoded) -> None:
        del decoded
        if not self._loops and self.program.table.break_ends:
            self.pc = len(self.program.words)
            return
        if not self._loops:
            raise Refused("no loop is open")
        self.state.gp[self._loops.pop().register] = 0

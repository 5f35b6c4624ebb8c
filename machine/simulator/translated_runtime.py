"""What translated programs call: numpy views of the memories, and the larger instructions.

Rounding to bf16 is the conversion of assignments to `B`, a bfloat16 view of vector SRAM; it differs
from section 4.1 only in NaN payloads. Sums keep the orders of `summation_order.py`: numpy reduces
the first axis of a C-contiguous array in order.
"""

from __future__ import annotations

from functools import cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ..hbm.transfer_timer import FOR_MATRIX, FOR_VECTOR, TransferUnit
from ..hbm.transfers import Addresses, TransferError, addresses, prefetch, store
from ..numerics.bf16 import F32, U16, exp_table, f32_to_bf16, greatest, reciprocal_table, sqrt_table
from ..numerics.summation_order import sum_four_chains, sum_peeled_chains, sum_row
from ..spec.formats import HbmFormat
from ..spec.params import Machine
from .interpreter import Interpreter
from .state import BMM_SCALE, State

_LANES = 8
_CHAINS = 4
_CASCADE_GROUPS = 16
_FEW_ROWS = 16
_MOST_EXPANDED = 1 << 16
"""Products of an instruction for which its operands are kept as often as they are multiplied."""

_HALF = np.uint32(16)
_ONE = np.uint32(1)
_BELOW_HALF = np.uint32(0x7FFF)
_UPPER = np.uint32(0xFFFF_0000)


@cache
def _vector_tables() -> tuple[U16, U16]:
    """Patterns of the exponential and the reciprocal of every bf16 pattern."""
    return f32_to_bf16(exp_table()), f32_to_bf16(reciprocal_table())


class Stopped(Exception):
    """The instruction at `pc` cannot be executed; the interpreter knows why."""

    def __init__(self, pc: int) -> None:
        super().__init__(pc)
        self.pc = pc


def stop(pc: int) -> None:
    """Leave the program at `pc`."""
    raise Stopped(pc)


class _HeadBuffers:
    """Room for the products of M_BTMV [d, head, column], added as `sum_peeled_chains` does.

    `order` are the elements of a row as [d, head]; `first` are the first four terms, and where the
    first and the other three stand, `start` and `zeros`; `steps` are the terms as [step, chain].
    """

    def __init__(self, machine: Machine) -> None:
        mlen, hlen, heads = machine.mlen, machine.hlen, machine.broadcast
        order = np.arange(mlen).reshape(heads, hlen).T.reshape(mlen, 1)
        self.order = np.ascontiguousarray(order)
        self.q: F32 = np.empty((mlen, 1), np.float32)
        self.products: F32 = np.empty((mlen, mlen), np.float32)
        terms = self.products.reshape(hlen, heads * mlen)
        self.first, self.start, self.zeros = terms[:_CHAINS], terms[0], terms[1:_CHAINS]
        self.peeled: F32 = np.empty(heads * mlen, np.float32)
        self.steps = terms.reshape(hlen // _CHAINS, _CHAINS, heads * mlen)
        self.chains: F32 = np.empty((_CHAINS, heads * mlen), np.float32)
        self.pairs: F32 = np.empty((2, heads * mlen), np.float32)
        self.total: F32 = np.empty((heads, mlen), np.float32)
        self.flat_total = self.total.reshape(heads * mlen)


class Kernels:
    """Bound to one state. Attribute names in capitals are memories, accumulators and tables."""

    def __init__(self, state: State, interpreter: Interpreter, unit: TransferUnit) -> None:
        self.state = state
        self.machine: Machine = state.machine
        self.interpreter = interpreter
        self.unit = unit
        self.waited = unit.waited
        machine = self.machine
        mlen, blen, broadcast = machine.mlen, machine.blen, machine.broadcast
        self.V: F32 = state.vector32
        self.U: U16 = state.vector
        self.B: NDArray[np.generic] = state.vector.view(ml_dtypes.bfloat16)
        self.T: F32 = np.empty(machine.vlen, np.float32)
        self.FP = state.fp32.data
        self.FPV: F32 = state.fp32
        self.INT = state.int.data
        self.MA: F32 = state.m_accum
        self.HA: F32 = state.hm_accum.reshape(broadcast * mlen, mlen)
        self.VA: F32 = state.v_accum
        self.HVA: F32 = state.hv_accum
        self.NAN = np.float32(np.nan)
        self.EXP16, self.RECI16 = _vector_tables()
        self.add = np.add
        self.subtract = np.subtract
        self.multiply = np.multiply
        self.negative = np.negative
        self.maximum = np.maximum.reduce
        self.where = np.where
        word = bytearray(4)
        self._word_float = memoryview(word).cast("f")
        self._word_bits = memoryview(word).cast("I")
        self._exp = exp_table().data
        self._reci = reciprocal_table().data
        self._sqrt = sqrt_table().data
        # M_MM and M_TMM multiply [k, row * BLEN + column]: rows of vector SRAM, each element BLEN
        # times, with columns of a tile or of its transposed copy, all of them BLEN times.
        self._flat_rows: F32 = self.V.reshape(-1)
        lanes = np.arange(mlen)[:, None, None] + mlen * np.arange(blen)[None, :, None]
        self._row_index = np.ascontiguousarray(np.broadcast_to(lanes, (mlen, blen, blen)))
        self._row_lanes: F32 = np.empty((mlen, blen, blen), np.float32)
        self._products: F32 = np.empty((mlen, blen, blen), np.float32)
        self._flat: F32 = self._products.reshape(mlen, blen * blen)
        self._whole_chains = mlen % _CHAINS == 0
        if self._whole_chains:
            self._chained: F32 = self._products.reshape(mlen // _CHAINS, _CHAINS, blen * blen)
        self._chains: F32 = np.empty((_CHAINS, blen * blen), np.float32)
        self._pairs: F32 = np.empty((2, blen * blen), np.float32)
        self._block: F32 = np.empty(blen * blen, np.float32)
        self._m_accum: F32 = state.m_accum.reshape(blen * blen)
        # What is derived from each tile, until it is loaded again.
        self._derived: list[dict[tuple[str, int], F32]] = [{} for _ in range(len(state.matrix))]
        self._head_sums = self._head_buffers()
        self._batch: F32 = np.empty((broadcast, mlen, mlen), np.float32)
        self._term: F32 = np.empty((broadcast, mlen, mlen), np.float32)
        groups = machine.vlen // (_LANES * _CHAINS)
        self._even_row = machine.vlen % (_LANES * _CHAINS) == 0 and 0 < groups < _CASCADE_GROUPS
        if self._even_row:
            self._row_groups: F32 = self.V.reshape(-1, groups, _CHAINS, _LANES)
        self._parts: F32 = np.empty((_CHAINS, _LANES), np.float32)
        self._lanes_sum: F32 = np.empty(_LANES, np.float32)

    # Registers

    def registers(self) -> list[int | float]:
        """Values of all gp, f and a registers."""
        state = self.state
        return [*state.gp.tolist(), *state.f32.tolist(), *state.a.tolist()]

    def write_back(self, values: tuple[int | float, ...]) -> None:
        """Put the values of `registers` back."""
        state = self.state
        state.gp[:] = values[:16]
        state.f32[:] = values[16:24]
        state.a[:] = np.array(values[24:], np.uint64)

    def put_g(self, register: int, value: int) -> None:
        self.state.gp[register] = value

    def get_g(self, register: int) -> int:
        return int(self.state.gp[register])

    def put_f(self, register: int, value: float) -> None:
        self.state.f32[register] = value

    def get_f(self, register: int) -> float:
        return float(self.state.f32[register])

    def plain(self, pc: int) -> None:
        """Execute one instruction in the interpreter, without counting it."""
        self.interpreter.execute(pc)

    def lanes(self, mask: int) -> NDArray[np.bool_]:
        """The lanes that V_MASK selects."""
        machine = self.machine
        heads = [bool(mask >> h & 1) for h in range(machine.vlen // machine.hlen)]
        return np.repeat(np.array(heads, np.bool_), machine.hlen)

    # Scalar unit: values are Python floats that are bf16 numbers

    def round_(self, value: float) -> float:
        """`value` rounded to float32 and then to bf16."""
        self._word_float[0] = value
        bits = self._word_bits[0]
        if value == value:
            self._word_bits[0] = bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF_0000
        return self._word_float[0]

    def exp_(self, value: float) -> float:
        self._word_float[0] = value
        return self._exp[self._word_bits[0] >> 16]

    def reci_(self, value: float) -> float:
        self._word_float[0] = value
        return self._reci[self._word_bits[0] >> 16]

    def sqrt_(self, value: float) -> float:
        self._word_float[0] = value
        return self._sqrt[self._word_bits[0] >> 16]

    # Vector unit

    def row_sum(self, row: int) -> float:
        """Sum of a row in V_RED_SUM's order; never -0."""
        if not self._even_row:
            return float(sum_row(self.V[row]))
        reduce = np.add.reduce
        reduce(self._row_groups[row], axis=0, out=self._parts)
        reduce(self._parts, axis=0, out=self._lanes_sum)
        # accumulate, because reduce would add eight neighbours pairwise
        return float(np.add.accumulate(self._lanes_sum)[-1]) + 0.0

    def zero_max(self, row: int) -> float:
        """Maximum of a row whose maximum is a zero: which one."""
        return float(greatest(self.V[row]))

    # Matrix unit: r is a row, t a tile, o a column or row in the tile

    def _transposed(self, t: int) -> F32:
        """The transposed copy of a tile."""
        derived = self._derived[t]
        found = derived.get(("transposed", 0))
        if found is None:
            found = derived["transposed", 0] = np.ascontiguousarray(self.state.matrix[t].T)
        return found

    def _multiply_block(self, r: int, t: int, o: int, kind: str) -> None:
        """Leave the products of BLEN rows and a block of BLEN columns."""
        blen, mlen = self.machine.blen, self.machine.mlen
        if self._products.size > _MOST_EXPANDED:
            tile = self.state.matrix[t] if kind == "columns" else self._transposed(t)
            columns = self.V[r : r + blen].T[:, :, None]
            np.multiply(columns, tile[:, None, o : o + blen], self._products)
            return
        block = self._derived[t].get((kind, o))
        if block is None:
            tile = self.state.matrix[t] if kind == "columns" else self._transposed(t)
            columns = np.broadcast_to(tile[:, None, o : o + blen], (mlen, blen, blen))
            block = self._derived[t][kind, o] = np.ascontiguousarray(columns)
        rows = self._flat_rows[r * mlen : (r + blen) * mlen]
        # No index is out of range; other modes would copy the result once more.
        rows.take(self._row_index, None, self._row_lanes, "clip")
        np.multiply(self._row_lanes, block, self._products)

    def m_mm(self, r: int, t: int, o: int) -> None:
        self._multiply_block(r, t, o, "columns")
        np.add.reduce(self._flat, axis=0, out=self._block)
        np.add(self._m_accum, self._block, self._m_accum)

    def m_tmm(self, r: int, t: int, o: int) -> None:
        self._multiply_block(r, t, o, "rows")
        if not self._whole_chains:
            self._m_accum += sum_four_chains(self._flat)
            return
        np.add.reduce(self._chained, axis=0, out=self._chains)
        np.add(self._chains[:2], self._chains[2:], self._pairs)
        np.add(self._pairs[0], self._pairs[1], self._block)
        np.add(self._m_accum, self._block, self._m_accum)

    def m_btmm(self, r: int, t: int, o: int) -> None:
        machine = self.machine
        rows = self.V[r : r + machine.mlen].reshape(machine.mlen, machine.broadcast, machine.hlen)
        q = np.ascontiguousarray(rows.transpose(2, 1, 0))
        self._batched(q, self._transposed(t)[o : o + machine.hlen])

    def m_bmm(self, r: int, t: int, o: int) -> None:
        machine = self.machine
        rows = self.V[r : r + machine.mlen].reshape(machine.mlen, machine.hlen, machine.broadcast)
        q = np.ascontiguousarray(rows.transpose(1, 2, 0))
        self._batched(q, self.state.matrix[t, o : o + machine.hlen])

    def _batched(self, q: F32, k: F32) -> None:
        """hm_accum += 0.25 · sum over d of q[d, head, row] · k[d, column], in order of d."""
        total, term = self._batch, self._term
        np.multiply(q[0][:, :, None], k[0], total)
        for d in range(1, len(q)):
            np.multiply(q[d][:, :, None], k[d], term)
            np.add(total, term, total)
        np.multiply(total, BMM_SCALE, total)
        np.add(self.state.hm_accum, total, self.state.hm_accum)

    def m_mv(self, r: int, t: int, o: int) -> None:
        products = self.V[r][:, None] * self.state.matrix[t, :, o : o + self.machine.blen]
        np.add(self.VA, np.add.reduce(products, 0), self.VA)

    def m_tmv(self, r: int, t: int) -> None:
        columns = self._transposed(t)[:, : self.machine.blen]
        np.add(self.VA, sum_peeled_chains(self.V[r][:, None] * columns), self.VA)

    def _head_buffers(self) -> _HeadBuffers | None:
        """Room for M_BTMV; None where its chains are not all equally long."""
        machine = self.machine
        if machine.broadcast * machine.hlen != machine.mlen or machine.vlen != machine.mlen:
            return None
        whole = machine.hlen % _CHAINS == 0 and machine.hlen > _CHAINS
        return _HeadBuffers(machine) if whole and machine.mlen**2 <= _MOST_EXPANDED else None

    def m_btmv(self, r: int, t: int, o: int) -> None:
        machine, room = self.machine, self._head_sums
        if room is None:
            q = self.V[r].reshape(machine.broadcast, machine.hlen)
            k = self._transposed(t)[o : o + machine.hlen]
            # Terms as [d, head, column].
            product = sum_peeled_chains(q.T[:, :, None] * k[:, None, :]) * BMM_SCALE
            np.add(self.HVA, product, self.HVA)
            return
        k = self._derived[t].get(("heads", o))
        if k is None:
            once = self._transposed(t)[o : o + machine.hlen, None]
            shape = (machine.hlen, machine.broadcast, machine.mlen)
            # Rows of the products are [d, head].
            k = np.ascontiguousarray(np.broadcast_to(once, shape)).reshape(machine.mlen, -1)
            self._derived[t]["heads", o] = k
        self.V[r].take(room.order, None, room.q, "clip")
        np.multiply(room.q, k, room.products)
        # The first four terms become the first of the first chain; the other chains begin with 0.
        np.add.reduce(room.first, axis=0, out=room.peeled)
        room.start[:] = room.peeled
        room.zeros.fill(0)
        np.add.reduce(room.steps, axis=0, out=room.chains)
        np.add(room.chains[:2], room.chains[2:], room.pairs)
        np.add(room.pairs[0], room.pairs[1], room.flat_total)
        np.multiply(room.total, BMM_SCALE, room.total)
        np.add(self.HVA, room.total, self.HVA)

    def drained(self, values: F32) -> F32:
        """Sums of an accumulator; which of several NaNs one of them is depends on the order of
        adding, so all are alike, as in the plain interpreter."""
        unknown = np.isnan(values)
        return np.where(unknown, self.NAN, values) if unknown.any() else values

    def rows_out(self, row: int, values: F32) -> None:
        """Write whole rows [n, VLEN]; for many rows quicker than assigning to `B`."""
        if len(values) <= _FEW_ROWS:
            self.B[row : row + len(values)] = self.drained(values)
            return
        bits = values.view(np.uint32)
        rounded = bits >> _HALF
        rounded &= _ONE
        rounded += _BELOW_HALF
        rounded += bits
        rounded &= _UPPER
        out = rounded.view(np.float32)
        if np.isnan(values).any():
            out = np.where(np.isnan(values), self.NAN, out)
        self.V[row : row + len(values)] = out

    # HBM: on-chip addresses have been checked; the result is the time in cycles

    def prefetch_m(
        self, pc: int, dest: int, offset: int, base: int, scale: int, step: int, kv: int, now: int
    ) -> int:
        machine, mlen = self.machine, self.machine.mlen
        form = machine.matrix_kv if kv else machine.matrix_weight
        at = addresses(form, base, offset, scale, step, machine.prefetch_m)
        first = dest // mlen
        rows = self.state.matrix.reshape(-1, mlen)
        rows[first : first + machine.prefetch_m] = self._fetch(pc, form, at, mlen)
        for tile in range(first // mlen, (first + machine.prefetch_m) // mlen):
            self._derived[tile].clear()
        return self.unit.prefetched(pc, form, at, mlen, now, FOR_MATRIX)

    def prefetch_v(
        self, pc: int, dest: int, offset: int, base: int, scale: int, step: int, kv: int, now: int
    ) -> int:
        machine, vlen = self.machine, self.machine.vlen
        form = machine.vector_kv if kv else machine.vector_act
        at = addresses(form, base, offset, scale, step, machine.prefetch_v)
        row = dest // vlen
        kept = min(machine.prefetch_v, machine.vector_sram_rows - row)
        self.U[row : row + kept] = f32_to_bf16(self._fetch(pc, form, at, vlen))[:kept]
        return self.unit.prefetched(pc, form, at, vlen, now, FOR_VECTOR)

    def store_v(
        self, pc: int, src: int, offset: int, base: int, scale: int, step: int, kv: int, now: int
    ) -> int:
        machine, vlen = self.machine, self.machine.vlen
        form = machine.vector_kv if kv else machine.vector_act
        at = addresses(form, base, offset, scale, step, machine.writeback_v)
        row = src // vlen
        try:
            store(self.state.hbm, form, at, self.V[row : row + machine.writeback_v])
        except TransferError:
            raise Stopped(pc) from None
        return self.unit.stored(pc, form, at, vlen, now)

    def _fetch(self, pc: int, form: HbmFormat, at: Addresses, length: int) -> F32:
        try:
            return prefetch(self.state.hbm, form, at, length)
        except TransferError:
            raise Stopped(pc) from None

"""Operations on tiles done together, row by row, in one loop (`fa.row_loop`).

One pass over a row keeps in registers what one operation leaves for the next: maxima, sums and
factors in float registers, products in a fixed row of scratch. Pointers walk the rows of the first
panel of each tile; statistics are addressed by one index and immediates.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR, ROW_LOOP_SCRATCH
from ..instruction_sources import named_location
from .emitter import Emitter
from .matrix_operand import MatrixOperand
from .packed_rows import NormalizePacked, PackedProduct, Repack, repack_of
from .row_loop_state import HELD_PANELS, SUM_ROW, WORK_ROW, Part, RowLoop, kept_in
from .row_ops import FULL, Guard


def emit_row_loop(e: Emitter, ops: Sequence[Operation], rows: int, unroll: int) -> None:
    """Emit operations that share a loop over `rows` rows, `unroll` of them in an iteration.

    Row by row, and for each row operation by operation; where rows share lanes in a tile, those
    together and for them operation by operation.
    """
    together = min(fa.group_of(ops), rows)
    loop = RowLoop(e, ops, together)
    parts = [_part(loop, op) for op in ops]
    whole = e.location
    for part in parts:
        e.location = named_location(part.op)
        part.prepare()
    e.location = whole
    width = e.machine.vlen
    starts = [e.constant(start) for start in loop.starts]
    with e.loop(rows // unroll, *starts, e.zero) as opened:
        *pointers, index = opened.carried
        for row in range(0, unroll, together):
            loop.enter(pointers, index, row)
            for part in parts:
                e.location = named_location(part.op)
                part.emit_rows()
            e.location = whole
            pointers = [
                e.add(pointer, step * width)
                for pointer, step in zip(pointers, loop.steps.values(), strict=True)
            ]
        opened.yields(*pointers, e.add(index, unroll))


class _OnlineSoftmax(Part):
    """m', alpha, P and l' of a row."""

    op: fa.OnlineSoftmaxOp

    def prepare(self) -> None:
        op, e = self.op, self.e
        self.s = self.loop.walk(op.scores)
        self.p = self.loop.walk(op.result)
        self.guard = Guard(e) if op.empty_rows is not None else None
        self.lowest = None
        if op.maximum is None and op.bounded is None:
            self.lowest = e.float(float("-inf")) if self.guard is None else self.guard.floor
        self.sums = self._sums()
        self.sums.prepare()

    def _sums(self) -> _Sums:
        if self.op.unsummed is not None:
            return _NoSums(self.loop, self.op)
        if self.op.ones is not None:
            packed = repack_of(self.loop, self.op)
            if packed is not None:
                return _SumsOfPacked(self.loop, self.op)
            return _SumsByOnes(self.loop, self.op)
        if self.op.scratch is not None and self.p.panels > 1:
            return _SumsOfPanels(self.loop, self.op)
        return _Sums(self.loop, self.op)

    def emit(self) -> None:
        if self.op.bounded is not None:
            self._emit_bounded()
            return
        op, e, loop, s, p = self.op, self.e, self.loop, self.s, self.p
        old = None if op.maximum is None else loop.scalar(op.maximum)
        start = self.lowest if old is None else old
        assert start is not None
        at_s, at_p = loop.panels(s), loop.panels(p)
        (maximum,) = loop.each_panel(
            s.panels,
            [start],
            [at_s],
            lambda values, at: [e.get("V_RED_MAX", values[0], at[0], FULL)],
        )
        if self.guard is not None and old is not None:
            maximum = e.get("S_MAX_FP", maximum, self.guard.floor)
        loop.set_scalar(op.new_maximum, maximum)
        alpha = None
        if old is not None:
            alpha = e.get("S_EXP_FP", e.get("S_SUB_FP", old, maximum))
            loop.set_scalar(op.alpha, alpha)
        pointers = [at_s] if s.address == p.address else [at_s, at_p]

        def exponentials(values: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
            new = at[-1]
            e.do("V_SUB_VF", new, at[0], maximum, FULL, 0)
            e.do("V_EXP_V", new, new, FULL)
            if self.guard is not None:
                e.do("V_SUB_VF", new, new, self.guard.least, FULL, 0)
            return self.sums.panel(values, new)

        values = loop.each_panel(p.panels, self.sums.start(alpha), pointers, exponentials)
        self.sums.finish(values, alpha)

    def _emit_bounded(self) -> None:
        """P = exp(S) and l'; what is hidden of S gives exp(-88), or 0 where that may be all."""
        op, e, loop, s, p = self.op, self.e, self.loop, self.s, self.p
        loop.set_scalar(op.new_maximum, e.f_zero)
        if any(True for _ in op.alpha.uses):
            loop.set_scalar(op.alpha, e.float(1.0))
        at_s, at_p = loop.panels(s), loop.panels(p)

        def exponentials(values: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
            new = at[-1]
            e.do("V_EXP_V", new, at[0], FULL)
            if self.guard is not None:
                e.do("V_SUB_VF", new, new, self.guard.least, FULL, 0)
            return self.sums.panel(values, new)

        pointers = [at_s] if s.address == p.address else [at_s, at_p]
        values = loop.each_panel(p.panels, self.sums.start(None), pointers, exponentials)
        self.sums.finish(values, None)


class _Sums:
    """l' = alpha l + rowsum P, the sum of each panel reduced to a float register."""

    def __init__(self, loop: RowLoop, op: fa.OnlineSoftmaxOp):
        self.loop = loop
        self.e = loop.e
        self.op = op

    def prepare(self) -> None:
        """What is done once, in front of the loop."""

    def start(self, alpha: SSAValue | None) -> Sequence[SSAValue]:
        """The values that the panels hand on: l, times alpha where there is one; 0 without l."""
        if self.op.total is None:
            return [self.e.f_zero]
        total = self.loop.scalar(self.op.total)
        return [total if alpha is None else self.e.get("S_MUL_FP", total, alpha)]

    def panel(self, values: Sequence[SSAValue], row: SSAValue) -> Sequence[SSAValue]:
        """One more panel of P."""
        return [self.e.get("V_RED_SUM", values[0], row)]

    def finish(self, values: Sequence[SSAValue], alpha: SSAValue | None) -> None:
        """l' is known."""
        self.loop.set_scalar(self.op.new_total, values[0])


class _NoSums(_Sums):
    """Nothing needs them."""

    def start(self, alpha: SSAValue | None) -> Sequence[SSAValue]:
        return []

    def panel(self, values: Sequence[SSAValue], row: SSAValue) -> Sequence[SSAValue]:
        return []

    def finish(self, values: Sequence[SSAValue], alpha: SSAValue | None) -> None:
        pass


class _SumsOfPanels(_Sums):
    """The panels added up in a row of scratch, which is then reduced: that costs as much as eight
    sums of rows."""

    def prepare(self) -> None:
        self.row = self.loop.scratch(self.op.scratch, WORK_ROW)
        self.lanes = self.e.constant(self.e.machine.vlen)

    def start(self, alpha: SSAValue | None) -> Sequence[SSAValue]:
        self.e.do("V_SHFT_V", self.row, self.row, self.lanes)
        return super().start(alpha)

    def panel(self, values: Sequence[SSAValue], row: SSAValue) -> Sequence[SSAValue]:
        self.e.do("V_ADD_VV", self.row, self.row, row, FULL)
        return values

    def finish(self, values: Sequence[SSAValue], alpha: SSAValue | None) -> None:
        super().finish([self.e.get("V_RED_SUM", values[0], self.row)], alpha)


class _SumsByOnes(_Sums):
    """0.25 l' in every lane of a row: P times a slice of ones, slice by slice of P in f32.

    M_BTMV leaves the sum of each lane block in an accumulator of its own; their rows are added.
    """

    def prepare(self) -> None:
        op, e, machine = self.op, self.e, self.e.machine
        assert op.ones is not None
        self.ones = e.constant(fa.tile(op.ones).placed)
        self.sum = self.loop.scratch(op.scratch, SUM_ROW)
        self.rows = [
            self.loop.scratch(op.scratch, ROW_LOOP_SCRATCH + n) for n in range(machine.broadcast)
        ]
        self.total = None
        if op.total is not None or self.loop.leaves(op.new_total):
            self.total = self.loop.walk(op.new_total)
        if op.total is not None:
            self.loop.walk(op.total)

    def start(self, alpha: SSAValue | None) -> Sequence[SSAValue]:
        return []

    def panel(self, values: Sequence[SSAValue], row: SSAValue) -> Sequence[SSAValue]:
        self.e.do("M_BTMV", self.e.zero, self.ones, row)
        return []

    def finish(self, values: Sequence[SSAValue], alpha: SSAValue | None) -> None:
        op, e, loop = self.op, self.e, self.loop
        e.do("M_BMV_WO", self.rows[0], 0)
        total = self.sum if self.total is None else loop.first(self.total)
        # The blocks are added to each other first: to l, which may be thousands of times as large
        # as one of them, each addition would round anew, and all of them the same way.
        first, *others = self.rows
        summed = total if op.total is None else first
        for number, row in enumerate(others):
            e.do("V_ADD_VV", summed, first if number == 0 else summed, row, FULL)
        if op.total is not None:
            before = loop.row(op.total)[0]
            if alpha is not None:
                e.do("V_MUL_VF", total, before, alpha, FULL)
                before = total
            e.do("V_ADD_VV", total, before, first, FULL)
        elif not others:
            e.do("V_SHFT_V", total, first, e.zero)
        if self.total is None:
            loop.keep(op.new_total, [total])


class _SumsOfPacked(_NoSums):
    """By the part that packs rows of P, once they are (`PackedSums`)."""


class _Product(Part):
    """0.25 P V of a row with M_BTMV: the slices of P brought into the last lane block one by one.

    Of the accumulators only the last collects slices that belong together (ISA section 4.2), so
    that the sum over all keys of a tile is one f32 accumulation; the others are written beside it
    and ignored.
    """

    op: fa.MatmulOp

    def prepare(self) -> None:
        op, e, machine = self.op, self.e, self.e.machine
        self.p = self.loop.walk(op.lhs)
        v = MatrixOperand.of(machine, op.rhs)
        self.outputs = v.row_tiles
        self.shifted = self.loop.scratch(op.scratch, WORK_ROW)
        self.slices = [e.constant(n * machine.hlen) for n in range(machine.broadcast)]
        last = machine.broadcast - 1
        held = self.p.panels if self.p.panels <= HELD_PANELS else 1
        self.step = v.panel_step
        self.tiles = [
            [
                e.constant(v.address + output * machine.mlen**2 + panel * self.step)
                for panel in range(held)
            ]
            for output in range(self.outputs)
        ]
        # A write-out fills `broadcast` rows of which the last counts; those in front of it belong
        # to outputs that are yet to come.
        rooms = [
            self.loop.scratch(op.scratch, ROW_LOOP_SCRATCH + n) for n in range(self.outputs + last)
        ]
        self.rooms, self.kept = rooms[: self.outputs], rooms[last:]
        if self.loop.leaves(op.result):
            self.result = self.loop.walk(op.result)

    def emit(self) -> None:
        op, e, machine, loop = self.op, self.e, self.e.machine, self.loop
        last = machine.broadcast - 1
        for output in reversed(range(self.outputs)):
            tiles = self.tiles[output]
            pointers = [loop.panels(self.p), (tiles.__getitem__, self.step)]

            def slices(_: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
                row, tile = at
                e.do("M_BTMV", self.slices[last], tile, row)
                for number in range(last - 1, -1, -1):
                    e.do("V_SHFT_V", self.shifted, row, self.slices[last - number])
                    e.do("M_BTMV", self.slices[number], tile, self.shifted)
                return []

            loop.each_panel(self.p.panels, [], pointers, slices)
            e.do("M_BMV_WO", self.rooms[output], 0)
        loop.keep(op.result, self.kept)
        if loop.leaves(op.result):
            for panel, row in enumerate(self.kept):
                e.do("V_SHFT_V", loop.panel(self.result, panel), row, e.zero)


class _Accumulate(Part):
    """alpha acc + x of a row, or acc + x."""

    op: fa.AccumulateOp

    def prepare(self) -> None:
        op, loop = self.op, self.loop
        for value in (op.acc, op.result):
            loop.walk(value)
        if not kept_in(loop, op.addend):
            loop.walk(op.addend)

    def emit(self) -> None:
        op, e, loop = self.op, self.e, self.loop
        alpha = None if op.alpha is None else loop.scalar(op.alpha)
        addends = loop.row(op.addend)
        for old, new, addend in zip(loop.row(op.acc), loop.row(op.result), addends, strict=True):
            if alpha is not None:
                e.do("V_MUL_VF", new, old, alpha, FULL)
            e.do("V_ADD_VV", new, old if alpha is None else new, addend, FULL)


class _Normalize(Part):
    """factor acc / l of a row; the sum of a row that saw a key is at least 1, or `least`."""

    op: fa.NormalizeOp

    def prepare(self) -> None:
        op, e, loop = self.op, self.e, self.loop
        if not kept_in(loop, op.acc):
            loop.walk(op.acc)
        loop.walk(op.result)
        self.lanes = False
        if op.total is None:
            self.work = loop.scratch(op.scratch, WORK_ROW)
            self.columns = e.constant(op.sum_columns)
        elif fa.tile(op.total).space.data == "vector":
            self.lanes = True
            if loop.leaves(op.total):
                raise OpError(
                    op, "the sum of a row is used up here, and something else needs it too"
                )
            if not loop.inside(op.total):
                loop.walk(op.total)
        least = (op.least_sum or 1.0) * (BATCHED_FACTOR if self.lanes else 1.0)
        self.one = e.float(least) if op.empty_rows is not None else None
        self.factor = e.float(op.multiplier) if op.multiplier != 1.0 else None

    def emit(self) -> None:
        op, e, loop = self.op, self.e, self.loop
        if op.total is None:
            self._by_columns()
            return
        if self.lanes:
            self._by_lanes(op.total)
            return
        total = loop.scalar(op.total)
        if self.one is not None:
            total = e.get("S_MAX_FP", total, self.one)
        factor = e.get("S_RECI_FP", total)
        if self.factor is not None:
            factor = e.get("S_MUL_FP", factor, self.factor)
        for old, new in zip(loop.row(op.acc), loop.row(op.result), strict=True):
            e.do("V_MUL_VF", new, old, factor, FULL)

    def _by_columns(self) -> None:
        """The sum stands in the first lanes; its reciprocals are shifted over what they divide."""
        op, e, loop = self.op, self.e, self.loop
        old, new = loop.row(op.acc)[0], loop.row(op.result)[0]
        e.do("V_RECI_V", self.work, old, FULL)
        e.do("V_SHFT_V", self.work, self.work, self.columns)
        if self.factor is not None:
            e.do("V_MUL_VF", self.work, self.work, self.factor, FULL)
        e.do("V_MUL_VV", new, old, self.work, FULL)

    def _by_lanes(self, sums: SSAValue) -> None:
        """The sum stands in each lane of a row, which its reciprocal takes the place of."""
        op, e, loop = self.op, self.e, self.loop
        (total,) = loop.row(sums)
        if self.one is not None:
            e.do("V_MAX_VF", total, total, self.one, FULL)
        e.do("V_RECI_V", total, total, FULL)
        if self.factor is not None:
            e.do("V_MUL_VF", total, total, self.factor, FULL)
        for old, new in zip(loop.row(op.acc), loop.row(op.result), strict=True):
            e.do("V_MUL_VV", new, old, total, FULL)


def _part(loop: RowLoop, op: Operation) -> Part:
    """What emits an operation."""
    if isinstance(op, fa.MatmulOp) and op.streams is not None:
        return PackedProduct(loop, op)
    return _PARTS[type(op)](loop, op)


_PARTS: dict[type[Operation], type[Part]] = {
    fa.OnlineSoftmaxOp: _OnlineSoftmax,
    fa.MatmulOp: _Product,
    fa.RepackOp: Repack,
    fa.AccumulateOp: _Accumulate,
    fa.NormalizeOp: _Normalize,
    fa.NormalizePackedOp: NormalizePacked,
}

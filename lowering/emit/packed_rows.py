"""Rows that share lanes: packing them, adding them up, P V on them (ISA section 4.2).

M_BTMV multiplies the s-th slice of lanes of a row with the same columns of a tile for each stream
s. Of four rows of P that lie by themselves each holds one stream's numbers in all its slices; four
passes, row s with the columns of a constant tile from 16 s on, and a write-out make rows of them
that hold in slice s the numbers of row s:

    before: row s = query s                    after: row b = keys 16 b .. 16 b + 15
             keys 0-15  16-31  32-47  48-63             query 0  query 1  query 2  query 3
    row 0     00      01      02      03       row 0      00       10       20       30
    row 1     10      11      12      13       row 1      01       11       21       31
    row 2     20      21      22      23       row 2      02       12       22       32
    row 3     30      31      32      33       row 3      03       13       23       33

P V then goes through each packed row once, where rows by themselves take a pass for each slice; and
the sum of packed rows has the four sums in its slices.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from ...dialects import fa
from ...dialects.fa.mapping_attrs import ROW_LOOP_SCRATCH
from .matrix_operand import MatrixOperand
from .row_loop_state import HELD_PANELS, SUM_ROW, PanelAddress, Part, RowLoop, kept_in
from .row_ops import FULL, Rows


def repack_of(loop: RowLoop, step: fa.OnlineSoftmaxOp) -> fa.RepackOp | None:
    """The operation of the loop that packs the probabilities of a step."""
    for use in step.result.uses:
        if isinstance(use.operation, fa.RepackOp) and use.operation in loop.members:
            return use.operation
    return None


def _of_rows(loop: RowLoop, rows: Rows) -> list[tuple[PanelAddress, int]]:
    """For each row that is done now its panels, as `RowLoop.each_panel` takes them."""
    found: list[tuple[PanelAddress, int]] = []
    for row in range(loop.count):
        loop.select(row)
        found.append(loop.panels(rows))
    return found


class TogetherPart(Part):
    """An operation on rows that share lanes, which has no form for one row."""

    def prepare(self) -> None:
        machine = self.e.machine
        self.slices = [self.e.constant(n * machine.hlen) for n in range(machine.broadcast)]

    def emit(self) -> None:
        raise AssertionError("rows that share lanes are done together")

    def packed(self, rows: Sequence[SSAValue], width: int) -> list[SSAValue]:
        """All packed rows of those that are done now, which may be fewer than lanes have room for;
        `width` is a row's, in elements."""
        more = range(self.loop.count, self.e.machine.broadcast)
        return [*rows, *(self.e.add(rows[0], row * width) for row in more)]


class Repack(TogetherPart):
    """Lane blocks of four rows exchanged, panel by panel; sums of the packed rows on the way."""

    op: fa.RepackOp

    def prepare(self) -> None:
        op, loop = self.op, self.loop
        self.source, self.result = loop.walk(op.source), loop.walk(op.result)
        self.unit = self.e.constant(fa.tile(op.unit).placed)
        super().prepare()
        step = op.source.owner
        self.sums = None
        if isinstance(step, fa.OnlineSoftmaxOp) and step in loop.members and step.ones is not None:
            self.sums = PackedSums(loop, step)
            self.sums.prepare()

    def emit_rows(self) -> None:
        e, loop = self.e, self.loop
        new = _of_rows(loop, self.result)
        pointers = list(new)
        if self.source.address != self.result.address:
            pointers += _of_rows(loop, self.source)
        if self.sums is not None:
            self.sums.start(self.result.panels)

        def panel(values: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
            rows, old = list(at[: loop.count]), at[-loop.count :]
            for number, row in enumerate(old):
                e.do("M_BTMV", self.slices[number], self.unit, row)
            e.do("M_BMV_WO", rows[0], 0)
            if self.sums is not None:
                self.sums.panel(self.packed(rows, self.result.width))
            return values

        loop.each_panel(self.result.panels, [], pointers, panel)
        if self.sums is not None:
            self.sums.finish()


class PackedSums:
    """0.25 l' in every lane of a row for each query: packed rows added up, then a pass with ones.

    The rows of all panels are added in bf16; adding up the lanes of a slice is in f32.
    """

    def __init__(self, loop: RowLoop, op: fa.OnlineSoftmaxOp):
        self.loop = loop
        self.e = loop.e
        self.op = op
        self._empty = True

    def prepare(self) -> None:
        """What is done once, in front of the loop: constants, pointers."""
        op, e, loop = self.op, self.e, self.loop
        assert op.ones is not None
        self.ones = e.constant(fa.tile(op.ones).placed)
        self.row = loop.scratch(op.scratch, SUM_ROW)
        self.lanes = e.constant(e.machine.vlen)
        self.written = [
            loop.scratch(op.scratch, ROW_LOOP_SCRATCH + row) for row in range(e.machine.broadcast)
        ]
        self.total = None
        if op.total is not None or loop.leaves(op.new_total):
            self.total = loop.walk(op.new_total)
        if op.total is not None:
            loop.walk(op.total)

    def start(self, panels: int) -> None:
        """Nothing is added up yet; in a loop over panels there must be zeros to add to."""
        self._empty = panels <= HELD_PANELS
        if not self._empty:
            self.e.do("V_SHFT_V", self.row, self.row, self.lanes)

    def panel(self, rows: Sequence[SSAValue]) -> None:
        """The packed rows of one more panel."""
        first, *others = rows
        for row in others if self._empty else rows:
            self.e.do("V_ADD_VV", self.row, first if self._empty else self.row, row, FULL)
            self._empty = False

    def finish(self) -> None:
        """l' is known for all rows."""
        op, e, loop = self.op, self.e, self.loop
        e.do("M_BTMV", e.zero, self.ones, self.row)
        in_place = self.total is not None and op.total is None
        if in_place:
            assert self.total is not None
            loop.select(0)
            e.do("M_BMV_WO", loop.first(self.total), 0)
            return
        e.do("M_BMV_WO", self.written[0], 0)
        for row in range(loop.count):
            loop.select(row)
            written = self.written[row]
            if self.total is None:
                loop.keep(op.new_total, [written])
                continue
            assert op.total is not None
            total, before = loop.first(self.total), loop.row(op.total)[0]
            if op.bounded is None:
                e.do("V_MUL_VF", total, before, loop.scalar(op.alpha), FULL)
                before = total
            e.do("V_ADD_VV", total, before, written, FULL)


class PackedProduct(TogetherPart):
    """0.25 P V of four rows by M_BTMV, a pass for each packed row and panel of the result.

    The sum over all keys of a tile is one f32 accumulation.
    """

    op: fa.MatmulOp

    def prepare(self) -> None:
        op, e, machine, loop = self.op, self.e, self.e.machine, self.loop
        self.p = loop.walk(op.lhs)
        v = MatrixOperand.of(machine, op.rhs)
        self.outputs, self.step = v.row_tiles, v.panel_step
        super().prepare()
        held = self.p.panels if self.p.panels <= HELD_PANELS else 1
        self.tiles = [
            [
                e.constant(v.address + output * machine.mlen**2 + panel * self.step)
                for panel in range(held)
            ]
            for output in range(self.outputs)
        ]
        self.result = self.written = None
        end = self._normalized()
        if loop.leaves(op.result):
            self.result = loop.walk(op.result)
        elif end is not None:
            # Written where it is divided, and nowhere before.
            self.result = loop.walk(end.result)
            loop.let_lie_at(op.result, end.result)
        else:
            # Behind the sums, of which the loop keeps as many rows.
            first = ROW_LOOP_SCRATCH + machine.broadcast
            self.written = [
                [
                    loop.scratch(op.scratch, first + output * machine.broadcast + row)
                    for row in range(machine.broadcast)
                ]
                for output in range(self.outputs)
            ]

    def _normalized(self) -> fa.NormalizeOp | None:
        """What alone reads the product, if it divides it in this loop."""
        uses = list(self.op.result.uses)
        end = uses[0].operation if len(uses) == 1 else None
        if isinstance(end, fa.NormalizeOp) and end in self.loop.members and end.total is not None:
            return end
        return None

    def emit_rows(self) -> None:
        e, loop = self.e, self.loop
        rows = _of_rows(loop, self.p)
        for output in range(self.outputs):
            tiles = self.tiles[output]

            def panel(_: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
                *shown, tile = at
                for number, row in enumerate(self.packed(shown, self.p.width)):
                    e.do("M_BTMV", self.slices[number], tile, row)
                return []

            loop.each_panel(self.p.panels, [], [*rows, (tiles.__getitem__, self.step)], panel)
            loop.select(0)
            if self.result is not None:
                e.do("M_BMV_WO", loop.panel(self.result, output), 0)
            else:
                assert self.written is not None
                e.do("M_BMV_WO", self.written[output][0], 0)
        if self.written is not None:
            for row in range(loop.count):
                loop.select(row)
                loop.keep(self.op.result, [rows[row] for rows in self.written])


class NormalizePacked(TogetherPart):
    """factor acc / l of four rows, in the rows that their quotients share.

        before: a row for each query           after: a row for each slice
        row s     l_s    o_s    0    0         row 0    l_0    l_1    l_2    l_3
                                               row 1    o_0    o_1    o_2    o_3

    One reciprocal divides all four, and the rows of quotients are what is stored.
    """

    op: fa.NormalizePackedOp

    def prepare(self) -> None:
        op, e, machine, loop = self.op, self.e, self.e.machine, self.loop
        if not kept_in(loop, op.acc):
            loop.walk(op.acc)
        self.result = loop.walk(op.result, op.slices)
        self.unit = e.constant(fa.tile(op.unit).placed)
        super().prepare()
        # Where P V lies before: M_BTMV has taken its rows before others are written.
        first = ROW_LOOP_SCRATCH + machine.broadcast
        self.rows = [loop.scratch(op.scratch, first + row) for row in range(machine.broadcast)]
        self.factor = e.float(op.multiplier) if op.multiplier != 1.0 else None

    def emit_rows(self) -> None:
        op, e, loop = self.op, self.e, self.loop
        for row in range(loop.count):
            loop.select(row)
            e.do("M_BTMV", self.slices[row], self.unit, loop.row(op.acc)[0])
        e.do("M_BMV_WO", self.rows[0], 0)
        total = self.rows[0]
        e.do("V_RECI_V", total, total, FULL)
        if self.factor is not None:
            e.do("V_MUL_VF", total, total, self.factor, FULL)
        loop.select(0)
        first = loop.first(self.result)
        for number in range(op.slices):
            row = e.add(first, number * self.result.width)
            e.do("V_MUL_VV", row, self.rows[op.slices + number], total, FULL)

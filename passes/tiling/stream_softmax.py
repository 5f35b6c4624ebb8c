"""`stream-softmax`: whole rows of scores that do not fit on chip, panel by panel.

Precondition: tile IR; `fa.softmax` of rows that are loaded whole from a buffer and stored whole, as
`tile` makes them and `fuse` leaves them. Postcondition: where such a tile, and what is added to
it, does not fit vector SRAM, two loops over columns stand in its place: the first finds maximum and
sum of the rows (the online softmax, without its probabilities), the second loads the scores again
and makes the probabilities of them (`fa.probabilities`). Nothing else changes, and what fits stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.types import TileType
from ...dialects.machine_attr import settle_machine
from ...machine.spec.params import Machine
from ..score_functions.index_dependence import IndexValues
from ..support.def_use import producer
from ..support.loop_affine import Affine, affine
from ..support.tile_builder import Loop, TileBuilder
from .match_attention import function_block, taps, whole_row_steps
from .tile_sizes import SPARE_ROWS

Row = tuple[fa.LoadOp, tuple[Operation, ...], tuple[fa.MapOp, ...], fa.SoftmaxOp]
"""The load of the scores, what happens to them, what happens to the probabilities."""


@dataclass(frozen=True)
class StreamSoftmaxPass(ModulePass):
    """Softmax of long rows in two passes over columns."""

    name = "stream-softmax"

    columns: int | None = None
    """Columns at once, at most, in elements. By default what fits."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        if self.columns is not None and (self.columns < 1 or self.columns % machine.vlen):
            nearest = max(1, round(self.columns / machine.vlen)) * machine.vlen
            raise OpError(
                op,
                f"columns must be a multiple of {machine.vlen}, a row of vector SRAM, and at "
                f"least that, got {self.columns}; try {nearest}",
            )
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            for softmax in [i for i in function.walk() if isinstance(i, fa.SoftmaxOp)]:
                row = _row(softmax)
                if row is None or fa.tile(softmax.scores).at is not None:
                    continue
                width = _width(machine, row, self.columns)
                if width < fa.tile(softmax.scores).cols:
                    _Streaming(row, width).build()


def _row(softmax: fa.SoftmaxOp) -> Row | None:
    """What surrounds a softmax, all of it on whole rows from column 0; None for another form."""
    steps = whole_row_steps(softmax.scores)
    load = producer(steps[0].operands[0] if steps else softmax.scores, fa.LoadOp)
    after: list[fa.MapOp] = []
    value = softmax.result
    while maps := [op for use in value.uses if isinstance(op := use.operation, fa.MapOp)]:
        if len(maps) > 1:
            return None
        after += maps
        value = maps[0].result
    if load is None or affine(load.indices[-1]) != Affine():
        return None
    block = softmax.parent_block()
    members = [load, *steps, *after]
    if any(member.parent_block() is not block for member in members):
        return None
    values = (
        load.tile,
        *(op.results[0] for op in steps),
        softmax.result,
        *(a.result for a in after),
    )
    users = [use.operation for value in values for use in value.uses]
    known = (fa.MapOp, fa.MaskOp, fa.AccumulateOp, fa.ScaleOp, fa.StoreOp, fa.SoftmaxOp)
    return (
        (load, steps, tuple(after), softmax) if all(isinstance(u, known) for u in users) else None
    )


def _width(machine: Machine, row: Row, most: int | None) -> int:
    """The most columns that fit at once, of those that divide the rows; in elements."""
    _, steps, after, softmax = row
    kind = fa.tile(softmax.scores)
    tiles = 1 + sum(isinstance(step, fa.AccumulateOp) for step in steps)
    for op in (*steps, *after):
        if isinstance(op, fa.MapOp):
            tiles += len(IndexValues(op.function).wanted)
        elif isinstance(op, fa.MaskOp):
            # What is hidden of a part, or that part beside one that is seen whole.
            tiles += 1
    panels = kind.cols // machine.vlen
    wanted = panels if most is None else most // machine.vlen
    room = (machine.vector_sram_rows - SPARE_ROWS) // (tiles * kind.rows)
    fitting = [width for width in range(1, min(wanted, room) + 1) if panels % width == 0]
    return max(fitting, default=1) * machine.vlen


class _Streaming:
    """One softmax of whole rows, in two loops over columns."""

    def __init__(self, row: Row, width: int):
        self.load, self.steps, self.after, self.softmax = row
        self.width = width
        block = self.softmax.parent_block()
        assert block is not None
        first = function_block(block).first_op
        assert first is not None
        # Behind what the last of the operations needs.
        self.build_ = TileBuilder(
            InsertPoint.before(self.softmax), InsertPoint.before(first), self.softmax.location
        )

    def build(self) -> None:
        """Build both loops and erase what they stand for."""
        build, softmax = self.build_, self.softmax
        kind, statistic = fa.tile(softmax.scores), fa.tile(softmax.maximum)
        empty = softmax.empty_rows is not None
        if softmax.first is not None:
            maximum, total = softmax.first
        else:
            maximum = build.insert(fa.FillOp(float("-inf"), statistic), "m").tile
            total = build.insert(fa.FillOp(0.0, statistic), "l").tile
        with build.loop("column", kind.cols, self.width, (maximum, total)) as n:
            scores = self._scores(n, shown=False)
            step = build.insert(
                fa.OnlineSoftmaxOp(scores, n.carried[0], n.carried[1], empty),
                "p",
                "m",
                "l",
                "alpha",
            )
            n.yields(step.new_maximum, step.new_total)
        maximum, total = n.results
        with build.loop("column", kind.cols, self.width) as n:
            scores = self._scores(n, shown=True)
            value = build.insert(fa.ProbabilitiesOp(scores, maximum, total, empty), "p").result
            self._store(softmax.result, value, n)
            for op in self.after:
                value = self._map(op, value, n)
                self._store(op.result, value, n)
        softmax.maximum.replace_all_uses_with(maximum)
        softmax.total.replace_all_uses_with(total)
        self._erase()

    def _at(self, indices: Sequence[SSAValue], n: Loop) -> list[SSAValue]:
        return [*list(indices)[:-1], n.induction]

    def _part(self, kind: TileType) -> TileType:
        return TileType.get((kind.rows, self.width), kind.element_type, "vector")

    def _load(self, load: fa.LoadOp, n: Loop) -> SSAValue:
        part = fa.LoadOp(load.source, self._at(load.indices, n), self._part(fa.tile(load.tile)))
        return self.build_.insert(part, load.tile.name_hint or "tile").tile

    def _map(self, op: fa.MapOp, value: SSAValue, n: Loop) -> SSAValue:
        place = (op.batch, op.head, op.row, n.induction)
        return self.build_.insert(fa.MapOp(value, place, op.function.clone()), "s").result

    def _scores(self, n: Loop, shown: bool) -> SSAValue:
        """The columns of loop `n` and what happens to them; with `shown`, results are stored."""
        build = self.build_
        scores = self._load(self.load, n)
        if shown:
            self._store(self.load.tile, scores, n)
        for step in self.steps:
            if isinstance(step, fa.MapOp):
                scores = self._map(step, scores, n)
            elif isinstance(step, fa.AccumulateOp):
                load = producer(step.addend, fa.LoadOp)
                assert load is not None
                bias = self._load(load, n)
                scores = build.insert(fa.AccumulateOp(scores, bias), "s_biased").result
            else:
                assert isinstance(step, fa.MaskOp)
                scores = build.insert(step.at(scores, n.induction), "s_masked").result
            if shown:
                self._store(step.results[0], scores, n)
        return scores

    def _store(self, old: SSAValue, new: SSAValue, n: Loop) -> None:
        """Store what was stored of the whole rows."""
        for scales, store in taps(old):
            value = new
            for scale in scales:
                factor = scale.factor.value.data
                value = self.build_.insert(fa.ScaleOp(value, factor), "s_shown").result
            self.build_.insert(fa.StoreOp(value, store.target, self._at(store.indices, n)))

    def _erase(self) -> None:
        """Remove the operations on whole rows: stores, then what nothing uses any more."""
        values = (
            self.load.tile,
            *(step.results[0] for step in self.steps),
            self.softmax.result,
            *(op.result for op in self.after),
        )
        stores = [store for value in values for _, store in taps(value)]
        scales = [
            scale for value in values for found, _ in taps(value) for scale in reversed(found)
        ]
        loads = [
            load
            for step in self.steps
            if isinstance(step, fa.AccumulateOp)
            and (load := producer(step.addend, fa.LoadOp)) is not None
        ]
        for op in (
            *stores, *scales, *reversed(self.after), self.softmax, *reversed(self.steps), *loads,
            self.load,
        ):  # fmt: skip
            Rewriter.erase_op(op)

"""Building fused attention out of recognised nests: loads, steps, ends."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.types import TileType
from ...machine.spec.params import Machine
from ..support.def_use import producer
from ..support.rounding import round_up
from ..support.tile_builder import Loop, TileBuilder
from .match_attention import Nests, function_block, nest_of, position, taps

State = tuple[SSAValue, SSAValue, SSAValue]
"""Accumulator and statistics."""


class FusedNest:
    """What every order of the fused loops has in common; built in front of the old nests."""

    def __init__(self, machine: Machine, nests: Nests):
        self.machine = machine
        self.nests = nests
        self.q_rows = fa.tile(nests.scores.query).rows
        """Query rows of a tile: those of the old nests, or a divisor of them."""
        first = self._outermost(nests.scores_store)
        body = function_block(nests.block)
        assert body.first_op is not None
        self.builder = TileBuilder(
            InsertPoint.before(first),
            InsertPoint.before(body.first_op),
            nests.softmax.location,
        )

    def _outermost(self, op: Operation) -> Operation:
        """The operation of the common block that holds `op`."""
        while op.parent_block() is not self.nests.block:
            parent = op.parent_op()
            assert parent is not None
            op = parent
        return op

    @property
    def empty_rows(self) -> bool:
        """Whether a row may see no key at all."""
        return self.nests.softmax.empty_rows is not None

    @property
    def bound(self) -> float | None:
        """What scores are known to stay within, where nothing reads maxima; None otherwise."""
        nests = self.nests
        read = nests.logsumexp is not None or nests.sink is not None
        return None if read else nests.softmax.bound

    @property
    def kv_rows(self) -> int:
        """Keys of a tile."""
        return fa.tile(self.nests.scores.key).rows

    @property
    def extents(self) -> tuple[int, int]:
        """Padded numbers of queries and keys."""
        rows, keys = fa.tensor_dims(self.nests.scores_store.target)
        return rows, keys

    def end(self) -> SSAValue | None:
        """Where the loop over keys ends at run time; None where it goes over all of them."""
        length = self.nests.length
        if length is None:
            return None
        end = fa.LengthOp(length.lengths, length.batch, length.most.value.data, self.kv_rows)
        return self.builder.insert(end, "end").length

    @property
    def statistic(self) -> TileType:
        """The type of a running maximum or sum."""
        element = fa.tile(self.nests.softmax.total).element_type
        return TileType.get((self.q_rows,), element, "scalar")

    def query_tile(self, i: Loop) -> SSAValue:
        """The tile of queries at the row of loop `i`, scaled."""
        nests, build = self.nests, self.builder
        load = nests.query_load
        indices = self.of_row(self.indices(load.indices, load, i), i, -2)
        query = fa.LoadOp(load.source, indices, self.of_rows(fa.tile(load.tile)))
        query = build.insert(query, load.tile.name_hint or "tile").tile
        if nests.query_scale is None:
            return query
        factor = nests.query_scale.factor.value.data
        return build.insert(fa.ScaleOp(query, factor), "q_scaled").result

    def start_sums(self) -> tuple[SSAValue, SSAValue]:
        """Accumulator and sum before any key, where there is no maximum."""
        build, kind = self.builder, self.of_rows(fa.tile(self.nests.initial.tile))
        total = build.insert(fa.FillOp(0.0, self.statistic), "l").tile
        return build.insert(fa.FillOp(0.0, kind), "acc").tile, total

    def start(self, first: bool = True) -> State:
        """Accumulator, maximum and sum before any key; a sink counts once, in the `first` part."""
        build, load = self.builder, self.nests.sink_load
        if load is not None and first:
            copy = fa.LoadOp(load.source, load.indices, fa.tile(load.tile))
            score = build.insert(copy, "sink").tile
            sink = build.insert(fa.SinkOp(score, self.statistic), "m", "l")
            maximum, total = sink.maximum, sink.total
        else:
            maximum = build.insert(fa.FillOp(float("-inf"), self.statistic), "m").tile
            total = build.insert(fa.FillOp(0.0, self.statistic), "l").tile
        acc = build.insert(
            fa.FillOp(0.0, self.of_rows(fa.tile(self.nests.initial.tile))), "acc"
        ).tile
        return acc, maximum, total

    def of_rows(self, kind: TileType) -> TileType:
        """The type of a tile of queries, with as many rows as the fused nest has."""
        return TileType.get((self.q_rows, kind.cols), kind.element_type, kind.space.data)

    def of_row(self, indices: Sequence[SSAValue], i: Loop, position: int) -> list[SSAValue]:
        """Indices with the row of loop `i` at a position, where the old nests had larger tiles."""
        result = list(indices)
        if self.q_rows != fa.tile(self.nests.scores.query).rows:
            result[position] = i.induction
        return result

    def key_tile(self, n: Loop, *outer: Loop) -> SSAValue:
        """The tile of keys at the key of loop `n`."""
        return self.clone(self.nests.key_load, self.nests.scores_store, *outer, n)

    def advance(
        self,
        query: SSAValue,
        state: State,
        i: Loop,
        n: Loop,
        key: SSAValue | None = None,
        value: SSAValue | None = None,
    ) -> State:
        """One step of the recurrence with one tile of keys and values, loaded here if not given."""
        nests = self.nests
        acc, maximum, total = state
        if key is None:
            key = self.clone(nests.key_load, nests.scores_store, i, n)
        online = fa.OnlineSoftmaxOp(self._scores(query, key, i, n), maximum, total, self.empty_rows)
        acc = self._accumulate(acc, online, i, n, value)
        return acc, online.new_maximum, online.new_total

    def advance_sums(
        self, query: SSAValue, acc: SSAValue, total: SSAValue, i: Loop, n: Loop
    ) -> tuple[SSAValue, SSAValue]:
        """One step where scores are bounded: accumulator and sum."""
        key = self.clone(self.nests.key_load, self.nests.scores_store, i, n)
        scores = self._scores(query, key, i, n)
        kinds = (self.statistic, self.statistic)
        online = fa.OnlineSoftmaxOp(scores, None, total, self.empty_rows, kinds, bounded=self.bound)
        return self._accumulate(acc, online, i, n), online.new_total

    def _scores(self, query: SSAValue, key: SSAValue, i: Loop, n: Loop) -> SSAValue:
        return self.steps(self.builder.insert(fa.ScoresOp(query, key), "s").result, i, n)

    def _accumulate(
        self,
        acc: SSAValue,
        online: fa.OnlineSoftmaxOp,
        i: Loop,
        n: Loop,
        value: SSAValue | None = None,
    ) -> SSAValue:
        """Insert a step, and add P V to the accumulator."""
        nests, build = self.nests, self.builder
        build.insert(online, "p", "m", "l", "alpha")
        if value is None:
            value = self.clone(nests.value_load, nests.weights_load, i, n)
        product = build.insert(fa.MatmulOp(online.result, value), "pv").result
        alpha = None if online.bounded is not None else online.alpha
        return build.insert(fa.AccumulateOp(acc, product, alpha), "acc").result

    def finish(self, state: State, i: Loop) -> None:
        """Normalise, store the output and the logsumexp."""
        nests, build = self.nests, self.builder
        acc, maximum, total = state
        self.finish_output(acc, total, i)
        if nests.logsumexp is None or nests.logsumexp_store is None:
            return
        old = fa.tile(nests.logsumexp.result)
        line = TileType.get(
            (old.rows, round_up(self.q_rows, self.machine.vlen)), old.element_type, "vector"
        )
        bound = nests.logsumexp.bound.value.data
        row = build.insert(
            fa.LogsumexpOp(maximum, total, bound, self.empty_rows, line), "lse"
        ).result
        store = nests.logsumexp_store
        indices = self.of_row(self.indices(store.indices, nests.softmax, i), i, -1)
        build.insert(fa.StoreOp(row, store.target, indices, row=True))

    def finish_output(
        self, acc: SSAValue, total: SSAValue, i: Loop, least: float | None = None
    ) -> None:
        """Normalise and store the output; `least` is what sums of rows with a key are at least."""
        build, store = self.builder, self.nests.output_store
        normalize = fa.NormalizeOp(acc, total, self.empty_rows, least=least)
        output = build.insert(normalize, "o").result
        indices = self.of_row(self.indices(store.indices, store, i), i, -2)
        build.insert(fa.StoreOp(output, store.target, indices))

    def steps(self, scores: SSAValue, i: Loop, n: Loop) -> SSAValue:
        """What happens to whole rows of scores, done to one tile of them."""
        build, nests = self.builder, self.nests
        for step in (None, *nests.steps):
            if isinstance(step, fa.MapOp):
                batch, head = self.indices((step.batch, step.head), nests.softmax, i)
                place = (batch, head, i.induction, n.induction)
                scores = build.insert(fa.MapOp(scores, place, step.function.clone()), "s").result
            elif isinstance(step, fa.AccumulateOp):
                load = producer(step.addend, fa.LoadOp)
                assert load is not None
                outer = self.indices(load.indices, nests.softmax, i)[:-2]
                indices = (*outer, i.induction, n.induction)
                bias = build.insert(fa.LoadOp(load.source, indices, fa.tile(scores)), "bias")
                scores = build.insert(fa.AccumulateOp(scores, bias.tile), "s_biased").result
            elif isinstance(step, fa.MaskOp):
                batch, head = self.indices((step.batch, step.head), nests.softmax, i)
                mask = fa.MaskOp(
                    scores,
                    (batch, head, i.induction, n.induction),
                    kv_len=step.kv_len.value.data,
                    mask=step.shown,
                    mask_mod=None if step.mask_mod is None else step.mask_mod.clone(),
                )
                scores = build.insert(mask, "s_masked").result
            elif isinstance(step, fa.LimitOp):
                limit = fa.LimitOp(scores, n.induction, step.length)
                scores = build.insert(limit, "s_limited").result
            old = nests.scores_load.tile if step is None else step.results[0]
            for scales, store in taps(old):
                # The scores at this stage are a result of their own.
                shown = scores
                for scale in scales:
                    factor = scale.factor.value.data
                    shown = build.insert(fa.ScaleOp(shown, factor), "s_shown").result
                outer = self.indices(store.indices, nests.softmax, i)[:-2]
                indices = (*outer, i.induction, n.induction)
                build.insert(fa.StoreOp(shown, store.target, indices))
        return scores

    def clone(self, load: fa.LoadOp, anchor: Operation, *loops: Loop) -> SSAValue:
        """A load of the old nests at the same place of the fused one."""
        indices = self.indices(load.indices, anchor, *loops)
        copy = fa.LoadOp(load.source, indices, fa.tile(load.tile))
        return self.builder.insert(copy, load.tile.name_hint or "tile").tile

    def indices(
        self, indices: Sequence[SSAValue], anchor: Operation, *loops: Loop
    ) -> list[SSAValue]:
        """Indices with the loop variables around `anchor` replaced by those of `loops`."""
        nest = nest_of(anchor, self.nests.block)
        assert nest is not None
        new = [loop.induction for loop in loops]
        if len(nest) < len(new):
            # A loop of one iteration is in neither nest; the last one goes over the keys.
            keys_loop = self.extents[1] > self.kv_rows
            new = (new[-1:] if keys_loop or len(new) == 1 else new[:1])[: len(nest)]
        old: list[SSAValue] = [loop.body.block.args[0] for loop in nest]
        table = dict(zip(old, new, strict=True))
        return [table.get(index, index) for index in indices]

    def erase(self) -> None:
        """Remove the old nests and the buffers between them."""
        nests = self.nests
        tops = {self._outermost(op) for op in nests.members()}
        for top in sorted(tops, key=position, reverse=True):
            Rewriter.erase_op(top, safe_erase=False)
        for buffer in (nests.scores_store.target, nests.weights_store.target):
            if not any(True for _ in buffer.uses):
                assert isinstance(buffer, OpResult)
                Rewriter.erase_op(buffer.op)

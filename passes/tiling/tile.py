"""`tile`: attention on tensors into the three steps of standard attention on tiles.

Precondition: `fa.attention` on tensors of static shape.
Postcondition: for each head three loop nests, scores S = scale Q K^T to HBM, P = softmax(S) by
whole rows to HBM, O = P V; tiles hold the tensors' element type. S and P are two buffers in HBM
that every head reuses. Masks are `fa.mask` at the tile's place; no buffer for a mask exists. Whole
rows may be too long for vector SRAM: `fuse` takes them away, or `allocate-sram` refuses them.
What is computed stays on record in the module's attribute `fa.problem`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, func, math, memref
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr, MemRefType, ModuleOp, f32
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.problem_attr import GROUPED, record_problem
from ...dialects.fa.types import HbmAttr, TileType
from ...dialects.machine_attr import settle_machine
from ...machine.spec.params import Machine
from ..masks.mask_functions import MaskFunction
from ..masks.problem_size import problem_of, shown_of
from ..masks.run_time_masks import refuse_masks
from ..score_functions.index_dependence import DISTANCE, KEY, QUERY, Dependence, IndexValues
from ..score_functions.value_ranges import may_hide
from ..support.rounding import round_up
from ..support.tile_builder import TileBuilder
from . import tile_sizes
from .bounded import usable_bound
from .tile_sizes import Needs, TileSizeError, TileSizes

OVERFLOW = 1024.0
"""A power of two that takes what a mask hides to -inf and leaves scores exact."""


@dataclass(frozen=True)
class TilePass(ModulePass):
    """Standard attention as tiled loop nests, S and P in HBM."""

    name = "tile"

    q_tile: int | None = None
    """Rows of a tile of queries, in elements. By default what fits."""
    kv_tile: int | None = None
    """Rows of a tile of keys, in elements. By default what fits, of keys many under one running
    maximum, where a mask can cut tiles."""
    fold_scale: bool = True
    """Whether queries are multiplied by the scale, once, which rounds them; else scores are, each
    tile of them."""
    bounded: bool = True
    """Whether a row whose scores a soft cap or `score_bound` keeps small does without its maximum:
    data is then checked."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for attention in [inner for inner in op.walk() if isinstance(inner, fa.AttentionOp)]:
            if not isinstance(attention.parent_op(), func.FuncOp):
                raise OpError(attention, "fa.attention must stand directly in a function")
            block = attention.parent_block()
            if block is None or block.prev_block is not None or block.next_block is not None:
                raise OpError(attention, "fa.attention must stand in a function without branches")
            q, v = fa.tensor_dims(attention.query), fa.tensor_dims(attention.value)
            try:
                sizes = tile_sizes.choose(
                    machine,
                    q[2],
                    v[2],
                    q[3],
                    v[3],
                    self.q_tile,
                    self.kv_tile,
                    needs_of(attention),
                    _block_rows(machine, attention),
                )
            except TileSizeError as error:
                raise OpError(attention, str(error)) from None
            if attribute_of(attention, GROUPED) is None:
                counted = None if attention.mask_mod is None else problem_of(attention)
                record_problem(op, attention, counted)
            _Tiling(machine, attention, sizes, self.fold_scale, self.bounded).build()


def _block_rows(machine: Machine, op: fa.AttentionOp) -> int | None:
    """The rows of a tile where heads are grouped: one block of each head."""
    given = attribute_of(op, GROUPED)
    if not isinstance(given, IntegerAttr):
        return None
    granule = tile_sizes.row_granule(machine)
    rows = given.value.data
    if rows % granule:
        raise OpError(
            op,
            f"{GROUPED} is the rows of a tile, and tiles of {machine.name} have a multiple of "
            f"{granule} rows, got {rows}",
        )
    length = fa.tensor_dims(op.query)[2]
    if rows > round_up(length, granule):
        raise OpError(
            op,
            f"{GROUPED} is the rows of a tile, at most the {length} rows of queries in whole "
            f"{granule}s, got {rows}",
        )
    return rows


def needs_of(op: fa.AttentionOp) -> Needs:
    """What an attention asks of its tiles."""
    tables = _tables(op)
    return Needs(
        1 + (op.bias is not None) + (op.mask_mod is not None) + len(tables),
        any(DISTANCE in depends for depends in tables),
        _may_be_wide(op),
        0 if op.lengths is None else fa.tensor_dims(op.query)[0],
        op.lse is not None or op.sinks is not None,
    )


def _may_be_wide(op: fa.AttentionOp) -> bool:
    """Whether tiles of many keys cost nothing: where a mask hides a part, it can be cut off.

    What depends on places, adds to scores or returns them keeps tiles as small as a prefetch.
    """
    parts = (op.bias, op.score_mod, op.prob_mod, op.mask_mod, op.qk)
    return all(part is None for part in parts)


def soft_cap(cap: float | None) -> Region | None:
    """The score function c tanh(s / c); None for no cap."""
    if cap is None:
        return None
    block = Block(arg_types=[f32, *[IndexType()] * 4])
    bound = arith.ConstantOp(FloatAttr(cap, f32))
    ratio = arith.DivfOp(block.args[0], bound.result)
    tanh = math.TanhOp(ratio.result)
    capped = arith.MulfOp(tanh.result, bound.result)
    block.add_ops([bound, ratio, tanh, capped, fa.YieldOp(capped.result)])
    return Region(block)


def _tables(op: fa.AttentionOp) -> list[Dependence]:
    """What values of score and probability functions depend on that will be tiles of tables."""
    regions = [region for region in (op.score_mod, op.prob_mod) if region is not None]
    index_values = [IndexValues(region) for region in regions]
    depends = [index.depends[value] for index in index_values for value in index.wanted]
    return [names for names in depends if names & {QUERY, KEY, DISTANCE}]


def may_see_nothing(op: fa.AttentionOp, rows: int) -> bool:
    """Whether some query of an attention may see no key; `rows` of them are looked at at a time.

    A bias may hold -inf, so that any row may see nothing, a score function may give it, and a
    length may be 0.
    """
    if op.bias is not None or (op.score_mod is not None and may_hide(op.score_mod)):
        return True
    if op.lengths is not None:
        return True
    batch, heads, q_len, _ = fa.tensor_dims(op.query)
    shown = shown_of(op)
    return not all(
        shown.every_row_sees(b, h, i, min(rows, q_len - i))
        for b in range(batch if shown.by_batch else 1)
        for h in range(heads if shown.by_head else 1)
        for i in range(0, q_len if shown.by_query else 1, rows)
    )


def _times(factor: float) -> Region:
    """The score function s * factor."""
    block = Block(arg_types=[f32, *[IndexType()] * 4])
    constant = arith.ConstantOp(FloatAttr(factor, f32))
    product = arith.MulfOp(block.args[0], constant.result)
    block.add_ops([constant, product, fa.YieldOp(product.result)])
    return Region(block)


class _Tiling:
    """The loop nests of one attention."""

    def __init__(
        self,
        machine: Machine,
        op: fa.AttentionOp,
        sizes: TileSizes,
        fold_scale: bool = True,
        bounded: bool = True,
    ):
        self.fold_scale = fold_scale
        self.bound = usable_bound(op, sizes.kv_len) if bounded else None
        self.machine = machine
        self.op = op
        self.sizes = sizes
        self.element = fa.tensor_element(op.query)
        self.bias: SSAValue | None = None
        self.sinks: SSAValue | None = None
        self.length: SSAValue | None = None
        block = op.parent_block()
        assert block is not None
        assert block.first_op is not None
        self.build_ = TileBuilder(
            InsertPoint.before(op), InsertPoint.before(block.first_op), op.location
        )

    def build(self) -> None:
        """Replace the operation by its three nests."""
        op, build, sizes = self.op, self.build_, self.sizes
        batch, heads = fa.tensor_dims(op.query)[:2]
        group = heads // fa.tensor_dims(op.key)[1]
        scores = self._buffer("scores", (sizes.q_len, sizes.kv_len), self.element)
        weights = self._buffer("weights", (sizes.q_len, sizes.kv_len), self.element)
        output = self._buffer("output", fa.tensor_dims(op.output), self.element)
        lse = taken = None
        if op.logsumexp is not None:
            lse = self._buffer("lse", fa.tensor_dims(op.logsumexp), f32)
        if op.scores is not None:
            taken = self._buffer("taken", fa.tensor_dims(op.scores), fa.tensor_element(op.scores))
        self._prepare_bias()
        self._prepare_sinks()
        with (
            build.loop("batch", batch) as b,
            build.loop("kv_head", heads // group) as g,
            build.loop("member", group) as j,
        ):
            head = g.induction
            if group > 1:
                # One KV head: the query head is the member of its only group.
                single = heads == group
                head = j.induction if single else build.affine("head", head, group, j.induction)
            query, kv = (b.induction, head), (b.induction, g.induction)
            if op.lengths is not None:
                length = fa.LengthOp(op.lengths, b.induction, fa.tensor_dims(op.key)[2])
                self.length = build.insert(length, "length").length
            self._scores(query, kv, scores)
            self._softmax(query, scores, weights, lse, taken)
            self._output(query, kv, weights, output)
        Rewriter.replace_op(
            op,
            [],
            [
                build.insert(fa.ResultOp(buffer)).tensor
                for buffer in (output, lse, taken)
                if buffer is not None
            ],
        )

    def _buffer(self, name: str, dims: tuple[int, ...], element: Attribute) -> SSAValue:
        kind = MemRefType(element, dims, memory_space=HbmAttr.get())
        return self.build_.insert(memref.AllocOp([], [], kind), name).memref

    def _prepare_bias(self) -> None:
        """Repeat a bias along queries and keys where it has but one: tiles are loaded from it."""
        self.bias = self.op.bias
        if self.bias is None:
            return
        dims = fa.tensor_dims(self.bias)
        full = (*dims[:2], fa.tensor_dims(self.op.query)[2], fa.tensor_dims(self.op.key)[2])
        if full != dims:
            self.bias = self.build_.insert(fa.BroadcastOp(self.bias, full), "bias").result

    def _prepare_sinks(self) -> None:
        """The sink of each head in every element of a tile as small as can be loaded."""
        if self.op.sinks is None:
            return
        (heads,) = fa.tensor_dims(self.op.sinks)
        full = (heads, self.machine.prefetch_v, self.machine.vlen)
        apart = self.build_.insert(fa.ReshapeOp(self.op.sinks, (heads, 1, 1)), "sinks").result
        self.sinks = self.build_.insert(fa.BroadcastOp(apart, full), "sinks").result

    def _first(self, head: SSAValue, rows: int) -> tuple[SSAValue, SSAValue] | None:
        """Maximum and sum of rows that have seen the sink only; None without sinks."""
        if self.sinks is None:
            return None
        build, zero = self.build_, self.build_.constant(0)
        kind = self._tile(self.machine.prefetch_v, self.machine.vlen)
        score = build.insert(fa.LoadOp(self.sinks, (head, zero, zero), kind), "sink").tile
        sink = build.insert(fa.SinkOp(score, TileType.get((rows,), f32, "scalar")), "m", "l")
        return sink.maximum, sink.total

    def _tile(self, rows: int, cols: int, space: str = "vector") -> TileType:
        return TileType.get((rows, cols), self.element, space)

    def _scores(
        self, query: tuple[SSAValue, SSAValue], kv: tuple[SSAValue, ...], scores: SSAValue
    ) -> None:
        """S = scale Q K^T, tile by tile, to HBM."""
        build, sizes, zero = self.build_, self.sizes, self.build_.constant(0)
        with build.loop("row", sizes.q_len, sizes.q_rows) as i:
            q_type = self._tile(sizes.q_rows, sizes.head_dim)
            q = build.insert(
                fa.LoadOp(self.op.query, (*query, i.induction, zero), q_type), "q"
            ).tile
            if self.op.factor != 1.0 and self.fold_scale:
                q = build.insert(fa.ScaleOp(q, self.op.factor), "q_scaled").result
            with build.loop("key", sizes.kv_len, sizes.kv_rows) as n:
                k_type = self._tile(sizes.kv_rows, sizes.head_dim, "matrix")
                k = build.insert(fa.LoadOp(self.op.key, (*kv, n.induction, zero), k_type), "k").tile
                s = build.insert(fa.ScoresOp(q, k), "s").result
                build.insert(fa.StoreOp(s, scores, (i.induction, n.induction)))

    def _softmax(
        self,
        query: tuple[SSAValue, SSAValue],
        scores: SSAValue,
        weights: SSAValue,
        lse: SSAValue | None,
        taken: SSAValue | None,
    ) -> None:
        """P = softmax(S), by whole rows, and whatever changes the scores before or after."""
        build, sizes, zero, op = self.build_, self.sizes, self.build_.constant(0), self.op
        mask, kv_len = op.resolved_mask, fa.tensor_dims(op.key)[2]
        if op.lengths is not None:
            refuse_masks(op)
            mask = None
        function = None if op.mask_mod is None else MaskFunction.of(op.mask_mod)
        masked = mask is not None or function is not None
        empty = may_see_nothing(op, sizes.q_rows)
        rows = sizes.softmax_rows
        with build.loop("row", sizes.q_len, rows) as i:
            kind = self._tile(rows, sizes.kv_len)
            place = (*query, i.induction, zero)

            def take(stage: str, value: SSAValue) -> None:
                if taken is None or op.stage != stage:
                    return
                if stage == "masked" and masked:
                    # On the machine what is hidden is very small but finite; this overflows it.
                    for factor in (OVERFLOW, 1 / OVERFLOW):
                        value = build.insert(fa.ScaleOp(value, factor), "s_shown").result
                build.insert(fa.StoreOp(value, taken, place))

            s = build.insert(fa.LoadOp(scores, (i.induction, zero), kind), "s").tile
            if op.factor != 1.0 and not self.fold_scale:
                scaled = fa.MapOp(s, place, _times(op.factor))
                s = build.insert(scaled, "s_scaled").result
            take("raw", s)
            for function in (soft_cap(op.cap), op.score_mod):
                if function is not None:
                    s = build.insert(fa.MapOp(s, place, function.clone()), "s").result
            take("capped", s)
            if self.bias is not None:
                dims = fa.tensor_dims(self.bias)
                at = [x if n > 1 else zero for x, n in zip(query, dims[:2], strict=True)]
                bias = fa.LoadOp(self.bias, (*at, i.induction, zero), kind)
                s = build.insert(
                    fa.AccumulateOp(s, build.insert(bias, "bias").tile), "s_biased"
                ).result
            if self.length is not None:
                s = build.insert(fa.LimitOp(s, zero, self.length), "s_limited").result
            elif masked or kv_len < sizes.kv_len:
                step = fa.MaskOp(
                    s,
                    place,
                    kv_len=kv_len,
                    mask=mask,
                    mask_mod=None if op.mask_mod is None else op.mask_mod.clone(),
                )
                s = build.insert(step, "s_masked").result
            take("masked", s)
            first = self._first(query[1], rows)
            softmax = build.insert(fa.SoftmaxOp(s, empty, f32, first, self.bound), "p", "m", "l")
            p = softmax.result
            if op.prob_mod is not None:
                p = build.insert(fa.MapOp(p, place, op.prob_mod.clone()), "p").result
            take("softmax", p)
            build.insert(fa.StoreOp(p, weights, (i.induction, zero)))
            if lse is not None:
                line = TileType.get(
                    (self.machine.writeback_v, round_up(rows, self.machine.vlen)),
                    f32,
                    "vector",
                )
                most = kv_len if first is None else kv_len + 1
                row = build.insert(
                    fa.LogsumexpOp(softmax.maximum, softmax.total, most, empty, line), "lse"
                ).result
                build.insert(fa.StoreOp(row, lse, (*query, i.induction), row=True))

    def _output(
        self,
        query: tuple[SSAValue, ...],
        kv: tuple[SSAValue, ...],
        weights: SSAValue,
        out: SSAValue,
    ) -> None:
        """O = P V."""
        build, sizes, zero = self.build_, self.sizes, self.build_.constant(0)
        with build.loop("row", sizes.q_len, sizes.q_rows) as i:
            acc_type = self._tile(sizes.q_rows, sizes.value_dim)
            acc = build.insert(fa.FillOp(0.0, acc_type), "acc").tile
            with build.loop("key", sizes.kv_len, sizes.kv_rows, [acc]) as n:
                p_type = self._tile(sizes.q_rows, sizes.kv_rows)
                p = build.insert(fa.LoadOp(weights, (i.induction, n.induction), p_type), "p").tile
                v_type = self._tile(sizes.kv_rows, sizes.value_dim, "matrix")
                v = build.insert(
                    fa.LoadOp(self.op.value, (*kv, n.induction, zero), v_type), "v"
                ).tile
                product = build.insert(fa.MatmulOp(p, v), "pv").result
                n.yields(build.insert(fa.AccumulateOp(n.carried[0], product), "acc").result)
            build.insert(fa.StoreOp(n.results[0], out, (*query, i.induction, zero)))

"""`fuse`: the three nests of standard attention into one with the online softmax.

Precondition: what `tile` makes: a nest that stores scores S, one that turns whole rows of S into P,
one that accumulates P V, over the same query rows.
Postcondition: one nest in FlashAttention-2 order, queries outside: each tile of scores is used at
once, the running maximum and sum (m, l) and the accumulator are carried from key tile to key tile,
and the division by l comes last. S and P are gone, and with them their HBM traffic.
Nests of another form stay as they are: they lower to correct code too.
Option `split-kv`: the keys in so many parts, each with statistics and an accumulator of its own,
combined at the end (flash decoding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from xdsl.context import Context
from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, OpResult, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..diagnostics import OpError
from ..dialects import fa
from ..dialects.fa_attrs import TileType
from ..dialects.machine_attr import machine_of
from ..machine.params import Machine
from .affine import affine, iterations
from .building import Loop, TileBuilder
from .tile_sizes import round_up

OpT = TypeVar("OpT", bound=Operation)


@dataclass(frozen=True)
class FusePass(ModulePass):
    """Scores, softmax and P V in one nest, with the online softmax."""

    name = "fuse"

    split_kv: int = 1
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = machine_of(op, self.machine)
        if self.split_kv < 1:
            raise OpError(op, f"split-kv must be at least 1, got {self.split_kv}")
        for softmax in [inner for inner in op.walk() if isinstance(inner, fa.SoftmaxOp)]:
            nests = match(softmax)
            if nests is not None:
                _Fusion(machine, nests, self.split_kv).build()


@dataclass(frozen=True)
class Nests:
    """The parts of standard attention that fusion puts together again."""

    block: Block
    """The block that the three nests stand in."""
    query_load: fa.LoadOp
    query_scale: fa.ScaleOp | None
    key_load: fa.LoadOp
    scores: fa.ScoresOp
    scores_store: fa.StoreOp
    scores_load: fa.LoadOp
    steps: tuple[Operation, ...]
    """What happens to the scores between load and softmax: maps, biases, masks."""
    softmax: fa.SoftmaxOp
    weights_store: fa.StoreOp
    logsumexp: fa.LogsumexpOp | None
    logsumexp_store: fa.StoreOp | None
    weights_load: fa.LoadOp
    value_load: fa.LoadOp
    product: fa.MatmulOp
    accumulate: fa.AccumulateOp
    initial: fa.FillOp
    output_store: fa.StoreOp


def _producer(value: SSAValue, kind: type[OpT]) -> OpT | None:
    """The operation that gives a value, if it is of that kind."""
    if isinstance(value, OpResult) and isinstance(value.op, kind):
        return value.op
    return None


def _only_user(value: SSAValue, kind: type[OpT]) -> OpT | None:
    """The only operation that uses a value, if it is one, and of that kind."""
    users = [use.operation for use in value.uses]
    if len(users) == 1 and isinstance(users[0], kind):
        return users[0]
    return None


def _steps(scores: SSAValue) -> tuple[Operation, ...]:
    """The elementwise operations on tiles that lead to the scores, first to last."""
    steps: list[Operation] = []
    while isinstance(scores, OpResult):
        op = scores.op
        biased = isinstance(op, fa.AccumulateOp) and op.alpha is None
        if not isinstance(op, fa.MapOp | fa.MaskOp) and not (
            biased and _producer(op.operands[1], fa.LoadOp) is not None
        ):
            break
        steps.append(op)
        scores = op.operands[0]
    return tuple(reversed(steps))


def _buffer_ends(buffer: SSAValue) -> tuple[fa.StoreOp, fa.LoadOp] | None:
    """The one store into and the one load from a local buffer."""
    if _producer(buffer, memref.AllocOp) is None:
        return None
    users = [use.operation for use in buffer.uses]
    stores = [user for user in users if isinstance(user, fa.StoreOp)]
    loads = [user for user in users if isinstance(user, fa.LoadOp)]
    if len(users) != 2 or len(stores) != 1 or len(loads) != 1:
        return None
    return stores[0], loads[0]


def _nest_of(op: Operation, block: Block) -> tuple[scf.ForOp, ...] | None:
    """The loops between `block` and an operation, outermost first; None where it is not inside."""
    loops: list[scf.ForOp] = []
    parent = op.parent_op()
    while op.parent_block() is not block:
        if not isinstance(parent, scf.ForOp):
            return None
        loops.append(parent)
        op, parent = parent, parent.parent_op()
    return tuple(reversed(loops))


def match(softmax: fa.SoftmaxOp) -> Nests | None:
    """The nests around a whole-row softmax, or None where they are not standard attention."""
    steps = _steps(softmax.scores)
    scores_load = _producer(steps[0].operands[0] if steps else softmax.scores, fa.LoadOp)
    weights_store = _only_user(softmax.result, fa.StoreOp)
    if scores_load is None or weights_store is None:
        return None
    logsumexp = _only_user(softmax.maximum, fa.LogsumexpOp)
    unused = not any(True for _ in softmax.maximum.uses)
    if logsumexp is None and not (unused and not any(True for _ in softmax.total.uses)):
        return None
    logsumexp_store = None if logsumexp is None else _only_user(logsumexp.result, fa.StoreOp)
    if logsumexp is not None and logsumexp_store is None:
        return None
    scores_ends = _buffer_ends(scores_load.source)
    weights_ends = _buffer_ends(weights_store.target)
    if scores_ends is None or weights_ends is None:
        return None
    scores_store, weights_load = scores_ends[0], weights_ends[1]
    scores = _producer(scores_store.tile, fa.ScoresOp)
    product = _only_user(weights_load.tile, fa.MatmulOp)
    if scores is None or product is None:
        return None
    query_scale = _producer(scores.query, fa.ScaleOp)
    query_load = _producer(query_scale.source if query_scale else scores.query, fa.LoadOp)
    key_load, value_load = _producer(scores.key, fa.LoadOp), _producer(product.rhs, fa.LoadOp)
    accumulate = _only_user(product.result, fa.AccumulateOp)
    if None in (query_load, key_load, value_load, accumulate):
        return None
    assert query_load
    assert key_load
    assert value_load
    assert accumulate
    ends = _accumulation(accumulate)
    block = _common_block(scores_store, softmax, accumulate)
    if ends is None or block is None or accumulate.alpha is not None:
        return None
    nests = Nests(
        block, query_load, query_scale, key_load, scores, scores_store, scores_load, steps, softmax,
        weights_store, logsumexp, logsumexp_store, weights_load, value_load, product, accumulate,
        *ends,
    )  # fmt: skip
    return nests if _same_iterations(nests) else None


def _accumulation(accumulate: fa.AccumulateOp) -> tuple[fa.FillOp, fa.StoreOp] | None:
    """The zero that an accumulation starts from and the store of its result."""
    initial, result = accumulate.acc, accumulate.result
    loop = accumulate.parent_op()
    if isinstance(loop, scf.ForOp) and initial in loop.body.block.args:
        # Carried by the loop over key tiles, which carries nothing else.
        if len(loop.iter_args) != 1 or _only_user(result, scf.YieldOp) is None:
            return None
        initial, result = loop.iter_args[0], loop.results[0]
    fill, store = _producer(initial, fa.FillOp), _only_user(result, fa.StoreOp)
    if fill is None or store is None or fill.value.value.data != 0.0:
        return None
    return fill, store


def _common_block(*ops: Operation) -> Block | None:
    """The innermost block that holds all operations, or the loops they stand in."""
    block = ops[0].parent_block()
    while block is not None:
        if all(_nest_of(op, block) is not None for op in ops):
            return block
        parent = block.parent_op()
        block = None if parent is None else parent.parent_block()
    return None


def _same_iterations(nests: Nests) -> bool:
    """Whether the nests go over the same query rows, and the outer two over the same key tiles."""
    q_rows, kv_rows = (fa.tile(value).rows for value in (nests.scores.query, nests.scores.key))
    spaces = [
        _space(op, nests.block) for op in (nests.scores_store, nests.weights_load, nests.softmax)
    ]
    if any(space is None for space in spaces):
        return False
    first, second, whole = spaces
    assert first is not None
    assert second is not None
    assert whole is not None
    same = first == second and fa.tile(nests.product.rhs).rows == kv_rows
    covered = fa.tile(nests.softmax.scores)
    rows = fa.tensor_dims(nests.scores_store.target)[0]
    return same and covered.cols == fa.tensor_dims(nests.scores_store.target)[1] and q_rows <= rows


def _space(op: Operation, block: Block) -> tuple[range, ...] | None:
    nest = _nest_of(op, block)
    return None if nest is None else tuple(iterations(loop) for loop in nest)


State = tuple[SSAValue, SSAValue, SSAValue]
"""Accumulator and statistics."""


class _Fusion:
    """The fused nest, built in front of the first of the three, over `parts` parts of the keys."""

    def __init__(self, machine: Machine, nests: Nests, parts: int):
        self.machine = machine
        self.parts = parts
        self.nests = nests
        first = self._outermost(nests.scores_store)
        function_block = _function_block(nests.block)
        assert function_block.first_op is not None
        self.build_ = TileBuilder(
            InsertPoint.before(first),
            InsertPoint.before(function_block.first_op),
            nests.softmax.location,
        )

    def _outermost(self, op: Operation) -> Operation:
        """The operation of the common block that holds `op`."""
        while op.parent_block() is not self.nests.block:
            parent = op.parent_op()
            assert parent is not None
            op = parent
        return op

    def build(self) -> None:
        """Build the fused nest and erase the three."""
        nests, build = self.nests, self.build_
        rows, q_rows = (
            fa.tensor_dims(nests.scores_store.target)[0],
            fa.tile(nests.scores.query).rows,
        )
        empty = nests.softmax.empty_rows is not None
        statistic = TileType.get((q_rows,), fa.tile(nests.softmax.total).element_type, "scalar")
        with build.loop("row", rows, q_rows) as i:
            query = self._clone(nests.query_load, nests.query_load, i)
            if nests.query_scale is not None:
                query = build.insert(
                    fa.ScaleOp(query, nests.query_scale.factor.value.data), "q_scaled"
                ).result
            maximum, total, acc = self._over_keys(query, i, statistic)
            output = build.insert(fa.NormalizeOp(acc, total, empty), "o").result
            store = nests.output_store
            indices = self._indices(store.indices, nests.output_store, i)
            build.insert(fa.StoreOp(output, store.target, indices))
            if nests.logsumexp is not None and nests.logsumexp_store is not None:
                old = fa.tile(nests.logsumexp.result)
                line = TileType.get(
                    (old.rows, round_up(q_rows, self.machine.vlen)), old.element_type, "vector"
                )
                bound = nests.logsumexp.bound.value.data
                row = build.insert(fa.LogsumexpOp(maximum, total, bound, empty, line), "lse").result
                store = nests.logsumexp_store
                indices = self._indices(store.indices, nests.softmax, i)
                build.insert(fa.StoreOp(row, store.target, indices, row=True))
        self._erase()

    def _over_keys(self, query: SSAValue, i: Loop, statistic: TileType) -> State:
        """The recurrence over all key tiles, in `parts` parts of their own that are combined."""
        nests = self.nests
        keys, kv_rows = (
            fa.tensor_dims(nests.scores_store.target)[1],
            fa.tile(nests.scores.key).rows,
        )
        tiles = keys // kv_rows
        parts = min(self.parts, tiles)
        ends = [tiles * part // parts * kv_rows for part in range(parts + 1)]
        state: State | None = None
        for start, stop in pairwise(ends):
            part = self._part(query, i, statistic, start, stop)
            if state is not None:
                empty = nests.softmax.empty_rows is not None
                both = self.build_.insert(fa.CombineOp(state, part, empty), "acc", "m", "l")
                part = (both.acc, both.maximum, both.total)
            state = part
        assert state is not None
        acc, maximum, total = state
        return maximum, total, acc

    def _part(self, query: SSAValue, i: Loop, statistic: TileType, start: int, stop: int) -> State:
        """The recurrence over the key tiles from `start` to `stop`: acc, m and l."""
        nests, build = self.nests, self.build_
        empty, step = nests.softmax.empty_rows is not None, fa.tile(nests.scores.key).rows
        initial = (
            build.insert(fa.FillOp(float("-inf"), statistic), "m").tile,
            build.insert(fa.FillOp(0.0, statistic), "l").tile,
            build.insert(fa.FillOp(0.0, fa.tile(nests.initial.tile)), "acc").tile,
        )
        with build.loop("key", stop, step, initial, start) as n:
            maximum, total, acc = n.carried
            key = self._clone(nests.key_load, nests.scores_store, i, n)
            scores = build.insert(fa.ScoresOp(query, key), "s").result
            scores = self._step_by_step(scores, i, n)
            online = build.insert(
                fa.OnlineSoftmaxOp(scores, maximum, total, empty), "p", "m", "l", "alpha"
            )
            value = self._clone(nests.value_load, nests.weights_load, i, n)
            product = build.insert(fa.MatmulOp(online.result, value), "pv").result
            acc = build.insert(fa.AccumulateOp(acc, product, online.alpha), "acc").result
            n.yields(online.new_maximum, online.new_total, acc)
        maximum, total, acc = n.results
        return acc, maximum, total

    def _step_by_step(self, scores: SSAValue, i: Loop, n: Loop) -> SSAValue:
        """What happens to whole rows of scores, done to one tile of them."""
        build, nests = self.build_, self.nests
        for step in (None, *nests.steps):
            if isinstance(step, fa.MapOp):
                batch, head = self._indices((step.batch, step.head), nests.softmax, i)
                place = (batch, head, i.induction, n.induction)
                scores = build.insert(fa.MapOp(scores, place, step.function.clone()), "s").result
            elif isinstance(step, fa.AccumulateOp):
                load = _producer(step.addend, fa.LoadOp)
                assert load is not None
                outer = self._indices(load.indices, nests.softmax, i)[:-2]
                indices = (*outer, i.induction, n.induction)
                bias = build.insert(fa.LoadOp(load.source, indices, fa.tile(scores)), "bias")
                scores = build.insert(fa.AccumulateOp(scores, bias.tile), "s_biased").result
            elif isinstance(step, fa.MaskOp):
                (batch,) = self._indices((step.batch,), nests.softmax, i)
                mask = fa.MaskOp(
                    scores,
                    (batch, i.induction, n.induction),
                    kv_len=step.kv_len.value.data,
                    mask=step.shown,
                )
                scores = build.insert(mask, "s_masked").result
            old = nests.scores_load.tile if step is None else step.results[0]
            for use in list(old.uses):
                if isinstance(store := use.operation, fa.StoreOp):
                    # The scores at this stage are a result of their own.
                    outer = self._indices(store.indices, nests.softmax, i)[:-2]
                    indices = (*outer, i.induction, n.induction)
                    build.insert(fa.StoreOp(scores, store.target, indices))
        return scores

    def _clone(self, load: fa.LoadOp, anchor: Operation, *loops: Loop) -> SSAValue:
        """A load of the old nests at the same place of the fused one."""
        indices = self._indices(load.indices, anchor, *loops)
        copy = fa.LoadOp(load.source, indices, fa.tile(load.tile))
        return self.build_.insert(copy, load.tile.name_hint or "tile").tile

    def _indices(
        self, indices: Sequence[SSAValue], anchor: Operation, *loops: Loop
    ) -> list[SSAValue]:
        """Indices with the loop variables around `anchor` replaced by those of `loops`."""
        nest = _nest_of(anchor, self.nests.block)
        assert nest is not None
        new = [loop.induction for loop in loops]
        if len(nest) < len(new):
            # A loop of one iteration was built in neither nest: its variable is a constant.
            new = [induction for induction in new if affine(induction).terms]
        old: list[SSAValue] = [loop.body.block.args[0] for loop in nest]
        table = dict(zip(old, new, strict=True))
        return [table.get(index, index) for index in indices]

    def _erase(self) -> None:
        nests = self.nests
        tops = {self._outermost(op) for op in self._members()}
        for top in sorted(tops, key=_position, reverse=True):
            Rewriter.erase_op(top, safe_erase=False)
        for buffer in (nests.scores_store.target, nests.weights_store.target):
            if not any(True for _ in buffer.uses):
                assert isinstance(buffer, OpResult)
                Rewriter.erase_op(buffer.op)

    def _members(self) -> list[Operation]:
        """Every operation of the old nests, those of loops without a second iteration included."""
        nests = self.nests
        parts = (
            nests.query_load, nests.query_scale, nests.key_load, nests.scores, nests.scores_store,
            nests.scores_load, nests.softmax, nests.weights_store, nests.logsumexp,
            nests.logsumexp_store, nests.weights_load, nests.value_load, nests.product,
            nests.accumulate, nests.initial, nests.output_store,
        )  # fmt: skip
        members: list[Operation] = [part for part in parts if part is not None]
        for step in nests.steps:
            members.append(step)
            if isinstance(step, fa.AccumulateOp):
                load = _producer(step.addend, fa.LoadOp)
                assert load is not None
                members.append(load)
        for value in (nests.scores_load.tile, *(step.results[0] for step in nests.steps)):
            members += [use.operation for use in value.uses if use.operation not in members]
        return members


def _position(op: Operation) -> int:
    block = op.parent_block()
    assert block is not None
    return block.get_operation_index(op)


def _function_block(block: Block) -> Block:
    """The outermost block: the body of the function."""
    parent = block.parent_op()
    while isinstance(parent, scf.ForOp):
        outer = parent.parent_block()
        assert outer is not None
        block, parent = outer, outer.parent_op()
    return block

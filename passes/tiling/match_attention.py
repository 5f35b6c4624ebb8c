"""Recognising standard attention: the three nests that `tile` makes, found by their data flow."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import memref, scf
from xdsl.ir import Block, Operation, OpResult, SSAValue

from ...dialects import fa
from ..support.def_use import Carried, only_user, producer
from ..support.loop_affine import iterations


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
    sink_load: fa.LoadOp | None
    sink: fa.SinkOp | None
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

    @property
    def length(self) -> fa.LengthOp | None:
        """What says at run time how many keys are valid; None where all are."""
        limits = [step for step in self.steps if isinstance(step, fa.LimitOp)]
        return limits[0].counted if limits else None

    @property
    def keys(self) -> int:
        """How many keys there are, padding not counted."""
        return fa.tensor_dims(self.key_load.source)[-2]

    def members(self) -> list[Operation]:
        """Every operation of the old nests, those of loops without a second iteration included."""
        parts = (
            self.query_load, self.query_scale, self.key_load, self.scores, self.scores_store,
            self.scores_load, self.sink_load, self.sink, self.softmax, self.weights_store,
            self.logsumexp, self.logsumexp_store, self.weights_load, self.value_load, self.product,
            self.accumulate, self.initial, self.output_store,
        )  # fmt: skip
        members: list[Operation] = [part for part in parts if part is not None]
        for step in self.steps:
            members.append(step)
            if isinstance(step, fa.AccumulateOp):
                load = producer(step.addend, fa.LoadOp)
                assert load is not None
                members.append(load)
        for value in (self.scores_load.tile, *(step.results[0] for step in self.steps)):
            for scales, store in taps(value):
                members += [*scales, store]
        return members


def whole_row_steps(scores: SSAValue) -> tuple[Operation, ...]:
    """The elementwise operations on tiles that lead to the scores, first to last."""
    steps: list[Operation] = []
    while isinstance(scores, OpResult):
        op = scores.op
        # Tables are of whole rows: `tabulate` comes after.
        plain = isinstance(op, fa.MaskOp | fa.LimitOp)
        plain = plain or (isinstance(op, fa.MapOp) and not op.tables)
        biased = isinstance(op, fa.AccumulateOp) and op.alpha is None
        if not plain and not (biased and producer(op.operands[1], fa.LoadOp) is not None):
            break
        steps.append(op)
        scores = op.operands[0]
    return tuple(reversed(steps))


def taps(scores: SSAValue) -> list[tuple[list[fa.ScaleOp], fa.StoreOp]]:
    """The stores that make scores a result, each with the scalings on its way."""
    found: list[tuple[list[fa.ScaleOp], fa.StoreOp]] = []
    for use in scores.uses:
        user, scales = use.operation, list[fa.ScaleOp]()
        while isinstance(user, fa.ScaleOp):
            scales.append(user)
            user = only_user(user.result, fa.ScaleOp) or only_user(user.result, fa.StoreOp)
        if isinstance(user, fa.StoreOp):
            found.append((scales, user))
    return found


def _buffer_ends(buffer: SSAValue) -> tuple[fa.StoreOp, fa.LoadOp] | None:
    """The one store into and the one load from a local buffer."""
    if producer(buffer, memref.AllocOp) is None:
        return None
    users = [use.operation for use in buffer.uses]
    stores = [user for user in users if isinstance(user, fa.StoreOp)]
    loads = [user for user in users if isinstance(user, fa.LoadOp)]
    if len(users) != 2 or len(stores) != 1 or len(loads) != 1:
        return None
    return stores[0], loads[0]


def nest_of(op: Operation, block: Block) -> tuple[scf.ForOp, ...] | None:
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
    steps = whole_row_steps(softmax.scores)
    scores_load = producer(steps[0].operands[0] if steps else softmax.scores, fa.LoadOp)
    weights_store = only_user(softmax.result, fa.StoreOp)
    if scores_load is None or weights_store is None:
        return None
    logsumexp = only_user(softmax.maximum, fa.LogsumexpOp)
    unused = not any(True for _ in softmax.maximum.uses)
    if logsumexp is None and not (unused and not any(True for _ in softmax.total.uses)):
        return None
    sink = None if softmax.first is None else producer(softmax.first[0], fa.SinkOp)
    sink_load = None if sink is None else producer(sink.score, fa.LoadOp)
    if softmax.first is not None and (
        sink is None or sink_load is None or softmax.first != (sink.maximum, sink.total)
    ):
        return None
    logsumexp_store = None if logsumexp is None else only_user(logsumexp.result, fa.StoreOp)
    if logsumexp is not None and logsumexp_store is None:
        return None
    scores_ends = _buffer_ends(scores_load.source)
    weights_ends = _buffer_ends(weights_store.target)
    if scores_ends is None or weights_ends is None:
        return None
    scores_store, weights_load = scores_ends[0], weights_ends[1]
    scores = producer(scores_store.tile, fa.ScoresOp)
    product = only_user(weights_load.tile, fa.MatmulOp)
    if scores is None or product is None:
        return None
    query_scale = producer(scores.query, fa.ScaleOp)
    query_load = producer(query_scale.source if query_scale else scores.query, fa.LoadOp)
    key_load, value_load = producer(scores.key, fa.LoadOp), producer(product.rhs, fa.LoadOp)
    accumulate = only_user(product.result, fa.AccumulateOp)
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
        block, query_load, query_scale, key_load, scores, scores_store, scores_load, steps,
        sink_load, sink, softmax, weights_store, logsumexp, logsumexp_store, weights_load,
        value_load, product, accumulate,
        *ends,
    )  # fmt: skip
    return nests if _same_iterations(nests) else None


def _accumulation(accumulate: fa.AccumulateOp) -> tuple[fa.FillOp, fa.StoreOp] | None:
    """The zero that an accumulation starts from and the store of its result."""
    initial, result = accumulate.acc, accumulate.result
    loop = accumulate.parent_op()
    if isinstance(loop, scf.ForOp) and initial in loop.body.block.args:
        # Carried by the loop over key tiles, which carries nothing else.
        if len(loop.iter_args) != 1 or only_user(result, scf.YieldOp) is None:
            return None
        carried = Carried.at(loop, 0)
        initial, result = carried.initial, carried.result
    fill, store = producer(initial, fa.FillOp), only_user(result, fa.StoreOp)
    if fill is None or store is None or fill.value.value.data != 0.0:
        return None
    return fill, store


def _common_block(*ops: Operation) -> Block | None:
    """The innermost block that holds all operations, or the loops they stand in."""
    block = ops[0].parent_block()
    while block is not None:
        if all(nest_of(op, block) is not None for op in ops):
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
    nest = nest_of(op, block)
    return None if nest is None else tuple(iterations(loop) for loop in nest)


def position(op: Operation) -> int:
    block = op.parent_block()
    assert block is not None
    return block.get_operation_index(op)


def function_block(block: Block) -> Block:
    """The outermost block: the body of the function."""
    parent = block.parent_op()
    while isinstance(parent, scf.ForOp):
        outer = parent.parent_block()
        assert outer is not None
        block, parent = outer, outer.parent_op()
    return block


def is_online(loop: scf.ForOp) -> bool:
    """Whether a loop does nothing but carry the online softmax over key tiles.

    Then a tile of which nothing is seen changes nothing and need not be visited.
    """
    ops = list(loop.body.block.ops)
    steps = [op for op in ops if isinstance(op, fa.OnlineSoftmaxOp)]
    masked = {op.result for op in ops if isinstance(op, fa.MaskOp)}
    carried = set(loop.body.block.args)
    if any(isinstance(op, fa.StoreOp) for op in ops):
        return False
    return bool(steps) and all(
        step.scores in masked
        and (step.bounded is not None or step.maximum in carried)
        and step.total in carried
        for step in steps
    )

"""What fusion can build anew, and what would be lost of nests that later passes have changed.

Fusion takes from the old nests what `tile` puts there. What map, specialize-masks and others add (a
choice of instructions, packed queries, loaded masks, addresses) a new nest would not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects import scf
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ...dialects import fa
from ...dialects.fa.types import TileType
from ..support.def_use import producer
from ..support.loop_affine import Affine, affine
from .match_attention import Nests, nest_of, taps


def obstacle(nests: Nests) -> tuple[Operation, str] | None:
    """An operation that cannot be built anew, and why; None where all can."""
    for op in nests.members():
        if (reason := _lost(op)) is not None:
            return op, reason
    for op, indices in _taken_over(nests):
        if not all(_there_before(nests, op, index) for index in indices):
            return op, "its place is computed inside the loops that fusion takes away"
    return None


def _lost(op: Operation) -> str | None:
    """What an operation has that a new one in its place would not have."""
    if isinstance(op, fa.ScoresOp | fa.MatmulOp) and op.family is not None:
        return f"its instruction is chosen ({op.family.data}): map comes after fuse"
    if isinstance(op, fa.ScoresOp) and op.packing is not None:
        return "its queries are packed: map comes after fuse"
    if isinstance(op, fa.MatmulOp) and op.columns is not None:
        return "its values are transposed: map comes after fuse"
    if isinstance(op, fa.MaskOp) and op.hidden is not None:
        return "what it hides is a tile that is loaded: specialize-masks comes after fuse"
    placed = any(isinstance(r.type, TileType) and r.type.at is not None for r in op.results)
    if placed or getattr(op, "scratch", None) is not None:
        return "its tiles have addresses: allocate-sram comes after fuse"
    return next((f"it bears '{name}', which a later pass has set" for name in op.attributes), None)


def _taken_over(nests: Nests) -> Iterator[tuple[Operation, Sequence[SSAValue]]]:
    """The indices that the new nest takes from the old ones, with the operations that have them."""
    accesses = (
        nests.query_load, nests.key_load, nests.value_load, nests.sink_load, nests.output_store,
        nests.logsumexp_store,
    )  # fmt: skip
    for access in accesses:
        if access is not None:
            yield access, access.indices
    for step in nests.steps:
        if isinstance(step, fa.MapOp | fa.MaskOp):
            yield step, (step.batch, step.head)
        elif isinstance(step, fa.LimitOp):
            yield step, (step.length,)
    for load in _biases(nests):
        yield load, load.indices[:-2]
    for store in _taken(nests):
        yield store, store.indices[:-2]


def _biases(nests: Nests) -> list[fa.LoadOp]:
    """The loads of what is added to scores."""
    adds = [step for step in nests.steps if isinstance(step, fa.AccumulateOp)]
    loads = [producer(add.addend, fa.LoadOp) for add in adds]
    return [load for load in loads if load is not None]


def _taken(nests: Nests) -> list[fa.StoreOp]:
    """The stores that make scores a result."""
    values = (nests.scores_load.tile, *(step.results[0] for step in nests.steps))
    return [store for value in values for _, store in taps(value)]


def _there_before(nests: Nests, user: Operation, index: SSAValue) -> bool:
    """Whether an index is there in front of the old nests, or is the variable of one of their
    loops, which the new nest has too."""
    nest = nest_of(user, nests.block)
    assert nest is not None
    if any(index is loop.body.block.args[0] for loop in nest):
        return True
    if isinstance(index, BlockArgument):
        return _around(index.block, nests.block)
    home = index.owner.parent_block()
    assert home is not None
    if home is not nests.block:
        return _around(home, nests.block)
    return _place(index.owner, nests.block) < _place(nests.scores_store, nests.block)


def _place(op: Operation | Block, block: Block) -> int:
    """The number in `block` of the operation that is `op` or that it stands in."""
    while isinstance(op, Block) or op.parent_block() is not block:
        parent = op.parent_op()
        assert parent is not None
        op = parent
    return block.get_operation_index(op)


def _around(outer: Block, block: Block) -> bool:
    """Whether `outer` is `block` or around it."""
    inside: Block | None = block
    while inside is not None and inside is not outer:
        parent = inside.parent_op()
        inside = None if parent is None else parent.parent_block()
    return inside is outer


def hand_on(nests: Nests) -> bool:
    """Whether each nest finds its tiles where the one before has put them, and nothing else stands
    in the nests."""
    return _by_rows(nests) and _aligned(nests) and _alone(nests)


def _by_rows(nests: Nests) -> bool:
    """Whether what is done once for a tile of rows stands in the loop over rows alone."""
    once = (nests.query_load, nests.softmax, nests.output_store)
    return all(len(nest_of(op, nests.block) or ()) <= 1 for op in once)


def _aligned(nests: Nests) -> bool:
    """Whether rows are those of queries, columns those of keys, from end to end."""
    scores, weights = nests.scores_store, nests.weights_load
    whole = nests.scores_load
    pairs = [
        (scores.indices[-2], nests.query_load.indices[-2]),
        (scores.indices[-1], nests.key_load.indices[-2]),
        (weights.indices[-1], nests.value_load.indices[-2]),
        (weights.indices[-2], nests.output_store.indices[-2]),
        (whole.indices[-2], nests.weights_store.indices[-2]),
        (whole.indices[-1], nests.weights_store.indices[-1]),
    ]
    for access in (*_biases(nests), *_taken(nests)):
        pairs += zip(access.indices[-2:], whole.indices[-2:], strict=True)
    for step in nests.steps:
        if isinstance(step, fa.MapOp | fa.MaskOp):
            pairs += [(step.row, whole.indices[-2]), (step.col, whole.indices[-1])]
        elif isinstance(step, fa.LimitOp):
            pairs.append((step.col, whole.indices[-1]))
    if nests.logsumexp_store is not None:
        pairs.append((nests.logsumexp_store.indices[-1], whole.indices[-2]))
    first = (whole.indices[-1], nests.key_load.indices[-1], nests.value_load.indices[-1])
    return all(affine(one) == affine(other) for one, other in pairs) and all(
        affine(index) == Affine(0) for index in first
    )


def _alone(nests: Nests) -> bool:
    """Whether the loops of the nests hold nothing but their members and what computes places."""
    members = set(nests.members())

    def known(op: Operation) -> bool:
        if isinstance(op, scf.ForOp):
            return all(map(known, op.body.block.ops))
        return op in members or isinstance(op, scf.YieldOp) or op.name.startswith("arith.")

    tops = {_place(op, nests.block) for op in members}
    return all(known(op) for at, op in enumerate(nests.block.ops) if at in tops)

"""`specialize-masks`: what masks depend on, settled at compile time.

The machine has no branches. Precondition: tile IR with constant loop bounds, masks at affine
places. Postcondition: each `fa.mask` stands at a constant place. Key tiles of which nothing is
seen are not visited, tiles that are seen whole are not masked, and only tiles that are seen in
part are, one copy of the loop body for each. Loops over query tiles are unrolled where masks
differ between iterations, and stay loops where they do not. `empty_rows` goes where every row is
seen to see a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product

from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import region_dce

from ..diagnostics import OpError
from ..dialects import fa
from .affine import affine, iterations
from .building import index_constant, index_value
from .index_values import may_hide
from .mask_classes import MaskClass, TileMask

Known = Mapping[SSAValue, int]


@dataclass(frozen=True)
class SpecializeMasksPass(ModulePass):
    """Skip what masks hide, unmask what they show, unroll where they differ."""

    name = "specialize-masks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        while loops := _outermost_dependent(op):
            for loop in loops:
                _specialize(loop)
        for mask in _masks(op):
            _settle(mask)
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            # What fed tiles that are not visited; before allocation only stores have effects.
            region_dce(function.body)
        for step in [inner for inner in op.walk() if isinstance(inner, WITH_EMPTY_ROWS)]:
            if step.empty_rows is not None and _every_row_seen(step):
                step.empty_rows = None


WITH_EMPTY_ROWS = (fa.SoftmaxOp, fa.OnlineSoftmaxOp, fa.NormalizeOp, fa.LogsumexpOp)


def _masks(op: Operation) -> list[fa.MaskOp]:
    return [inner for inner in op.walk() if isinstance(inner, fa.MaskOp)]


PLACE = (1, 2, 3)
"""The operands of a mask that say where its tile lies: batch, row, column."""


def _used_places(mask: fa.MaskOp) -> list[SSAValue]:
    """The indices that what a mask hides depends on."""
    places = [mask.col]
    if mask.shown is not None:
        places.append(mask.row)
        if mask.shown.batched:
            places.append(mask.batch)
    return places


def _depends(mask: fa.MaskOp, variable: SSAValue) -> bool:
    """Whether what a mask hides depends on a loop variable."""
    return any(variable in affine(place).terms for place in _used_places(mask))


def tile_mask(mask: fa.MaskOp, known: Known) -> TileMask:
    """What a mask hides, given loop variables; raises OpError where that is not settled."""
    if any(affine(place).at(known).terms for place in _used_places(mask)):
        raise OpError(mask, "the place of a mask must follow from loops with constant bounds")
    batch, row, col = (affine(mask.operands[position]).at(known).constant for position in PLACE)
    kind = fa.tile(mask.scores)
    return TileMask.at(kind.rows, kind.cols, row, col, mask.kv_len.value.data, mask.shown, batch)


def _outermost_dependent(op: Operation) -> list[scf.ForOp]:
    """The loops on whose variable a mask inside depends, without those inside such loops."""
    found: list[scf.ForOp] = []
    for region in op.regions:
        for block in region.blocks:
            for inner in block.ops:
                if isinstance(inner, scf.ForOp):
                    variable = inner.body.block.args[0]
                    if any(_depends(mask, variable) for mask in _masks(inner)):
                        found.append(inner)
                        continue
                found.extend(_outermost_dependent(inner))
    return found


def _specialize(loop: scf.ForOp) -> None:
    """Replace a loop by a copy for each run of iterations that are masked alike."""
    variable = loop.body.block.args[0]
    skippable = _is_online(loop)
    segments = [
        list(values)
        for key, values in groupby(iterations(loop), lambda at: _signature(loop, {variable: at}))
        if not (skippable and all(mask.kind is MaskClass.EMPTY for mask in key))
    ]
    carried: Sequence[SSAValue] = tuple(loop.iter_args)
    for values in segments:
        carried = _copy(loop, values, carried)
    for old, new in zip(loop.results, carried, strict=True):
        old.replace_all_uses_with(new)
    Rewriter.erase_op(loop)


def _is_online(loop: scf.ForOp) -> bool:
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
        step.scores in masked and step.maximum in carried and step.total in carried
        for step in steps
    )


def _signature(loop: scf.ForOp, known: Known) -> tuple[TileMask, ...]:
    """What every mask inside a loop hides in one iteration, over the iterations of inner loops.

    Iterations with equal signatures are masked alike, wherever their tiles lie.
    """
    result: list[TileMask] = []
    for mask in _masks(loop):
        inner: list[scf.ForOp] = []
        parent = mask.parent_op()
        while parent is not loop:
            assert isinstance(parent, scf.ForOp)
            if _depends(mask, parent.body.block.args[0]):
                inner.append(parent)
            parent = parent.parent_op()
        variables = [op.body.block.args[0] for op in inner]
        for values in product(*(iterations(op) for op in inner)):
            result.append(tile_mask(mask, {**known, **dict(zip(variables, values, strict=True))}))
    return tuple(result)


def _copy(
    loop: scf.ForOp, values: Sequence[int], carried: Sequence[SSAValue]
) -> Sequence[SSAValue]:
    """A specialised copy of a loop over `values`, in front of it; returns what it carries out."""
    point, old = InsertPoint.before(loop), loop.body.block
    if len(values) == 1:
        first = index_constant(values[0], point, loop.location)
        table: dict[SSAValue, SSAValue] = dict(zip(old.args, [first, *carried], strict=True))
        last = old.last_op
        assert isinstance(last, scf.YieldOp)
        for op in [op for op in old.ops if op is not last]:
            Rewriter.insert_op(op.clone(table), point)
        return [table.get(value, value) for value in last.arguments]
    step = values[1] - values[0]
    bounds = [
        index_constant(at, point, loop.location) for at in (values[0], values[-1] + step, step)
    ]
    block = Block(arg_types=[arg.type for arg in old.args])
    for arg, model in zip(block.args, old.args, strict=True):
        arg.name_hint = model.name_hint
    table = dict(zip(old.args, block.args, strict=True))
    for op in old.ops:
        block.add_op(op.clone(table))
    copy = scf.ForOp(bounds[0], bounds[1], bounds[2], carried, Region(block))
    copy.location = loop.location
    Rewriter.insert_op(copy, point)
    for mask in _masks(copy):
        # All iterations are masked alike, so the first may stand for them.
        for position in PLACE:
            place = affine(mask.operands[position]).at({block.args[0]: values[0]})
            mask.operands[position] = index_value(place, InsertPoint.before(mask), loop.location)
    return list(copy.results)


def _settle(mask: fa.MaskOp) -> None:
    """Remove a mask that hides nothing; write the place of any other as constants."""
    hidden = tile_mask(mask, {})
    if hidden.kind is MaskClass.FULL:
        mask.result.replace_all_uses_with(mask.scores)
        Rewriter.erase_op(mask)
        return
    if hidden.kind is MaskClass.EMPTY and _skip(mask):
        return
    point = InsertPoint.before(mask)
    for position in PLACE:
        # What nothing depends on may still be a variable; any constant will do for it.
        place = affine(mask.operands[position]).at({})
        if place.terms or not isinstance(mask.operands[position].owner, arith.ConstantOp):
            value = 0 if place.terms else place.constant
            mask.operands[position] = index_constant(value, point, mask.location)


def _skip(mask: fa.MaskOp) -> bool:
    """Leave out the step of the online softmax that sees nothing; False where more hangs on it."""
    users = [use.operation for use in mask.result.uses]
    if len(users) != 1 or not isinstance(step := users[0], fa.OnlineSoftmaxOp):
        return False
    adds = [use.operation for use in step.alpha.uses]
    products = [use.operation for use in step.result.uses]
    if not all(isinstance(add, fa.AccumulateOp) for add in adds) or not all(
        isinstance(product, fa.MatmulOp)
        and {use.operation for use in product.result.uses} <= set(adds)
        for product in products
    ):
        return False
    for add in adds:
        assert isinstance(add, fa.AccumulateOp)
        add.result.replace_all_uses_with(add.acc)
        Rewriter.erase_op(add)
    for user in [use.operation for use in step.result.uses]:
        # The product that went into the sums just erased.
        Rewriter.erase_op(user)
    step.new_maximum.replace_all_uses_with(step.maximum)
    step.new_total.replace_all_uses_with(step.total)
    Rewriter.erase_op(step)
    Rewriter.erase_op(mask)
    return True


def _every_row_seen(op: Operation) -> bool:
    """Whether each row sees some key, according to one of the steps that lead to `op`."""
    if isinstance(op, fa.SoftmaxOp):
        return _rows_see(op.scores)
    assert isinstance(op, fa.OnlineSoftmaxOp | fa.NormalizeOp | fa.LogsumexpOp)
    value: SSAValue = op.new_total if isinstance(op, fa.OnlineSoftmaxOp) else op.total
    while True:
        if isinstance(value, BlockArgument):
            loop = value.owner.parent_op()
            if not isinstance(loop, scf.ForOp):
                return False
            value = loop.iter_args[value.index - 1]
            continue
        assert isinstance(value, OpResult)
        if isinstance(value.op, fa.OnlineSoftmaxOp):
            if _rows_see(value.op.scores):
                return True
            value = value.op.total
        elif isinstance(value.op, scf.ForOp):
            last = value.op.body.block.last_op
            assert last is not None
            value = last.operands[value.index]
        else:
            return False


def _rows_see(scores: SSAValue) -> bool:
    """Whether each query of a tile sees some key, in this tile or elsewhere."""
    sees, kind = True, fa.tile(scores)
    while isinstance(scores, OpResult) and isinstance(
        op := scores.op, fa.MaskOp | fa.MapOp | fa.AccumulateOp
    ):
        if isinstance(op, fa.AccumulateOp):
            # A bias may hide anything.
            return False
        if isinstance(op, fa.MapOp) and (op.tables or may_hide(op.function)):
            return False
        if isinstance(op, fa.MaskOp):
            batch, row = (affine(place).constant for place in (op.batch, op.row))
            kv_len = op.kv_len.value.data
            whole = TileMask.at(kind.rows, kv_len, row, 0, kv_len, op.shown, batch)
            sees = sees and whole.every_row_sees
        scores = op.operands[0]
    return sees

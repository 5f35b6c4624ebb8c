"""`trim-tiles`: what a mask hides of all rows of a tile is cut off.

Precondition: tile IR after `specialize-masks`, masks at constant places. Postcondition: where whole
panels of keys at the start or the end of a tile of scores are seen by none of its rows, the tile
has no such panels: scores, softmax and products are narrower, and keys and values are loaded from
the first key that is seen to the last one, or are views of tiles that are loaded as a whole. A mask
that hides nothing of what is left is gone.
"""

from __future__ import annotations

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
from ..support.def_use import only_user, producer
from ..support.loop_affine import Affine, affine
from ..support.rounding import round_up
from ..support.tile_builder import index_value
from .mask_sites import shown_by, tile_mask, used_places


@dataclass(frozen=True)
class TrimTilesPass(ModulePass):
    """Narrower tiles where a mask leaves out whole panels of keys."""

    name = "trim-tiles"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            for mask in [inner for inner in function.walk() if isinstance(inner, fa.MaskOp)]:
                chain = _Chain.of(mask)
                if chain is not None:
                    _check_settled(mask)
                    _trim(machine, chain)


def _check_settled(mask: fa.MaskOp) -> None:
    """Raise OpError where a mask does not stand at one place yet."""
    if any(place.terms for place in used_places(mask, shown_by(mask))):
        raise OpError(
            mask, "trim-tiles comes after specialize-masks: this mask still stands in a loop"
        )


@dataclass(frozen=True)
class _Chain:
    """The operations on one tile of scores, from Q K^T to P V; nothing else sees its columns."""

    scores: fa.ScoresOp
    maps: tuple[fa.MapOp, ...]
    mask: fa.MaskOp
    step: fa.OnlineSoftmaxOp
    repacks: tuple[fa.RepackOp, ...]
    products: tuple[fa.MatmulOp, ...]

    @classmethod
    def of(cls, mask: fa.MaskOp) -> _Chain | None:
        """The chain around a mask; None where it is another or its tiles are needed elsewhere."""
        if mask.hidden is not None:
            return None
        step = only_user(mask.result, fa.OnlineSoftmaxOp)
        maps: list[fa.MapOp] = []
        value = mask.scores
        while (before := producer(value, fa.MapOp)) is not None:
            if before.tables or len(list(value.uses)) > 1:
                return None
            maps.insert(0, before)
            value = before.source
        scores = producer(value, fa.ScoresOp)
        if step is None or scores is None or len(list(value.uses)) > 1:
            return None
        users = [use.operation for use in step.result.uses]
        repacks = tuple(op for op in users if isinstance(op, fa.RepackOp))
        users = [op for op in users if not isinstance(op, fa.RepackOp)]
        users += [use.operation for repack in repacks for use in repack.result.uses]
        products = tuple(op for op in users if isinstance(op, fa.MatmulOp))
        if len(products) < len(users):
            return None
        return cls(scores, tuple(maps), mask, step, repacks, products)


def _trim(machine: Machine, chain: _Chain) -> None:
    of_rows = tile_mask(chain.mask).runs
    runs = [run for run in of_rows if run[0] < run[1]]
    cols, granule = fa.tile(chain.mask.result).cols, machine.prefetch_m
    if not runs:
        return
    first = min(run[0] for run in runs) // granule * granule
    last = round_up(max(run[1] for run in runs), granule)
    if last - first >= cols:
        return
    scores = chain.scores
    key = _part(scores, 1, first, last - first, transposed=False)
    new: fa.TileOp = fa.ScoresOp(
        scores.query,
        key,
        fa.tile(scores.result).element_type,
        None if scores.family is None else scores.instruction,
        scores.packing,
        fa.tile(scores.result).rows,
    )
    _in_front(scores, new)
    value = new.results[0]
    shows_all = all(run == (first, last) for run in of_rows)
    for op in chain.maps if shows_all else (*chain.maps, chain.mask):
        start = _moved(op.col, first, op)
        if isinstance(op, fa.MapOp):
            place = (op.batch, op.head, op.row, start)
            new = fa.MapOp(value, place, op.function.clone())
        else:
            new = op.at(value, start)
        _in_front(op, new)
        value = new.results[0]
    step = chain.step
    step.operands[0] = value
    for gone in (chain.mask, *reversed(chain.maps), scores):
        Rewriter.erase_op(gone)
    for probabilities in (step.result, *(repack.result for repack in chain.repacks)):
        Rewriter.replace_value_with_new_type(probabilities, _narrow(probabilities, last - first))
    for product in chain.products:
        product.operands[1] = _part(product, 1, first, last - first, transposed=product.transposed)


def _in_front(old: fa.TileOp, new: fa.TileOp) -> None:
    """Put an operation in front of the one whose place it takes."""
    new.location = old.location
    new.results[0].name_hint = old.results[0].name_hint
    Rewriter.insert_op(new, InsertPoint.before(old))


def _narrow(value: SSAValue, cols: int) -> TileType:
    kind = fa.tile(value)
    return kind.with_cols(cols)


def _moved(col: SSAValue, first: int, before: Operation) -> SSAValue:
    """A column further on."""
    if first == 0:
        return col
    moved = affine(col).plus(Affine(first))
    return index_value(moved, InsertPoint.before(before), before.location)


def _part(user: fa.TileOp, operand: int, first: int, keys: int, *, transposed: bool) -> SSAValue:
    """`keys` keys from `first` on of the tile of keys or values that an operation reads."""
    value = user.operands[operand]
    kind = fa.tile(value)
    dims = (kind.rows, keys) if transposed else (keys, kind.cols)
    start = (0, first) if transposed else (first, 0)
    load = producer(value, fa.LoadOp)
    if load is not None and len(list(value.uses)) == 1 and user.parent is load.parent:
        position = len(load.indices) - (1 if transposed else 2)
        indices = list(load.indices)
        indices[position] = _moved(indices[position], first, load)
        part: fa.LoadOp | fa.ViewOp = fa.LoadOp(
            load.source, indices, TileType.get(dims, kind.element_type, "matrix")
        )
        anchor: fa.TileOp = load
    else:
        part, anchor = fa.ViewOp(value, start, dims), user
    part.location, part.results[0].name_hint = anchor.location, value.name_hint
    Rewriter.insert_op(part, InsertPoint.before(anchor))
    return part.results[0]

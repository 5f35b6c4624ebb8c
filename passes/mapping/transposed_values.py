"""Values that the host has transposed, as M_BTMV takes them: [D, keys].

Where a loop goes over tiles of keys, values lie block by block, a block being what one tile holds:
[block][D][keys of a block]. A prefetch then reads rows that lie next to one another, 93 to 107
cycles a tile where rows of all keys, 4096 say, take 199 to 216.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.masks import CausalAttr, GroupedAttr
from ...dialects.fa.types import TileType
from ..support.loop_affine import Affine, affine, per_iteration
from ..support.rounding import round_up
from ..support.tile_builder import multiple
from .arrange_arguments import arranged
from .sums_by_columns import with_ones


def load_transposed(function: func.FuncOp, load: fa.LoadOp, ones: bool) -> fa.LoadOp:
    """A load of values transposed, in front of one that takes them as they are; `ones` puts rows of
    ones before them."""
    kind = fa.tile(load.tile)
    tile = TileType.get((kind.cols, kind.rows), kind.element_type, "matrix")
    if not ones and _in_blocks(function, load):
        source = arranged(load.source, lambda value: _blocks(value, kind.rows, kind.cols))
        point = InsertPoint.before(load)
        if not affine(load.indices[-2]).terms:
            # In front of loops that the load may be moved out of.
            point = InsertPoint.at_start(function.body.block)
        row = multiple(load.indices[-2], kind.rows, kind.cols, point, load.location)
        indices = (*load.indices[:-2], row, load.indices[-1])
    else:
        order = _swapped(len(fa.tensor_dims(load.source)))
        source = arranged(
            load.source,
            lambda value: with_ones(value) if ones else [fa.TransposeOp(value, order)],
        )
        indices = (*load.indices[:-2], load.indices[-1], load.indices[-2])
    new = fa.LoadOp(source, indices, tile)
    new.location, new.tile.name_hint = load.location, load.tile.name_hint
    Rewriter.insert_op(new, InsertPoint.before(load))
    return new


def _swapped(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _in_blocks(function: func.FuncOp, load: fa.LoadOp) -> bool:
    """Whether tiles of keys are blocks: several, each from a multiple of its keys on, all columns.

    Under a band tiles move along with queries (`slide-keys`), and may start anywhere.
    """
    kind, place = fa.tile(load.tile), per_iteration(affine(load.indices[-2]))
    if kind.rows >= fa.tensor_dims(load.source)[-2] or affine(load.indices[-1]) != Affine(0):
        return False
    if any(number % kind.rows for number in (place.constant, *place.terms.values())):
        return False
    others = [op for op in _loads(function) if op.source is load.source]
    if any(fa.tile(other.tile).rows != kind.rows for other in others):
        return False
    masks = [op for op in function.walk() if isinstance(op, fa.MaskOp)]
    return all(mask.mask_mod is None and _begins_at_first_key(mask.shown) for mask in masks)


def _loads(function: func.FuncOp) -> list[fa.LoadOp]:
    return [op for op in function.walk() if isinstance(op, fa.LoadOp)]


def _begins_at_first_key(mask: Attribute | None) -> bool:
    """Whether the keys that any query sees begin with the first."""
    while isinstance(mask, GroupedAttr):
        mask = mask.mask
    return mask is None or isinstance(mask, CausalAttr)


def _blocks(value: SSAValue, keys: int, columns: int) -> list[Operation]:
    """Operations that arrange values [.., M, E] as [.., M / keys * columns, keys], padded."""
    *outer, length, width = fa.tensor_dims(value)
    blocks = round_up(length, keys) // keys
    ops: list[Operation] = []
    if (length, width) != (blocks * keys, columns):
        ops.append(fa.PadOp(value, (*outer, blocks * keys, columns)))
        value = ops[-1].results[0]
    cut = fa.ReshapeOp(value, (*outer, blocks, keys, columns))
    turned = fa.TransposeOp(cut.result, _swapped(len(outer) + 3))
    return [*ops, cut, turned, fa.ReshapeOp(turned.result, (*outer, blocks * columns, keys))]

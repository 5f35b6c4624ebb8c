"""Results of several rows in one, where columns are few: fewer stores, fewer divisions.

Where P V has its sums in columns (`sums_by_columns`) a row of it is half empty at least. Rows that
change their slices of lanes with one another once more leave rows of sums and rows of results; the
rows of results are a tile of their own, which is what is stored, and the host puts it in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import MemRefType, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from ...dialects import fa
from ..support.def_use import only_user
from ..support.loop_affine import Affine, affine, per_iteration
from ..support.tile_builder import multiple
from .family_costs import FamilyCosts


def pack_results(
    costs: FamilyCosts, ends: Sequence[fa.TileOp], columns: int, unit: SSAValue
) -> bool:
    """Let normalisations with sums in `columns` columns leave their results packed, if that is
    possible and costs less; whether it was done."""
    machine = costs.machine
    found: list[tuple[fa.NormalizeOp, fa.StoreOp]] = []
    for end in ends:
        store = None if not isinstance(end, fa.NormalizeOp) else only_user(end.result, fa.StoreOp)
        if not isinstance(end, fa.NormalizeOp) or store is None or not _in_tiles(store):
            return False
        found.append((end, store))
    heights = {fa.tile(end.acc).rows for end, _ in found}
    widths = {fa.tile(end.acc).cols for end, _ in found}
    lengths = {fa.tensor_dims(store.target)[-2] for _, store in found}
    if len(heights) != 1 or len(lengths) != 1 or widths != {machine.vlen}:
        return False
    rows, length = heights.pop(), lengths.pop()
    if not costs.packs_results(columns, rows, length):
        return False
    used = rows // machine.broadcast * (columns // machine.hlen)
    held = costs.packed_rows(columns, rows)
    buffers = dict.fromkeys(store.target for _, store in found)
    for end, store in found:
        factor = None if end.factor is None else end.multiplier
        new = fa.NormalizePackedOp(end.acc, unit, machine.broadcast, columns, held, factor)
        new.location, new.result.name_hint = end.location, end.result.name_hint
        row = multiple(store.indices[-2], rows, held, InsertPoint.before(store), store.location)
        store.operands[len(store.operands) - 2] = row
        Rewriter.replace_op(end, new)
    for buffer in buffers:
        _widen(buffer, rows, used, held, machine.broadcast)
    return True


def _in_tiles(store: fa.StoreOp) -> bool:
    """Whether a store begins at a multiple of its tile's rows, and at the first column."""
    rows, place = fa.tile(store.tile).rows, per_iteration(affine(store.indices[-2]))
    whole = all(number % rows == 0 for number in (place.constant, *place.terms.values()))
    return whole and affine(store.indices[-1]) == Affine(0)


def _widen(buffer: SSAValue, rows: int, used: int, held: int, streams: int) -> None:
    """Let a buffer hold packed tiles of `rows` rows each, `held` vector rows of which `used` count,
    and the host make of it what it was."""
    kind = buffer.type
    assert isa(kind, MemRefType[Attribute])
    (result,) = [op for use in buffer.uses if isinstance(op := use.operation, fa.ResultOp)]
    tensor = result.tensor
    dims = fa.tensor_dims(tensor)
    *outer, length, columns = dims
    tiles = -(-length // rows)
    groups = rows // streams
    slices = used // groups
    width = columns // slices
    wide = (*outer, tiles * held, streams * width)
    Rewriter.replace_value_with_new_type(
        buffer, MemRefType(kind.element_type, wide, kind.layout, kind.memory_space)
    )
    element = fa.tensor_element(tensor)
    last: SSAValue = Rewriter.replace_value_with_new_type(tensor, TensorType(element, wide))
    n = len(outer)
    order = (*range(n), n, n + 1, n + 3, n + 2, n + 4)
    cut = fa.ReshapeOp(last, (*outer, tiles, held, streams * width))
    full = fa.CropOp(cut.result, (*outer, tiles, used, streams * width))
    apart = fa.ReshapeOp(full.result, (*outer, tiles, groups, slices, streams, width))
    turned = fa.TransposeOp(apart.result, order)
    flat = fa.ReshapeOp(turned.result, (*outer, tiles * rows, columns))
    whole = fa.CropOp(flat.result, dims)
    ops: list[Operation] = [cut, full, apart, turned, flat, whole]
    last.replace_uses_with_if(whole.result, lambda use: use.operation is not cut)
    point = InsertPoint.after(result)
    for op in ops:
        op.location = result.location
        Rewriter.insert_op(op, point)
        point = InsertPoint.after(op)

"""Row sums by columns of ones in V: P V gives them beside the output, in the same f32 accumulators.

For heads of at most half a row of lanes. The host puts as many ones in front of the value columns,
`fa.normalize` divides by them, and the result is cropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr, MemRefType, TensorType
from xdsl.ir import Attribute, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from ...dialects import fa
from ...machine.spec.params import Machine
from ..support.def_use import only_user, producer
from . import legality


def why_no_columns(
    machine: Machine, products: Sequence[fa.MatmulOp], ends: Sequence[fa.TileOp]
) -> str | None:
    """Why the sums of these products cannot be columns of theirs; None if they can."""
    shapes = {_values_shape(product) for product in products}
    columns = {None if shape is None else shape[-1] for shape in shapes}
    if len(columns) != 1 or None in columns:
        return "the values are not loaded from one tensor"
    known = [shape for shape in shapes if shape is not None]
    reason = legality.why_no_columns(machine, known[0][-1], max(map(prod, known)))
    if reason is not None:
        return reason
    for product in products:
        step = producer(product.lhs, fa.OnlineSoftmaxOp)
        if step is None or len(list(step.result.uses)) > 1:
            return "P is not that of an online softmax"
    for end in ends:
        if not isinstance(end, fa.NormalizeOp) or end.empty_rows is not None:
            return legality.EMPTY_ROWS
        if _buffer(end) is None:
            return "the result is not stored by itself"
    return None


def _values_shape(product: fa.MatmulOp) -> tuple[int, ...] | None:
    load = producer(product.rhs, fa.LoadOp)
    return None if load is None else tuple(fa.tensor_dims(load.source))


def _buffer(end: fa.NormalizeOp) -> memref.AllocOp | None:
    """The buffer that takes a normalised tile, if nothing else goes through it."""
    store = only_user(end.result, fa.StoreOp)
    alloc = None if store is None else producer(store.target, memref.AllocOp)
    if alloc is None:
        return None
    users = [use.operation for use in alloc.memref.uses]
    kinds = all(isinstance(user, fa.StoreOp | fa.ResultOp) for user in users)
    return alloc if kinds and sum(isinstance(u, fa.ResultOp) for u in users) == 1 else None


def only_divides(total: SSAValue | None, ends: Sequence[fa.TileOp]) -> bool:
    """Whether a running sum goes into nothing but further sums and these normalisations."""
    from .sums_by_ones import Chain

    if total is None:
        return False
    chain = Chain()
    chain.follow(total)
    return chain.stop is None and set(chain.ends) <= set(ends)


def with_ones(value: SSAValue) -> list[arith.ConstantOp | fa.TransposeOp | fa.ConcatOp]:
    """Operations that transpose values [.., M, E] and put E rows of ones in front: [.., 2E, M]."""
    *outer, keys, columns = fa.tensor_dims(value)
    rank = len(outer) + 2
    element = fa.tensor_element(value)
    assert isinstance(element, AnyFloat)
    kind = TensorType(element, (*outer, columns, keys))
    constant = arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(kind, [1.0]), kind)
    turned = fa.TransposeOp(value, (*range(rank - 2), rank - 1, rank - 2))
    return [constant, turned, fa.ConcatOp(constant.result, turned.result, rank - 2)]


def divide_by_columns(ends: Sequence[fa.TileOp], columns: int) -> None:
    """Let normalisations take their sums from the first columns, and crop what they give."""
    for end in ends:
        assert isinstance(end, fa.NormalizeOp)
        alloc = _buffer(end)
        assert alloc is not None
        new = fa.NormalizeOp(end.acc, None, empty_rows=False, sums=columns)
        new.location, new.result.name_hint = end.location, end.result.name_hint
        Rewriter.replace_op(end, new)
        kind = alloc.memref.type
        assert isa(kind, MemRefType[Attribute])
        *outer, cols = kind.get_shape()
        if cols == 2 * columns:
            # Another normalisation of the same result has come first.
            continue
        wide = MemRefType(kind.element_type, (*outer, 2 * columns), kind.layout, kind.memory_space)
        Rewriter.replace_value_with_new_type(alloc.memref, wide)
        (result,) = [
            use.operation for use in alloc.memref.uses if isinstance(use.operation, fa.ResultOp)
        ]
        _crop(result, columns)


def _crop(result: fa.ResultOp, columns: int) -> None:
    """Leave out the first columns of a result."""
    tensor: OpResult = result.tensor
    element = fa.tensor_element(tensor)
    dims = fa.tensor_dims(tensor)
    last: SSAValue = Rewriter.replace_value_with_new_type(
        tensor, TensorType(element, (*dims[:-1], 2 * columns))
    )
    point = InsertPoint.after(result)
    crop = fa.CropOp(last, dims, (*(0 for _ in dims[:-1]), columns))
    crop.location = result.location
    last.replace_uses_with_if(crop.result, lambda use: use.operation is not crop)
    Rewriter.insert_op(crop, point)

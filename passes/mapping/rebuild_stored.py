"""Tensors in HBM under another shape: boundary operations put in front of the storage format."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import LocationAttr, TensorType
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from ...dialects import fa
from ...dialects.fa.types import storage_of
from ...dialects.mx import QuantizeOp
from ...dialects.mx.types import LAST


def stored_source(hbm: SSAValue) -> SSAValue | None:
    """The tensor of values behind what tiles are loaded from.

    None for a buffer, and for a tensor that the caller gives in a storage format: its values are
    not the host's to arrange.
    """
    if isinstance(hbm, OpResult) and isinstance(hbm.op, QuantizeOp):
        storage = storage_of(hbm.type)
        axis = None if storage is None else getattr(storage, "options", {}).get("axis", LAST)
        if axis not in (None, LAST, len(fa.tensor_dims(hbm)) - 1):
            return None
        hbm = hbm.op.source
    kind = hbm.type
    plain = isa(kind, TensorType[Attribute]) and storage_of(kind) is None
    return hbm if plain else None


def rebuilt(hbm: SSAValue, make: Callable[[SSAValue], Sequence[Operation]]) -> SSAValue:
    """What `make` does to the values behind `hbm`, stored as `hbm` is; made once where it is known.

    `make` gives operations in order, the last one's result being the tensor. Those that are there
    already, from another load of the same tensor, are used again.
    """
    source = stored_source(hbm)
    assert source is not None
    value = source
    point = _after(source)
    doubles: list[Operation] = []
    table: dict[SSAValue, SSAValue] = {}
    # Operations are built detached on one another, compared with what stands, inserted if new.
    for op in make(source):
        for index, operand in enumerate(op.operands):
            op.operands[index] = table.get(operand, operand)
        found = _same(op)
        if found is None:
            op.location = _location(source)
            Rewriter.insert_op(op, point)
            point, value = InsertPoint.after(op), op.results[0]
        else:
            doubles.append(op)
            table[op.results[0]] = value = found.results[0]
            point = InsertPoint.after(found)
    for op in reversed(doubles):
        op.erase()
    if value is source or not (isinstance(hbm, OpResult) and isinstance(hbm.op, QuantizeOp)):
        return value
    old = hbm.type
    assert isa(old, TensorType[Attribute])
    kind = TensorType(old.get_element_type(), fa.tensor_dims(value), old.encoding)
    for use in value.uses:
        if isinstance(use.operation, QuantizeOp) and use.operation.result.type == kind:
            return use.operation.result
    convert = QuantizeOp(value, kind)
    convert.location, convert.result.name_hint = hbm.op.location, hbm.name_hint
    Rewriter.insert_op(convert, point)
    return convert.result


def _same(op: Operation) -> Operation | None:
    """An operation that stands and does what `op` would do."""
    for use in op.operands[0].uses if op.operands else ():
        other = use.operation
        same = type(other) is type(op) and other.properties == op.properties
        same = same and list(other.operands) == list(op.operands)
        if same and other.parent is not None and other.result_types == op.result_types:
            return other
    return None


def _location(source: SSAValue) -> LocationAttr:
    owner = source.owner
    op = owner if isinstance(owner, Operation) else owner.parent_op()
    assert op is not None
    return op.location


def _after(value: SSAValue) -> InsertPoint:
    """Where a tensor is known."""
    if isinstance(value, OpResult):
        return InsertPoint.after(value.op)
    assert isinstance(value, BlockArgument)
    return InsertPoint.at_start(value.block)

"""Tensors that tiles are loaded from, arranged anew by the host: boundary operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import LocationAttr, TensorType
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from ...dialects.fa.types import storage_of
from ...dialects.mx import QuantizeOp
from ...machine.spec.formats import HbmFormat, MxFormat


def is_arrangeable(hbm: SSAValue, given: HbmFormat | None) -> bool:
    """Whether the host can arrange a tensor anew: not a buffer, and nothing in blocks.

    `given` is the format in which the caller gives arguments of its role; None for values.
    """
    kind = hbm.type
    if isinstance(hbm, BlockArgument) and isinstance(given, MxFormat):
        return False
    if isinstance(hbm, OpResult) and isinstance(hbm.op, QuantizeOp):
        return False
    return isa(kind, TensorType[Attribute]) and storage_of(kind) is None


def arranged(source: SSAValue, make: Callable[[SSAValue], Sequence[Operation]]) -> SSAValue:
    """What `make` does to the tensor `source`; made once where it is known.

    `make` gives operations in order, the last one's result being the tensor. Those that are there
    already, from another load of the same tensor, are used again.
    """
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
    return value


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

"""Constant tensors in HBM: what the compiler knows and tiles are loaded from."""

from __future__ import annotations

from xdsl.dialects import arith, func
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import Attribute, OpResult, SSAValue
from xdsl.rewriter import Rewriter
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from ...dialects.mx import Conversion
from ...machine.host.recipe import Recipe, constant


def constant_recipe(op: arith.ConstantOp) -> Recipe:
    """The values of a constant tensor for the host; raises OpError where they are not given."""
    from ...dialects.interpreters.dense_constants import dense_array

    if not isinstance(op.value, DenseIntOrFPElementsAttr):
        raise OpError(op, "a constant tensor gives its values as dense<...>")
    return constant(dense_array(op.value))


def share_constants(function: func.FuncOp) -> None:
    """Let loads from equal constants, stored alike, read one of them.

    What `cse` would do, and also for values that are written differently.
    """
    from ...dialects.interpreters.dense_constants import dense_array

    first: dict[tuple[Attribute | bytes | str | SSAValue, ...], SSAValue] = {}
    for op in list(function.body.block.ops):
        match op:
            case arith.ConstantOp(value=DenseIntOrFPElementsAttr() as dense):
                key = (op.result.type, dense_array(dense).tobytes())
            case Conversion() if _is_constant(op.source):
                key = (op.name, op.result.type, op.source, *op.properties.values())
            case _:
                continue
        result = op.results[0]
        same = first.setdefault(key, result)
        if same is not result:
            result.replace_all_uses_with(same)
            Rewriter.erase_op(op)


def _is_constant(value: SSAValue) -> bool:
    """Whether a tensor is a constant, prepared and quantized perhaps."""
    while isinstance(value, OpResult) and isinstance(value.op, Conversion):
        value = value.op.source
    return (
        isinstance(value, OpResult)
        and isinstance(value.op, arith.ConstantOp)
        and isa(value.type, TensorType[Attribute])
    )

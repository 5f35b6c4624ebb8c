"""Inserting the host's work on arguments before they are quantized."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects.mx import Conversion
from ..support.operand_roles import Operand


def prepare(
    readers: Iterable[Operand], build: Callable[[SSAValue], Conversion], name: str
) -> list[Conversion]:
    """Let readers take what `build` makes of their tensors, once for each tensor.

    `name` ends what the results print as. What has been prepared in the same way stays as it is.
    """
    made: dict[SSAValue, Conversion] = {}
    for reader in readers:
        value = reader.value
        if value not in made:
            op = build(value)
            if _is_prepared(value, op):
                op.erase()
                continue
            op.location = reader.op.location
            op.result.name_hint = f"{value.name_hint or 'arg'}_{name}"
            Rewriter.insert_op(op, _behind(value))
            made[value] = op
        reader.replace(made[value].result)
    return list(made.values())


def _is_prepared(value: SSAValue, op: Conversion) -> bool:
    """Whether a tensor has been through an operation like `op`."""
    while isinstance(value, OpResult) and isinstance(value.op, Conversion):
        if type(value.op) is type(op) and value.op.properties == op.properties:
            return True
        value = value.op.source
    return False


def _behind(value: SSAValue) -> InsertPoint:
    if isinstance(value, OpResult):
        return InsertPoint.after(value.op)
    assert isinstance(value, BlockArgument)
    last: Operation | None = None
    for op in value.block.ops:
        if not isinstance(op, Conversion):
            break
        last = op
    return InsertPoint.at_start(value.block) if last is None else InsertPoint.after(last)

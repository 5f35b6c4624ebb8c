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

    `name` ends what the results print as.
    """
    made: dict[SSAValue, Conversion] = {}
    for reader in readers:
        value = reader.value
        if value not in made:
            op = build(value)
            op.location = reader.op.location
            op.result.name_hint = f"{value.name_hint or 'arg'}_{name}"
            Rewriter.insert_op(op, _behind(value))
            made[value] = op
        reader.replace(made[value].result)
    return list(made.values())


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

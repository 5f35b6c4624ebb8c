"""Which part an operand from HBM plays: query, key, value, bias or mask of scores, or weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, OpResult, SSAValue, Use

from ...dialects import fa
from ...dialects.mx import PreparationOp, QuantizeOp


@dataclass(frozen=True)
class Operand:
    """A tensor where attention, or a load of its tiles, reads it; `role` is q, k, v, bias,
    mask or weights."""

    op: Operation
    index: int
    role: str

    @property
    def value(self) -> SSAValue:
        """The tensor."""
        return self.op.operands[self.index]

    def replace(self, value: SSAValue) -> None:
        """Read another tensor."""
        self.op.operands[self.index] = value


def operands(function: func.FuncOp) -> Iterator[Operand]:
    """What attention reads from HBM, on tensors and on tiles. Buffers of the function are none."""
    for op in list(function.walk()):
        if isinstance(op, fa.AttentionOp):
            for index, role in enumerate(("q", "k", "v")):
                yield Operand(op, index, role)
        elif isinstance(op, fa.LoadOp) and isinstance(op.source.type, TensorType):
            yield Operand(op, 0, load_role(op))


def load_role(load: fa.LoadOp) -> str:
    """The role of a tensor whose tile is loaded, from what the tile is used for."""
    users = [use.operation for use in load.tile.uses]
    if fa.tile(load.tile).space.data == "vector":
        if users and all(_hides(use) for use in load.tile.uses):
            return "mask"
        # The scale is folded into queries; what else the vector unit takes from HBM is added.
        queries = (fa.ScoresOp, fa.ScaleOp)
        return "q" if not users or any(isinstance(user, queries) for user in users) else "bias"
    if masks_by_products(load):
        return "weights"
    for user in users:
        if isinstance(user, fa.ScoresOp):
            return "k"
        if isinstance(user, fa.MatmulOp):
            return "v"
    return "weights"


def masks_by_products(load: fa.LoadOp) -> bool:
    """Whether a tile is an operand of products that mask, and of nothing else."""
    return bool(list(load.tile.uses)) and all(map(_hides_by_product, load.tile.uses))


def _hides(use: Use) -> bool:
    """Whether a tile is read as what hides scores."""
    return isinstance(use.operation, fa.MaskOp) or _hides_by_product(use)


def _hides_by_product(use: Use) -> bool:
    op, value = use.operation, use.operation.operands[use.index]
    return isinstance(op, fa.ScoresOp) and (value is op.choice or value is op.hidden)


def origin(value: SSAValue) -> SSAValue:
    """What a tensor was before it was prepared and quantized."""
    while isinstance(value, OpResult) and isinstance(value.op, QuantizeOp | PreparationOp):
        value = value.op.source
    return value

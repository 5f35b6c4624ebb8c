"""Operations that the host does with tensors, in front of a kernel and behind it.

They stand between a function's arguments and what tiles are loaded from, or between what tiles are
stored to and the function's results; no kernel executes them. What one computes, how it is undone
and whether it only moves elements stands in the table of recipes (`machine/host/recipe.py`), of
which an operation names its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.utils.hints import isa

from ..machine.host.recipe import RECIPE_KINDS, Recipe


class HostOp(IRDLOperation):
    """An operation with one result, which the host computes of all operands by a recipe."""

    RECIPE: ClassVar[str]
    """The kind of its recipe, a key of RECIPE_KINDS."""

    def parameters(self, rounded: bool = True) -> Recipe:
        """The parameters of the recipe, as JSON has them.

        Without `rounded` what the operation rounds stays in float32.
        """
        raise NotImplementedError

    def recipe(self, operands: Sequence[Recipe], rounded: bool = True) -> Recipe:
        """How the host makes the result of the operands, which have recipes themselves."""
        return [self.RECIPE, *self.parameters(rounded), *operands]

    @property
    def only_moves(self) -> bool:
        """Whether each element of the operands is one of the result, and the rest is constant."""
        return RECIPE_KINDS[self.RECIPE].effect == "moves"

    def inverse(self, number: int, result: Recipe) -> Recipe | None:
        """How operand `number` is got back from what `result` makes; None where it is not."""
        undone = RECIPE_KINDS[self.RECIPE].inverse
        if undone is None:
            return None
        shapes = [_dims(operand) for operand in self.operands]
        return [*undone(*self.parameters(), *shapes, number), result]


def _dims(value: SSAValue) -> tuple[int, ...]:
    kind = value.type
    assert isa(kind, TensorType[Attribute])
    return kind.get_shape()

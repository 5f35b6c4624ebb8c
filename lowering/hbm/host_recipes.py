"""Host operations as recipes for the host (`machine/host/recipe.py`)."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith
from xdsl.ir import BlockArgument, OpResult, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ...machine.host.recipe import Recipe
from .constant_tensors import constant_recipe

CHAINED = (
    "an attention takes what another one computes, and a program has no form for that; attentions "
    "of a program take its arguments and constants"
)
"""Why attentions that feed one another are refused."""


def recipe_of(value: OpResult, make: Callable[[SSAValue], Recipe]) -> Recipe:
    """The recipe of a host operation's result, its operands' recipes made by `make`."""
    match value.op:
        case fa.HostOp():
            return value.op.recipe([make(operand) for operand in value.op.operands])
        case fa.ResultOp():
            raise OpError(value.op, CHAINED)
        case _:
            raise OpError(value.op, f"{value.op.name} is not what the host does with tensors")


def argument_recipe(value: SSAValue) -> Recipe:
    """The recipe of a tensor that is made of arguments and constants; raises OpError for others."""
    if isinstance(value, BlockArgument):
        return ["argument", value.index]
    assert isinstance(value, OpResult)
    if isinstance(value.op, arith.ConstantOp):
        return constant_recipe(value.op)
    return recipe_of(value, argument_recipe)

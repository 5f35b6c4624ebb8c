"""Boundary operations as recipes for the host (`machine/host/recipe.py`)."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith
from xdsl.ir import BlockArgument, OpResult, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.mx import CenterOp, LimitOp, RotateOp
from ...machine.host.recipe import Recipe
from .constant_tensors import constant_recipe

BOUNDARY = (
    fa.ReshapeOp,
    fa.TransposeOp,
    fa.BroadcastOp,
    fa.ConcatOp,
    fa.PadOp,
    fa.CropOp,
    fa.AdditiveOp,
)
"""Operations on tensors that the host does."""

CHAINED = (
    "an attention takes what another one computes, and a program has no form for that; attentions "
    "of a program take its arguments and constants"
)
"""Why attentions that feed one another are refused."""


def recipe_of(value: OpResult, make: Callable[[SSAValue], Recipe]) -> Recipe:
    """The recipe of a boundary operation's result, its operands' recipes made by `make`."""
    dims = list(fa.tensor_dims(value))
    match value.op:
        case fa.ReshapeOp():
            return ["reshape", dims, make(value.op.source)]
        case fa.TransposeOp():
            return ["transpose", list(value.op.order), make(value.op.source)]
        case fa.BroadcastOp():
            return ["broadcast", dims, make(value.op.source)]
        case fa.ConcatOp():
            axis = value.op.axis.value.data
            return ["concat", axis, make(value.op.first), make(value.op.second)]
        case fa.PadOp():
            return ["pad", dims, make(value.op.source)]
        case fa.CropOp():
            return ["crop", list(value.op.places), dims, make(value.op.source)]
        case fa.AdditiveOp():
            return ["additive", make(value.op.source)]
        case fa.ResultOp():
            raise OpError(value.op, CHAINED)
        case _:
            raise OpError(value.op, f"{value.op.name} is not what the host does with tensors")


def argument_recipe(value: SSAValue) -> Recipe:
    """The recipe of a tensor that is made of arguments and constants; raises OpError for others."""
    if isinstance(value, BlockArgument):
        return ["argument", value.index]
    assert isinstance(value, OpResult)
    if isinstance(value.op, LimitOp):
        depth, kind = value.op.depth.value.data, str(fa.tensor_element(value))
        return ["prepare", "limit", depth, kind, argument_recipe(value.op.source)]
    if isinstance(value.op, CenterOp | RotateOp):
        number = value.op.axis if isinstance(value.op, CenterOp) else value.op.seed
        step = "center" if isinstance(value.op, CenterOp) else "rotate"
        source = argument_recipe(value.op.source)
        return ["prepare", step, number.value.data, str(fa.tensor_element(value)), source]
    if isinstance(value.op, arith.ConstantOp):
        return constant_recipe(value.op)
    return recipe_of(value, argument_recipe)

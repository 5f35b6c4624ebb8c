"""The shape of what a recipe makes, found without making it; says where a recipe is damaged.

What `recipe.evaluate` computes with numpy is checked here by its rules, so that a manifest that
cannot be used is known before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from .recipe import Leaf, parts_of
from .recipe_rules import RecipeError, Shape, integer, short

DEEPEST = 64
"""Operations inside one another."""


def shape_of(recipe: object, leaf: Callable[[Leaf, int], Shape], depth: int = 0) -> Shape:
    """The shape of what `recipe` makes; `leaf` gives those of arguments and regions.

    Raises RecipeError where it makes nothing.
    """
    if not isinstance(recipe, list | tuple):
        raise RecipeError(f"a recipe is a list, not {short(recipe)}")
    if depth > DEEPEST:
        raise RecipeError(f"recipes are at most {DEEPEST} operations deep")
    match cast("Sequence[object]", recipe):
        case ["argument", index]:
            return leaf("argument", integer(index, "the number of an argument"))
        case ["region", index]:
            return leaf("region", integer(index, "the number of a region"))
        case found:
            kind, parameters, operands = parts_of(found)
            shapes = [shape_of(operand, leaf, depth + 1) for operand in operands]
            return kind.shape(*parameters, *shapes)

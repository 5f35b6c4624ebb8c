"""Arguments that the host only arranges anew: where each element of an argument lies in a region.

A recipe of views (reshape, transpose, pad, crop) moves elements and computes nothing, so a region
made by one can be read back, and written in part, as the argument itself. Preparation changes
values and leaves them in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .recipe import Effect, Recipe, evaluate, leaves, parts_of

_FIRST = 1 << 40
"""Added to the numbers of elements, so that constants are told from them."""


def is_arranged(recipe: Recipe) -> bool:
    """Whether a recipe moves or repeats the elements of one argument, prepared or not, and no more.

    Constants may stand in front of them or behind them.
    """
    return bool(recipe) and _does(recipe, ("moves", "repeats", "in place"))


def is_moved(recipe: Recipe) -> bool:
    """Whether an arranging recipe moves elements as they are, without preparation."""
    return _does(recipe, ("moves",))


def _does(recipe: Recipe, effects: Sequence[Effect]) -> bool:
    """Whether no more than `effects` lies between what a recipe makes and one argument."""
    if recipe[0] in ("argument", "region"):
        return recipe[0] == "argument"
    kind, _, operands = parts_of(recipe)
    made = [part for part in operands if any(True for _ in leaves(part, "argument"))]
    return kind.effect in effects and len(made) == 1 and _does(made[0], effects)


def _moves(recipe: Recipe) -> Recipe:
    """The recipe without preparation."""
    if recipe[0] in ("argument", "region"):
        return recipe
    kind, parameters, operands = parts_of(recipe)
    made = [_moves(part) for part in operands]
    return made[0] if kind.effect == "in place" else [recipe[0], *parameters, *made]


def sources(recipe: Recipe, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """For each element of what an arranging recipe makes: its number in the argument, from 1 on.

    `shape` is the argument's; 0 stands for padding and constants.
    """
    numbers = _FIRST + np.arange(1, 1 + int(np.prod(shape)), dtype=np.int64).reshape(shape)
    # A recipe is written for values; moving numbers is the same, and doubles hold them exactly.
    made = evaluate(
        _moves(recipe), lambda kind, index: cast("NDArray[np.float32]", numbers.astype(np.float64))
    )
    found = made.astype(np.int64) - _FIRST
    return np.maximum(found, 0)


def taken_back(
    values: NDArray[np.float32], recipe: Recipe, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The argument, of `shape`, that an arranging recipe made `values` of."""
    numbers = sources(recipe, shape).reshape(-1)
    used = numbers > 0
    result = np.zeros(int(np.prod(shape)), np.float32)
    result[numbers[used] - 1] = values.reshape(-1)[used]
    return result.reshape(shape)

"""Arguments that the host only arranges anew: where each element of an argument lies in a region.

A recipe of views (reshape, transpose, pad, crop) moves elements and computes nothing, so a region
made by one can be read back, and written in part, as the argument itself. Preparation changes
values and leaves them in their place.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from .recipe import Recipe, evaluate

VIEWS = frozenset({"argument", "reshape", "transpose", "pad", "crop"})
"""Steps of a recipe that only move elements."""


def is_arranged(recipe: Recipe) -> bool:
    """Whether a recipe moves the elements of one argument, prepared or not, and no more."""
    if not recipe:
        return False
    while recipe[0] in VIEWS | {"prepare"} and recipe[0] != "argument":
        recipe = cast("Recipe", recipe[-1])
    return recipe[0] == "argument"


def is_moved(recipe: Recipe) -> bool:
    """Whether an arranging recipe moves elements as they are, without preparation."""
    return recipe == _views(recipe)


def _views(recipe: Recipe) -> Recipe:
    """The recipe without preparation."""
    if recipe[0] == "argument":
        return recipe
    inner = _views(cast("Recipe", recipe[-1]))
    return inner if recipe[0] == "prepare" else [*recipe[:-1], inner]


def sources(recipe: Recipe, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """For each element of what an arranging recipe makes: its number in the argument, from 1 on.

    `shape` is the argument's; 0 stands for padding.
    """
    numbers = np.arange(1, 1 + int(np.prod(shape)), dtype=np.int64).reshape(shape)
    # A recipe is written for values; moving numbers is the same.
    made = evaluate(_views(recipe), lambda kind, index: cast("NDArray[np.float32]", numbers))
    return cast("NDArray[np.int64]", made)


def taken_back(
    values: NDArray[np.float32], recipe: Recipe, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The argument, of `shape`, that an arranging recipe made `values` of."""
    numbers = sources(recipe, shape).reshape(-1)
    used = numbers > 0
    result = np.zeros(int(np.prod(shape)), np.float32)
    result[numbers[used] - 1] = values.reshape(-1)[used]
    return result.reshape(shape)

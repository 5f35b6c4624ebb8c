"""Arguments that the host only arranges anew: where each element of an argument lies in a region.

A recipe of views (reshape, transpose, pad, crop) moves elements and computes nothing, so a region
made by one can be read back, and written in part, as the argument itself. Preparation changes
values and leaves them in their place.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from .recipe import Recipe, evaluate, leaves

VIEWS = frozenset({"reshape", "transpose", "pad", "crop"})
"""Steps of a recipe that only move elements."""

_FIRST = 1 << 40
"""Added to the numbers of elements, so that constants are told from them."""


def is_arranged(recipe: Recipe) -> bool:
    """Whether a recipe moves or repeats the elements of one argument, prepared or not, and no more.

    Constants may stand in front of them or behind them.
    """
    return bool(recipe) and _moves(recipe, prepared=True)


def is_moved(recipe: Recipe) -> bool:
    """Whether an arranging recipe moves elements as they are, without preparation."""
    return _moves(recipe, prepared=False)


def _moves(recipe: Recipe, prepared: bool) -> bool:
    kind = recipe[0]
    if kind == "concat":
        parts = [cast("Recipe", part) for part in recipe[2:]]
        rest = [part for part in parts if any(True for _ in leaves(part, "argument"))]
        return len(rest) == 1 and _moves(rest[0], prepared)
    if kind in VIEWS or (prepared and kind in ("prepare", "broadcast")):
        return _moves(cast("Recipe", recipe[-1]), prepared)
    return kind == "argument"


def _views(recipe: Recipe) -> Recipe:
    """The recipe without preparation."""
    if recipe[0] == "prepare":
        return _views(cast("Recipe", recipe[-1]))
    if recipe[0] == "concat":
        return [*recipe[:2], *(_views(cast("Recipe", part)) for part in recipe[2:])]
    if recipe[0] in VIEWS or recipe[0] == "broadcast":
        return [*recipe[:-1], _views(cast("Recipe", recipe[-1]))]
    return recipe


def sources(recipe: Recipe, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """For each element of what an arranging recipe makes: its number in the argument, from 1 on.

    `shape` is the argument's; 0 stands for padding and constants.
    """
    numbers = _FIRST + np.arange(1, 1 + int(np.prod(shape)), dtype=np.int64).reshape(shape)
    # A recipe is written for values; moving numbers is the same, and doubles hold them exactly.
    made = evaluate(
        _views(recipe), lambda kind, index: cast("NDArray[np.float32]", numbers.astype(np.float64))
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

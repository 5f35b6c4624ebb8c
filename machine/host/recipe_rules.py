"""What fits together in a recipe: the shape that each kind makes, by its parameters and operands.

Parameters come from a manifest and may be anything. Every function raises RecipeError for what
`recipe.evaluate` could not compute.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from math import prod
from typing import TypeAlias, cast

from .layout import STEPS

Shape: TypeAlias = tuple[int, ...]

MOST_ELEMENTS = 1 << 32
"""Elements of one tensor: offsets in HBM have 32 bits."""

MOST_ENTRIES = 64
"""Entries of a list of integers: dimensions of a tensor."""


class RecipeError(ValueError):
    """A recipe that cannot be read."""


def extents(value: object, what: str) -> Shape:
    """A shape: a list of positive integers, of no more than MOST_ELEMENTS elements."""
    found = tuple(integers(value, what))
    if any(extent < 1 for extent in found) or prod(found) > MOST_ELEMENTS:
        raise RecipeError(f"{what} is {list(found)}, which is no shape of a tensor")
    return found


def check_step(step: object, value: object, dtype: object, shape: Shape) -> None:
    """Check one step of preparation, on a tensor of `shape`."""
    if step not in STEPS:
        raise RecipeError(f"preparation is one of {', '.join(STEPS)}, not {short(step)}")
    if dtype not in ("bf16", "f16", "f32"):
        raise RecipeError(f"preparation gives bf16, f16 or f32, not {short(dtype)}")
    number = integer(value, f"the value of '{step}'")
    if step == "center" and not -len(shape) <= number < len(shape):
        raise RecipeError(f"'center' is along an axis of {list(shape)}, not {number}")
    if step == "rotate" and not 0 <= number < 1 << 63:
        raise RecipeError(f"the seed of 'rotate' is {number}, which has more than 63 bits")
    if step == "limit" and not 1 <= number < 1 << 63:
        raise RecipeError(f"the depth of 'limit' is at least 1, not {number}")


def short(value: object) -> str:
    """A value for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def integer(value: object, what: str) -> int:
    """An integer, which `what` names."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecipeError(f"{what} is an integer, not {short(value)}")
    return value


def integers(value: object, what: str) -> list[int]:
    """A list of integers, at most MOST_ENTRIES."""
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{what} is a list of integers, not {short(value)}")
    items = cast("Sequence[object]", value)
    if len(items) > MOST_ENTRIES:
        raise RecipeError(f"{what} has {len(items)} entries")
    return [integer(item, f"an entry of {what}") for item in items]


def constant(shape: object, dtype: object, text: object) -> Shape:
    """The shape of a constant whose values are in bf16 or f32."""
    if dtype not in ("bf16", "f32"):
        raise RecipeError(f"the values of a constant are bf16 or f32, not {short(dtype)}")
    made = extents(shape, "the shape of a constant")
    _check_bytes(text, prod(made) * (2 if dtype == "bf16" else 4))
    return made


def pair(shape: object, values: object, chosen: object) -> Shape:
    """The shape of a constant of two values."""
    made = extents(shape, "the shape of a pair")
    _check_bytes(values, 2 * 4)
    _check_bytes(chosen, -(-prod(made) // 8))
    return made


def _check_bytes(text: object, count: int) -> None:
    """Check that `text` is base64 of `count` bytes."""
    if not isinstance(text, str):
        raise RecipeError(f"the values of a constant are base64, not {short(text)}")
    try:
        found = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise RecipeError("the values of a constant are no base64") from None
    if found != count:
        raise RecipeError(f"the values of a constant take {found} bytes, and its shape {count}")


def reshape(shape: object, source: Shape) -> Shape:
    """As many elements under other extents."""
    made = extents(shape, "the shape of reshape")
    if prod(made) != prod(source):
        raise RecipeError(f"{list(source)} cannot be reshaped to {list(made)}")
    return made


def transpose(order: object, source: Shape) -> Shape:
    """Axes in another order."""
    axes = integers(order, "the order of transpose")
    if sorted(axes) != list(range(len(source))):
        raise RecipeError(f"{axes} is no order of the axes of {list(source)}")
    return tuple(source[axis] for axis in axes)


def broadcast(shape: object, source: Shape) -> Shape:
    """Extents of 1 repeated, as numpy does."""
    made = extents(shape, "the shape of broadcast")
    last = made[len(made) - len(source) :]
    if len(source) > len(made) or any(
        old not in (1, new) for old, new in zip(source, last, strict=True)
    ):
        raise RecipeError(f"{list(source)} cannot be broadcast to {list(made)}")
    return made


def concat(axis: object, first: Shape, second: Shape) -> Shape:
    """One behind the other along an axis."""
    at = integer(axis, "the axis of concat")
    if not 0 <= at < len(first) or len(first) != len(second):
        raise RecipeError(f"{list(first)} and {list(second)} have no common axis {at}")
    made = (*first[:at], first[at] + second[at], *first[at + 1 :])
    if (*second[:at], made[at], *second[at + 1 :]) != made:
        raise RecipeError(f"{list(first)} and {list(second)} differ beside axis {at}")
    return extents(made, "what concat makes")


def prepare(step: object, value: object, dtype: object, source: Shape) -> Shape:
    """The shape stays."""
    check_step(step, value, dtype, source)
    return source


def pad(shape: object, source: Shape) -> Shape:
    """Extents that are no smaller."""
    made = extents(shape, "the shape of pad")
    if len(made) != len(source) or any(new < old for old, new in zip(source, made, strict=True)):
        raise RecipeError(f"{list(source)} cannot be padded to {list(made)}")
    return made


def crop(start: object, shape: object, source: Shape) -> Shape:
    """A box within the source."""
    places = integers(start, "the start of crop")
    made = extents(shape, "the shape of crop")
    if not len(places) == len(made) == len(source) or any(
        at < 0 or at + size > extent for at, size, extent in zip(places, made, source, strict=True)
    ):
        raise RecipeError(f"{list(made)} from {places} on is not within {list(source)}")
    return made


def additive(source: Shape) -> Shape:
    """The shape stays."""
    return source

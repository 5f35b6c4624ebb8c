"""The shape of what a recipe makes, found without making it; says where a recipe is damaged.

What `recipe.evaluate` computes with numpy is checked here by its rules, so that a manifest that
cannot be used is known before anything is allocated.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias, cast

from .recipe import Leaf, RecipeError

Shape: TypeAlias = tuple[int, ...]

MOST_ELEMENTS = 1 << 32
"""Elements of one tensor: offsets in HBM have 32 bits."""

DEEPEST = 64
"""Operations inside one another."""


def extents(value: object, what: str) -> Shape:
    """A shape: a list of positive integers, of no more than MOST_ELEMENTS elements.

    Raises RecipeError, as all functions here do.
    """
    found = tuple(_integers(value, what))
    if any(extent < 1 for extent in found) or prod(found) > MOST_ELEMENTS:
        raise RecipeError(f"{what} is {list(found)}, which is no shape of a tensor")
    return found


def shape_of(recipe: object, leaf: Callable[[Leaf, int], Shape], depth: int = 0) -> Shape:
    """The shape of what `recipe` makes; `leaf` gives those of arguments and regions."""
    if not isinstance(recipe, list | tuple):
        raise RecipeError(f"a recipe is a list, not {_short(recipe)}")
    parts = cast("Sequence[object]", recipe)
    if depth > DEEPEST:
        raise RecipeError(f"recipes are at most {DEEPEST} operations deep")

    def source(operand: object) -> Shape:
        return shape_of(operand, leaf, depth + 1)

    match parts:
        case ["argument", index]:
            return leaf("argument", _integer(index, "the number of an argument"))
        case ["region", index]:
            return leaf("region", _integer(index, "the number of a region"))
        case ["constant", shape, "bf16", text]:
            return _constant(shape, text, 2)
        case ["constant", shape, "f32", text]:
            return _constant(shape, text, 4)
        case ["pair", shape, values, chosen]:
            made = extents(shape, "the shape of a pair")
            _check_bytes(values, 2 * 4)
            _check_bytes(chosen, -(-prod(made) // 8))
            return made
        case ["reshape", shape, operand]:
            return _reshaped(extents(shape, "the shape of reshape"), source(operand))
        case ["transpose", order, operand]:
            return _transposed(_integers(order, "the order of transpose"), source(operand))
        case ["broadcast", shape, operand]:
            return _broadcast(extents(shape, "the shape of broadcast"), source(operand))
        case ["concat", axis, first, second]:
            return _joined(_integer(axis, "the axis of concat"), source(first), source(second))
        case ["prepare", step, value, dtype, operand]:
            return _prepared(step, value, dtype, source(operand))
        case ["pad", shape, operand]:
            return _padded(extents(shape, "the shape of pad"), source(operand))
        case ["crop", start, shape, operand]:
            starts = _integers(start, "the start of crop")
            return _cropped(starts, extents(shape, "the shape of crop"), source(operand))
        case ["additive", operand]:
            return source(operand)
        case _:
            raise RecipeError(f"no recipe: {_short(list(parts))}")


STEPS = ("center", "rotate", "limit")
"""What the host does with a tensor before it quantizes it."""


def check_step(step: object, value: object, dtype: object, shape: Shape) -> None:
    """Check one step of preparation, on a tensor of `shape`."""
    if step not in STEPS:
        raise RecipeError(f"preparation is one of {', '.join(STEPS)}, not {_short(step)}")
    if dtype not in ("bf16", "f16", "f32"):
        raise RecipeError(f"preparation gives bf16, f16 or f32, not {_short(dtype)}")
    number = _integer(value, f"the value of '{step}'")
    if step == "center" and not -len(shape) <= number < len(shape):
        raise RecipeError(f"'center' is along an axis of {list(shape)}, not {number}")
    if step == "limit" and not 0 < number < 1 << 63:
        raise RecipeError(f"the depth of 'limit' is at least 1, not {number}")
    if step == "rotate" and not 0 <= number < 1 << 63:
        raise RecipeError(f"the seed of 'rotate' is {number}, which has more than 63 bits")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _integer(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RecipeError(f"{what} is an integer, not {_short(value)}")
    return value


def _integers(value: object, what: str) -> list[int]:
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{what} is a list of integers, not {_short(value)}")
    items = cast("Sequence[object]", value)
    if len(items) > DEEPEST:
        raise RecipeError(f"{what} has {len(items)} entries")
    return [_integer(item, f"an entry of {what}") for item in items]


def _constant(shape: object, text: object, size: int) -> Shape:
    """The shape of a constant whose elements take `size` bytes."""
    made = extents(shape, "the shape of a constant")
    _check_bytes(text, prod(made) * size)
    return made


def _check_bytes(text: object, count: int) -> None:
    """Check that `text` is base64 of `count` bytes."""
    if not isinstance(text, str):
        raise RecipeError(f"the values of a constant are base64, not {_short(text)}")
    try:
        found = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise RecipeError("the values of a constant are no base64") from None
    if found != count:
        raise RecipeError(f"the values of a constant take {found} bytes, and its shape {count}")


def _reshaped(shape: Shape, source: Shape) -> Shape:
    if prod(shape) != prod(source):
        raise RecipeError(f"{list(source)} cannot be reshaped to {list(shape)}")
    return shape


def _transposed(order: list[int], source: Shape) -> Shape:
    if sorted(order) != list(range(len(source))):
        raise RecipeError(f"{order} is no order of the axes of {list(source)}")
    return tuple(source[axis] for axis in order)


def _broadcast(shape: Shape, source: Shape) -> Shape:
    last = shape[len(shape) - len(source) :]
    if len(source) > len(shape) or any(
        old not in (1, new) for old, new in zip(source, last, strict=True)
    ):
        raise RecipeError(f"{list(source)} cannot be broadcast to {list(shape)}")
    return shape


def _joined(axis: int, first: Shape, second: Shape) -> Shape:
    if not 0 <= axis < len(first) or len(first) != len(second):
        raise RecipeError(f"{list(first)} and {list(second)} have no common axis {axis}")
    made = (*first[:axis], first[axis] + second[axis], *first[axis + 1 :])
    if (*second[:axis], made[axis], *second[axis + 1 :]) != made:
        raise RecipeError(f"{list(first)} and {list(second)} differ beside axis {axis}")
    return extents(made, "what concat makes")


def _prepared(step: object, value: object, dtype: object, source: Shape) -> Shape:
    check_step(step, value, dtype, source)
    return source


def _padded(shape: Shape, source: Shape) -> Shape:
    if len(shape) != len(source) or any(new < old for old, new in zip(source, shape, strict=True)):
        raise RecipeError(f"{list(source)} cannot be padded to {list(shape)}")
    return shape


def _cropped(start: list[int], shape: Shape, source: Shape) -> Shape:
    if not len(start) == len(shape) == len(source) or any(
        at < 0 or at + size > extent for at, size, extent in zip(start, shape, source, strict=True)
    ):
        raise RecipeError(f"{list(shape)} from {start} on is not within {list(source)}")
    return shape

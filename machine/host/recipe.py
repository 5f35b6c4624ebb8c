"""What the host makes of a kernel's arguments and regions: small expressions on arrays.

A recipe is a nested list with a JSON form: an operation, its parameters, and the recipes of its
operands. Leaves are `["argument", i]`, `["region", i]` (the contents of a region of the layout),
`["constant", shape, dtype, base64]` with the values in bf16 or f32, and `["pair", shape, base64,
base64]` with two values in f32 and, of each element, in one bit which of them it is.

`RECIPE_KINDS` has every kind of recipe and all that is known of it: the packer, the interpreter of
the dialects, the operations themselves (`dialects/host_op.py`) and the planner ask this table.

    ["transpose", [0, 2, 1, 3], ["reshape", [2, 4, 3, 8], ["argument", 0]]]
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from . import recipe_rules as rules
from .recipe_rules import RecipeError, Shape, short

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]

Recipe: TypeAlias = Sequence[Any]
Leaf = Literal["argument", "region"]

PAIR = 64
"""Up to so many elements, two values are not told apart by bits: nothing would be saved."""


def constant(array: NDArray[Any]) -> Recipe:
    """The recipe of an array known at compile time, in the fewest bytes.

    One number is stored once, two numbers as one bit an element, and what bf16 holds as bf16.
    """
    import numpy as np

    values = np.ascontiguousarray(array, "<f4")
    # As bit patterns, so that -0 and NaN stay what they are.
    bits = values.view("<u4")
    shape, patterns = list(values.shape), np.unique(bits)
    if len(patterns) == 1 and values.size > 1:
        return ["broadcast", shape, constant(values.reshape(-1)[:1].reshape([1] * len(shape)))]
    if len(patterns) == 2 and values.size > PAIR:
        chosen = np.packbits(bits == patterns[1])
        return ["pair", shape, _text(patterns.tobytes()), _text(chosen.tobytes())]
    if not (bits & 0xFFFF).any():
        return ["constant", shape, "bf16", _text((bits >> 16).astype("<u2").tobytes())]
    return ["constant", shape, "f32", _text(values.tobytes())]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def leaves(recipe: Recipe, kind: Leaf) -> Iterator[int]:
    """The numbers of the arguments or regions that a recipe uses, in order."""
    if recipe[0] == kind:
        yield recipe[1]
    for part in recipe[1:]:
        if isinstance(part, list | tuple):
            nested = cast("Recipe", part)
            if nested and isinstance(nested[0], str):
                yield from leaves(nested, kind)


Effect = Literal["moves", "repeats", "in place", "computes"]
"""What a kind does with elements: gives each a place of its own, among constants; gives one several
places; changes values where they are; or makes values that are no longer elements of an operand."""


@dataclass(frozen=True)
class RecipeKind:
    """A kind of recipe `[name, *parameters, *operands]`."""

    parameters: int
    operands: int
    make: Callable[..., Array]
    """The array that it makes of its parameters and its operands' arrays."""
    shape: Callable[..., Shape]
    """The shape of that, of its parameters and its operands' shapes; raises RecipeError."""
    effect: Effect = "computes"
    inverse: Callable[..., Recipe] | None = None
    """Of its parameters, its operands' shapes and a number: the recipe that gives back the operand
    of that number, without its own operand, which is what this kind makes."""


def parts_of(recipe: Sequence[Any]) -> tuple[RecipeKind, Sequence[Any], Sequence[Any]]:
    """RecipeKind, parameters and operands of a recipe that is no argument and no region.

    Raises RecipeError where there is no such kind or a part of it is missing.
    """
    kind = RECIPE_KINDS.get(recipe[0]) if recipe and isinstance(recipe[0], str) else None
    if kind is None or len(recipe) != 1 + kind.parameters + kind.operands:
        raise RecipeError(f"no recipe: {short(list(recipe))}")
    return kind, recipe[1 : 1 + kind.parameters], recipe[1 + kind.parameters :]


def evaluate(recipe: Recipe, leaf: Callable[[Leaf, int], Array]) -> Array:
    """The array that a recipe describes; `leaf` gives arguments and regions.

    Raises RecipeError for an operation that does not exist or does not fit its operands.
    """
    try:
        match recipe:
            case ["argument" | "region" as place, index]:
                return leaf(place, index)
            case _:
                kind, parameters, operands = parts_of(recipe)
                return kind.make(*parameters, *(evaluate(part, leaf) for part in operands))
    except (ValueError, TypeError) as error:
        raise RecipeError(f"the recipe {recipe[:2]!r} does not fit: {error}") from None


def _constant(shape: Sequence[int], dtype: str, text: str) -> Array:
    import numpy as np

    data = base64.b64decode(text)
    if dtype == "f32":
        return np.frombuffer(data, "<f4").reshape(shape)
    bits = np.frombuffer(data, "<u2").astype(np.uint32) << 16
    return bits.view(np.float32).reshape(shape)


def _pair(shape: Sequence[int], values: str, chosen: str) -> Array:
    import numpy as np

    pair = np.frombuffer(base64.b64decode(values), "<f4")
    packed = np.frombuffer(base64.b64decode(chosen), np.uint8)
    return pair[np.unpackbits(packed, count=prod(shape))].reshape(shape)


def _reshape(shape: Sequence[int], source: Array) -> Array:
    return source.reshape(shape)


def _unreshape(_: Sequence[int], source: Shape, number: int) -> Recipe:
    return ["reshape", list(source)]


def _transpose(order: Sequence[int], source: Array) -> Array:
    return source.transpose(order)


def _untranspose(order: Sequence[int], source: Shape, number: int) -> Recipe:
    return ["transpose", sorted(range(len(order)), key=order.__getitem__)]


def _broadcast(shape: Sequence[int], source: Array) -> Array:
    import numpy as np

    return np.broadcast_to(source, shape)


def _concat(axis: int, first: Array, second: Array) -> Array:
    import numpy as np

    return np.concatenate([first, second], axis=axis)


def _unconcat(axis: int, first: Shape, second: Shape, number: int) -> Recipe:
    start = [0] * len(first)
    start[axis] = first[axis] if number else 0
    return ["crop", start, list(second if number else first)]


def _prepare(step: str, value: int, dtype: str, source: Array) -> Array:
    from ..numerics.center_rotate import prepare

    return prepare(source, step, value, dtype)


def _pad(shape: Sequence[int], source: Array) -> Array:
    import numpy as np

    return np.pad(source, [(0, new - old) for old, new in zip(source.shape, shape, strict=True)])


def _unpad(_: Sequence[int], source: Shape, number: int) -> Recipe:
    return ["crop", [0] * len(source), list(source)]


def _crop(start: Sequence[int], shape: Sequence[int], source: Array) -> Array:
    return source[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))]


def _additive(source: Array) -> Array:
    import numpy as np

    return np.where(source != 0, np.float32(0), np.float32(-np.inf))


RECIPE_KINDS: dict[str, RecipeKind] = {
    "constant": RecipeKind(3, 0, _constant, rules.constant),
    "pair": RecipeKind(3, 0, _pair, rules.pair),
    "reshape": RecipeKind(1, 1, _reshape, rules.reshape, "moves", _unreshape),
    "transpose": RecipeKind(1, 1, _transpose, rules.transpose, "moves", _untranspose),
    "concat": RecipeKind(1, 2, _concat, rules.concat, "moves", _unconcat),
    "pad": RecipeKind(1, 1, _pad, rules.pad, "moves", _unpad),
    "crop": RecipeKind(2, 1, _crop, rules.crop, "moves"),
    "broadcast": RecipeKind(1, 1, _broadcast, rules.broadcast, "repeats"),
    "prepare": RecipeKind(3, 1, _prepare, rules.prepare, "in place"),
    "additive": RecipeKind(0, 1, _additive, rules.additive),
}
"""Every kind of recipe, by name."""

"""What the host makes of a kernel's arguments and regions: small expressions on arrays.

A recipe is a nested list with a JSON form: an operation, its parameters, and the recipes of its
operands. Leaves are `["argument", i]`, `["region", i]` (the contents of a region of the layout),
`["constant", shape, dtype, base64]` with the values in bf16 or f32, and `["pair", shape, base64,
base64]` with two values in f32 and, of each element, in one bit which of them it is.

    ["transpose", [0, 2, 1, 3], ["reshape", [2, 4, 3, 8], ["argument", 0]]]
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]

Recipe: TypeAlias = Sequence[Any]
Leaf = Literal["argument", "region"]

PAIR = 64
"""Up to so many elements, two values are not told apart by bits: nothing would be saved."""


class RecipeError(ValueError):
    """A recipe that cannot be read."""


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


def evaluate(recipe: Recipe, leaf: Callable[[Leaf, int], Array]) -> Array:
    """The array that a recipe describes; `leaf` gives arguments and regions.

    Raises RecipeError for an operation that does not exist or does not fit its operands.
    """
    import numpy as np

    try:
        match recipe:
            case ["argument" | "region" as kind, index]:
                return leaf(kind, index)
            case ["constant", shape, "bf16", text]:
                bits = np.frombuffer(base64.b64decode(text), "<u2").astype(np.uint32) << 16
                return bits.view(np.float32).reshape(shape)
            case ["constant", shape, "f32", text]:
                return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)
            case ["pair", shape, values, chosen]:
                pair = np.frombuffer(base64.b64decode(values), "<f4")
                packed = np.frombuffer(base64.b64decode(chosen), np.uint8)
                return pair[np.unpackbits(packed, count=prod(shape))].reshape(shape)
            case ["reshape", shape, source]:
                return evaluate(source, leaf).reshape(shape)
            case ["transpose", order, source]:
                return np.transpose(evaluate(source, leaf), order)
            case ["broadcast", shape, source]:
                return np.broadcast_to(evaluate(source, leaf), shape)
            case ["concat", axis, first, second]:
                parts = [evaluate(first, leaf), evaluate(second, leaf)]
                return np.concatenate(parts, axis=axis)
            case ["prepare", step, value, dtype, source]:
                from ..numerics.center_rotate import prepare

                return prepare(evaluate(source, leaf), step, value, dtype)
            case ["pad", shape, source]:
                made = evaluate(source, leaf)
                ends = [(0, new - old) for old, new in zip(made.shape, shape, strict=True)]
                return np.pad(made, ends)
            case ["crop", start, shape, source]:
                parts = [slice(a, a + n) for a, n in zip(start, shape, strict=True)]
                return evaluate(source, leaf)[tuple(parts)]
            case ["additive", source]:
                seen = evaluate(source, leaf) != 0
                return np.where(seen, np.float32(0), np.float32(-np.inf))
            case _:
                raise RecipeError(f"no recipe: {recipe!r}")
    except (ValueError, TypeError) as error:
        raise RecipeError(f"the recipe {recipe[:2]!r} does not fit: {error}") from None

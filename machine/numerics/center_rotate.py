"""Preparing queries, keys and biases for low precision, without a change that attention could see.

They keep softmax(Q K^T) in exact arithmetic and move where rounding errors arise: centring takes
away the mean key, rotation spreads outliers over all channels, and a bias that hides keys by a huge
number, beside which nothing is left of those that share its block, is limited. The order of sums is
part of the definition, so that every implementation gives the same bits.
"""

from __future__ import annotations

from functools import cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .bf16 import F32

F64 = NDArray[np.float64]

_MULTIPLIER, _INCREMENT, _MODULUS = 1664525, 1013904223, 1 << 32
"""A linear congruential generator (Numerical Recipes): signs are the same everywhere, for ever."""


def as_dtype(values: NDArray[np.floating], dtype: str) -> F32:
    """Values rounded to an interface type (bf16, f16 or f32), as float32."""
    with np.errstate(over="ignore"):
        if dtype == "bf16":
            return values.astype(ml_dtypes.bfloat16).astype(np.float32)
        if dtype == "f16":
            return values.astype(np.float16).astype(np.float32)
        return values.astype(np.float32)


def prepare(values: F32, step: str, value: int, dtype: str) -> F32:
    """One step of preparation, rounded: `center` along axis `value`, `rotate` by seed `value`,
    `limit` to depth `value`."""
    steps = {"center": center, "rotate": rotate, "limit": limit}
    return as_dtype(steps[step](values, value), dtype)


def limit(values: F32, depth: int) -> F32:
    """Biases, rows along the last axis, with what is far below a row's largest m nearer; float32.

    The least is m - |m| - `depth`: beside m nothing there is seen, whatever the scores, while they
    differ by less than `depth` - 88. -inf stays.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        largest = values.max(axis=-1, keepdims=True)
        least = np.float32(2) * np.minimum(largest, np.float32(0)) - np.float32(depth)
        return np.where((values < least) & ~np.isneginf(values), least, values)


def center(values: F32, axis: int) -> F32:
    """`values` minus their mean along `axis`, float32.

    The mean is a sum in float64, from the first to the last, divided by their number.
    """
    return centred(values.astype(np.float64), axis).astype(np.float32)


def centred(values: F64, axis: int) -> F64:
    """`center` in float64, not rounded."""
    rows = np.moveaxis(values, axis, 0)
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return values - np.expand_dims(total / len(rows), axis)


def rotate(values: F32, seed: int) -> F32:
    """Vectors along the last axis, signs turned, times a Hadamard matrix; float32.

    The matrix is that of the largest power of two that divides the length, over its root, once for
    each piece. A fast Walsh-Hadamard transform in float64, neighbours first; the root comes last.
    """
    return rotated(values.astype(np.float64), seed).astype(np.float32)


def rotated(values: F64, seed: int) -> F64:
    """`rotate` in float64, not rounded."""
    size = values.shape[-1]
    turned = values * signs(size, seed)
    for half in stages(size):
        pairs = turned.reshape(*values.shape[:-1], -1, 2, half)
        first, second = pairs[..., 0, :], pairs[..., 1, :]
        turned = np.stack([first + second, first - second], axis=-2).reshape(values.shape)
    return turned * norm(size)


def stages(size: int) -> list[int]:
    """Distances of the partners in each stage of the transform: 1, 2, 4, ..."""
    return [1 << stage for stage in range((size & -size).bit_length() - 1)]


def norm(size: int) -> float:
    """What makes the transform orthogonal."""
    return float(1 / np.sqrt(float(size & -size)))


@cache
def signs(count: int, seed: int) -> F64:
    """The signs that a rotation turns: 1 or -1, [count]."""
    state, turned = seed % _MODULUS, np.ones(count)
    for index in range(count):
        state = (state * _MULTIPLIER + _INCREMENT) % _MODULUS
        turned[index] = 1.0 if state < _MODULUS // 2 else -1.0
    return turned

"""Preparing queries and keys for low precision, without a change that attention could see.

Both keep softmax(Q K^T) in exact arithmetic and move where rounding errors arise: centring takes
away the mean key, rotation spreads outliers over all channels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .numerics import F32

F64 = NDArray[np.float64]

_MULTIPLIER, _INCREMENT, _MODULUS = 1664525, 1013904223, 1 << 32
"""A linear congruential generator (Numerical Recipes): signs are the same everywhere, for ever."""


def center(values: F32, axis: int) -> F32:
    """`values` minus their mean along `axis`, both in float64; float32."""
    wide = values.astype(np.float64)
    return (wide - wide.mean(axis=axis, keepdims=True)).astype(np.float32)


def rotate(values: F32, seed: int) -> F32:
    """Vectors along the last axis, signs turned, times a Hadamard matrix; float32."""
    return (values.astype(np.float64) @ rotation(values.shape[-1], seed)).astype(np.float32)


@cache
def rotation(size: int, seed: int) -> F64:
    """The orthogonal matrix [size, size] that `rotate` multiplies rows with from the right.

    Signs on the diagonal, then one Hadamard matrix for each piece of the largest power of two that
    divides `size`.
    """
    piece = size & -size
    index = np.arange(size)
    common = index[:, None] & index & piece - 1
    odd = np.zeros_like(common)
    while common.any():
        odd ^= common & 1
        common >>= 1
    same_piece = index[:, None] // piece == index // piece
    hadamard = np.where(same_piece, 1.0 - 2.0 * odd, 0.0) / np.sqrt(piece)
    return _signs(size, seed)[:, None] * hadamard


def _signs(count: int, seed: int) -> F64:
    state, signs = seed % _MODULUS, np.ones(count)
    for index in range(count):
        state = (state * _MULTIPLIER + _INCREMENT) % _MODULUS
        signs[index] = 1.0 if state < _MODULUS // 2 else -1.0
    return signs

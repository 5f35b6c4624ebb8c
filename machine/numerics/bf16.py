"""bf16 as the machine rounds it, and its elementary functions (section 4.1).

Arrays of bit patterns are uint16, arrays of values float32. Everything here is exact to the bit;
only sign and payload of NaNs are not kept track of, as they depend on the reference's host.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
U32: TypeAlias = NDArray[np.uint32]

EXP_LIMIT = 88.0
"""Inputs of the exponential are clamped to plus and minus this."""

SIGN32 = np.uint32(0x8000_0000)
INFINITY_MAGNITUDE = np.uint32(0x7F80)


def bf16_to_f32(bits: U16) -> F32:
    """The values of bf16 bit patterns."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def f32_to_bf16(values: F32) -> U16:
    """Bit patterns of `values` rounded to nearest, ties to even; overflow gives infinity.

    A NaN is rounded like a number: one whose payload is all in the low half becomes infinity.
    """
    bits = np.asarray(values, np.float32).view(np.uint32)
    magnitude = bits & ~SIGN32
    tie = (magnitude >> np.uint32(16)) & np.uint32(1)
    rounded = (magnitude + (tie + np.uint32(0x7FFF))) >> np.uint32(16)
    rounded = np.where(rounded > 0x7FFF, INFINITY_MAGNITUDE, rounded)
    return (rounded | (bits & SIGN32) >> np.uint32(16)).astype(np.uint16)


def round_bf16(values: F32) -> F32:
    """`values` rounded to bf16, as float32."""
    return bf16_to_f32(f32_to_bf16(values))


def exp_f32(values: F32) -> F32:
    """exp of the values clamped to ±88, rounded to float32; NaN stays NaN."""
    # A signalling NaN raises a flag when it is converted; its quiet form is what is wanted.
    with np.errstate(invalid="ignore"):
        clamped = np.clip(values, np.float32(-EXP_LIMIT), np.float32(EXP_LIMIT))
        return np.exp(clamped.astype(np.float64)).astype(np.float32)


def reciprocal_f32(values: F32) -> F32:
    """1 / values in float32; zeros give infinities."""
    with np.errstate(all="ignore"):
        return np.float32(1) / values


def sqrt_f32(values: F32) -> F32:
    """Square roots in float32; negative values give NaN."""
    with np.errstate(all="ignore"):
        return np.sqrt(values)


def greatest(values: F32) -> np.float32:
    """The maximum; NaN if there is one. +0 is above -0, so that no order of comparing matters."""
    most = values.max()
    if most == 0:
        return np.float32(-0.0) if np.signbit(values[values == 0]).all() else np.float32(0)
    return most


@cache
def _all_bf16() -> F32:
    return bf16_to_f32(np.arange(1 << 16, dtype=np.uint16))


@cache
def exp_table() -> F32:
    """bf16-rounded exponential of every bf16 pattern, float32 [65536]."""
    return round_bf16(exp_f32(_all_bf16()))


@cache
def reciprocal_table() -> F32:
    """bf16-rounded reciprocal of every bf16 pattern, float32 [65536]."""
    return round_bf16(reciprocal_f32(_all_bf16()))


@cache
def sqrt_table() -> F32:
    """bf16-rounded square root of every bf16 pattern, float32 [65536]."""
    return round_bf16(sqrt_f32(_all_bf16()))

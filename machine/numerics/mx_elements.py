"""Elements of block-scaled formats: what their codes mean, and rounding to the nearest code.

A code holds sign, exponent and mantissa from the highest bit down, or a fixed-point number in two's
complement (OCP Microscaling v1.0, section 5.3). The machine's floats have the same bits, but keep
the largest exponent for infinity and NaN, and their subnormals are multiples of
2^(-bias - mantissa), half the usual (ISA section 5.1): between the largest subnormal and the least
normal number there is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np

from ..spec.formats import FloatType, IntType
from .bf16 import F32, U8, U32
from .hbm_codecs import decode_numbers

Variant: TypeAlias = Literal["ocp", "plena"]

MAGNITUDE = np.uint32(0x7FFF_FFFF)
"""All bits of a float32 but the sign."""

INFINITY = np.uint32(0x7F80_0000)
"""The bits of float32 infinity; a magnitude above is a NaN."""

_MANTISSA = 23
_BIAS = 127
_ONE = np.uint32(1)


@dataclass(frozen=True, slots=True)
class ElementFormat:
    """An element format.

    `largest` is the largest finite magnitude and `largest_code` its code. Integers are fixed-point
    numbers with `width` - 2 fraction bits. `step` is the exponent of the least positive value.
    """

    name: str
    number: FloatType | IntType
    largest: float
    largest_code: int
    step: int
    variant: Variant = "ocp"

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.number.bits

    @property
    def mantissa(self) -> int:
        """Mantissa bits of a float, 0 for integers."""
        return self.number.mantissa if isinstance(self.number, FloatType) else 0

    @property
    def largest_exponent(self) -> int:
        """Exponent of the largest power of two that the format holds."""
        return int(np.floor(np.log2(self.largest)))

    @property
    def least_normal(self) -> float:
        """The least positive normal number of a float."""
        assert isinstance(self.number, FloatType)
        return 2.0 ** (1 - self.number.bias)

    @property
    def gap_middle(self) -> float:
        """Half way between the largest subnormal and the least normal number."""
        below = (2**self.mantissa - 1) * 2.0**self.step
        return (below + self.least_normal) / 2


def _float(name: str, exponent: int, mantissa: int, largest: float, code: int) -> ElementFormat:
    number = FloatType(exponent, mantissa)
    return ElementFormat(name, number, largest, code, 1 - number.bias - mantissa)


ELEMENTS: dict[str, ElementFormat] = {
    e.name: e
    for e in (
        _float("e4m3", 4, 3, 448.0, 0x7E),
        _float("e5m2", 5, 2, 57344.0, 0x7B),
        _float("e3m2", 3, 2, 28.0, 0x1F),
        _float("e2m3", 2, 3, 7.5, 0x1F),
        _float("e2m1", 2, 1, 6.0, 0x7),
        ElementFormat("int8", IntType(8), 127 / 64, 127, -6),
        ElementFormat("int4", IntType(4), 7 / 4, 7, -2),
    )
}
"""OCP element formats by name. int4 follows int8's pattern; it is not in the OCP specification."""


@cache
def element_format(name: str, variant: Variant = "ocp") -> ElementFormat:
    """The element format of that name; raises ValueError where there is none."""
    if name not in ELEMENTS:
        raise ValueError(f"fmt is {name!r}, must be one of {', '.join(ELEMENTS)}")
    ocp = ELEMENTS[name]
    number = ocp.number
    if variant == "ocp" or isinstance(number, IntType):
        return ocp
    mantissas = 1 << number.mantissa
    return ElementFormat(
        name,
        number,
        (2 - 1 / mantissas) * 2.0**number.bias,
        ((1 << number.exponent) - 1) * mantissas - 1,
        -number.bias - number.mantissa,
        "plena",
    )


def nearest_codes(values: F32, element: ElementFormat) -> U8:
    """Codes of `values`: to nearest, ties to the even code, saturating.

    What is no number counts as the largest magnitude; callers treat it apart.
    """
    if isinstance(element.number, IntType):
        steps = np.rint(values * np.float32(2.0**-element.step))
        np.clip(steps, -element.largest_code, element.largest_code, out=steps)
        return steps.astype(np.int8).view(np.uint8) & np.uint8((1 << element.bits) - 1)
    mantissa, bias = element.mantissa, element.number.bias
    dropped = np.uint32(_MANTISSA - mantissa)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    size = bits & MAGNITUDE
    np.minimum(size, float_bits(element.largest), out=size)
    codes = size >> dropped
    codes &= _ONE
    codes += size
    codes += np.uint32((1 << int(dropped) - 1) - 1)
    codes >>= dropped
    # For subnormals this wraps around, and is replaced.
    codes -= np.uint32(_BIAS - bias << mantissa)
    small = size < float_bits(element.least_normal)
    if small.any():
        np.copyto(codes, _subnormal_codes(size, element), where=small)
    sign = bits >> np.uint32(32 - element.bits)
    sign &= np.uint32(1 << element.bits - 1)
    codes |= sign
    return codes.astype(np.uint8)


def _subnormal_codes(size: U32, element: ElementFormat) -> U32:
    """Codes of magnitudes below the least normal number, by their bits; elsewhere nonsense."""
    # A float32 whose last bit is worth one step: adding it leaves the rounded number of steps.
    anchor = np.float32(2.0 ** (element.step + _MANTISSA))
    codes = (size.view(np.float32) + anchor).view(np.uint32)
    codes -= anchor.view(np.uint32)
    if element.variant == "plena":
        np.minimum(codes, np.uint32((1 << element.mantissa) - 1), out=codes)
        codes[size >= float_bits(element.gap_middle)] = 1 << element.mantissa
    return codes


def float_bits(value: float) -> np.uint32:
    """The bits of a value as float32."""
    return np.float32(value).view(np.uint32)


@cache
def element_values(name: str, variant: Variant = "ocp") -> F32:
    """Values of all 256 code bytes, float32; bits above the format's width are ignored."""
    element = element_format(name, variant)
    number = element.number
    codes = np.arange(256) & (1 << element.bits) - 1
    if variant == "plena":
        values = decode_numbers(codes.astype(np.uint32), number)
        return np.where(np.isnan(values), np.float32(np.nan), values)
    if isinstance(number, IntType):
        half = 1 << number.width - 1
        return (((codes ^ half) - half) * 2.0**element.step).astype(np.float32)
    mantissa = codes & (1 << number.mantissa) - 1
    exponent = codes >> number.mantissa & (1 << number.exponent) - 1
    fraction = mantissa + np.where(exponent == 0, 0, 1 << number.mantissa)
    power = np.maximum(exponent, 1) - number.bias - number.mantissa
    values = np.ldexp(fraction.astype(np.float64), power)
    magnitude = codes & (1 << element.bits - 1) - 1
    values = np.where(magnitude > element.largest_code, np.nan, values)
    if name == "e5m2":
        values = np.where(magnitude == element.largest_code + 1, np.inf, values)
    return np.where(codes >> element.bits - 1 & 1, -values, values).astype(np.float32)

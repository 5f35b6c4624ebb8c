"""Shared scales: the exponent of a block from its largest magnitude.

Scale codes are E8M0: 2^(code - 127), code 255 is NaN (OCP Microscaling v1.0, section 5.4.1). The
machine reads code 0 as 0 and 255 as infinity (ISA section 5.1).
"""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..spec.formats import E8M0
from .bf16 import F32, U32
from .hbm_codecs import decode_scales
from .mx_elements import ElementFormat, Variant, float_bits

Rule: TypeAlias = Literal["floor", "ceil", "rceil", "even"]
RULES: tuple[Rule, ...] = ("floor", "ceil", "rceil", "even")

E8M0_BIAS = 127
NAN_SCALE = 0xFF

_MANTISSA = 23
_LEAST_NORMAL = np.uint32(1 << _MANTISSA)
_LIFT = 24
"""A subnormal float32 times 2^24 is normal."""


def least_exponent(variant: Variant) -> int:
    """The exponent of the least scale above zero."""
    return 1 - E8M0_BIAS if variant == "plena" else -E8M0_BIAS


def rule_bump(rule: Rule, element: ElementFormat) -> int:
    """What a rule adds to the bits of a magnitude before it takes their exponent.

    floor: the exponent as it is. ceil: up, unless a power of two. rceil: up, if the mantissa is
    above that of the format's largest number. even: up, if rounding the mantissa to the format's
    (half up: only whether it reaches the next power of two counts) carries.
    Raises ValueError for an unknown rule.
    """
    below = (1 << _MANTISSA) - 1
    if rule == "floor":
        return 0
    if rule == "ceil":
        return below
    if rule == "rceil":
        return below - (int(float_bits(element.largest)) & below)
    if rule == "even":
        return 1 << _MANTISSA - 1 - element.mantissa
    raise ValueError(f"rule is {rule!r}, must be one of {', '.join(RULES)}")


def shared_exponents(
    largest: U32, element: ElementFormat, rule: Rule, least: int = -E8M0_BIAS
) -> NDArray[np.int32]:
    """Exponents of scales, `least` to 127, from the bits of blocks' largest magnitudes (finite).

    Blocks of zeros have the least one.
    """
    bits, lifted = largest, largest < _LEAST_NORMAL
    if lifted.any():
        high = (largest.view(np.float32) * np.float32(2.0**_LIFT)).view(np.uint32)
        bits = np.where(lifted, high, largest)
    exponents = ((bits + np.uint32(rule_bump(rule, element))) >> np.uint32(_MANTISSA)).astype(
        np.int32
    )
    exponents -= E8M0_BIAS + element.largest_exponent
    if lifted.any():
        exponents -= _LIFT * lifted.astype(np.int32)
        exponents[largest == 0] = least
    return np.clip(exponents, least, E8M0_BIAS)


@cache
def scale_values(variant: Variant) -> F32:
    """Values of all 256 E8M0 codes, float32."""
    codes = np.arange(256, dtype=np.uint32)
    if variant == "plena":
        return decode_scales(codes, E8M0)
    values = np.ldexp(1.0, codes.astype(np.int32) - E8M0_BIAS)
    values[NAN_SCALE] = np.nan
    return values.astype(np.float32)

"""The machine's HBM number formats, bit for bit (section 5).

They are the machine's own: floats whose subnormals have the exponent -bias, shared exponents from
a logarithm with 1e-9 added, element mantissas that never carry into the exponent, and Plain floats
of fewer than 8 exponent bits that are stored wrongly. Element codes are uint32 here, whatever
their width.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..spec.formats import FloatType, IntType, MxFormat, NumberType
from .bf16 import F32, SIGN32, U32, bf16_to_f32

_F32_MANTISSA = 23
_F32_EXPONENT_MAX = 255
_LOG_GUARD = np.float32(1e-9)


def decode_numbers(codes: U32, number: NumberType) -> F32:
    """Values of element codes: exact, integers unsigned."""
    return _decode_table(number)[codes] if number.bits <= 8 else _decoded(codes, number)


@cache
def _decode_table(number: NumberType) -> F32:
    """The values of all codes."""
    with np.errstate(all="ignore"):
        return _decoded(np.arange(1 << number.bits, dtype=np.uint32), number)


def _decoded(codes: U32, number: NumberType) -> F32:
    if isinstance(number, IntType):
        return codes.astype(np.float32)
    exponent_max = (1 << number.exponent) - 1
    mantissa = codes & np.uint32((1 << number.mantissa) - 1)
    exponent = (codes >> np.uint32(number.mantissa)) & np.uint32(exponent_max)
    fraction = mantissa << np.uint32(_F32_MANTISSA - number.mantissa)
    if number.exponent == 8:
        magnitude = ((exponent << np.uint32(_F32_MANTISSA)) | fraction).view(np.float32)
    else:
        rebias = np.uint32(127 - number.bias)
        biased = np.where(exponent == exponent_max, _F32_EXPONENT_MAX, exponent + rebias)
        normal = ((biased.astype(np.uint32) << np.uint32(_F32_MANTISSA)) | fraction).view(
            np.float32
        )
        unit = np.float32(2.0 ** (-number.bias - number.mantissa))
        magnitude = np.where(exponent == 0, mantissa.astype(np.float32) * unit, normal)
    if not number.sign:
        return magnitude
    negative = (codes >> np.uint32(number.exponent + number.mantissa)) & np.uint32(1)
    return np.where(negative != 0, -magnitude, magnitude)


def encode_plain_bf16(values: F32, number: NumberType) -> U32:
    """`encode_plain` of values that are bf16 numbers."""
    return _plain_table(number)[values.view(np.uint32) >> np.uint32(16)]


@cache
def _plain_table(number: NumberType) -> U32:
    """The codes of all bf16 numbers."""
    with np.errstate(all="ignore"):
        return encode_plain(bf16_to_f32(np.arange(1 << 16, dtype=np.uint16)), number)


def encode_plain(values: F32, number: NumberType) -> U32:
    """Codes of `values` in a Plain format (section 5.5).

    Right for 8 exponent bits. With fewer, the machine compares float32's exponent field with the
    narrow format's largest one and stores zero or infinity as exponent, the mantissa beside it.
    """
    if isinstance(number, IntType):
        return _encode_integers(values, number)
    bits = np.asarray(values, np.float32).view(np.uint32)
    exponent = (bits & ~SIGN32) >> np.uint32(_F32_MANTISSA)
    exponent_max = (1 << number.exponent) - 1
    if number.exponent < 8:
        exponent = np.where(exponent < exponent_max, 0, exponent_max).astype(np.uint32)
    dropped = _F32_MANTISSA - number.mantissa
    mantissa = bits & np.uint32((1 << _F32_MANTISSA) - 1)
    tie = (mantissa >> np.uint32(dropped)) & np.uint32(1)
    rounded = (mantissa + tie + np.uint32((1 << dropped - 1) - 1)) >> np.uint32(dropped)
    carried = exponent + (rounded >> np.uint32(number.mantissa))
    overflow = carried > exponent_max
    fraction = rounded & np.uint32((1 << number.mantissa) - 1)
    codes = np.where(
        overflow,
        np.uint32(exponent_max << number.mantissa),
        (carried << np.uint32(number.mantissa)) | fraction,
    )
    if not number.sign:
        return codes.astype(np.uint32)
    sign = (bits >> np.uint32(31)) << np.uint32(number.exponent + number.mantissa)
    return (codes | sign).astype(np.uint32)


def _encode_integers(values: F32, number: IntType) -> U32:
    """Truncation towards zero, saturating at 32 bits; then the low bits."""
    whole = np.trunc(np.where(np.isnan(values), np.float32(0), values).astype(np.float64))
    clipped = np.clip(whole, -(2.0**31), 2.0**31 - 1).astype(np.int64)
    return (clipped & np.int64((1 << number.width) - 1)).astype(np.uint32)


def decode_blocks(codes: U32, scales: U32, form: MxFormat) -> F32:
    """Values of rows of blocks: codes [..., blocks * block], scale codes [..., blocks]."""
    elements = decode_numbers(codes, form.element)
    factors = decode_scales(scales, form.scale)
    shape = (*scales.shape, form.block)
    with np.errstate(all="ignore"):
        return (elements.reshape(shape) * factors[..., None]).reshape(elements.shape)


def decode_scales(codes: U32, scale: FloatType) -> F32:
    """Values of scale codes: a power of two, 0 for code 0, infinity for the largest code."""
    exponent_max = (1 << scale.exponent) - 1
    power = np.ldexp(1.0, codes.astype(np.int32) - scale.bias)
    values = np.where(codes == exponent_max, np.inf, power)
    return np.where(codes == 0, 0.0, values).astype(np.float32)


def encode_blocks(values: F32, form: MxFormat) -> tuple[U32, U32]:
    """Element codes [..., n] and scale codes [..., n / block] of rows of `values` (section 5.2)."""
    blocks = values.reshape(*values.shape[:-1], values.shape[-1] // form.block, form.block)
    with np.errstate(all="ignore"):
        sizes = np.abs(blocks)
        largest = np.where(np.isnan(sizes), np.float32(0), sizes).max(axis=-1)
        bias = form.scale.bias
        exponent = np.clip(_floor_log2(largest), -bias, bias).astype(np.int32)
        factor = np.ldexp(np.float32(1), exponent)[..., None]
        scaled = np.where(blocks == 0, np.float32(0), blocks / factor).astype(np.float32)
        empty = largest == 0
        codes = np.where(empty[..., None], 0, encode_elements(scaled, form.element))
        scales = np.where(empty, 0, exponent + bias)
    return codes.reshape(values.shape).astype(np.uint32), scales.astype(np.uint32)


def _floor_log2(values: F32) -> NDArray[np.float32]:
    """Floor of log2(values + 1e-9), the sum and the logarithm rounded to float32."""
    guarded = (values + _LOG_GUARD).astype(np.float64)
    return np.floor(np.log2(guarded).astype(np.float32))


def encode_elements(values: F32, element: NumberType) -> U32:
    """Element codes of scaled values, which lie within (-2, 2) unless the block has infinities."""
    if isinstance(element, IntType):
        return _encode_integers(values, element)
    bias = element.bias
    steps = np.float32(1 << element.mantissa)
    most = steps - 1
    size = np.abs(values)
    unclamped = _floor_log2(size)
    exponent = np.clip(np.where(np.isnan(unclamped), 0, unclamped), -bias, bias)
    ratio = size / np.ldexp(np.float32(1), exponent.astype(np.int32))
    position = np.where(exponent == -bias, ratio * steps, (ratio - 1) * steps)
    # Two guard bits; the whole part is clamped before they round it, so a position below zero
    # (a value far under 2^-30, where the guard fixes the exponent) may come out as 1.
    position = np.where(np.isnan(position), 0, position)
    quarters = np.floor(position * 4) - np.floor(position) * 4
    whole = np.clip(np.floor(position), 0, most)
    up = (quarters == 3) | ((quarters == 2) & (whole % 2 == 1))
    quantum = np.minimum(whole + up, most)
    quantum = np.where(unclamped > bias, most, quantum)
    field = (exponent + bias).astype(np.uint32) << np.uint32(element.mantissa)
    codes = field | quantum.astype(np.uint32)
    if element.sign:
        sign = np.uint32(1 << element.exponent + element.mantissa)
        codes = codes | np.where(values < 0, sign, np.uint32(0))
    return np.where(values == 0, 0, codes).astype(np.uint32)

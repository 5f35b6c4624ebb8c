"""Block-scaled number formats: OCP Microscaling (MX) v1.0, NVFP4 and the machine's own variant.

`quantize` makes codes and scales of an array, `dequantize` the values again. The OCP variant rounds
to nearest even and saturates (specification sections 5 and 6.3); the machine's variant is that of
section 5 of the instruction set reference, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .codecs import decode_blocks, encode_blocks
from .formats import E8M0, FloatType, IntType, MxFormat
from .numerics import F32, U8

Rule: TypeAlias = Literal["floor", "ceil", "rceil", "even"]
Scale: TypeAlias = Literal["e8m0", "e4m3"]
Variant: TypeAlias = Literal["ocp", "plena"]


@dataclass(frozen=True, slots=True)
class ElementFormat:
    """An OCP element format.

    `largest` is the largest finite magnitude and `largest_code` its code. Integers are fixed-point
    numbers with `width` - 2 fraction bits, in two's complement.
    """

    name: str
    number: FloatType | IntType
    largest: float
    largest_code: int

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.number.bits

    @property
    def largest_exponent(self) -> int:
        """Exponent of the largest power of two that the format holds."""
        return int(np.floor(np.log2(self.largest)))


ELEMENTS: dict[str, ElementFormat] = {
    e.name: e
    for e in (
        ElementFormat("e4m3", FloatType(4, 3), 448.0, 0x7E),
        ElementFormat("e5m2", FloatType(5, 2), 57344.0, 0x7B),
        ElementFormat("e3m2", FloatType(3, 2), 28.0, 0x1F),
        ElementFormat("e2m3", FloatType(2, 3), 7.5, 0x1F),
        ElementFormat("e2m1", FloatType(2, 1), 6.0, 0x7),
        ElementFormat("int8", IntType(8), 127 / 64, 127),
        ElementFormat("int4", IntType(4), 7 / 4, 7),
    )
}
"""Element formats by name. int4 follows int8's pattern; it is not in the OCP specification."""

_NAN_SCALE = 0xFF
_E8M0_BIAS = 127


@dataclass(frozen=True)
class Blocks:
    """A quantized array.

    `codes` has the shape of the array, one code a uint8; `scales` has one uint8 for each block
    along `axis`, the last block of a row being short if the length is no multiple of `block`.
    `tensor_scale` is 1 except with e4m3 scales.
    """

    codes: U8
    scales: U8
    fmt: str
    block: int
    axis: int
    scale: Scale
    variant: Variant
    tensor_scale: np.float32

    def pack(self) -> U8:
        """The element codes as dense bytes, in C order, low bits first; uint8, one-dimensional."""
        width = ELEMENTS[self.fmt].bits
        if width == 8:
            return np.ascontiguousarray(self.codes).reshape(-1)
        bits = np.unpackbits(self.codes.reshape(-1, 1), axis=1, bitorder="little")[:, :width]
        return np.packbits(bits.reshape(-1), bitorder="little")


def quantize(
    x: ArrayLike,
    fmt: str,
    block: int = 32,
    axis: int = -1,
    scale: Scale = "e8m0",
    rule: Rule = "floor",
    variant: Variant = "ocp",
) -> Blocks:
    """Quantize `x` (anything that converts to float32) in blocks of `block` along `axis`.

    `rule` says how the shared power of two follows from a block's largest magnitude m and the
    element format: "floor" takes the exponent of m (OCP), "ceil" rounds it up, "rceil" takes the
    least that keeps m within the format's range, "even" rounds m to the element's mantissa first.
    With scale "e4m3" (NVFP4) scales are e4m3 numbers times one float32 `tensor_scale`.
    A block that holds a NaN or an infinity becomes NaN as a whole.
    Raises ValueError for an unknown name, a block below 1 or an axis that does not exist.
    """
    element = _element(fmt)
    if block < 1:
        raise ValueError(f"block is {block}, must be at least 1")
    values = np.asarray(x, np.float32)
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"axis is {axis}, but the array has {values.ndim} dimensions")
    rows = np.moveaxis(values, axis, -1)
    length = rows.shape[-1]
    blocks = _padded(rows, block)
    tensor_scale = np.float32(1)
    if variant == "plena":
        if scale != "e8m0" or rule != "floor":
            raise ValueError("variant 'plena' has scale 'e8m0' and rule 'floor' only")
        codes32, scales32 = encode_blocks(blocks.reshape(*rows.shape[:-1], -1), _plena(fmt, block))
        codes, scales = codes32.astype(np.uint8), scales32.astype(np.uint8)
    elif variant != "ocp":
        raise ValueError(f"variant is {variant!r}, must be 'ocp' or 'plena'")
    elif scale == "e8m0":
        codes, scales = _quantize_e8m0(blocks, element, rule)
    elif scale == "e4m3":
        codes, scales, tensor_scale = _quantize_e4m3(blocks, element)
    else:
        raise ValueError(f"scale is {scale!r}, must be 'e8m0' or 'e4m3'")
    codes = codes.reshape(*rows.shape[:-1], -1)[..., :length]
    return Blocks(
        np.ascontiguousarray(np.moveaxis(codes, -1, axis)),
        np.ascontiguousarray(np.moveaxis(scales, -1, axis)),
        fmt,
        block,
        axis,
        scale,
        variant,
        tensor_scale,
    )


def dequantize(b: Blocks) -> F32:
    """The values of `b`, float32, in the shape of its codes."""
    codes = np.moveaxis(b.codes, b.axis, -1)
    scales = np.moveaxis(b.scales, b.axis, -1)
    length = codes.shape[-1]
    padding = scales.shape[-1] * b.block - length
    padded = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, padding)])
    if b.variant == "plena":
        form = _plena(b.fmt, b.block)
        values = decode_blocks(padded.astype(np.uint32), scales.astype(np.uint32), form)
    else:
        if b.scale == "e8m0":
            factors = np.ldexp(1.0, scales.astype(np.int32) - _E8M0_BIAS)
            factors = np.where(scales == _NAN_SCALE, np.nan, factors)
        else:
            factors = decode_elements(scales, "e4m3") * b.tensor_scale
        elements = decode_elements(padded, b.fmt).reshape(*scales.shape, b.block)
        values = (elements * factors[..., None].astype(np.float32)).reshape(padded.shape)
    return np.ascontiguousarray(np.moveaxis(values[..., :length], -1, b.axis))


def decode_elements(codes: U8, fmt: str) -> F32:
    """Values of OCP element codes, without scale."""
    element = _element(fmt)
    return _decode_table(element)[codes]


def encode_elements(values: F32, fmt: str) -> U8:
    """OCP element codes of values, rounded to nearest even and saturated; NaN gives code 0."""
    return _encode(values, _element(fmt))


def _element(fmt: str) -> ElementFormat:
    if fmt not in ELEMENTS:
        raise ValueError(f"fmt is {fmt!r}, must be one of {', '.join(ELEMENTS)}")
    return ELEMENTS[fmt]


def _plena(fmt: str, block: int) -> MxFormat:
    """The machine's format of that name: same bits, other values (section 5.1)."""
    return MxFormat(block, _element(fmt).number, E8M0)


def _padded(rows: F32, block: int) -> F32:
    """`rows` [..., n] as [..., blocks, block], zeros after the end."""
    padding = -rows.shape[-1] % block
    widths = [(0, 0)] * (rows.ndim - 1) + [(0, padding)]
    padded = np.pad(rows, widths) if padding else rows
    return padded.reshape(*rows.shape[:-1], -1, block)


def _quantize_e8m0(blocks: F32, element: ElementFormat, rule: Rule) -> tuple[U8, U8]:
    """Codes [..., blocks, block] and scale codes [..., blocks]."""
    bad = _not_finite(blocks)
    finite = np.where(bad[..., None], np.float32(0), blocks)
    exponent = _shared_exponent(np.abs(finite).max(axis=-1), element, rule)
    exponent = np.clip(exponent, -_E8M0_BIAS, _E8M0_BIAS)
    # A float64 quotient: a float32 one would lose bits where the scale is below 2^-126.
    scaled = finite.astype(np.float64) / np.ldexp(1.0, exponent)[..., None]
    scales = np.where(bad, _NAN_SCALE, exponent + _E8M0_BIAS).astype(np.uint8)
    return _encode(scaled, element), scales


def _shared_exponent(largest: F32, element: ElementFormat, rule: Rule) -> NDArray[np.int32]:
    """Exponents of the shared scales, not yet clipped; the least possible one for zeros."""
    mantissa, exponent = np.frexp(largest.astype(np.float64))
    floor = exponent - 1
    top = element.largest_exponent
    if rule == "floor":
        shared = floor - top
    elif rule == "ceil":
        shared = floor + (mantissa > 0.5) - top
    elif rule == "rceil":
        ratio, power = np.frexp(largest.astype(np.float64) / element.largest)
        shared = np.where(ratio > 0.5, power, power - 1)
    elif rule == "even":
        kept = element.number.mantissa if isinstance(element.number, FloatType) else 0
        steps = float(1 << kept)
        # Half a step up and floor, not to even: only whether the power of two is reached counts.
        shared = floor + (np.floor(mantissa * 2 * steps + 0.5) >= 2 * steps) - top
    else:
        raise ValueError(f"rule is {rule!r}, must be 'floor', 'ceil', 'rceil' or 'even'")
    return np.where(largest == 0, -_E8M0_BIAS, shared).astype(np.int32)


def _not_finite(blocks: F32) -> NDArray[np.bool_]:
    """Which blocks [..., blocks, block] hold a NaN or an infinity: bool [..., blocks]."""
    finite: NDArray[np.bool_] = np.isfinite(blocks)
    return np.logical_not(finite.all(axis=-1), out=np.empty(blocks.shape[:-1], np.bool_))


def _quantize_e4m3(blocks: F32, element: ElementFormat) -> tuple[U8, U8, np.float32]:
    """Codes, e4m3 scale codes and the tensor's scale: two-level scaling as in NVFP4."""
    bad = _not_finite(blocks)
    finite = np.where(bad[..., None], np.float32(0), blocks)
    largest = np.abs(finite).max(axis=-1)
    whole = float(largest.max(initial=np.float32(0)))
    scale_format = ELEMENTS["e4m3"]
    tensor_scale = np.float32(whole / (element.largest * scale_format.largest))
    if tensor_scale == 0:
        tensor_scale = np.float32(1)
    wanted = largest.astype(np.float64) / element.largest / float(tensor_scale)
    scales = _encode(wanted, scale_format)
    factors = decode_elements(scales, "e4m3").astype(np.float64) * float(tensor_scale)
    safe = np.where(factors == 0, np.inf, factors)
    codes = _encode(finite.astype(np.float64) / safe[..., None], element)
    nan_scale = np.uint8(scale_format.largest_code + 1)
    return codes, np.where(bad, nan_scale, scales).astype(np.uint8), tensor_scale


def _encode(values: NDArray[np.floating], element: ElementFormat) -> U8:
    """Element codes: nearest, ties to even, saturating."""
    values = np.nan_to_num(values.astype(np.float64), nan=0.0)
    number = element.number
    if isinstance(number, IntType):
        steps = np.rint(values * (1 << number.width - 2))
        whole = np.clip(steps, -element.largest_code, element.largest_code).astype(np.int64)
        return (whole & (1 << number.width) - 1).astype(np.uint8)
    least = 1 - number.bias
    size = np.minimum(np.abs(values), element.largest)
    exponent = np.maximum(np.frexp(size)[1] - 1, least)
    # Codes of one sign are consecutive, so a mantissa that rounds up carries by itself.
    steps = np.rint(np.ldexp(size, number.mantissa - exponent)).astype(np.int64)
    codes = np.where(size == 0, 0, ((exponent - least) << number.mantissa) + steps)
    codes = np.minimum(codes, element.largest_code)
    sign = np.signbit(values).astype(np.int64) << number.exponent + number.mantissa
    return (codes | sign).astype(np.uint8)


def _decode_table(element: ElementFormat) -> F32:
    """Values of all 256 code bytes; bits above the format's width are ignored."""
    number = element.number
    codes = np.arange(256) & (1 << element.bits) - 1
    if isinstance(number, IntType):
        half = 1 << number.width - 1
        signed = (codes ^ half) - half
        return (signed / (1 << number.width - 2)).astype(np.float32)
    mantissa = codes & (1 << number.mantissa) - 1
    exponent = codes >> number.mantissa & (1 << number.exponent) - 1
    fraction = mantissa + np.where(exponent == 0, 0, 1 << number.mantissa)
    power = np.maximum(exponent, 1) - number.bias - number.mantissa
    values = np.ldexp(fraction.astype(np.float64), power)
    magnitude = codes & (1 << element.bits - 1) - 1
    values = np.where(magnitude > element.largest_code, np.nan, values)
    if element.name == "e5m2":
        values = np.where(magnitude == element.largest_code + 1, np.inf, values)
    return np.where(codes >> element.bits - 1 & 1, -values, values).astype(np.float32)

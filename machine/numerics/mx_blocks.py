"""Block-scaled number formats: OCP Microscaling (MX) v1.0, NVFP4 and the machine's own variant.

`quantize` makes codes and scales of an array, `dequantize` the values again. The OCP variant rounds
to nearest even and saturates (specification sections 5 and 6.3). The machine's variant has other
code values; its rounding is either what the machine's stores do, bit for bit (ISA section 5.2), or
to nearest, which a host can do and the machine reads just as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..spec.formats import E8M0, MxFormat
from .bf16 import F32, U8, U32
from .hbm_codecs import encode_blocks
from .mx_bytes import pack_codes, packed_bytes, unpack_codes
from .mx_elements import (
    ELEMENTS,
    INFINITY,
    MAGNITUDE,
    ElementFormat,
    Variant,
    element_format,
    element_values,
    nearest_codes,
)
from .mx_scales import (
    E8M0_BIAS,
    NAN_SCALE,
    RULES,
    Rule,
    least_exponent,
    scale_values,
    shared_exponents,
)

Scale: TypeAlias = Literal["e8m0", "e4m3"]
Rounding: TypeAlias = Literal["nearest", "store"]
Place: TypeAlias = Literal["behind", "inline"]

__all__ = [
    "ELEMENTS",
    "RULES",
    "Blocks",
    "ElementFormat",
    "Place",
    "Rounding",
    "Rule",
    "Scale",
    "Variant",
    "append",
    "decode_elements",
    "dequantize",
    "encode_elements",
    "from_bytes",
    "quantize",
]

_CHUNK = 1 << 16
"""Elements that are converted together, so that what is in between stays in cache."""

_E4M3_NAN = 0x7F


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
        return pack_codes(self.codes, ELEMENTS[self.fmt].bits)

    def to_bytes(self, scales: Place = "behind") -> bytes:
        """Everything: dense element codes, then scales, then the tensor scale if scales are e4m3
        (little-endian float32). `from_bytes` reads it.

        With `scales` "inline" each scale stands in front of its block. Raises ValueError where
        blocks are then not whole bytes, or not whole along the last axis.
        """
        tail = self.tensor_scale.astype("<f4").tobytes() if self.scale == "e4m3" else b""
        if scales == "behind":
            return self.pack().tobytes() + self.scales.tobytes() + tail
        size = _inline_bytes(self.codes.shape, self.fmt, self.block, self.axis)
        elements = self.pack().reshape(-1, size)
        rows = np.concatenate([self.scales.reshape(-1, 1), elements], axis=1)
        return rows.tobytes() + tail


def from_bytes(
    data: bytes,
    shape: tuple[int, ...],
    fmt: str,
    block: int = 32,
    axis: int = -1,
    scale: Scale = "e8m0",
    variant: Variant = "ocp",
    scales: Place = "behind",
) -> Blocks:
    """The blocks whose `to_bytes(scales)` is `data`, of an array of that shape.

    Raises ValueError where the length is not that of the shape and format.
    """
    element = _checked(fmt, block, scale, variant)
    counts = list(shape)
    counts[_axis(axis, len(shape))] = -(-counts[axis] // block)
    size, blocks = packed_bytes(element.bits, prod(shape)), prod(counts)
    tail = 4 if scale == "e4m3" else 0
    if len(data) != size + blocks + tail:
        parts = f"{size} of elements, {blocks} of scales" + ", 4 of tensor scale" * (tail > 0)
        raise ValueError(f"{size + blocks + tail} bytes are needed ({parts}), got {len(data)}")
    raw = np.frombuffer(data, np.uint8)[: size + blocks]
    packed, scale_codes = raw[:size], raw[size:]
    if scales == "inline":
        rows = raw.reshape(blocks, 1 + _inline_bytes(shape, fmt, block, axis))
        packed, scale_codes = np.ascontiguousarray(rows[:, 1:]).reshape(-1), rows[:, 0].copy()
    codes = unpack_codes(packed, element.bits, prod(shape)).reshape(shape)
    whole = np.frombuffer(data[-4:], "<f4")[0] if tail else np.float32(1)
    return Blocks(
        codes, scale_codes.reshape(counts), fmt, block, axis, scale, variant, np.float32(whole)
    )


def _inline_bytes(shape: tuple[int, ...], fmt: str, block: int, axis: int) -> int:
    """Bytes of the elements of a block, where scales can stand in front of blocks."""
    bits = block * ELEMENTS[fmt].bits
    if axis % len(shape) != len(shape) - 1 or shape[-1] % block or bits % 8:
        raise ValueError(
            f"inline scales need whole blocks of whole bytes along the last axis; {block} elements "
            f"of {fmt} along axis {axis} of {shape} are not"
        )
    return bits // 8


def quantize(
    x: ArrayLike,
    fmt: str,
    block: int = 32,
    axis: int = -1,
    scale: Scale = "e8m0",
    rule: Rule = "floor",
    variant: Variant = "ocp",
    rounding: Rounding | None = None,
    tensor_scale: float | None = None,
) -> Blocks:
    """Quantize `x` (anything that converts to float32) in blocks of `block` along `axis`.

    `rule` says how the shared power of two follows from a block's largest magnitude m and the
    element format: "floor" takes the exponent of m (OCP), "ceil" rounds it up, "rceil" takes the
    least that keeps m within the format's range, "even" rounds m to the element's mantissa first.
    With scale "e4m3" (NVFP4) scales are e4m3 numbers times one float32 `tensor_scale`, by default
    the one that puts the largest scale at 448; rules do not apply.

    `rounding` is "nearest" (ties to even, saturating) or, for the machine's variant and its default
    there, "store": what the machine's stores do, which have one rule of their own.

    In the OCP variant a block that holds a NaN or an infinity becomes NaN as a whole; in the
    machine's, which has no NaN scale, "nearest" keeps NaNs and infinities as elements.
    Raises ValueError for an unknown name, a combination that does not exist, a block below 1 or an
    axis that does not exist.
    """
    element = _checked(fmt, block, scale, variant)
    rounding = rounding or ("store" if variant == "plena" else "nearest")
    _check_rounding(fmt, rule, variant, rounding)
    array = np.asarray(x, np.float32)
    moved = np.moveaxis(array, _axis(axis, array.ndim), -1)
    blocks = _padded(moved, block)
    whole = np.float32(1)
    if rounding == "store":
        raw, scales32 = encode_blocks(blocks, MxFormat(block, element.number, E8M0))
        codes, scales = raw.astype(np.uint8), scales32[..., 0].astype(np.uint8)
    elif scale == "e4m3":
        whole = _tensor_scale(blocks, element) if tensor_scale is None else np.float32(tensor_scale)
        codes, scales = _two_level(blocks, element, whole)
    else:
        codes, scales = _one_level(blocks, element, rule)
    *outer, length = moved.shape
    count = -(-length // block)
    codes = codes.reshape(*outer, count * block)[..., :length]
    scales = scales.reshape(*outer, count)
    return Blocks(
        np.ascontiguousarray(np.moveaxis(codes, -1, axis)),
        np.ascontiguousarray(np.moveaxis(scales, -1, axis)),
        fmt,
        block,
        axis,
        scale,
        variant,
        whole,
    )


def dequantize(b: Blocks) -> F32:
    """The values of `b`, float32, in the shape of its codes."""
    codes = np.moveaxis(b.codes, b.axis, -1)
    scales = np.moveaxis(b.scales, b.axis, -1)
    length = codes.shape[-1]
    short = scales.shape[-1] * b.block - length
    if short:
        codes = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, short)])
    flat = np.ascontiguousarray(codes).reshape(-1, b.block)
    factors = _factors(b, np.ascontiguousarray(scales).reshape(-1))
    table = element_values(b.fmt, b.variant)
    values = np.empty(flat.shape, np.float32)
    with np.errstate(all="ignore"):
        for part in _parts(len(flat), b.block):
            out = values[part]
            np.take(table, flat[part], out=out, mode="clip")
            out *= factors[part, None]
    whole = values.reshape(*codes.shape)[..., :length]
    return np.ascontiguousarray(np.moveaxis(whole, -1, b.axis))


def append(
    b: Blocks, x: ArrayLike, axis: int, rule: Rule = "floor", rounding: Rounding | None = None
) -> Blocks:
    """`b` with `x` behind it along `axis`.

    Blocks along another axis stay as they are. Blocks along `axis` do too, except a last one that
    is short: it is decoded, filled up and quantized again as a whole. An e4m3-scaled array keeps
    its tensor scale. Raises ValueError where shapes do not fit.
    """
    array = np.asarray(x, np.float32)
    along, across = _axis(axis, b.codes.ndim), _axis(b.axis, b.codes.ndim)
    kept = b.codes.shape[along]
    if along == across:
        kept -= kept % b.block
        rest = _cut(b, slice(kept, None), slice(kept // b.block, None), along)
        array = np.concatenate([dequantize(rest), array], axis=along)
    whole = float(b.tensor_scale) if b.scale == "e4m3" else None
    new = quantize(
        array, b.fmt, b.block, b.axis, b.scale, rule, b.variant, rounding, tensor_scale=whole
    )
    old = _cut(b, slice(kept), slice(kept // b.block if along == across else None), along)
    codes = np.concatenate([old.codes, new.codes], axis=along)
    return replace(b, codes=codes, scales=np.concatenate([old.scales, new.scales], axis=along))


def decode_elements(codes: U8, fmt: str) -> F32:
    """Values of OCP element codes, without scale."""
    return element_values(fmt)[codes]


def encode_elements(values: F32, fmt: str) -> U8:
    """OCP element codes of values, rounded to nearest even and saturated; NaN gives code 0."""
    array = np.asarray(values, np.float32)
    with np.errstate(over="ignore"):
        return nearest_codes(np.where(np.isnan(array), np.float32(0), array), element_format(fmt))


def _checked(fmt: str, block: int, scale: str, variant: str) -> ElementFormat:
    """The element format; raises ValueError for names and sizes that do not exist."""
    if variant not in get_args(Variant):
        raise ValueError(f"variant is {variant!r}, must be 'ocp' or 'plena'")
    element = element_format(fmt, "plena" if variant == "plena" else "ocp")
    if block < 1:
        raise ValueError(f"block is {block}, must be at least 1")
    if scale not in get_args(Scale):
        raise ValueError(f"scale is {scale!r}, must be 'e8m0' or 'e4m3'")
    if variant == "plena" and scale != "e8m0":
        raise ValueError(f"the machine's variant has e8m0 scales, not {scale}")
    return element


def _check_rounding(fmt: str, rule: str, variant: str, rounding: str) -> None:
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}, must be one of {', '.join(RULES)}")
    if rounding not in get_args(Rounding):
        raise ValueError(f"rounding is {rounding!r}, must be 'nearest' or 'store'")
    if rounding == "store" and variant == "ocp":
        raise ValueError("rounding 'store' is the machine's own; variant 'ocp' rounds to nearest")
    if rounding == "store" and rule != "floor":
        raise ValueError(
            f"rule is {rule!r}, but the machine's store has 'floor'; other rules need "
            "rounding='nearest'"
        )
    if rounding == "nearest" and variant == "plena" and fmt.startswith("int"):
        raise ValueError(f"the machine reads {fmt} without sign; only rounding 'store' is defined")


def _axis(axis: int, ndim: int) -> int:
    """`axis` counted from the front; raises ValueError where there is none."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis is {axis}, but the array has {ndim} dimensions")
    return axis % ndim


def _padded(rows: F32, block: int) -> F32:
    """`rows` [..., n] as [blocks, block], zeros after each row's end."""
    short = -rows.shape[-1] % block
    if short:
        rows = np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, short)])
    return np.ascontiguousarray(rows).reshape(-1, block)


def _parts(blocks: int, block: int) -> Iterator[slice]:
    step = max(1, _CHUNK // block)
    for start in range(0, blocks, step):
        yield slice(start, start + step)


def _largest(part: F32) -> U32:
    """The bits of the largest magnitude of each block; above or at INFINITY where one is none."""
    return np.maximum.reduce(part.view(np.uint32) & MAGNITUDE, axis=1)


def _one_level(blocks: F32, element: ElementFormat, rule: Rule) -> tuple[U8, U8]:
    """Codes [blocks, block] and E8M0 codes [blocks], elements to nearest."""
    codes = np.empty(blocks.shape, np.uint8)
    scales = np.empty(len(blocks), np.uint8)
    least = least_exponent(element.variant)
    with np.errstate(all="ignore"):
        for part in _parts(*blocks.shape):
            values = blocks[part]
            largest = _largest(values)
            strange = largest >= INFINITY
            if strange.any():
                keep = np.isfinite(values) if element.variant == "plena" else ~strange[:, None]
                values = np.where(keep, values, np.float32(0))
                largest = _largest(values)
            exponents = shared_exponents(largest, element, rule, least)
            # A power of two and no overflow: exact, but for what is far below the least step.
            factors = np.ldexp(np.float32(1), -exponents)
            codes[part] = nearest_codes(values * factors[:, None], element)
            scale = (exponents + E8M0_BIAS).astype(np.uint8)
            if element.variant == "plena":
                # The least scale, 0, would make NaN of infinities beside zeros; others will do.
                scale[largest == 0] = E8M0_BIAS
            elif strange.any():
                scale[strange] = NAN_SCALE
            scales[part] = scale
            if strange.any() and element.variant == "plena":
                codes[part] = _with_strange(codes[part], blocks[part], element)
    return codes, scales


def _with_strange(codes: U8, values: F32, element: ElementFormat) -> U8:
    """The machine's codes with infinities and NaNs put back."""
    infinity = np.uint8(element.largest_code + 1)
    sign = np.where(np.signbit(values), np.uint8(1 << element.bits - 1), np.uint8(0))
    codes = np.where(np.isinf(values), infinity | sign, codes)
    return np.where(np.isnan(values), infinity | np.uint8(1), codes)


def _tensor_scale(blocks: F32, element: ElementFormat) -> np.float32:
    """The float32 that puts the largest block scale at the largest e4m3 number."""
    finite = np.abs(blocks[np.isfinite(blocks).all(axis=1)])
    largest = finite.max(initial=np.float32(0))
    whole = np.float32(largest / np.float32(element.largest * ELEMENTS["e4m3"].largest))
    return whole if whole > 0 else np.float32(1)


def _two_level(blocks: F32, element: ElementFormat, whole: np.float32) -> tuple[U8, U8]:
    """Codes and e4m3 scale codes under a tensor scale, as in NVFP4; all in float32."""
    codes = np.empty(blocks.shape, np.uint8)
    scales = np.empty(len(blocks), np.uint8)
    e4m3 = element_format("e4m3")
    with np.errstate(all="ignore"):
        for part in _parts(*blocks.shape):
            values = blocks[part]
            largest = _largest(values)
            strange = largest >= INFINITY
            if strange.any():
                values = np.where(strange[:, None], np.float32(0), values)
                largest = _largest(values)
            wanted = largest.view(np.float32) / np.float32(element.largest) / whole
            scale = nearest_codes(wanted.astype(np.float32), e4m3)
            factors = element_values("e4m3")[scale] * whole
            quotients = (values / factors[:, None]).astype(np.float32)
            quotients[factors == 0] = 0
            codes[part] = nearest_codes(quotients, element)
            scale[strange] = _E4M3_NAN
            scales[part] = scale
    return codes, scales


def _factors(b: Blocks, scales: U8) -> F32:
    if b.scale == "e4m3":
        return element_values("e4m3")[scales] * b.tensor_scale
    return scale_values(b.variant)[scales]


def _cut(b: Blocks, codes: slice, scales: slice, axis: int) -> Blocks:
    """Part of an array along an axis: which codes, which scales."""
    before = (slice(None),) * axis
    return replace(b, codes=b.codes[(*before, codes)], scales=b.scales[(*before, scales)])

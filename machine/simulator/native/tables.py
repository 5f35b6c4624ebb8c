"""Number formats and functions as tables for the native engine, made by the codecs themselves.

On chip every value is a bf16 number, so that a code is a function of 16 bits: of the value in a
plain format, of the value divided by its block's power of two in an MX format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...numerics.bf16 import (
    F32,
    U8,
    U16,
    bf16_to_f32,
    exp_table,
    f32_to_bf16,
    reciprocal_table,
    sqrt_table,
)
from ...numerics.hbm_codecs import (
    decode_numbers,
    decode_scales,
    encode_blocks,
    encode_elements,
    encode_plain,
)
from ...spec.formats import FloatType, HbmFormat, MxFormat
from .layout import FormatLayout


def _all_bf16() -> F32:
    return bf16_to_f32(np.arange(1 << 16, dtype=np.uint16))


@cache
def function_tables() -> tuple[U16, U16, U16]:
    """Patterns of exponential, reciprocal and square root of every bf16 pattern."""
    return (
        f32_to_bf16(exp_table()),
        f32_to_bf16(reciprocal_table()),
        f32_to_bf16(sqrt_table()),
    )


@dataclass
class FormatTables:
    """A format for the engine; `layout` points into `arrays`."""

    layout: FormatLayout
    arrays: list[NDArray[np.generic]] = field(default_factory=list[NDArray[np.generic]])

    def point(self, name: str, array: NDArray[np.generic]) -> None:
        """Let the table `name` be an array."""
        array = np.ascontiguousarray(array)
        self.arrays.append(array)
        setattr(self.layout, name, array.ctypes.data)


@cache
def format_tables(form: HbmFormat, stores: bool) -> FormatTables:
    """The tables of a format; those for stores only where they are wanted."""
    ratio = Fraction(form.ratio)
    element = form.element
    tables = FormatTables(
        FormatLayout(
            bits=element.bits,
            block=form.block if isinstance(form, MxFormat) else 0,
            ratio_numerator=ratio.numerator,
            ratio_denominator=ratio.denominator,
        )
    )
    if isinstance(element, FloatType) and element.bits == 8 and element.exponent < 8:
        tables.layout.exponent = element.exponent
        tables.layout.mantissa = element.mantissa
        tables.layout.bias = element.bias
        tables.layout.sign = element.sign
    if element.bits >= 8:
        with np.errstate(all="ignore"):
            codes = np.arange(1 << element.bits, dtype=np.uint32)
            tables.point("decode", decode_numbers(codes, element))
    if isinstance(form, MxFormat):
        scales = np.arange(1 << form.scale.bits, dtype=np.uint32)
        tables.point("scale_value", decode_scales(scales, form.scale))
    if stores:
        with np.errstate(all="ignore"):
            _add_stores(tables, form)
    return tables


def _add_stores(tables: FormatTables, form: HbmFormat) -> None:
    if not isinstance(form, MxFormat):
        tables.point("encode", encode_plain(_all_bf16(), form.element).astype(np.uint16))
        return
    tables.point("encode", _element_codes(form))
    codes, factors = _scales(form)
    tables.point("scale_code", codes)
    tables.point("factor", factors)


def _scales(form: MxFormat) -> tuple[U8, F32]:
    """Scale byte and divisor of a block by the pattern of its largest magnitude."""
    largest = _all_bf16()[:0x7F81]
    blocks = np.zeros((largest.size, form.block), np.float32)
    blocks[:, 0] = largest
    codes = encode_blocks(blocks, form)[1].ravel()
    factors = np.ldexp(np.float32(1), codes.astype(np.int32) - form.scale.bias)
    # An empty block has the code 0 too, and is not divided.
    factors[0] = 1
    return codes.astype(np.uint8), factors.astype(np.float32)


def _element_codes(form: MxFormat) -> U16:
    """The code of every scaled value, a bf16 number.

    Quotients that are subnormal in float32 may be no bf16 numbers; they are so far below the least
    step of every format that all of one sign have the same code.
    """
    codes = encode_elements(_all_bf16(), form.element).astype(np.uint16)
    for sign in (0, 0x8000):
        if len(set(codes[sign + 1 : sign + 0x80].tolist())) != 1:
            raise ValueError(f"{form}: codes of subnormal values differ")
    return codes

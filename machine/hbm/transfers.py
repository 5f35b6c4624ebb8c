"""HBM transfers: addresses, conversion and the lines they touch (sections 4.7, 5.4, 6.2).

All HBM addresses are bytes. A transfer moves `rows` rows of `length` elements; row r's elements
begin at `elements[r]`, its scales at `scales[r]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..numerics.bf16 import F32, U8, U32
from ..numerics.hbm_codecs import decode_blocks, decode_numbers, encode_blocks, encode_plain_bf16
from ..spec.formats import HbmFormat, MxFormat
from ..spec.params import HBM_LINE

_WRAP64 = (1 << 64) - 1
_WRAP32 = (1 << 32) - 1


class TransferError(ValueError):
    """A transfer that the machine cannot make; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a transfer's rows lie: first bytes of elements and of scales, by row."""

    elements: list[int]
    scales: list[int]


def addresses(
    form: HbmFormat, base: int, offset: int, scale: int, step: int, rows: int
) -> Addresses:
    """Row addresses of a transfer from HBM register `base`, gp offset, SCALE and row step."""
    first_scale = base + scale + int(offset / form.ratio)
    steps = _scale_steps(form, step, rows) if isinstance(form, MxFormat) else [0] * rows
    return Addresses(
        [(base + offset + (row * step & _WRAP32)) & _WRAP64 for row in range(rows)],
        [(first_scale + by) & _WRAP64 for by in steps],
    )


@lru_cache(256)
def _scale_steps(form: MxFormat, step: int, rows: int) -> list[int]:
    """Bytes from the first row's scales to each row's; not to be changed.

    The machine multiplies row number and scale step in float32 and truncates.
    """
    scale_step = np.float32(step) / np.float32(form.ratio)
    return [int(np.float32(row) * scale_step) for row in range(rows)]


def prefetch(hbm: U8, form: HbmFormat, at: Addresses, length: int) -> F32:
    """Values of the rows [rows, length]; bytes beyond the memory are 0.

    Scale bytes after the end of the line in which a row's scales begin are not fetched and count
    as 0. Raises TransferError for elements narrower than a byte.
    """
    if form.element.bits < 8:
        raise TransferError(
            f"elements of {form.element.bits} bits cannot be fetched, only 8 or 16 bits"
        )
    raw = _gather(hbm, at.elements, form.element_bytes(length))
    codes = _unpack(raw, form.element.bits)
    if not isinstance(form, MxFormat):
        return decode_numbers(codes, form.element)
    count = form.scale_bytes(length)
    scale_bytes = _gather(hbm, at.scales, count)
    room = HBM_LINE - np.array([address % HBM_LINE for address in at.scales])
    scale_bytes[np.arange(count) >= room[:, None]] = 0
    return decode_blocks(codes, scale_bytes.astype(np.uint32), form)


def store(hbm: U8, form: HbmFormat, at: Addresses, values: F32) -> None:
    """Write rows of bf16 numbers, `values` [rows, length], elements before scales, row after row.

    Raises TransferError for a write beyond the memory; rows before it are then written.
    """
    if isinstance(form, MxFormat):
        codes, scales = encode_blocks(values, form)
        scale_bytes = scales.astype(np.uint8)
    else:
        codes = encode_plain_bf16(values, form.element)
        scale_bytes = None
    element_bytes = _pack(codes, form)
    for row, address in enumerate(at.elements):
        _write(hbm, address, element_bytes[row])
        if scale_bytes is not None:
            _write(hbm, at.scales[row], scale_bytes[row])


def prefetch_line_count(form: HbmFormat, at: Addresses, length: int) -> int:
    """How many lines a prefetch asks for."""
    size = form.element_bytes(length)
    scales = len(at.scales) if isinstance(form, MxFormat) else 0
    return scales + sum(_line_count(address, size) for address in at.elements)


def store_line_count(form: HbmFormat, at: Addresses, length: int) -> int:
    """How many lines a store reads and writes."""
    size, scale_size = form.element_bytes(length), form.scale_bytes(length)
    elements = sum(_line_count(address, size) for address in at.elements)
    return elements + sum(_line_count(address, scale_size) for address in at.scales)


def prefetch_lines(form: HbmFormat, at: Addresses, length: int) -> list[int]:
    """Byte addresses of the lines a prefetch asks for, in order, duplicates included."""
    lines: list[int] = []
    size = form.element_bytes(length)
    for element, scale in zip(at.elements, at.scales, strict=True):
        lines.extend(_lines(element, size))
        if isinstance(form, MxFormat):
            lines.append(scale // HBM_LINE * HBM_LINE)
    return lines


def store_lines(form: HbmFormat, at: Addresses, length: int) -> list[int]:
    """Byte addresses of the lines a store reads and writes, in order."""
    lines: list[int] = []
    for element, scale in zip(at.elements, at.scales, strict=True):
        lines.extend(_lines(element, form.element_bytes(length)))
        lines.extend(_lines(scale, form.scale_bytes(length)))
    return lines


def line_array(
    form: HbmFormat,
    base: int,
    offset: int,
    scale: int,
    step: int,
    rows: int,
    length: int,
    store: bool,
) -> NDArray[np.int64]:
    """What `prefetch_lines` and `store_lines` give, many times quicker for even rows.

    The first five arguments are those of `addresses`.
    """  # fmt: skip
    size, scale_size = form.element_bytes(length), form.scale_bytes(length)
    first, scale_first = base + offset, base + scale + int(offset / form.ratio)
    last = rows * step + size + rows * step + scale_size
    columns = [_columns(first, _row_steps(step, rows), size)]
    if isinstance(form, MxFormat):
        steps = _scale_step_array(form, step, rows)
        columns.append(_columns(scale_first, steps, scale_size if store else 1))
    if max(first, scale_first) + last < _WRAP64 >> 1 and all(each is not None for each in columns):
        return np.concatenate([each for each in columns if each is not None], axis=1).ravel()
    at = addresses(form, base, offset, scale, step, rows)
    lines = (store_lines if store else prefetch_lines)(form, at, length)
    return np.array([line & _WRAP64 >> 1 for line in lines], np.int64)


def _columns(first: int, steps: NDArray[np.int64], size: int) -> NDArray[np.int64] | None:
    """The lines [rows, lines of a row] of rows of `size` bytes; None where rows differ in their
    number of lines, or where there are none."""
    if size == 0 or first >= 1 << 62:
        return None
    starts = steps + first
    within = starts & HBM_LINE - 1
    counts = within + (size + HBM_LINE - 1) >> 6
    count = int(counts[0])
    if not (counts == count).all():
        return None
    return (starts - within)[:, None] + _line_steps(count)


@lru_cache(64)
def _line_steps(count: int) -> NDArray[np.int64]:
    return np.arange(count, dtype=np.int64) * HBM_LINE


@lru_cache(256)
def _row_steps(step: int, rows: int) -> NDArray[np.int64]:
    return np.arange(rows, dtype=np.int64) * step & _WRAP32


@lru_cache(256)
def _scale_step_array(form: MxFormat, step: int, rows: int) -> NDArray[np.int64]:
    return np.array(_scale_steps(form, step, rows), np.int64)


def _line_count(address: int, size: int) -> int:
    """How many lines `size` bytes from `address` touch."""
    return (address % HBM_LINE + size + HBM_LINE - 1) // HBM_LINE if size else 0


def _lines(address: int, size: int) -> range:
    """Lines that `size` bytes from `address` touch."""
    if size == 0:
        return range(0)
    return range(address // HBM_LINE * HBM_LINE, address + size, HBM_LINE)


def _gather(hbm: U8, starts: list[int], count: int) -> U8:
    """`count` bytes from each start: uint8 [starts, count]."""
    step = starts[1] - starts[0] if len(starts) > 1 else count
    last = starts[0] + step * (len(starts) - 1)
    even = step > 0 and last + count <= hbm.size
    if even and all(b - a == step for a, b in pairwise(starts)):
        rows = np.lib.stride_tricks.as_strided(
            hbm[starts[0] :], (len(starts), count), (step, 1), writeable=False
        )
        return rows.copy()
    gathered = np.zeros((len(starts), count), np.uint8)
    for row, start in enumerate(starts):
        if start < hbm.size:
            piece = hbm[start : start + count]
            gathered[row, : piece.size] = piece
    return gathered


def _write(hbm: U8, address: int, data: U8) -> None:
    end = address + data.size
    if end > hbm.size:
        raise TransferError(
            f"writes HBM bytes {address} to {end - 1}, but the last one is {hbm.size - 1}"
        )
    hbm[address:end] = data


def _unpack(data: U8, bits: int) -> U32:
    """Codes of 8 or 16 bits from bytes [rows, n], little-endian."""
    if bits == 16:
        return np.ascontiguousarray(data).view("<u2").astype(np.uint32)
    return data.astype(np.uint32)


def _pack(codes: U32, form: HbmFormat) -> U8:
    """Bytes [rows, n] of element codes [rows, m].

    Codes narrower than a byte take one each, and of each block only as many are written as dense
    bytes would be: so the machine does, which is why nothing can read such a tensor back.
    """
    bits = form.element.bits
    if bits == 16:
        return codes.astype("<u2").view(np.uint8)
    rows, length = codes.shape
    block = form.block if isinstance(form, MxFormat) else length
    kept = codes.reshape(rows, -1, block)[:, :, : block * bits // 8]
    return kept.reshape(rows, -1).astype(np.uint8)

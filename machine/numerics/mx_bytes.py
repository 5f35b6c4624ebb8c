"""Element codes as dense bytes: low bits first, so two 4-bit codes or four 6-bit codes in three
bytes (OCP Microscaling v1.0 leaves the order to the implementation; this is that of the machine's
sub-byte types, ISA section 5.4).
"""

from __future__ import annotations

import numpy as np

from .bf16 import U8


def pack_codes(codes: U8, bits: int) -> U8:
    """Dense bytes of codes of `bits` bits each, in C order; the last byte is filled with zeros."""
    flat = np.ascontiguousarray(codes).reshape(-1)
    if bits == 8:
        return flat
    if bits == 4:
        padded = np.append(flat, np.uint8(0)) if flat.size % 2 else flat
        return padded[0::2] | padded[1::2] << np.uint8(4)
    each = np.unpackbits(flat.reshape(-1, 1), axis=1, bitorder="little")[:, :bits]
    return np.packbits(each.reshape(-1), bitorder="little")


def unpack_codes(data: U8, bits: int, count: int) -> U8:
    """`count` codes of `bits` bits from dense bytes, one code a uint8.

    Raises ValueError where the bytes are too few or too many.
    """
    if data.size != packed_bytes(bits, count):
        raise ValueError(
            f"{count} codes of {bits} bits take {packed_bytes(bits, count)} bytes, got {data.size}"
        )
    if bits == 8:
        return data
    if bits == 4:
        codes = np.empty(2 * data.size, np.uint8)
        codes[0::2], codes[1::2] = data & np.uint8(15), data >> np.uint8(4)
        return codes[:count]
    each = np.unpackbits(data, bitorder="little")[: bits * count].reshape(-1, bits)
    return np.packbits(each, axis=1, bitorder="little").reshape(-1)


def packed_bytes(bits: int, count: int) -> int:
    """Bytes that `count` codes of `bits` bits take."""
    return -(-bits * count // 8)

"""Number formats of the machine's memories, as a settings file describes them.

`PlainFormat` is one number after another; `MxFormat` is blocks of elements that share a scale
(section 5 of the instruction set reference). No arithmetic here: the room `numerics` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class FloatType:
    """A binary float of `exponent` and `mantissa` bits, with or without a sign bit."""

    exponent: int
    mantissa: int
    sign: bool = True

    @property
    def bits(self) -> int:
        """Width of one number."""
        return int(self.sign) + self.exponent + self.mantissa

    @property
    def bias(self) -> int:
        """Exponent bias."""
        return (1 << (self.exponent - 1)) - 1

    def __str__(self) -> str:
        if self == BF16:
            return "bf16"
        return f"{'' if self.sign else 'u'}e{self.exponent}m{self.mantissa}"


@dataclass(frozen=True, slots=True)
class IntType:
    """An integer of `width` bits."""

    width: int

    @property
    def bits(self) -> int:
        """Width of one number."""
        return self.width

    def __str__(self) -> str:
        return f"int{self.width}"


NumberType: TypeAlias = FloatType | IntType

BF16 = FloatType(8, 7)
E4M3 = FloatType(4, 3)
E8M0 = FloatType(8, 0, sign=False)


@dataclass(frozen=True, slots=True)
class PlainFormat:
    """Numbers of one type, without scales."""

    element: NumberType

    @property
    def ratio(self) -> Fraction:
        """Bytes of elements for each byte of scales, where addresses of scales are computed."""
        return Fraction(1)

    def element_bytes(self, count: int) -> int:
        """Bytes that `count` elements take."""
        return count * self.element.bits // 8

    def scale_bytes(self, count: int) -> int:
        """Bytes that the scales of `count` elements take: none."""
        del count
        return 0

    def __str__(self) -> str:
        return str(self.element)


@dataclass(frozen=True, slots=True)
class MxFormat:
    """Blocks of `block` consecutive elements of a row with one scale each."""

    block: int
    element: NumberType
    scale: FloatType

    @property
    def ratio(self) -> Fraction:
        """Bytes of elements for each byte of scales."""
        return Fraction(self.element.bits * self.block, self.scale.bits)

    def element_bytes(self, count: int) -> int:
        """Bytes that `count` elements take."""
        return count * self.element.bits // 8

    def scale_bytes(self, count: int) -> int:
        """Bytes that the scales of `count` elements take."""
        return count // self.block * self.scale.bits // 8

    def __str__(self) -> str:
        scale = "e8m0" if self.scale == E8M0 else str(self.scale)
        return f"mx {self.element} block {self.block} scale {scale}"


HbmFormat: TypeAlias = PlainFormat | MxFormat

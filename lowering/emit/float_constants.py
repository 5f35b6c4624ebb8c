"""Float constants in FP_MEM: plain arithmetic.

The host preloads FP_MEM through binary16, and the machine holds bf16, so a constant is preloaded if
it is exact in both. Any other is computed once at the start of the program: its mantissa times
powers of two that are.
"""

from __future__ import annotations

from math import frexp, isinf, isnan, ldexp, log

from xdsl.utils.bitwise_casts import (
    convert_f16_to_u16,
    convert_f32_to_u32,
    convert_u16_to_f16,
    convert_u32_to_f32,
)


def round_bf16(value: float) -> float:
    """`value` rounded to the nearest bf16, ties to even."""
    if isnan(value) or isinf(value):
        return value
    bits = convert_f32_to_u32(value)
    bits += 0x7FFF + (bits >> 16 & 1)
    return convert_u32_to_f32(bits & 0xFFFF0000)


def bits(value: float) -> int:
    """The bit pattern of a bf16 value."""
    return convert_f32_to_u32(value) >> 16


def exact_in_binary16(value: float) -> bool:
    """Whether a bf16 value survives binary16."""
    try:
        return convert_u16_to_f16(convert_f16_to_u16(value)) == value
    except OverflowError:
        return False


def factors(value: float) -> list[float]:
    """Factors, each exact in binary16 and in bf16, whose product from left to right is `value`.

    `value` is a finite bf16 number; partial products are exact.
    """
    if exact_in_binary16(value):
        return [value]
    mantissa, exponent = frexp(value)
    result = [mantissa]
    step = 15 if exponent > 0 else -14
    while exponent:
        part = min(exponent, step) if step > 0 else max(exponent, step)
        result.append(ldexp(1.0, part))
        exponent -= part
    return result


def log_start(bound: int) -> float:
    """Where the iteration for ln l starts: ln of an upper bound of l, in bf16."""
    return round_bf16(log(bound))


def log_iterations(bound: int) -> int:
    """Steps of y <- y - 1 + l exp(-y) from y = ln(bound) that reach ln l for any 1 <= l <= bound.

    Newton's method on exp(y) = l from above: a step of nearly 1 while y is far, then quadratic.
    """
    return int(log(bound)) + 4


class FloatConstants:
    """The constants of one kernel and their entries of FP_MEM, from `first` on."""

    def __init__(self, first: int):
        self.first = first
        self._slots: dict[float, int] = {}
        self.computed: dict[float, list[float]] = {}
        """Constants that the program computes: their factors."""

    def slot(self, value: float) -> int:
        """The entry of FP_MEM that holds `value` rounded to bf16."""
        rounded = round_bf16(value)
        if rounded not in self._slots:
            parts = factors(rounded)
            if len(parts) > 1:
                for part in parts:
                    self.slot(part)
                self.computed[rounded] = parts
            self._slots[rounded] = self.first + len(self._slots)
        return self._slots[rounded]

    @property
    def end(self) -> int:
        """The first entry of FP_MEM behind the constants."""
        return self.first + len(self._slots)

    def memory(self) -> tuple[int, ...]:
        """FP_MEM from entry 0 on as the host preloads it, as bf16 bit patterns."""
        values = [0] * self.first
        values.extend(0 if value in self.computed else bits(value) for value in self._slots)
        return tuple(values) if self._slots else ()

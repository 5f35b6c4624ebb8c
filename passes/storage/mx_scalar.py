"""Codes and scales of block-scaled formats in integer and float operations on scalars.

The same steps as `machine/numerics/mx_elements` and `mx_scales` do on arrays, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log2

from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, f64
from xdsl.ir import SSAValue
from xdsl.utils.bitwise_casts import convert_f32_to_u32

from ...dialects.mx.types import BlockAttr
from .linalg_builder import Body

MAGNITUDE, INFINITY, LEAST_NORMAL = 0x7FFF_FFFF, 0x7F80_0000, 0x0080_0000
NAN = 0x7FC0_0000
MANTISSA, BIAS = 23, 127
LIFT = 24
NAN_SCALE, E4M3_NAN = 0xFF, 0x7F


@dataclass(frozen=True)
class Element:
    """The numbers that describe an element format; see `fa.machine.numerics.bf16.mx_elements`."""

    bits: int
    exponent: int
    mantissa: int
    largest: float
    largest_code: int
    step: int
    plena: bool
    bumps: Mapping[str, int]
    """For each scale rule what it adds to the bits of a magnitude before the exponent is taken."""

    @property
    def integer(self) -> bool:
        """Whether codes are fixed-point numbers."""
        return self.exponent == 0

    @property
    def bias(self) -> int:
        """Exponent bias of a float."""
        return (1 << self.exponent - 1) - 1


def element(encoding: BlockAttr) -> Element:
    """The element format of a block-scaled one."""
    return named_element(encoding.element.data, encoding.variant.data == "plena")


def named_element(name: str, plena: bool = False) -> Element:
    """An element format by name."""
    # numpy comes with these, so they are imported when there is something to lower.
    from ...machine.numerics.mx_elements import element_format
    from ...machine.numerics.mx_scales import RULES, rule_bump
    from ...machine.spec.formats import FloatType

    form = element_format(name, "plena" if plena else "ocp")
    return Element(
        form.bits,
        form.number.exponent if isinstance(form.number, FloatType) else 0,
        form.mantissa,
        form.largest,
        form.largest_code,
        form.step,
        plena,
        {rule: rule_bump(rule, form) for rule in RULES},
    )


def magnitude(b: Body, value: SSAValue) -> SSAValue:
    """The bits of |x|; they order as the magnitudes do, with infinity and NaN above."""
    return b.op(arith.AndIOp, b.bits(value), b.int(MAGNITUDE))


def nearest_code(b: Body, value: SSAValue, form: Element) -> SSAValue:
    """The code of a finite f32 as i32, to nearest, ties to even, saturating."""
    if form.integer:
        steps = b.round_even(b.op(arith.MulfOp, value, b.float(2.0**-form.step)))
        most = float(form.largest_code)
        steps = b.op(arith.MinimumfOp, steps, b.float(most))
        steps = b.op(arith.MaximumfOp, steps, b.float(-most))
        return b.op(arith.AndIOp, b.to_int(steps), b.int((1 << form.bits) - 1))
    dropped = MANTISSA - form.mantissa
    bits = b.bits(value)
    size = b.op(arith.AndIOp, bits, b.int(MAGNITUDE))
    size = b.op(arith.MinUIOp, size, b.int(convert_f32_to_u32(form.largest)))
    odd = b.op(arith.AndIOp, b.op(arith.ShRUIOp, size, b.int(dropped)), b.int(1))
    rounded = b.op(arith.AddiOp, b.op(arith.AddiOp, odd, size), b.int((1 << dropped - 1) - 1))
    normal = b.op(arith.ShRUIOp, rounded, b.int(dropped))
    normal = b.op(arith.SubiOp, normal, b.int(BIAS - form.bias << form.mantissa))
    # A float whose last bit is worth one step: adding it leaves the rounded number of steps.
    anchor = 2.0 ** (form.step + MANTISSA)
    steps = b.bits(b.op(arith.AddfOp, b.value(size), b.float(anchor)))
    steps = b.op(arith.SubiOp, steps, b.int(convert_f32_to_u32(anchor)))
    least = 2.0 ** (1 - form.bias)
    if form.plena:
        most = (1 << form.mantissa) - 1
        middle = (most * 2.0**form.step + least) / 2
        steps = b.op(arith.MinUIOp, steps, b.int(most))
        up = b.compare("uge", size, b.int(convert_f32_to_u32(middle)))
        steps = b.select(up, b.int(most + 1), steps)
    code = b.select(b.compare("ult", size, b.int(convert_f32_to_u32(least))), steps, normal)
    sign = b.op(arith.ShRUIOp, bits, b.int(32 - form.bits))
    sign = b.op(arith.AndIOp, sign, b.int(1 << form.bits - 1))
    return b.op(arith.OrIOp, code, sign)


def decode(b: Body, code: SSAValue, form: Element) -> SSAValue:
    """The f32 of a code in an i32."""
    if form.integer:
        left = b.int(32 - form.bits)
        signed = b.op(arith.ShRSIOp, b.op(arith.ShLIOp, code, left), left)
        return b.op(arith.MulfOp, b.to_float(signed), b.float(2.0**form.step))
    top = (1 << form.exponent) - 1
    mantissa = b.op(arith.AndIOp, code, b.int((1 << form.mantissa) - 1))
    exponent = b.op(arith.ShRUIOp, code, b.int(form.mantissa))
    exponent = b.op(arith.AndIOp, exponent, b.int(top))
    small = b.bits(b.op(arith.MulfOp, b.to_float(mantissa), b.float(2.0**form.step)))
    biased = b.op(arith.AddiOp, exponent, b.int(BIAS - form.bias))
    fraction = b.op(arith.ShLIOp, mantissa, b.int(MANTISSA - form.mantissa))
    normal = b.op(arith.OrIOp, b.op(arith.ShLIOp, biased, b.int(MANTISSA)), fraction)
    bits = b.select(b.compare("eq", exponent, b.int(0)), small, normal)
    size = b.op(arith.AndIOp, code, b.int((1 << form.bits - 1) - 1))
    if form.largest_code < (1 << form.bits - 1) - 1:
        # Codes above the largest: NaN, but for IEEE-style formats the first is infinity.
        above = b.compare("ugt", size, b.int(form.largest_code))
        ieee = form.largest_code + 1 == top << form.mantissa
        strange = b.int(NAN)
        if ieee:
            infinite = b.compare("eq", size, b.int(form.largest_code + 1))
            strange = b.select(infinite, b.int(INFINITY), strange)
        bits = b.select(above, strange, bits)
    sign = b.op(arith.AndIOp, code, b.int(1 << form.bits - 1))
    sign = b.op(arith.ShLIOp, sign, b.int(32 - form.bits))
    return b.value(b.op(arith.OrIOp, bits, sign))


def e8m0(b: Body, largest: SSAValue, form: Element, rule: str) -> SSAValue:
    """The scale code (i32) of a block, from the bits of its largest magnitude, which is finite."""
    top = floor(log2(form.largest))
    least = 1 - BIAS if form.plena else -BIAS
    lifted = b.compare("ult", largest, b.int(LEAST_NORMAL))
    high = b.bits(b.op(arith.MulfOp, b.value(largest), b.float(2.0**LIFT)))
    bits = b.select(lifted, high, largest)
    bits = b.op(arith.AddiOp, bits, b.int(form.bumps[rule]))
    exponent = b.op(arith.ShRUIOp, bits, b.int(MANTISSA))
    exponent = b.op(arith.SubiOp, exponent, b.int(BIAS + top))
    lower = b.op(arith.SubiOp, exponent, b.int(LIFT))
    exponent = b.select(lifted, lower, exponent)
    zero = b.compare("eq", largest, b.int(0))
    exponent = b.select(zero, b.int(least & 0xFFFF_FFFF), exponent)
    exponent = b.op(arith.MaxSIOp, exponent, b.int(least & 0xFFFF_FFFF))
    exponent = b.op(arith.MinSIOp, exponent, b.int(BIAS))
    code = b.op(arith.AddiOp, exponent, b.int(BIAS))
    # The machine's scale 0 is zero, and makes NaN of infinities beside zeros.
    return b.select(zero, b.int(BIAS), code) if form.plena else code


def power_of_two(b: Body, exponent: SSAValue) -> SSAValue:
    """2^e as f32, for e from -127, which is subnormal, to 127."""
    biased = b.op(arith.AddiOp, exponent, b.int(BIAS))
    normal = b.op(arith.ShLIOp, biased, b.int(MANTISSA))
    tiny = b.compare("eq", biased, b.int(0))
    return b.value(b.select(tiny, b.int(LEAST_NORMAL >> 1), normal))


def scale_value(b: Body, code: SSAValue, plena: bool) -> SSAValue:
    """The f32 of an E8M0 code in an i32."""
    if plena:
        # Code 0 is zero and 255 infinity: exactly the bits of an exponent field.
        return b.value(b.op(arith.ShLIOp, code, b.int(MANTISSA)))
    value = b.bits(power_of_two(b, b.op(arith.SubiOp, code, b.int(BIAS))))
    bad = b.compare("eq", code, b.int(NAN_SCALE))
    return b.value(b.select(bad, b.int(NAN), value))


def store_scale(b: Body, largest: SSAValue) -> SSAValue:
    """The scale code (i32) as the machine's stores have it (ISA section 5.2).

    `largest` is a magnitude in f32, NaNs left out.
    """
    exponent = _clamped_log2(b, largest, BIAS)[0]
    code = b.op(arith.AddiOp, exponent, b.int(BIAS))
    empty = b.compare_float("oeq", largest, b.float(0.0))
    return b.select(empty, b.int(0), code)


def _clamped_log2(b: Body, value: SSAValue, bound: int) -> tuple[SSAValue, SSAValue]:
    """floor(log2(x + 1e-9)) clamped to +-bound as i32, and unclamped as f32."""
    guarded = b.convert(b.op(arith.AddfOp, value, b.float(1e-9)), f64)
    unclamped = b.floor(b.convert(b.log2(guarded), f32))
    clamped = b.op(arith.MaximumfOp, unclamped, b.float(float(-bound)))
    clamped = b.op(arith.MinimumfOp, clamped, b.float(float(bound)))
    return b.to_int(clamped), unclamped


def store_code(b: Body, value: SSAValue, exponent: SSAValue, form: Element) -> SSAValue:
    """The code (i32) of a value of a block with that exponent, as the machine's stores have it."""
    steps, most = float(1 << form.mantissa), float((1 << form.mantissa) - 1)
    zero = b.compare_float("oeq", value, b.float(0.0))
    scaled = b.op(arith.DivfOp, value, power_of_two(b, exponent))
    scaled = b.select(zero, b.float(0.0), scaled)
    size = b.value(b.op(arith.AndIOp, b.bits(scaled), b.int(MAGNITUDE)))
    # A NaN has no logarithm; it is stored as 1.
    size = b.select(b.compare_float("une", size, size), b.float(1.0), size)
    place, unclamped = _clamped_log2(b, size, form.bias)
    ratio = b.op(arith.DivfOp, size, power_of_two(b, place))
    low = b.op(arith.MulfOp, ratio, b.float(steps))
    high = b.op(arith.MulfOp, b.op(arith.SubfOp, ratio, b.float(1.0)), b.float(steps))
    least = b.compare("eq", place, b.int(-form.bias & 0xFFFF_FFFF))
    position = b.select(least, low, high)
    below = b.floor(position)
    four = b.op(arith.MulfOp, position, b.float(4.0))
    quarters = b.op(arith.SubfOp, b.floor(four), b.op(arith.MulfOp, below, b.float(4.0)))
    whole = b.op(arith.MaximumfOp, below, b.float(0.0))
    whole = b.to_int(b.op(arith.MinimumfOp, whole, b.float(most)))
    odd = b.compare("eq", b.op(arith.AndIOp, whole, b.int(1)), b.int(1))
    half = b.compare_float("oeq", quarters, b.float(2.0))
    more = b.compare_float("oeq", quarters, b.float(3.0))
    up = b.op(arith.OrIOp, more, b.op(arith.AndIOp, half, odd))
    quantum = b.select(up, b.op(arith.AddiOp, whole, b.int(1)), whole)
    quantum = b.op(arith.MinSIOp, quantum, b.int(int(most)))
    beyond = b.compare_float("ogt", unclamped, b.float(float(form.bias)))
    quantum = b.select(beyond, b.int(int(most)), quantum)
    field = b.op(arith.AddiOp, place, b.int(form.bias))
    code = b.op(arith.OrIOp, b.op(arith.ShLIOp, field, b.int(form.mantissa)), quantum)
    negative = b.compare_float("olt", scaled, b.float(0.0))
    code = b.select(negative, b.op(arith.OrIOp, code, b.int(1 << form.bits - 1)), code)
    return b.select(b.compare_float("oeq", scaled, b.float(0.0)), b.int(0), code)

"""Between which numbers the values of a score function lie.

So it is known whether it may hide a key, and which of its integers never wrap around.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, expm1, floor, inf, isnan, log, log1p, log2, sqrt, tanh

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr, IntegerType
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.utils.hints import isa

LARGEST = 2.0**127
"""What is larger counts as infinite: f32 overflows at twice that."""

SCORE = 2.0**40
"""Scores that are given to a function are no larger: what is, has lost all precision."""

PLACE = 2.0**24
"""Batches, heads, queries and keys are no more."""


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`; with an infinite end also a value that is no number."""

    low: float
    high: float
    wrapped: bool = False
    """Whether this is an integer that may have lost its upper bits."""

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    @property
    def finite(self) -> bool:
        """Whether neither end is infinite."""
        return -inf < self.low and self.high < inf


ANYTHING = Range(-inf, inf)


def may_hide(function: Region) -> bool:
    """Whether a score function of a finite score may give -inf, which hides a key, or no number.

    False only where the ranges of its values prove that it does not.
    """
    last = function.block.last_op
    assert last is not None
    return ranges(function)[last.operands[0]].low == -inf


def ranges(function: Region) -> dict[SSAValue, Range]:
    """The range of each value of a score function of a finite score."""
    known: dict[SSAValue, Range] = {}
    for number, argument in enumerate(function.block.args):
        # The score, its place, and values of tables.
        first = Range(-SCORE, SCORE) if number == 0 else Range(0, PLACE)
        known[argument] = first if number < 5 else ANYTHING
    for op in function.block.ops:
        found = _range(op, [known[operand] for operand in op.operands])
        for result in op.results:
            known[result] = _clipped(found, result.type)
    return known


def _clipped(found: Range, kind: Attribute) -> Range:
    """A range as values of a type have it."""
    if isinstance(kind, IndexType) or isa(kind, IntegerType):
        whole = _of_width(kind)
        inside = whole.low <= found.low and found.high < whole.high / 2
        return found if inside else whole
    if isnan(found.low) or isnan(found.high):
        return ANYTHING
    return Range(
        found.low if found.low > -LARGEST else -inf, found.high if found.high < LARGEST else inf
    )


def _of_width(kind: Attribute) -> Range:
    """All integers of a type, with the sign and without."""
    width = kind.width.data if isa(kind, IntegerType) else 64
    return Range(-(2.0 ** (width - 1)), 2.0**width, wrapped=True)


def _range(op: Operation, of: list[Range]) -> Range:
    """The range of an operation's result by those of its operands."""
    match op:
        case arith.ConstantOp(value=FloatAttr() as value):
            return Range(value.value.data, value.value.data)
        case arith.ConstantOp(value=IntegerAttr() as value):
            return Range(value.value.data, value.value.data)
        case arith.SelectOp():
            return Range(min(of[1].low, of[2].low), max(of[1].high, of[2].high))
        case arith.MaximumfOp() | arith.MaxnumfOp() | arith.MaxSIOp():
            return Range(max(of[0].low, of[1].low), max(of[0].high, of[1].high))
        case arith.MinimumfOp() | arith.MinnumfOp() | arith.MinSIOp():
            return Range(min(of[0].low, of[1].low), min(of[0].high, of[1].high))
        case arith.UIToFPOp() if of[0].low < 0:
            return Range(0, _of_width(op.operands[0].type).high)
        case _ if isinstance(op, SAME):
            return of[0]
        case _ if not all(each.finite for each in of):
            return ANYTHING
        case arith.AddfOp() | arith.AddiOp():
            return Range(of[0].low + of[1].low, of[0].high + of[1].high)
        case arith.SubfOp() | arith.SubiOp():
            return Range(of[0].low - of[1].high, of[0].high - of[1].low)
        case arith.MulfOp() | arith.MuliOp():
            return _corners(lambda a, b: a * b, *of)
        case arith.DivfOp() if of[1].low > 0 or of[1].high < 0:
            return _corners(lambda a, b: a / b, *of)
        case math.PowFOp() if of[0].low > 0:
            return _corners(lambda a, b: a**b, *of)
        case arith.NegfOp():
            return Range(-of[0].high, -of[0].low)
        case math.AbsFOp() | math.AbsIOp():
            least = 0.0 if of[0].low <= 0 <= of[0].high else min(map(abs, of[0].ends))
            return Range(least, max(map(abs, of[0].ends)))
        case math.SinOp() | math.CosOp():
            return Range(-1, 1)
        case _:
            pass
    above, function = RISING.get(type(op), (inf, None))
    if function is not None and of[0].low > above:
        return Range(_value(function, of[0].low), _value(function, of[0].high))
    if isinstance(op, math.RsqrtOp) and of[0].low > 0:
        return Range(of[0].high ** -0.5, of[0].low ** -0.5)
    return ANYTHING


SAME = (
    arith.IndexCastOp, arith.ExtSIOp, arith.ExtFOp, arith.TruncFOp, arith.SIToFPOp,
    arith.UIToFPOp,
)  # fmt: skip
"""Conversions that leave numbers as they are, if their type has room."""

RISING: dict[type[Operation], tuple[float, Callable[[float], float]]] = {
    math.ExpOp: (-inf, exp),
    math.Exp2Op: (-inf, lambda value: 2.0**value),
    math.ExpM1Op: (-inf, expm1),
    math.TanhOp: (-inf, tanh),
    math.FloorOp: (-inf, floor),
    math.CeilOp: (-inf, ceil),
    math.SqrtOp: (-(2.0**-149), lambda value: sqrt(max(value, 0.0))),
    math.LogOp: (0, log),
    math.Log2Op: (0, log2),
    math.Log1pOp: (-1, log1p),
}
"""Functions that grow with their operand: above which number they do, and their values."""


def _value(function: Callable[[float], float], at: float) -> float:
    try:
        return function(at)
    except OverflowError:
        return inf


def _corners(function: Callable[[float, float], float], one: Range, other: Range) -> Range:
    """The range of a function that takes its extremes where its operands do."""
    try:
        found = [function(a, b) for a in one.ends for b in other.ends]
    except OverflowError:
        return ANYTHING
    return Range(min(found), max(found))

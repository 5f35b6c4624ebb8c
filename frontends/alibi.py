"""ALiBi (Press et al. 2022, "Train Short, Test Long") as a score function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.builder import ImplicitBuilder
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr, f32, i64
from xdsl.ir import Block, Region, SSAValue

if TYPE_CHECKING:
    from xdsl.dialects import arith


@dataclass(frozen=True)
class Alibi:
    """A bias of `factor` * slope_h * (j - p) on the score of key j for a query at position p.

    Of n heads, n a power of two, head h has the slope 2^(-`exponent` (h + 1) / n). Of other numbers
    the first n' heads, n' the power of two below, have the slopes of n' heads, and the rest every
    other one of 2 n', as the paper's and all models' code has it.
    """

    exponent: float = 8.0
    factor: float = 1.0

    def slope(self, head: int, heads: int) -> float:
        """The slope of one of so many heads, without the factor."""
        power = _power_below(heads)
        past = head - power
        share = (head + 1) / power if past < 0 else (2 * past + 1) / (2 * power)
        return 2.0 ** (-self.exponent * share)

    def score_mod(self, heads: int, offset: int) -> Region:
        """The function for so many query heads; query i stands at position i + `offset`.

        Any offset gives the same attention, as softmax forgets what is added to a whole row; with
        the right one biases are negative where a mask is causal, and small where weights are large.
        """
        from xdsl.dialects import arith, math

        from ..dialects import fa

        index = IndexType()
        body = Block(arg_types=[f32, index, index, index, index])
        score, _, head, query, key = body.args
        for argument, hint in zip(body.args, "sbhij", strict=True):
            argument.name_hint = hint
        with ImplicitBuilder(body):
            share = self._share(head, heads)
            slope = math.Exp2Op(arith.MulfOp(share, _number(-self.exponent)).result)
            place = arith.AddiOp(query, _index(offset)).result if offset else query
            distance = _as_f32(arith.SubiOp(key, place).result)
            bias = arith.MulfOp(distance, slope.result).result
            if self.factor != 1:
                bias = arith.MulfOp(bias, _number(self.factor)).result
            biased = arith.AddfOp(score, bias)
            fa.YieldOp(biased.result)
        for value, hint in ((slope.result, "slope"), (distance, "distance"), (bias, "bias")):
            value.name_hint = hint
        return Region(body)

    def _share(self, head: SSAValue, heads: int) -> SSAValue:
        """What the exponent is multiplied with for a head, in f32."""
        from xdsl.dialects import arith

        power = _power_below(heads)
        one = _index(1)
        first = arith.MulfOp(_as_f32(arith.AddiOp(head, one).result), _number(1 / power))
        if power == heads:
            return first.result
        past = arith.SubiOp(head, _index(power)).result
        odd = arith.AddiOp(arith.AddiOp(past, past).result, one).result
        rest = arith.MulfOp(_as_f32(odd), _number(1 / (2 * power)))
        below = arith.CmpiOp(head, _index(power), "slt")
        return arith.SelectOp(below.result, first.result, rest.result).result


def _power_below(heads: int) -> int:
    """The largest power of two that is at most `heads`."""
    return 1 << (heads.bit_length() - 1)


def _number(value: float) -> arith.ConstantOp:
    from xdsl.dialects import arith

    return arith.ConstantOp(FloatAttr(value, f32))


def _index(value: int) -> arith.ConstantOp:
    from xdsl.dialects import arith

    return arith.ConstantOp(IntegerAttr(value, IndexType()))


def _as_f32(value: SSAValue) -> SSAValue:
    from xdsl.dialects import arith

    return arith.SIToFPOp(arith.IndexCastOp(value, i64).result, f32).result

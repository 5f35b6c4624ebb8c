"""Index values as affine functions of loop variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from ...diagnostics import OpError
from ...dialects import fa


def _exact(value: int) -> int:
    """An integer where a fraction is one; else the fraction, which multiplies as integers do."""
    return value.numerator if value.denominator == 1 else value


@dataclass(frozen=True)
class Affine:
    """constant + sum of coefficient * variable; the variables are induction variables of loops."""

    constant: int = 0
    terms: Mapping[SSAValue, int] = field(default_factory=dict[SSAValue, int])

    def __post_init__(self) -> None:
        object.__setattr__(self, "constant", _exact(self.constant))
        object.__setattr__(self, "terms", {v: _exact(c) for v, c in self.terms.items()})

    def plus(self, other: Affine) -> Affine:
        """The sum of two."""
        terms = dict(self.terms)
        for variable, coefficient in other.terms.items():
            terms[variable] = terms.get(variable, 0) + coefficient
        return Affine(self.constant + other.constant, {v: c for v, c in terms.items() if c != 0})

    def times(self, factor: int) -> Affine:
        """The product with an integer."""
        if factor == 0:
            return Affine()
        return Affine(self.constant * factor, {v: c * factor for v, c in self.terms.items()})

    def over(self, divisor: int) -> Affine:
        """The quotient as a function with fractional coefficients.

        It stands for a floor division of a multiple of the divisor: at the places that loops reach
        the value is an integer.
        """
        part = cast("int", Fraction(1, divisor))
        return self.times(part)

    def divided(self, divisor: int) -> Affine:
        """The quotient by a divisor of the constant and of every coefficient."""
        parts = (self.constant, *self.terms.values())
        assert all(part % divisor == 0 for part in parts), "the planner checks this"
        return Affine(self.constant // divisor, {v: c // divisor for v, c in self.terms.items()})

    def at(self, known: Mapping[SSAValue, int]) -> Affine:
        """With some variables replaced by their values."""
        result = Affine(self.constant)
        for variable, coefficient in self.terms.items():
            if variable in known:
                result = result.plus(Affine(known[variable] * coefficient))
            else:
                result = result.plus(Affine(0, {variable: coefficient}))
        return result


def affine(value: SSAValue) -> Affine:
    """The affine function that computes an index; raises OpError where it is none."""
    if isinstance(value, BlockArgument):
        return Affine(0, {value: 1})
    assert isinstance(value, OpResult)
    match value.op:
        case arith.ConstantOp(value=IntegerAttr() as attribute):
            return Affine(attribute.value.data)
        case arith.AddiOp():
            return affine(value.op.lhs).plus(affine(value.op.rhs))
        case arith.SubiOp():
            return affine(value.op.lhs).plus(affine(value.op.rhs).times(-1))
        case arith.MuliOp():
            left, right = affine(value.op.lhs), affine(value.op.rhs)
            if not left.terms:
                return right.times(left.constant)
            if not right.terms:
                return left.times(right.constant)
        case arith.FloorDivSIOp() if not (divisor := affine(value.op.rhs)).terms:
            dividend, unit = affine(value.op.lhs), divisor.constant
            if unit < 1 or not always_multiple(dividend, value.op, unit):
                raise OpError(
                    value.op,
                    f"an index that is divided by {unit} must always be a multiple of it, and "
                    "the divisor at least 1",
                )
            return dividend.over(unit)
        case _:
            pass
    raise OpError(
        value.op,
        f"an index must be a sum of loop variables times constants; {value.op.name} gives none",
    )


def constant(value: SSAValue) -> int:
    """The value of an index that must be a constant; raises OpError where it is none."""
    result = affine(value)
    if result.terms:
        owner = value.owner
        op = owner.parent_op() if not isinstance(value, OpResult) else value.op
        assert op is not None
        raise OpError(op, "this index must be a constant")
    return result.constant


def around(op: Operation) -> Iterator[scf.ForOp]:
    """The loops around an operation, innermost first."""
    parent = op.parent_op()
    while isinstance(parent, scf.ForOp):
        yield parent
        parent = parent.parent_op()


def largest(index: Affine, op: Operation) -> int:
    """The largest value of an index where an operation stands."""
    total = index.constant
    for loop in around(op):
        coefficient = index.terms.get(loop.body.block.args[0], 0)
        if coefficient and len(steps := iterations(loop)):
            total += max(coefficient * steps[0], coefficient * steps[-1])
    return total


def always_multiple(index: Affine, op: Operation, unit: int) -> bool:
    """Whether every value of an index where an operation stands is a multiple of `unit`."""
    start, strides = index.constant, list[int]()
    loops = list(around(op))
    if not set(index.terms) <= {loop.body.block.args[0] for loop in loops}:
        return False
    for loop in loops:
        coefficient = index.terms.get(loop.body.block.args[0], 0)
        if not coefficient:
            continue
        steps = iterations(loop)
        if len(steps):
            start += coefficient * steps[0]
            strides += [coefficient * steps.step] if len(steps) > 1 else []
    return all(value % unit == 0 for value in (start, *strides))


def run_time_end(loop: scf.ForOp) -> fa.LengthOp | None:
    """What says at run time where a loop ends; None for a loop of constant bounds.

    Raises OpError for a loop that the machine could not count: it starts at 0, and goes on in steps
    of what its end is a multiple of.
    """
    owner = loop.ub.owner
    if not isinstance(owner, fa.LengthOp):
        return None
    if constant(loop.lb) != 0 or constant(loop.step) != owner.unit or owner.unit == 1:
        raise OpError(
            loop,
            "a loop to a length starts at 0 and goes on in steps of the length's granule, which is "
            f"{owner.unit}",
        )
    return owner


def iterations(loop: scf.ForOp) -> range:
    """The values of a loop's induction variable, of the longest run where its end is known at run
    time only; raises OpError where bounds are neither constant nor lengths."""
    end = run_time_end(loop)
    if end is not None:
        return range(0, end.largest, end.unit)
    for bound in (loop.lb, loop.ub, loop.step):
        if affine(bound).terms:
            raise OpError(loop, "loop bounds must be constants, or end with fa.length")
    step = constant(loop.step)
    if step < 1:
        raise OpError(loop, f"the step of a loop must be at least 1, got {step}")
    return range(constant(loop.lb), constant(loop.ub), step)


def per_iteration(index: Affine) -> Affine:
    """The same index as a function of iteration numbers 0, 1, ... instead of loop variables."""
    result = Affine(index.constant)
    for variable, coefficient in index.terms.items():
        assert isinstance(variable, BlockArgument)
        loop = variable.block.parent_op()
        if not isinstance(loop, scf.ForOp) or variable.index:
            assert loop is not None
            what = "a carried value" if isinstance(loop, scf.ForOp) else "an argument"
            raise OpError(
                loop, f"an index must be a sum of loop variables times constants; {what} is none"
            )
        steps = iterations(loop)
        result = result.plus(
            Affine(coefficient * steps.start, {variable: coefficient * steps.step})
        )
    parts = (result.constant, *result.terms.values())
    assert all(isinstance(part, int) for part in parts), "a division leaves a rest"
    return result

"""Indices as affine functions, against evaluation."""

from __future__ import annotations

import pytest
from fa.diagnostics import OpError
from fa.passes.support.loop_affine import Affine, affine, constant, iterations, per_iteration
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, Region, SSAValue
from xdsl.utils.test_value import create_ssa_value

VARIABLES = [create_ssa_value(IndexType()) for _ in range(3)]
NUMBERS = st.integers(-50, 50)
AFFINES = st.builds(
    lambda c, terms: Affine(c, {v: k for v, k in zip(VARIABLES, terms, strict=True) if k}),
    NUMBERS,
    st.tuples(NUMBERS, NUMBERS, NUMBERS),
)
POINTS = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda p: dict(zip(VARIABLES, p, strict=True)))


def evaluate(function: Affine, point: dict[SSAValue, int]) -> int:
    return function.constant + sum(k * point[v] for v, k in function.terms.items())


@settings(derandomize=True)
@given(AFFINES, AFFINES, NUMBERS, POINTS)
def test_arithmetic(a: Affine, b: Affine, factor: int, point: dict[SSAValue, int]):
    assert evaluate(a.plus(b), point) == evaluate(a, point) + evaluate(b, point)
    assert evaluate(a.times(factor), point) == factor * evaluate(a, point)
    assert a.at(point) == Affine(evaluate(a, point))
    some = dict(list(point.items())[:2])
    assert evaluate(a.at(some), point) == evaluate(a, point)
    assert a.plus(a.times(-1)) == Affine()
    if factor:
        assert a.times(factor).divided(factor) == a


def index(value: int) -> SSAValue:
    return arith.ConstantOp.from_int_and_width(value, IndexType()).result


def loop(start: int, stop: int, step: int) -> scf.ForOp:
    block = Block([scf.YieldOp()], arg_types=[IndexType()])
    return scf.ForOp(index(start), index(stop), index(step), [], Region(block))


@settings(derandomize=True)
@given(st.data())
def test_reading_ir(data: st.DataObject):
    """A random tree of additions, subtractions and products with constants."""
    arguments = list(Block(arg_types=[IndexType()] * 2).args)
    values = dict(zip(arguments, (3, -7), strict=True))

    def tree(depth: int) -> tuple[SSAValue, int]:
        kind = data.draw(st.sampled_from(["constant", "variable", "add", "sub", "mul"]))
        if depth == 0 or kind == "constant":
            number = data.draw(NUMBERS)
            return index(number), number
        if kind == "variable":
            variable = data.draw(st.sampled_from(arguments))
            return variable, values[variable]
        left, a = tree(depth - 1)
        if kind == "mul":
            factor = data.draw(NUMBERS)
            operands = [left, index(factor)]
            if data.draw(st.booleans()):
                operands.reverse()
            return arith.MuliOp(*operands).result, a * factor
        right, b = tree(depth - 1)
        if kind == "add":
            return arith.AddiOp(left, right).result, a + b
        return arith.SubiOp(left, right).result, a - b

    value, expected = tree(4)
    assert evaluate(affine(value), values) == expected


def test_what_is_not_affine():
    variable = Block(arg_types=[IndexType()]).args[0]
    square = arith.MuliOp(variable, variable)
    with pytest.raises(OpError, match=r"a sum of loop variables times constants; arith\.muli"):
        affine(square.result)
    with pytest.raises(OpError, match=r"arith\.divui gives none"):
        affine(arith.DivUIOp(variable, index(2)).result)
    with pytest.raises(OpError, match="must be a constant"):
        constant(arith.AddiOp(variable, index(2)).result)


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 10, 1), (3, 20, 5), (8, 8, 1), (9, 2, 3)])
def test_iterations(start: int, stop: int, step: int):
    op = loop(start, stop, step)
    assert iterations(op) == range(start, stop, step)
    variable = op.body.block.args[0]
    index_ = Affine(7, {variable: 4})
    numbered = per_iteration(index_)
    for number, at in enumerate(iterations(op)):
        assert evaluate(numbered, {variable: number}) == evaluate(index_, {variable: at})


@pytest.mark.parametrize("step", [0, -1])
def test_a_step_is_positive(step: int):
    with pytest.raises(OpError, match=f"must be at least 1, got {step}"):
        iterations(loop(0, 4, step))


def test_bounds_are_constant():
    variable = Block(arg_types=[IndexType()]).args[0]
    block = Block([scf.YieldOp()], arg_types=[IndexType()])
    op = scf.ForOp(index(0), variable, index(1), [], Region(block))
    with pytest.raises(OpError, match="loop bounds must be constants"):
        iterations(op)


@pytest.mark.parametrize(
    ("step", "factor", "divisor", "exact"),
    [(4, 1, 4, True), (1, 12, 4, True), (4, 1, 3, False), (2, 1, 4, False), (4, 1, 0, False),
     (4, 1, -4, False)],
)  # fmt: skip
def test_only_multiples_are_divided(step: int, factor: int, divisor: int, exact: bool):
    """A division that would round is none that an address could be computed by."""
    op = loop(0, 40, step)
    block, variable = op.body.block, op.body.block.args[0]
    product = arith.MuliOp(variable, index(factor))
    quotient = arith.FloorDivSIOp(product.result, index(divisor))
    assert block.first_op is not None
    block.insert_ops_before([product, quotient], block.first_op)
    if not exact:
        with pytest.raises(OpError, match=f"divided by {divisor} must always be a multiple"):
            affine(quotient.result)
        return
    for at in iterations(op):
        assert evaluate(affine(quotient.result), {variable: at}) == at * factor // divisor


def test_a_variable_of_no_loop_around_is_no_multiple():
    argument = Block(arg_types=[IndexType()]).args[0]
    with pytest.raises(OpError, match="must always be a multiple"):
        affine(arith.FloorDivSIOp(argument, index(4)).result)

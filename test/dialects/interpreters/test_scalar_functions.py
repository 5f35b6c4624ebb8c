"""Functions of indices: integers of every width against plain Python, floats and NaN."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import nan

import numpy as np
import pytest
from fa.dialects.fa.attention import YieldOp
from fa.dialects.interpreters.scalar_functions import FunctionError, apply, check_meaning
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    IndexType,
    IntegerType,
    VectorType,
    f32,
    f64,
    i1,
)
from xdsl.ir import Attribute, Block, Operation

WIDTHS = (8, 16, 32, 64)


def signed(value: int, width: int) -> int:
    """`value` wrapped to a number with a sign."""
    half = 1 << width - 1
    return (value + half) % (2 * half) - half


def unsigned(value: int, width: int) -> int:
    """`value` wrapped to a number without a sign."""
    return value % (1 << width)


def quotient(a: int, b: int) -> int:
    """Division towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


SIGNED: dict[type[Operation], Callable[[int, int], int]] = {
    arith.AddiOp: operator.add,
    arith.SubiOp: operator.sub,
    arith.MuliOp: operator.mul,
    arith.AndIOp: operator.and_,
    arith.OrIOp: operator.or_,
    arith.XOrIOp: operator.xor,
    arith.MaxSIOp: max,
    arith.MinSIOp: min,
}
DIVISIONS: dict[type[Operation], Callable[[int, int], int]] = {
    arith.FloorDivSIOp: operator.floordiv,
    arith.DivSIOp: quotient,
    arith.CeilDivSIOp: lambda a, b: -(-a // b),
    arith.RemSIOp: lambda a, b: a - b * quotient(a, b),
}
UNSIGNED: dict[type[Operation], Callable[[int, int], int]] = {
    arith.DivUIOp: operator.floordiv,
    arith.CeilDivUIOp: lambda a, b: -(-a // b),
    arith.RemUIOp: operator.mod,
    arith.MaxUIOp: max,
    arith.MinUIOp: min,
}


def binary(kind: type[Operation], element: Attribute, a: object, b: object) -> object:
    """The result of an operation on two numbers of a type."""
    block = Block(arg_types=[element, element])
    op = kind(*block.args)  # pyright: ignore[reportCallIssue]
    check_meaning(op)
    return apply(op, [np.asarray(a), np.asarray(b)]).item()


numbers = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-5, 5)


@given(st.sampled_from(WIDTHS), numbers, numbers)
def test_integers(width: int, a: int, b: int) -> None:
    """Every operation wraps as its type does."""
    a, b = signed(a, width), signed(b, width)
    element = IndexType() if width == 64 else IntegerType(width)
    for kind, meaning in SIGNED.items():
        assert binary(kind, element, a, b) == signed(meaning(a, b), width), kind.name
    if b:
        for kind, meaning in DIVISIONS.items():
            if (a, b) != (-(1 << width - 1), -1):
                assert binary(kind, element, a, b) == meaning(a, b), kind.name
        for kind, meaning in UNSIGNED.items():
            value = meaning(unsigned(a, width), unsigned(b, width))
            assert binary(kind, element, a, b) == signed(value, width), kind.name
    shift = unsigned(b, width) % width
    assert binary(arith.ShLIOp, element, a, shift) == signed(a << shift, width)
    assert binary(arith.ShRSIOp, element, a, shift) == a >> shift
    right = signed(unsigned(a, width) >> shift, width)
    assert binary(arith.ShRUIOp, element, a, shift) == right


@given(st.sampled_from(WIDTHS), numbers, numbers)
def test_comparisons(width: int, a: int, b: int) -> None:
    """With and without a sign."""
    a, b = signed(a, width), signed(b, width)
    x, y = unsigned(a, width), unsigned(b, width)
    wanted = {
        "eq": a == b, "ne": a != b, "slt": a < b, "sle": a <= b, "sgt": a > b, "sge": a >= b,
        "ult": x < y, "ule": x <= y, "ugt": x > y, "uge": x >= y,
    }  # fmt: skip
    element = IntegerType(width)
    for name, value in wanted.items():
        block = Block(arg_types=[element, element])
        op = arith.CmpiOp(block.args[0], block.args[1], name)
        assert apply(op, [np.asarray(a), np.asarray(b)]).item() == value, name


FLOAT_PREDICATES = (
    "false", "oeq", "ogt", "oge", "olt", "ole", "one", "ord",
    "ueq", "ugt", "uge", "ult", "ule", "une", "uno", "true",
)  # fmt: skip


@pytest.mark.parametrize("name", FLOAT_PREDICATES)
def test_float_comparisons(name: str) -> None:
    """The predicates of MLIR, NaN included."""
    compare = {
        "eq": "__eq__",
        "gt": "__gt__",
        "ge": "__ge__",
        "lt": "__lt__",
        "le": "__le__",
        "ne": "__ne__",
    }
    for a in (1.0, 2.0, nan):
        for b in (1.0, 2.0, nan):
            unordered = a != a or b != b
            if name in ("true", "false"):
                wanted = name == "true"
            elif name in ("ord", "uno"):
                wanted = unordered == (name == "uno")
            else:
                ordered = bool(getattr(a, compare[name[1:]])(b)) and not unordered
                wanted = ordered or (name[0] == "u" and unordered)
            block = Block(arg_types=[f32, f32])
            op = arith.CmpfOp(block.args[0], block.args[1], name)
            assert bool(apply(op, [np.float32(a), np.float32(b)])) == wanted, (a, b)


def test_conversions() -> None:
    """Booleans have one bit; narrow numbers wrap; f64 keeps its digits."""
    flag, byte = Block(arg_types=[i1]).args[0], Block(arg_types=[IntegerType(8)]).args[0]
    yes = np.asarray(True)
    assert apply(arith.ExtSIOp(flag, IntegerType(8)), [yes]).item() == -1
    assert apply(arith.ExtUIOp(flag, IntegerType(8)), [yes]).item() == 1
    assert apply(arith.SIToFPOp(flag, f32), [yes]).item() == -1.0
    assert apply(arith.UIToFPOp(byte, f32), [np.asarray(-1)]).item() == 255.0
    assert apply(arith.TruncIOp(byte, i1), [np.asarray(2)]).item() is False
    index = Block(arg_types=[IndexType()]).args[0]
    assert apply(arith.IndexCastOp(index, IntegerType(8)), [np.asarray(200)]).item() == -56
    wide = apply(arith.SIToFPOp(index, f64), [np.asarray((1 << 40) + 1)])
    assert wide.dtype == np.float64
    assert wide.item() == (1 << 40) + 1
    assert apply(arith.SIToFPOp(index, f32), [np.asarray((1 << 40) + 1)]).item() == 1 << 40


def test_what_has_no_meaning_is_named() -> None:
    """With the operation, so that tools can say where."""
    op = math.CtPopOp(Block(arg_types=[IntegerType(32)]).args[0])
    with pytest.raises(FunctionError, match=r"math.ctpop cannot stand in a function") as caught:
        check_meaning(op)
    assert caught.value.op is op
    check_meaning(YieldOp())


def test_constants_are_numbers() -> None:
    dense = DenseIntOrFPElementsAttr.from_list(VectorType(f32, [4]), [1.0])
    with pytest.raises(FunctionError, match="are numbers, got vector<4xf32"):
        check_meaning(arith.ConstantOp(dense))

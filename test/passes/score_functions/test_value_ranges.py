"""Ranges of values in score functions: whether a key may be hidden, whether an integer wraps."""

from __future__ import annotations

import numpy as np
import pytest
from fa.dialects.fa import AttentionOp
from fa.dialects.interpreters.scalar_functions import evaluate
from fa.frontends.mlir import parse_module
from fa.passes.score_functions.index_dependence import IndexValues
from fa.passes.score_functions.value_ranges import may_hide, ranges
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.ir import Region


def function(body: str) -> Region:
    """A score function of (x, b, h, i, j) that yields %y."""
    kind = "tensor<1x1x4x8xbf16>"
    module = parse_module(
        f"func.func @f(%q: {kind}) -> {kind} {{\n%o = fa.attention %q, %q, %q score_mod {{\n"
        f"^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):\n{body}\nfa.yield %y : f32\n"
        f"}} : {kind}, {kind}, {kind} -> {kind}\nfunc.return %o : {kind}\n}}"
    )
    (op,) = (op for op in module.walk() if isinstance(op, AttentionOp))
    assert op.score_mod is not None
    return op.score_mod


INDEX = "%w = arith.index_cast %h : index to i64\n%n = arith.sitofp %w : i64 to f32\n"
ONE = "%one = arith.constant 1.0 : f32\n"
INFINITE = "%inf = arith.constant 0x7F800000 : f32\n"

HIDES = {
    "minus infinity": "%c = arith.constant 0xFF800000 : f32\n%y = arith.minimumf %x, %c : f32",
    "the negative of infinity": INFINITE + "%m = arith.negf %inf : f32\n"
    "%c = arith.cmpi ult, %i, %j : index\n%y = arith.select %c, %x, %m : f32",
    "an overflow": "%big = arith.constant 3.0e38 : f32\n%m = arith.mulf %x, %big : f32\n"
    "%y = arith.mulf %m, %big : f32",
    "a sum that overflows": "%big = arith.constant -3.0e38 : f32\n%y = arith.addf %big, %big : f32",
    "the exponential of a score": "%e = math.exp %x : f32\n%y = arith.negf %e : f32",
    "a logarithm": INDEX + "%y = math.log %n : f32",
    "a quotient": INDEX + "%y = arith.divf %x, %n : f32",
    "a power": INDEX + "%y = math.powf %n, %x : f32",
    "no number": INFINITE + "%y = arith.subf %inf, %inf : f32",
}

SHOWS = {
    "a choice": "%c = arith.cmpi ult, %i, %j : index\n%m = arith.negf %x : f32\n"
    "%y = arith.select %c, %x, %m : f32",
    "a soft cap": "%c = arith.constant 30.0 : f32\n%r = arith.divf %x, %c : f32\n"
    "%t = math.tanh %r : f32\n%y = arith.mulf %t, %c : f32",
    "a logarithm that is positive": INDEX + ONE + "%m = arith.addf %n, %one : f32\n"
    "%y = math.log %m : f32",
    "a quotient by at least one": INDEX + ONE + "%m = arith.addf %n, %one : f32\n"
    "%y = arith.divf %x, %m : f32",
    "infinity cut off": INFINITE + ONE + "%m = arith.negf %inf : f32\n"
    "%y = arith.maximumf %m, %one : f32",
    "a sigmoid": ONE + "%n = arith.negf %x : f32\n%e = math.tanh %n : f32\n"
    "%s = arith.addf %e, %one : f32\n%y = arith.mulf %x, %s : f32",
}


@pytest.mark.parametrize("name", HIDES)
def test_what_may_hide(name: str):
    assert may_hide(function(HIDES[name]))


@pytest.mark.parametrize("name", SHOWS)
def test_what_shows(name: str):
    assert not may_hide(function(SHOWS[name]))


BINARY = ("addf", "subf", "mulf", "divf", "maximumf", "minimumf")
UNARY = (
    "arith.negf", "math.absf", "math.exp", "math.exp2", "math.expm1", "math.log", "math.log1p",
    "math.log2", "math.sqrt", "math.rsqrt", "math.tanh", "math.sin", "math.floor", "math.ceil",
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_values_are_in_their_ranges(data: st.DataObject):
    """A random function, evaluated: no value outside, and none infinite that was proven finite."""
    lines, values = [INDEX + ONE], ["%x", "%n", "%one"]
    for number in range(data.draw(st.integers(1, 8))):
        one, other = (data.draw(st.sampled_from(values)) for _ in range(2))
        kind = data.draw(st.sampled_from((*BINARY, *UNARY, "constant", "powf")))
        if kind == "constant":
            value = data.draw(st.floats(-100, 100, width=32))
            line = f"arith.constant {value:.6f} : f32"
        elif kind in UNARY:
            line = f"{kind} {one} : f32"
        else:
            line = f"{'math' if kind == 'powf' else 'arith'}.{kind} {one}, {other} : f32"
        values.append(f"%v{number}")
        lines.append(f"{values[-1]} = {line}\n")
    region = function("".join(lines) + f"%y = arith.addf {values[-1]}, %one : f32")
    found = ranges(region)
    last = region.block.last_op
    assert last is not None
    whole = found[last.operands[0]]
    x = np.array([-900.0, -2.5, -1.0, 0.0, 0.5, 1.0, 7.0, 900.0], np.float32)[:, None]
    zero, heads = np.zeros((1, 1), np.int64), np.arange(5)[None, :]
    result = evaluate(region, (x, zero, heads, zero, zero))
    if whole.finite:
        assert np.isfinite(result).all()
        slack = 1e-5 * (1 + np.abs(result)) + 1e-5 * max(map(abs, whole.ends))
        assert ((whole.low - slack <= result) & (result <= whole.high + slack)).all()
    if not may_hide(region):
        assert not np.isneginf(result).any()


def conversion(narrow: str, wide: str) -> str:
    """Query minus key, each cast to a narrow integer first."""
    return (
        f"%a = arith.index_cast %i : index to {narrow}\n%c = arith.index_cast %j : index to "
        f"{narrow}\n%e = arith.extsi %a : {narrow} to {wide}\n%f = arith.extsi %c : {narrow} to "
        f"{wide}\n%d = arith.subi %e, %f : {wide}\n%g = arith.sitofp %d : {wide} to f32\n"
        "%y = arith.addf %x, %g : f32"
    )


@pytest.mark.parametrize(
    ("narrow", "depends"), [("i8", {"query", "key"}), ("i16", {"query", "key"}),
                            ("i32", {"distance"})],
)  # fmt: skip
def test_wrapped_integers_are_no_distances(narrow: str, depends: set[str]):
    index = IndexValues(function(conversion(narrow, "i64")))
    assert [set(index.depends[value]) for value in index.wanted] == [depends]


def test_a_product_that_wraps():
    """i32 has room for a place, and none for a place times 2^20."""
    body = (
        "%a = arith.index_cast %i : index to i32\n%c = arith.index_cast %j : index to i32\n"
        "%k = arith.constant 1048576 : i32\n%e = arith.muli %a, %k : i32\n"
        "%f = arith.muli %c, %k : i32\n%s = arith.cmpi slt, %e, %f : i32\n"
        "%one = arith.constant 1.0 : f32\n%two = arith.constant 2.0 : f32\n"
        "%g = arith.select %s, %one, %two : f32\n%y = arith.mulf %x, %g : f32"
    )
    index = IndexValues(function(body))
    assert [set(index.depends[value]) for value in index.wanted] == [{"query", "key"}]

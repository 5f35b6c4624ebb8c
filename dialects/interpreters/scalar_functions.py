"""Score, probability and mask functions: regions of scalar operations, evaluated on arrays.

A score function has the arguments (value f32, batch, head, query, key), a mask function those
without the value; their operations are those of `arith` and `math` in `MEANINGS`. Evaluated on
whole arrays, indices as broadcastable integers.

Integers are int64 arrays with the sign extended from their width, booleans (i1) bool arrays; index
has 64 bits. Floats are float32, and float64 where they are f64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    AnyFloat,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    i1,
)
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.utils.exceptions import InterpretationError
from xdsl.utils.hints import isa

from ..fa.attention import YieldOp

Values = NDArray[Any]

WORD = 64
"""Bits of an index, and of the integers that values are held in."""


class FunctionError(InterpretationError):
    """An operation that has no meaning in a function."""

    def __init__(self, op: Operation, message: str):
        super().__init__(message)
        self.op = op


def _same(a: Values) -> Values:
    """Conversions that only the type of the result decides about."""
    return a


def _integer(a: Values) -> Values:
    return np.trunc(a).astype(np.int64)


def _quotient(a: Values, b: Values) -> Values:
    """Division rounded towards zero."""
    down = np.floor_divide(a, b)
    return down + ((down < 0) & (down * b != a))


def _ceiling(a: Values, b: Values) -> Values:
    down = np.floor_divide(a, b)
    return down + (down * b != a)


def _reciprocal_root(a: Values) -> Values:
    return np.reciprocal(np.sqrt(a))


MEANINGS: dict[type[Operation], Callable[..., Values]] = {
    arith.AddfOp: np.add,
    arith.SubfOp: np.subtract,
    arith.MulfOp: np.multiply,
    arith.DivfOp: np.divide,
    arith.NegfOp: np.negative,
    arith.MaximumfOp: np.maximum,
    arith.MinimumfOp: np.minimum,
    arith.MaxnumfOp: np.fmax,
    arith.MinnumfOp: np.fmin,
    arith.AddiOp: np.add,
    arith.SubiOp: np.subtract,
    arith.MuliOp: np.multiply,
    arith.FloorDivSIOp: np.floor_divide,
    arith.CeilDivSIOp: _ceiling,
    arith.DivSIOp: _quotient,
    arith.RemSIOp: np.fmod,
    arith.MaxSIOp: np.maximum,
    arith.MinSIOp: np.minimum,
    arith.AndIOp: np.bitwise_and,
    arith.OrIOp: np.bitwise_or,
    arith.XOrIOp: np.bitwise_xor,
    arith.ShLIOp: np.left_shift,
    arith.ShRSIOp: np.right_shift,
    arith.SelectOp: np.where,
    arith.IndexCastOp: _same,
    arith.ExtFOp: _same,
    arith.TruncFOp: _same,
    arith.ExtSIOp: _same,
    arith.TruncIOp: _same,
    arith.SIToFPOp: _same,
    arith.FPToSIOp: _integer,
    math.AbsFOp: np.abs,
    math.AbsIOp: np.abs,
    math.ExpOp: np.exp,
    math.Exp2Op: np.exp2,
    math.ExpM1Op: np.expm1,
    math.LogOp: np.log,
    math.Log2Op: np.log2,
    math.Log1pOp: np.log1p,
    math.SqrtOp: np.sqrt,
    math.RsqrtOp: _reciprocal_root,
    math.TanhOp: np.tanh,
    math.SinOp: np.sin,
    math.CosOp: np.cos,
    math.FloorOp: np.floor,
    math.CeilOp: np.ceil,
    math.PowFOp: np.power,
}
"""What each operation computes, element by element."""

UNSIGNED: dict[type[Operation], Callable[..., Values]] = {
    arith.DivUIOp: np.floor_divide,
    arith.CeilDivUIOp: _ceiling,
    arith.RemUIOp: np.fmod,
    arith.ShRUIOp: np.right_shift,
    arith.MaxUIOp: np.maximum,
    arith.MinUIOp: np.minimum,
    arith.ExtUIOp: _same,
    arith.UIToFPOp: _same,
}
"""Operations whose operands are numbers without a sign."""

BITWISE = (arith.AndIOp, arith.OrIOp, arith.XOrIOp, arith.SelectOp)
"""Operations that numpy does on booleans as on integers."""

COMPARISONS: dict[str, Callable[[Values, Values], Values]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

FLOAT_PREDICATES = ("eq", "gt", "ge", "lt", "le", "ne")
"""The comparisons of `arith.cmpf`: predicates 1 to 6, false of NaN, and 8 to 13, true of NaN."""

NEVER, ORDERED, UNORDERED, ALWAYS = 0, 7, 14, 15
"""The predicates of `arith.cmpf` that compare nothing."""

INTEGER_PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge", "lt", "le", "gt", "ge")
"""`arith.cmpi` predicates in the order of their codes; the last four take no sign."""

FIRST_UNSIGNED = 6


def evaluate(function: Region, arguments: Sequence[Values]) -> Values:
    """The value of a score function on arrays that broadcast against each other, in float32.

    Raises FunctionError for an operation without a meaning.
    """
    value = np.asarray(_yielded(function, arguments), np.float32)
    return np.broadcast_to(value, np.broadcast_shapes(*(a.shape for a in arguments)))


def evaluate_mask(
    function: Region, batch: int, head: int, rows: Values, cols: Values
) -> NDArray[np.bool_]:
    """Whether a mask function shows each key of `cols` to each query of `rows`, [rows, cols].

    Raises FunctionError for an operation without a meaning.
    """
    place = (np.asarray(batch, np.int64), np.asarray(head, np.int64))
    query, key = rows.astype(np.int64)[:, None], cols.astype(np.int64)[None, :]
    value = _yielded(function, (*place, query, key))
    return np.broadcast_to(np.asarray(value, np.bool_), (len(rows), len(cols)))


def _yielded(function: Region, arguments: Sequence[Values]) -> Values:
    """What a function yields."""
    known: dict[SSAValue, Values] = dict(zip(function.block.args, arguments, strict=True))
    with np.errstate(all="ignore"):
        for op in function.block.ops:
            if isinstance(op, YieldOp):
                return known[op.operands[0]]
            check_meaning(op)
            known[op.results[0]] = apply(op, [known[operand] for operand in op.operands])
    raise InterpretationError("a function must end with fa.yield")


def check_meaning(op: Operation) -> None:
    """Raise FunctionError unless `apply` takes an operation."""
    if not supported(op):
        if isinstance(op, arith.ConstantOp):
            raise FunctionError(op, f"constants in a function are numbers, got {op.value.type}")
        known = ", ".join(sorted(kind.name for kind in (*MEANINGS, *UNSIGNED)))
        raise FunctionError(op, f"{op.name} cannot stand in a function; there are {known}")


def apply(op: Operation, operands: Sequence[Values]) -> Values:
    """The result of one operation on arrays; `check_meaning` says which there are."""
    kind = op.results[0].type
    if isinstance(op, arith.ConstantOp):
        if isinstance(op.value, FloatAttr):
            return _as_type(np.asarray(op.value.value.data), kind)
        assert isinstance(op.value, IntegerAttr)
        value = op.value.value.data
        if kind == i1:
            return np.asarray(value != 0)
        # Also where it is written as a number without a sign.
        half = 1 << WORD - 1
        return _as_type(np.asarray((value + half) % (2 * half) - half, np.int64), kind)
    types = [operand.type for operand in op.operands]
    if isinstance(op, arith.CmpfOp):
        return _compared(op.predicate.value.data, operands[0], operands[1])
    if isinstance(op, arith.CmpiOp):
        code = op.predicate.value.data
        convert = _unsigned if code >= FIRST_UNSIGNED else _signed
        both = [convert(a, t) for a, t in zip(operands, types, strict=True)]
        return COMPARISONS[INTEGER_PREDICATES[code]](both[0], both[1])
    if type(op) in UNSIGNED:
        return _as_type(
            UNSIGNED[type(op)](*(_unsigned(a, t) for a, t in zip(operands, types, strict=True))),
            kind,
        )
    if not isinstance(op, BITWISE):
        operands = [_signed(a, t) for a, t in zip(operands, types, strict=True)]
    return _as_type(MEANINGS[type(op)](*operands), kind)


def _compared(predicate: int, a: Values, b: Values) -> Values:
    """`arith.cmpf` by the code of its predicate."""
    unordered = np.isnan(a) | np.isnan(b)
    if predicate in (NEVER, ALWAYS):
        return np.full_like(unordered, predicate == ALWAYS)
    if predicate in (ORDERED, UNORDERED):
        return unordered if predicate == UNORDERED else ~unordered
    result = COMPARISONS[FLOAT_PREDICATES[predicate % 7 - 1]](a, b)
    return result & ~unordered if predicate < ORDERED else result | unordered


def _width(kind: Attribute) -> int | None:
    """Bits of an integer or index; None of anything else."""
    if isinstance(kind, IndexType):
        return WORD
    return kind.width.data if isa(kind, IntegerType) else None


def _signed(values: Values, kind: Attribute) -> Values:
    """A boolean as the number that its bit is; anything else as it is."""
    return -values.astype(np.int64) if kind == i1 else values


def _unsigned(values: Values, kind: Attribute) -> Values:
    """Integers without their sign, in 64 bits."""
    width = _width(kind)
    assert width is not None
    words = np.asarray(values).astype(np.int64).view(np.uint64)
    return words if width == WORD else words & np.uint64((1 << width) - 1)


def _as_type(values: Values, kind: Attribute) -> Values:
    """A result in the form of its type: integers wrapped, floats in their precision."""
    values = np.asarray(values)
    if isinstance(kind, AnyFloat):
        return values.astype(np.float64 if isinstance(kind, Float64Type) else np.float32)
    width = _width(kind)
    if kind == i1:
        return values if values.dtype == np.bool_ else values & values.dtype.type(1) != 0
    assert width is not None
    words = values.astype(np.int64)
    if width < WORD:
        unused = np.int64(WORD - width)
        words = words << unused >> unused
    return words


def supported(op: Operation) -> bool:
    """Whether an operation may stand in a function."""
    if isinstance(op, arith.ConstantOp):
        return isinstance(op.value, FloatAttr | IntegerAttr)
    others = (arith.CmpfOp, arith.CmpiOp, YieldOp)
    return type(op) in MEANINGS or type(op) in UNSIGNED or isinstance(op, others)

"""Score and probability functions: regions of scalar operations, evaluated on arrays.

A function has the arguments (value f32, batch, head, query, key); its operations are those of
`arith` and `math` in `MEANINGS`. Evaluated on whole arrays, indices as broadcastable integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, i1
from xdsl.ir import Operation, Region, SSAValue
from xdsl.utils.exceptions import InterpretationError

from .fa_attention import YieldOp

Values = NDArray[Any]


def _same(a: Values) -> Values:
    """Conversions between numbers that numpy holds alike."""
    return a


def _to_float(a: Values) -> Values:
    return np.asarray(a, np.float32)


def _to_integer(a: Values) -> Values:
    return np.trunc(a).astype(np.int64)


def _quotient(a: Values, b: Values) -> Values:
    return np.trunc(a / b).astype(np.int64)


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
    arith.DivSIOp: _quotient,
    arith.RemSIOp: np.fmod,
    arith.MaxSIOp: np.maximum,
    arith.MinSIOp: np.minimum,
    arith.AndIOp: np.bitwise_and,
    arith.OrIOp: np.bitwise_or,
    arith.XOrIOp: np.bitwise_xor,
    arith.SelectOp: np.where,
    arith.IndexCastOp: _same,
    arith.ExtFOp: _same,
    arith.TruncFOp: _same,
    arith.ExtSIOp: _same,
    arith.TruncIOp: _same,
    arith.SIToFPOp: _to_float,
    arith.FPToSIOp: _to_integer,
    math.AbsFOp: np.abs,
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

COMPARISONS: dict[str, Callable[[Values, Values], Values]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

FLOAT_PREDICATES = (
    "false", "eq", "gt", "ge", "lt", "le", "ne", "ord",
    "eq", "gt", "ge", "lt", "le", "ne", "uno", "true",
)  # fmt: skip
"""`arith.cmpf` predicates in the order of their codes; NaN never compares."""

INTEGER_PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge", "lt", "le", "gt", "ge")
"""`arith.cmpi` predicates in the order of their codes; indices are not negative."""


def evaluate(function: Region, arguments: Sequence[Values]) -> Values:
    """The value of a function on arrays that broadcast against each other.

    Floats are computed in float32. Raises InterpretationError for an operation without a meaning.
    """
    known: dict[SSAValue, Values] = dict(zip(function.block.args, arguments, strict=True))
    with np.errstate(all="ignore"):
        for op in function.block.ops:
            if isinstance(op, YieldOp):
                value = np.asarray(known[op.operands[0]], np.float32)
                return np.broadcast_to(value, np.broadcast_shapes(*(a.shape for a in arguments)))
            known[op.results[0]] = apply(op, [known[operand] for operand in op.operands])
    raise InterpretationError("a function must end with fa.yield")


def apply(op: Operation, operands: Sequence[Values]) -> Values:
    """The result of one operation on arrays."""
    if isinstance(op, arith.ConstantOp):
        if isinstance(op.value, FloatAttr):
            return np.asarray(op.value.value.data, np.float32)
        assert isinstance(op.value, IntegerAttr)
        value = op.value.value.data
        return np.asarray(bool(value) if op.result.type == i1 else value)
    if isinstance(op, arith.CmpfOp | arith.CmpiOp):
        names = FLOAT_PREDICATES if isinstance(op, arith.CmpfOp) else INTEGER_PREDICATES
        name = names[op.predicate.value.data]
        if name not in COMPARISONS:
            raise InterpretationError(f"the predicate '{name}' of {op.name} is not supported")
        return COMPARISONS[name](operands[0], operands[1])
    meaning = MEANINGS.get(type(op))
    if meaning is None:
        known = ", ".join(sorted(kind.name for kind in MEANINGS))
        raise InterpretationError(f"{op.name} cannot stand in a score function; there are {known}")
    return meaning(*operands)


def supported(op: Operation) -> bool:
    """Whether an operation may stand in a score function."""
    others = (arith.ConstantOp, arith.CmpfOp, arith.CmpiOp, YieldOp)
    return type(op) in MEANINGS or isinstance(op, others)

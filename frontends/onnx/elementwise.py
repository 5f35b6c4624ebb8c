"""ONNX operators that work element by element, as scalar operations and on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IndexType, f32, i64
from xdsl.ir import Operation, SSAValue

from .model import Array, Node, numpy_dtype
from .values import Kind, Tensors, Values, constant, kind_of

Unary = Callable[[SSAValue], Operation]
Binary = Callable[[SSAValue, SSAValue], Operation]


@dataclass(frozen=True)
class Settled:
    """An operator on operands of known kinds: its operations, and what it does to arrays."""

    kind: Kind
    emit: Callable[[Sequence[SSAValue]], SSAValue]
    fold: Callable[[Sequence[Array]], Array]


Meaning = Callable[[Tensors, Node, Sequence[Values]], Settled]


def _same_kind(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Kind:
    """The kind that all operands have."""
    first = inputs[0].kind
    if any(values.kind != first for values in inputs):
        tensors.fail(f"the operands of {node} must hold the same type")
    return first


def _pick(tensors: Tensors, node: Node, kind: Kind, made: Binary | Unary | None) -> Any:
    if made is None:
        tensors.fail(f"{node} on {kind}s is not supported")
    return made


def _count(tensors: Tensors, node: Node, inputs: Sequence[Values], least: int, most: int) -> None:
    if not least <= len(inputs) <= most:
        tensors.fail(f"{node} has {len(inputs)} inputs")


def _unary(
    fold: Callable[[Array], Array], floats: Unary | None, integers: Unary | None = None
) -> Meaning:
    """One operand, and a result of its kind."""

    def settle(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
        _count(tensors, node, inputs, 1, 1)
        kind = inputs[0].kind
        choice = {"float": floats, "integer": integers}.get(kind)
        made = cast(Unary, _pick(tensors, node, kind, choice))
        return Settled(kind, lambda v: made(v[0]).results[0], lambda a: fold(a[0]))

    return settle


def _binary(
    fold: Callable[[Array, Array], Array],
    floats: Binary | None = None,
    integers: Binary | None = None,
    booleans: Binary | None = None,
    variadic: bool = False,
) -> Meaning:
    """Operands of one kind, two at a time, and a result of that kind."""

    def settle(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
        _count(tensors, node, inputs, 1 if variadic else 2, len(inputs) if variadic else 2)
        kind = _same_kind(tensors, node, inputs)
        choice = {"float": floats, "integer": integers, "boolean": booleans}[kind]
        made = cast(Binary, _pick(tensors, node, kind, choice))

        def emit(operands: Sequence[SSAValue]) -> SSAValue:
            total = operands[0]
            for operand in operands[1:]:
                total = made(total, operand).results[0]
            return total

        def folded(arrays: Sequence[Array]) -> Array:
            total = arrays[0]
            for array in arrays[1:]:
                total = fold(total, array)
            return total

        return Settled(kind, emit, folded)

    return settle


def _comparison(fold: Callable[[Array, Array], Array], ordered: str, signed: str) -> Meaning:
    """A comparison of floats, which NaN fails, or of integers."""

    def settle(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
        _count(tensors, node, inputs, 2, 2)
        kind = _same_kind(tensors, node, inputs)

        def emit(operands: Sequence[SSAValue]) -> SSAValue:
            a, b = operands
            if kind == "float":
                return arith.CmpfOp(a, b, ordered).result
            return arith.CmpiOp(a, b, signed).result

        return Settled("boolean", emit, lambda a: fold(a[0], a[1]))

    return settle


def _number(value: float) -> SSAValue:
    return constant("float", value)


def _integer(value: int) -> SSAValue:
    return constant("integer", value)


def _sigmoid(x: SSAValue) -> Operation:
    e = math.ExpOp(arith.NegfOp(x).result).result
    return arith.DivfOp(_number(1), arith.AddfOp(_number(1), e).result)


def _folded_sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def _reciprocal(x: SSAValue) -> Operation:
    return arith.DivfOp(_number(1), x)


def _rectified(x: SSAValue) -> Operation:
    return arith.MaximumfOp(x, _number(0))


def _folded_rectified(a: Array) -> Array:
    return np.maximum(a, 0)


def _negative(x: SSAValue) -> Operation:
    return arith.SubiOp(_integer(0), x)


def _magnitude(x: SSAValue) -> Operation:
    return arith.MaxSIOp(x, arith.SubiOp(_integer(0), x).result)


def _truncated(a: Array, b: Array) -> Array:
    """Division as ONNX has it: of integers, towards zero."""
    if a.dtype.kind in "iu":
        return np.trunc(a / b).astype(a.dtype)
    return a / b


def _not(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    _count(tensors, node, inputs, 1, 1)
    if inputs[0].kind != "boolean":
        tensors.fail(f"{node} needs a boolean")
    return Settled(
        "boolean",
        lambda v: arith.XOrIOp(v[0], constant("boolean", 1)).result,
        lambda a: np.logical_not(a[0]),
    )


def _where(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    _count(tensors, node, inputs, 3, 3)
    if inputs[0].kind != "boolean":
        tensors.fail(f"{node} needs a boolean as its condition")
    return Settled(
        _same_kind(tensors, node, inputs[1:]),
        lambda v: arith.SelectOp(v[0], v[1], v[2]).results[0],
        lambda a: np.where(a[0], a[1], a[2]),
    )


def _power(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    _count(tensors, node, inputs, 2, 2)
    if inputs[0].kind != "float" or inputs[1].kind == "boolean":
        tensors.fail(f"{node} needs a float as its base and a number as its exponent")
    exponent = conversion(inputs[1].kind, "float")
    return Settled(
        "float",
        lambda v: math.PowFOp(v[0], exponent(v[1])).result,
        lambda a: np.power(a[0], a[1]).astype(a[0].dtype),
    )


def _modulo(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    _count(tensors, node, inputs, 2, 2)
    if _same_kind(tensors, node, inputs) != "integer":
        tensors.fail(f"{node} on floats is not supported")
    if node.attributes.get("fmod"):
        return Settled(
            "integer",
            lambda v: arith.RemSIOp(v[0], v[1]).result,
            lambda a: np.fmod(a[0], a[1]),
        )

    def emit(operands: Sequence[SSAValue]) -> SSAValue:
        a, b = operands
        whole = arith.MuliOp(arith.FloorDivSIOp(a, b).result, b).result
        return arith.SubiOp(a, whole).result

    return Settled("integer", emit, lambda a: np.mod(a[0], a[1]))


def _clip(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    """Clip; bounds that are left out are no operands here."""
    _count(tensors, node, inputs, 1, 3)
    if _same_kind(tensors, node, inputs) != "float":
        tensors.fail(f"{node} on integers is not supported")
    bounds = [place for place in (1, 2) if node.input(place)]

    def emit(operands: Sequence[SSAValue]) -> SSAValue:
        x = operands[0]
        for place, bound in zip(bounds, operands[1:], strict=True):
            made = arith.MaximumfOp if place == 1 else arith.MinimumfOp
            x = made(x, bound).results[0]
        return x

    def fold(arrays: Sequence[Array]) -> Array:
        x = arrays[0]
        for place, bound in zip(bounds, arrays[1:], strict=True):
            x = np.maximum(x, bound) if place == 1 else np.minimum(x, bound)
        return x

    return Settled("float", emit, fold)


def _identity(x: SSAValue) -> SSAValue:
    return x


def conversion(before: Kind, after: Kind) -> Callable[[SSAValue], SSAValue]:
    """Operations from one kind of number to another; floats are f32, whatever their type."""
    if before == after:
        return _identity

    def convert(x: SSAValue) -> SSAValue:
        if before == "boolean":
            return arith.SelectOp(x, constant(after, 1), constant(after, 0)).results[0]
        if after == "boolean":
            if before == "float":
                return arith.CmpfOp(x, _number(0), "une").result
            return arith.CmpiOp(x, _integer(0), "ne").result
        if after == "float":
            return arith.SIToFPOp(arith.IndexCastOp(x, i64).result, f32).result
        return arith.IndexCastOp(arith.FPToSIOp(x, i64).result, IndexType()).result

    return convert


def _cast(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Settled:
    _count(tensors, node, inputs, 1, 1)
    number = node.attributes.get("to")
    try:
        dtype = numpy_dtype(cast(int, number))
    except (KeyError, TypeError, ValueError):
        tensors.fail(f"{node} has no type to convert to")
    if dtype.kind not in "biufV":
        tensors.fail(f"{node} to {dtype} is not supported")
    after = kind_of(dtype)
    convert = conversion(inputs[0].kind, after)
    return Settled(after, lambda v: convert(v[0]), lambda a: a[0].astype(dtype))


ELEMENTWISE: dict[str, Meaning] = {
    "Add": _binary(np.add, arith.AddfOp, arith.AddiOp),
    "Sub": _binary(np.subtract, arith.SubfOp, arith.SubiOp),
    "Mul": _binary(np.multiply, arith.MulfOp, arith.MuliOp),
    "Div": _binary(_truncated, arith.DivfOp, arith.DivSIOp),
    "Max": _binary(np.maximum, arith.MaximumfOp, arith.MaxSIOp, variadic=True),
    "Min": _binary(np.minimum, arith.MinimumfOp, arith.MinSIOp, variadic=True),
    "And": _binary(np.logical_and, booleans=arith.AndIOp),
    "Or": _binary(np.logical_or, booleans=arith.OrIOp),
    "Xor": _binary(np.logical_xor, booleans=arith.XOrIOp),
    "Not": _not,
    "Equal": _comparison(np.equal, "oeq", "eq"),
    "Greater": _comparison(np.greater, "ogt", "sgt"),
    "GreaterOrEqual": _comparison(np.greater_equal, "oge", "sge"),
    "Less": _comparison(np.less, "olt", "slt"),
    "LessOrEqual": _comparison(np.less_equal, "ole", "sle"),
    "Neg": _unary(np.negative, arith.NegfOp, _negative),
    "Abs": _unary(np.abs, math.AbsFOp, _magnitude),
    "Exp": _unary(np.exp, math.ExpOp),
    "Log": _unary(np.log, math.LogOp),
    "Sqrt": _unary(np.sqrt, math.SqrtOp),
    "Tanh": _unary(np.tanh, math.TanhOp),
    "Sin": _unary(np.sin, math.SinOp),
    "Cos": _unary(np.cos, math.CosOp),
    "Floor": _unary(np.floor, math.FloorOp),
    "Ceil": _unary(np.ceil, math.CeilOp),
    "Reciprocal": _unary(np.reciprocal, _reciprocal),
    "Relu": _unary(_folded_rectified, _rectified),
    "Sigmoid": _unary(_folded_sigmoid, _sigmoid),
    "Where": _where,
    "Pow": _power,
    "Mod": _modulo,
    "Clip": _clip,
    "Cast": _cast,
}
"""What each operator does, once the kinds of its operands are known."""

"""Score and probability functions: ONNX graphs on whole tensors as functions of one element.

A graph in `score_mod` or `prob_mod` maps a tensor [B, H, N, M] to one of the same shape. Each of
its tensors is represented by the function from an index to an element; where its values do not
depend on the graph's input they are computed as well, because shapes and ranges are made of them.
Asking the output for the element at (batch, head, query, key) writes the operations of the region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, NoReturn, TypeAlias, cast

import numpy as np
from xdsl.builder import ImplicitBuilder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr, f32, i1, i64
from xdsl.ir import Block, Operation, Region, SSAValue

from ..dialects.fa_attention import YieldOp
from ..dialects.fa_values import shape_text
from .onnx_model import Array, Graph, Node, numpy_dtype

Kind: TypeAlias = Literal["float", "integer", "boolean"]

Index: TypeAlias = SSAValue | None
"""An index along one dimension; None for the only one of a dimension of extent 1."""

Known = Callable[[str], Array | None]
Fail = Callable[[str], NoReturn]
Emit = Callable[..., SSAValue]

TABLE_LIMIT = 64
"""The largest constant that becomes a chain of selections."""

FOLD_LIMIT = 1 << 20
"""The largest tensor whose values are computed at compile time, in elements."""


@dataclass(frozen=True, eq=False)
class Values:
    """A tensor of the graph: its elements as operations, and its values where they are known."""

    dims: tuple[int, ...]
    kind: Kind
    element: Callable[[tuple[Index, ...]], SSAValue]
    array: Array | None = None


def score_function(graph: Graph, dims: Sequence[int], outer: Known, fail: Fail) -> Region:
    """The region (value f32, batch, head, query, key) -> f32 of a graph on [B, H, N, M].

    `outer` looks up constants of the graph around it. Calls `fail` for operators that have no
    meaning here, and for functions that move elements about.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        fail(f"needs one input and one output, has {len(graph.inputs)} and {len(graph.outputs)}")
    places = [IndexType()] * len(dims)
    block = Block(arg_types=[f32, *places])
    for argument, name in zip(block.args, ("value", "batch", "head", "query", "key"), strict=True):
        argument.name_hint = name
    with ImplicitBuilder(block):
        function = _Function(graph, tuple(dims), block, outer, fail)
        YieldOp(function.result())
    return Region(block)


class _Function:
    """The tensors of one graph."""

    def __init__(self, graph: Graph, dims: tuple[int, ...], block: Block, outer: Known, fail: Fail):
        self.graph = graph
        self.outer = outer
        self.fail = fail
        self.dims = dims
        self.value, *self.places = block.args
        self.constants: dict[tuple[Kind, float], SSAValue] = {}
        self.tensors: dict[str, Values] = {
            graph.inputs[0].name: Values(dims, "float", self._input_element)
        }
        for name, array in graph.constants.items():
            self.tensors[name] = self.from_array(array)

    def result(self) -> SSAValue:
        """The element of the output at the place of the region's arguments."""
        for node in self.graph.nodes:
            for name, values in zip(node.outputs, self._apply(node), strict=False):
                self.tensors[name] = values
        output = self.tensor(self.graph.outputs[0].name)
        if output.dims != self.dims or output.kind != "float":
            self.fail(
                f"its output must hold floats of shape {shape_text(self.dims)}, "
                f"got {output.kind}s of shape {shape_text(output.dims)}"
            )
        places = zip(self.places, self.dims, strict=True)
        return self.at(output, [None if extent == 1 else place for place, extent in places])

    def tensor(self, name: str) -> Values:
        """The tensor `name`, of this graph or a constant of the one around it."""
        if name not in self.tensors:
            array = self.outer(name)
            if array is None:
                self.fail(f"'{name}' is neither made in this graph nor a constant outside of it")
            self.tensors[name] = self.from_array(array)
        return self.tensors[name]

    def at(self, values: Values, index: Sequence[Index]) -> SSAValue:
        """The element at an index; a constant where all elements are the same."""
        array = values.array
        if array is not None and array.size and (array == array.flat[0]).all():
            return self.constant(values.kind, float(array.flat[0]))
        return values.element(tuple(index))

    def constant(self, kind: Kind, value: float) -> SSAValue:
        """One number."""
        key = (kind, value)
        if key not in self.constants:
            self.constants[key] = _constant(kind, value)
        return self.constants[key]

    def integer(self, index: Index) -> SSAValue:
        """An index as a number."""
        return self.constant("integer", 0) if index is None else index

    def make(
        self,
        dims: Sequence[int],
        kind: Kind,
        element: Callable[[tuple[Index, ...]], SSAValue],
        array: Array | None = None,
    ) -> Values:
        """A tensor whose elements are made once for each index that is asked for."""
        made: dict[tuple[Index, ...], SSAValue] = {}

        def once(index: tuple[Index, ...]) -> SSAValue:
            if index not in made:
                made[index] = element(index)
            return made[index]

        return Values(tuple(dims), kind, once, array)

    def from_array(self, array: Array) -> Values:
        """A constant tensor: a number, or one selected by its index."""
        kind = _kind(array.dtype)

        def element(index: tuple[Index, ...]) -> SSAValue:
            if array.size > TABLE_LIMIT:
                self.fail(
                    f"a constant of {array.size} different elements; at most {TABLE_LIMIT} can "
                    "be selected from, larger ones are for attn_mask of the operator Attention"
                )
            place = self.linear(index, array.shape)
            *front, last = array.ravel().tolist()
            chosen = self.constant(kind, float(last))
            for number in reversed(range(len(front))):
                here = arith.CmpiOp(place, self.constant("integer", number), "eq").result
                chosen = arith.SelectOp(here, self.constant(kind, float(front[number])), chosen)
                chosen = chosen.result
            return chosen

        return self.make(array.shape, kind, element, array)

    def linear(self, index: Sequence[Index], dims: Sequence[int]) -> SSAValue:
        """The row-major position of an index."""
        total: Index = None
        for position, place in enumerate(index):
            if place is None:
                continue
            stride = prod(dims[position + 1 :])
            if stride != 1:
                place = arith.MuliOp(place, self.constant("integer", stride)).result
            total = place if total is None else arith.AddiOp(total, place).result
        return self.integer(total)

    def _input_element(self, index: tuple[Index, ...]) -> SSAValue:
        for place, own, extent in zip(index, self.places, self.dims, strict=True):
            if place is not own and extent != 1:
                self.fail("each element of its output may depend on the same element of its input")
        return self.value

    def _apply(self, node: Node) -> Sequence[Values]:
        """The outputs of one node."""
        inputs = [self.tensor(name) for name in node.inputs if name]
        if node.domain == "" and node.op in ELEMENTWISE:
            return [self._elementwise(node, inputs)]
        if node.domain == "" and node.op in STRUCTURAL:
            return [STRUCTURAL[node.op](self, node, inputs)]
        names = ", ".join(sorted([*ELEMENTWISE, *STRUCTURAL]))
        self.fail(f"the operator {node.op} cannot stand in it; there are {names}")

    def _elementwise(self, node: Node, inputs: list[Values]) -> Values:
        """An operator that works element by element, operands broadcast."""
        if not inputs:
            self.fail(f"{node} has no inputs")
        meaning = ELEMENTWISE[node.op]
        settled = meaning(self, node, inputs)
        try:
            dims = np.broadcast_shapes(*(values.dims for values in inputs))
        except ValueError:
            shapes = ", ".join(shape_text(values.dims) or "a scalar" for values in inputs)
            self.fail(f"the operands of {node}, {shapes}, do not broadcast")

        def element(index: tuple[Index, ...]) -> SSAValue:
            return settled.emit(
                *(self.at(values, _own_index(values.dims, index)) for values in inputs)
            )

        arrays = [values.array for values in inputs]
        array = None
        if prod(dims) <= FOLD_LIMIT and all(array is not None for array in arrays):
            with np.errstate(all="ignore"):
                array = np.asarray(settled.fold(*arrays))
        return self.make(dims, settled.kind, element, array)


def _own_index(dims: Sequence[int], index: Sequence[Index]) -> tuple[Index, ...]:
    """The index into a tensor that broadcasts, from one into the result."""
    tail = index[len(index) - len(dims) :]
    return tuple(None if extent == 1 else place for place, extent in zip(tail, dims, strict=True))


def _kind(dtype: np.dtype[Any]) -> Kind:
    if dtype.kind == "b":
        return "boolean"
    return "integer" if dtype.kind in "iu" else "float"


def _constant(kind: Kind, value: float) -> SSAValue:
    if kind == "float":
        return arith.ConstantOp(FloatAttr(value, f32)).result
    if kind == "integer":
        return arith.ConstantOp(IntegerAttr(int(value), IndexType())).result
    return arith.ConstantOp(IntegerAttr(int(bool(value)), i1)).result


# Element by element


@dataclass(frozen=True)
class _Settled:
    """An operator on elements of known kinds: its operations, and what it does to arrays."""

    kind: Kind
    emit: Emit
    fold: Callable[..., Any]


_Meaning = Callable[[_Function, Node, list[Values]], _Settled]


def _operation(made: Operation) -> SSAValue:
    return made.results[0]


def _same_kind(function: _Function, node: Node, inputs: Sequence[Values]) -> Kind:
    kinds = {values.kind for values in inputs}
    if len(kinds) != 1:
        function.fail(f"the operands of {node} must hold the same type")
    return kinds.pop()


def _by_kind(fold: Callable[..., Any], **emits: Emit) -> _Meaning:
    """An operator whose result has the kind of its operands."""

    def settle(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
        kind = _same_kind(function, node, inputs)
        if kind not in emits:
            function.fail(f"{node} on {kind}s is not supported")
        return _Settled(kind, emits[kind], fold)

    return settle


def _variadic(fold: Callable[..., Any], **emits: Emit) -> _Meaning:
    """An operator of any number of operands, two at a time."""

    def settle(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
        kind = _same_kind(function, node, inputs)
        if kind not in emits:
            function.fail(f"{node} on {kind}s is not supported")
        pair = emits[kind]
        return _Settled(kind, lambda *v: _reduce(pair, v), lambda *v: _reduce(fold, v))

    return settle


def _reduce(pair: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = pair(total, value)
    return total


def _comparison(fold: Callable[..., Any], ordered: str, signed: str) -> _Meaning:
    """A comparison of floats, which NaN fails, or integers."""

    def settle(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
        kind = _same_kind(function, node, inputs)
        if kind == "float":
            return _Settled("boolean", lambda a, b: arith.CmpfOp(a, b, ordered).result, fold)
        return _Settled("boolean", lambda a, b: arith.CmpiOp(a, b, signed).result, fold)

    return settle


def _binary(cls: Callable[[SSAValue, SSAValue], Operation]) -> Emit:
    return lambda a, b: _operation(cls(a, b))


def _unary(cls: Callable[[SSAValue], Operation]) -> Emit:
    return lambda a: _operation(cls(a))


def _float(value: float) -> SSAValue:
    return _constant("float", value)


def _integer(value: int) -> SSAValue:
    return _constant("integer", value)


def _sigmoid(x: SSAValue) -> SSAValue:
    e = math.ExpOp(arith.NegfOp(x).result).result
    return arith.DivfOp(_float(1), arith.AddfOp(_float(1), e).result).result


def _floor_remainder(a: SSAValue, b: SSAValue) -> SSAValue:
    """The remainder with the sign of the divisor."""
    whole = arith.MuliOp(arith.FloorDivSIOp(a, b).result, b).result
    return arith.SubiOp(a, whole).result


def _truncated(a: Array, b: Array) -> Array:
    """Division as ONNX has it: integers towards zero."""
    if a.dtype.kind in "iu":
        return np.trunc(a / b).astype(a.dtype)
    return a / b


def _where(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
    if len(inputs) != 3 or inputs[0].kind != "boolean":
        function.fail(f"{node} needs a condition and two values")
    kind = _same_kind(function, node, inputs[1:])
    return _Settled(kind, lambda c, a, b: arith.SelectOp(c, a, b).result, np.where)


def _power(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
    if len(inputs) != 2 or inputs[0].kind != "float" or inputs[1].kind == "boolean":
        function.fail(f"{node} must have a float for its base")
    exponent = _conversion(inputs[1].kind, "float")
    return _Settled("float", lambda a, b: math.PowFOp(a, exponent(b)).result, np.power)


def _modulo(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
    if _same_kind(function, node, inputs) != "integer":
        function.fail(f"{node} on floats is not supported")
    if node.attributes.get("fmod"):
        return _Settled("integer", _binary(arith.RemSIOp), np.fmod)
    return _Settled("integer", _floor_remainder, np.mod)


def _clip(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
    # Without the bounds that are left out, an operator of one to three operands.
    if _same_kind(function, node, inputs) != "float":
        function.fail(f"{node} on integers is not supported")
    has_least, has_most = bool(node.input(1)), bool(node.input(2))

    def emit(x: SSAValue, *bounds: SSAValue) -> SSAValue:
        rest = list(bounds)
        if has_least:
            x = arith.MaximumfOp(x, rest.pop(0)).result
        return arith.MinimumfOp(x, rest.pop(0)).result if has_most else x

    def fold(x: Array, *bounds: Array) -> Array:
        rest = list(bounds)
        if has_least:
            x = np.maximum(x, rest.pop(0))
        return np.minimum(x, rest.pop(0)) if has_most else x

    return _Settled("float", emit, fold)


def _conversion(before: Kind, after: Kind) -> Callable[[SSAValue], SSAValue]:
    """Operations from one kind of number to another; floats are f32, whatever their type."""
    if before == after:
        return lambda x: x
    if before == "boolean":
        one, zero = (_float, _float) if after == "float" else (_integer, _integer)
        return lambda x: arith.SelectOp(x, one(1), zero(0)).result
    if after == "boolean":
        if before == "float":
            return lambda x: arith.CmpfOp(x, _float(0), "une").result
        return lambda x: arith.CmpiOp(x, _integer(0), "ne").result
    if after == "float":
        return lambda x: arith.SIToFPOp(arith.IndexCastOp(x, i64).result, f32).result
    return lambda x: arith.IndexCastOp(arith.FPToSIOp(x, i64).result, IndexType()).result


def _cast(function: _Function, node: Node, inputs: list[Values]) -> _Settled:
    number = node.attributes.get("to")
    try:
        dtype = numpy_dtype(cast(int, number))
        after = _kind(dtype)
    except (KeyError, TypeError, ValueError):
        function.fail(f"{node} has no type to convert to")
    if dtype.kind not in "biufV":
        function.fail(f"{node} to {dtype} is not supported")
    return _Settled(after, _conversion(inputs[0].kind, after), lambda a: a.astype(dtype))


def _not(x: SSAValue) -> SSAValue:
    return arith.XOrIOp(x, _constant("boolean", 1)).result


_FLOAT_ONLY: dict[str, tuple[Callable[..., Any], Emit]] = {
    "Exp": (np.exp, _unary(math.ExpOp)),
    "Log": (np.log, _unary(math.LogOp)),
    "Sqrt": (np.sqrt, _unary(math.SqrtOp)),
    "Tanh": (np.tanh, _unary(math.TanhOp)),
    "Sin": (np.sin, _unary(math.SinOp)),
    "Cos": (np.cos, _unary(math.CosOp)),
    "Floor": (np.floor, _unary(math.FloorOp)),
    "Ceil": (np.ceil, _unary(math.CeilOp)),
    "Reciprocal": (np.reciprocal, lambda x: arith.DivfOp(_float(1), x).result),
    "Relu": (lambda a: np.maximum(a, 0), lambda x: arith.MaximumfOp(x, _float(0)).result),
    "Sigmoid": (lambda a: 1 / (1 + np.exp(-a)), _sigmoid),
}

ELEMENTWISE: dict[str, _Meaning] = {
    "Add": _by_kind(np.add, float=_binary(arith.AddfOp), integer=_binary(arith.AddiOp)),
    "Sub": _by_kind(np.subtract, float=_binary(arith.SubfOp), integer=_binary(arith.SubiOp)),
    "Mul": _by_kind(np.multiply, float=_binary(arith.MulfOp), integer=_binary(arith.MuliOp)),
    "Div": _by_kind(_truncated, float=_binary(arith.DivfOp), integer=_binary(arith.DivSIOp)),
    "Neg": _by_kind(
        np.negative,
        float=_unary(arith.NegfOp),
        integer=lambda x: arith.SubiOp(_integer(0), x).result,
    ),
    "Abs": _by_kind(
        np.abs,
        float=_unary(math.AbsFOp),
        integer=lambda x: arith.MaxSIOp(x, arith.SubiOp(_integer(0), x).result).result,
    ),
    "Max": _variadic(np.maximum, float=_binary(arith.MaximumfOp), integer=_binary(arith.MaxSIOp)),
    "Min": _variadic(np.minimum, float=_binary(arith.MinimumfOp), integer=_binary(arith.MinSIOp)),
    "And": _by_kind(np.logical_and, boolean=_binary(arith.AndIOp)),
    "Or": _by_kind(np.logical_or, boolean=_binary(arith.OrIOp)),
    "Xor": _by_kind(np.logical_xor, boolean=_binary(arith.XOrIOp)),
    "Not": _by_kind(np.logical_not, boolean=_not),
    "Equal": _comparison(np.equal, "oeq", "eq"),
    "Greater": _comparison(np.greater, "ogt", "sgt"),
    "GreaterOrEqual": _comparison(np.greater_equal, "oge", "sge"),
    "Less": _comparison(np.less, "olt", "slt"),
    "LessOrEqual": _comparison(np.less_equal, "ole", "sle"),
    "Where": _where,
    "Pow": _power,
    "Mod": _modulo,
    "Clip": _clip,
    "Cast": _cast,
    **{name: _by_kind(fold, float=emit) for name, (fold, emit) in _FLOAT_ONLY.items()},
}
"""Operators that work element by element."""


# Shapes, ranges and views


def _array(function: _Function, node: Node, inputs: Sequence[Values], index: int) -> Array:
    """The values of an operand that must be known."""
    array = inputs[index].array if index < len(inputs) else None
    if array is None:
        function.fail(f"operand {index} of {node} must be known at compile time")
    return array


def _integers(function: _Function, node: Node, inputs: Sequence[Values], index: int) -> list[int]:
    return [int(value) for value in _array(function, node, inputs, index).ravel()]


def _attribute(function: _Function, node: Node, name: str, default: int | None) -> int | None:
    value = node.attributes.get(name, default)
    if value is not None and not isinstance(value, int):
        function.fail(f"attribute '{name}' of {node} must be an integer")
    return value


def _identity(function: _Function, node: Node, inputs: list[Values]) -> Values:
    return inputs[0]


def _constant_node(function: _Function, node: Node, inputs: list[Values]) -> Values:
    for name, dtype in (
        ("value", None),
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        value = node.attributes.get(name)
        if isinstance(value, int | float | list | np.ndarray):
            return function.from_array(np.asarray(value, dtype))
    function.fail(f"{node} holds no number")


def _constant_of_shape(function: _Function, node: Node, inputs: list[Values]) -> Values:
    dims = _integers(function, node, inputs, 0)
    value = node.attributes.get("value")
    number = value.ravel()[0] if isinstance(value, np.ndarray) else np.float32(0)
    single = np.asarray(number)
    kind = _kind(single.dtype)
    array = np.full(dims, number) if prod(dims) <= FOLD_LIMIT else None
    return function.make(dims, kind, lambda _: function.constant(kind, float(single)), array)


def _shape(function: _Function, node: Node, inputs: list[Values]) -> Values:
    start = _attribute(function, node, "start", 0)
    end = _attribute(function, node, "end", None)
    return function.from_array(np.asarray(inputs[0].dims[start:end], np.int64))


def _size(function: _Function, node: Node, inputs: list[Values]) -> Values:
    return function.from_array(np.asarray(prod(inputs[0].dims), np.int64))


def _gather(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source, places = (_array(function, node, inputs, i) for i in range(2))
    axis = _attribute(function, node, "axis", 0)
    try:
        return function.from_array(np.take(source, places, axis))
    except (IndexError, ValueError) as error:
        function.fail(f"{node}: {error}")


def _slice(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source = _array(function, node, inputs, 0)
    starts, ends = (_integers(function, node, inputs, i) for i in (1, 2))
    axes = _integers(function, node, inputs, 3) if node.input(3) else range(len(starts))
    steps = _integers(function, node, inputs, len(inputs) - 1) if node.input(4) else [1] * len(ends)
    parts = [slice(None)] * source.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        least = -source.shape[axis] - 1
        stop = None if step < 0 and end <= least else end
        parts[axis] = slice(start, stop, step)
    return function.from_array(source[tuple(parts)])


def _concat(function: _Function, node: Node, inputs: list[Values]) -> Values:
    arrays = [_array(function, node, inputs, i) for i in range(len(inputs))]
    axis = _attribute(function, node, "axis", 0)
    try:
        return function.from_array(np.concatenate(arrays, axis or 0))
    except ValueError as error:
        function.fail(f"{node}: {error}")


def _range(function: _Function, node: Node, inputs: list[Values]) -> Values:
    start, limit, step = (_array(function, node, inputs, i).reshape(()) for i in range(3))
    if step == 0:
        function.fail(f"{node} has a step of 0")
    count = max(0, int(np.ceil((limit - start) / step)))
    kind = _kind(start.dtype)
    number = _conversion("integer", kind)
    multiply, add = (
        (arith.MulfOp, arith.AddfOp) if kind == "float" else (arith.MuliOp, arith.AddiOp)
    )

    def element(index: tuple[Index, ...]) -> SSAValue:
        value = number(function.integer(index[0]))
        if step != 1:
            value = _operation(multiply(value, function.constant(kind, float(step))))
        if start != 0:
            value = _operation(add(value, function.constant(kind, float(start))))
        return value

    array = start + np.arange(count, dtype=start.dtype) * step if count <= FOLD_LIMIT else None
    return function.make((count,), kind, element, array)


def _view(
    function: _Function,
    source: Values,
    dims: Sequence[int],
    back: Callable[[tuple[Index, ...]], Sequence[Index]],
    fold: Callable[[Array], Array],
) -> Values:
    """The same elements in other places; `back` finds the source's index."""
    array = None
    if source.array is not None and prod(dims) <= FOLD_LIMIT:
        array = fold(source.array)
    return function.make(dims, source.kind, lambda index: function.at(source, back(index)), array)


def _reshaped(function: _Function, node: Node, source: Values, dims: list[int]) -> Values:
    """The same elements in row-major order under other extents."""
    if prod(dims) != prod(source.dims):
        function.fail(f"{node}: {shape_text(source.dims)} cannot become {shape_text(dims)}")
    old = [extent for extent in source.dims if extent != 1]
    straight = old == [extent for extent in dims if extent != 1]

    def back(index: tuple[Index, ...]) -> list[Index]:
        if straight:
            rest = [place for place, extent in zip(index, dims, strict=True) if extent != 1]
            return [None if extent == 1 else rest.pop(0) for extent in source.dims]
        position = function.linear(index, dims)
        found: list[Index] = []
        for axis, extent in enumerate(source.dims):
            stride = function.constant("integer", prod(source.dims[axis + 1 :]))
            whole = arith.FloorDivSIOp(position, stride).result
            size = function.constant("integer", extent)
            found.append(None if extent == 1 else arith.RemSIOp(whole, size).result)
        return found

    return _view(function, source, dims, back, lambda array: array.reshape(dims))


def _reshape(function: _Function, node: Node, inputs: list[Values]) -> Values:
    dims = _integers(function, node, inputs, 1)
    source = inputs[0]
    if not node.attributes.get("allowzero"):
        dims = [
            source.dims[axis] if extent == 0 and axis < len(source.dims) else extent
            for axis, extent in enumerate(dims)
        ]
    if dims.count(-1) == 1:
        others = prod(extent for extent in dims if extent != -1)
        dims[dims.index(-1)] = prod(source.dims) // others if others else 0
    return _reshaped(function, node, source, dims)


def _axes(function: _Function, node: Node, inputs: list[Values], rank: int) -> list[int]:
    """The axes of Squeeze and Unsqueeze, from 0."""
    axes = _integers(function, node, inputs, 1)
    if any(not -rank <= axis < rank for axis in axes):
        function.fail(f"{node} has axes {axes} for rank {rank}")
    return [axis % rank for axis in axes]


def _unsqueeze(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source = inputs[0]
    count = len(_integers(function, node, inputs, 1))
    axes = _axes(function, node, inputs, len(source.dims) + count)
    rest = list(source.dims)
    dims = [1 if axis in axes else rest.pop(0) for axis in range(len(source.dims) + count)]
    return _reshaped(function, node, source, dims)


def _squeeze(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source = inputs[0]
    if len(inputs) > 1:
        axes = _axes(function, node, inputs, len(source.dims))
    else:
        axes = [axis for axis, extent in enumerate(source.dims) if extent == 1]
    dims = [extent for axis, extent in enumerate(source.dims) if axis not in axes]
    return _reshaped(function, node, source, dims)


def _expand(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source = inputs[0]
    try:
        dims = np.broadcast_shapes(source.dims, tuple(_integers(function, node, inputs, 1)))
    except ValueError as error:
        function.fail(f"{node}: {error}")
    return _view(
        function,
        source,
        dims,
        lambda index: _own_index(source.dims, index),
        lambda array: np.broadcast_to(array, dims),
    )


def _transpose(function: _Function, node: Node, inputs: list[Values]) -> Values:
    source = inputs[0]
    rank = len(source.dims)
    given = node.attributes.get("perm")
    order = [int(axis) for axis in cast("list[int]", given or list(reversed(range(rank))))]
    if sorted(order) != list(range(rank)):
        function.fail(f"{node} has the permutation {order} for rank {rank}")
    return _view(
        function,
        source,
        [source.dims[axis] for axis in order],
        lambda index: [index[order.index(axis)] for axis in range(rank)],
        lambda array: np.transpose(array, order),
    )


STRUCTURAL: dict[str, Callable[[_Function, Node, list[Values]], Values]] = {
    "Identity": _identity,
    "Constant": _constant_node,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Range": _range,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Expand": _expand,
    "Transpose": _transpose,
}
"""Operators on shapes, ranges and views."""

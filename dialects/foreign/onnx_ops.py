"""ONNX's primitive operators, as operations `onnx.NAME` with the attributes of the node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i64
from xdsl.ir import Operation, TypeAttribute

from . import graph
from .access import Meaning, attribute, integer, integers
from .graph import Node

_BINARY = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Max": "max",
    "Min": "min", "And": "and", "Or": "or", "Xor": "xor", "Mod": "rem",
}  # fmt: skip

_UNARY = {
    "Neg": "neg", "Exp": "exp", "Log": "log", "Tanh": "tanh", "Sqrt": "sqrt", "Abs": "abs",
    "Reciprocal": "reciprocal", "Sigmoid": "sigmoid", "Erf": "erf", "Not": "not",
    "IsNaN": "is_nan", "IsInf": "is_inf", "Sin": "sin", "Cos": "cos", "Floor": "floor",
    "Ceil": "ceil", "Relu": "relu",
}  # fmt: skip

_COMPARE = {"Equal": "eq", "Less": "lt", "LessOrEqual": "le", "Greater": "gt",
            "GreaterOrEqual": "ge"}  # fmt: skip

_REDUCE = {"ReduceMax": "max", "ReduceSum": "add", "ReduceMin": "min", "ReduceProd": "mul"}


def _binary(kind: str) -> Meaning:
    return lambda op, args: graph.binary(kind, args[0], args[1]) if len(args) == 2 else None


def _unary(kind: str) -> Meaning:
    return lambda op, args: graph.unary(kind, args[0])


def _compare(direction: str) -> Meaning:
    return lambda op, args: graph.compare(direction, args[0], args[1])


def _known(node: Node) -> tuple[int, ...] | None:
    """A list of integers that is known."""
    if not graph.is_constant(node):
        return None
    return tuple(int(i) for i in graph.evaluate(node).ravel())


def _listed(op: Operation, args: Sequence[Node], name: str, place: int) -> tuple[int, ...] | None:
    """A list that is an attribute in earlier opsets and an operand in later ones."""
    found = integers(attribute(op, name))
    return _known(args[place]) if found is None and len(args) > place else found


def _matmul(op: Operation, args: list[Node]) -> Node | None:
    if args[0].rank < 2 or args[1].rank < 2:
        return None
    return graph.matmul(args[0], args[1], args[0].element)


def _softmax(op: Operation, args: list[Node]) -> Node | None:
    axis = integer(attribute(op, "axis"))
    return graph.softmax(args[0], -1 if axis is None else axis)


def _transpose(op: Operation, args: list[Node]) -> Node | None:
    order = integers(attribute(op, "perm"))
    return graph.transpose(args[0], range(args[0].rank)[::-1] if order is None else order)


def _reshape(op: Operation, args: list[Node]) -> Node | None:
    wanted = _known(args[1])
    if wanted is None:
        return None
    shape = [args[0].shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return graph.reshape(args[0], np.empty(args[0].shape, np.bool_).reshape(shape).shape)


def _unsqueeze(op: Operation, args: list[Node]) -> Node | None:
    axes = _listed(op, args, "axes", 1)
    if axes is None:
        return None
    rank = args[0].rank + len(axes)
    places = {axis % rank for axis in axes}
    rest = iter(args[0].shape)
    return graph.reshape(args[0], [1 if i in places else next(rest) for i in range(rank)])


def _squeeze(op: Operation, args: list[Node]) -> Node | None:
    axes, x = _listed(op, args, "axes", 1), args[0]
    places = {a % x.rank for a in axes} if axes else {i for i, n in enumerate(x.shape) if n == 1}
    return graph.reshape(x, [n for i, n in enumerate(x.shape) if i not in places])


def _expand(op: Operation, args: list[Node]) -> Node | None:
    shape = _known(args[1])
    if shape is None:
        return None
    return graph.widened(args[0], np.broadcast_shapes(args[0].shape, shape))


def _cast(op: Operation, args: list[Node]) -> Node | None:
    to = attribute(op, "to")
    return graph.convert(args[0], to) if isinstance(to, TypeAttribute) else None


def _where(op: Operation, args: list[Node]) -> Node | None:
    return graph.select(*args)


def _concat(op: Operation, args: list[Node]) -> Node | None:
    axis = integer(attribute(op, "axis"))
    return None if axis is None else graph.concat(args, axis % args[0].rank)


def _slice(op: Operation, args: list[Node]) -> Node | None:
    x, lists = args[0], [_known(arg) for arg in args[1:]]
    if len(lists) < 2 or any(each is None for each in lists):
        return None
    given = [each for each in lists if each is not None]
    axes = given[2] if len(given) > 2 else tuple(range(len(given[0])))
    steps = given[3] if len(given) > 3 else (1,) * len(axes)
    ranges = [slice(0, n, 1) for n in x.shape]
    for start, stop, axis, step in zip(given[0], given[1], axes, steps, strict=True):
        if step < 1:
            return None
        bounds = slice(start, stop, step).indices(x.shape[axis % x.rank])
        ranges[axis % x.rank] = slice(*bounds)
    return graph.slice_of(x, *zip(*((r.start, r.stop, r.step) for r in ranges), strict=True))


def _shape(op: Operation, args: list[Node]) -> Node | None:
    return graph.constant(np.asarray(args[0].shape, np.int64), i64)


def _gather(op: Operation, args: list[Node]) -> Node | None:
    x, place = args[0], _known(args[1])
    axis = (integer(attribute(op, "axis")) or 0) % x.rank
    if place is None or args[1].rank or len(place) != 1:
        return None
    start = [place[0] % n if i == axis else 0 for i, n in enumerate(x.shape)]
    stop = [place[0] % n + 1 if i == axis else n for i, n in enumerate(x.shape)]
    one = graph.slice_of(x, start, stop, [1] * x.rank)
    return graph.reshape(one, [n for i, n in enumerate(x.shape) if i != axis])


def _reduce(kind: str) -> Meaning:
    def meaning(op: Operation, args: list[Node]) -> Node | None:
        axes, x = _listed(op, args, "axes", 1), args[0]
        kept = integer(attribute(op, "keepdims"))
        if axes is None:
            return None
        places = {axis % x.rank for axis in axes}
        reduced = graph.reduce(kind, x, sorted(places))
        if kept == 0:
            return reduced
        return graph.reshape(reduced, [1 if i in places else n for i, n in enumerate(x.shape)])

    return meaning


def _trilu(op: Operation, args: list[Node]) -> Node | None:
    x, upper = args[0], integer(attribute(op, "upper"))
    offset = _known(args[1]) if len(args) > 1 else (0,)
    if offset is None or x.rank < 2:
        return None
    row, col = graph.iota(x.shape, x.rank - 2, i64), graph.iota(x.shape, x.rank - 1, i64)
    edge = graph.binary("add", row, graph.constant(np.asarray(offset[0], np.int64), i64))
    kept = graph.compare("le" if upper == 0 else "ge", col, edge)
    zero = graph.constant(np.zeros((), graph.array_of(x.element)), x.element)
    return graph.select(kept, x, zero)


def _range(op: Operation, args: list[Node]) -> Node | None:
    if len(args) != 3 or not all(graph.is_constant(arg) for arg in args):
        return None
    first, last, step = (float(graph.evaluate(arg).item()) for arg in args)
    values = np.arange(first, last, step, dtype=np.float64)
    return graph.constant(graph.rounded(values, args[0].element), args[0].element)


_MEANINGS: dict[str, Meaning] = {
    **{name: _binary(kind) for name, kind in _BINARY.items()},
    **{name: _unary(kind) for name, kind in _UNARY.items()},
    **{name: _compare(kind) for name, kind in _COMPARE.items()},
    **{name: _reduce(kind) for name, kind in _REDUCE.items()},
    "MatMul": _matmul,
    "Softmax": _softmax,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Expand": _expand,
    "Cast": _cast,
    "Where": _where,
    "Concat": _concat,
    "Slice": _slice,
    "Shape": _shape,
    "Gather": _gather,
    "Trilu": _trilu,
    "Range": _range,
    "Identity": lambda op, args: args[0],
}

MEANINGS = {f"onnx.{name}": meaning for name, meaning in _MEANINGS.items()}
"""Name of an operation -> what it computes."""

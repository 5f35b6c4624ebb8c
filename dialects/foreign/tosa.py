"""TOSA, by names and attributes of its generic form."""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Operation

from . import graph
from .access import Meaning, attribute, dense, integer, integers
from .graph import Node, shape_and_element

_BINARY = {
    "add": "add", "sub": "sub", "maximum": "max", "minimum": "min", "pow": "pow",
    "logical_and": "and", "logical_or": "or", "logical_xor": "xor", "bitwise_and": "and",
    "bitwise_or": "or", "int_div": "div", "intdiv": "div",
}  # fmt: skip

_UNARY = {
    "exp": "exp", "log": "log", "tanh": "tanh", "rsqrt": "rsqrt", "reciprocal": "reciprocal",
    "abs": "abs", "sigmoid": "sigmoid", "floor": "floor", "ceil": "ceil", "sin": "sin",
    "cos": "cos", "logical_not": "not", "erf": "erf",
}  # fmt: skip


def _binary(kind: str) -> Meaning:
    return lambda op, args: graph.binary(kind, args[0], args[1])


def _unary(kind: str) -> Meaning:
    return lambda op, args: graph.unary(kind, args[0])


def _compare(direction: str) -> Meaning:
    return lambda op, args: graph.compare(direction, args[0], args[1])


def _constant(op: Operation, args: list[Node]) -> Node | None:
    values = dense(attribute(op, "values") or attribute(op, "value"))
    kind = shape_and_element(op.results[0].type)
    return None if values is None or kind is None else graph.constant(values, kind[1])


def _const_shape(op: Operation, args: list[Node]) -> Node | None:
    values = dense(attribute(op, "values") or attribute(op, "value"))
    return None if values is None else graph.constant(values, IndexType())


def _mul(op: Operation, args: list[Node]) -> Node | None:
    shift = integer(attribute(op, "shift"))
    if len(args) > 2:
        if not graph.is_constant(args[2]) or graph.evaluate(args[2]).any():
            return None
    elif shift:
        return None
    return graph.binary("mul", args[0], args[1])


def _matmul(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    if kind is None or any(not graph.is_constant(z) or graph.evaluate(z).any() for z in args[2:]):
        return None
    return graph.matmul(args[0], args[1], kind[1])


def _negate(op: Operation, args: list[Node]) -> Node | None:
    if any(not graph.is_constant(z) or graph.evaluate(z).any() for z in args[1:]):
        return None
    return graph.unary("neg", args[0])


def _reduce(kind: str) -> Meaning:
    def meaning(op: Operation, args: list[Node]) -> Node | None:
        axis, result = integer(attribute(op, "axis")), shape_and_element(op.results[0].type)
        if axis is None or result is None:
            return None
        return graph.reshape(graph.reduce(kind, args[0], [axis]), result[0])

    return meaning


def _reshape(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.reshape(args[0], kind[0])


def _transpose(op: Operation, args: list[Node]) -> Node | None:
    order = integers(attribute(op, "perms"))
    if order is None and len(args) == 2 and graph.is_constant(args[1]):
        order = tuple(graph.evaluate(args[1]).tolist())
    return None if order is None else graph.transpose(args[0], order)


def _concat(op: Operation, args: list[Node]) -> Node | None:
    axis = integer(attribute(op, "axis"))
    return None if axis is None else graph.concat(args, axis)


def _convert(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.convert(args[0], kind[1])


def _tile(op: Operation, args: list[Node]) -> Node | None:
    """Repetition of whole dimensions of extent 1; of others, of blocks behind one another."""
    kind, x = shape_and_element(op.results[0].type), args[0]
    if kind is None or x.rank != len(kind[0]):
        return None
    split = [each for n, m in zip(kind[0], x.shape, strict=True) for each in (n // m, m)]
    wide = graph.broadcast(x, split, [2 * i + 1 for i in range(x.rank)])
    return graph.reshape(wide, kind[0])


def _slice(op: Operation, args: list[Node]) -> Node | None:
    start, size = integers(attribute(op, "start")), integers(attribute(op, "size"))
    if start is None and len(args) == 3 and all(graph.is_constant(a) for a in args[1:]):
        start, size = (tuple(graph.evaluate(a).tolist()) for a in args[1:])
    if start is None or size is None:
        return None
    stop = [a + n for a, n in zip(start, size, strict=True)]
    return graph.slice_of(args[0], start, stop, [1] * len(start))


_MEANINGS: dict[str, Meaning] = {
    **{name: _binary(kind) for name, kind in _BINARY.items()},
    **{name: _unary(kind) for name, kind in _UNARY.items()},
    "greater": _compare("gt"),
    "greater_equal": _compare("ge"),
    "equal": _compare("eq"),
    "const": _constant,
    "const_shape": _const_shape,
    "mul": _mul,
    "matmul": _matmul,
    "negate": _negate,
    "reduce_max": _reduce("max"),
    "reduce_sum": _reduce("add"),
    "reduce_all": _reduce("and"),
    "reduce_any": _reduce("or"),
    "reshape": _reshape,
    "transpose": _transpose,
    "concat": _concat,
    "cast": _convert,
    "tile": _tile,
    "slice": _slice,
    "select": lambda op, args: graph.select(*args),
    "identity": lambda op, args: args[0],
}

MEANINGS = {f"tosa.{name}": meaning for name, meaning in _MEANINGS.items()}
"""Name of an operation -> what it computes."""

"""StableHLO, by names and attributes of its generic form."""

from __future__ import annotations

from xdsl.ir import Operation

from . import graph
from .access import Meaning, attribute, dense, field, integer, integers, text
from .graph import Node, shape_and_element
from .upstream import reduced

_BINARY = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "maximum": "max",
    "minimum": "min", "power": "pow", "remainder": "rem", "and": "and", "or": "or", "xor": "xor",
    "shift_left": "shl", "shift_right_arithmetic": "shr",
}  # fmt: skip

_UNARY = {
    "negate": "neg", "exponential": "exp", "log": "log", "tanh": "tanh", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "abs": "abs", "logistic": "sigmoid", "sine": "sin", "cosine": "cos",
    "floor": "floor", "ceil": "ceil", "not": "not", "is_finite": "is_finite", "sign": "sign",
    "round_nearest_even": "round", "exponential_minus_one": "expm1", "log_plus_one": "log1p",
}  # fmt: skip


def _binary(kind: str) -> Meaning:
    return lambda op, args: graph.binary(kind, args[0], args[1])


def _unary(kind: str) -> Meaning:
    return lambda op, args: graph.unary(kind, args[0])


def _constant(op: Operation, args: list[Node]) -> Node | None:
    values = dense(attribute(op, "value"))
    kind = shape_and_element(op.results[0].type)
    return None if values is None or kind is None else graph.constant(values, kind[1])


def _iota(op: Operation, args: list[Node]) -> Node | None:
    kind, dim = shape_and_element(op.results[0].type), integer(attribute(op, "iota_dimension"))
    return None if kind is None or dim is None else graph.iota(kind[0], dim, kind[1])


def _compare(op: Operation, args: list[Node]) -> Node | None:
    words = text(attribute(op, "comparison_direction")).split()
    direction = words[-1].strip(" >").lower() if words else ""
    if direction not in graph.COMPARE:
        return None
    return graph.compare(direction, args[0], args[1])


def _convert(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.convert(args[0], kind[1])


def _reshape(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.reshape(args[0], kind[0])


def _broadcast_in_dim(op: Operation, args: list[Node]) -> Node | None:
    kind, dims = (
        shape_and_element(op.results[0].type),
        integers(attribute(op, "broadcast_dimensions")),
    )
    return None if kind is None or dims is None else graph.broadcast(args[0], kind[0], dims)


def _transpose(op: Operation, args: list[Node]) -> Node | None:
    order = integers(attribute(op, "permutation"))
    return None if order is None else graph.transpose(args[0], order)


def _slice(op: Operation, args: list[Node]) -> Node | None:
    parts = [
        integers(attribute(op, name)) for name in ("start_indices", "limit_indices", "strides")
    ]
    start, stop, step = parts
    if start is None or stop is None or step is None:
        return None
    return graph.slice_of(args[0], start, stop, step)


def _concatenate(op: Operation, args: list[Node]) -> Node | None:
    dim = integer(attribute(op, "dimension"))
    return None if dim is None else graph.concat(args, dim)


def _pad(op: Operation, args: list[Node]) -> Node | None:
    low, high = (
        integers(attribute(op, "edge_padding_low")),
        integers(attribute(op, "edge_padding_high")),
    )
    inner = integers(attribute(op, "interior_padding"))
    if low is None or high is None or (inner is not None and any(inner)) or min(*low, *high) < 0:
        return None
    return graph.pad(args[0], args[1], low, high)


def _dot_general(op: Operation, args: list[Node]) -> Node | None:
    words, kind = (
        text(attribute(op, "dot_dimension_numbers")),
        shape_and_element(op.results[0].type),
    )
    if not words or kind is None:
        return None
    names = ("lhs_batching_dimensions", "rhs_batching_dimensions",
             "lhs_contracting_dimensions", "rhs_contracting_dimensions")  # fmt: skip
    batch_a, batch_b, sum_a, sum_b = (field(words, name) or () for name in names)
    return _dot(args, batch_a, batch_b, sum_a, sum_b, kind[1])


def _dot(
    args: list[Node],
    batch_a: tuple[int, ...],
    batch_b: tuple[int, ...],
    sum_a: tuple[int, ...],
    sum_b: tuple[int, ...],
    element: graph.Attribute,
) -> Node | None:
    """Batch dimensions, those of the first, those of the second, as dot_general orders them."""
    a, b = args
    first, second = [-1] * a.rank, [-1] * b.rank
    pairs = [*zip(batch_a, batch_b, strict=True), *zip(sum_a, sum_b, strict=True)]
    for label, (i, j) in enumerate(pairs):
        first[i] = second[j] = label
    fresh = len(pairs)
    for labels in (first, second):
        for i, label in enumerate(labels):
            if label < 0:
                labels[i], fresh = fresh, fresh + 1
    out = [*range(len(batch_a)), *(x for x in first if x >= len(pairs))]
    out += [x for x in second if x >= len(pairs)]
    return graph.contract(a, b, (first, second, out), element)


def _plain_dot(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    if kind is None or args[0].rank != 2 or args[1].rank != 2:
        return None
    return _dot(args, (), (), (1,), (0,), kind[1])


def _reduce(op: Operation, args: list[Node]) -> Node | None:
    return reduced(op, args, {f"stablehlo.{name}": kind for name, kind in _BINARY.items()})


def _clamp(op: Operation, args: list[Node]) -> Node | None:
    low, x, high = args
    return graph.binary("min", graph.binary("max", x, low), high)


def _same(op: Operation, args: list[Node]) -> list[Node] | None:
    return list(args)


_MEANINGS: dict[str, Meaning] = {
    **{name: _binary(kind) for name, kind in _BINARY.items()},
    **{name: _unary(kind) for name, kind in _UNARY.items()},
    "constant": _constant,
    "iota": _iota,
    "compare": _compare,
    "select": lambda op, args: graph.select(*args),
    "convert": _convert,
    "reshape": _reshape,
    "broadcast_in_dim": _broadcast_in_dim,
    "transpose": _transpose,
    "slice": _slice,
    "concatenate": _concatenate,
    "pad": _pad,
    "dot_general": _dot_general,
    "dot": _plain_dot,
    "reduce": _reduce,
    "clamp": _clamp,
    "optimization_barrier": _same,
}

MEANINGS = {f"stablehlo.{name}": meaning for name, meaning in _MEANINGS.items()}
"""Name of an operation -> what it computes."""

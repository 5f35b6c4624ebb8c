"""Neutral tensor operations: what those of all dialects come down to, and what they compute.

A node is one tensor of static shape. Scalars are tensors of rank 0. Elementwise nodes have operands
of their own shape; what widens is a `broadcast`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float64Type,
    IndexType,
    IntegerType,
    Signedness,
    TensorType,
    i1,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.hints import isa

AnyArray = NDArray[Any]


@dataclass(eq=False)
class Node:
    """A tensor: the result of a neutral operation, or a leaf.

    `kind` is leaf, constant, one of UNARY, BINARY or REDUCTIONS, compare, select, convert,
    transpose, reshape, broadcast, slice, concat, pad, iota, contract, reduce or softmax. `data` is
    what else the operation needs to know. `value` is the tensor in the IR, where it is one of the
    function that is looked at, `op` the operation that the node is made of.
    """

    kind: str
    args: tuple[Node, ...]
    shape: tuple[int, ...]
    element: Attribute
    data: Any = None
    value: SSAValue | None = None
    op: Operation | None = None
    known: AnyArray | None = field(default=None, repr=False)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return not isinstance(self.element, IntegerType | IndexType)


def _sigmoid(x: AnyArray) -> AnyArray:
    return 1 / (1 + np.exp(-x))


def _erf(x: AnyArray) -> AnyArray:
    from math import erf

    return np.vectorize(erf, otypes=[np.float64])(x)


UNARY: Mapping[str, Callable[[AnyArray], AnyArray]] = {
    "neg": np.negative, "exp": np.exp, "exp2": np.exp2, "log": np.log, "log2": np.log2,
    "tanh": np.tanh, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "abs": np.abs,
    "reciprocal": lambda x: 1 / x, "sin": np.sin, "cos": np.cos, "floor": np.floor,
    "ceil": np.ceil, "round": np.rint, "sigmoid": _sigmoid, "erf": _erf, "not": np.invert,
    "is_nan": np.isnan, "is_inf": np.isinf, "is_finite": np.isfinite,
    "relu": lambda x: np.maximum(x, 0), "sign": np.sign, "log1p": np.log1p, "expm1": np.expm1,
}  # fmt: skip

BINARY: Mapping[str, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "max": np.maximum, "min": np.minimum, "pow": np.power, "rem": np.fmod,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "shl": np.left_shift, "shr": np.right_shift, "floordiv": np.floor_divide,
}  # fmt: skip

COMPARE: Mapping[str, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip

REDUCTIONS: Mapping[str, Callable[..., AnyArray]] = {
    "add": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce,
    "mul": np.multiply.reduce, "and": np.bitwise_and.reduce, "or": np.bitwise_or.reduce,
}  # fmt: skip

BOOLEAN = ("is_nan", "is_inf", "is_finite")


def leaf(value: SSAValue) -> Node | None:
    """A tensor or number of which nothing is known; None for what is no tensor of static shape."""
    described = shape_and_element(value.type)
    if described is None:
        return None
    shape, element = described
    owner = value.owner
    return Node(
        "leaf", (), shape, element, None, value, owner if isinstance(owner, Operation) else None
    )


def shape_and_element(kind: Attribute) -> tuple[tuple[int, ...], Attribute] | None:
    """Extents and element type of a tensor of static shape, or of a number."""
    if isa(kind, TensorType[Attribute]):
        shape = kind.get_shape()
        return None if any(extent < 0 for extent in shape) else (tuple(shape), kind.element_type)
    return ((), kind) if is_number(kind) else None


def is_number(kind: Attribute) -> bool:
    """Whether a type is one of numbers."""
    from xdsl.dialects.builtin import AnyFloat

    return isinstance(kind, IntegerType | IndexType | AnyFloat)


def constant(values: AnyArray, element: Attribute) -> Node:
    """A known tensor."""
    return Node("constant", (), values.shape, element, values)


def unary(kind: str, x: Node) -> Node:
    return Node(kind, (x,), x.shape, i1 if kind in BOOLEAN else x.element)


def binary(kind: str, a: Node, b: Node, element: Attribute | None = None) -> Node:
    a, b = together(a, b)
    return Node(kind, (a, b), a.shape, a.element if element is None else element)


def compare(direction: str, a: Node, b: Node) -> Node:
    a, b = together(a, b)
    return Node("compare", (a, b), a.shape, i1, direction)


def select(condition: Node, a: Node, b: Node) -> Node:
    a, b = together(a, b)
    condition, a = together(condition, a)
    a, b = together(a, b)
    return Node("select", (condition, a, b), a.shape, a.element)


def together(a: Node, b: Node) -> tuple[Node, Node]:
    """Two tensors in one shape, as numpy widens them."""
    if a.shape == b.shape:
        return a, b
    shape = np.broadcast_shapes(a.shape, b.shape)
    return widened(a, shape), widened(b, shape)


def widened(x: Node, shape: Sequence[int]) -> Node:
    """A tensor in a shape that numpy would broadcast it to."""
    return broadcast(x, shape, range(len(shape) - x.rank, len(shape)))


def convert(x: Node, element: Attribute) -> Node:
    return x if x.element == element else Node("convert", (x,), x.shape, element)


def transpose(x: Node, order: Sequence[int]) -> Node:
    order = tuple(order)
    if order == tuple(range(x.rank)):
        return x
    return Node("transpose", (x,), tuple(x.shape[i] for i in order), x.element, order)


def reshape(x: Node, shape: Sequence[int]) -> Node:
    shape = tuple(shape)
    return x if shape == x.shape else Node("reshape", (x,), shape, x.element)


def broadcast(x: Node, shape: Sequence[int], dims: Sequence[int]) -> Node:
    """Dimension i of `x` is dimension `dims[i]` of the result, of the same extent or from 1."""
    shape, dims = tuple(shape), tuple(dims)
    if shape == x.shape and dims == tuple(range(x.rank)):
        return x
    return Node("broadcast", (x,), shape, x.element, dims)


def slice_of(x: Node, start: Sequence[int], stop: Sequence[int], step: Sequence[int]) -> Node:
    shape = tuple(-(-(b - a) // s) for a, b, s in zip(start, stop, step, strict=True))
    if shape == x.shape:
        return x
    return Node("slice", (x,), shape, x.element, (tuple(start), tuple(stop), tuple(step)))


def concat(parts: Sequence[Node], axis: int) -> Node:
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return Node("concat", tuple(parts), tuple(shape), parts[0].element, axis)


def pad(x: Node, filler: Node, low: Sequence[int], high: Sequence[int]) -> Node:
    shape = tuple(n + a + b for n, a, b in zip(x.shape, low, high, strict=True))
    return Node("pad", (x, filler), shape, x.element, (tuple(low), tuple(high)))


def iota(shape: Sequence[int], dim: int, element: Attribute) -> Node:
    return Node("iota", (), tuple(shape), element, dim)


def reduce(op: str, x: Node, axes: Sequence[int]) -> Node:
    """A reduction; the axes are gone from the result."""
    axes = tuple(sorted(axes))
    shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return Node("reduce", (x,), shape, x.element, (op, axes))


def contract(
    a: Node, b: Node, labels: tuple[Sequence[int], Sequence[int], Sequence[int]], element: Attribute
) -> Node:
    """The sum of products over the labels of `a` and `b` that the result does not have."""
    first, second, out = (tuple(each) for each in labels)
    extents = dict(zip((*first, *second), (*a.shape, *b.shape), strict=True))
    shape = tuple(extents[label] for label in out)
    return Node("contract", (a, b), shape, element, (first, second, out))


def matmul(a: Node, b: Node, element: Attribute, swap: tuple[bool, bool] = (False, False)) -> Node:
    """[..., n, d] times [..., d, m], leading dimensions widened; `swap` says what is
    transposed."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = widened(a, (*lead, *a.shape[-2:])), widened(b, (*lead, *b.shape[-2:]))
    outer = tuple(range(len(lead)))
    n, d, m = len(lead), len(lead) + 1, len(lead) + 2
    first = (d, n) if swap[0] else (n, d)
    second = (m, d) if swap[1] else (d, m)
    return contract(a, b, ((*outer, *first), (*outer, *second), (*outer, n, m)), element)


def softmax(x: Node, axis: int) -> Node:
    """The softmax along an axis, spelled out."""
    axis %= x.rank
    kept = [i for i in range(x.rank) if i != axis]

    def spread(y: Node) -> Node:
        return broadcast(y, x.shape, kept)

    p = unary("exp", binary("sub", x, spread(reduce("max", x, [axis]))))
    return binary("div", p, spread(reduce("add", p, [axis])))


def array_of(element: Attribute) -> np.dtype[Any]:
    """The numpy type that holds elements of a type here; bf16 and f16 are rounded float32."""
    if isa(element, IntegerType):
        width = element.width.data
        if width == 1:
            return np.dtype(np.bool_)
        sign = "u" if element.signedness.data == Signedness.UNSIGNED else "i"
        return np.dtype(f"{sign}{max(1, width // 8)}")
    if isinstance(element, IndexType):
        return np.dtype(np.int64)
    return np.dtype(np.float64 if isinstance(element, Float64Type) else np.float32)


def rounded(values: AnyArray, element: Attribute) -> AnyArray:
    """Values as elements of a type."""
    if isinstance(element, BFloat16Type):
        return values.astype(ml_dtypes.bfloat16).astype(np.float32)
    if isinstance(element, Float16Type):
        return values.astype(np.float16).astype(np.float32)
    return np.asarray(values).astype(array_of(element))


def evaluate(node: Node, leaves: Mapping[Node, AnyArray] | None = None) -> AnyArray:
    """The values of a node, given those of its leaves.

    Raises KeyError for a leaf without values.
    """
    found: dict[Node, AnyArray] = dict(leaves or {})
    with np.errstate(all="ignore"):
        for each in in_order(node, found):
            if each in found:
                continue
            if leaves is None and each.known is not None:
                found[each] = each.known
                continue
            values = _compute(each, [found[arg] for arg in each.args])
            found[each] = rounded(values, each.element)
            if leaves is None:
                each.known = found[each]
    return found[node]


def in_order(node: Node, known: Mapping[Node, AnyArray]) -> list[Node]:
    """A node and what it is made of, operands first; what is behind known ones is left out."""
    order: list[Node] = []
    seen: set[Node] = set()
    pending = [(node, False)]
    while pending:
        current, ready = pending.pop()
        if ready:
            order.append(current)
        elif current not in seen:
            seen.add(current)
            pending.append((current, True))
            if current not in known and current.known is None:
                pending += [(arg, False) for arg in current.args]
    return order


def is_constant(node: Node) -> bool:
    """Whether a node depends on no leaf."""
    return all(each.kind != "leaf" for each in in_order(node, {}))


def _compute(node: Node, args: list[AnyArray]) -> AnyArray:
    kind = node.kind
    if kind == "div" and not node.is_float:
        a, b = args
        return np.trunc(np.divide(a, np.where(b == 0, 1, b)))
    if kind in UNARY:
        wide = node.kind == "not" or not node.args[0].is_float or kind in BOOLEAN
        return UNARY[kind](args[0]) if wide else UNARY[kind](args[0].astype(np.float64))
    if kind in BINARY:
        return BINARY[kind](*args)
    match kind:
        case "constant":
            return node.data
        case "compare":
            return COMPARE[node.data](*args)
        case "select":
            return np.where(*args)
        case "convert":
            return _converted(node, args[0])
        case "transpose":
            return args[0].transpose(node.data)
        case "reshape":
            return args[0].reshape(node.shape)
        case "broadcast":
            shape = [1] * len(node.shape)
            for dim, extent in zip(node.data, args[0].shape, strict=True):
                shape[dim] = extent
            order = np.argsort(node.data)
            return np.broadcast_to(args[0].transpose(order).reshape(shape), node.shape)
        case "slice":
            where = tuple(slice(*each) for each in zip(*node.data, strict=True))
            return args[0][where]
        case "concat":
            return np.concatenate(args, axis=node.data)
        case "pad":
            low, high = node.data
            widths = list(zip(low, high, strict=True))
            return np.pad(args[0], widths, constant_values=args[1].item())
        case "iota":
            dim: int = node.data
            shape = [1] * len(node.shape)
            shape[dim] = node.shape[dim]
            places = np.arange(node.shape[dim]).reshape(shape)
            return np.broadcast_to(places, node.shape)
        case "reduce":
            op, axes = node.data
            return REDUCTIONS[op](args[0], axis=axes)
        case "contract":
            return _contracted(node, args)
        case _:
            raise KeyError(node)


def _converted(node: Node, values: AnyArray) -> AnyArray:
    if node.element == i1:
        return values != 0
    return np.trunc(values) if node.args[0].is_float and not node.is_float else values


def _contracted(node: Node, args: list[AnyArray]) -> AnyArray:
    first, second, out = node.data
    wide = np.float64 if node.is_float else np.int64
    operands: list[Any] = [args[0].astype(wide), list(first), args[1].astype(wide), list(second)]
    size = prod(node.shape) * max(args[0].size, args[1].size)
    return np.einsum(*operands, list(out), optimize=size > 1 << 20)

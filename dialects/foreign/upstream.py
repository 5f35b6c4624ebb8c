"""arith, math, tensor and linalg on tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import AffineMapAttr, DenseIntOrFPElementsAttr, IndexType
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.dialects.linalg.ops import GenericOp, IndexOp
from xdsl.ir import Block, Operation, OpResult, SSAValue
from xdsl.ir.affine import AffineConstantExpr, AffineDimExpr

from . import graph
from .access import Meaning, attribute, dense, integer, integers, name_of
from .graph import Node, shape_and_element

_BINARY = {
    "arith.addf": "add", "arith.addi": "add", "arith.subf": "sub", "arith.subi": "sub",
    "arith.mulf": "mul", "arith.muli": "mul", "arith.divf": "div", "arith.divsi": "div",
    "arith.floordivsi": "floordiv", "arith.remf": "rem", "arith.remsi": "rem",
    "arith.maximumf": "max", "arith.maxnumf": "max", "arith.maxsi": "max",
    "arith.minimumf": "min", "arith.minnumf": "min", "arith.minsi": "min",
    "arith.andi": "and", "arith.ori": "or", "arith.xori": "xor", "arith.shli": "shl",
    "arith.shrsi": "shr", "math.powf": "pow",
}  # fmt: skip

_UNARY = {
    "arith.negf": "neg", "math.exp": "exp", "math.exp2": "exp2", "math.log": "log",
    "math.log2": "log2", "math.tanh": "tanh", "math.sqrt": "sqrt", "math.rsqrt": "rsqrt",
    "math.absf": "abs", "math.absi": "abs", "math.sin": "sin", "math.cos": "cos",
    "math.floor": "floor", "math.ceil": "ceil", "math.roundeven": "round", "math.erf": "erf",
    "math.isnan": "is_nan", "math.isinf": "is_inf", "math.isfinite": "is_finite",
    "math.log1p": "log1p", "math.expm1": "expm1",
}  # fmt: skip

_CASTS = (
    "arith.truncf", "arith.extf", "arith.sitofp", "arith.fptosi", "arith.extsi", "arith.extui",
    "arith.trunci", "arith.index_cast", "arith.uitofp",
)  # fmt: skip

_COMPARE_INTEGERS = {0: "eq", 1: "ne", 2: "lt", 3: "le", 4: "gt", 5: "ge", 6: "lt", 7: "le",
                     8: "gt", 9: "ge"}  # fmt: skip

_COMPARE_FLOATS = {1: "eq", 2: "gt", 3: "ge", 4: "lt", 5: "le", 6: "ne", 8: "eq", 9: "gt",
                   10: "ge", 11: "lt", 12: "le", 13: "ne"}  # fmt: skip


def _constant(op: Operation, args: list[Node]) -> Node | None:
    values = dense(attribute(op, "value"))
    kind = shape_and_element(op.results[0].type)
    return None if values is None or kind is None else graph.constant(values, kind[1])


def _cast(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.convert(args[0], kind[1])


def _compare(table: dict[int, str]) -> Meaning:
    def meaning(op: Operation, args: list[Node]) -> Node | None:
        number = integer(attribute(op, "predicate"))
        if number == 14 and table is _COMPARE_FLOATS and args[0] is args[1]:
            return graph.unary("is_nan", args[0])
        direction = table.get(-1 if number is None else number)
        return None if direction is None else graph.compare(direction, args[0], args[1])

    return meaning


def _shaped(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    if kind is None or np.prod(kind[0], dtype=np.int64) != np.prod(args[0].shape, dtype=np.int64):
        return None
    return graph.reshape(args[0], kind[0])


def _extract_slice(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    parts = [integers(attribute(op, f"static_{each}")) for each in ("offsets", "sizes", "strides")]
    if len(args) > 1 or kind is None or any(part is None for part in parts):
        return None
    offsets, sizes, strides = ([*part] for part in parts if part is not None)
    stops = [o + (n - 1) * s + 1 for o, n, s in zip(offsets, sizes, strides, strict=True)]
    return graph.reshape(graph.slice_of(args[0], offsets, stops, strides), kind[0])


def _empty(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    if kind is None:
        return None
    zero = graph.constant(np.zeros((), graph.array_of(kind[1])), kind[1])
    return graph.broadcast(zero, kind[0], ())


def _splat(op: Operation, args: list[Node]) -> Node | None:
    kind = shape_and_element(op.results[0].type)
    return None if kind is None else graph.broadcast(args[0], kind[0], ())


def _concat(op: Operation, args: list[Node]) -> Node | None:
    dim = integer(attribute(op, "dim"))
    return None if dim is None else graph.concat(args, dim)


def _fill(op: Operation, args: list[Node]) -> Node:
    return graph.broadcast(graph.convert(args[0], args[1].element), args[1].shape, ())


def _transpose(op: Operation, args: list[Node]) -> Node | None:
    order = integers(attribute(op, "permutation"))
    return None if order is None else graph.transpose(args[0], order)


def _broadcast(op: Operation, args: list[Node]) -> Node | None:
    added = integers(attribute(op, "dimensions"))
    if added is None:
        return None
    kept = [i for i in range(args[1].rank) if i not in added]
    return graph.broadcast(args[0], args[1].shape, kept)


def _named(kind: str) -> Meaning:
    def meaning(op: Operation, args: list[Node]) -> Node | None:
        if len(args) != 3:
            return None
        return graph.binary(kind, args[0], args[1])

    return meaning


def _named_unary(kind: str) -> Meaning:
    return lambda op, args: graph.unary(kind, args[0])


def _product(first: bool, second: bool) -> Meaning:
    def meaning(op: Operation, args: list[Node]) -> Node | None:
        if len(args) != 3:
            return None
        product = graph.matmul(args[0], args[1], args[2].element, (first, second))
        return onto(product, "add", args[2])

    return meaning


def _softmax(op: Operation, args: list[Node]) -> Node | None:
    dim = integer(attribute(op, "dimension"))
    return None if dim is None else graph.softmax(args[0], dim)


def onto(value: Node, kind: str, initial: Node) -> Node:
    """A reduction that starts from a value, which is left out where it changes nothing."""
    if graph.is_constant(initial):
        values = graph.evaluate(initial)
        if (kind in ("add", "or") and not values.any()) or (kind == "max" and _lowest(values)):
            return value
        if kind == "mul" and (values == 1).all():
            return value
    return graph.binary(kind, initial, value)


def _lowest(values: graph.AnyArray) -> bool:
    """Whether no number is smaller: -inf, or the smallest of a type."""
    if values.dtype.kind != "f":
        return bool((values == np.iinfo(values.dtype).min).all()) if values.dtype != bool else False
    return bool((values <= -3.3e38).all())


def _generic(op: Operation, args: list[Node]) -> list[Node] | None:
    assert isinstance(op, GenericOp)
    maps = list(op.indexing_maps)
    kinds = [kind.data for kind in op.iterator_types]
    extents = _extents(maps, args, len(kinds))
    count = len(op.inputs)
    if extents is None:
        return None
    places = [_places(m, node) for m, node in zip(maps, args, strict=True)]
    if any(place is None for place in places):
        return None
    loops = [place for place in places if place is not None]
    reduced = [i for i, kind in enumerate(kinds) if kind == IteratorType.REDUCTION]
    block = op.body.block
    last = block.last_op
    if last is None or any(kind == IteratorType.WINDOW for kind in kinds):
        return None
    body = _Body(block, [*zip(args, loops, strict=True)], extents)
    results: list[Node] = []
    for number, value in enumerate(last.operands):
        _, dims = loops[count + number]
        initial = args[count + number]
        made = (
            body.reduced(value, block.args[count + number], initial, reduced, dims)
            if reduced
            else body.at(value)
        )
        if made is None:
            return None
        if not reduced:
            made = _arranged(made, dims)
        results.append(graph.reshape(graph.convert(made, initial.element), initial.shape))
    return results


def _arranged(made: Node, dims: Sequence[int]) -> Node:
    """A tensor over all loops in the order of an output's dimensions."""
    return graph.transpose(made, dims) if sorted(dims) == list(range(made.rank)) else made


def _extents(
    maps: Sequence[AffineMapAttr], args: Sequence[Node], rank: int
) -> tuple[int, ...] | None:
    """The extent of each loop."""
    extents: list[int | None] = [None] * rank
    for each, node in zip(maps, args, strict=True):
        for expression, extent in zip(each.data.results, node.shape, strict=True):
            if isinstance(expression, AffineDimExpr):
                extents[expression.position] = extent
    found = [extent for extent in extents if extent is not None]
    return tuple(found) if len(found) == rank else None


def _places(each: AffineMapAttr, node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """An operand without the dimensions that no loop runs over, and the loops of the others."""
    dims: list[int] = []
    for expression, extent in zip(each.data.results, node.shape, strict=True):
        if isinstance(expression, AffineDimExpr):
            dims.append(expression.position)
        elif not (isinstance(expression, AffineConstantExpr) and extent == 1):
            return None
    kept = [n for e, n in zip(each.data.results, node.shape, strict=True)
            if isinstance(e, AffineDimExpr)]  # fmt: skip
    return (graph.reshape(node, kept), tuple(dims)) if len(set(dims)) == len(dims) else None


class _Body:
    """The body of a linalg.generic, whose values are tensors over all loops."""

    def __init__(
        self,
        block: Block,
        operands: Sequence[tuple[Node, tuple[Node, tuple[int, ...]]]],
        extents: tuple[int, ...],
    ):
        self.extents = extents
        self.operands: dict[SSAValue, tuple[Node, tuple[int, ...]]] = {
            argument: place for argument, (_, place) in zip(block.args, operands, strict=True)
        }
        self.nodes: dict[SSAValue, Node | None] = {}

    def at(self, value: SSAValue) -> Node | None:
        """A value of the body over all loops; None where that is not known."""
        if value not in self.nodes:
            self.nodes[value] = self._made(value)
        return self.nodes[value]

    def _made(self, value: SSAValue) -> Node | None:
        if value in self.operands:
            node, dims = self.operands[value]
            return graph.broadcast(node, self.extents, dims)
        if not isinstance(value, OpResult):
            return None
        op = value.op
        if isinstance(op, IndexOp):
            dim = integer(attribute(op, "dim"))
            return None if dim is None else graph.iota(self.extents, dim, IndexType())
        meaning = MEANINGS.get(name_of(op))
        args = [self.at(operand) for operand in op.operands]
        known = [arg for arg in args if arg is not None]
        if meaning is None or len(known) != len(args):
            return None
        if isinstance(op, arith.ConstantOp):
            values = dense(op.value)
            kind = shape_and_element(op.result.type)
            if values is None or kind is None or isinstance(op.value, DenseIntOrFPElementsAttr):
                return None
            return graph.broadcast(graph.constant(values, kind[1]), self.extents, ())
        made = meaning(op, known)
        return made if isinstance(made, Node) else None

    def reduced(
        self,
        value: SSAValue,
        carried: SSAValue,
        initial: Node,
        axes: Sequence[int],
        dims: tuple[int, ...],
    ) -> Node | None:
        """What a reduction yields: `carried op x`, or a sum of products."""
        op = value.owner
        if not isinstance(op, Operation) or carried not in op.operands or len(op.operands) != 2:
            return None
        kind = _BINARY.get(name_of(op))
        if kind is None or kind not in graph.REDUCTIONS:
            return None
        (other,) = [operand for operand in op.operands if operand is not carried]
        made = self._product(other, dims, initial) if kind == "add" else None
        if made is None:
            whole = self.at(other)
            if whole is None:
                return None
            made = graph.reduce(kind, whole, axes)
            kept = [i for i in range(len(self.extents)) if i not in axes]
            if sorted(dims) != kept:
                return None
            made = graph.transpose(made, [kept.index(dim) for dim in dims])
        return onto(graph.reshape(made, initial.shape), kind, initial)

    def _product(self, value: SSAValue, dims: tuple[int, ...], initial: Node) -> Node | None:
        """The sum of products of two operands, widened before they are multiplied or not."""
        op = value.owner
        if not isinstance(op, Operation) or name_of(op) not in ("arith.mulf", "arith.muli"):
            return None
        places: list[tuple[Node, tuple[int, ...]]] = []
        for operand in op.operands:
            source, kind = operand, None
            while isinstance(source, OpResult) and name_of(source.op) in _CASTS:
                kind = kind or shape_and_element(source.type)
                source = source.op.operands[0]
            if source not in self.operands:
                return None
            node, loops = self.operands[source]
            places.append((node if kind is None else graph.convert(node, kind[1]), loops))
        (a, first), (b, second) = places
        if set(dims) - {*first, *second}:
            return None
        return graph.contract(a, b, (first, second, dims), initial.element)


def reduced(op: Operation, args: list[Node], binary: Mapping[str, str]) -> Node | None:
    """A reduction whose region is one of `binary`, operations by name, and what ends it."""
    axes = integers(attribute(op, "dimensions"))
    if axes is None or len(args) != 2 or not op.regions:
        return None
    body = list(op.regions[0].block.ops)
    kind = binary.get(name_of(body[0])) if len(body) == 2 else None
    if kind is None or kind not in graph.REDUCTIONS:
        return None
    return onto(graph.reduce(kind, args[0], axes), kind, args[1])


def _reduce(op: Operation, args: list[Node]) -> Node | None:
    return reduced(op, args, _BINARY)


def _first(op: Operation, args: list[Node]) -> Node | None:
    return args[0]


def _elementwise(table: dict[str, str], make: Callable[..., Node]) -> dict[str, Meaning]:
    def meaning(kind: str) -> Meaning:
        return lambda op, args: make(kind, *args)

    return {name: meaning(kind) for name, kind in table.items()}


MEANINGS: dict[str, Meaning] = {
    **_elementwise(_BINARY, graph.binary),
    **_elementwise(_UNARY, graph.unary),
    **dict.fromkeys(_CASTS, _cast),
    "arith.constant": _constant,
    "arith.cmpi": _compare(_COMPARE_INTEGERS),
    "arith.cmpf": _compare(_COMPARE_FLOATS),
    "arith.select": lambda op, args: graph.select(*args),
    "tensor.empty": _empty,
    "tensor.expand_shape": _shaped,
    "tensor.collapse_shape": _shaped,
    "tensor.cast": _shaped,
    "tensor.reshape": _shaped,
    "tensor.extract_slice": _extract_slice,
    "tensor.concat": _concat,
    "tensor.splat": _splat,
    "linalg.generic": _generic,
    "linalg.fill": _fill,
    "linalg.copy": _first,
    "linalg.transpose": _transpose,
    "linalg.broadcast": _broadcast,
    "linalg.reduce": _reduce,
    "linalg.matmul": _product(False, False),
    "linalg.matmul_transpose_a": _product(True, False),
    "linalg.matmul_transpose_b": _product(False, True),
    "linalg.batch_matmul": _product(False, False),
    "linalg.batch_matmul_transpose_a": _product(True, False),
    "linalg.batch_matmul_transpose_b": _product(False, True),
    "linalg.softmax": _softmax,
    **{f"linalg.{kind}": _named(kind) for kind in ("add", "sub", "mul", "div", "max", "min")},
    **{f"linalg.{kind}": _named_unary(kind)
       for kind in ("exp", "log", "sqrt", "tanh", "rsqrt", "abs", "reciprocal")},
    "linalg.negf": _named_unary("neg"),
    "linalg.select": lambda op, args: graph.select(*args[:3]),
}  # fmt: skip
"""Name of an operation -> what it computes."""

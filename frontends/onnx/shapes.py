"""ONNX operators on shapes, ranges and views, as score functions use them to name places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import cast

import numpy as np
from xdsl.dialects import arith
from xdsl.ir import SSAValue

from ...dialects.fa.type_access import shape_text
from .elementwise import conversion
from .model import Array, Node
from .values import FOLD_LIMIT, Index, Tensors, Values, kind_of, own_index


def _array(tensors: Tensors, node: Node, inputs: Sequence[Values], index: int) -> Array:
    """The values of an operand that must be known."""
    array = inputs[index].array if index < len(inputs) else None
    if array is None:
        tensors.fail(f"operand {index} of {node} must be known at compile time")
    return array


def _integers(tensors: Tensors, node: Node, inputs: Sequence[Values], index: int) -> list[int]:
    return [int(value) for value in _array(tensors, node, inputs, index).ravel()]


def _attribute(tensors: Tensors, node: Node, name: str, default: int | None) -> int | None:
    value = node.attributes.get(name, default)
    if value is not None and not isinstance(value, int):
        tensors.fail(f"attribute '{name}' of {node} must be an integer")
    return value


def _identity(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    return inputs[0]


def _constant_node(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    for name, dtype in (
        ("value", None),
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        value = node.attributes.get(name)
        if isinstance(value, int | float | list | np.ndarray):
            return tensors.from_array(np.asarray(value, dtype))
    tensors.fail(f"{node} holds no number")


def _constant_of_shape(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    dims = _integers(tensors, node, inputs, 0)
    value = node.attributes.get("value")
    number = value.ravel()[0] if isinstance(value, np.ndarray) else np.float32(0)
    single = np.asarray(number)
    kind = kind_of(single.dtype)
    array = np.full(dims, number) if prod(dims) <= FOLD_LIMIT else None
    return tensors.make(dims, kind, lambda _: tensors.constant(kind, float(single)), array)


def _shape(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    start = _attribute(tensors, node, "start", 0)
    end = _attribute(tensors, node, "end", None)
    return tensors.from_array(np.asarray(inputs[0].dims[start:end], np.int64))


def _size(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    return tensors.from_array(np.asarray(prod(inputs[0].dims), np.int64))


def _gather(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source, places = (_array(tensors, node, inputs, i) for i in range(2))
    axis = _attribute(tensors, node, "axis", 0)
    try:
        return tensors.from_array(np.take(source, places, axis))
    except (IndexError, ValueError) as error:
        tensors.fail(f"{node}: {error}")


def _slice(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source = _array(tensors, node, inputs, 0)
    starts, ends = (_integers(tensors, node, inputs, i) for i in (1, 2))
    axes = _integers(tensors, node, inputs, 3) if node.input(3) else range(len(starts))
    steps = _integers(tensors, node, inputs, len(inputs) - 1) if node.input(4) else [1] * len(ends)
    parts = [slice(None)] * source.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        least = -source.shape[axis] - 1
        stop = None if step < 0 and end <= least else end
        parts[axis] = slice(start, stop, step)
    return tensors.from_array(source[tuple(parts)])


def _concat(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    arrays = [_array(tensors, node, inputs, i) for i in range(len(inputs))]
    axis = _attribute(tensors, node, "axis", 0)
    try:
        return tensors.from_array(np.concatenate(arrays, axis or 0))
    except ValueError as error:
        tensors.fail(f"{node}: {error}")


def _range(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    start, limit, step = (_array(tensors, node, inputs, i).reshape(()) for i in range(3))
    if step == 0:
        tensors.fail(f"{node} has a step of 0")
    count = max(0, int(np.ceil((limit - start) / step)))
    kind = kind_of(start.dtype)
    number = conversion("integer", kind)

    def element(index: tuple[Index, ...]) -> SSAValue:
        value = number(tensors.integer(index[0]))
        if step != 1:
            factor = tensors.constant(kind, float(step))
            made = arith.MulfOp if kind == "float" else arith.MuliOp
            value = made(value, factor).results[0]
        if start != 0:
            first = tensors.constant(kind, float(start))
            made = arith.AddfOp if kind == "float" else arith.AddiOp
            value = made(value, first).results[0]
        return value

    array = start + np.arange(count, dtype=start.dtype) * step if count <= FOLD_LIMIT else None
    return tensors.make((count,), kind, element, array)


def _view(
    tensors: Tensors,
    source: Values,
    dims: Sequence[int],
    back: Callable[[tuple[Index, ...]], Sequence[Index]],
    fold: Callable[[Array], Array],
) -> Values:
    """The same elements in other places; `back` finds the source's index."""
    array = None
    if source.array is not None and prod(dims) <= FOLD_LIMIT:
        array = fold(source.array)
    return tensors.make(dims, source.kind, lambda index: tensors.at(source, back(index)), array)


def _reshaped(tensors: Tensors, node: Node, source: Values, dims: list[int]) -> Values:
    """The same elements in row-major order under other extents."""
    if prod(dims) != prod(source.dims):
        tensors.fail(f"{node}: {shape_text(source.dims)} cannot become {shape_text(dims)}")
    old = [extent for extent in source.dims if extent != 1]
    straight = old == [extent for extent in dims if extent != 1]

    def back(index: tuple[Index, ...]) -> list[Index]:
        if straight:
            rest = [place for place, extent in zip(index, dims, strict=True) if extent != 1]
            return [None if extent == 1 else rest.pop(0) for extent in source.dims]
        position = tensors.linear(index, dims)
        found: list[Index] = []
        for axis, extent in enumerate(source.dims):
            stride = tensors.constant("integer", prod(source.dims[axis + 1 :]))
            whole = arith.FloorDivSIOp(position, stride).result
            size = tensors.constant("integer", extent)
            found.append(None if extent == 1 else arith.RemSIOp(whole, size).result)
        return found

    return _view(tensors, source, dims, back, lambda array: array.reshape(dims))


def _reshape(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    dims = _integers(tensors, node, inputs, 1)
    source = inputs[0]
    if not node.attributes.get("allowzero"):
        dims = [
            source.dims[axis] if extent == 0 and axis < len(source.dims) else extent
            for axis, extent in enumerate(dims)
        ]
    if dims.count(-1) == 1:
        others = prod(extent for extent in dims if extent != -1)
        dims[dims.index(-1)] = prod(source.dims) // others if others else 0
    return _reshaped(tensors, node, source, dims)


def _axes(tensors: Tensors, node: Node, inputs: Sequence[Values], rank: int) -> list[int]:
    """The axes of Squeeze and Unsqueeze, from 0."""
    axes = _integers(tensors, node, inputs, 1)
    if any(not -rank <= axis < rank for axis in axes):
        tensors.fail(f"{node} has axes {axes} for rank {rank}")
    return [axis % rank for axis in axes]


def _unsqueeze(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source = inputs[0]
    count = len(_integers(tensors, node, inputs, 1))
    axes = _axes(tensors, node, inputs, len(source.dims) + count)
    rest = list(source.dims)
    dims = [1 if axis in axes else rest.pop(0) for axis in range(len(source.dims) + count)]
    return _reshaped(tensors, node, source, dims)


def _squeeze(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source = inputs[0]
    if len(inputs) > 1:
        axes = _axes(tensors, node, inputs, len(source.dims))
    else:
        axes = [axis for axis, extent in enumerate(source.dims) if extent == 1]
    dims = [extent for axis, extent in enumerate(source.dims) if axis not in axes]
    return _reshaped(tensors, node, source, dims)


def _expand(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source = inputs[0]
    try:
        dims = np.broadcast_shapes(source.dims, tuple(_integers(tensors, node, inputs, 1)))
    except ValueError as error:
        tensors.fail(f"{node}: {error}")
    return _view(
        tensors,
        source,
        dims,
        lambda index: own_index(source.dims, index),
        lambda array: np.broadcast_to(array, dims),
    )


def _transpose(tensors: Tensors, node: Node, inputs: Sequence[Values]) -> Values:
    source = inputs[0]
    rank = len(source.dims)
    given = node.attributes.get("perm")
    order = [int(axis) for axis in cast("list[int]", given or list(reversed(range(rank))))]
    if sorted(order) != list(range(rank)):
        tensors.fail(f"{node} has the permutation {order} for rank {rank}")
    return _view(
        tensors,
        source,
        [source.dims[axis] for axis in order],
        lambda index: [index[order.index(axis)] for axis in range(rank)],
        lambda array: np.transpose(array, order),
    )


STRUCTURAL: dict[str, Callable[[Tensors, Node, Sequence[Values]], Values]] = {
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

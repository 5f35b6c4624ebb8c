"""Tensors of a score or probability function: elements as operations, values where known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerAttr, f32, i1
from xdsl.ir import SSAValue

from .model import Array

Kind: TypeAlias = Literal["float", "integer", "boolean"]

Index: TypeAlias = SSAValue | None
"""An index along one dimension; None for the only one of a dimension of extent 1."""

Fail = Callable[[str], NoReturn]

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


class Tensors:
    """Makes tensors; operations go where the builder around it stands."""

    def __init__(self, fail: Fail):
        self.fail = fail
        self.constants: dict[tuple[Kind, float], SSAValue] = {}

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
            self.constants[key] = constant(kind, value)
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
        kind = kind_of(array.dtype)

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


def own_index(dims: Sequence[int], index: Sequence[Index]) -> tuple[Index, ...]:
    """The index into a tensor that broadcasts, from one into the result."""
    tail = index[len(index) - len(dims) :]
    return tuple(None if extent == 1 else place for place, extent in zip(tail, dims, strict=True))


def kind_of(dtype: np.dtype[Any]) -> Kind:
    if dtype.kind == "b":
        return "boolean"
    return "integer" if dtype.kind in "iu" else "float"


def constant(kind: Kind, value: float) -> SSAValue:
    if kind == "float":
        return arith.ConstantOp(FloatAttr(value, f32)).result
    if kind == "integer":
        return arith.ConstantOp(IntegerAttr(int(value), IndexType())).result
    return arith.ConstantOp(IntegerAttr(int(bool(value)), i1)).result

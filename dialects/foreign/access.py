"""Reading attributes of operations, registered or not, in the forms that printers give them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    UnregisteredAttr,
    UnregisteredOp,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.hints import isa

from .graph import AnyArray, Node, array_of, rounded, shape_and_element

Meaning = Callable[[Operation, list[Node]], "list[Node] | Node | None"]
"""What an operation with known operands computes, a node for each result; None if that is not
known."""


def name_of(op: Operation) -> str:
    """The name of an operation, of an unregistered one too."""
    return op.op_name.data if isinstance(op, UnregisteredOp) else op.name


def attribute(op: Operation, name: str) -> Attribute | None:
    """An attribute or property."""
    found = op.properties.get(name)
    return op.attributes.get(name) if found is None else found


def integers(attr: Attribute | None) -> tuple[int, ...] | None:
    """A list of integers, in any of the forms of one."""
    if isinstance(attr, DenseArrayBase):
        return tuple(int(i) for i in attr.get_values())
    if isinstance(attr, DenseIntOrFPElementsAttr):
        return tuple(int(i) for i in attr.get_values())
    if isa(attr, ArrayAttr[Attribute]):
        found = [integer(each) for each in attr]
        return None if None in found else tuple(each for each in found if each is not None)
    return None


def integer(attr: Attribute | None) -> int | None:
    """An integer."""
    return attr.value.data if isinstance(attr, IntegerAttr) else None


def number(attr: Attribute | None) -> float | None:
    """A number."""
    return float(attr.value.data) if isinstance(attr, IntegerAttr | FloatAttr) else None


def flag(attr: Attribute | None) -> bool:
    """A boolean that is false where it is not there."""
    return isinstance(attr, IntegerAttr) and bool(attr.value.data)


def text(attr: Attribute | None) -> str:
    """What an attribute says, one of an unregistered dialect in its own words."""
    if isinstance(attr, StringAttr):
        return attr.data
    if isinstance(attr, UnregisteredAttr):
        return attr.value.data
    return "" if attr is None else str(attr)


def field(words: str, name: str) -> tuple[int, ...] | None:
    """The list of integers that an attribute of words says of a name."""
    found = re.search(rf"\b{name}\s*=\s*\[([-0-9, ]*)\]", words)
    return None if found is None else tuple(int(i) for i in found[1].split(",") if i.strip())


def dense(attr: Attribute | None) -> AnyArray | None:
    """The elements of a constant, in its shape."""
    if isinstance(attr, DenseResourceAttr):
        return None
    if isa(attr, IntegerAttr | FloatAttr):
        return rounded(np.asarray(attr.value.data), attr.type)
    if not isa(attr, DenseIntOrFPElementsAttr):
        return None
    described = shape_and_element(attr.type)
    if described is None:
        return None
    shape, element = described
    from ..interpreters.dense_constants import dense_array

    values = dense_array(attr)
    kind = array_of(element)
    if kind.kind == "i" and values.dtype.kind == "u":
        values = values.view(kind) if values.dtype.itemsize == kind.itemsize else values
    return values.astype(kind).reshape(shape)

"""Attributes that passes leave on operations for later ones, verified wherever they come from.

Their names begin with a dialect's prefix, and each dialect has a table of its own: which operations
may bear an attribute, and what it must be (`fa/discardable_attrs.py` and its neighbours). xDSL has
no hook for them in its verifier: `frontends.mlir.verify_module` calls `verify_attributes` for each
operation. Passes get attributes from `attribute_of`, which checks them too, for tools that do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from xdsl.dialects.builtin import IntegerAttr, StringAttr, UnitAttr, UnregisteredOp
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

from ..diagnostics import OpError

Check = Callable[[str, Attribute, Operation], None]
"""Raises VerifyException where the attribute of that name is not what it must be on an operation
that may bear it."""


@dataclass(frozen=True)
class DiscardableAttr:
    """An attribute: the names of the operations that may bear it, and what checks it.

    A name that ends with a dot is a dialect: any of its operations.
    """

    bearers: tuple[str, ...]
    check: Check

    def belongs_to(self, op_name: str) -> bool:
        """Whether operations of that name may bear it."""
        return any(
            op_name.startswith(bearer) if bearer.endswith(".") else op_name == bearer
            for bearer in self.bearers
        )


Table = Mapping[str, DiscardableAttr]


@cache
def table_of(dialect: str) -> Table | None:
    """The attributes whose names begin with a dialect's; None for a dialect of somebody else."""
    match dialect:
        case "fa":
            from .fa.discardable_attrs import ATTRIBUTES
        case "mx":
            from .mx.discardable_attrs import ATTRIBUTES
        case "plena":
            from .plena.discardable_attrs import ATTRIBUTES
        case _:
            return None
    return ATTRIBUTES


def verify_attributes(op: Operation) -> None:
    """Check the attributes of an operation that belong to these dialects.

    Raises VerifyException for one that does not exist, that another operation bears, or that is not
    what it must be.
    """
    for name, attribute in op.attributes.items():
        _verify(name, attribute, op)


def attribute_of(op: Operation, name: str) -> Attribute | None:
    """The attribute of that name, checked; None where there is none. Raises OpError."""
    attribute = op.attributes.get(name)
    if attribute is not None:
        try:
            _verify(name, attribute, op)
        except VerifyException as error:
            raise OpError(op, str(error)) from None
    return attribute


def _verify(name: str, attribute: Attribute, op: Operation) -> None:
    dialect, dot, _ = name.partition(".")
    table = table_of(dialect) if dot else None
    if table is None:
        return
    known = table.get(name)
    if known is None:
        raise VerifyException(f"unknown attribute {name}; there are {', '.join(table)}")
    op_name = op.op_name.data if isinstance(op, UnregisteredOp) else op.name
    if not known.belongs_to(op_name):
        where = " and ".join(f"{b}*" if b.endswith(".") else b for b in known.bearers)
        raise VerifyException(f"{name} is an attribute of {where}, not of {op_name}")
    known.check(name, attribute, op)


def unit(name: str, attribute: Attribute, op: Operation) -> None:
    """Check an attribute that says all by being there."""
    if not isinstance(attribute, UnitAttr):
        raise VerifyException(f"{name} takes no value, got {attribute}")


def text(name: str, attribute: Attribute, op: Operation) -> None:
    """Check an attribute that is some text."""
    if not isinstance(attribute, StringAttr):
        raise VerifyException(f"{name} must be a string, got {attribute}")


def integer(least: int) -> Check:
    """The check of an attribute that is an integer of at least `least`."""

    def check(name: str, attribute: Attribute, op: Operation) -> None:
        if not isinstance(attribute, IntegerAttr) or attribute.value.data < least:
            raise VerifyException(f"{name} must be an integer of at least {least}, got {attribute}")

    return check

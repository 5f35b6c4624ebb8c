"""Attributes that the back end leaves on kernels, and remarks on instructions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...machine.host.layout import Layout, LayoutError
from ..discardable_attrs import DiscardableAttr, Table, integer, text
from ..json_attr import decode

LAYOUT = "plena.layout"
"""The attribute of a kernel with what the host must know of it, the manifest `layout.json`."""

INT_MEM_USED = "plena.int_mem_used"
"""The attribute of a kernel with the entries of INT_MEM that hold constants, 0 without it; spill
slots come after them."""

NOT_CLEANED_UP = "plena.not_cleaned_up"
"""The attribute of a kernel that says why it is as it was emitted, where clean-up was asked for."""

UNROLLED_LOOPS = "plena.unrolled_loops"
"""The attribute of a kernel with the loops that are gone because one iteration of theirs executes
more than the machine allows: their `iterations`, and `instructions` in one."""

COMMENT = "plena.comment"
"""The attribute of an instruction or a loop with a remark, which is printed beside it."""


def layout_from(attribute: Attribute) -> Layout:
    """The layout that an attribute is. Raises VerifyException where it is none."""
    if not isinstance(attribute, DictionaryAttr):
        raise VerifyException(f"{LAYOUT} must be a dictionary, got {attribute}")
    try:
        return Layout.from_json(cast("Mapping[str, Any]", decode(attribute)))
    except (LayoutError, TypeError) as error:
        raise VerifyException(f"{LAYOUT}: {error}") from None


def _check_layout(name: str, attribute: Attribute, op: Operation) -> None:
    layout_from(attribute)


def _check_unrolled(name: str, attribute: Attribute, op: Operation) -> None:
    if not isa(attribute, ArrayAttr[Attribute]):
        raise VerifyException(f"{name} must be a list of loops, got {attribute}")
    for entry in attribute:
        if not isinstance(entry, DictionaryAttr) or set(entry.data) != {
            "iterations",
            "instructions",
        }:
            raise VerifyException(
                f"an entry of {name} has iterations and instructions, got {entry}"
            )
        for number, value in entry.data.items():
            integer(1)(f"{name}: {number}", value, op)


_KERNEL = ("plena.kernel",)

ATTRIBUTES: Table = {
    LAYOUT: DiscardableAttr(_KERNEL, _check_layout),
    INT_MEM_USED: DiscardableAttr(_KERNEL, integer(0)),
    NOT_CLEANED_UP: DiscardableAttr(_KERNEL, text),
    UNROLLED_LOOPS: DiscardableAttr(_KERNEL, _check_unrolled),
    COMMENT: DiscardableAttr(("plena.",), text),
}
"""Attribute name -> who may bear it, and what it must be."""

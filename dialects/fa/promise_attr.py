"""What data must be like, written at the function when attention is tiled.

`fa.promises` on a function is a list with a dictionary for each attention that does without a
maximum: its bound, and how the host makes queries, keys and values (`machine/host/promises.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...machine.host.promises import Promise
from ..discardable_attrs import attribute_of
from ..json_attr import decode

KEY = "fa.promises"


def promises_of(function: Operation) -> tuple[Promise, ...]:
    """The promises of a function; none where it names none. Raises OpError."""
    attribute = attribute_of(function, KEY)
    return () if attribute is None else promises_from(attribute)


def promises_from(attribute: Attribute) -> tuple[Promise, ...]:
    """The promises of an attribute. Raises VerifyException where it is no list of them."""
    if not isa(attribute, ArrayAttr[Attribute]):
        raise VerifyException(f"{KEY} must be a list of promises, got {attribute}")
    found: list[Promise] = []
    for entry in attribute:
        try:
            value = decode(entry)
            if not isinstance(value, Mapping):
                raise ValueError(f"a promise is a dictionary, not {entry}")
            found.append(Promise.from_json(value))
        except (TypeError, ValueError) as error:
            raise VerifyException(f"{KEY}: {error}") from None
    return tuple(found)

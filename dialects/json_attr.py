"""JSON values as attributes and back: numbers, strings, booleans, lists and dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    BoolAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    f64,
    i1,
    i64,
)
from xdsl.ir import Attribute

Json: TypeAlias = "int | float | str | bool | Sequence[Json] | Mapping[str, Json]"


def encode(value: object) -> Attribute:
    """A JSON value as an attribute; raises TypeError for anything else."""
    match value:
        case bool():
            return BoolAttr.from_bool(value)
        case int():
            return IntegerAttr(value, i64)
        case float():
            return FloatAttr(value, f64)
        case str():
            return StringAttr(value)
        case Mapping():
            items = cast("Mapping[str, object]", value)
            return DictionaryAttr({key: encode(item) for key, item in items.items()})
        case list() | tuple():
            return ArrayAttr([encode(item) for item in cast("Sequence[object]", value)])
        case _:
            raise TypeError(f"not a JSON value: {value!r}")


def decode(attribute: Attribute) -> Json:
    """The JSON value of an attribute; raises TypeError where it is none."""
    match attribute:
        case IntegerAttr():
            value = attribute.value.data
            return bool(value) if attribute.type == i1 else value
        case FloatAttr():
            return attribute.value.data
        case StringAttr():
            return attribute.data
        case DictionaryAttr():
            return {key: decode(item) for key, item in attribute.data.items()}
        case ArrayAttr():
            return [decode(item) for item in attribute.data]
        case _:
            raise TypeError(f"not a JSON value: {attribute}")

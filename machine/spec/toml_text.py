"""Nested dictionaries as TOML text, for settings files. The standard library only reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def toml_text(table: Mapping[str, object]) -> str:
    """The TOML document of a table of tables, in the order of its keys.

    Values are what `tomllib` gives but dates: booleans, integers, floats, strings, lists of values
    and tables. Raises TypeError for anything else.
    """
    return "\n".join(_table(table, ())).lstrip("\n") + "\n"


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if path and (values or not table):
        yield ""
        yield f"[{'.'.join(map(_key, path))}]"
    for key, value in values.items():
        yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _table(cast("Mapping[str, object]", value), (*path, key))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    escaped = (
        _ESCAPED.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text
    )
    return f'"{"".join(escaped)}"'


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case list():
            return f"[{', '.join(_value(item) for item in cast('list[object]', value))}]"
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return f"{{{', '.join(f'{_key(key)} = {_value(item)}' for key, item in items)}}}"
        case _:
            raise TypeError(f"not a TOML value: {value!r}")

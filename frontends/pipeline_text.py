"""Pass pipelines as text: `tile,fuse{order=kv-outer},cse`, and `--tile="rows=64 cols=64"`.

One grammar for both: a name, and options as `key=value` separated by white space, where a value is
a comma-separated list, `-` in a key is `_`, a key alone means true (or an empty optional), and
quotes keep anything together. The types of the options decide how a value is read, so `2` is taken
for a float and a path needs no quotes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, ArgSpecConvertible, parse_spec
from xdsl.utils.exceptions import ArgSpecParseError

from ..diagnostics import CompileError
from ..universe import PASSES

Factories = Mapping[str, Callable[[], type[ModulePass]]]
"""Pass name -> a function that imports the pass's class."""

ConvertibleT = TypeVar("ConvertibleT", bound=ArgSpecConvertible)

Scalar = str | int | bool | float


@dataclasses.dataclass(frozen=True)
class PassText:
    """One element of a pipeline: a name, and the text of its options."""

    name: str
    options: str = ""

    def __str__(self) -> str:
        return f"{self.name}{{{self.options}}}" if self.options else self.name


_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_QUOTED = r'"(?:\\.|[^"\\])*"' + r"|'[^']*'"
_OPTIONS = re.compile(rf"\{{((?:{_QUOTED}|[^{{}}\"'])*)\}}")
_OPTION = re.compile(rf"((?:{_QUOTED}|[^\s\"'])+)")
_VALUE = re.compile(rf"((?:{_QUOTED}|[^,\"'])*)(,|$)")


def split_pipeline(text: str) -> list[PassText]:
    """The elements of the pipeline `text`.

    Raises CompileError, with the position in the text, where it is malformed.
    """
    elements: list[PassText] = []
    pos = _skip_space(text, 0)
    while pos < len(text):
        name = _NAME.match(text, pos)
        if name is None:
            raise _malformed(text, pos, "a pass name")
        pos = name.end()
        options = ""
        if text.startswith("{", pos):
            body = _OPTIONS.match(text, pos)
            if body is None:
                raise _malformed(text, pos, "options closed by '}'")
            options = body[1].strip()
            pos = body.end()
        elif name[0] == "mlir-opt" and text.startswith("[", pos) and "]" in text[pos:]:
            end = text.index("]", pos) + 1
            options, pos = text[pos:end], end
        elements.append(PassText(name[0], options))
        pos = _skip_space(text, pos)
        if pos == len(text):
            break
        if text[pos] != ",":
            raise _malformed(text, pos, "',' or '{options}'")
        pos = _skip_space(text, pos + 1)
        if pos == len(text):
            raise _malformed(text, pos, "a pass name")
    return elements


def anchored(text: str) -> str:
    """The pipeline in MLIR's `builtin.module(...)`. Raises CompileError where it is none."""
    found = re.fullmatch(r"\s*builtin\.module\s*\((.*)\)\s*", text, re.DOTALL)
    if found is None:
        raise CompileError(
            f"pass pipeline '{text}': passes run on the module; write builtin.module(PASS,...)"
        )
    if nested := re.match(r"\s*([a-z_]+\.[a-z_]+)\s*\(", found[1]):
        raise CompileError(
            f"pass pipeline '{text}': passes run on the module, none on a {nested[1]}"
        )
    return found[1]


def join_pipeline(elements: Iterable[PassText]) -> str:
    """The text that `split_pipeline` reads back as `elements`."""
    return ",".join(map(str, elements))


def _skip_space(text: str, pos: int) -> int:
    while pos < len(text) and text[pos].isspace():
        pos += 1
    return pos


def _malformed(text: str, pos: int, expected: str) -> CompileError:
    found = f"'{text[pos:]}'" if pos < len(text) else "its end"
    return CompileError(f"pass pipeline '{text}': expected {expected} before {found}")


def build_passes(text: str, available: Factories) -> tuple[ModulePass, ...]:
    """The passes that the pipeline `text` names, with their options.

    Raises CompileError for an unknown pass or option and for a value of the wrong type, naming what
    would be right.
    """
    elements = split_pipeline(text)
    for element in elements:
        if element.name not in available:
            raise CompileError(unknown_pass(element.name, available))
    return tuple(_build_pass(element, available[element.name]()) for element in elements)


def _build_pass(element: PassText, cls: type[ModulePass]) -> ModulePass:
    if element.options.startswith("["):  # `mlir-opt[...]`, which only xDSL's own parser reads
        try:
            return cls.from_spec(parse_spec(element.name + element.options))
        except ArgSpecParseError:
            raise CompileError(f"malformed pass '{element.name}{element.options}'") from None
    return build(cls, element, "pass")


def unknown_pass(name: str, available: Factories) -> str:
    """The message for a pass that does not exist: what is close, and what this compiler has."""
    close = get_close_matches(name, available, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ";"
    return (
        f"unknown pass '{name}'{hint} the compiler's passes are {', '.join(PASSES)}; "
        "fa-opt --help lists xDSL's"
    )


def build(cls: type[ConvertibleT], element: PassText, kind: str) -> ConvertibleT:
    """An instance of the pass or target class `cls` with the options written in `element`.

    `kind` is what messages call it. Raises CompileError.
    """
    hints = get_type_hints(cls)
    fields = {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init and f.name != "name"}
    what = f"{kind} '{element.name}'"
    parameters: dict[str, tuple[Scalar, ...]] = {}
    for key, values in _split_options(element.options, what):
        field = key.replace("-", "_")
        if field not in fields:
            known = ", ".join(name.replace("_", "-") for name in fields)
            takes = f"its options are {known}" if known else "it takes none"
            raise CompileError(f"{what} has no option '{key}'; {takes}")
        if field in parameters:
            raise CompileError(f"{what}: option '{key}' is given twice")
        converted = _convert(values, fields[field])
        if converted is None:
            given = f"'{','.join(values)}'" if values else "nothing"
            raise CompileError(
                f"{what}: option '{key}' takes {describe(fields[field])}, not {given}"
            )
        parameters[field] = converted
    missing = sorted(cls.required_fields() - set(parameters))
    if missing:
        raise CompileError(f"{what} needs the option '{missing[0].replace('_', '-')}'")
    try:
        return cls.from_spec(ArgSpec(cls.name, dict(parameters)))
    except CompileError:
        raise
    except ValueError as error:
        raise CompileError(f"{what}: {error}") from error


def _split_options(text: str, what: str) -> list[tuple[str, list[str]]]:
    """`a=1,2 b` as [("a", ["1", "2"]), ("b", [])]."""
    result: list[tuple[str, list[str]]] = []
    pos = _skip_space(text, 0)
    while pos < len(text):
        option = _OPTION.match(text, pos)
        if option is None:
            raise CompileError(f"{what}: unclosed quote in options '{text}'")
        pos = _skip_space(text, option.end())
        key, equals, value = option[1].partition("=")
        if not key:
            raise CompileError(f"{what}: expected key=value in options '{text}'")
        result.append((key, _split_values(value) if equals else []))
    return result


def _split_values(text: str) -> list[str]:
    values: list[str] = []
    pos = 0
    while True:
        match = _VALUE.match(text, pos)
        assert match is not None, "every value ends at a comma or at the end of the text"
        values.append(_unquote(match[1]))
        if not match[2]:
            return values
        pos = match.end()


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1]
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _convert(values: list[str], hint: object) -> tuple[Scalar, ...] | None:
    """`values` as xDSL's option parameters for a field of type `hint`; None if they do not fit."""
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not values:
        return (True,) if bool in alternatives else None
    # A string takes anything, so it is tried last.
    for alternative in sorted(alternatives, key=lambda a: a is str):
        if get_origin(alternative) is tuple:
            items = get_args(alternative)
            homogeneous = len(items) == 2 and items[1] is Ellipsis
            types = [items[0]] * len(values) if homogeneous else list(items)
            if len(types) != len(values):
                continue
            scalars = [_scalar(v, t) for v, t in zip(values, types, strict=True)]
        elif len(values) == 1:
            scalars = [_scalar(values[0], alternative)]
        else:
            continue
        if None not in scalars:
            return cast(tuple[Scalar, ...], tuple(scalars))
    return None


def _scalar(text: str, hint: object) -> Scalar | None:
    """`text` as one value of type `hint`; None if it is none."""
    if get_origin(hint) in (Union, UnionType):
        found = (_scalar(text, h) for h in sorted(get_args(hint), key=lambda a: a is str))
        return next((value for value in found if value is not None), None)
    if get_origin(hint) is Literal:
        return next((cast(Scalar, v) for v in get_args(hint) if str(v) == text), None)
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower())
    if hint is int:
        return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else None
    if hint is float:
        try:
            return float(text)
        except ValueError:
            return None
    return text if hint is str else None


def describe(hint: object) -> str:
    """What a field of type `hint` takes, in words."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(describe(h) for h in get_args(hint) if h is not NoneType)
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(str(v) for v in get_args(hint))
    if get_origin(hint) is tuple:
        items = get_args(hint)
        if len(items) == 2 and items[1] is Ellipsis:
            return f"a comma-separated list, each {describe(items[0])}"
        return ", ".join(describe(h) for h in items) + " separated by commas"
    words = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    return words.get(cast(type, hint), str(hint))

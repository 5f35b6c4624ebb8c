"""Writes `docs/passes.md` from the passes, their docstrings and examples that it runs.

python docs/reference/passes_page.py            write the page
python docs/reference/passes_page.py --check    exit with status 1 unless the page is as it is
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from fa.diagnostics import CompileError, OpError
from fa.frontends.mlir import everything, parse_module, verify_module
from fa.passes import pipelines
from fa.passes.pipelines import PassEntry
from fa.passes.runner import built
from fa.universe import pass_class
from text import (
    attribute_docs,
    block,
    first_line,
    parse_file,
    printed,
    prose,
    source_link,
    table,
    write_or_check,
)
from xdsl.context import Context
from xdsl.passes import ModulePass

EXAMPLES = Path(__file__).resolve().parent / "passes"

COMMON = {
    "machine": (
        "A preset or the path of a settings file. Without it the machine that the module names "
        "(`fa.machine`), else plena-64."
    ),
}
"""Options that mean the same wherever they are."""

HEAD = """\
# Passes

Generated from `passes/pipelines.py`, the passes and the examples in `docs/reference/passes`, which
are run, by `python docs/reference/passes_page.py`; do not edit. The attributes `plena.layout`
and `fa.mask_tiles`, and those of modules, are left out of the examples. The words are in the
[glossary](glossary.md), the operations in [dialects.md](dialects.md).

In `fa-opt` and `fa-compile` each pass is a flag (`--tile="q-tile=64 kv-tile=128"`) and an element
of `-p` (`-p 'tile{q-tile=64 kv-tile=128},fuse'`); in `xdsl-opt` its name has the prefix `fa-`.

## Pipelines

Passes run in the order written. What a pass requires and nobody has written is inserted in front of
it, where it belongs; inserted passes are verified, timed and printed like written ones, and take
`machine` and `boundary` from the pass that they are inserted for. Nothing is ever reordered: a pass
that is written too late is an error.

The one order, of which a pipeline may leave out what nothing in it requires:

"""

INSERTED = (
    "tile,fuse,quantize",
    "tile,fuse,map,lower-to-isa",
    "map,tile",
    "fa-to-plena",
)
"""Pipelines of which the page shows what runs."""

WRONG = ("tile,map,fuse", "fuse,tile", "tile,quantize,map")
"""Pipelines of which the page shows what is said."""

ATTENTION = """\
func.func @f(%q: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %o = fa.attention %q, %q, %q
      : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>
      -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}
"""


def page() -> str:
    """The text of the page."""
    shown: set[str] = set()
    parts = [HEAD, *_pipelines(), "## Index\n\n", _index()]
    parts += [part for entry in pipelines.PASSES for part in _pass(entry, shown)]
    return "".join(parts).rstrip() + "\n"


def _pipelines() -> Iterator[str]:
    """What there is to say about orders."""
    single = [entry.name for entry in pipelines.PASSES if entry.name not in pipelines.GROUPS]
    yield block(",\n".join(single), "text")
    yield (
        "\nGroups are names that stand for many passes, those that the module has behind it left "
        "out:\n\n"
    )
    for name, first in pipelines.GROUPS.items():
        before = ", ".join(f"`{each}`" for each in first)
        yield f"- `{name}`: {before + ', then ' if before else ''}`emit-instructions` with what "
        yield "it requires, clean-up, registers.\n"
    yield '\nClean-up, which `--lower-to-isa="clean-up=false"` leaves out:\n\n'
    yield block(",\n".join(pipelines.CLEAN_UP), "text")
    yield "\nRegisters:\n\n" + block(",\n".join(pipelines.REGISTERS), "text")
    yield "\nWhat runs for what is written; inserted passes are marked +:\n\n"
    rows: list[tuple[str, str]] = []
    for written in INSERTED:
        clean = written != "fa-to-plena" and "lower-to-isa" not in written
        steps = pipelines.complete(written.split(","), clean_up=clean)
        ran = ", ".join(f"+{step.name}" if step.inserted else step.name for step in steps)
        rows.append((f"`{written}`", ran + ("" if clean else " (clean-up not shown)")))
    yield table(("written", "runs"), rows)
    yield "\nA pass that comes too late:\n\n"
    for written in WRONG:
        yield block(f"$ fa-opt -p {written} attention.mlir\n{_refusal(written)}", "text")
    yield (
        "\nA kernel that has not registers enough once it is cleaned up is allocated as it was "
        "emitted; its attribute `plena.not_cleaned_up` says why. `fa-opt --time-passes` and "
        "`--print-between-passes` show every pass that runs.\n\n"
    )


def _refusal(written: str) -> str:
    """The error that a wrong order is."""
    from fa.frontends.mlir import apply_passes

    module = parse_module(ATTENTION, "attention.mlir")
    passes = [built(name) for name in written.split(",")]
    try:
        apply_passes(_context(), module, passes)
    except CompileError as error:
        return error.text("fa-opt")
    raise AssertionError(f"{written} is no wrong order")


def _index() -> str:
    rows = [
        (
            f"[`{entry.name}`](#{entry.name})",
            first_line(_class(entry).__doc__),
            _names(entry.requires),
            _names([entry.until] if entry.until else []),
        )
        for entry in pipelines.PASSES
    ]
    return table(("pass", "what it does", "requires", "comes before"), rows) + "\n"


def _names(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in names)


def _class(entry: PassEntry) -> type[ModulePass]:
    return pass_class(entry.name, entry.name)


def _pass(entry: PassEntry, shown: set[str]) -> Iterator[str]:
    """The section of a pass; `shown` are modules whose docstring the page has already."""
    cls = _class(entry)
    yield f"## {entry.name}\n\n"
    home = entry.home.partition(":")[0]
    text = prose(import_module(home).__doc__)
    named = rf"^`{entry.name}`: (.)"
    # A summary is enough where the module is about this pass and its class has no more to say.
    if not re.match(named, text) or "\n" in prose(cls.__doc__):
        yield f"{prose(cls.__doc__)}\n\n"
    if home not in shown:
        shown.add(home)
        yield re.sub(named, lambda found: found[1].upper(), text) + "\n\n"
    yield f"Source: {source_link(cls)}. Gives: {entry.provides}."
    if entry.requires:
        yield f" Requires {_names(entry.requires)}."
    if entry.until:
        yield f" Comes before {_names([entry.until])}."
    if entry.waits_for:
        yield f" Before {_names([entry.waits_for])} it records what is wanted, and runs behind it."
    yield "\n\n"
    yield from _options(cls)
    yield from _example(entry.name)


def _options(cls: type[ModulePass]) -> Iterator[str]:
    """The options of a pass as a table."""
    docs = attribute_docs(cls)
    rows: list[tuple[str, str, str, str]] = []
    for field in dataclasses.fields(cls):
        meaning = docs.get(field.name) or COMMON.get(field.name)
        if meaning is None:
            raise SystemExit(f"{cls.__name__}.{field.name} has no docstring under it")
        default = "" if field.default is None else f"`{str(field.default).lower()}`"
        rows.append((f"`{field.name.replace('_', '-')}`", _type(cls, field.name), default, meaning))
    if rows:
        yield table(("option", "type", "default", "meaning"), rows) + "\n"


def _type(cls: type[ModulePass], name: str) -> str:
    """The type of an option in words."""
    from typing import Literal, get_args, get_origin, get_type_hints

    hint = get_type_hints(cls)[name]
    if get_origin(hint) is not Literal and type(None) in get_args(hint):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hint))
    words = {str: "text", int: "integer", bool: "`true`, `false`"}
    return words[hint]


def _example(name: str) -> Iterator[str]:
    """What a pass makes of its example: it runs alone, on what is written by hand."""
    path = EXAMPLES / f"{name}.mlir"
    if not path.exists():
        if name not in pipelines.GROUPS:
            raise SystemExit(f"the pass {name} has no example {path}")
        return
    head, _, rest = path.read_text("utf-8").partition("\n")
    given = head.removeprefix("// ") if head.startswith("// ") else name
    before = rest if head.startswith("// ") else path.read_text("utf-8")
    module = parse_file(path)
    unchanged = printed(module)
    label = f" of `{given}`" if given != name else ""
    yield f"Example{label}, before:\n\n{block(before)}\n"
    try:
        built(given).apply(_context(), module)
    except OpError as error:
        yield f"It is refused:\n\n{block(str(error), 'text')}\n"
        return
    verify_module(module)
    if printed(module) == unchanged:
        raise SystemExit(f"{name} changes nothing in {path}")
    yield f"After:\n\n{block(printed(module))}\n"


def _context() -> Context:
    context = Context()
    for name, factory in everything().all_dialects.items():
        context.register_dialect(name, factory)
    return context


if __name__ == "__main__":
    sys.exit(write_or_check("passes.md", page, "passes_page.py"))

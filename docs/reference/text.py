"""What the generated pages share: docstrings as Markdown, MLIR as text, writing and checking."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from types import ModuleType

from fa.frontends.mlir import make_context, parse_module
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.printer import Printer

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

LEFT_OUT = ("plena.layout", "fa.mask_tiles")
"""Attributes that are left out of examples: they are longer than the rest, or name files."""


def write_or_check(
    page: str, make: Callable[[], str], module: str, arguments: Sequence[str] | None = None
) -> int:
    """The command of a generator: write `docs/PAGE`, or with `--check` compare; the exit status."""
    parser = argparse.ArgumentParser(prog=module, description=f"Write docs/{page}.")
    parser.add_argument("--check", action="store_true", help="only compare with the page")
    check: bool = parser.parse_args(arguments).check
    path, text = DOCS / page, make()
    if not check:
        path.write_text(text, "utf-8")
        return 0
    if path.exists() and path.read_text("utf-8") == text:
        return 0
    print(
        f"docs/{page}: not what the code gives; run python docs/reference/{module}", file=sys.stderr
    )
    return 1


def prose(doc: str | None) -> str:
    """A docstring as Markdown: its own lines, code blocks indented by four."""
    return inspect.cleandoc(doc or "").strip()


def first_line(doc: str | None) -> str:
    """The summary of a docstring."""
    return prose(doc).partition("\n\n")[0].replace("\n", " ")


def block(text: str, language: str = "mlir") -> str:
    """`text` as a fenced block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def cell(text: str) -> str:
    """`text` inside a table cell."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells are texts of any kind."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def source_file(thing: type) -> str:
    """The file of a class, from the root of the tree."""
    return Path(inspect.getfile(thing)).resolve().relative_to(ROOT).as_posix()


def source_link(thing: type) -> str:
    """A link from a page in docs/ to the file of a class."""
    name = source_file(thing)
    return f"[`{name}`](../{name})"


def attribute_docs(cls: type) -> dict[str, str]:
    """Field name -> the docstring that stands under it in the class."""
    (definition,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = prose(below.value.value)
    return found


def constant_docs(module: ModuleType) -> dict[str, str]:
    """Value of a constant that is a text -> the docstring under it, else the module's summary."""
    found: dict[str, str] = {}
    body = ast.parse(inspect.getsource(module)).body
    for line, below in zip(body, [*body[1:], None], strict=True):
        match line:
            case ast.Assign(value=ast.Constant(value=str(value))):
                pass
            case _:
                continue
        match below:
            case ast.Expr(value=ast.Constant(value=str(doc))):
                found[value] = prose(doc)
            case _:
                found.setdefault(value, first_line(module.__doc__))
    return found


def parse_file(path: Path) -> ModuleOp:
    """The verified module of an example, which may have operations of other dialects."""
    context = make_context(allow_unregistered=True)
    name = path.relative_to(ROOT).as_posix()
    return parse_module(path.read_text("utf-8"), name, context=context)


LONG_CONSTANT = re.compile(r'(dense<"0x[0-9A-F]{16})[0-9A-F]{64,}')
"""Bytes of a constant that nobody reads."""


def printed(op: Operation) -> str:
    """An operation as text. Of a module what it holds, without what makes kernels unreadable."""
    ops = list(op.ops) if isinstance(op, ModuleOp) else [op]
    output = StringIO()
    printer = Printer(stream=output)
    for each in ops:
        for name in LEFT_OUT:
            each.attributes.pop(name, None)
        printer.print_op(each)
        printer.print_string("\n")
    return LONG_CONSTANT.sub(r"\1...", output.getvalue()).rstrip()

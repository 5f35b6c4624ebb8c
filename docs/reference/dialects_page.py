"""Writes `docs/dialects.md` from the operations, types and attributes and their docstrings.

python docs/reference/dialects_page.py            write the page
python docs/reference/dialects_page.py --check    exit with status 1 unless the page is as it is
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from fa.dialects.discardable_attrs import table_of
from fa.dialects.fa.tile_memory import TileOp
from fa.dialects.plena import BankType, Instruction
from fa.frontends.mlir import parse_attribute
from fa.universe import FA_UNIVERSE
from text import (
    block,
    constant_docs,
    parse_file,
    printed,
    prose,
    source_link,
    table,
    write_or_check,
)
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Dialect, Operation, TypeAttribute
from xdsl.irdl import (
    AnyAttr,
    AnyOf,
    BaseAttr,
    EqAttrConstraint,
    IRDLOperation,
    OptionalDef,
    ParamAttrConstraint,
    VariadicDef,
)

EXAMPLES = Path(__file__).resolve().parent / "dialects"

SEGMENTS = re.compile(r"(operand|result|region)SegmentSizes")
"""Properties that only say which optional operands there are; the syntax has no need of them."""

SHARED = (
    "fa.dialects.machine_attr",
    "fa.dialects.target_attr",
    "fa.dialects.fa.problem_attr",
    "fa.dialects.fa.promise_attr",
    "fa.dialects.fa.launch",
)
"""Modules that are about an attribute of the `fa` dialect each."""

HEAD = """\
# Dialects

Generated from the operations of `dialects/`, their docstrings and the examples in
`docs/reference/dialects`, which are parsed and printed, by
`python docs/reference/dialects_page.py`; do not edit. The words are in the
[glossary](glossary.md), the passes in [passes.md](passes.md).

Shapes are in elements: R query rows, C keys (columns of the scores), D columns of a head. Of a
tile operation the page says besides: which result may take the place of which operand (*in place*;
any other placed result overlaps no operand), in which operand it is linear (*linear*: a factor of
the operand is one of the result), whether it can be done row by row with others in an `fa.row_loop`
(*row by row*), and whether it works in scratch rows of vector memory. Attributes that passes leave
on operations are verified like these (`dialects/discardable_attrs.py`).

"""


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for factory in FA_UNIVERSE.all_dialects.values():
        parts += _dialect(factory())
    return "".join(parts).rstrip() + "\n"


def _dialect(dialect: Dialect) -> Iterator[str]:
    name = dialect.name
    yield f"## The `{name}` dialect\n\n{prose(import_module(f'fa.dialects.{name}').__doc__)}\n\n"
    shown = _first_uses(name)
    for op in dialect.operations:
        if issubclass(op, Instruction):
            continue
        if op.name not in shown:
            raise SystemExit(f"{op.name} is not in {EXAMPLES / name}.mlir")
        yield from _operation(op, shown[op.name])
    instructions = [op for op in dialect.operations if issubclass(op, Instruction)]
    if instructions:
        yield from _instructions(instructions)
    examples = _attribute_examples()
    for attribute in dialect.attributes:
        yield from _attribute(attribute, examples)
    yield from _left_by_passes(name)


def _first_uses(dialect: str) -> dict[str, Operation]:
    """Operation name -> its first use in the examples of a dialect."""
    uses: dict[str, Operation] = {}
    for op in parse_file(EXAMPLES / f"{dialect}.mlir").walk():
        uses.setdefault(op.name, op)
    return uses


def _operation(op: type[Operation], example: Operation) -> Iterator[str]:
    """The section of an operation."""
    yield f"### {op.name}\n\n{prose(op.__doc__)}\n\n{block(printed(example))}\n"
    syntax = getattr(op, "assembly_format", None)
    if isinstance(syntax, str):
        yield f"Syntax: ``{op.name} {syntax}``\n\n"
    assert issubclass(op, IRDLOperation)
    rows = list(_parts(op))
    if rows:
        yield table(("", "name", "type"), rows) + "\n"
    yield " ".join([f"Source: {source_link(op)}.", *_effects(op)]) + "\n\n"


def _parts(op: type[IRDLOperation]) -> Iterator[tuple[str, str, str]]:
    """Operands, properties, regions and results: what each is, its name, its type."""
    definition = op.get_irdl_definition()
    for name, operand in definition.operands:
        yield _counted("operand", operand), f"`{name}`", _constraint(operand.constr)
    for name, prop in definition.properties.items():
        if not SEGMENTS.fullmatch(name):
            yield _counted("property", prop), f"`{name}`", _constraint(prop.constr)
    for name, region in definition.regions:
        yield _counted("region", region), f"`{name}`", ""
    for name, result in definition.results:
        yield _counted("result", result), f"`{name}`", _constraint(result.constr)


def _counted(what: str, definition: object) -> str:
    """How often something is there."""
    if isinstance(definition, OptionalDef):
        return f"{what}, optional"
    if isinstance(definition, VariadicDef):
        return f"{what}, any number"
    return what


def _constraint(constraint: object) -> str:
    """What a value may be, as names of types and attributes."""
    match constraint:
        case AnyOf():
            return " or ".join(_constraint(each) for each in _inside(constraint, "attr_constrs"))
        case BaseAttr():
            return _attribute_name(constraint.attr)
        case ParamAttrConstraint():
            return _attribute_name(constraint.base_attr)
        case EqAttrConstraint():
            return f"`{constraint.attr}`"
        case AnyAttr():
            return "any attribute"
        case _:
            # Ranges and messages around a constraint.
            around = [*_inside(constraint, "constr"), *_inside(constraint, "constraint")]
            return _constraint(around[0]) if around else ""


def _inside(constraint: object, name: str) -> tuple[object, ...]:
    """The constraints that a constraint has under a name; none where it has none."""
    inner: object = getattr(constraint, name, ())
    return cast("tuple[object, ...]", inner) if isinstance(inner, tuple) else (inner,)


def _attribute_name(attribute: type[Attribute]) -> str:
    """A type or attribute by its name in MLIR where it is a known one, else by its class."""
    name = getattr(attribute, "name", None)
    if not isinstance(name, str):
        return "a register or slot" if attribute is BankType else f"`{attribute.__name__}`"
    return f"`{'!' if issubclass(attribute, TypeAttribute) else '#'}{name}`"


def _effects(op: type[IRDLOperation]) -> Iterator[str]:
    """Traits, and what a tile operation says of itself."""
    names = (type(trait).__name__ for trait in op.traits)
    traits = sorted(name for name in names if not name.startswith("_"))
    if issubclass(op, HasFolderInterface):
        yield f"Folds: {prose(op.fold.__doc__)}"
    if traits:
        yield f"Traits: {', '.join(traits)}."
    if not issubclass(op, TileOp):
        return
    definition = op.get_irdl_definition()
    results = [name for name, _ in definition.results]
    operands = [name for name, _ in definition.operands]
    if op.IN_PLACE:
        pairs = [f"`{results[i]}` in `{operands[j]}`" for i, j in op.IN_PLACE.items()]
        yield f"In place: {', '.join(pairs)}."
    if op.in_place is not TileOp.in_place:
        yield f"In place, more exactly: {prose(_getter_doc(op, 'in_place'))}"
    if op.LINEAR:
        pairs = [f"`{results[j]}` in `{operands[i]}`" for i, j in op.LINEAR.items()]
        yield f"Linear: {', '.join(pairs)}."
    if op.row_wise is not TileOp.row_wise:
        yield f"Row by row: {prose(_getter_doc(op, 'row_wise'))}"
    if op.scratch_rows is not TileOp.scratch_rows:
        yield f"Scratch: {prose(op.scratch_rows.__doc__)}"


def _getter_doc(op: type[TileOp], name: str) -> str | None:
    """The docstring of a property of a class."""
    getter: object = getattr(op, name)
    return getter.__doc__


def _instructions(ops: Sequence[type[Instruction]]) -> Iterator[str]:
    """The instructions in a table; what each costs and encodes is in docs/isa.md."""
    yield (
        f"### Instructions\n\n{prose(import_module(ops[0].__module__).__doc__)}\n\n"
        "Operands in the order of the assembly; registers have a bank, integers none. Memory "
        "effects are those of the instruction table; encodings and cycles are in "
        "[isa.md](isa.md).\n\n"
    )
    rows: list[tuple[str, ...]] = []
    for op in ops:
        arguments = [
            f"{operand.name}: {operand.bank}" if operand.is_register else operand.name
            for operand in op.arguments
        ]
        outputs = [f"{operand.name}: {operand.bank}" for operand in op.outputs]
        effects = op.row.effects
        rows.append(
            (
                f"`{op.name}`",
                ", ".join(arguments),
                ", ".join(outputs),
                ", ".join(effects.reads),
                ", ".join(effects.writes),
                op.row.doc.replace("*", "·"),
                op.row.section,
            )
        )
    head = ("operation", "operands", "results", "reads", "writes", "meaning", "ISA section")
    yield table(head, rows) + "\n"


def _attribute_examples() -> list[str]:
    """Attributes and types as they are printed back."""
    lines = (EXAMPLES / "attributes.txt").read_text("utf-8").splitlines()
    return [str(parse_attribute(line, line)) for line in lines]


def _attribute(attribute: type[Attribute], examples: Sequence[str]) -> Iterator[str]:
    """The section of a type or attribute."""
    written = re.compile(rf"[!#]{re.escape(attribute.name)}(<|$)")
    mine = [f"`{example}`" for example in examples if written.match(example)]
    if not mine:
        raise SystemExit(f"{attribute.name} is not in {EXAMPLES / 'attributes.txt'}")
    yield f"### {mine[0][1]}{attribute.name}\n\n{prose(attribute.__doc__)}\n\n"
    yield f"Written {', '.join(mine)}. Source: {source_link(attribute)}.\n\n"


def _left_by_passes(dialect: str) -> Iterator[str]:
    """The attributes that passes leave on operations, from the dialect's table of them."""
    home = f"fa.dialects.{dialect}.discardable_attrs"
    docs: dict[str, str] = {}
    for name in (*SHARED, home):
        docs |= constant_docs(import_module(name))
    rows: list[tuple[str, str, str]] = []
    for name, attribute in (table_of(dialect) or {}).items():
        where = [f"any of `{b}`" if b.endswith(".") else f"`{b}`" for b in attribute.bearers]
        rows.append((f"`{name}`", ", ".join(where), docs[name]))
    yield f"### Attributes that passes leave in `{dialect}`\n\n"
    yield table(("attribute", "on", "meaning"), rows) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check("dialects.md", page, "dialects_page.py"))

"""Writes `docs/isa.md` from the instruction table: `python -m fa.machine.spec.isa_page [--check]`.

With `--check` nothing is written; the exit status is 1 if the page is not what the table gives.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .cost_tables import ANALYTIC, EMULATOR, CostTable, packaged_tables
from .isa import BANK_PREFIX, ENCODING_FIELDS, FIELD_BITS, INSTRUCTIONS, Instruction, Operand

PAGE = Path(__file__).resolve().parents[2] / "docs" / "isa.md"

_HEAD = """\
# PLENA instructions

Generated from the instruction table (`machine/spec/isa.py`) by
`python -m fa.machine.spec.isa_page`; do not edit. Sections are those of the machine's instruction
set reference.

## Words

An instruction is one 32-bit word with its opcode in bits 5:0. Fields, all unsigned:

| field | bits |
|---|---|
{fields}

The published assembler fills the fields of an instruction's encoding group:

| group | fields |
|---|---|
{groups}

An operand is written `name: bank@field`; the banks `gp`, `f` and `a` are registers, `imm`, `mask`
and `flag` unsigned numbers, `dummy` is not used (write 0). `←` marks a register that the
instruction writes, `↔` one that it reads and writes, `?` an operand that may be left out.
Where the published assembler puts an operand into another field than the machine reads, the group
is marked `!`; `fa-asm` writes the field that the machine reads, `fa-asm --compat` the other one.

Cycles are expressions over the parameters of a settings file, one column for each cost table
(`machine/spec/cost_tables.py`). Those of `emulator` are of the machine's emulator, one instruction
at a time; those of `analytic` of a pipelined machine; those of `rtl` were measured on the RTL, and
are left out where they are the emulator's. HBM transfers cost what the memory model says on top,
but in `analytic`. `*`: 0 if the destination is register 0; `-`: the table's machine has no such
instruction.

"""

_UNITS = {
    "matrix": "Matrix unit",
    "vector": "Vector unit",
    "scalar": "Scalar unit",
    "hbm": "HBM transfers",
    "control": "Control",
}

_TABLE_HEAD = (
    "| opcode | instruction | group | operands | reads | writes "
    + "".join(f"| {table.name} " for table in packaged_tables())
    + "| meaning | section |\n|---|---|---|---|---|---|---|---|"
    + "---|" * len(packaged_tables())
    + "\n"
)


def page() -> str:
    """The text of the page."""
    fields = "\n".join(
        f"| `{name}` | {shift + width - 1}:{shift} |" for name, (shift, width) in FIELD_BITS.items()
    )
    groups = "\n".join(
        f"| {name} | {', '.join(f'`{field}`' for field in members) or '(none)'} |"
        for name, members in ENCODING_FIELDS.items()
    )
    parts = [_HEAD.format(fields=fields, groups=groups)]
    for unit, title in _UNITS.items():
        rows = "\n".join(_row(i) for i in INSTRUCTIONS if i.unit == unit)
        parts.append(f"## {title}\n\n{_TABLE_HEAD}{rows}\n\n")
    return "".join(parts).rstrip() + "\n"


def _row(instruction: Instruction) -> str:
    mnemonic = f"`{instruction.mnemonic}`"
    if instruction.status != "implemented":
        mnemonic += f" ({instruction.status})"
    cells = (
        f"{instruction.opcode:02X}",
        mnemonic,
        instruction.encoding + ("!" if instruction.published_encoding_differs else ""),
        ", ".join(_operand(operand) for operand in instruction.operands),
        ", ".join(instruction.effects.reads),
        ", ".join(instruction.effects.writes),
        *(_cycles(instruction, table) for table in packaged_tables()),
        _cell(instruction.doc),
        instruction.section,
    )
    return "| " + " | ".join(cells) + " |"


def _cycles(instruction: Instruction, table: CostTable) -> str:
    """Cycles in a table; those of a table that is a file only where they are not the emulator's."""
    if instruction.mnemonic in table.lacks:
        return "-"
    text = str(table.cycles[instruction.mnemonic])
    if table not in (EMULATOR, ANALYTIC) and text == str(instruction.transactional):
        return ""
    free = table.free_without_destination and instruction.free_without_destination
    return _cell(text) + ("\\*" if free else "")


def _operand(operand: Operand) -> str:
    mark = ("↔" if operand.reads else "←") if operand.writes else ""
    bank = BANK_PREFIX.get(operand.bank, operand.bank)
    optional = "?" if operand.optional else ""
    return f"{mark}{operand.name}{optional}: {bank}@{operand.field}"


def _cell(text: str) -> str:
    """`text` inside a table cell."""
    return text.replace("*", "·").replace("|", "\\|")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; the exit status."""
    parser = argparse.ArgumentParser(prog="isa_page", description="Write docs/isa.md.")
    parser.add_argument("--check", action="store_true", help="only compare with the page")
    check: bool = parser.parse_args(arguments).check
    text = page()
    if not check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(
        f"{PAGE}: not what the instruction table gives; run python -m fa.machine.spec.isa_page",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The published assembler, line by line, mistakes included (section 3.3).

It parses operands by position and text rather than by what the instruction needs, adds shifted
fields without masking them, and so turns some wrong lines into other instructions' words. Its
word is reproduced whenever it fits 32 bits; every other line is an AssemblyError.
"""

from __future__ import annotations

from ..spec.encoding import WORD_MAX, published_word
from ..spec.isa import BY_MNEMONIC, ENCODING_FIELDS, Field
from .assembly_errors import Line, Token

_MOST_OPERANDS = 6


def published_line(line: Line) -> int:
    """The word that the published assembler makes of one line."""
    instruction = BY_MNEMONIC.get(line.mnemonic.text)
    if instruction is None:
        raise line.error(line.mnemonic, f"unknown instruction {line.mnemonic.text!r:.60}")
    slots = _slots(line)
    if instruction.encoding == "R4":
        slots.setdefault("r3", 0)
    for name in ENCODING_FIELDS[instruction.encoding]:
        if name not in slots:
            raise line.error(
                line.mnemonic,
                f"{instruction.mnemonic}: no operand for the field {name} (registers are gpN, fN "
                "or aN, numbers decimal)",
            )
    word = published_word(instruction, slots)
    if not 0 <= word <= WORD_MAX:
        raise line.error(
            line.mnemonic,
            f"{instruction.mnemonic}: an operand is out of range (word {f'{word:#x}':.60})",
        )
    return word


def _slots(line: Line) -> dict[Field, int]:
    """Fields by operand position. One value serves both immediates; the last one given stays."""
    slots: dict[Field, int] = {}
    if len(line.operands) > _MOST_OPERANDS:
        return slots
    registers: tuple[Field, ...] = ("rd", "rs1", "rs2")
    for position, token in enumerate(line.operands):
        if position < 3 and (register := _register(line, token)) is not None:
            slots[registers[position]] = register
            continue
        number = _number(token)
        if number is None:
            continue
        if position == 0:
            slots["rd"] = number
        elif position < 3:
            slots["imm18"] = slots["imm22"] = number
        elif position == 3:
            slots["r3"] = number
        elif position == 4:
            slots["fn"] = number
    return slots


def _register(line: Line, token: Token) -> int | None:
    """The index of anything that begins like a register, whatever its bank."""
    for prefix in ("gp", "f", "a"):
        if token.text.startswith(prefix):
            index = _number(Token(token.text.removeprefix(prefix), token.column))
            if index is None:
                raise line.error(token, f"{token.text!r:.60} is not a register")
            return index
    return None


def _number(token: Token) -> int | None:
    """A decimal number with an optional sign, or None."""
    try:
        return int(token.text)
    except ValueError:
        return None

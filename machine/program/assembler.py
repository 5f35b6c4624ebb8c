"""Assembly text to words (section 3).

`assemble` checks every operand against the instruction table and writes it into the field that the
machine decodes. With `compat` it does what the published assembler does instead, wrong words
included (`published_assembler.py`).
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from ..spec.encoding import WORD_MAX, encode
from ..spec.isa import BANK_PREFIX, BY_MNEMONIC, FIELD_BITS, Instruction, Operand
from .assembly_errors import AssemblyError, Line, Token, line_of
from .published_assembler import published_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RAW_WORD = ".word"
"""Directive for a word that no instruction's text gives (an extension of the language)."""


_NEW = -1
"""No word: a line that was not seen before."""

LONGEST = 80
"""Characters of a number or a name that are looked at; none has more."""


def assemble(text: str, compat: bool = False) -> NDArray[np.uint32]:
    """The program's words, uint32 [instructions].

    Where `compat` is false, register names and values are checked, numbers may be hexadecimal or
    binary, masks of V_EXP_V, V_RECI_V and the reductions and the offsets of M_BMM_WO, M_MV_WO and
    M_BMV_WO land in the fields that the machine reads. `compat` gives the published assembler's
    word for every line it accepts. Raises AssemblyError at the first bad line.
    """
    import numpy as np

    return np.array([word for word, _ in assemble_lines(text, compat)], np.uint32)


def assemble_lines(text: str, compat: bool = False) -> list[tuple[int, int]]:
    """As `assemble`, without numpy: (word, line number from 1) for each instruction."""
    one = published_line if compat else _word
    # A program says the same many times over.
    known: dict[str, int | None] = {}
    found: list[tuple[int, int]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        word = known.get(raw, _NEW)
        if word == _NEW:
            line = line_of(raw, number)
            word = known[raw] = None if line is None else one(line)
        if word is not None:
            found.append((word, number))
    return found


def _word(line: Line) -> int:
    """The word of one line, checked."""
    if line.mnemonic.text == RAW_WORD:
        return _raw_word(line)
    instruction = _instruction(line)
    operands = instruction.operands
    given = _without_ignored(line, instruction)
    required = sum(not operand.optional for operand in operands)
    if len(given) < required or (given and not given[-1].text):
        names = ", ".join(operand.name for operand in operands)
        raise line.error(
            line.mnemonic,
            f"{instruction.mnemonic} needs {required} operands ({names}), got {_count(given)}",
        )
    values = [
        _value(line, operand, token, position == 0)
        for position, (operand, token) in enumerate(zip(operands, given, strict=False))
    ]
    values += [0] * (len(operands) - len(values))
    return encode(instruction, tuple(values))


def _count(given: tuple[Token, ...]) -> int:
    return sum(bool(token.text) for token in given)


def _instruction(line: Line) -> Instruction:
    """The instruction a line names; AssemblyError with a suggestion if there is none."""
    name = line.mnemonic.text
    instruction = BY_MNEMONIC.get(name)
    if instruction is None:
        near = get_close_matches(name[:LONGEST].upper(), BY_MNEMONIC, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise line.error(line.mnemonic, f"unknown instruction {name!r:.60}{hint}")
    return instruction


def _without_ignored(line: Line, instruction: Instruction) -> tuple[Token, ...]:
    """The operands; surplus ones, which the machine has no field for, must be literal zeros."""
    most = len(instruction.operands)
    for token in line.operands[most:]:
        if token.text != "0":
            raise line.error(
                token,
                f"{instruction.mnemonic} has {most} operands; {token.text!r:.60} is one too many",
            )
    return line.operands[:most]


def _value(line: Line, operand: Operand, token: Token, first: bool) -> int:
    """The value of one operand."""
    text = token.text
    if operand.bank == "dummy":
        return _dummy(line, token)
    if operand.is_register:
        prefix = BANK_PREFIX[operand.bank]
        digits = text.removeprefix(prefix)
        # The language allows a bare index where a line's first operand is a register.
        if digits.isdecimal() and digits.isascii() and (first or text.startswith(prefix)):
            index = _index(digits)
            # The four bits can name registers that a bank lacks; those trap when executed.
            if index >= 1 << operand.width:
                raise line.error(
                    token,
                    f"there is no register {text:.60}: {prefix}0 to {prefix}{operand.limit - 1} "
                    "exist",
                )
            return index
        raise line.error(
            token,
            f"{operand.name} of {line.mnemonic.text} is one of {prefix}0 to "
            f"{prefix}{operand.limit - 1}, not {text!r:.60}",
        )
    value = _number(line, token, f"{operand.name} of {line.mnemonic.text}")
    if value >= operand.limit:
        raise line.error(
            token,
            f"{operand.name} of {line.mnemonic.text} is {value}, the most is {operand.limit - 1}",
        )
    return value


def _index(digits: str) -> int:
    """The index that decimal digits name; of very many, one that no register has."""
    return int(digits) if len(digits) <= LONGEST else WORD_MAX


def _dummy(line: Line, token: Token) -> int:
    """The first operand of the multiplications, which the machine ignores: 0, or a gp register."""
    digits = token.text.removeprefix("gp")
    if digits.isdecimal() and digits.isascii() and _index(digits) < 1 << FIELD_BITS["rd"][1]:
        return int(digits)
    raise line.error(
        token,
        f"the first operand of {line.mnemonic.text} is not used: write 0, not {token.text!r:.60}",
    )


def _number(line: Line, token: Token, what: str) -> int:
    """An unsigned number: decimal, or with 0x, 0o or 0b in front."""
    text = token.text
    if len(text) > LONGEST:
        raise line.error(token, f"{what} is a number of 32 bits, not {text!r:.60}")
    try:
        # Base 10 first: unlike base 0 it allows leading zeros, as the published assembler does.
        value = int(text) if text.lstrip("+-").replace("_", "").isdecimal() else int(text, 0)
    except ValueError:
        raise line.error(token, f"{what} is a number, not {text!r:.60}") from None
    if value < 0:
        raise line.error(
            token, f"{what} is {value}, but immediates are unsigned; S_SUB_INT subtracts"
        )
    return value


def _raw_word(line: Line) -> int:
    """The word of a `.word` line."""
    if len(line.operands) != 1:
        raise line.error(line.mnemonic, f"{RAW_WORD} needs one number of 32 bits")
    value = _number(line, line.operands[0], "the word")
    if value > WORD_MAX:
        raise line.error(line.operands[0], f"the word has more than 32 bits: {value:#x}")
    return value


__all__ = ["RAW_WORD", "AssemblyError", "assemble", "assemble_lines"]

"""Words to assembly text (section 3.5)."""

from __future__ import annotations

from collections.abc import Iterable

from ..spec.encoding import decode, encode, field, published_word
from ..spec.isa import BANK_PREFIX, ENCODING_FIELDS, Field, Instruction, Operand
from .assembler import RAW_WORD


def disassemble(words: Iterable[int], compat: bool = False) -> str:
    """One line for each word; `assemble` of the text, with the same `compat`, gives the words.

    A word that has no text of its own (unknown opcode, bits set that the machine ignores) becomes
    a `.word` line, which the published assembler does not know.
    """
    one = _published_text if compat else instruction_text
    return "".join(f"{one(int(word))}\n" for word in words)


def instruction_text(word: int) -> str:
    """The assembly of one word, as `assemble` reads it."""
    decoded = decode(word)
    if decoded is None or encode(decoded.instruction, decoded.values) != word:
        return raw_text(word)
    texts = [
        _operand(operand, value)
        for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True)
    ]
    return " ".join((decoded.instruction.mnemonic, ", ".join(texts))).rstrip()


def raw_text(word: int) -> str:
    """`word` as a `.word` line, with what the machine executes as a comment."""
    decoded = decode(word)
    line = f"{RAW_WORD} 0x{word:08X}"
    return line if decoded is None else f"{line} ; {decoded.instruction.mnemonic}"


def _operand(operand: Operand, value: int) -> str:
    """An operand as text; the unused first one of the multiplications is 0 unless it is not."""
    if operand.bank == "dummy":
        return f"gp{value}" if value else "0"
    return f"{BANK_PREFIX.get(operand.bank, '')}{value}"


def _published_text(word: int) -> str:
    """The text from which the published assembler makes `word`."""
    decoded = decode(word)
    if decoded is None or not decoded.instruction.published_encoding_differs:
        return instruction_text(word)
    instruction = decoded.instruction
    fields = ENCODING_FIELDS[instruction.encoding]
    slots: dict[Field, int] = {name: field(word, name) for name in fields}
    if published_word(instruction, slots) != word:
        return raw_text(word)
    texts = [f"{_prefix(instruction, name)}{slots[name]}" for name in fields]
    return f"{instruction.mnemonic} {', '.join(texts)}"


def _prefix(instruction: Instruction, name: Field) -> str:
    """The register prefix of the operand at a field; none for an immediate."""
    for operand in instruction.operands:
        if operand.field == name:
            return BANK_PREFIX.get(operand.bank, "")
    return ""

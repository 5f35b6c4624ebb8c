"""Words and their fields (section 3.1): encode and decode one instruction."""

from __future__ import annotations

from dataclasses import dataclass

from .isa import BY_OPCODE, ENCODING_FIELDS, FIELD_BITS, OPCODE_BITS, Field, Instruction

WORD_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Decoded:
    """An instruction with the values of its operands, in assembly order."""

    instruction: Instruction
    values: tuple[int, ...]

    def value(self, name: str) -> int:
        """The value of the operand called `name`; KeyError if there is none."""
        for operand, value in zip(self.instruction.operands, self.values, strict=True):
            if operand.name == name:
                return value
        raise KeyError(name)


def field(word: int, name: Field) -> int:
    """The bits of `word` at the field `name`."""
    shift, width = FIELD_BITS[name]
    return word >> shift & (1 << width) - 1


def encode(instruction: Instruction, values: tuple[int, ...]) -> int:
    """The word the machine decodes as `instruction` with these operand values.

    Raises ValueError for a value that does not fit its field.
    """
    word = instruction.opcode
    for operand, value in zip(instruction.operands, values, strict=True):
        shift, width = FIELD_BITS[operand.field]
        if not 0 <= value < 1 << width:
            raise ValueError(
                f"{instruction.mnemonic}: {operand.name} is {value}, must be below {1 << width}"
            )
        word |= value << shift
    return word


def decode(word: int) -> Decoded | None:
    """What the machine sees in `word`; None for an opcode that means nothing at all."""
    instruction = BY_OPCODE.get(word & (1 << OPCODE_BITS) - 1)
    if instruction is None:
        return None
    return Decoded(instruction, tuple(field(word, o.field) for o in instruction.operands))


def published_word(instruction: Instruction, slots: dict[Field, int]) -> int:
    """The published assembler's sum of shifted fields, unmasked: it may leave 32 bits.

    `slots` must hold all fields of the instruction's encoding group (section 3.5).
    """
    word = instruction.opcode
    for name in ENCODING_FIELDS[instruction.encoding]:
        word += slots[name] << FIELD_BITS[name][0]
    return word

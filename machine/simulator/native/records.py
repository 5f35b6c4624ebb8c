"""Programs as the native engine takes them: one record for each instruction.

Opcode numbers, fields and cycles come from the instruction table, through `Program`; what the
engine's own list adds is which operand goes into which slot of a record.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...program.program import Program
from ...spec.encoding import Decoded
from ...spec.isa import BANK_SIZE
from .layout import OP_END, OP_FIRST, OP_LEAVE, RECORD, SLOTS


def records_of(program: Program, operands: dict[str, tuple[str, ...]]) -> NDArray[np.void]:
    """The records of a program, and one that ends it.

    `operands` are those of `Library`. An instruction that the engine does not execute, or that
    names a register that there is not, is left to the interpreter.
    """
    opcodes = {mnemonic: OP_FIRST + at for at, mnemonic in enumerate(operands)}
    ops = np.full(len(program.words) + 1, OP_END, np.uint32)
    slots = np.zeros((len(ops), SLOTS), np.uint32)
    known: dict[int, tuple[int, list[int]]] = {}
    for pc, (word, decoded) in enumerate(zip(program.words, program.decoded, strict=True)):
        found = known.get(word)
        if found is None:
            found = known[word] = _record(decoded, opcodes, operands)
        ops[pc] = found[0]
        slots[pc, : len(found[1])] = found[1]
    records = np.zeros(len(ops), RECORD)
    records["op"] = ops
    records["x"] = slots
    if max(program.cycles, default=0) >= 1 << 32:
        raise ValueError("an instruction takes 2^32 cycles or more; the native engine counts fewer")
    records["cycles"][:-1] = program.cycles
    records["waits"][:-1] = program.waits
    return records


def _record(
    decoded: Decoded | None, opcodes: dict[str, int], operands: dict[str, tuple[str, ...]]
) -> tuple[int, list[int]]:
    """Opcode and slots."""
    if decoded is None or decoded.instruction.mnemonic not in opcodes:
        return OP_LEAVE, []
    instruction = decoded.instruction
    for operand, value in zip(instruction.operands, decoded.values, strict=True):
        if operand.bank == "fp" and value >= BANK_SIZE["fp"]:
            return OP_LEAVE, []
    names = operands[instruction.mnemonic]
    return opcodes[instruction.mnemonic], [decoded.value(name) for name in names]

"""A program ready to run: words, decoded instructions and their cycles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from ..spec.cost_tables import EMULATOR, CostTable
from ..spec.encoding import Decoded, decode
from ..spec.isa import TOPK_POLICIES, Instruction
from ..spec.params import Machine
from .disassembler import instruction_text
from .trap import Trap


class Program:
    """Decoded once for a machine.

    `cycles` are those of each instruction in a cost table, without HBM time. Instructions that the
    table lacks are none.
    """

    def __init__(self, words: Iterable[int], machine: Machine, table: CostTable = EMULATOR) -> None:
        self.words = [int(word) for word in words]
        self.machine = machine
        self.table = table
        known = {word: _known(word, table) for word in set(self.words)}
        costs = {word: cycles_of(decoded, machine, table) for word, decoded in known.items()}
        self.decoded: list[Decoded | None] = [known[word] for word in self.words]
        self.cycles = [costs[word] for word in self.words]

    @cached_property
    def waits(self) -> list[int]:
        """The loads that each instruction waits for before anything else, where the table has them
        run beside other work: 1 for that into vector SRAM, 2 for that into matrix SRAM."""
        if not self.table.overlaps:
            return [0] * len(self.words)
        return [0 if item is None else _waits(item.instruction) for item in self.decoded]

    def text(self, pc: int) -> str:
        """The assembly of the instruction at `pc`."""
        return instruction_text(self.words[pc])

    def trap(self, pc: int, reason: str) -> Trap:
        """A trap at `pc`, to be raised."""
        return Trap(pc, self.text(pc), reason)

    def check_load(self) -> None:
        """Raise Trap for words that the machine refuses to load (section 3.2)."""
        for pc, decoded in enumerate(self.decoded):
            if (
                decoded is not None
                and decoded.instruction.mnemonic in ("M_BMM", "M_BTMM")
                and decoded.values[0] != 0
            ):
                raise self.trap(pc, "the first operand must be 0; the program is not loaded")


def _known(word: int, table: CostTable) -> Decoded | None:
    """What a word says, where the machine of the table knows the instruction."""
    decoded = decode(word)
    return None if decoded and decoded.instruction.mnemonic in table.lacks else decoded


def _waits(instruction: Instruction) -> int:
    """Matrix instructions wait for both loads, others for what fills an SRAM that they use."""
    if instruction.unit == "matrix":
        return 3
    used = (*instruction.effects.reads, *instruction.effects.writes)
    return 2 * ("matrix" in used) | ("vector" in used)


def cycles_of(decoded: Decoded | None, machine: Machine, table: CostTable) -> int:
    """Cycles of one execution in a table."""
    if decoded is None:
        return 0
    instruction = decoded.instruction
    if (
        table.free_without_destination
        and instruction.free_without_destination
        and decoded.values[0] == 0
    ):
        return 0
    parameters = machine.cycle_parameters
    if instruction.mnemonic == "V_TOPK":
        elements = TOPK_POLICIES.get(decoded.value("policy"), (0, 0))[0]
        parameters = {**parameters, "TOPK_ELEMENTS": elements}
    return table.evaluate(instruction.mnemonic, parameters)

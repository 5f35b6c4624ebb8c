"""A program ready to run: words, decoded instructions and their cycles."""

from __future__ import annotations

from collections.abc import Iterable

from ..spec.encoding import Decoded, decode
from ..spec.isa import TOPK_POLICIES
from ..spec.params import Machine
from .disassembler import instruction_text
from .trap import Trap


class Program:
    """Decoded once for a machine.

    `cycles` are the transactional ones of each instruction, without HBM time.
    """

    def __init__(self, words: Iterable[int], machine: Machine) -> None:
        self.words = [int(word) for word in words]
        self.machine = machine
        known = {word: decode(word) for word in set(self.words)}
        costs = {word: _cycles(decoded, machine) for word, decoded in known.items()}
        self.decoded: list[Decoded | None] = [known[word] for word in self.words]
        self.cycles = [costs[word] for word in self.words]

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


def _cycles(decoded: Decoded | None, machine: Machine) -> int:
    """Cycles of one execution in the transactional table."""
    if decoded is None:
        return 0
    instruction = decoded.instruction
    if instruction.free_without_destination and decoded.values[0] == 0:
        return 0
    parameters = dict(machine.cycle_parameters)
    if instruction.mnemonic == "V_TOPK":
        parameters["TOPK_ELEMENTS"] = TOPK_POLICIES.get(decoded.value("policy"), (0, 0))[0]
    return instruction.transactional.evaluate(parameters)

"""The loop nest of a program, and how often everything in it is executed.

The machine has no conditional branches: as long as loops are properly nested and their ends find
the counters as their starts left them, each instruction's execution count is known before the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from .encoding import Decoded
from .program import Program


@dataclass(slots=True)
class Loop:
    """A hardware loop: `start` and `end` are the pcs of C_LOOP_START and C_LOOP_END.

    `per_iteration` counts the instructions of one iteration, inner loops and its C_LOOP_END
    included.
    """

    start: int
    register: int
    count: int
    end: int = -1
    body: list[Node] = field(default_factory=list["Node"])
    per_iteration: int = 0


Node: TypeAlias = int | Loop
"""A pc, or a loop."""

MOST_NESTED = 16
"""Deeper nests are left to the interpreter; Python allows 20 blocks inside each other."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A program's top-level nodes and the execution count of every pc."""

    nodes: list[Node]
    counts: list[int]


@dataclass(slots=True)
class _Open:
    """A loop that is not closed yet, and what has become of its counter in this iteration.

    `slot` is the entry of INT_MEM that holds it, `intact` whether its register does.
    """

    loop: Loop
    slot: int | None = None
    intact: bool = True

    def written(self, register: int) -> None:
        """Something else is put into a register."""
        if register == self.loop.register:
            self.intact = False

    def follow(self, decoded: Decoded, innermost: bool) -> None:
        """Follow one instruction; what an inner loop does happens any number of times."""
        mnemonic, values, register = (
            decoded.instruction.mnemonic,
            decoded.values,
            self.loop.register,
        )
        if mnemonic == "S_ST_INT":
            source, base, entry = values
            if base or entry == self.slot:
                self.slot = None
            if innermost and self.intact and source == register and not base:
                self.slot = entry
        elif mnemonic == "V_TOPK":
            self.slot = None
        elif mnemonic == "S_LD_INT" and innermost and values[:2] == (register, 0):
            self.intact = values[2] == self.slot
        elif register in written_gp(decoded):
            self.intact = False


def structure_of(program: Program) -> Structure | None:
    """The loop nest, or None where control flow is unusual or the watchdog would stop it.

    Unusual are C_BREAK, undefined opcodes, loops that are never closed or cross, counts of 0, a
    loop whose body writes its counter, and nests deeper than `MOST_NESTED`. A counter may be
    spilled: stored to an entry of INT_MEM before anything writes it, and loaded again at the end.
    """
    top: list[Node] = []
    open_loops: list[_Open] = []
    for pc, decoded in enumerate(program.decoded):
        if decoded is None or decoded.instruction.status != "implemented":
            return None
        body = open_loops[-1].loop.body if open_loops else top
        match decoded.instruction.mnemonic:
            case "C_BREAK":
                return None
            case "C_LOOP_START":
                register, count = decoded.values
                if count == 0 or len(open_loops) == MOST_NESTED:
                    return None
                for outer in open_loops:
                    outer.written(register)
                loop = Loop(pc, register, count)
                body.append(loop)
                open_loops.append(_Open(loop))
            case "C_LOOP_END":
                if not open_loops or open_loops[-1].loop.register != decoded.values[0]:
                    return None
                if not open_loops[-1].intact:
                    return None
                open_loops.pop().loop.end = pc
            case _:
                for around in open_loops:
                    around.follow(decoded, around is open_loops[-1])
                body.append(pc)
    if open_loops:
        return None
    counts = [0] * len(program.words)
    most = program.machine.max_loop_instructions
    if not all(_count(node, 1, counts, most) for node in top):
        return None
    return Structure(top, counts)


def written_gp(decoded: Decoded) -> set[int]:
    """The gp registers that an instruction writes."""
    return {
        value
        for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True)
        if operand.bank == "gp" and operand.writes
    }


def _count(node: Node, times: int, counts: list[int], most: int) -> bool:
    """Count a node executed `times` times; False if an iteration exceeds the watchdog's limit."""
    if isinstance(node, int):
        counts[node] += times
        return True
    counts[node.start] += times
    inner = times * node.count
    counts[node.end] += inner
    for child in node.body:
        if not _count(child, inner, counts, most):
            return False
    node.per_iteration = 1 + sum(size(child) for child in node.body)
    return node.per_iteration <= most


def size(node: Node) -> int:
    """Instructions executed by one pass through a node."""
    return 1 if isinstance(node, int) else 1 + node.count * node.per_iteration

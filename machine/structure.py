"""The loop nest of a program, and how often everything in it is executed.

The machine has no conditional branches: as long as loops are properly nested and nothing but their
ends writes their counters, each instruction's execution count is known before the run.
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


def structure_of(program: Program) -> Structure | None:
    """The loop nest, or None where control flow is unusual or the watchdog would stop it.

    Unusual are C_BREAK, undefined opcodes, loops that are never closed or cross, counts of 0, a
    loop whose body writes its counter, and nests deeper than `MOST_NESTED`.
    """
    top: list[Node] = []
    open_loops: list[Loop] = []
    for pc, decoded in enumerate(program.decoded):
        if decoded is None or decoded.instruction.status != "implemented":
            return None
        body = open_loops[-1].body if open_loops else top
        match decoded.instruction.mnemonic:
            case "C_BREAK":
                return None
            case "C_LOOP_START":
                register, count = decoded.values
                nested = any(loop.register == register for loop in open_loops)
                if count == 0 or nested or len(open_loops) == MOST_NESTED:
                    return None
                loop = Loop(pc, register, count)
                body.append(loop)
                open_loops.append(loop)
            case "C_LOOP_END":
                if not open_loops or open_loops[-1].register != decoded.values[0]:
                    return None
                open_loops.pop().end = pc
            case _:
                if any(loop.register in written_gp(decoded) for loop in open_loops):
                    return None
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

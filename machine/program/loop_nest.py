"""The loop nest of a program, and how often everything in it is executed.

The machine has no conditional branches: as long as loops are properly nested and nothing but their
ends changes their counters, each instruction's execution count is known before the run. A loop may
keep its counter in INT_MEM meanwhile: stored before anything else writes the register, and loaded
again before the loop's end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ..spec.encoding import Decoded
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
    key: int = -1
    """What tells it from every other loop: `start`, but for copies of a loop."""
    at_run_time: bool = False
    """Whether its body writes its counter, so that `count` says nothing."""

    def __post_init__(self) -> None:
        if self.key < 0:
            self.key = self.start

    @property
    def varies(self) -> bool:
        """Whether the count of the loop, or of one in it, is made at run time."""
        return self.at_run_time or any(isinstance(n, Loop) and n.varies for n in self.body)


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
    loop whose body changes its counter, and nests deeper than `MOST_NESTED`.
    """
    nodes = nest(program)
    return None if nodes is None else counted(program, nodes)


def nest(program: Program, run_time: bool = False) -> list[Node] | None:
    """The nodes of a program, not counted yet; None where control flow is unusual.

    `run_time`: a loop whose body changes its counter is none of what is unusual.
    """
    top: list[Node] = []
    open_loops: list[Loop] = []
    saved = _SavedCounters(run_time=run_time)
    for pc, decoded in enumerate(program.decoded):
        if decoded is None or decoded.instruction.status != "implemented":
            return None
        body = open_loops[-1].body if open_loops else top
        match decoded.instruction.mnemonic:
            case "C_BREAK":
                return None
            case "C_LOOP_START":
                register, count = decoded.values
                if count == 0 or len(open_loops) == MOST_NESTED:
                    return None
                if not saved.written(register):
                    return None
                saved.opened(register)
                loop = Loop(pc, register, count)
                body.append(loop)
                open_loops.append(loop)
            case "C_LOOP_END":
                if not open_loops or open_loops[-1].register != decoded.values[0]:
                    return None
                if not saved.closed():
                    return None
                open_loops[-1].at_run_time = saved.changed
                open_loops.pop().end = pc
            case _:
                if not saved.executed(decoded):
                    return None
                body.append(pc)
    return None if open_loops else top


def counted(program: Program, nodes: list[Node]) -> Structure | None:
    """How often everything in `nodes` is executed; None where the watchdog would stop it."""
    counts = [0] * len(program.words)
    most = program.machine.max_loop_instructions
    if not all(_count(node, 1, counts, most) for node in nodes):
        return None
    return Structure(nodes, counts)


@dataclass(slots=True)
class _Counter:
    """The counter of an open loop: its register, where it is saved, whether it is only there."""

    register: int
    slot: int | None = None
    away: bool = False
    changed: bool = False


@dataclass(slots=True)
class _SavedCounters:
    """Follows the counters of open loops, innermost last; each method is False for what is unusual.

    Slots are entries of INT_MEM addressed from gp0, which reads as 0 as long as nothing writes it.
    """

    counters: list[_Counter] = field(default_factory=list[_Counter])
    run_time: bool = False
    """Whether counters may change."""
    changed: bool = False
    """Whether that of the loop closed last did."""

    def opened(self, register: int) -> None:
        """A loop starts."""
        self.counters.append(_Counter(register))

    def closed(self) -> bool:
        """The innermost loop ends: its register must hold the count."""
        counter = self.counters.pop()
        self.changed = counter.changed
        return not counter.away

    def written(self, register: int) -> bool:
        """A register is written, which may be that of a loop whose counter is saved."""
        for counter in self.counters:
            if counter.register == register:
                if counter.slot is None and counter is self.counters[-1] and self.run_time:
                    counter.changed = True
                    continue
                if counter.slot is None:
                    return False
                counter.away = True
        # Slots are addressed from gp0.
        return register != 0 or not any(c.slot is not None for c in self.counters)

    def executed(self, decoded: Decoded) -> bool:
        """Any other instruction."""
        mnemonic, inner = decoded.instruction.mnemonic, self.counters[-1:]
        if mnemonic == "S_ST_INT":
            register, base, slot = decoded.values
            for counter in inner:
                if counter.register == register and counter.slot is None and base == 0:
                    counter.slot = slot
                    return all(other.slot != slot for other in self.counters[:-1])
            kept = [counter.slot for counter in self.counters if counter.slot is not None]
            return not kept or (base == 0 and slot not in kept)
        if mnemonic == "V_TOPK":
            return not any(counter.slot is not None for counter in self.counters)
        if mnemonic == "S_LD_INT":
            register, base, slot = decoded.values
            for counter in inner:
                if counter.register == register and counter.slot == slot and base == 0:
                    # Loops further out whose register this is have saved theirs before.
                    counter.away = False
                    return True
        return all(self.written(register) for register in written_gp(decoded))


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

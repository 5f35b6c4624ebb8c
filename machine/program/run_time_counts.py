"""The loops of a program that counts at run time, for one state of INT_MEM.

Such a loop writes its own counter (ISA section 4.8), so its count follows from integers: registers
and INT_MEM. These are followed here, instruction by instruction, through loops that count at run
time and the loops around them; what other loops write is not known after them. Iterations that go
on alike stay a loop, others stand one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..spec.encoding import Decoded
from .linear_mod32 import ARITHMETIC, Value, computed
from .loop_nest import Loop, Node, Structure, counted, nest, written_gp
from .program import Program

MOST_STEPS = 3_000_000
"""Instructions that are followed, at most; they take seconds."""


class NotCounted(ValueError):
    """A program whose loops cannot be counted ahead: counts that are not known, or too many."""


def structure_with(program: Program, int_mem: Sequence[int]) -> Structure | None:
    """The loop nest of a program that INT_MEM makes count as often as it does; None where control
    flow is unusual in another way (`structure_of`). Raises NotCounted.
    """
    nodes = nest(program, run_time=True)
    if nodes is None:
        return None
    walk = _Walk(program, int_mem)
    return counted(program, walk.nodes(nodes))


@dataclass(slots=True)
class _Walk:
    """The integers of a machine while a program runs; what is not known is None."""

    program: Program
    int_mem: Sequence[int]
    gp: list[int | None] = field(default_factory=lambda: [0] * 16)
    memory: dict[int, int | None] = field(default_factory=dict[int, "int | None"])
    steps: int = 0
    loops: int = 0

    def nodes(self, nodes: Sequence[Node]) -> list[Node]:
        """Follow `nodes` once; what they are with their counts."""
        found: list[Node] = []
        for node in nodes:
            if isinstance(node, int):
                decoded = self.program.decoded[node]
                assert decoded is not None
                self._instruction(decoded)
                found.append(node)
            elif node.varies:
                found += self._follow(node)
            else:
                self._forget(node)
                found.append(self._copy(node))
        self.steps += len(nodes)
        if self.steps > MOST_STEPS:
            raise NotCounted(
                f"loops that count at run time are followed for {MOST_STEPS:,} instructions"
            )
        return found

    def _follow(self, loop: Loop) -> list[Node]:
        """Follow a loop in which some count is made at run time, iteration by iteration."""
        register = loop.register
        left: int | None = loop.count
        bodies: list[list[Node]] = []
        while True:
            self.gp[register] = left
            bodies.append(self.nodes(loop.body))
            left = self.gp[register]
            if left is None:
                raise NotCounted(
                    f"pc {loop.end}: how often the loop from pc {loop.start} on runs is not known"
                )
            if left <= 1:
                break
            left -= 1
        self.gp[register] = 0
        if all(_alike(body, bodies[0]) for body in bodies[1:]):
            return [self._loop(loop, len(bodies), bodies[0])]
        unrolled: list[Node] = [loop.start]
        for body in bodies:
            unrolled += [*body, loop.end]
        return unrolled

    def _forget(self, loop: Loop) -> None:
        """After a loop that is not followed nothing is known of what it writes."""
        for node in loop.body:
            if isinstance(node, Loop):
                self._forget(node)
                continue
            decoded = self.program.decoded[node]
            assert decoded is not None
            for register in written_gp(decoded):
                self.gp[register] = None
            if "int_mem" in decoded.instruction.effects.writes:
                self._store(decoded, None)
        self.gp[loop.register] = 0

    def _copy(self, loop: Loop) -> Loop:
        """A loop of its own with the same counts."""
        body: list[Node] = [n if isinstance(n, int) else self._copy(n) for n in loop.body]
        return self._loop(loop, loop.count, body)

    def _loop(self, loop: Loop, count: int, body: list[Node]) -> Loop:
        self.loops += 1
        key = loop.start + self.loops * len(self.program.words)
        return Loop(loop.start, loop.register, count, loop.end, body, key=key)

    def _instruction(self, decoded: Decoded) -> None:
        values, gp = decoded.values, self.gp
        mnemonic = decoded.instruction.mnemonic
        if mnemonic in ARITHMETIC:
            inputs = zip(decoded.instruction.operands[1:], values[1:], strict=True)
            found: list[Value[int]] = [gp[v] if operand.is_register else v for operand, v in inputs]
            made: Value[int] = computed(mnemonic, *found)
            gp[values[0]] = made if isinstance(made, int) else None
        elif mnemonic == "S_LD_INT":
            base = gp[values[1]]
            gp[values[0]] = None if base is None else self._load(base + values[2])
        elif "int_mem" in decoded.instruction.effects.writes:
            self._store(decoded, gp[values[0]] if mnemonic == "S_ST_INT" else None)

    def _load(self, entry: int) -> int | None:
        if entry in self.memory:
            return self.memory[entry]
        return self.int_mem[entry] if entry < len(self.int_mem) else 0

    def _store(self, decoded: Decoded, value: int | None) -> None:
        """Keep a store in mind; one at a place that is not known may be anywhere."""
        base = self.gp[decoded.values[1]] if decoded.instruction.mnemonic == "S_ST_INT" else None
        if base is None:
            raise NotCounted("INT_MEM is written at places that are not known ahead")
        self.memory[base + decoded.values[2]] = value


def _alike(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Whether two runs of the same nodes go the same way."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        if isinstance(a, Loop) and isinstance(b, Loop):
            if (a.start, a.count) != (b.start, b.count) or not _alike(a.body, b.body):
                return False
        elif a != b:
            return False
    return True

"""The time of a program whose loads run beside other work, without running the program.

Between two transfers only two instructions matter: the first that uses vector SRAM, which waits for
the load into it, and the first that uses the matrix unit, which waits for both loads. So what is
between transfers is folded into segments, and the program replayed transfer by transfer, on the
memory model itself (exact: what the simulator counts), or on mean times of transfers, with loops
cut to a few iterations (estimated: loads that share the memory do not slow each other there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ..hbm.dram import Dram, Load
from ..program.loop_nest import Loop, Node, Structure
from ..program.program import Program
from ..spec.params import HbmDevice
from .hbm_time import Executions
from .transfer_plan import Transfer

NEVER = 1 << 62

ITERATIONS = 4
"""Iterations of a loop that an estimate replays; the last of them stands for those that follow."""

VECTOR, MATRIX = 1, 2
"""The loads, as bits of `Program.waits`."""


@dataclass(slots=True)
class Segment:
    """Instructions without transfers: cycles, and where in them the first one stands that waits for
    the load into vector SRAM, and for both."""

    cycles: int = 0
    vector: int = NEVER
    matrix: int = NEVER

    def followed_by(self, cycles: int, vector: int, matrix: int) -> None:
        """Add what comes behind."""
        if self.vector == NEVER and vector != NEVER:
            self.vector = self.cycles + vector
        if self.matrix == NEVER and matrix != NEVER:
            self.matrix = self.cycles + matrix
        self.cycles += cycles


@dataclass(slots=True)
class Repeat:
    """A loop with transfers: its start, its iterations, and one of them."""

    start: int
    count: int
    body: list[Part]


Part: TypeAlias = "Segment | Repeat | int"
"""A transfer is its pc."""


def folded(program: Program, structure: Structure) -> list[Part]:
    """A program as its transfers and what is between them."""
    return _folded(program, structure.nodes)


def _folded(program: Program, nodes: Sequence[Node]) -> list[Part]:
    parts: list[Part] = []
    cycles, waits = program.cycles, program.waits

    def segment() -> Segment:
        if not parts or not isinstance(parts[-1], Segment):
            parts.append(Segment())
        last = parts[-1]
        assert isinstance(last, Segment)
        return last

    for node in nodes:
        if isinstance(node, Loop):
            body = _folded(program, node.body)
            segment().followed_by(cycles[node.start], NEVER, NEVER)
            if all(isinstance(part, Segment) for part in body):
                whole = body[0] if body and isinstance(body[0], Segment) else Segment()
                once = whole.cycles + cycles[node.end]
                segment().followed_by(node.count * once, whole.vector, whole.matrix)
                continue
            if not isinstance(body[-1], Segment):
                body.append(Segment())
            last = body[-1]
            assert isinstance(last, Segment)
            last.followed_by(cycles[node.end], NEVER, NEVER)
            parts.append(Repeat(node.start, node.count, body))
            continue
        decoded = program.decoded[node]
        assert decoded is not None
        if decoded.instruction.unit == "hbm":
            parts.append(node)
            continue
        vector = 0 if waits[node] & VECTOR else NEVER
        matrix = 0 if waits[node] & MATRIX else NEVER
        segment().followed_by(cycles[node], vector, matrix)
    return parts


class Memory(Protocol):
    """What makes transfers; times are cycles."""

    def begin(self, pc: int, now: float) -> object:
        """Begin a load."""
        ...

    def wait(self, load: object, now: float) -> float:
        """When a load has arrived, from `now` on."""
        ...

    def store(self, pc: int, now: float) -> float:
        """When a store that begins now has ended."""
        ...

    def shift(self, load: object, by: float) -> None:
        """Let a load arrive later."""
        ...


class ExactMemory:
    """The memory model, on the transfers of a program in their order."""

    def __init__(self, executions: Executions, device: HbmDevice) -> None:
        self.executions = executions
        self.dram = Dram(device)
        self.made = 0

    def _next(self) -> list[int]:
        transfer, numbers, _ = self.executions.execution(self.made)
        self.made += 1
        return transfer.lines(numbers)

    def begin(self, pc: int, now: float) -> object:
        """Begin a load."""
        return self.dram.begin(self._next(), int(now))

    def wait(self, load: object, now: float) -> float:
        """When a load has arrived, from `now` on."""
        assert isinstance(load, Load)
        return self.dram.wait(load, int(now))

    def store(self, pc: int, now: float) -> float:
        """When a store that begins now has ended."""
        return self.dram.store(self._next(), int(now))

    def shift(self, load: object, by: float) -> None:
        """Nothing is left out, so nothing is shifted."""
        raise NotImplementedError


@dataclass(slots=True)
class _Arrival:
    at: float


class MeanMemory:
    """Each transfer instruction takes its mean time, by pc."""

    def __init__(self, means: dict[int, float]) -> None:
        self.means = means

    def begin(self, pc: int, now: float) -> object:
        """Begin a load."""
        return _Arrival(now + self.means[pc])

    def wait(self, load: object, now: float) -> float:
        """When a load has arrived, from `now` on."""
        assert isinstance(load, _Arrival)
        return max(load.at, now)

    def store(self, pc: int, now: float) -> float:
        """When a store that begins now has ended."""
        return now + self.means[pc]

    def shift(self, load: object, by: float) -> None:
        """Let a load arrive later."""
        assert isinstance(load, _Arrival)
        load.at += by


@dataclass(slots=True)
class Replayed:
    """A program's cycles in all, and those that each transfer instruction costs, by pc: its own
    ones, and those that something waited for its loads."""

    total: float = 0
    cost: dict[int, float] = field(default_factory=dict[int, float])


def replayed(
    program: Program, parts: Sequence[Part], memory: Memory, whole: bool = True
) -> Replayed:
    """Replay a program on a memory; not `whole`: with loops cut to `ITERATIONS`."""
    walk = _Walk(program, memory, whole)
    walk.run(parts)
    for load in (MATRIX, VECTOR):
        walk.wait(load)
    return Replayed(walk.now, walk.cost)


class _Walk:
    def __init__(self, program: Program, memory: Memory, whole: bool) -> None:
        self.program = program
        self.memory = memory
        self.whole = whole
        self.now: float = 0
        self.cost: dict[int, float] = {}
        self.loads: dict[int, tuple[int, object]] = {}

    def wait(self, load: int) -> None:
        """Wait for a load, at the expense of its instruction."""
        found = self.loads.pop(load, None)
        if found is not None:
            pc, handle = found
            end = self.memory.wait(handle, self.now)
            self.cost[pc] += end - self.now
            self.now = end

    def run(self, parts: Sequence[Part]) -> None:
        """Replay parts once."""
        for part in parts:
            if isinstance(part, Segment):
                self._segment(part)
            elif isinstance(part, Repeat):
                self._repeat(part)
            else:
                self._transfer(part)

    def _segment(self, part: Segment) -> None:
        if not self.loads:
            self.now += part.cycles
            return
        done = 0
        if part.vector < part.matrix:
            self.now += part.vector
            done = part.vector
            self.wait(VECTOR)
        if part.matrix != NEVER:
            self.now += part.matrix - done
            done = part.matrix
            self.wait(MATRIX)
            self.wait(VECTOR)
        self.now += part.cycles - done

    def _transfer(self, pc: int) -> None:
        decoded = self.program.decoded[pc]
        assert decoded is not None
        begin = self.now
        self.cost.setdefault(pc, 0)
        match decoded.instruction.mnemonic:
            case "H_PREFETCH_M":
                self.wait(MATRIX)
                self.loads[MATRIX] = pc, self.memory.begin(pc, self.now)
            case "H_PREFETCH_V":
                self.wait(VECTOR)
                self.loads[VECTOR] = pc, self.memory.begin(pc, self.now)
            case _:
                self.wait(VECTOR)
                begin = self.now
                self.now = self.memory.store(pc, begin)
                self.cost[pc] += self.now - begin
        self.now += self.program.cycles[pc]
        self.cost[pc] += self.program.cycles[pc]

    def _repeat(self, part: Repeat) -> None:
        count = part.count if self.whole else min(part.count, ITERATIONS)
        before, costs = self.now, dict[int, float]()
        for iteration in range(count):
            if iteration == count - 1:
                before, costs = self.now, dict(self.cost)
            self.run(part.body)
        left = part.count - count
        if left:
            by = left * (self.now - before)
            for pc, cost in self.cost.items():
                self.cost[pc] = cost + left * (cost - costs.get(pc, 0))
            for _, handle in self.loads.values():
                self.memory.shift(handle, by)
            self.now += by


def mean_times(transfers: Sequence[Transfer], cycles: Sequence[float]) -> dict[int, float]:
    """The mean time of each transfer instruction, by pc, from that of all their executions."""
    total: dict[int, float] = {}
    executed: dict[int, int] = {}
    for transfer, took in zip(transfers, cycles, strict=True):
        total[transfer.pc] = total.get(transfer.pc, 0) + took
        executed[transfer.pc] = executed.get(transfer.pc, 0) + transfer.executed
    return {pc: total[pc] / max(1, executed[pc]) for pc in total}

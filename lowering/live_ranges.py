"""Live ranges of register values over the linear order of a kernel.

Operations are numbered in program order. Operation i reads its operands at point 2i and writes its
results at 2i + 1; a loop writes its counter and carried values at its own number and its results
at the number of its yield. A range is a list of half-open segments of points: a value written at i
and last read at j is live in [2i + 1, 2j + 1), so an instruction may write a register it reads.

A value that is defined outside a loop and read inside lives to the loop's end: the next iteration
reads it again. Values are SSA and loops the only control flow, so each value has one segment;
values that share a register have several together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from ..diagnostics import OpError
from ..dialects import plena


class LiveRange:
    """A set of points as sorted, disjoint, half-open segments. Touching segments are joined."""

    __slots__ = ("ends", "starts")

    def __init__(self, start: int | None = None, end: int | None = None):
        self.starts: list[int] = [] if start is None else [start]
        self.ends: list[int] = [] if end is None else [end]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, self.ends, strict=True)

    def __len__(self) -> int:
        """The number of segments."""
        return len(self.starts)

    @property
    def points(self) -> int:
        """How many points are covered."""
        return sum(self.ends) - sum(self.starts)

    def first_overlap(self, other: LiveRange) -> int | None:
        """A point that is in both, None if they are disjoint. Costs short times log long."""
        few, many = (self, other) if len(self.starts) <= len(other.starts) else (other, self)
        starts, ends = many.starts, many.ends
        for start, end in zip(few.starts, few.ends, strict=True):
            index = bisect_right(ends, start)
            if index < len(starts) and starts[index] < end:
                return max(start, starts[index])
        return None

    def add(self, other: LiveRange) -> None:
        """Add the points of `other`, which must be disjoint."""
        if len(other.starts) > len(self.starts):
            few = LiveRange()
            few.starts, few.ends = self.starts, self.ends
            self.starts, self.ends = other.starts.copy(), other.ends.copy()
        else:
            few = other
        for start, end in few:
            self._insert(start, end)

    def _insert(self, start: int, end: int) -> None:
        index = bisect_left(self.starts, start)
        joins_left = index > 0 and self.ends[index - 1] == start
        joins_right = index < len(self.starts) and self.starts[index] == end
        if joins_left and joins_right:
            self.ends[index - 1] = self.ends[index]
            del self.starts[index], self.ends[index]
        elif joins_left:
            self.ends[index - 1] = end
        elif joins_right:
            self.starts[index] = start
        else:
            self.starts.insert(index, start)
            self.ends.insert(index, end)


class ProgramOrder:
    """The operations of a kernel in program order, and how often each runs.

    Precondition: the kernel holds operations of the `plena` dialect only; OpError otherwise.
    """

    def __init__(self, kernel: plena.KernelOp):
        self.ops: list[Operation] = []
        self.position: dict[Operation, int] = {}
        self.frequency: dict[Block, int] = {}
        self.values: list[SSAValue] = []
        """Values that live in a register or slot, without the registers that read as zero."""
        self._visit(kernel.body.block, 1)

    def _visit(self, block: Block, frequency: int) -> None:
        self.frequency[block] = frequency
        for op in block.ops:
            self.position[op] = len(self.ops)
            self.ops.append(op)
            if isinstance(op, plena.LoopOp):
                self.values += op.body.block.args
                self._visit(op.body.block, frequency * op.iterations)
                self.values += op.results
            elif isinstance(op, plena.Emitting):
                self.values += op.results
            elif not isinstance(op, plena.GetRegisterOp | plena.YieldOp):
                raise OpError(op, f"{op.name} is not an operation of the machine; lower it first")

    def span(self, loop: plena.LoopOp) -> tuple[int, int]:
        """The points at which the registers of `loop` are those of the body."""
        return 2 * self.position[loop] + 1, 2 * self.position[loop.terminator] + 1

    def start(self, value: SSAValue) -> int:
        """The point at which `value` is written."""
        if isinstance(value, BlockArgument):
            loop = value.block.parent_op()
            assert loop is not None
            return 2 * self.position[loop] + 1
        assert isinstance(value, OpResult)
        if isinstance(value.op, plena.LoopOp):
            return 2 * self.position[value.op.terminator] + 1
        return 2 * self.position[value.op] + 1

    def range(self, value: SSAValue) -> LiveRange:
        """The live range of one value. One that nobody reads still takes its register to write."""
        owner = value.owner
        home = owner if isinstance(owner, Block) else owner.parent
        start = self.start(value)
        last = start // 2
        for use in value.uses:
            reader = use.operation
            if reader.parent is home:
                point = self.position[reader]
            else:
                loop = outermost_loop(reader, home)
                point = self.position[loop.terminator]
            last = max(last, point)
        return LiveRange(start, max(2 * last + 1, start + 1))


def enclosing_loops(op: Operation, home: Block | None) -> list[plena.LoopOp]:
    """The loops around `op` inside the block `home`, the outermost first."""
    loops: list[plena.LoopOp] = []
    block = op.parent
    while block is not home and block is not None:
        loop = block.parent_op()
        if not isinstance(loop, plena.LoopOp):
            break
        loops.append(loop)
        block = loop.parent
    loops.reverse()
    return loops


def outermost_loop(op: Operation, home: Block | None) -> plena.LoopOp:
    """The loop of block `home` that `op` is in."""
    return enclosing_loops(op, home)[0]

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from ...diagnostics import OpError
from ...dialects import plena


class LiveRange:
    """A set of points as sorted, disjoint, half-open segments. Touching segments are joined."""

    __slots__ = ("bounds",)

    def __init__(self, *bounds: int):
        self.bounds: list[int] = list(bounds)
        """Start and end of each segment in turn, ascending."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The segments."""
        return zip(self.bounds[::2], self.bounds[1::2], strict=True)

    @property
    def start(self) -> int:
        """The first point."""
        return self.bounds[0]

    @property
    def points(self) -> int:
        """How many points are covered."""
        return sum(self.bounds[1::2]) - sum(self.bounds[::2])

    def first_overlap(self, other: LiveRange) -> int | None:
        """A point that is in both, None if they are disjoint. Costs short times log long."""
        few, many = self.bounds, other.bounds
        if len(few) > len(many):
            few, many = many, few
        for at in range(0, len(few), 2):
            index = bisect_right(many, few[at])
            if index % 2:
                return few[at]
            if index < len(many) and many[index] < few[at + 1]:
                return many[index]
        return None

    def add(self, other: LiveRange) -> None:
        """Add the points of `other`."""
        few = other.bounds
        if len(few) > len(self.bounds):
            few, self.bounds = self.bounds, few.copy()
        bounds = self.bounds
        for at in range(0, len(few), 2):
            start, end = few[at], few[at + 1]
            low = bisect_left(bounds, start)
            high = bisect_right(bounds, end)
            # An odd index is inside a segment or at its end: that bound vanishes in the union.
            bounds[low:high] = [start] * (low % 2 == 0) + [end] * (high % 2 == 0)


@dataclass(slots=True)
class _Extent:
    """Where a value is written and last read; `depth` is the number of loops around its block."""

    start: int
    depth: int
    last: int


_SILENT = frozenset({plena.GetRegisterOp, plena.YieldOp})


class ProgramOrder:
    """The operations of a kernel in program order, how often each runs, and live ranges.

    A snapshot: it does not follow changes of the kernel. Precondition: the kernel holds operations
    of the `plena` dialect only; OpError otherwise.
    """

    def __init__(self, kernel: plena.KernelOp):
        self.ops: list[Operation] = []
        self.position: dict[Operation, int] = {}
        self.frequency: dict[Block, int] = {}
        """How often each block runs."""
        self.loops: list[plena.LoopOp] = []
        self.copies: list[plena.CopyOp] = []
        self.overwriting: list[plena.Instruction] = []
        """Instructions that overwrite an operand's register."""
        self._extents: dict[SSAValue, _Extent] = {}
        self._read_inside: list[list[_Extent]] = []
        """For each open loop, what was defined just outside of it and read inside."""
        self._visit(kernel.body.block, 1)

    @property
    def values(self) -> Iterable[SSAValue]:
        """Values that live in a register or slot, without the registers that read as zero."""
        return self._extents

    def _visit(self, block: Block, frequency: int) -> None:
        self.frequency[block] = frequency
        extents, depth = self._extents, len(self._read_inside)
        for op in block.ops:
            kind = type(op)
            number = len(self.ops)
            self.ops.append(op)
            self.position[op] = number
            for operand in op.operands:
                extent = extents.get(operand)
                if extent is None:
                    continue
                if extent.depth == depth:
                    extent.last = number
                else:
                    self._read_inside[extent.depth].append(extent)
            if kind in plena.EMITTING:
                for result in op.results:
                    extents[result] = _Extent(2 * number + 1, depth, number)
                if isinstance(op, plena.Instruction):
                    if op.tied_indices:
                        self.overwriting.append(op)
                elif isinstance(op, plena.CopyOp):
                    self.copies.append(op)
            elif isinstance(op, plena.LoopOp):
                self._visit_loop(op, number, frequency * op.iterations)
            elif kind not in _SILENT:
                raise OpError(op, f"{op.name} is not an operation of the machine; lower it first")

    def _visit_loop(self, loop: plena.LoopOp, number: int, frequency: int) -> None:
        self.loops.append(loop)
        inside: list[_Extent] = []
        self._read_inside.append(inside)
        block = loop.body.block
        for argument in block.args:
            self._write(argument, number)
        self._visit(block, frequency)
        self._read_inside.pop()
        end = len(self.ops) - 1
        for extent in inside:
            extent.last = end
        for result in loop.results:
            self._write(result, end)

    def _write(self, value: SSAValue, number: int) -> None:
        self._extents[value] = _Extent(2 * number + 1, len(self._read_inside), number)

    def start(self, value: SSAValue) -> int:
        """The point at which `value` is written."""
        return self._extents[value].start

    def span_end(self, loop: plena.LoopOp) -> int:
        """The end of what lives throughout `loop`."""
        return 2 * self.position[loop.terminator] + 1

    def span(self, value: SSAValue) -> tuple[int, int]:
        """Start and end of the one segment of `value`. One that nobody reads still takes its
        register to write."""
        extent = self._extents[value]
        start, end = extent.start, 2 * extent.last + 1
        return start, end if end > start else start + 1

    def range(self, value: SSAValue) -> LiveRange:
        """The live range of one value."""
        return LiveRange(*self.span(value))


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

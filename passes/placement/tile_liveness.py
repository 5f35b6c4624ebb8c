"""When tiles are alive, and which of them must or may share one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from xdsl.dialects import func, scf
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue, Use

from ...dialects import fa
from ...dialects.fa.row_loop import row_loop_around
from ...dialects.fa.types import TileType
from .first_fit import Span


@dataclass
class TileLiveness:
    """Program points of a function and the span of each tile.

    Operation number p reads at point 2p and writes at 2p + 1. A loop has a number where it starts
    (its initial values are read there, its arguments written) and one where it ends (its results
    are written there). A tile from outside a loop that is read inside lives to the loop's end; a
    row loop is no loop here, because every row of a tile is its own.
    """

    points: dict[Operation, int] = field(default_factory=dict[Operation, int])
    ends: dict[Operation, int] = field(default_factory=dict[Operation, int])
    tiles: list[SSAValue] = field(default_factory=list[SSAValue])
    spans: dict[SSAValue, Span] = field(default_factory=dict[SSAValue, Span])
    """From the write to the last read, each operation by itself: who may share one place."""
    taken: dict[SSAValue, Span] = field(default_factory=dict[SSAValue, Span])
    """The same where operations of one row loop work at the same time: who may overlap."""

    @classmethod
    def of(cls, function: func.FuncOp) -> TileLiveness:
        """The liveness of a function's tiles."""
        result = cls()
        result._number(list(function.body.block.ops))
        for value in result.tiles:
            span = result.spans[value] = result._span(value)
            extents = [
                result._extent(loop)
                for op in (_writer(value), *(use.operation for use in _uses(value)))
                if (loop := row_loop_around(op)) is not None
            ]
            result.taken[value] = Span(
                min([span.start, *(extent.start for extent in extents)]),
                max([span.end, *(extent.end for extent in extents)]),
            )
        return result

    def _extent(self, loop: fa.RowLoopOp) -> Span:
        """The first point of a row loop's first operation, and the last of its last."""
        first, *_, last = (loop.steps[0], *loop.steps)
        return Span(2 * self.points[first], 2 * self.points[last] + 1)

    def _number(self, ops: Sequence[Operation]) -> None:
        for op in ops:
            self.points[op] = len(self.points) + len(self.ends)
            for region in op.regions:
                for block in region.blocks:
                    self.tiles.extend(arg for arg in block.args if isinstance(arg.type, TileType))
                    self._number(list(block.ops))
            if op.regions:
                self.ends[op] = len(self.points) + len(self.ends)
            if not isinstance(op, fa.ViewOp):
                # A view lies where its tile does.
                self.tiles.extend(value for value in op.results if isinstance(value.type, TileType))

    def written(self, value: SSAValue) -> int:
        """The point at which a value is written."""
        if isinstance(value, BlockArgument):
            loop = value.block.parent_op()
            assert loop is not None
            return 2 * self.points[loop] + 1
        assert isinstance(value, OpResult)
        return 2 * self.ends.get(value.op, self.points[value.op]) + 1

    def _span(self, value: SSAValue) -> Span:
        start = end = self.written(value)
        home = value.owner if isinstance(value, BlockArgument) else value.owner.parent
        for use in _uses(value):
            op, point = use.operation, 2 * self.points[use.operation]
            while op.parent is not home:
                loop = op.parent_op()
                assert loop is not None
                if not isinstance(loop, fa.RowLoopOp):
                    point = 2 * self.ends[loop]
                op = loop
            end = max(end, point)
        return Span(start, end)


def _uses(value: SSAValue) -> Iterator[Use]:
    """The uses of a tile, and those of the views of it."""
    for use in value.uses:
        yield use
        if isinstance(use.operation, fa.ViewOp):
            yield from _uses(use.operation.result)


def stays_in_row_loop(value: SSAValue) -> bool:
    """Whether a value never needs a place: a row of it is made and used up in one row loop.

    So are statistics, which are in registers, a product of M_BTMV and sums by a tile of ones, which
    are in the loop's scratch. Where several rows are done together there are not registers enough
    for statistics that operations hand on beside those of the past.
    """
    loop = row_loop_around(value.op) if isinstance(value, OpResult) else None
    if not isinstance(value, OpResult) or loop is None:
        return False
    match value.op:
        case fa.OnlineSoftmaxOp() if value.index == 0:
            return False
        case fa.OnlineSoftmaxOp() if value.index == 2 and value.op.total is not None:
            # The sum so far is updated where it lies.
            return fa.tile(value).space.data == "scalar" and not _leaves(value)
        case fa.OnlineSoftmaxOp() if loop.group > 1 and fa.tile(value).space.data == "scalar":
            return not list(value.uses) or (value.op.maximum is None and not _leaves(value))
        case fa.OnlineSoftmaxOp():
            return not _leaves(value)
        case fa.MatmulOp():
            return value.op.transposed and not _leaves(value)
        case _:
            return False


def _leaves(value: SSAValue) -> bool:
    """Whether what a row loop makes is needed behind it."""
    return any(isinstance(use.operation, fa.YieldOp) for use in value.uses)


def _writer(value: SSAValue) -> Operation:
    """The operation that writes a tile: for an argument its loop."""
    if isinstance(value, OpResult):
        return value.op
    assert isinstance(value, BlockArgument)
    loop = value.block.parent_op()
    assert loop is not None
    return loop


class Places:
    """Tiles grouped into places: all tiles of a place have one address."""

    def __init__(self, liveness: TileLiveness):
        self.liveness = liveness
        self._members: dict[SSAValue, list[SSAValue]] = {tile: [tile] for tile in liveness.tiles}

    def members(self, value: SSAValue) -> list[SSAValue]:
        """The tiles that share the place of `value`."""
        return self._members[value]

    def groups(self) -> list[list[SSAValue]]:
        """All places, in program order."""
        seen = set[int]()
        result: list[list[SSAValue]] = []
        for tile in self.liveness.tiles:
            group = self._members[tile]
            if id(group) not in seen:
                seen.add(id(group))
                result.append(group)
        return result

    def merge(self, one: SSAValue, other: SSAValue) -> bool:
        """Let two tiles share a place; False where they, or tiles that share with them, cannot."""
        first, second = self._members[one], self._members[other]
        if first is second:
            return True
        kinds = [value.type for value in (one, other)]
        assert isinstance(kinds[0], TileType)
        assert isinstance(kinds[1], TileType)
        if kinds[0].packed_by(None) != kinds[1].packed_by(None):
            return False
        if any(self._clash(a, b) for a in first for b in second):
            return False
        merged = [*first, *second]
        for tile in merged:
            self._members[tile] = merged
        return True

    def merge_in_place(self, function: func.FuncOp) -> None:
        """Let values share that are updated in place, and results of row loops with what is
        yielded."""
        for op in function.walk():
            if isinstance(op, fa.RowLoopOp):
                for value, output in zip(op.yielded, op.outputs, strict=True):
                    self.merge(value, output)
        for op in function.walk():
            if isinstance(op, fa.TileOp):
                for result, operand in op.in_place.items():
                    self.merge(op.results[result], op.operands[operand])

    def _clash(self, a: SSAValue, b: SSAValue) -> bool:
        """Whether two tiles cannot have one address: alive together, but for an update in place."""
        one, other = self.liveness.spans[a], self.liveness.spans[b]
        if not one.meets(other):
            return False
        if one.start < other.end and other.start < one.end:
            return True
        return not (_handed_over(a, b) or _handed_over(b, a))


def _handed_over(old: SSAValue, new: SSAValue) -> bool:
    """Whether what reads `old` last may write `new` over it: in place, or at a loop's edge."""
    if isinstance(new, BlockArgument):
        loop = new.block.parent_op()
        return isinstance(loop, scf.ForOp) and loop.iter_args[new.index - 1] is old
    assert isinstance(new, OpResult)
    op = new.op
    if isinstance(op, fa.TileOp):
        position = op.in_place.get(new.index)
        return (
            position is not None
            and list(op.operands).count(old) == 1
            and (op.operands[position] is old)
        )
    return False

"""`schedule-rows`: the first step of the online softmax without a past, and loops over rows.

Precondition: tile IR after `specialize-masks`. Postcondition: the first key tile of each
recurrence starts it (nothing to rescale, nothing to fill); a loop over key tiles has its first
iteration in front, unless it ends where a length says. Where M_MM does P V and there is one tile of
keys, P is divided by the row sums instead of P V. Neighbouring operations that go over the rows of
a tile one by one, and may be done row by row together, stand in one `fa.row_loop`, which says how
many rows there are to do and how many make an iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import region_dce

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.discardable_attrs import UNROLL_ROWS
from ..support.def_use import only_user, producer
from ..support.loop_affine import Affine, affine, iterations, run_time_end
from ..support.rounding import round_up
from ..support.tile_builder import index_constant

UNROLLED_ROWS = 4
"""Rows in one iteration of a row loop by default."""

MANY_LOOPS = 16
"""With more row loops than this, as unrolled query tiles have, iterations take fewer rows: the text
is bounded by so many loops of `UNROLLED_ROWS` rows, and longer only where each row is a loop's."""


@dataclass(frozen=True)
class ScheduleRowsPass(ModulePass):
    """First steps without a past; neighbours in one loop over rows."""

    name = "schedule-rows"

    unroll_rows: int | None = None
    """Rows in one iteration of a loop over rows, at most. By default 4, or what divides them."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.unroll_rows is not None and self.unroll_rows < 1:
            raise OpError(op, f"unroll-rows must be at least 1, got {self.unroll_rows}")
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            for loop in [inner for inner in function.walk() if isinstance(inner, scf.ForOp)]:
                if _starts_recurrence(loop):
                    _peel(loop)
            for step in [i for i in function.walk() if isinstance(i, fa.OnlineSoftmaxOp)]:
                _start(step)
            for product in [i for i in function.walk() if isinstance(i, fa.MatmulOp)]:
                _normalize_first(product)
            region_dce(function.body)
            _Grouping(function, self.unroll_rows or _wished(function)).apply()


def _wished(function: func.FuncOp) -> int | None:
    """The rows in one iteration that `map` was asked for."""
    wished = attribute_of(function, UNROLL_ROWS)
    return wished.value.data if isinstance(wished, IntegerAttr) else None


def _is_fill(value: SSAValue | None, number: float) -> bool:
    fill = None if value is None else producer(value, fa.FillOp)
    return fill is not None and fill.value.value.data == number


def _starts_recurrence(loop: scf.ForOp) -> bool:
    """Whether a loop over key tiles carries a recurrence from its very beginning."""
    block = loop.body.block
    if run_time_end(loop) is not None:
        # What is left after one iteration may be none, and a loop runs at least once.
        return False
    for op in block.ops:
        if op.regions:
            return False
    for step in block.ops:
        if not isinstance(step, fa.OnlineSoftmaxOp):
            continue
        bounded = step.bounded is not None
        carried, start = (step.total, 0.0) if bounded else (step.maximum, -inf)
        if isinstance(carried, BlockArgument) and carried.block is block:
            return _is_fill(loop.iter_args[carried.index - 1], start)
    return False


def _peel(loop: scf.ForOp) -> None:
    """Put the first iteration of a loop in front of it."""
    steps = iterations(loop)
    if not len(steps):
        return
    point = InsertPoint.before(loop)
    first = index_constant(steps.start, point, loop.location)
    block = loop.body.block
    table: dict[SSAValue, SSAValue] = dict(zip(block.args, [first, *loop.iter_args], strict=True))
    last = block.last_op
    assert isinstance(last, scf.YieldOp)
    for op in [op for op in block.ops if op is not last]:
        Rewriter.insert_op(op.clone(table), point)
    carried = [table.get(value, value) for value in last.arguments]
    if len(steps) == 1:
        for old, new in zip(loop.results, carried, strict=True):
            old.replace_all_uses_with(new)
        Rewriter.erase_op(loop)
        return
    loop.operands[0] = index_constant(steps.start + steps.step, point, loop.location)
    for position, value in enumerate(carried):
        loop.operands[3 + position] = value


def _start(step: fa.OnlineSoftmaxOp) -> None:
    """Let a step that has seen no key before be a first one, and its accumulation with it."""
    first = step.bounded is not None or _is_fill(step.maximum, -inf)
    if not first or not _is_fill(step.total, 0.0):
        return
    adds: Sequence[Operation] = [use.operation for use in step.alpha.uses]
    if step.bounded is not None:
        adds = step.accumulations or ()
    starts = [isinstance(add, fa.AccumulateOp) and _is_fill(add.acc, 0.0) for add in adds]
    if not all(starts):
        return
    for add in adds:
        assert isinstance(add, fa.AccumulateOp)
        add.result.replace_all_uses_with(add.addend)
        Rewriter.erase_op(add)
    new = step.without_past()
    new.location = step.location
    for old, result in zip(step.results, new.results, strict=True):
        result.name_hint = old.name_hint
    Rewriter.replace_op(step, new)


def _normalize_first(product: fa.MatmulOp) -> None:
    """Divide P by the row sum rather than P V, where P is in a row loop and P V is not.

    That saves a second pass over the rows, if P has no more panels than two of P V: for one tile of
    keys, whose sum is final.
    """
    if product.instruction == "btmv":
        return
    step, end = producer(product.lhs, fa.OnlineSoftmaxOp), only_user(product.result, fa.NormalizeOp)
    if step is None or end is None or step.total is not None or step.ones is not None:
        return
    p = fa.tile(product.lhs)
    if end.total is not step.new_total or len(list(step.result.uses)) > 1:
        return
    if p.cols > 2 * fa.tile(product.result).cols:
        return
    factor = None if end.factor is None else end.multiplier
    empty, least = end.empty_rows is not None, end.least_sum
    first = fa.NormalizeOp(product.lhs, step.new_total, empty, factor, least=least)
    first.location, first.result.name_hint = end.location, step.result.name_hint
    Rewriter.insert_op(first, InsertPoint.after(step))
    product.operands[0] = first.result
    end.result.replace_all_uses_with(product.result)
    Rewriter.erase_op(end)


class _Grouping:
    """Numbers the row loops of a function."""

    def __init__(self, function: func.FuncOp, unroll: int | None):
        self.function = function
        self.unroll = unroll
        self.groups: list[list[fa.TileOp]] = []

    def apply(self) -> None:
        """Group the operations of every block, then say how many rows make an iteration."""
        for block in list(self.function.walk_blocks()):
            if isinstance(block.parent_op(), fa.RowLoopOp):
                continue
            group: list[fa.TileOp] = []
            waiting: list[Operation] = []
            for op in list(block.ops):
                if group and _may_move(op):
                    waiting.append(op)
                    continue
                row_wise = _row_wise(op) and _has_its_row(op, group)
                joins = row_wise and (not group or _rows(op) == _rows(group[0]))
                if joins:
                    # What a group waits for comes in front of it; what nothing in it waits for
                    # stays, or tiles would be alive for longer.
                    for needed in waiting:
                        needed.detach()
                        Rewriter.insert_op(needed, InsertPoint.before(group[0]))
                else:
                    self._close(group)
                    group = []
                waiting = []
                if row_wise:
                    assert isinstance(op, fa.TileOp)
                    group.append(op)
            self._close(group)
        wanted = self.unroll
        if wanted is None:
            wanted = max(
                1, min(UNROLLED_ROWS, UNROLLED_ROWS * MANY_LOOPS // max(1, len(self.groups)))
            )
        single = _single_tile(self.function)
        counts = [_valid_rows(group, _rows(group[0]), single) for group in self.groups]
        for group, rows in zip(self.groups, counts, strict=True):
            together = fa.group_of(group)
            if rows > together:
                # Rows that share lanes are done together, padding with them.
                rows = round_up(rows, together)
            together = min(together, rows)
            most = min(max(wanted, together), rows)
            unroll = next(
                count
                for count in range(most // together * together, 0, -together)
                if rows % count == 0
            )
            _enclose(group, rows, unroll)

    def _close(self, group: list[fa.TileOp]) -> None:
        if group:
            self.groups.append(group)


def _enclose(group: Sequence[fa.TileOp], rows: int, unroll: int) -> None:
    """Put neighbours into one row loop, which yields what is needed outside of it."""
    members = set[Operation](group)
    leaving = [
        result
        for op in group
        for result in op.results
        if any(use.operation not in members for use in result.uses)
    ]
    body = Region(Block())
    loop = fa.RowLoopOp(rows, unroll, body, [value.type for value in leaving])
    loop.location = group[0].location
    Rewriter.insert_op(loop, InsertPoint.before(group[0]))
    for value, output in zip(leaving, loop.outputs, strict=True):
        output.name_hint = value.name_hint
        value.replace_uses_with_if(output, lambda use: use.operation not in members)
    for op in group:
        op.detach()
        body.block.add_op(op)
    body.block.add_op(fa.YieldOp(*leaving))


def _row_wise(op: Operation) -> bool:
    return isinstance(op, fa.TileOp) and op.row_wise


def _has_its_row(op: Operation, group: Sequence[fa.TileOp]) -> bool:
    """Whether what an accumulation without factors takes a row of is in the loop as well, from the
    softmax on."""
    if not isinstance(op, fa.AccumulateOp) or op.alpha is not None:
        return True
    product = op.addend.owner
    if not isinstance(product, fa.MatmulOp) or product not in group:
        return False
    step = product.lhs.owner
    return step in group and (not isinstance(step, fa.RepackOp) or step.source.owner in group)


def _by_rows(op: Operation) -> bool:
    """Whether an operation reads no row of a tile but those that are wanted of its result."""
    return _row_wise(op) or isinstance(op, fa.StoreOp | scf.ForOp | scf.YieldOp)


def _rows(op: Operation) -> int:
    assert isinstance(op, fa.TileOp)
    return op.loop_rows


def _may_move(op: Operation) -> bool:
    """Whether an operation can stand in front of a group that it interrupts: it reads HBM only, or
    names a part of a tile in matrix memory."""
    return isinstance(op, fa.LoadOp | fa.ViewOp | arith.ConstantOp | arith.AddiOp | arith.MuliOp)


def _single_tile(function: func.FuncOp) -> tuple[int, int] | None:
    """The rows of a tile that holds all queries, and how many of them are no padding.

    None where results are stored in several tiles. Rows do not mix on the way to the results, so
    what padding holds does not matter to the others.
    """
    stores = [op for op in function.walk() if isinstance(op, fa.StoreOp) and op.row is None]
    found = {
        (fa.tile(op.tile).rows, fa.tensor_dims(op.target)[-2], affine(op.indices[-2]) == Affine(0))
        for op in stores
    }
    if len(found) != 1:
        return None
    rows, length, at_start = found.pop()
    return (rows, length) if at_start and length < rows else None


def _valid_rows(group: Sequence[fa.TileOp], rows: int, single: tuple[int, int] | None) -> int:
    """The rows of a group that are no padding, where that is known: one tile holds all of them."""
    results = [result for op in group for result in op.results]
    users = [use.operation for result in results for use in result.uses]
    if single is not None and single[0] == rows and all(map(_by_rows, users)):
        return single[1]
    for op in group:
        if isinstance(op, fa.NormalizePackedOp):
            # What is stored has other rows.
            continue
        for result in op.results:
            for use in result.uses:
                store = use.operation
                if not isinstance(store, fa.StoreOp) or store.row is not None:
                    continue
                length = fa.tensor_dims(store.target)[-2]
                if affine(store.indices[-2]) == Affine(0) and length < rows:
                    return length
    return rows

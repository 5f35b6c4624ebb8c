"""`remove-redundant`: what is computed for nobody, or a second time in the same block.

Two equal values in one block become one where a register is free between them. What is overwritten
(a loop's init, a total) is left alone: sharing it would take a copy, which is no cheaper.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from heapq import heappop, heappush

from xdsl.ir import Block, Operation, SSAValue

from ...dialects import plena
from ..registers.pressure import Pressure
from .kernel_pass import (
    KernelPass,
    erase,
    erase_dead,
    is_pure,
    is_removable,
    loops_of,
    ops_of,
    remake,
    replace,
    tied_uses,
)


@dataclass(frozen=True)
class RemoveRedundant(KernelPass):
    """Remove what is not needed.

    Precondition: kernels without registers. Postcondition: they do the same; no instruction has
    only results that nobody reads; no register is copied (the allocator copies where it must); no
    loop carries a value that only it reads, or that stays the same; and of equal values in one
    block there is one, where registers allow.
    """

    name = "remove-redundant"

    near: bool = False
    """Of equal values with a loop between them both stay, because a register is worth more in the
    loop than one instruction outside."""

    def run(self, kernel: plena.KernelOp) -> None:
        remove_redundant(kernel, self.near)


def remove_redundant(kernel: plena.KernelOp, near: bool = False) -> None:
    """Clean up one kernel, as `RemoveRedundant` says."""
    for op in ops_of(kernel.body.block):
        if isinstance(op, plena.CopyOp):
            replace(op, op.source)
    for loop in loops_of(kernel.body.block):
        drop_carried(loop)
    _merge(kernel, near)
    _erase_unread(kernel.body.block)


def drop_carried(loop: plena.LoopOp) -> None:
    """Do without carried values that never change, or that only make their own next value."""
    kept: list[int] = []
    for index, (argument, init, after, result) in enumerate(
        zip(loop.carried, loop.inits, loop.yielded, loop.results, strict=True)
    ):
        if after is argument or after is init:
            argument.replace_all_uses_with(init)
            result.replace_all_uses_with(init)
        elif result.first_use is not None or not _is_for_itself(argument, after, loop, index):
            kept.append(index)
    if len(kept) < len(loop.carried):
        _keep(loop, kept)


def _is_for_itself(argument: SSAValue, after: SSAValue, loop: plena.LoopOp, index: int) -> bool:
    """Whether a carried value is read by nothing, or by one instruction, which makes the next."""
    maker = after.owner
    if argument.first_use is None:
        return True
    return (
        isinstance(maker, Operation)
        and is_pure(maker)
        and all(use.operation is maker for use in argument.uses)
        and all(use.operation is loop.terminator and use.index == index + 1 for use in after.uses)
    )


def _keep(loop: plena.LoopOp, kept: list[int]) -> None:
    """Let the loop carry only the values numbered in `kept`."""
    arguments, results = loop.carried, loop.results
    terminator = loop.terminator
    yielded = list(loop.yielded)
    block = loop.body.block
    gone = [index for index in range(len(arguments)) if index not in kept]
    new_yield = plena.YieldOp(terminator.operands[0], *(yielded[index] for index in kept))
    new_yield.location = terminator.location
    block.insert_op_before(new_yield, terminator)
    erase(terminator)
    for index in gone:
        # What only made the next value is dead once it is not yielded.
        maker = yielded[index].owner
        if isinstance(maker, Operation):
            erase_dead(maker)
    for index in reversed(gone):
        block.erase_arg(arguments[index])
    inits = [loop.inits[index] for index in kept]
    old = list(loop.inits)
    # The results come in the order of the inits.
    for index, result in zip(kept, results, strict=False):
        if results[index] is not result:
            results[index].replace_all_uses_with(result)
            result.name_hint = results[index].name_hint
    remake(loop, inits)
    for init in old:
        if isinstance(init.owner, Operation):
            erase_dead(init.owner)


def _merge(kernel: plena.KernelOp, near: bool) -> None:
    """Let equal values of a block be one, where a register is free from the first to the last."""
    pressure = Pressure(kernel)
    for block in [loop.body.block for loop in loops_of(kernel.body.block)] + [kernel.body.block]:
        _merge_block(block, pressure, near)


@dataclass(eq=False, slots=True)
class _First:
    """The first of some equal values of a block, and where it is read."""

    op: Operation
    readers: list[tuple[int, int, Operation]] | None = None
    """A heap of the operations of the block that read it, by themselves or inside, the last first:
    the negative position, a number that tells equal ones apart, and the operation. Some may be gone
    meanwhile. None until it is asked for."""


class _Readers:
    """Where values of one block are last read, followed while equal ones become one.

    To look through all readers of a value for each one that becomes it would take the square of
    their number.
    """

    def __init__(self, block: Block, position: dict[Operation, int]):
        self._block = block
        self._position = position

    def last(self, first: _First) -> int:
        """The position at which `first` is last read; where it is made if it is not."""
        if first.readers is None:
            first.readers = []
            self.add(first, first.op)
        readers = first.readers
        while readers and readers[0][2].parent is None:
            heappop(readers)
        made = self._position[first.op]
        return max(-readers[0][0], made) if readers else made

    def add(self, first: _First, op: Operation) -> None:
        """The readers of what `op` makes are those of `first`, or will be."""
        assert first.readers is not None
        for use in op.results[0].uses:
            reader: Operation | None = use.operation
            while reader is not None and reader.parent is not self._block:
                reader = reader.parent_op()
            if reader is None:
                continue
            end = reader.terminator if isinstance(reader, plena.LoopOp) else reader
            if (at := self._position.get(end)) is not None:
                heappush(first.readers, (-at, id(reader), reader))


def _merge_block(block: Block, pressure: Pressure, near: bool) -> None:
    seen: dict[Hashable, _First] = {}
    position = pressure.order.position
    readers = _Readers(block, position)
    for op in list(block.ops):
        if near and type(op) is plena.LoopOp:
            seen = {}
        if not isinstance(op, plena.Instruction) or not is_pure(op):
            continue
        key = (
            op.mnemonic,
            tuple(op.operands),
            tuple(op.constant(operand.name) for operand in op.constants),
        )
        first = seen.get(key)
        if (
            first is None
            or op not in position
            or (first.readers is None and tied_uses(first.op.results[0]))
            or tied_uses(op.result)
        ):
            seen[key] = _First(op)
            continue
        start = 2 * readers.last(first) + 1
        end = 2 * position[op] + 1
        bank = plena.bank(op.result)
        if start < end:
            if not pressure.has_room(bank, start, end):
                seen[key] = _First(op)
                continue
            pressure.take(bank, start, end)
        readers.add(first, op)
        replace(op, first.op.results[0])


def _erase_unread(block: Block) -> None:
    """Erase what nobody reads, the last first, and loops in which nothing is left."""
    op = block.last_op
    while op is not None:
        before = op.prev_op
        if isinstance(op, plena.LoopOp):
            _erase_unread(op.body.block)
            empty = op.body.block.first_op is op.terminator
            if empty and all(result.first_use is None for result in op.results):
                erase(op)
        elif is_removable(op) and all(result.first_use is None for result in op.results):
            erase(op)
        op = before

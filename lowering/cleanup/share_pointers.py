"""`share-pointers`: carried pointers that advance together share one register.

Two pointers of a loop that go forward by the same step stay the same distance apart; the second is
the first plus a number, which instructions with an immediate take by themselves. Where it must be
computed, that costs what its own step did, and its register and its start are saved.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import plena
from .fold_offsets import takes_offset
from .integer_forms import Integers
from .kernel_pass import KernelPass, frequency, insert, is_tied, loops_of
from .remove_redundant import drop_carried


@dataclass(frozen=True)
class SharePointers(KernelPass):
    """Let one carried value stand for others that are a constant distance above it.

    Precondition: kernels without registers. Postcondition: they do the same; with no more executed
    instructions once `fold-offsets` has put into immediates what instructions can add themselves.
    """

    name = "share-pointers"

    def run(self, kernel: plena.KernelOp) -> None:
        share_pointers(kernel)


def share_pointers(kernel: plena.KernelOp) -> None:
    """Share in one kernel, as `SharePointers` says."""
    for loop in loops_of(kernel.body.block):
        if len(loop.carried) > 1:
            _share(loop)


@dataclass
class _Pointer:
    index: int
    argument: BlockArgument
    start: int


def _share(loop: plena.LoopOp) -> None:
    integers = Integers(through_loops=True)
    groups: dict[tuple[SSAValue | None, int], list[_Pointer]] = {}
    for index, argument in enumerate(loop.carried):
        if plena.bank(argument) is not plena.GPType:
            continue
        step = integers.step(loop, index)
        if step is not None:
            base, start = integers.form(loop.inits[index])
            groups.setdefault((base, step), []).append(_Pointer(index, argument, start))
    shared = False
    for pointers in groups.values():
        pointers.sort(key=lambda pointer: (pointer.start, pointer.index))
        leader, *others = pointers
        for other in others:
            shared |= _replace(loop, leader, other)
    if shared:
        drop_carried(loop)


def _replace(loop: plena.LoopOp, leader: _Pointer, other: _Pointer) -> bool:
    """Let `other` be computed from `leader`, if that is no dearer; whether it is."""
    distance = (other.start - leader.start) % plena.WORD
    step = loop.yielded[other.index]
    result = loop.results[other.index]
    own_step = (
        isinstance(step.owner, plena.Instruction)
        and step.has_one_use()
        and step.owner.operands[0] is other.argument
    )
    uses = [use for use in other.argument.uses if not (own_step and use.operation is step.owner)]
    after = result.first_use is not None
    if distance >= plena.IMMEDIATE:
        return False
    if distance:
        init = loop.inits[other.index]
        starts = isinstance(init.owner, plena.Instruction) and init.has_one_use()
        computed = not all(takes_offset(use, distance) for use in uses)
        inside, outside = frequency(loop.body.block), frequency(loop.parent)
        if inside * computed + outside * after > inside * own_step + outside * starts:
            return False
    if any(is_tied(use.operation, use.index) for use in uses):
        # The leader would have to be copied for it.
        return False
    first = _first_reader(loop, [use.operation for use in uses])
    if first is not None:
        value = leader.argument
        if distance:
            sum_ = plena.instruction("S_ADDI_INT", leader.argument, distance)
            insert(sum_, first)
            value = sum_.result
        for use in uses:
            use.operation.operands[use.index] = value
    if after:
        value = loop.results[leader.index]
        if distance:
            sum_ = plena.instruction("S_ADDI_INT", value, distance)
            sum_.location = loop.location
            assert loop.parent is not None
            loop.parent.insert_op_after(sum_, loop)
            value = sum_.result
        result.replace_all_uses_with(value)
    # Now it only makes its own next value; the loop need not carry it.
    if not own_step:
        loop.terminator.operands[other.index + 1] = other.argument
    return True


def _first_reader(loop: plena.LoopOp, readers: list[Operation]) -> Operation | None:
    """The first operation of the loop's body that is one of `readers` or holds one."""
    block = loop.body.block
    held: set[Operation] = set()
    for reader in readers:
        current: Operation | None = reader
        while current is not None and current.parent is not block:
            current = current.parent_op()
        if current is not None:
            held.add(current)
    return next((op for op in block.ops if op in held), None)

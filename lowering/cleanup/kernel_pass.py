"""What the clean-up passes on `plena` share: running on each kernel, and small edits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import plena


class KernelPass(ModulePass, ABC):
    """A pass on kernels of which no value has a register yet.

    A kernel in which registers are given, beside those that read as zero, is left as it is: what
    such a value may be replaced by depends on what else its register holds.
    """

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in plena.kernels_in(op):
            if not has_registers(kernel):
                self.run(kernel)

    @abstractmethod
    def run(self, kernel: plena.KernelOp) -> None:
        """Rewrite one kernel."""


def has_registers(kernel: plena.KernelOp) -> bool:
    """Whether some value has been given a register or slot that does not read as zero."""
    return any(map(_is_given, _types_in(kernel.body.block).values()))


def _types_in(block: Block) -> dict[int, Attribute]:
    """The types of all values in a block, by identity: they are few objects, of many values."""
    found: dict[int, Attribute] = {}
    for op in ops_of(block):
        for result in op.results:
            kind = result.type
            found[id(kind)] = kind
        if type(op) is plena.LoopOp:
            for argument in op.body.block.args:
                found[id(argument.type)] = argument.type
    return found


def _is_given(kind: Attribute) -> bool:
    """Whether a type names a register that does not read as zero."""
    return isinstance(kind, plena.BankType) and bool(kind.text) and not kind.is_zero


def zero_of(kernel: plena.KernelOp, bank: type[plena.BankType] = plena.GPType) -> SSAValue:
    """The value of the register of `bank` that reads as zero, defined at the kernel's start."""
    block = kernel.body.block
    for op in block.ops:
        if not isinstance(op, plena.GetRegisterOp):
            break
        if op.result.type == bank.register(0):
            return op.result
    zero = plena.zero_register(bank)
    if block.first_op is None:
        block.add_op(zero)
    else:
        block.insert_op_before(zero, block.first_op)
    return zero.result


def is_zero(value: SSAValue) -> bool:
    """Whether `value` is a register that always reads as zero."""
    kind = value.type
    return isinstance(kind, plena.BankType) and kind.is_zero


def insert(op: Operation, before: Operation, location: LocationAttr | None = None) -> None:
    """Insert `op` before another, as code of the same source unless `location` says otherwise."""
    block = before.parent
    assert block is not None
    op.location = before.location if location is None else location
    block.insert_op_before(op, before)


def insert_constant(
    zero: SSAValue, value: int, before: Operation, location: LocationAttr | None = None
) -> SSAValue:
    """A register with `value`, modulo 2^32, computed before an operation."""
    value %= plena.WORD
    if value == 0:
        return zero
    ops = plena.constant(zero, value)
    for op in ops:
        insert(op, before, location)
    return ops[-1].result


def move_before(op: Operation, anchor: Operation) -> None:
    """Move `op`, which keeps its location, before `anchor`."""
    op.detach()
    assert anchor.parent is not None
    anchor.parent.insert_op_before(op, anchor)


def replace(op: Operation, value: SSAValue) -> None:
    """Let `value` stand for the one result of `op`, and erase `op`."""
    result = op.results[0]
    if value.name_hint is None and not is_zero(value):
        value.name_hint = result.name_hint
    result.replace_all_uses_with(value)
    erase(op)


def erase(op: Operation) -> None:
    """Erase an operation whose results nobody reads."""
    op.detach()
    op.erase()


def is_pure(op: Operation) -> bool:
    """Whether `op` only computes registers from registers."""
    if isinstance(op, plena.Instruction):
        return not op.table_effects and bool(op.outputs)
    return isinstance(op, plena.CopyOp | plena.GetRegisterOp)


def is_removable(op: Operation) -> bool:
    """Whether nothing but the results of `op` is of use to anyone."""
    if isinstance(op, plena.Instruction):
        return not op.row.effects.writes and bool(op.outputs)
    return isinstance(op, plena.CopyOp | plena.GetRegisterOp)


def erase_dead(op: Operation) -> None:
    """Erase `op` if nobody reads it, and then what only it read; a register given by name stays.

    A pass holds the one that reads as zero (`zero_of`) and may need it again.
    """
    waiting = [op]
    while waiting:
        dead = waiting.pop()
        if dead.parent is None or isinstance(dead, plena.GetRegisterOp) or not is_removable(dead):
            continue
        if any(result.first_use is not None for result in dead.results):
            continue
        sources = [operand.owner for operand in dead.operands]
        erase(dead)
        waiting += [source for source in sources if isinstance(source, Operation)]


def ops_of(block: Block) -> list[Operation]:
    """The operations in a block, in program order; a loop comes before what is in it.

    A list made at once, which costs much less than `walk`, and stays as it is under changes.
    """
    found: list[Operation] = []
    op = block.first_op
    while op is not None:
        found.append(op)
        if type(op) is plena.LoopOp:
            found += ops_of(op.body.block)
        op = op.next_op
    return found


def loops_of(block: Block) -> list[plena.LoopOp]:
    """The loops in a block, inner loops before the loops around them, in program order."""
    found: list[plena.LoopOp] = []
    op = block.first_op
    while op is not None:
        if type(op) is plena.LoopOp:
            found += loops_of(op.body.block)
            found.append(op)
        op = op.next_op
    return found


def carry(loop: plena.LoopOp, start: SSAValue) -> tuple[plena.LoopOp, BlockArgument]:
    """Let a loop carry one more integer, as it is so far; the new loop and the argument."""
    block = loop.body.block
    argument = block.insert_arg(plena.UNALLOCATED[plena.GPType], len(block.args))
    loop.terminator.operands = [*loop.terminator.operands, argument]
    return remake(loop, [*loop.inits, start]), argument


def remake(loop: plena.LoopOp, inits: Sequence[SSAValue]) -> plena.LoopOp:
    """A loop with the same body and other inits, in the place of `loop`.

    The body's arguments and what it yields fit the inits already. The results of `loop` are read by
    nobody, or are the first ones of the new loop.
    """
    assert loop.parent is not None
    old = loop.results
    new = plena.LoopOp(loop.iterations, inits, loop.detach_region(loop.body), loop.at_run_time)
    new.location = loop.location
    new.attributes = dict(loop.attributes)
    loop.parent.insert_op_before(new, loop)
    for one, other in zip(old, new.results, strict=False):
        other.name_hint = one.name_hint
        one.replace_all_uses_with(other)
    erase(loop)
    return new


def defined_inside(value: SSAValue, loop: plena.LoopOp) -> bool:
    """Whether `value` is made in the body of `loop`; its arguments are, its results are not."""
    return value.owner is not loop and loop.is_ancestor(value.owner)


_TIED = frozenset(op for op in plena.INSTRUCTION_OPS.values() if op.tied_indices)
_TIED_OPERANDS = frozenset((op, index) for op in _TIED for index, _ in op.tied_indices)
"""The instructions that overwrite operands. Looked up, because `isinstance` is slow for classes of
operations, and this is asked for every use of a value."""


def is_tied(op: Operation, index: int) -> bool:
    """Whether operand `index` of `op` is overwritten: a carried value, a total.

    A value that is read after such a use has to be copied for it.
    """
    kind = type(op)
    if kind is plena.LoopOp or kind is plena.YieldOp:
        return True
    return kind in _TIED and (kind, index) in _TIED_OPERANDS


def tied_uses(value: SSAValue) -> list[Operation]:
    """The operations that overwrite the register of `value`."""
    return [use.operation for use in value.uses if is_tied(use.operation, use.index)]


def frequency(block: Block | None) -> int:
    """How often a block of a kernel runs, at most."""
    total = 1
    while block is not None and isinstance(loop := block.parent_op(), plena.LoopOp):
        total *= loop.iterations
        block = loop.parent
    return total

"""`settle-csrs`: control registers are written where their value changes, and nowhere else.

SCALE, STRIDE and V_MASK keep their value until they are written again. There are no branches, and
every loop runs at least once, so what they hold is known at every point.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from ..dialects import plena
from .integers import Integers
from .kernel_pass import (
    KernelPass,
    defined_inside,
    erase,
    erase_dead,
    insert_constant,
    loops_of,
    zero_of,
)

CSRS: dict[str, str] = {
    "C_SET_SCALE_REG": "scale",
    "C_SET_STRIDE_REG": "stride",
    "C_SET_V_MASK_REG": "mask",
}
"""Instructions that write a control register, and the table's name of it."""

Content = SSAValue | int
"""What a control register holds: a number where that is known, what a register held otherwise."""


@dataclass(frozen=True)
class SettleCsrs(KernelPass):
    """Take writes of control registers out of loops, and drop those that change nothing.

    Precondition: kernels without registers. Postcondition: every instruction finds what it found in
    the control registers; no write repeats what is there, and none is overwritten unread.
    """

    name = "settle-csrs"

    def run(self, kernel: plena.KernelOp) -> None:
        settle_csrs(kernel)


def settle_csrs(kernel: plena.KernelOp) -> None:
    """Settle the control registers of one kernel, as `SettleCsrs` says."""
    if not any(isinstance(op, plena.Instruction) and op.mnemonic in CSRS for op in kernel.walk()):
        return
    integers = Integers()
    zero = zero_of(kernel)
    for loop in loops_of(kernel.body.block):
        for mnemonic in CSRS:
            _hoist(loop, mnemonic, integers, zero)
    _drop_repeated(kernel.body.block, {}, integers)
    for block in [loop.body.block for loop in loops_of(kernel.body.block)] + [kernel.body.block]:
        _drop_unread(block)


def _content(op: plena.Instruction, integers: Integers) -> Content:
    known = integers.known(op.operands[0])
    return op.operands[0] if known is None else known


def _writes(op: Operation, mnemonic: str) -> bool:
    return isinstance(op, plena.Instruction) and op.mnemonic == mnemonic


def _reads(op: Operation, mnemonic: str) -> bool:
    if not isinstance(op, plena.Instruction) or CSRS[mnemonic] not in op.row.effects.reads:
        return False
    # Without a mask operand the mask register is not looked at.
    return mnemonic != "C_SET_V_MASK_REG" or any(
        operand.bank == "mask" and op.constant(operand.name) for operand in op.constants
    )


def _hoist(loop: plena.LoopOp, mnemonic: str, integers: Integers, zero: SSAValue) -> None:
    """Write in front of the loop what all writes in the loop write, if no read comes before."""
    writes: list[plena.Instruction] = []
    for op in loop.body.block.walk():
        if isinstance(op, plena.Instruction):
            if op.mnemonic == mnemonic:
                writes.append(op)
            elif not writes and _reads(op, mnemonic):
                return
    contents = [_content(op, integers) for op in writes]
    if not writes or any(content != contents[0] for content in contents):
        return
    value = contents[0]
    if isinstance(value, int):
        value = insert_constant(zero, value, loop, writes[0].location)
    elif defined_inside(value, loop):
        return
    first, *others = writes
    source = first.operands[0].owner
    first.detach()
    assert loop.parent is not None
    loop.parent.insert_op_before(first, loop)
    first.operands[0] = value
    _erase_dead_source(source)
    for op in others:
        _erase_write(op)


def _erase_dead_source(source: Operation | Block) -> None:
    if isinstance(source, Operation):
        erase_dead(source)


def _erase_write(op: Operation) -> None:
    source = op.operands[0].owner
    erase(op)
    _erase_dead_source(source)


def _drop_repeated(block: Block, held: dict[str, Content], integers: Integers) -> None:
    """Erase writes of what is there; `held` is what is known before the block, then after it."""
    for op in list(block.ops):
        if isinstance(op, plena.LoopOp):
            # The body finds what came before the loop, or what an earlier iteration left.
            for mnemonic, content in _left_by(op.body.block, integers).items():
                if mnemonic in held and held[mnemonic] != content:
                    del held[mnemonic]
                elif isinstance(content, SSAValue) and defined_inside(content, op):
                    held.pop(mnemonic, None)
            _drop_repeated(op.body.block, held, integers)
            for mnemonic, content in list(held.items()):
                if isinstance(content, SSAValue) and defined_inside(content, op):
                    del held[mnemonic]
        elif isinstance(op, plena.Instruction) and op.mnemonic in CSRS:
            content = _content(op, integers)
            if held.get(op.mnemonic) == content:
                _erase_write(op)
            else:
                held[op.mnemonic] = content


def _left_by(block: Block, integers: Integers) -> dict[str, Content]:
    """What the last write of each control register in a block leaves there."""
    left: dict[str, Content] = {}
    for op in block.walk():
        if isinstance(op, plena.Instruction) and op.mnemonic in CSRS:
            left[op.mnemonic] = _content(op, integers)
    return left


def _drop_unread(block: Block) -> None:
    """Erase writes that another follows before any read."""
    # From the end: the control registers that will be written before they are read.
    coming: set[str] = set()
    op = block.last_op
    while op is not None:
        before = op.prev_op
        if isinstance(op, plena.LoopOp):
            for mnemonic in CSRS:
                found = _first_access(op.body.block, mnemonic)
                if found == "read":
                    coming.discard(mnemonic)
                elif found == "write":
                    coming.add(mnemonic)
        elif isinstance(op, plena.Instruction):
            if op.mnemonic in CSRS:
                if op.mnemonic in coming:
                    _erase_write(op)
                coming.add(op.mnemonic)
            else:
                coming -= {mnemonic for mnemonic in CSRS if _reads(op, mnemonic)}
        op = before


def _first_access(block: Block, mnemonic: str) -> str | None:
    """Whether a control register is read or written first in a block that is run."""
    for op in block.walk():
        if _writes(op, mnemonic):
            return "write"
        if _reads(op, mnemonic):
            return "read"
    return None

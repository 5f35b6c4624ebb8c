"""`settle-csrs`: control registers are written where their value changes, and nowhere else.

SCALE, STRIDE and V_MASK keep their value until they are written again. There are no branches, and
every loop runs at least once, so what they hold is known at every point. That is followed from
instruction to instruction, which patterns, each of which sees one operation, cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from ...dialects import plena
from .integer_forms import Integers
from .kernel_pass import (
    KernelPass,
    defined_inside,
    erase,
    erase_dead,
    frequency,
    insert_constant,
    move_before,
    ops_of,
    zero_of,
)

CSRS: dict[str, str] = {
    "C_SET_SCALE_REG": "scale",
    "C_SET_STRIDE_REG": "stride",
    "C_SET_V_MASK_REG": "mask",
}
"""Instructions that write a control register, and the table's name of it."""

_WRITERS: dict[str, str] = {name: mnemonic for mnemonic, name in CSRS.items()}

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
    if not any(
        isinstance(op, plena.Instruction) and op.mnemonic in CSRS
        for op in ops_of(kernel.body.block)
    ):
        return
    integers = Integers()
    zero = zero_of(kernel)
    _hoist_from(kernel.body.block, integers, zero)
    _drop_repeated(kernel.body.block, {}, integers)
    _drop_unread(kernel.body.block)
    # What stood between two equal writes may be gone.
    _drop_repeated(kernel.body.block, {}, integers)


def _content(op: plena.Instruction, integers: Integers) -> Content:
    known = integers.known(op.operands[0])
    return op.operands[0] if known is None else known


def _read_by(op: plena.Instruction) -> list[str]:
    """The writers of the control registers that an instruction reads."""
    effects = op.row.effects.reads
    if not effects or not (_WRITERS.keys() & set(effects)):
        return []
    found = [_WRITERS[name] for name in effects if name in _WRITERS and name != "mask"]
    if "mask" in effects and any(
        operand.bank == "mask" and op.constant(operand.name) for operand in op.constants
    ):
        # Without a mask operand the mask register is not looked at.
        found.append(_WRITERS["mask"])
    return found


@dataclass
class _Use:
    """How a block, inner loops included, uses a control register."""

    first: str
    """"read" or "written": what comes first."""
    writes: list[plena.Instruction]


def _hoist_from(block: Block, integers: Integers, zero: SSAValue) -> dict[str, _Use]:
    """Hoist out of the loops in a block, inner loops first; how the block uses each register."""
    uses: dict[str, _Use] = {}
    for op in list(block.ops):
        if isinstance(op, plena.LoopOp):
            for mnemonic, use in _hoist_from(op.body.block, integers, zero).items():
                if use.first == "written" and use.writes:
                    moved = _hoist(op, use.writes, integers, zero)
                    use = _Use("written", [moved] if moved else use.writes)
                known = uses.setdefault(mnemonic, _Use(use.first, []))
                known.writes += use.writes
        elif isinstance(op, plena.Instruction):
            if op.mnemonic in CSRS:
                uses.setdefault(op.mnemonic, _Use("written", [])).writes.append(op)
            else:
                for mnemonic in _read_by(op):
                    uses.setdefault(mnemonic, _Use("read", []))
    return uses


def _hoist(
    loop: plena.LoopOp, writes: list[plena.Instruction], integers: Integers, zero: SSAValue
) -> plena.Instruction | None:
    """Write in front of the loop what all writes in the loop write; that write, if it can be."""
    value = _content(writes[0], integers)
    if any(_content(op, integers) != value for op in writes):
        return None
    outside = [op.operands[0] for op in writes if not defined_inside(op.operands[0], loop)]
    saved = 0
    for op in writes:
        source = op.operands[0]
        # A constant that only this write reads goes with it.
        dies = source.has_one_use() and defined_inside(source, loop)
        saved += frequency(op.parent) * (1 + dies)
    if outside:
        made = 0
    elif isinstance(value, int):
        made = plena.constant_cost(value)
    else:
        return None
    if saved <= frequency(loop.parent) * (1 + made):
        return None
    if outside:
        value = outside[0]
    elif isinstance(value, int):
        value = insert_constant(zero, value, loop, writes[0].location)
    first, *others = writes
    maker = first.operands[0].owner
    move_before(first, loop)
    first.operands[0] = value
    _erase_dead_source(maker)
    for op in others:
        _erase_write(op)
    return first


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
    for op in ops_of(block):
        if isinstance(op, plena.Instruction) and op.mnemonic in CSRS:
            left[op.mnemonic] = _content(op, integers)
    return left


def _drop_unread(block: Block) -> dict[str, str]:
    """Erase writes that another follows before any read; what the block does first with each."""
    # From the end: what will be done next with each control register.
    coming: dict[str, str] = {}
    op = block.last_op
    while op is not None:
        before = op.prev_op
        if isinstance(op, plena.LoopOp):
            coming |= _drop_unread(op.body.block)
        elif isinstance(op, plena.Instruction):
            if op.mnemonic in CSRS:
                mnemonic = op.mnemonic
                if coming.get(mnemonic) == "written":
                    _erase_write(op)
                coming[mnemonic] = "written"
            else:
                coming |= dict.fromkeys(_read_by(op), "read")
        op = before
    return coming

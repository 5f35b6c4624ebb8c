"""`forward-stores`: what was just stored to FP_MEM, or loaded from it, is not loaded again.

    plena.s_st_fp %m, %row, 64
    %n = plena.s_ld_fp %row, 64              ->      %m in the place of %n

Within one block, and only past stores that are certain to go elsewhere. A store that another store
to the same entry follows, with no load between them that may read it, goes. What FP_MEM holds is
followed from instruction to instruction, so these are walks and not patterns.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from ...dialects import plena
from ..registers.pressure import Pressure
from .fp_mem_alias import Entry, accesses, entry_of
from .integer_forms import Integers
from .kernel_pass import KernelPass, erase, is_zero, loops_of, ops_of, replace, tied_uses


@dataclass(frozen=True)
class ForwardStores(KernelPass):
    """Read float registers instead of FP_MEM where they still hold the entry.

    Precondition: kernels without registers. Postcondition: they do the same; FP_MEM holds the same
    at the end. Loads stay where no float register is free from the store to the last use, and where
    their result is overwritten: a copy costs what a load does.
    """

    name = "forward-stores"

    def run(self, kernel: plena.KernelOp) -> None:
        forward_stores(kernel)


def forward_stores(kernel: plena.KernelOp) -> None:
    """Forward in one kernel, as `ForwardStores` says."""
    if not any(accesses(op, "reads") for op in ops_of(kernel.body.block)):
        return
    pressure = Pressure(kernel)
    integers = Integers(through_loops=True)
    for block in [loop.body.block for loop in loops_of(kernel.body.block)] + [kernel.body.block]:
        _forward(block, integers, pressure)
        _drop_overwritten(block, integers)


def _forward(block: Block, integers: Integers, pressure: Pressure) -> None:
    """Go through a block with what is known to be in FP_MEM and in a register at once."""
    held: list[tuple[Entry, SSAValue]] = []
    # Up to where values are kept that would have ended before.
    kept: dict[SSAValue, int] = {}
    for op in list(block.ops):
        if isinstance(op, plena.LoopOp):
            for inner in ops_of(op.body.block):
                if accesses(inner, "writes"):
                    held = _after(inner, held, integers)
        elif isinstance(op, plena.Instruction) and op.mnemonic == "S_LD_FP":
            entry = entry_of(op, integers)
            value = next((value for known, value in held if known.form == entry.form), None)
            if value is None:
                held.append((entry, op.result))
            elif _may_stand_for(value, op.result, pressure, kept):
                replace(op, value)
        elif accesses(op, "writes"):
            held = _after(op, held, integers)
            if isinstance(op, plena.Instruction) and op.mnemonic == "S_ST_FP":
                held.append((entry_of(op, integers), op.input("value")))


def _after(
    op: Operation, held: list[tuple[Entry, SSAValue]], integers: Integers
) -> list[tuple[Entry, SSAValue]]:
    """What is still held after a write."""
    if not isinstance(op, plena.Instruction) or op.mnemonic != "S_ST_FP":
        return []
    entry = entry_of(op, integers)
    return [(known, value) for known, value in held if known.differs(entry)]


def _may_stand_for(
    value: SSAValue, loaded: SSAValue, pressure: Pressure, kept: dict[SSAValue, int]
) -> bool:
    """Whether a register may be kept until the last use of what was loaded; if so, it is."""
    if tied_uses(loaded) or tied_uses(value):
        return False
    if is_zero(value):
        return True
    order = pressure.order
    start, end = kept.get(value, order.range(value).bounds[-1]), order.start(loaded)
    if start < end:
        if not pressure.has_room(plena.FPType, start, end):
            return False
        pressure.take(plena.FPType, start, end)
    kept[value] = max(start, order.range(loaded).bounds[-1])
    return True


def _drop_overwritten(block: Block, integers: Integers) -> None:
    """Erase stores that a later one of the block makes pointless."""
    # From the end: entries that will be stored to before anything may read them.
    coming: list[Entry] = []
    op = block.last_op
    while op is not None:
        before = op.prev_op
        if isinstance(op, plena.LoopOp):
            if any(accesses(inner, "reads") for inner in ops_of(op.body.block)):
                coming = []
        elif isinstance(op, plena.Instruction) and op.mnemonic == "S_ST_FP":
            entry = entry_of(op, integers)
            if any(later.form == entry.form for later in coming):
                erase(op)
            else:
                coming.append(entry)
        elif isinstance(op, plena.Instruction) and op.mnemonic == "S_LD_FP":
            entry = entry_of(op, integers)
            coming = [later for later in coming if later.differs(entry)]
        elif accesses(op, "reads"):
            coming = []
        op = before

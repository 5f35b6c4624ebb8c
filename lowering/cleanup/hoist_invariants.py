"""`hoist-invariants`: what gives the same in every iteration is computed once, before the loop.

A register is taken for the whole loop in exchange, so this is done only where one is free
throughout: a spilled integer costs two instructions, a constant computed again only one. Loops run
at least once, so nothing is executed that was not before.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects import plena
from ..registers.pressure import Pressure
from .fp_mem_alias import Entry, accesses, entry_of
from .integer_forms import Integers, disjoint
from .kernel_pass import (
    KernelPass,
    defined_inside,
    frequency,
    is_pure,
    loops_of,
    move_before,
    ops_of,
    tied_uses,
)


@dataclass(frozen=True)
class HoistInvariants(KernelPass):
    """Move invariant computations, and loads of FP_MEM entries that a loop does not write, out.

    Precondition: kernels without registers. Postcondition: they do the same with no more executed
    instructions, and no bank needs more registers than it has, by the estimate of `pressure`. What
    a loop would have to copy in each iteration, because it overwrites it, stays inside.
    """

    name = "hoist-invariants"

    innermost: bool = False
    """Only out of loops that hold no loop."""

    def run(self, kernel: plena.KernelOp) -> None:
        hoist_invariants(kernel, self.innermost)


def hoist_invariants(kernel: plena.KernelOp, innermost: bool = False) -> None:
    """Hoist in one kernel, as `HoistInvariants` says; inner loops first."""
    loops = [
        loop
        for loop in loops_of(kernel.body.block)
        if not (innermost and loops_of(loop.body.block))
    ]
    if not loops:
        return
    pressure = Pressure(kernel)
    integers = Integers(through_loops=True)
    for loop in loops:
        _hoist_from(loop, pressure, integers)


def _hoist_from(loop: plena.LoopOp, pressure: Pressure, integers: Integers) -> None:
    runs = frequency(loop.body.block)
    gain = runs - runs // loop.iterations
    order = pressure.order
    stored = _Stored(loop, integers)
    span = (2 * order.position[loop], order.span_end(loop))
    for op in list(loop.body.block.ops):
        if not isinstance(op, plena.Instruction) or not _stays_the_same(op, loop, stored):
            continue
        copies = sum(frequency(user.parent) for user in tied_uses(op.result))
        if gain <= copies:
            continue
        bank = plena.bank(op.result)
        # Where it lives already it takes no more; what it alone read is free inside the loop.
        old = order.range(op.result).bounds
        inside = (max(old[0], span[0]), min(old[-1], span[1]))
        pressure.free(bank, *inside)
        if pressure.has_room(bank, *span):
            pressure.take(bank, *span)
            move_before(op, loop)
        else:
            pressure.take(bank, *inside)


class _Stored:
    """The entries of FP_MEM that a loop may write; looked for when first asked."""

    def __init__(self, loop: plena.LoopOp, integers: Integers):
        self._loop = loop
        self._integers = integers
        self._entries: list[Entry | None] | None = None

    def spares(self, load: plena.Instruction) -> bool:
        """Whether a load reads what no store of the loop writes."""
        if self._entries is None:
            self._entries = [
                entry_of(op, self._integers)
                if isinstance(op, plena.Instruction) and op.mnemonic == "S_ST_FP"
                else None
                for op in ops_of(self._loop.body.block)
                if accesses(op, "writes")
            ]
        bounds = entry_of(load, self._integers).bounds
        return all(entry and disjoint(bounds, entry.bounds) for entry in self._entries)


def _stays_the_same(op: plena.Instruction, loop: plena.LoopOp, stored: _Stored) -> bool:
    """Whether `op` gives the same in every iteration."""
    if not (is_pure(op) or op.mnemonic == "S_LD_FP"):
        return False
    if any(defined_inside(operand, loop) for operand in op.operands):
        return False
    return op.mnemonic != "S_LD_FP" or stored.spares(op)

"""The clean-up of a kernel between emission and register allocation, as data."""

from __future__ import annotations

from ...dialects import plena
from .fold_offsets import FoldOffsets
from .forward_stores import ForwardStores
from .hoist_invariants import HoistInvariants
from .kernel_pass import KernelPass
from .remove_redundant import RemoveRedundant
from .settle_csrs import SettleCsrs
from .share_pointers import SharePointers
from .strength_reduce import StrengthReduce
from .unroll_loops import UnrollLoops

CLEAN_UP: tuple[KernelPass, ...] = (
    FoldOffsets(),
    # A loop that reads its counter cannot be unrolled in part.
    StrengthReduce(innermost=True),
    SharePointers(),
    # What is computed twice in an iteration would be unrolled twice.
    RemoveRedundant(near=True),
    # Unrolling leaves steps of pointers behind that fold into immediates.
    UnrollLoops(),
    FoldOffsets(),
    ForwardStores(),
    SettleCsrs(),
    # By what a register saves: in the hottest loops, around them, then in the rest.
    StrengthReduce(innermost=True),
    HoistInvariants(innermost=True),
    StrengthReduce(),
    HoistInvariants(),
    # Last, because this takes the registers that nothing better was found for.
    RemoveRedundant(),
)
"""What `lower-to-isa` runs on the kernel it has emitted, in this order."""


def optimize(kernel: plena.KernelOp) -> None:
    """Run `CLEAN_UP` on a kernel of which no value has a register yet."""
    for step in CLEAN_UP:
        step.run(kernel)

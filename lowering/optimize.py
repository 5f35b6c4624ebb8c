"""The clean-up of a kernel between emission and register allocation, as data."""

from __future__ import annotations

from ..dialects import plena
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
    # Equal addresses first, so that each is made a pointer once.
    RemoveRedundant(),
    FoldOffsets(),
    StrengthReduce(),
    SharePointers(),
    # Unrolling leaves steps of pointers behind that fold into immediates.
    UnrollLoops(),
    FoldOffsets(),
    ForwardStores(),
    SettleCsrs(),
    HoistInvariants(),
    RemoveRedundant(),
)
"""What `lower-to-isa` runs on the kernel it has emitted, in this order."""


def optimize(kernel: plena.KernelOp) -> None:
    """Run `CLEAN_UP` on a kernel of which no value has a register yet."""
    for step in CLEAN_UP:
        step.run(kernel)

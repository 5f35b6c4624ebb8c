"""`fa-to-plena`: the whole chain with its defaults, as data."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..passes.allocate_sram import AllocateSramPass
from ..passes.fuse import FusePass
from ..passes.group_heads import GroupHeadsPass
from ..passes.map import MapPass
from ..passes.quantize import QuantizePass
from ..passes.slide_keys import SlideKeysPass
from ..passes.specialize_masks import SpecializeMasksPass
from ..passes.tabulate import TabulatePass
from ..passes.tile import TilePass
from .lower_to_isa import LowerToIsaPass

FA_TO_PLENA: tuple[type[ModulePass], ...] = (
    GroupHeadsPass,
    TilePass,
    FusePass,
    TabulatePass,
    # Before loops are copied: what stays on chip is decided for all copies at once.
    MapPass,
    SlideKeysPass,
    SpecializeMasksPass,
    QuantizePass,
    AllocateSramPass,
    LowerToIsaPass,
)


@dataclass(frozen=True)
class FaToPlenaPass(ModulePass):
    """From `fa.attention` on tensors to PLENA instructions: FlashAttention-2 order, all defaults.

    Precondition: a function with attention on tensors. Postcondition: that of `lower-to-isa`.
    """

    name = "fa-to-plena"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for step in FA_TO_PLENA:
            if "machine" in step.__dataclass_fields__:
                step(machine=self.machine).apply(ctx, op)  # pyright: ignore[reportCallIssue]
            else:
                step().apply(ctx, op)

"""`fa-to-plena`: the whole chain with its defaults, as data."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..lowering.lower_to_isa import LowerToIsaPass
from .mapping.map import MapPass
from .masks.slide_keys import SlideKeysPass
from .masks.specialize_masks import SpecializeMasksPass
from .placement.allocate_sram import AllocateSramPass
from .score_functions.tabulate import TabulatePass
from .storage.quantize import QuantizePass
from .tensors.group_heads import GroupHeadsPass
from .tiling.fuse import FusePass
from .tiling.tile import TilePass

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

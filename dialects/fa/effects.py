"""Memory effects of tile operations."""

from __future__ import annotations

from collections.abc import Set

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Operation
from xdsl.traits import EffectInstance, MemoryEffect, MemoryEffectKind

from .types import TileType


class TileEffects(MemoryEffect):
    """What a tile operation reads and writes.

    Before allocation tiles are values and only HBM buffers have effects. An operation with a placed
    result writes that range, one with a placed operand reads it; so upstream cse, dce and
    canonicalize are as safe on allocated IR as on unallocated IR.
    """

    @classmethod
    def get_effects(cls, op: Operation) -> Set[EffectInstance]:
        effects = set[EffectInstance]()
        for operand in op.operands:
            if isinstance(operand.type, TileType) and operand.type.at is not None:
                effects.add(EffectInstance(MemoryEffectKind.READ, operand))
            elif isinstance(operand.type, MemRefType):
                stores = operand in getattr(op, "hbm_written", ())
                kind = MemoryEffectKind.WRITE if stores else MemoryEffectKind.READ
                effects.add(EffectInstance(kind, operand))
        for result in op.results:
            if isinstance(result.type, TileType) and result.type.at is not None:
                effects.add(EffectInstance(MemoryEffectKind.WRITE, result))
        scratch = getattr(op, "scratch", None)
        if scratch is not None and isinstance(scratch.type, TileType):
            effects.add(EffectInstance(MemoryEffectKind.WRITE, scratch))
        return effects

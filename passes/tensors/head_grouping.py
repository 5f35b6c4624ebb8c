"""How the query heads of a KV group share tiles: plain arithmetic, no IR.

Rows of a tile are `block` queries of each of `heads` heads, head by head.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from ...machine.spec.params import Machine
from ..support.rounding import round_up
from ..tiling.tile_sizes import (
    SPARE_SCALARS,
    STATISTICS,
    fused_rows,
    row_granule,
    wide_keys,
)


@dataclass(frozen=True)
class HeadGroup:
    """`heads` heads of `queries` queries in `blocks` blocks of `block` queries each."""

    heads: int
    block: int
    blocks: int

    @property
    def tile_rows(self) -> int:
        """Rows of a tile: one block of every head."""
        return self.heads * self.block

    @property
    def rows(self) -> int:
        """All rows."""
        return self.tile_rows * self.blocks


def group(
    machine: Machine,
    heads: int,
    queries: int,
    kv_len: int,
    head_dim: int,
    value_dim: int,
    keeps_statistics: bool,
) -> HeadGroup | None:
    """How `heads` heads share tiles; None where that gives no tile that fits.

    A tile has as many rows as M_BTMM takes at a time where there are so many and they fit, else
    about MLEN, in both cases no more than there are: padding is work. Blocks are balanced.
    """
    granule = row_granule(machine)
    # Rows of a tile are a multiple of the granule: so is the block, times the heads.
    unit = granule // gcd(granule, heads)
    for limit in (machine.broadcast * machine.mlen, machine.mlen):
        most = limit // (heads * unit) * unit
        rows = min(heads * most, round_up(queries * heads, granule))
        shape = (kv_len, head_dim, value_dim)
        if most < 1 or not _fits(machine, rows, *shape, keeps_statistics):
            continue
        if limit > machine.mlen and heads * queries < limit:
            continue
        if limit > machine.mlen:
            # Whole blocks of M_BTMM, or none of it.
            if limit % heads or (limit // heads) % unit:
                continue
            return HeadGroup(heads, limit // heads, -(-queries * heads // limit))
        blocks = -(-round_up(queries, unit) // most)
        block = round_up(-(-queries // blocks), unit)
        return HeadGroup(heads, block, -(-queries // block))
    return None


def _fits(
    machine: Machine,
    rows: int,
    kv_len: int,
    head_dim: int,
    value_dim: int,
    keeps_statistics: bool,
) -> bool:
    """Whether a tile of so many rows fits on chip beside the scores of one tile of keys."""
    head, value = round_up(head_dim, machine.vlen), round_up(value_dim, machine.vlen)
    keys = wide_keys(machine, rows, kv_len, head, value)
    used = fused_rows(machine, rows, keys, kv_len, head_dim, value)
    entries = STATISTICS * rows if keeps_statistics or keys < kv_len else 0
    enough = used <= machine.vector_sram_rows
    return enough and entries <= machine.fp_sram_depth - SPARE_SCALARS

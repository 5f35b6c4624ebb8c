"""How the query heads of a KV group share tiles: plain arithmetic, no IR.

Rows are in blocks of `block` queries of each head, head by head. A tile has a block of every head,
or, where those are more rows than fit, of a part of the heads.
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
    """`heads` heads of `blocks` blocks of `block` queries each, in tiles of `tile_rows` rows.

    Where heads are cut into parts there may be more of them than the group has: the last ones are
    padding. Tiles of one block of queries are cut anywhere, and the last may be longer than the
    rows that there are.
    """

    heads: int
    block: int
    blocks: int
    tile_rows: int

    @property
    def parts(self) -> int:
        """Tiles that a block of every head takes."""
        return -(-self.heads * self.block // self.tile_rows)

    @property
    def tiles(self) -> int:
        """How often keys and values are gone over."""
        return self.parts * self.blocks

    @property
    def rows(self) -> int:
        """All rows."""
        return self.heads * self.block * self.blocks


@dataclass(frozen=True)
class Rows:
    """What shares tiles on a machine: `heads` heads of `queries` queries on `kv_len` keys.

    Dimensions are in elements. `keeps_statistics` says that maxima and sums are results.
    """

    machine: Machine
    heads: int
    queries: int
    kv_len: int
    head_dim: int
    value_dim: int
    keeps_statistics: bool

    def fit(self, rows: int, lean: bool = False) -> bool:
        """Whether a tile of so many rows fits on chip beside the scores of one tile of keys.

        `lean` tiles have no place for P V, which batched instructions add up row by row, and sums
        are numbers.
        """
        machine = self.machine
        head, value = (round_up(dim, machine.vlen) for dim in (self.head_dim, self.value_dim))
        keys = wide_keys(machine, rows, self.kv_len, head, value)
        used = fused_rows(machine, rows, keys, self.kv_len, self.head_dim, value)
        if lean and keys < self.kv_len:
            used -= rows * (value // machine.vlen + 1)
        kept = self.keeps_statistics or keys < self.kv_len
        entries = STATISTICS * rows if kept else 0
        enough = used <= machine.vector_sram_rows
        return enough and entries <= machine.fp_sram_depth - SPARE_SCALARS


def group(rows: Rows, parts: int | None = None, lean: bool = False) -> HeadGroup | str:
    """How heads share tiles, all or in parts; the reason where no two of them can.

    All of them if they fit, else in the parts that go over keys and values least often, if that
    is at most half as often as each head by itself: what is gained is little in prefill, where
    the queries of one head fill tiles, and padding and pieces of masks are more. With
    `parts` in that many, and in lean tiles where others do not fit.
    """
    most = rows.heads // 2
    if parts is not None:
        if not 1 <= parts <= most:
            return f"{rows.heads} heads make at least 1 and at most {most} parts of two or more"
        return (
            _in_parts(rows, parts, False) or _in_parts(rows, parts, True) or _why_not(rows, parts)
        )
    whole = _in_parts(rows, 1, lean)
    if whole is not None:
        return whole
    # Of numbers of parts that have as many heads, the least.
    numbers = sorted({-(-rows.heads // -(-rows.heads // number)) for number in range(2, most + 1)})
    found = [each for number in numbers if (each := _in_parts(rows, number, lean)) is not None]
    if not found:
        return _why_not(rows, max(1, most))
    best = min(found, key=lambda each: each.tiles)
    apart = rows.heads * -(-rows.queries // rows.machine.mlen)
    if 2 * best.tiles > apart:
        return (
            f"{rows.heads} heads do not fit together, and in parts they go over keys and values "
            f"{best.tiles} times, each by itself {apart}"
        )
    return best


def numbers_of_parts(rows: Rows) -> tuple[int, ...]:
    """Numbers of parts that are worth a comparison: whole, or else as few as fit in one way or the
    other, and those in tiles of MLEN rows, beside which more keys fit; none for a single head."""
    if rows.heads < 2:
        return ()
    if _in_parts(rows, 1, False) is not None:
        return (1,)
    ways = (group(rows, None, lean) for lean in (False, True))
    found = {each.parts for each in ways if isinstance(each, HeadGroup)}
    small = -(-rows.heads * rows.queries // rows.machine.mlen)
    if found and max(found) < small <= rows.heads // 2:
        found.add(small)
    return tuple(sorted(found)) or (1,)


def _in_parts(rows: Rows, parts: int, lean: bool) -> HeadGroup | None:
    """Heads in so many parts; None where that gives no tile that fits.

    A tile has as many rows as M_BTMM takes at a time where there are so many and they fit, else
    about MLEN, in both cases no more than there are: padding is work. Blocks are balanced. More
    than MLEN are the rows of tiles that then have all queries of their heads.
    """
    machine = rows.machine
    granule, heads = row_granule(machine), -(-rows.heads // parts)
    # Rows of a tile are a multiple of the granule: so is the block, times the heads.
    unit, batch = granule // gcd(granule, heads), machine.broadcast * machine.mlen
    whole_batch = batch % heads == 0 and batch // heads % unit == 0
    if heads * rows.queries >= batch and whole_batch and rows.fit(batch, lean):
        # Whole blocks of M_BTMM, or none of it.
        block = batch // heads
        return HeadGroup(heads * parts, block, -(-rows.queries // block), batch)
    at_once = round_up(-(-rows.heads * rows.queries // parts), granule)
    most = machine.mlen // (heads * unit) * unit
    if parts > 1 or at_once <= machine.mlen or most < 1:
        if rows.fit(at_once, lean):
            return HeadGroup(rows.heads, rows.queries, 1, at_once)
        if most < 1:
            return None
    blocks = -(-round_up(rows.queries, unit) // most)
    block = round_up(-(-rows.queries // blocks), unit)
    if not rows.fit(heads * block, lean):
        return None
    return HeadGroup(heads * parts, block, -(-rows.queries // block), heads * block)


def _why_not(rows: Rows, parts: int) -> str:
    """Why heads share no tiles."""
    machine = rows.machine
    granule, heads = row_granule(machine), -(-rows.heads // parts)
    unit = granule // gcd(granule, heads)
    least = round_up(heads * min(rows.queries, unit), granule)
    return (
        f"a tile of {heads} heads has at least {least} rows, which do not fit vector SRAM of "
        f"{machine.vector_sram_rows} rows and FP_MEM of {machine.fp_sram_depth} entries"
    )

"""How large tiles are: plain arithmetic on a machine's parameters, no IR.

Lengths and tile shapes are in elements, SRAM in rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from ...machine.spec.params import Machine
from ..support.rounding import round_up

SPARE_ROWS = 8
"""Rows of vector SRAM kept for scratch."""

SPARE_SCALARS = 16
"""Entries of FP_MEM kept for constants."""

PARTS = 32
"""Tiles of keys are at least as many where their number is known at run time only."""

CONSTANT_TILES = 2
"""Tiles of matrix SRAM that a mapping keeps: ones, and the unit matrix."""

SPARE_INTEGERS = 8
"""Entries of INT_MEM kept for spilling."""

STATISTICS = 3
"""FP_MEM entries for each query row: running maximum, running sum, rescaling factor."""


class TileSizeError(ValueError):
    """A tile size that the machine cannot take; the text says why and what it could take."""


@dataclass(frozen=True)
class TileSizes:
    """Extents of the tiles of one attention, padding included.

    `q_rows` query rows and `kv_rows` keys make a tile of scores; `softmax_rows` whole rows are
    normalised at a time in the unfused form. `q_len`, `kv_len`, `head_dim` and `value_dim` are the
    padded extents that the tiles cover.
    """

    q_rows: int
    kv_rows: int
    softmax_rows: int
    q_len: int
    kv_len: int
    head_dim: int
    value_dim: int


@dataclass(frozen=True)
class Needs:
    """What an attention asks of its tiles."""

    score_tiles: int = 1
    """Tiles of scores that are alive at once: the scores and what is added to them."""
    slide: bool = False
    """Tiles of queries start at multiples of VLEN if that adds at most an eighth of the rows, so
    that tables of distances can be bands."""
    wide: bool = False
    """Tiles of keys are as many as fit."""
    run_time: int = 0
    """Batches of which it is known at run time only how many keys there are: what is done beyond
    them is in vain. 0 where that is known."""
    keeps_statistics: bool = True
    """Statistics are results, or start from given ones; where they are not, rows that have one tile
    of keys only have none in FP_MEM."""


def row_granule(machine: Machine) -> int:
    """Vector tiles have a multiple of this many rows: whole loads, stores and systolic blocks."""
    return lcm(machine.blen, machine.prefetch_v, machine.writeback_v)


def choose(
    machine: Machine,
    q_len: int,
    kv_len: int,
    head_dim: int,
    value_dim: int,
    q_rows: int | None = None,
    kv_rows: int | None = None,
    needs: Needs = Needs(),
    grouped_rows: int | None = None,
) -> TileSizes:
    """Tile sizes for one attention; `q_rows` and `kv_rows` are the user's wishes, if any.

    `grouped_rows` are those of a tile of several heads, which `group-heads` has found to fit.

    Query rows are spread evenly over as few tiles as fit the SRAM, of at most MLEN rows. Raises
    TileSizeError where a wish, or the least possible tile, does not fit the machine.
    """
    granule, kv_granule = row_granule(machine), machine.prefetch_m
    head, value = round_up(head_dim, machine.vlen), round_up(value_dim, machine.vlen)
    if kv_rows is None:
        kv_rows = kv_granule
        if needs.wide:
            # A tile of queries that the user wishes takes its room first.
            rows = q_rows if q_rows is not None and q_rows > 0 else grouped_rows
            rows = rows or min(round_up(q_len, granule), machine.mlen)
            if needs.run_time:
                kv_rows = keys_by_part(machine, rows, kv_len, head, value, needs.run_time)
            else:
                kv_rows = wide_keys(machine, rows, kv_len, head, value)
    elif kv_rows % kv_granule or kv_rows < 1:
        raise TileSizeError(
            f"kv-tile = {kv_rows} is not a multiple of {kv_granule}, the rows that one prefetch "
            f"brings into matrix SRAM; try {round_up(max(kv_rows, 1), kv_granule)}"
        )
    kv_rows = min(kv_rows, round_up(kv_len, kv_granule))
    padded_kv = round_up(kv_len, kv_rows)
    tiles = kv_rows // machine.mlen * (max(head, value) // machine.vlen)
    if tiles > machine.matrix_tiles:
        raise TileSizeError(
            f"{kv_rows} rows of keys or values with {max(head, value)} columns need {tiles} tiles "
            f"of matrix SRAM, and the machine has {machine.matrix_tiles}"
        )
    panels = (head + 2 * value + needs.score_tiles * kv_rows) // machine.vlen
    statistics = STATISTICS if needs.keeps_statistics or padded_kv > kv_rows else 0
    most = largest_rows(machine, panels, "a tile of queries", granule, statistics)
    if q_rows is None and grouped_rows is not None:
        q_rows = grouped_rows
    elif q_rows is None:
        limit = min(most, max(granule, machine.mlen // granule * granule))
        count = -(-round_up(q_len, granule) // limit)
        q_rows = round_up(-(-q_len // count), granule)
        if needs.slide and count > 1:
            unit = lcm(granule, machine.vlen)
            aligned = round_up(q_rows, unit)
            if aligned <= limit and round_up(q_len, aligned) * 8 <= round_up(q_len, q_rows) * 9:
                q_rows = aligned
    elif q_rows % granule or not 0 < q_rows <= most:
        raise TileSizeError(
            f"q-tile = {q_rows} must be a multiple of {granule} (whole loads, stores and systolic "
            f"blocks) and at most {most}, what the SRAM holds"
        )
    return TileSizes(
        q_rows=q_rows,
        kv_rows=kv_rows,
        softmax_rows=softmax_rows(
            machine, needs.score_tiles * padded_kv, round_up(q_len, q_rows), q_rows, granule
        ),
        q_len=round_up(q_len, q_rows),
        kv_len=padded_kv,
        head_dim=head,
        value_dim=value,
    )


def fused_rows(
    machine: Machine, rows: int, keys: int, kv_len: int, head_dim: int, value: int
) -> int:
    """Rows of vector SRAM of a fused tile of `rows` packed queries and `keys` keys.

    Queries, scores, and a product; where there are several tiles of keys an accumulator and row
    sums as well. `value` is padded.
    """
    outputs = value // machine.vlen
    queries = -(-rows // machine.broadcast) * -(-head_dim // machine.hlen)
    panels = keys // machine.vlen + outputs
    if keys < kv_len:
        panels += outputs + 1
    return queries + rows * panels + SPARE_ROWS + 2 * machine.broadcast


def wide_keys(machine: Machine, rows: int, kv_len: int, head: int, value: int) -> int:
    """Keys of a tile under one running maximum: as many as fit beside `rows` queries, balanced.

    Fewer maxima are fewer rescalings, and one f32 accumulation takes in more keys. `head` and
    `value` are padded dimensions. Matrix SRAM holds keys, values and a tile of ones; vector SRAM
    queries, scores, a product, the accumulator and row sums.
    """
    granule = machine.prefetch_m
    panels = (head + value) // machine.vlen
    tiles = machine.matrix_tiles - granule // machine.mlen
    by_matrix = tiles // panels * machine.mlen // granule
    held = (head + 2 * value) // machine.vlen + 1
    scores = (machine.vector_sram_rows - 2 * SPARE_ROWS - machine.broadcast) // rows - held
    by_vector = scores * machine.vlen // granule
    needed = -(-kv_len // granule)
    most = max(1, min(by_matrix, by_vector, needed))
    return -(-needed // -(-needed // most)) * granule


def keys_by_part(
    machine: Machine, rows: int, kv_len: int, head: int, value: int, batches: int
) -> int:
    """Keys of a tile where it is not known how many of `kv_len` there will be.

    At most a `PARTS`-th of them, so that little is done for nothing, of what divides them and fits
    beside `rows` queries. `head` and `value` are padded dimensions; keys and values take turns in
    matrix SRAM, beside two constant tiles. INT_MEM holds an entry for each of `batches`, and one
    more for each panel of a tile.
    """
    granule = machine.prefetch_m
    panels, room = max(head, value) // machine.vlen, machine.matrix_tiles - CONSTANT_TILES
    by_matrix = room // panels * machine.mlen // granule
    held = (head + 2 * value) // machine.vlen + 1
    scores = (machine.vector_sram_rows - 2 * SPARE_ROWS - machine.broadcast) // rows - held
    needed = -(-kv_len // granule)
    entries = (machine.int_sram_depth - SPARE_INTEGERS) // batches - 1
    by_entries = entries * machine.vlen // granule
    by_vector = scores * machine.vlen // granule
    most = max(1, min(by_matrix, by_vector, by_entries, needed // PARTS))
    return max(count for count in range(1, most + 1) if needed % count == 0) * granule


def largest_rows(
    machine: Machine, panels: int, what: str, granule: int, statistics: int = STATISTICS
) -> int:
    """The most rows of a tile of which each takes `panels` rows of vector SRAM and statistics.

    Raises TileSizeError where not even `granule` rows fit.
    """
    rows = (machine.vector_sram_rows - SPARE_ROWS) // panels
    scalars = (machine.fp_sram_depth - SPARE_SCALARS) // statistics if statistics else rows
    most = min(rows, scalars) // granule * granule
    if most < 1:
        raise TileSizeError(
            f"{what} has at least {granule} rows, which need {granule * panels + SPARE_ROWS} rows "
            f"of vector SRAM and {granule * statistics + SPARE_SCALARS} entries of FP_MEM; the "
            f"machine has {machine.vector_sram_rows} and {machine.fp_sram_depth}"
        )
    return most


def softmax_rows(machine: Machine, padded_kv: int, padded_q: int, q_rows: int, granule: int) -> int:
    """Whole rows of scores in a tile: at most `q_rows`, evenly over as few tiles as fit.

    As many as `q_rows` where none fit: `fuse` takes whole rows away, `stream-softmax` splits them.
    """
    try:
        most = largest_rows(machine, padded_kv // machine.vlen, "a tile of scores", granule)
    except TileSizeError:
        return q_rows
    count = -(-padded_q // min(most, q_rows))
    return round_up(-(-padded_q // count), granule)

"""Tile sizes: whole granules, within the machine, covering what they must."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fa.machine import Machine
from fa.passes.tiling.tile_sizes import (
    SPARE_ROWS,
    SPARE_SCALARS,
    STATISTICS,
    Needs,
    TileSizeError,
    choose,
    row_granule,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MACHINE = Machine.load("plena-64")
WISHES = st.sampled_from([None, 4, 12, 64, 100])


@settings(derandomize=True)
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.integers(1, 512),
    st.integers(1, 512),
    WISHES,
    st.sampled_from([None, 64, 128, 256]),
    st.sampled_from([64, 256, 1024]),
)
def test_sizes(
    q_len: int, kv_len: int, head_dim: int, value_dim: int, q_rows: int, kv_rows: int, depth: int
):
    machine = replace(MACHINE, vector_sram_rows=depth)
    try:
        sizes = choose(machine, q_len, kv_len, head_dim, value_dim, q_rows, kv_rows)
    except TileSizeError:
        if (q_rows, kv_rows) == (None, None) and depth == 1024:
            # Refused only if 64 keys do not fit matrix SRAM.
            assert max(head_dim, value_dim) > 64 * machine.matrix_tiles
        return
    for have, want, multiple in (
        (sizes.head_dim, head_dim, 64),
        (sizes.value_dim, value_dim, 64),
        (sizes.q_len, q_len, sizes.q_rows),
        (sizes.kv_len, kv_len, sizes.kv_rows),
    ):
        assert want <= have < want + multiple
        assert have % multiple == 0
    assert sizes.q_rows % row_granule(machine) == 0
    assert sizes.kv_rows % machine.prefetch_m == 0
    if q_rows is not None:
        assert sizes.q_rows == q_rows
    if kv_rows is not None:
        assert sizes.kv_rows <= kv_rows
    # Queries, product, accumulator and scores of one tile are alive together.
    panels = (sizes.head_dim + 2 * sizes.value_dim + sizes.kv_rows) // 64
    assert sizes.q_rows * panels + SPARE_ROWS <= depth
    assert sizes.q_rows * STATISTICS + SPARE_SCALARS <= machine.fp_sram_depth
    matrix = sizes.kv_rows // 64 * (max(sizes.head_dim, sizes.value_dim) // 64)
    assert matrix <= machine.matrix_tiles
    assert sizes.softmax_rows <= sizes.q_rows
    assert sizes.softmax_rows % row_granule(machine) == 0
    if sizes.softmax_rows > row_granule(machine):
        # One granule of whole rows may be too much. Fused kernels hold none, so that is for
        # `allocate-sram` to say.
        assert sizes.softmax_rows * (sizes.kv_len // 64) + SPARE_ROWS <= depth


@pytest.mark.parametrize(
    ("q_len", "rows"), [(1, 4), (64, 64), (65, 36), (100, 52), (128, 64), (200, 52)]
)
def test_query_rows_are_spread_evenly(q_len: int, rows: int):
    assert choose(MACHINE, q_len, 64, 64, 64).q_rows == rows


@pytest.mark.parametrize("kv_rows", [0, -64, 1, 65])
def test_key_tiles_are_whole_prefetches(kv_rows: int):
    with pytest.raises(TileSizeError, match=f"kv-tile = {kv_rows} is not a multiple of 64"):
        choose(MACHINE, 64, 64, 64, 64, None, kv_rows)


@pytest.mark.parametrize("q_rows", [0, -4, 3, 400])
def test_query_tiles_are_whole_granules_that_fit(q_rows: int):
    with pytest.raises(TileSizeError, match=f"q-tile = {q_rows} must be a multiple of 4 .* 164,"):
        choose(MACHINE, 64, 64, 64, 64, q_rows)


def test_a_machine_with_too_little_room():
    with pytest.raises(TileSizeError, match=r"which need 24 rows of vector SRAM .* has 16"):
        choose(replace(MACHINE, vector_sram_rows=16), 64, 64, 64, 64)
    with pytest.raises(TileSizeError, match="need 32 tiles of matrix SRAM"):
        choose(MACHINE, 64, 512, 256, 64, None, 512)


def test_wide_tiles_leave_room_for_the_queries_wished():
    """128 queries of 164 that fit beside 64 keys."""
    assert choose(MACHINE, 256, 1024, 64, 64, 128, needs=Needs(wide=True)).q_rows == 128
    with pytest.raises(TileSizeError, match="q-tile = 0 must be a multiple of 4"):
        choose(MACHINE, 256, 1024, 64, 64, 0, needs=Needs(wide=True))


@pytest.mark.parametrize(
    ("room", "batches", "keys"),
    [
        # At most a 32nd of the room.
        (40, 1, 64),
        (2048, 1, 64),
        (4096, 1, 128),
        (8192, 1, 256),
        # What divides it: 66 tiles of 64 are 33 pairs, and 65 are 13 times 5, which are too many.
        (4224, 1, 128),
        (4160, 1, 64),
        # 24 entries of INT_MEM that are not kept: a length and its panels for each batch.
        (8192, 8, 128),
        (8192, 9, 64),
        (8192, 30, 64),
    ],
)
def test_keys_by_part_of_the_room(room: int, batches: int, keys: int):
    needs = Needs(wide=True, run_time=batches)
    assert choose(MACHINE, 1, room, 64, 64, needs=needs).kv_rows == keys

"""Query heads of a group as rows: the arithmetic, and what it means at every level."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine import Machine
from fa.passes.tensors.head_grouping import HeadGroup, Rows, group
from fa.passes.tiling.tile_sizes import row_granule
from hypothesis import assume, given
from hypothesis import strategies as st

from ...attentions import Case, relative_error

MACHINE = Machine.load("plena-64")


@given(
    heads=st.integers(2, 130),
    queries=st.integers(1, 300),
    kv_len=st.integers(1, 2000),
    dim=st.integers(8, 600),
    parts=st.none() | st.integers(1, 65),
    lean=st.booleans(),
)
def test_tiles_cover_all_queries_with_little_padding(
    heads: int, queries: int, kv_len: int, dim: int, parts: int | None, lean: bool
) -> None:
    rows = Rows(MACHINE, heads, queries, kv_len, dim, dim, keeps_statistics=False)
    groups = group(rows, parts, lean)
    assume(isinstance(groups, HeadGroup))
    assert isinstance(groups, HeadGroup)
    granule = row_granule(MACHINE)
    assert groups.tile_rows % granule == 0
    assert rows.fit(groups.tile_rows, lean=lean or parts is not None)
    assert heads <= groups.heads < heads + groups.parts
    assert groups.blocks * groups.block >= queries
    # The last block is needed, and so are all but a granule of rows in balanced blocks.
    assert (groups.blocks - 1) * groups.block < queries
    # A mask knows blocks of all heads: a tile does not go across two of them.
    if groups.blocks > 1:
        assert groups.heads * groups.block == groups.parts * groups.tile_rows
    if parts is not None:
        assert groups.parts <= parts
        # Two heads at least go over keys and values together.
        assert groups.tile_rows > groups.block or groups.heads == 1


def test_heads_that_do_not_fit_together_share_tiles_in_parts() -> None:
    def groups(
        heads: int, queries: int, dim: int, value: int | None = None, parts: int | None = None
    ) -> HeadGroup | str:
        return group(Rows(MACHINE, heads, queries, 512, dim, value or dim, False), parts)

    assert groups(64, 1, 64) == HeadGroup(heads=64, block=1, blocks=1, tile_rows=64)
    assert groups(4, 40, 64) == HeadGroup(heads=4, block=14, blocks=3, tile_rows=56)
    # As many rows as there are heads, in whole granules: no query is repeated.
    assert groups(7, 1, 64) == HeadGroup(heads=7, block=1, blocks=1, tile_rows=8)
    assert groups(71, 1, 64) == HeadGroup(heads=71, block=1, blocks=1, tile_rows=72)
    assert groups(128, 1, 576, 512) == HeadGroup(heads=128, block=1, blocks=1, tile_rows=32)
    # Where P V needs no place, in three parts.
    assert groups(128, 1, 576, 512, 3) == HeadGroup(heads=128, block=1, blocks=1, tile_rows=44)
    # Parts of four heads, of which the last has a head of padding, and batches for M_BTMM.
    short = Rows(MACHINE, 71, 300, 64, 16, 16, keeps_statistics=False)
    assert group(short, 18) == HeadGroup(heads=72, block=64, blocks=5, tile_rows=256)
    assert isinstance(groups(128, 1, 576, 512, 2), str)
    assert isinstance(groups(4, 40, 64, parts=3), str)


MASKS = [
    None,
    "#fa.causal",
    "#fa.causal<offset = -7>",
    "#fa.window<left = 20, right = 3>",
    "#fa.all_of<[#fa.chunked<size = 48>, #fa.causal]>",
    "#fa.ragged<[90, 13], #fa.causal>",
]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(
    ("heads", "kv_heads", "queries", "parts"),
    [
        (4, 1, 30, None),
        (6, 2, 17, None),
        (14, 2, 1, None),
        (14, 2, 1, 3),
        (7, 1, 30, 2),
        (15, 1, 9, 4),
        (71, 1, 2, 5),
        # Parts of several blocks of queries, with heads of padding.
        (15, 1, 90, 4),
    ],
)
def test_grouping_keeps_the_meaning(
    mask: str | None, heads: int, kv_heads: int, queries: int, parts: int | None
) -> None:
    q, k = f"tensor<2x{heads}x{queries}x40xbf16>", f"tensor<2x{kv_heads}x90x40xbf16>"
    lse = f"tensor<2x{heads}x{queries}xf32>"
    attributes = "lse" if mask is None else f"lse, mask = {mask}"
    module = parse_module(f"""func.func @f(%q: {q}, %k: {k}, %v: {k}) -> ({q}, {lse}) {{
      %o, %l = fa.attention %q, %k, %v {{{attributes}}} : {q}, {k}, {k} -> {q}, {lse}
      func.return %o, %l : {q}, {lse}
    }}""")
    rng = np.random.default_rng(0)
    shapes = [(2, heads, queries, 40), (2, kv_heads, 90, 40), (2, kv_heads, 90, 40)]
    args = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    exact = fa.interpret(module, args, round=False)
    first = "group-heads" if parts is None else f"group-heads{{parts={parts}}}"
    for passes in (first, "tile,fuse", "map", "specialize-masks,trim-tiles,schedule-rows"):
        run_passes(module, passes)
        assert str(module).count("#fa.grouped") >= (mask is not None and passes == first)
        for have, want in zip(fa.interpret(module, args, round=False), exact, strict=True):
            # f32 sums of up to 90 terms in another order.
            np.testing.assert_allclose(have, want, atol=3e-6, rtol=3e-6)


@pytest.mark.parametrize(
    ("case", "parts"),
    [
        (Case(1, 200, 64, 8, 2), 1),
        (Case(40, 90, 32, 4, 1, "causal"), 1),
        (Case(100, 100, 128, 4, 1, "causal", lse=True), 1),
        (Case(70, 64, 16, 4, 1), 1),
        # More rows than MLEN, not a multiple of it.
        (Case(1, 700, 64, 71, 1, "causal", lse=True), 1),
        (Case(3, 130, 64, 15, 1, "causal"), 4),
        (Case(2, 70, 32, 14, 2, lse=True), 3),
        (Case(90, 90, 32, 7, 1, "causal"), 2),
    ],
    ids=str,
)
def test_simulated(case: Case, parts: int) -> None:
    passes = f"group-heads{{parts={parts}}},tile,fuse,quantize,allocate-sram,lower-to-isa"
    kernel = fa.compile(case.module(), passes=passes)
    args = case.arguments()
    run = kernel.run(*args, hbm_time="none")
    expected, lse = case.reference(kernel.stored(*args))
    # bf16 scores, probabilities and results: about 6e-3 (test_accuracy.py); few rows pool less.
    assert relative_error(run.outputs[0], expected) < (8e-3 if case.live_rows >= 64 else 1.5e-2)
    if case.lse:
        np.testing.assert_allclose(run.outputs[1], lse, atol=0.05)


def test_a_decode_step_loads_keys_once_for_a_group() -> None:
    case = Case(1, 512, 64, 8, 1)
    alone = fa.cost(fa.compile(case.module(), passes="tile,fuse"))
    shared = fa.cost(fa.compile(case.module(), passes="group-heads,tile,fuse"))
    assert shared.hbm_bytes_read < alone.hbm_bytes_read / 4


@pytest.mark.parametrize("heads", [64, 71, 100])
def test_a_group_of_any_size_loads_keys_once(heads: int) -> None:
    kernel = fa.compile(Case(1, 1024, 64, heads, 1).module())
    moved = fa.cost(kernel)
    # A line of elements and one of scales for every row of K and V.
    once = 2 * 1024 * 2 * 64
    other = moved.total.hbm_bytes_read - moved.moving.hbm_bytes_read
    # Beside them constant tiles, for sums and for packing.
    assert once <= other <= once + 2 * 64 * 2 * 64


@pytest.mark.parametrize(("parts", "passes"), [(3, "pv=packed"), (4, "pv=btmv"), (16, "pv=mm")])
def test_each_part_loads_keys_once(parts: int, passes: str) -> None:
    """Absorbed multi-head latent attention: 128 heads on one, 576 and 512 columns."""
    case = Case(1, 128, 576, 128, 1, value_dim=512)
    chain = f"group-heads{{parts={parts}}},tile,fuse,map{{{passes} sums=reduce}},lower-to-isa"
    kernel = fa.compile(case.module(), passes=chain)
    moved = fa.cost(kernel)
    once = 128 * (9 + 8) * 2 * 64
    other = moved.total.hbm_bytes_read - moved.moving.hbm_bytes_read
    assert parts * once <= other <= parts * once + 64 * 2 * 64
    args = case.arguments()
    expected, _ = case.reference(kernel.stored(*args))
    # bf16 scores, probabilities and results, as above.
    assert relative_error(kernel.run(*args, hbm_time="none").outputs[0], expected) < 8e-3

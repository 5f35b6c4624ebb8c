"""Query heads of a group as rows: the arithmetic, and what it means at every level."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine import Machine
from fa.passes.tensors.head_grouping import HeadGroup, group
from fa.passes.tiling.tile_sizes import row_granule
from hypothesis import assume, given
from hypothesis import strategies as st

from ...attentions import Case, relative_error

MACHINE = Machine.load("plena-64")


@given(
    heads=st.integers(2, 80),
    queries=st.integers(1, 300),
    kv_len=st.integers(1, 2000),
    dim=st.integers(8, 300),
)
def test_blocks_cover_all_queries_with_little_padding(
    heads: int, queries: int, kv_len: int, dim: int
) -> None:
    groups = group(MACHINE, heads, queries, kv_len, dim, dim, keeps_statistics=False)
    assume(groups is not None)
    assert groups is not None
    granule = row_granule(MACHINE)
    assert groups.tile_rows % granule == 0
    assert groups.blocks * groups.block >= queries
    # The last block is needed, and so are all but a granule of rows in balanced blocks.
    assert (groups.blocks - 1) * groups.block < queries


def test_what_fits_nowhere_has_no_blocks() -> None:
    """More heads than a tile has rows, or heads too wide for a tile of their queries."""

    def groups(heads: int, queries: int, dim: int) -> HeadGroup | None:
        return group(MACHINE, heads, queries, 512, dim, dim, keeps_statistics=False)

    assert groups(64, 1, 64) == HeadGroup(heads=64, block=1, blocks=1)
    assert groups(65, 1, 64) is None
    assert groups(4, 40, 64) == HeadGroup(heads=4, block=14, blocks=3)
    assert groups(4, 40, 512) is None


MASKS = [
    None,
    "#fa.causal",
    "#fa.causal<offset = -7>",
    "#fa.window<left = 20, right = 3>",
    "#fa.all_of<[#fa.chunked<size = 48>, #fa.causal]>",
    "#fa.ragged<[90, 13], #fa.causal>",
]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("heads", "kv_heads", "queries"), [(4, 1, 30), (6, 2, 17), (14, 2, 1)])
def test_grouping_keeps_the_meaning(
    mask: str | None, heads: int, kv_heads: int, queries: int
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
    for passes in ("group-heads", "tile,fuse", "map", "specialize-masks,trim-tiles,schedule-rows"):
        run_passes(module, passes)
        assert str(module).count("#fa.grouped") >= (mask is not None and passes == "group-heads")
        for have, want in zip(fa.interpret(module, args, round=False), exact, strict=True):
            # f32 sums of up to 90 terms in another order.
            np.testing.assert_allclose(have, want, atol=3e-6, rtol=3e-6)


@pytest.mark.parametrize(
    "case",
    [
        Case(1, 200, 64, 8, 2),
        Case(40, 90, 32, 4, 1, "causal"),
        Case(100, 100, 128, 4, 1, "causal", lse=True),
        Case(70, 64, 16, 4, 1),
    ],
    ids=str,
)
def test_simulated(case: Case) -> None:
    passes = "group-heads,tile,fuse,quantize,allocate-sram,lower-to-isa"
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

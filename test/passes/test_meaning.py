"""What a module computes stays the same from pass to pass, and is attention."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import run_passes
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from ..attentions import Case, relative_error

TOLERANCE = 3e-6
"""f32 sums of up to 200 terms: each term is off by 2^-24, the sum by a small multiple of that."""

CLEAN = "cse,canonicalize,dce"

MAPPED = ["map", "specialize-masks", "trim-tiles", "schedule-rows"]

REORDERING = ("fuse", "map", "trim-tiles", "schedule-rows")
"""These change the order of sums, or divide before a product instead of behind it."""

CHAINS = {
    "fused": ["fuse", *MAPPED, "quantize", "allocate-sram"],
    "unfused": [*MAPPED, "quantize", "allocate-sram"],
    "mapped by quantize": ["fuse", "quantize", "allocate-sram"],
    "fused, cleaned": ["fuse", CLEAN, "quantize", CLEAN, "allocate-sram", CLEAN],
    "unfused, cleaned": [CLEAN, "quantize", CLEAN, "allocate-sram", CLEAN],
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Attention over a few tiles, with rows that see nothing now and then."""
    q_len, kv_len = draw(st.integers(1, 100)), draw(st.integers(1, 200))
    offset = None
    mask = draw(st.sampled_from([None, "causal"]))
    if mask is not None:
        offset = draw(st.one_of(st.none(), st.integers(-q_len - 2, kv_len + 2)))
    kv_heads, group = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
    return Case(
        q_len,
        kv_len,
        head_dim=draw(st.sampled_from([8, 40, 64, 72])),
        value_dim=draw(st.sampled_from([None, 16, 130])),
        q_heads=kv_heads * group,
        kv_heads=kv_heads,
        mask=mask,
        causal_offset=offset,
        lse=draw(st.booleans()),
        batch=draw(st.sampled_from([1, 1, 2])),
        scale=draw(st.sampled_from([None, 1.0, 0.3])),
        dtype=draw(st.sampled_from(["bf16", "f16", "f32"])),
    )


@st.composite
def tilings(draw: st.DrawFn) -> str:
    """`tile` with its defaults, or with tile sizes of the user's."""
    q_tile = draw(st.sampled_from([None, 12, 20, 64]))
    kv_tile = draw(st.sampled_from([None, 64, 128, 192]))
    options = {"q-tile": q_tile, "kv-tile": kv_tile}
    text = " ".join(f"{k}={v}" for k, v in options.items() if v is not None)
    return f"tile{{{text}}}" if text else "tile"


def expect_attention(results: list[NDArray[np.float32]], case: Case, args: list[NDArray]) -> None:
    """Check results that were computed in f32 against float64."""
    output, lse = case.reference(args)
    live = np.isfinite(lse)
    if live.any():
        assert relative_error(results[0][live], output[live]) < TOLERANCE
    assert not results[0][~live].any()
    if case.lse:
        np.testing.assert_array_equal(np.isneginf(results[1]), ~live)
        np.testing.assert_allclose(results[1][live], lse[live], atol=3e-6, rtol=3e-6)


def step(module: ModuleOp, passes: str) -> None:
    run_passes(module, passes, "plena-64")


@pytest.mark.parametrize("chain", CHAINS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(case=cases(), tile=tilings())
def test_every_pass_keeps_the_meaning(chain: str, case: Case, tile: str):
    module, args = case.module(), case.arguments()
    expect_attention(fa.interpret(module, args, round=False), case, args)
    step(module, tile)
    results = fa.interpret(module, args, round=False)
    expect_attention(results, case, args)
    for passes in CHAINS[chain]:
        source = module.clone()
        step(module, passes)
        if module.is_structurally_equivalent(source):
            continue
        before, results = results, fa.interpret(module, args, round=False)
        late = "map" not in CHAINS[chain] and passes in ("quantize", "allocate-sram")
        if passes in REORDERING or late:
            # What nobody has written is inserted, the mapping among it.
            expect_attention(results, case, args)
        else:
            for old, new in zip(before, results, strict=True):
                np.testing.assert_array_equal(new, old)

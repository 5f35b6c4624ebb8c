"""Fusion builds anew only what it knows whole: later passes' work is refused, other nests stay."""

from __future__ import annotations

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.diagnostics import OpError, position
from fa.dialects.fa.tile_statistics import CombineOp
from fa.frontends.mlir import make_context, module_text, parse_module, run_passes
from fa.passes.tiling.fuse import UNFUSED, FusePass

ROOT = Path(__file__).resolve().parents[3]

PLAIN = """func.func @f(%q: tensor<1x2x70x64xbf16>, %k: tensor<1x1x130x64xbf16>,
    %v: tensor<1x1x130x64xbf16>) -> tensor<1x2x70x64xbf16> {
  %o = fa.attention %q, %k, %v {mask = #fa.causal} : tensor<1x2x70x64xbf16>,
      tensor<1x1x130x64xbf16>, tensor<1x1x130x64xbf16> -> tensor<1x2x70x64xbf16>
  func.return %o : tensor<1x2x70x64xbf16>
}
"""


def tiled(passes: str = "tile{kv-tile=64}") -> str:
    """The nests that fusion recognises, as text."""
    module = parse_module(PLAIN, "a.mlir")
    run_passes(module, passes)
    return module_text(module)


ORDERS = {
    "map{pv=mm}": "fuse comes before map, which has been run on this already",
    "allocate-sram": "fuse comes before map, which has been run on this already",
    "specialize-masks": "fuse comes before specialize-masks, which has been run on this already",
}


@pytest.mark.parametrize("between", ORDERS)
@pytest.mark.parametrize("fuse", [FusePass(), FusePass(order="keys"), FusePass(split_kv=2)])
def test_after_a_pass_that_comes_later(between: str, fuse: FusePass):
    """Also where nobody watches the order."""
    module = parse_module(PLAIN, "a.mlir")
    run_passes(module, f"tile{{kv-tile=64}},{between}")
    with pytest.raises(OpError) as error:
        fuse.apply(make_context(), module)
    assert str(error.value) == ORDERS[between]
    assert position(error.value.op) == "a.mlir:3:8"


CHANGED = {
    "a chosen instruction": (
        ("fa.scores %q_scaled, %k_1", "fa.scores %q_scaled, %k_1 {family = #fa.family<tmm>}"),
        "fusion builds fa.scores anew, and its instruction is chosen (tmm): map comes after fuse",
    ),
    "an attribute": (
        ("fa.softmax %s_masked :", "fa.softmax %s_masked {mine = 1 : i64} :"),
        "fusion builds fa.softmax anew, and it bears 'mine', which a later pass has set",
    ),
    "an index inside": (
        (
            "%s_masked = fa.mask %s_1 at[%c0,",
            "%i = arith.constant 0 : index\n%s_masked = fa.mask %s_1 at[%i,",
        ),
        "fusion builds fa.mask anew, and its place is computed inside the loops that fusion takes",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_would_be_lost_is_refused(name: str):
    (old, new), message = CHANGED[name]
    text = tiled()
    assert text.count(old) == 1
    with pytest.raises(fa.CompileError, match=r"^b.mlir:\d+:\d+: error: ") as error:
        run_passes(parse_module(text.replace(old, new), "b.mlir"), "fuse")
    assert message in str(error.value)


OTHERS = {
    "a mask one key further": ("fa.mask %s_1 at[%c0, %member, %row_1, %c0]", "%row_1, %c1]"),
    "keys of other rows": ("%k_1 = fa.load %k[%c0, %c0, %key, %c0]", "%row, %c0]"),
    "values of other rows": ("%v_1 = fa.load %v[%c0, %c0, %key_1, %c0]", "%row_2, %c0]"),
    "results elsewhere": ("%output[%c0, %member, %row_2, %c0]", "%c0, %c0]"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nests_that_are_not_attention_stay(name: str):
    """They compute what they did before."""
    old, tail = OTHERS[name]
    text = tiled()
    assert text.count(old) == 1
    text = text.replace(old, ", ".join([*old.split(", ")[:-2], tail]))
    module = parse_module(text)
    run_passes(module, "fuse")
    again = module_text(module)
    assert UNFUSED in again
    random = np.random.default_rng(0)
    args = [random.standard_normal((1, h, n, 64)) for h, n in ((2, 70), (1, 130), (1, 130))]
    np.testing.assert_array_equal(
        fa.interpret(parse_module(again), args)[0], fa.interpret(parse_module(text), args)[0]
    )


def test_something_else_in_the_loops_stays():
    old = "%q_scaled = fa.scale"
    text = tiled()
    assert text.count(old) == 1
    extra = (
        "%zero = fa.fill 0.0 : f32 : !fa.tile<44x64xbf16, vector>\n"
        "fa.store %zero, %output[%c0, %c0, %row, %c0] : !fa.tile<44x64xbf16, vector>, "
        "memref<1x2x70x64xbf16, #fa.hbm>\n"
    )
    rows = text.partition("%q_1 = fa.load")[2].partition("!fa.tile<")[2].partition("x64")[0]
    module = parse_module(text.replace(old, extra.replace("44x", f"{rows}x") + old))
    run_passes(module, "fuse")
    assert "fa.online_softmax" not in module_text(module)


@pytest.mark.parametrize("parts", [131, 10**6])
def test_more_parts_than_keys(parts: int):
    with pytest.raises(fa.CompileError, match=r"makes more parts than there are keys; at most 130"):
        run_passes(parse_module(PLAIN), f"tile,fuse{{split-kv={parts}}}")


COMBINED = {
    # Of four parts the last alone is seen.
    "#fa.window<left = 3, right = 0>": [True, True, False],
    # Of the first two parts one is seen.
    "#fa.documents<[64, 192]>": [False, False, False],
}


@pytest.mark.parametrize("mask", COMBINED)
def test_parts_that_show_nothing_are_guarded(mask: str):
    """A combination is guarded where nothing is seen in either of its parts, and only there."""
    module = fa.attention(q_heads=1, kv_heads=1, q_len=1, kv_len=256, head_dim=64, mask=mask)
    run_passes(module, "tile{kv-tile=64},fuse{split-kv=4},specialize-masks")
    guarded = [op.empty_rows is not None for op in module.walk() if isinstance(op, CombineOp)]
    assert guarded == COMBINED[mask]


def test_queries_loaded_anew_for_each_tile_of_keys():
    """A load of queries inside the loop over keys has no place in a fused nest."""
    text = (ROOT / "docs" / "reference" / "passes" / "fuse.mlir").read_text()
    load = next(line for line in text.splitlines(keepends=True) if "fa.load %Q" in line)
    text = text.replace(load, "").replace("      %k = fa.load", f"{load}      %k = fa.load")
    module = parse_module(text)
    run_passes(module, "fuse")
    assert "fa.online_softmax" not in module_text(module)
    assert "not the three nests" in module_text(module)

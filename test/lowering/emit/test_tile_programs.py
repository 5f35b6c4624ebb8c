"""Tile IR that no pass makes, lowered and simulated."""

from __future__ import annotations

import fa
import ml_dtypes
import numpy as np
import pytest
from fa.frontends.mlir import parse_module

from ...attentions import Case, relative_error
from ...passes.placement.test_tile_liveness import PROGRAMS, arguments

HALF = """
  %k{n} = fa.load %k[%c0, %c0, %key{n}, %c0] : tensor<1x1x128x64xbf16> -> !M
  %s{n} = fa.scores %q_scaled, %k{n} : !V, !M -> !V
  {mask}
  %m_start{n} = fa.fill 0xff800000 : f32 : !S
  %l_start{n} = fa.fill 0.0 : f32 : !S
  %p{n}, %m{n}, %l{n}, %alpha{n} = fa.online_softmax %x{n}, %m_start{n}, %l_start{n} {empty}
      : !V, !S, !S -> !V, !S, !S, !S
  %v{n} = fa.load %v[%c0, %c0, %key{n}, %c0] : tensor<1x1x128x64xbf16> -> !M
  %acc{n} = fa.matmul %p{n}, %v{n} : !V, !M -> !V
"""

SPLIT = """
!V = !fa.tile<64x64xbf16, vector>
!M = !fa.tile<64x64xbf16, matrix>
!S = !fa.tile<64xf32, scalar>
func.func @split(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x128x64xbf16>,
    %v: tensor<1x1x128x64xbf16>) -> (tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>) {{
  %c0 = arith.constant 0 : index
  %key1 = arith.constant 0 : index
  %key2 = arith.constant 64 : index
  %out = memref.alloc() : memref<1x1x64x64xbf16, #fa.hbm>
  %lines = memref.alloc() : memref<1x1x64xf32, #fa.hbm>
  %q1 = fa.load %q[%c0, %c0, %c0, %c0] : tensor<1x1x64x64xbf16> -> !V
  %q_scaled = fa.scale %q1 by 0.125 : f32 : !V -> !V
  {halves}
  %acc, %m, %l = fa.combine (%acc1, %m1, %l1), (%acc2, %m2, %l2) {empty}
      : (!V, !S, !S), (!V, !S, !S) -> !V, !S, !S
  %o = fa.normalize %acc, %l {empty} : !V, !S -> !V
  %lse = fa.logsumexp %m, %l {{bound = 128 : i64{and_empty}}} : !S, !S -> !fa.tile<4x64xf32, vector>
  fa.store %o, %out[%c0, %c0, %c0, %c0] : !V, memref<1x1x64x64xbf16, #fa.hbm>
  fa.store %lse, %lines[%c0, %c0, %c0] {{row}}
      : !fa.tile<4x64xf32, vector>, memref<1x1x64xf32, #fa.hbm>
  %o1 = fa.result %out : memref<1x1x64x64xbf16, #fa.hbm> -> tensor<1x1x64x64xbf16>
  %o2 = fa.result %lines : memref<1x1x64xf32, #fa.hbm> -> tensor<1x1x64xf32>
  func.return %o1, %o2 : tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
}}
"""


def split(offset: int | None) -> str:
    """Flash decoding by hand: each half of the keys on its own, then one combination."""
    halves, empty, and_empty = "", "", ""
    mask = "%x{n} = fa.scale %s{n} by 1.0 : f32 : !V -> !V"
    if offset is not None:
        empty, and_empty = "{empty_rows}", ", empty_rows"
        mask = (
            "%x{n} = fa.mask %s{n} at [%c0, %c0, %c0, %key{n}] "
            "{{kv_len = 128, mask = #fa.causal<offset = {at}>}} : !V -> !V"
        )
    for n in (1, 2):
        halves += HALF.format(n=n, mask=mask.format(n=n, at=offset), empty=empty)
    return SPLIT.format(halves=halves, empty=empty, and_empty=and_empty)


@pytest.mark.parametrize("offset", [None, 64, 20, -20, -64])
def test_combine(offset: int | None):
    """Rows that see keys of both halves, of one, and of none."""
    mask = None if offset is None else "causal"
    case = Case(64, 128, mask=mask, causal_offset=offset, lse=True)
    kernel = fa.compile(split(offset))
    args = kernel.stored(*case.arguments())
    expected, lse = case.reference(args)
    live = np.isfinite(lse)
    for outputs in (kernel.run(*args).outputs, fa.interpret(split(offset), args)):
        assert not outputs[0][~live].any()
        np.testing.assert_array_equal(np.isneginf(outputs[1]), ~live)
        if live.any():
            # As any other attention in bf16.
            assert relative_error(outputs[0], expected) <= 8e-3
            np.testing.assert_allclose(outputs[1][live], lse[live], atol=0.05)


@pytest.mark.parametrize("name", PROGRAMS)
def test_loops_that_carry_tiles(name: str):
    """Copies included: small integers, so the machine and the interpreter agree exactly."""
    run = fa.compile(str(PROGRAMS[name])).run(*arguments())
    np.testing.assert_array_equal(run.outputs, fa.interpret(PROGRAMS[name], arguments()))


@pytest.mark.parametrize("space", ["vector", "scalar"])
def test_copy(space: str):
    """A copy in a place of its own, of values that a copy must keep bit for bit."""
    text = """
    func.func @copy(%x: tensor<8x64xbf16>) -> tensor<8x64xbf16> {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
      %a = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector at 0>
      %b = fa.copy %a : !fa.tile<8x64xbf16, vector at 0> -> !fa.tile<8x64xbf16, vector at 2048>
      %f = fa.fill 0.0 : f32 : !fa.tile<8x64xbf16, vector at 0>
      fa.store %b, %out[%c0, %c0] : !fa.tile<8x64xbf16, vector at 2048>, memref<8x64xbf16, #fa.hbm>
      %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
      func.return %o : tensor<8x64xbf16>
    }"""
    if space == "scalar":
        text = text.replace(
            "%f = fa.fill 0.0 : f32 : !fa.tile<8x64xbf16, vector at 0>",
            """%m = fa.fill 3.0 : f32 : !fa.tile<8xbf16, scalar at 0>
      %n = fa.copy %m : !fa.tile<8xbf16, scalar at 0> -> !fa.tile<8xbf16, scalar at 40>
      %g = fa.fill 5.0 : f32 : !fa.tile<8xbf16, scalar at 0>
      %r = fa.normalize %b, %n : !fa.tile<8x64xbf16, vector at 2048>, !fa.tile<8xbf16, scalar at 40>
          -> !fa.tile<8x64xbf16, vector at 2048>""",
        ).replace("fa.store %b", "fa.store %r")
    x = np.random.default_rng(0).standard_normal((8, 64)).astype(ml_dtypes.bfloat16)
    x = x.astype(np.float32)
    x[0, :4] = [0.0, -0.0, np.inf, 2.0**-130]
    (result,) = fa.compile(text).run(x).outputs
    if space == "vector":
        np.testing.assert_array_equal(result.view(np.uint32), x.view(np.uint32))
    else:
        (expected,) = fa.interpret(parse_module(text), [x])
        np.testing.assert_array_equal(result, expected)

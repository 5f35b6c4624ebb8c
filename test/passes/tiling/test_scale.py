"""Where the scale is applied: to queries, or to scores (`tile{fold-scale=false}`)."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import run_passes

from ...attentions import Case, relative_error

CASE = Case(70, 130, 80, 2, 1, "causal", scale=0.1)


@pytest.mark.parametrize("rest", ["", ",fuse"])
def test_scores_are_scaled(rest: str) -> None:
    module, args = CASE.module(), CASE.arguments()
    run_passes(module, "tile{fold-scale=false}" + rest, "plena-64")
    text = str(module)
    assert "fa.scale" not in text
    assert text.count("arith.mulf") == 1
    (have,) = fa.interpret(module, args, round=False)
    # f32 sums of 130 terms.
    assert relative_error(have, CASE.reference(args)[0]) < 3e-6
    kernel = fa.compile(CASE.module(), passes="tile{fold-scale=false}" + rest)
    outputs = kernel.run(*args, hbm_time="none").outputs
    # bf16 scores, as elsewhere (test_accuracy.py).
    assert relative_error(outputs[0], CASE.reference(kernel.stored(*args))[0]) < 8e-3


def test_scores_as_a_result_are_scaled() -> None:
    kind = "tensor<1x1x8x16xbf16>"
    text = f"""func.func @f(%q: {kind}, %k: {kind}, %v: {kind}) -> ({kind}, tensor<1x1x8x8xbf16>) {{
      %o, %s = fa.attention %q, %k, %v {{qk = "raw", scale = 2.0 : f32}} : {kind}, {kind}, {kind}
          -> {kind}, tensor<1x1x8x8xbf16>
      func.return %o, %s : {kind}, tensor<1x1x8x8xbf16>
    }}"""
    kernel = fa.compile(text, passes="tile{fold-scale=false},fuse")
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 1, 1, 8, 16)).astype(np.float32)
    scores = kernel.run(q, k, v).outputs[1]
    q, k, _ = kernel.stored(q, k, v)
    assert relative_error(scores, 2 * q @ k.swapaxes(2, 3)) < 8e-3

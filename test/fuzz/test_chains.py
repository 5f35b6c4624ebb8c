"""Attentions that feed one another: the levels that are interpreted, and a program or a refusal."""

from __future__ import annotations

import random

import fa
import numpy as np
import pytest
from fa.dialects.machine_attr import settle_machine
from fa.frontends.mlir import parse_module, run_passes
from fa.lowering.hbm.host_recipes import CHAINED

from .counts import share

MASKS = ["", "mask = #fa.causal", "mask = #fa.window<left = 5, right = 2>", "softcap = 2.0 : f32"]
PASSES = ["tile", "tile,fuse", "tile{kv-tile=64},fuse{split-kv=2}", "tile,fuse{order=keys},cse"]


def chain(random_: random.Random) -> tuple[str, list[tuple[int, ...]]]:
    """Two attentions, the second with the first one's result as queries, keys or values, or all."""
    length, dim = random_.choice([4, 70, 130]), random_.choice([16, 64])
    kind = f"tensor<1x2x{length}x{dim}xbf16>"
    names = random_.choice(["%x, %k, %v", "%q, %x, %v", "%q, %k, %x", "%x, %x, %x"])
    first, second = random_.choice(MASKS), random_.choice(MASKS)
    text = f"""func.func @f(%q: {kind}, %k: {kind}, %v: {kind}) -> {kind} {{
  %x = fa.attention %q, %k, %v {{{first}}} : {kind}, {kind}, {kind} -> {kind}
  %o = fa.attention {names} {{{second}}} : {kind}, {kind}, {kind} -> {kind}
  func.return %o : {kind}
}}"""
    return text, [(1, 2, length, dim)] * 3


@pytest.mark.parametrize("seed", range(share(8, 3)))
def test_chains(seed: int):
    random_ = random.Random(seed)
    text, shapes = chain(random_)
    numbers = np.random.default_rng(seed)
    args = [numbers.standard_normal(shape).astype(np.float32) for shape in shapes]
    (want,) = fa.interpret(text, args, round=False)
    module = parse_module(text)
    settle_machine(module, "plena-64-bf16")
    for passes in random_.choice(PASSES).split(","):
        run_passes(module, passes)
        (have,) = fa.interpret(module, args, round=False)
        # Sums of f32 in another order.
        np.testing.assert_allclose(have, want, rtol=2e-4, atol=2e-5)
    try:
        kernel = fa.compile(module)
    except fa.CompileError as error:
        refused = error.message
    else:
        refused = ""
        (ran,) = kernel.run(*args, hbm_time="none").outputs
        # Two attentions in bf16, 8e-3 each.
        assert np.linalg.norm(ran - want) <= 2.5e-2 * np.linalg.norm(want)
    assert refused in ("", CHAINED)

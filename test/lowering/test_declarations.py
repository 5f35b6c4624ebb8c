"""Functions without a body, results that no tile is loaded for, functions with branches."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import module_text, parse_module, run_passes

T = "tensor<1x1x4x16xbf16>"
HELPER = f"func.func private @helper({T}) -> {T}\n"
PLAIN = f"""func.func @f(%q: {T}, %k: {T}, %v: {T}) -> {T} {{
  %o = fa.attention %q, %k, %v {{}} : {T}, {T}, {T} -> {T}
  func.return %o : {T}
}}
"""
RANDOM = np.random.default_rng(0)
ARGS = [RANDOM.standard_normal((1, 1, 4, 16)) for _ in range(4)]


def test_beside_the_kernel():
    """A declaration has no program; the kernel is that of the function with a body."""
    kernel, alone = fa.compile(HELPER + PLAIN), fa.compile(PLAIN)
    assert kernel.asm == alone.asm
    assert HELPER.strip() in kernel.mlir
    np.testing.assert_array_equal(
        fa.interpret(HELPER + PLAIN, ARGS[:3]), fa.interpret(PLAIN, ARGS[:3])
    )


@pytest.mark.parametrize("passes", ["tile", "lower-to-isa", "fa-to-plena", "quantize", "lower-mx"])
def test_alone(passes: str):
    module = parse_module(HELPER)
    run_passes(module, passes)
    assert HELPER.strip() in module_text(module)


@pytest.mark.parametrize("passes", ["tile", "fa-to-plena"])
def test_branches(passes: str):
    text = PLAIN.replace("  %o", "  cf.br ^bb1\n^bb1:\n  %o", 1)
    with pytest.raises(fa.CompileError, match=r":4:8: error: .* must stand in a function without"):
        run_passes(parse_module(text), passes)


@pytest.mark.parametrize("machine", ["plena-64", "plena-64-bf16", "plena-64-stock"])
def test_a_cache_that_a_mask_hides_whole(machine: str):
    """No tile of it is loaded, and it is a result all the same, as it was given."""
    K = "tensor<1x1x8x16xbf16>"
    source = f"""func.func @f(%q: {T}, %k: {T}, %v: {T}, %p: {T}) -> ({T}, {K}, {T}) {{
  %K = fa.concat %p, %k {{axis = 2 : i64}} : {T}, {T} -> {K}
  %V = fa.concat %p, %v {{axis = 2 : i64}} : {T}, {T} -> {K}
  %o = fa.attention %q, %K, %V {{mask = #fa.causal<offset = -9>}} : {T}, {K}, {K} -> {T}
  func.return %o, %K, %v : {T}, {K}, {T}
}}"""
    outputs = fa.compile(source, machine).run(*ARGS).outputs
    assert not outputs[0].any()
    for have, want in zip(outputs, fa.interpret(source, ARGS), strict=True):
        np.testing.assert_array_equal(have, want)

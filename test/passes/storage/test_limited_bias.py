"""A bias that hides keys by a huge number, in blocks with biases that matter."""

from __future__ import annotations

import re

import fa
import numpy as np
import pytest
from fa.frontends.mlir import module_text, parse_module, run_passes
from fa.machine.numerics.center_rotate import limit

from ...attentions import relative_error

T, K, B = "tensor<1x1x4x16xbf16>", "tensor<1x1x8x16xbf16>", "tensor<1x1x1x8xf32>"
SOURCE = f"""func.func @f(%q: {T}, %k: {K}, %v: {K}, %b: {B}) -> {T} {{
  %o = fa.attention %q, %k, %v bias(%b) {{}} : {T}, {K}, {K}, {B} -> {T}
  func.return %o : {T}
}}"""
RANDOM = np.random.default_rng(0)
ARGS = [RANDOM.standard_normal((1, 1, n, 16)) for n in (4, 8, 8)]


def bias(hides: float) -> np.ndarray:
    return np.array([3, -3, 2, -2, 1, -1, 0, hides]).reshape(1, 1, 1, 8)


@pytest.mark.parametrize("hides", [-1e9, -1e30, -3e38, -np.inf])
def test_the_others_keep_their_digits(hides: float):
    """What hides a key does so, and no other bias is the worse for it than beside -4096."""
    kernel = fa.compile(SOURCE, "plena-64-stock")
    args = [*ARGS, bias(hides)]
    q, k, v, b = (np.asarray(x, np.float64) for x in kernel.stored(*args))
    np.testing.assert_allclose(b[..., :7], bias(0)[..., :7], atol=0.13)
    assert b[..., 7] <= -4096
    s = q @ k.swapaxes(2, 3) / 4 + b
    p = np.exp(s - s.max(-1, keepdims=True))
    want = p / p.sum(-1, keepdims=True) @ v
    # Results in blocks of e4m3: half a unit in the last place is 6 %, less on average.
    assert relative_error(kernel.run(*args).outputs[0], want) < 5e-2


@pytest.mark.parametrize("row", [[-1e9] * 8, [-1e9] * 4 + [-1e30] * 4, [-1e30] * 8])
def test_rows_that_are_hidden_whole(row: list[float]):
    """The largest is seen still, as without a limit."""
    args = [*ARGS, np.array(row).reshape(1, 1, 1, 8)]
    kernel = fa.compile(SOURCE, "plena-64-stock")
    stored = [*kernel.stored(*args)[:3], args[3]]
    (have,), (want,) = kernel.run(*args).outputs, fa.interpret(SOURCE, stored)
    assert relative_error(have, want) < 5e-2


@pytest.mark.parametrize("hides", [-1e30, -np.inf, np.nan, 0.0])
def test_plain_operations_do_the_same(hides: float):
    module = parse_module(SOURCE)
    run_passes(module, "tile,fuse,quantize", "plena-64-stock")
    text = module_text(module)
    assert text.count("mx.limit") == 1
    low = parse_module(text)
    run_passes(low, "lower-mx")
    args = [*ARGS, bias(hides)]
    np.testing.assert_array_equal(fa.interpret(low, args), fa.interpret(module, args))


def test_limit():
    values = np.float32([[1, -20, -3e38, -np.inf], [-5, -np.inf, -25, -1e9], [-np.inf] * 4])
    want = np.float32([[1, -20, -20, -np.inf], [-5, -np.inf, -25, -30], [-np.inf] * 4])
    np.testing.assert_array_equal(limit(values, 20), want)


@pytest.mark.parametrize("machine", ["plena-64", "plena-64-bf16"])
def test_plain_storage_needs_none(machine: str):
    assert not any(r.prepare for r in fa.compile(SOURCE, machine).layout.regions)


def test_the_report_says_what_is_lost():
    report = fa.compile(SOURCE, "plena-64-stock").report
    off = re.search(
        r"b: a bias of -4 to 4 is off by up to (\S+) where its block of 8 hides", report
    )
    assert off is not None
    assert 0.05 < float(off[1]) < 0.2
    assert "is off by" not in fa.compile(SOURCE, "plena-64").report


def test_a_limit_is_a_depth():
    text = f"func.func @f(%b: {B}) {{\n  %0 = mx.limit %b to 0 : {B} -> {B}\n  func.return\n}}"
    with pytest.raises(
        fa.CompileError, match=r"2:8: error: 'mx.limit': a depth is at least 1, got"
    ):
        parse_module(text)

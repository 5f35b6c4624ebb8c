"""Attention sinks: every form against the tensor level and float64, and on the machine."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from numpy.typing import NDArray

from ...attentions import relative_error

CHAINS = (
    "tile",
    "tile,fuse",
    "tile,fuse{order=keys}",
    "tile,fuse{split-kv=2}",
    "tile,fuse{split-kv=3}",
)

SINKS = (2.0, -np.inf, -1.0, 5.0)
"""One for each of four heads; -inf is none."""


def attention(
    q_len: int, kv_len: int, attributes: str, heads: tuple[int, int] = (4, 2), dim: int = 32
) -> str:
    """One batch; output and logsumexp."""
    q, kv = (f"tensor<1x{h}x{n}x{dim}xf32>" for h, n in zip(heads, (q_len, kv_len), strict=True))
    sinks, lse = f"tensor<{heads[0]}xf32>", f"tensor<1x{heads[0]}x{q_len}xf32>"
    return f"""
    func.func @f(%q: {q}, %k: {kv}, %v: {kv}, %s: {sinks}) -> ({q}, {lse}) {{
      %o, %lse = fa.attention %q, %k, %v sinks(%s) {{lse{attributes}}}
          : {q}, {kv}, {kv}, {sinks} -> {q}, {lse}
      func.return %o, %lse : {q}, {lse}
    }}"""


def arguments(text: str, sinks: NDArray[np.float32] | None = None) -> list[NDArray[np.float32]]:
    """Standard normal, the sinks as given."""
    random = np.random.default_rng(5)
    (function,) = parse_module(text).ops
    shapes = [kind.get_shape() for kind in function.function_type.inputs]
    args = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    if sinks is not None:
        args[3] = np.asarray(sinks, np.float32)
    return args


def reference(
    args: list[NDArray[np.float32]], seen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Output and logsumexp in float64, the sink as one more key with a value of 0."""
    q, k, v, sinks = (np.asarray(arg, np.float64) for arg in args)
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q.shape[3] ** -0.5 * (q @ k.swapaxes(2, 3))
    scores = np.where(seen, scores, -np.inf)
    column = np.broadcast_to(sinks[None, :, None, None], (*scores.shape[:3], 1))
    scores = np.concatenate([scores, column], axis=3)
    weights = np.exp(scores)
    total = weights.sum(axis=3)
    with np.errstate(divide="ignore"):
        lse = np.log(total)
    return (weights[..., :-1] / np.where(total > 0, total, 1)[..., None]) @ v, lse


MASKS = {
    "": lambda i, j: j >= 0,
    ", mask = #fa.causal": lambda i, j: j <= i + 60,
    ", mask = #fa.causal<offset = -20>": lambda i, j: j <= i - 20,
    ", mask = #fa.window<left = 9, right = 0, offset = -9>": lambda i, j: (
        (j <= i - 9) & (j >= i - 18)
    ),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("chain", CHAINS)
def test_every_order(chain: str, mask: str):
    """A sink counts once, in rows that see no key too: they give 0, and the sink as logsumexp."""
    text = attention(70, 130, mask)
    args = arguments(text, np.array(SINKS))
    seen = MASKS[mask](np.arange(70)[:, None], np.arange(130)[None, :])
    expected = reference(args, np.broadcast_to(seen, (70, 130)))
    for passes in (None, chain, f"{chain},allocate-sram"):
        module = parse_module(text)
        run_passes(module, passes or "")
        for got, want in zip(fa.interpret(module, args, round=False), expected, strict=True):
            # Sums in float32.
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)
    kernel = fa.compile(text, passes=f"{chain},lower-to-isa")
    stored = kernel.stored(*args)
    output, lse = kernel.run(*args, hbm_time="none").outputs
    expected, want = reference(stored, np.broadcast_to(seen, (70, 130)))
    # As attention without sinks: bf16 scores, probabilities and accumulators.
    assert relative_error(output, expected) <= 8e-3
    unseen = np.broadcast_to(~seen.any(axis=1), want.shape)
    assert not output[unseen].any()
    np.testing.assert_array_equal(np.isneginf(lse), np.isneginf(want))
    # bf16 has steps of 2^-6 between 2 and 4, 2^-5 above.
    finite = np.isfinite(want)
    np.testing.assert_allclose(lse[finite], want[finite], atol=0.05)


@pytest.mark.parametrize(("q_len", "kv_len"), [(64, 64), (1, 256)])
def test_sliding_window_with_sinks(q_len: int, kv_len: int):
    """64 heads on 8, 64 columns, a window of 128 keys: prefill and decode."""
    text = attention(q_len, kv_len, ", mask = #fa.window<left = 127, right = 0>", (64, 8), 64)
    args = arguments(text)
    i, j = np.arange(q_len)[:, None] + kv_len - q_len, np.arange(kv_len)[None, :]
    kernel = fa.compile(text)
    output = kernel.run(*args, hbm_time="none").outputs[0]
    expected, _ = reference(kernel.stored(*args), (j <= i) & (j >= i - 127))
    assert relative_error(output, expected) <= 8e-3


def test_probabilities_without_the_sink():
    """Probabilities as a result do not add up to 1; the softmax of whole rows knows the sink."""
    text = attention(20, 70, ', qk = "softmax"', (2, 2)).replace(
        "-> (tensor<1x2x20x32xf32>, tensor<1x2x20xf32>)",
        "-> (tensor<1x2x20x32xf32>, tensor<1x2x20xf32>, tensor<1x2x20x70xf32>)",
    )
    text = text.replace("%o, %lse", "%o, %lse, %p").replace(
        "tensor<1x2x20xf32>\n", "tensor<1x2x20xf32>, tensor<1x2x20x70xf32>\n"
    )
    args = arguments(text, np.array([3.0, 1.0]))
    kernel = fa.compile(text)
    run = kernel.run(*args, hbm_time="none")
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)
    assert expected[2].sum(axis=3).max() < 0.99
    # Scores and sums in bf16.
    assert relative_error(run.outputs[2], expected[2]) <= 8e-3


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("tensor<5xf32>", "sinks must hold one score for each of 4 query heads, got 5"),
        ("tensor<4xi32>", "sinks must hold bf16, f16 or f32, got i32"),
    ],
)
def test_bad_sinks(kind: str, message: str):
    text = attention(8, 8, "").replace("tensor<4xf32>", kind)
    with pytest.raises(fa.CompileError) as caught:
        fa.compile(text)
    assert message in str(caught.value), str(caught.value)
    assert str(caught.value).startswith("<string>:3:")

"""Attention without maxima: at every level and on the machine, and what breaks the promise."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine.numerics.bounded_scores import HIGHEST, least_sum, limit, rounded_down, value_range
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ...attentions import relative_error

Array = NDArray[np.float32]

LEVELS = (
    "map",
    "specialize-masks",
    "trim-tiles",
    "schedule-rows",
    "cse,canonicalize,dce",
    "quantize",
    "allocate-sram",
)

FUSED = (
    "map",
    "map{qk=tmm pv=mm}",
    "map{pv=packed}",
    "map{pv=btmv sums=ones}",
    "map{pv=btmv sums=reduce}",
)

MASKS = {
    "": lambda i, j: j >= 0,
    "mask = #fa.causal<offset = 60>": lambda i, j: j <= i + 60,
    "mask = #fa.causal<offset = -5>": lambda i, j: j <= i - 5,
    "mask = #fa.window<left = 9, right = 0, offset = -9>": lambda i, j: (
        (j <= i - 9) & (j >= i - 18)
    ),
}
"""In two of them rows see no key."""


def text(
    q_len: int, kv_len: int, attributes: str, heads: tuple[int, int] = (1, 1), dim: int = 64
) -> str:
    q, kv = (f"tensor<1x{h}x{n}x{dim}xbf16>" for h, n in zip(heads, (q_len, kv_len), strict=True))
    return f"""
    func.func @f(%q: {q}, %k: {kv}, %v: {kv}) -> {q} {{
      %o = fa.attention %q, %k, %v {{{attributes}}} : {q}, {kv}, {kv} -> {q}
      func.return %o : {q}
    }}"""


def arguments(source: str, reach: float | None = None, seed: int = 3) -> list[Array]:
    """Standard normal; with `reach` queries so long that scores reach that."""
    random = np.random.default_rng(seed)
    (function,) = parse_module(source).ops
    shapes = [kind.get_shape() for kind in function.function_type.inputs]
    q, k, v = (random.standard_normal(shape).astype(np.float32) for shape in shapes)
    if reach is not None:
        q *= np.float32(reach / np.abs(scores(q, k)).max())
    return [q, k, v]


def scores(q: NDArray[np.floating], k: NDArray[np.floating]) -> NDArray[np.floating]:
    return q @ np.repeat(k, q.shape[1] // k.shape[1], axis=1).swapaxes(2, 3) * q.shape[3] ** -0.5


def reference(args: list[Array], mask: str, softcap: float | None = None) -> NDArray[np.float64]:
    q, k, v = (np.asarray(arg, np.float64) for arg in args)
    s = scores(q, k)
    if softcap is not None:
        s = softcap * np.tanh(s / softcap)
    seen = MASKS[mask](*np.ogrid[: s.shape[2], : s.shape[3]])
    s = np.where(seen, s, -np.inf)
    most = s.max(axis=3, keepdims=True)
    p = np.exp(s - np.where(np.isfinite(most), most, 0))
    total = p.sum(axis=3, keepdims=True)
    values = np.repeat(v, q.shape[1] // k.shape[1], axis=1)
    return p @ values / np.where(total > 0, total, 1)


@pytest.mark.parametrize("mapped", FUSED)
@pytest.mark.parametrize("mask", MASKS)
def test_on_the_machine(mask: str, mapped: str):
    """At the largest bound for these keys, with scores that go there and with ordinary ones.

    Scores of 75 are stored to 0.25, which is 2 % of exp; the bounds are those of exact maxima.
    """
    most = rounded_down(limit(192, 192))
    source = text(40, 130, ", ".join(filter(None, (f"score_bound = {most} : f32", mask))))
    kernel = fa.compile(source, passes=f"tile{{kv-tile=64}},fuse,{mapped}")
    assert "V_RED_MAX" not in kernel.asm
    kept = fa.compile(source, passes=f"tile{{kv-tile=64 bounded=false}},fuse,{mapped}")
    assert "V_RED_MAX" in kept.asm
    for reach in (None, 0.97 * most):
        args = arguments(source, reach)
        want = reference(kernel.stored(*args), mask)
        run = kernel.run(*args)
        empty = ~want.any(axis=3)
        assert not run.outputs[0][empty].any()
        exact = relative_error(kept.run(*args).outputs[0], want)
        assert relative_error(run.outputs[0], want) < 1.5 * exact + 2e-3
    assert run.cycles < kept.run(*args).cycles


def test_all_scores_at_the_lower_end():
    """A row of one key of exp(-X) beside as many hidden ones as there may be."""
    keys = 512
    most = rounded_down(limit(keys, keys))
    source = text(64, keys, f"score_bound = {most} : f32, mask = #fa.causal<offset = 0>")
    kernel = fa.compile(source)
    assert "V_RED_MAX" not in kernel.asm
    q, k, v = arguments(source)
    q[:], k[:] = 1, -1
    q *= np.float32(0.99 * most / 8)
    s = np.tril(np.ones((64, keys)))
    want = s @ np.asarray(kernel.stored(q, k, v)[2][0, 0], np.float64) / s.sum(axis=1)[:, None]
    assert relative_error(kernel.run(q, k, v).outputs[0][0, 0], want) < 8e-3


@pytest.mark.parametrize("heads", [(4, 1), (4, 2), (3, 1)])
@pytest.mark.parametrize("dim", [16, 128])
def test_heads_of_a_group(heads: tuple[int, int], dim: int):
    source = text(20, 70, "score_bound = 60.0 : f32", heads, dim)
    kernel = fa.compile(source)
    assert "V_RED_MAX" not in kernel.asm
    args = arguments(source)
    want = reference(kernel.stored(*args), "")
    assert relative_error(kernel.run(*args).outputs[0], want) < 8e-3


@pytest.mark.parametrize("mask", MASKS)
def test_soft_cap(mask: str):
    """A soft cap is a bound by itself."""
    source = text(40, 130, ", ".join(filter(None, ("softcap = 50.0 : f32", mask))))
    kernel = fa.compile(source)
    assert "V_RED_MAX" not in kernel.asm
    args = arguments(source, 80.0)
    want = reference(kernel.stored(*args), mask, 50.0)
    kept = fa.compile(source, passes="tile{bounded=false},fuse")
    exact = relative_error(kept.run(*args).outputs[0], want)
    assert relative_error(kernel.run(*args).outputs[0], want) < 1.5 * exact + 2e-3


def test_soft_cap_with_logsumexp():
    """It needs the sums that maxima make."""
    source = text(40, 130, "softcap = 50.0 : f32, lse").replace(
        "-> tensor<1x1x40x64xbf16>", "-> (tensor<1x1x40x64xbf16>, tensor<1x1x40xf32>)", 1
    )
    source = source.replace("%o =", "%o, %l =").replace("func.return %o :", "func.return %o, %l :")
    source = source.replace(
        "-> tensor<1x1x40x64xbf16>\n", "-> tensor<1x1x40x64xbf16>, tensor<1x1x40xf32>\n"
    ).replace("%l : tensor<1x1x40x64xbf16>\n", "%l : tensor<1x1x40x64xbf16>, tensor<1x1x40xf32>\n")
    kernel = fa.compile(source)
    assert "V_RED_MAX" in kernel.asm
    args = arguments(source)
    q, k, _ = (np.asarray(arg, np.float64) for arg in kernel.stored(*args))
    want = np.log(np.exp(50 * np.tanh(scores(q, k) / 50)).sum(axis=3))
    np.testing.assert_allclose(kernel.run(*args).outputs[1], want, atol=0.05)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    q_len=st.integers(1, 90),
    kv_len=st.integers(1, 200),
    heads=st.sampled_from([(1, 1), (2, 1), (2, 2), (4, 2)]),
    dim=st.sampled_from([8, 40, 64, 72]),
    mask=st.sampled_from(list(MASKS)),
    tile=st.sampled_from(["tile", "tile{kv-tile=64}", "tile{q-tile=20 kv-tile=128}"]),
    fuse=st.sampled_from(["fuse", "fuse", "fuse{split-kv=2}", "fuse{order=keys}", None]),
    grouped=st.booleans(),
)
def test_every_pass_keeps_the_meaning(
    q_len: int,
    kv_len: int,
    heads: tuple[int, int],
    dim: int,
    mask: str,
    tile: str,
    fuse: str | None,
    grouped: bool,
):
    """Random shapes in f32: exp of scores up to 60 is 60 ulp off at most."""
    if fuse == "fuse{split-kv=2}" and kv_len < 2:
        fuse = "fuse"
    attributes = ", ".join(filter(None, ("score_bound = 60.0 : f32", mask)))
    source = text(q_len, kv_len, attributes, heads, dim)
    args = arguments(source, 58.0)
    rounded = [np.asarray(arg).astype("bfloat16").astype(np.float32) for arg in args]
    want = reference(rounded, mask)
    module = parse_module(source)
    first = ["group-heads", tile] if grouped else [tile]
    for passes in (*first, *([fuse] if fuse else []), *LEVELS):
        run_passes(module, passes, "plena-64")
        (result,) = fa.interpret(module, rounded, round=False)
        assert np.linalg.norm(result - want) <= 1e-4 * np.linalg.norm(want)


def test_a_broken_promise_is_found_at_every_level():
    """With the figure; where the maximum is kept as well."""
    for fuse in ("fuse", "fuse{split-kv=2}", None):
        source = text(40, 130, "score_bound = 20.0 : f32")
        args = arguments(source, 30.0)
        module = parse_module(source)
        with pytest.raises(fa.CompileError, match=r"scores reach 30\.\d+, beyond score_bound = 20"):
            fa.interpret(module, args)
        for passes in ("tile{kv-tile=64}", *([fuse] if fuse else []), *LEVELS):
            run_passes(module, passes, "plena-64")
            if fuse == "fuse" or "tile" in passes[:4]:
                message = r"scores reach (29|30|31)\.?\d*, beyond bounded = 20"
                with pytest.raises(fa.CompileError, match=message):
                    fa.interpret(module, args)
        kernel = fa.compile(source, passes=",".join(filter(None, ("tile{kv-tile=64}", fuse))))
        with pytest.raises(fa.CompileError, match="beyond score_bound = 20"):
            kernel.run(*args)


def test_smooth_keys_would_break_the_promise():
    for passes in ("smooth-keys", "tile,smooth-keys", "tile,fuse,smooth-keys"):
        source = text(40, 130, "score_bound = 20.0 : f32")
        with pytest.raises(fa.CompileError, match="and the bound of scores would see that"):
            fa.compile(source, passes=passes)


def test_limits():
    """The derivation: what is hidden, the largest sum, the least."""
    for keys in (1, 64, 1000, 4096, 131072):
        for hidden in (0, 1, keys):
            most = limit(keys, hidden)
            assert most <= HIGHEST
            assert hidden * np.exp(-88.0) <= 2.0**-10 * np.exp(-most) * (1 + 1e-9)
            assert keys * np.exp(most) <= 2.0**127 * (1 + 1e-9)
            assert least_sum(most) <= np.exp(-most)
            least, largest = value_range(most, keys)
            assert least < 1e-2
            assert largest > 0.7

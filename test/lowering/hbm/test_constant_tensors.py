"""Constant tensors in HBM: regions, what the host puts there, every level's meaning."""

from __future__ import annotations

import json
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine.host.layout import Layout
from fa.machine.host.recipe import constant, evaluate
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ...attentions import relative_error

CHAIN = ("tile", "fuse", "specialize-masks", "quantize", "allocate-sram")


def dense(values: NDArray[np.floating]) -> str:
    """An array as MLIR writes it."""
    return str(values.tolist())


def tensor(shape: tuple[int, ...], element: str) -> str:
    """A tensor type."""
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def module(constants: str, k: str, v: str, bias: str, bias_type: str, kv_type: str) -> str:
    """Two heads of 20 queries and keys, with constants for some operands."""
    q = "tensor<1x2x20x64xbf16>"
    return f"""func.func @f(%q: {q}, %x: {q}) -> {q} {{
{constants}
  %o = fa.attention %q, {k}, {v} bias({bias}) : {q}, {kv_type}, {q}, {bias_type} -> {q}
  func.return %o : {q}
}}"""


RANDOM = np.random.default_rng(3)
KEYS = RANDOM.integers(-8, 8, (1, 2, 20, 64)).astype(np.float32) / 8
BIAS = RANDOM.integers(-8, 8, (1, 2, 20, 20)).astype(np.float32) / 4
BOTH = module(
    f"  %keys = arith.constant dense<{dense(KEYS)}> : {tensor(KEYS.shape, 'f32')}\n"
    f"  %table = arith.constant dense<{dense(BIAS)}> : {tensor(BIAS.shape, 'bf16')}",
    "%keys",
    "%x",
    "%table",
    tensor(BIAS.shape, "bf16"),
    tensor(KEYS.shape, "f32"),
)


def reference(q: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float64]:
    """Attention of `BOTH` in float64."""
    scores = np.einsum("bhid,bhjd->bhij", q, KEYS, dtype=np.float64) / 8 + BIAS
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def arguments() -> list[NDArray[np.float32]]:
    """q and v, small integers that every format holds."""
    return [RANDOM.integers(-2, 3, (1, 2, 20, 64)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("steps", range(len(CHAIN) + 1))
def test_every_level(steps: int) -> None:
    """Constant keys (quantized) and a constant bias, from tensors to placed tiles."""
    args = arguments()
    lowered = parse_module(BOTH)
    run_passes(lowered, ",".join(CHAIN[:steps]) or "dce")
    actual = fa.interpret(lowered, args, round=False)[0]
    # f32 arithmetic; keys and values are exact in the formats that `quantize` chooses.
    assert relative_error(actual, reference(*args)) < 1e-5


@pytest.mark.parametrize(
    "machine", ["plena-64", "plena-64-bf16", "plena-64-mx32", "plena-64-stock"]
)
@pytest.mark.parametrize("passes", [None, "tile"])
def test_simulated(machine: str, passes: str | None) -> None:
    """The program reads keys and bias from where the host puts them."""
    if (machine, passes) == ("plena-64-stock", "tile"):
        pytest.skip("this machine cannot store scores")
    args = arguments()
    kernel = fa.compile(BOTH, machine=machine, passes=passes)
    # bf16 probabilities; O is E4M3 on the stock machine (docs/formats.md).
    bound = 4e-2 if machine == "plena-64-stock" else 8e-3
    assert relative_error(kernel.run(*args).outputs[0], reference(*args)) < bound


def test_layout_and_saved_kernel(tmp_path: Path) -> None:
    """Regions of role `constant` say what is in them, in JSON too."""
    kernel = fa.compile(BOTH)
    constants = [
        region for region in kernel.layout.constants() if region.name not in ("ones", "unit")
    ]
    assert [(r.name, r.kind, r.index) for r in constants] == [
        ("table", "bias", 3),
        ("keys", "key", 2),
    ]
    args = arguments()
    kernel.save(tmp_path)
    manifest = json.loads((tmp_path / "layout.json").read_text())
    assert Layout.from_json(manifest) == kernel.layout
    loaded = fa.Kernel.load(tmp_path)
    assert loaded.pack(*args) == kernel.pack(*args)
    np.testing.assert_array_equal(loaded.run(*args).outputs[0], kernel.run(*args).outputs[0])


def test_equal_constants_share_a_region() -> None:
    """However they are written, and not where only the bytes are equal."""
    kind = "tensor<1x2x20x20xbf16>"
    q = "tensor<1x2x20x64xbf16>"
    full = dense(np.full((1, 2, 20, 20), 0.5, np.float32))

    def kernel(second: str) -> fa.Kernel:
        return fa.compile(f"""func.func @f(%q: {q}) -> ({q}, {q}) {{
  %a = arith.constant dense<0.5> : {kind}
  %b = arith.constant {second} : {kind}
  %o = fa.attention %q, %q, %q bias(%a) : {q}, {q}, {q}, {kind} -> {q}
  %p = fa.attention %q, %q, %q bias(%b) : {q}, {q}, {q}, {kind} -> {q}
  func.return %o, %p : {q}, {q}
}}""")

    def biases(second: str) -> list[str]:
        return [r.name for r in kernel(second).layout.constants() if r.kind == "bias"]

    assert biases(f"dense<{full}>") == ["a"]
    assert biases("dense<0.25>") == ["a", "b"]


def test_a_constant_can_be_a_result() -> None:
    """The host has it already."""
    q = "tensor<1x1x4x64xbf16>"
    kernel = fa.compile(f"""func.func @f(%q: {q}) -> ({q}, {q}) {{
  %c = arith.constant dense<0.5> : {q}
  %o = fa.attention %q, %q, %q : {q}, {q}, {q} -> {q}
  func.return %o, %c : {q}, {q}
}}""")
    outputs = kernel.run(np.ones((1, 1, 4, 64), np.float32)).outputs
    np.testing.assert_array_equal(outputs[1], np.full((1, 1, 4, 64), 0.5))


floats = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, float("-inf")])


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3).flatmap(
        lambda shape: st.tuples(
            st.just(shape),
            st.lists(floats, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))),
        )
    )
)
def test_recipes_give_the_same_bits(case: tuple[list[int], list[float]]) -> None:
    """Whatever form a recipe takes, and through JSON."""
    shape, values = case
    array = np.array(values, np.float32).reshape(shape)
    recipe = json.loads(json.dumps(constant(array)))
    made = np.ascontiguousarray(evaluate(recipe, lambda _, __: array))
    np.testing.assert_array_equal(made.view(np.uint32), array.view(np.uint32))


def test_recipes_are_small() -> None:
    """One value once, two values a bit each, bf16 in two bytes, anything else in four."""
    random = np.random.default_rng(1)
    base = np.where(random.random((64, 64)) < 0.5, 0, -(2.0**120)).astype(np.float32)
    sizes = [
        len(json.dumps(constant(array)))
        for array in (
            np.zeros((64, 64), np.float32),
            base,
            random.integers(0, 100, (64, 64)).astype(np.float32),
            random.random((64, 64)).astype(np.float32),
        )
    ]
    for size, limit in zip(sizes, (100, 800, 11_000, 22_000), strict=True):
        assert size < limit


@pytest.mark.parametrize(
    ("constant_", "kind", "message"),
    [
        (
            "dense<1>",
            "tensor<1x2x20x20xi32>",
            "3:8: error: .*bias must hold bf16, f16 or f32, got i32",
        ),
        (
            "dense<1.0>",
            "tensor<1x2x20x20xf64>",
            "3:8: error: .*bias must hold bf16, f16 or f32, got f64",
        ),
        (
            "dense_resource<big>",
            "tensor<1x2x20x20xbf16>",
            "2:8: error: a constant tensor gives its values as dense",
        ),
    ],
)
def test_refused(constant_: str, kind: str, message: str) -> None:
    """What cannot be stored is an error where it stands."""
    with pytest.raises(fa.CompileError, match=message):
        fa.compile(
            module(
                f"  %t = arith.constant {constant_} : {kind}",
                "%x",
                "%x",
                "%t",
                kind,
                "tensor<1x2x20x64xbf16>",
            )
        )


def test_tiles_of_integers_are_refused() -> None:
    """Written by hand, a tile from a constant of integers is an error at the load."""
    buffer = "memref<4x64xbf16, #fa.hbm>"
    tile = "!fa.tile<4x64xbf16, vector>"
    with pytest.raises(fa.CompileError, match=r"6:8: error: .*bf16, f16 or f32, got i32"):
        fa.compile(f"""func.func @f() -> tensor<4x64xbf16> {{
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : {buffer}
  %t = arith.constant dense<1> : tensor<4x64xi32>

  %a = fa.load %t[%c0, %c0] : tensor<4x64xi32> -> {tile}
  fa.store %a, %out[%c0, %c0] : {tile}, {buffer}
  %o = fa.result %out : {buffer} -> tensor<4x64xbf16>
  func.return %o : tensor<4x64xbf16>
}}""")

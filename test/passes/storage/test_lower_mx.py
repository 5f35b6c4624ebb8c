"""`lower-mx`: the same bits through plain operations as through the dialect."""

from __future__ import annotations

from itertools import product

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine import mx

from ...attentions import Case

ELEMENTS = ("e4m3", "e5m2", "e3m2", "e2m3", "e2m1", "int8", "int4")
WAYS = [
    *[("ocp", "nearest", rule, "e8m0") for rule in mx.RULES],
    ("ocp", "nearest", "floor", "e4m3"),
    ("plena", "store", "floor", "e8m0"),
    *[("plena", "nearest", rule, "e8m0") for rule in mx.RULES],
]


def special(count: int, seed: int) -> np.ndarray:
    """Every magnitude, zeros of both signs, infinities, NaNs, and plain normal values."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(count) * np.exp2(rng.integers(-140, 120, count))
    x = x.astype(np.float32)
    for share, value in ((0.05, 0.0), (0.01, np.nan), (0.01, np.inf), (0.01, -0.0)):
        x[rng.random(count) < share] = value
    x[: count // 2] = rng.standard_normal(count // 2)
    # Blocks of infinities and zeros only.
    x[count // 8 : count // 4] = rng.choice(np.array([0, -np.inf], np.float32), count // 8)
    return x


def both(source: str, *args: object) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What a module gives, and what it gives lowered."""
    module = parse_module(source)
    lowered = module.clone()
    run_passes(lowered, "lower-mx")
    assert "mx." not in str(lowered)
    return fa.interpret(module, args), fa.interpret(lowered, args)


def assert_same_bits(a: np.ndarray, b: np.ndarray) -> None:
    same = (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))
    assert same.all()


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("element", ELEMENTS)
def test_round_trip(element: str, way: tuple[str, str, str, str]) -> None:
    variant, rounding, rule, scale = way
    if variant == "plena" and element.startswith("int"):
        return
    # The machine's variant may have short blocks, which are padded.
    shape = (64, 48) if variant == "ocp" else (61, 45)
    for axis, to in product((-1, 0), ("f32", "bf16")):
        kind = "x".join(map(str, shape))
        encoding = (
            f"#mx.block<{element}, scale = {scale}, size = 8, axis = {axis}, rule = {rule}, "
            f"rounding = {rounding}, variant = {variant}>"
        )
        source = f"""func.func @f(%x: tensor<{kind}xf32>) -> tensor<{kind}x{to}> {{
          %q = mx.quantize %x : tensor<{kind}xf32> -> tensor<{kind}xbf16, {encoding}>
          %d = mx.dequantize %q : tensor<{kind}xbf16, {encoding}> -> tensor<{kind}x{to}>
          func.return %d : tensor<{kind}x{to}>
        }}"""
        x = special(shape[0] * shape[1], 1).reshape(shape)
        if scale == "e4m3":
            x[~(np.abs(x) < 1e30)] = 1
        a, b = both(source, x)
        assert_same_bits(a[0], b[0])


def test_requantize_center_rotate_and_constants() -> None:
    source = """func.func @f(%x: tensor<6x40xbf16>) -> (tensor<6x40xf32>, tensor<2x4xbf16>) {
      %a = mx.center %x along 0 : tensor<6x40xbf16> -> tensor<6x40xf32>
      %b = mx.rotate %a by 9 : tensor<6x40xf32> -> tensor<6x40xbf16>
      %c = mx.quantize %b : tensor<6x40xbf16> -> tensor<6x40xf32, #mx.block<e5m2, scale = e8m0, size = 8>>
      %d = mx.requantize %c : tensor<6x40xf32, #mx.block<e5m2, scale = e8m0, size = 8>> -> tensor<6x40xf32, #mx.block<e2m1, scale = e4m3, size = 3, axis = 0>>
      %e = mx.dequantize %d : tensor<6x40xf32, #mx.block<e2m1, scale = e4m3, size = 3, axis = 0>> -> tensor<6x40xf32>
      %k = arith.constant dense<[[0.5, 2.0, -3.0, 4.0], [6.0, 1.0, 0.0, -0.5]]> : tensor<2x4xbf16, #mx.block<e2m1, scale = e8m0, size = 4>>
      %l = mx.dequantize %k : tensor<2x4xbf16, #mx.block<e2m1, scale = e8m0, size = 4>> -> tensor<2x4xbf16>
      func.return %e, %l : tensor<6x40xf32>, tensor<2x4xbf16>
    }"""  # noqa: E501
    a, b = both(source, np.random.default_rng(2).standard_normal((6, 40)).astype(np.float32))
    assert_same_bits(a[0], b[0])
    assert_same_bits(a[1], b[1])


@pytest.mark.parametrize(
    "passes", ["tile,fuse,quantize", "smooth-keys,rotate,tile,fuse,quantize", "tile,quantize"]
)
def test_attention_on_tiles(passes: str) -> None:
    case = Case(20, 33, 72, 4, 2, "causal")
    module = case.module()
    run_passes(module, passes)
    lowered = module.clone()
    run_passes(lowered, "lower-mx")
    args = case.arguments()
    assert_same_bits(fa.interpret(module, args)[0], fa.interpret(lowered, args)[0])


def test_arguments_as_codes_and_scales() -> None:
    case = Case(20, 33)
    module = case.module()
    run_passes(module, "tile,fuse,quantize{boundary=storage}")
    q, k, v = case.arguments()
    blocks = [
        mx.quantize(x, "e4m3", 8, variant="plena", rule="rceil", rounding="nearest") for x in (k, v)
    ]
    expected = fa.interpret(module, [q, *blocks])[0]
    run_passes(module, "lower-mx")
    codes = [part for b in blocks for part in (b.codes, b.scales)]
    assert_same_bits(fa.interpret(module, [q, *codes])[0], expected)
    with pytest.raises(fa.CompileError, match="argument 1 holds integers, got float32"):
        fa.interpret(module, [q, codes[0].astype(np.float32), *codes[1:]])


def test_what_cannot_be_lowered() -> None:
    kind = "tensor<4x8xbf16, #mx.block<int8, scale = e8m0, size = 8, variant = plena>>"
    module = parse_module(
        f"func.func @f(%x: tensor<4x8xbf16>) {{ %q = mx.quantize %x : tensor<4x8xbf16> -> {kind} "
        "func.return }"
    )
    with pytest.raises(fa.CompileError, match="read without sign"):
        run_passes(module, "lower-mx")

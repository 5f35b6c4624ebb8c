"""fa.attention: the module it builds, and what it refuses."""

from typing import Any

import fa
import numpy as np
import pytest
from fa.diagnostics import CompileError
from fa.frontends.builder import attention
from fa.frontends.mlir import module_text, parse_module

SIZES: dict[str, Any] = {"q_heads": 4, "kv_heads": 2, "q_len": 10, "kv_len": 20, "head_dim": 32}


def test_plain():
    assert module_text(attention(**SIZES)) == (
        "builtin.module {\n"
        "  func.func @attention(%q: tensor<1x4x10x32xbf16>, %k: tensor<1x2x20x32xbf16>, "
        "%v: tensor<1x2x20x32xbf16>) -> tensor<1x4x10x32xbf16> {\n"
        "    %o = fa.attention %q, %k, %v : tensor<1x4x10x32xbf16>, tensor<1x2x20x32xbf16>, "
        "tensor<1x2x20x32xbf16> -> tensor<1x4x10x32xbf16>\n"
        "    func.return %o : tensor<1x4x10x32xbf16>\n"
        "  }\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mask": "causal"}, "{mask = #fa.causal}"),
        ({"mask": "causal", "causal_offset": 0}, "{mask = #fa.causal<offset = 0>}"),
        ({"mask": "causal", "causal_offset": -3}, "{mask = #fa.causal<offset = -3>}"),
        (
            {"mask": "#fa.window<left = 3, right = 0>"},
            "{mask = #fa.window<left = 3, right = 0>}",
        ),
        ({"softcap": 50.0}, "{softcap = 5.000000e+01 : f32}"),
        ({"sinks": True}, "%v: tensor<1x2x20x32xbf16>, %sinks: tensor<4xbf16>) ->"),
        ({"sinks": True}, "fa.attention %q, %k, %v sinks(%sinks) :"),
        ({"scale": 0.125}, "{scale = 1.250000e-01 : f32}"),
        ({"lse": True}, "-> (tensor<1x4x10x32xbf16>, tensor<1x4x10xf32>) {"),
        ({"dtype": "f16"}, "tensor<1x2x20x32xf16>"),
        ({"dtype": "f32"}, "tensor<1x2x20x32xf32>"),
        ({"value_dim": 8}, "-> tensor<1x4x10x8xbf16>"),
        ({"batch": 3}, "tensor<3x4x10x32xbf16>"),
        ({"name": "decode"}, "func.func @decode("),
        ({"q_len": np.int64(7)}, "tensor<1x4x7x32xbf16>"),
    ],
)
def test_options(options: dict[str, Any], expected: str):
    printed = module_text(attention(**{**SIZES, **options}))
    assert expected in printed
    assert module_text(parse_module(printed)) == printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"q_heads": 3}, "q_heads is 3 and kv_heads 2; the number of query heads must be a mult"),
        ({"q_len": 0}, "q_len is 0; it must be at least 1"),
        ({"kv_len": -1}, "kv_len is -1; it must be at least 1"),
        ({"head_dim": 1.5}, "head_dim is 1.5; it must be an integer"),
        ({"batch": "2"}, "batch is '2'; it must be an integer"),
        ({"mask": "window"}, "unknown mask 'window'; there are None, causal"),
        ({"mask": "#fa.hbm"}, "unknown mask #fa.hbm; there are #fa.causal"),
        ({"mask": "#fa.ragged<[1, 2]>"}, "a ragged mask needs a length for each of 1 batches"),
        ({"mask": "#fa.causal", "causal_offset": 1}, 'causal_offset needs mask="causal"'),
        ({"softcap": 0.0}, "softcap is 0.0; it must be positive"),
        ({"softcap": "x"}, "softcap is 'x'; it must be a number"),
        ({"causal_offset": 1}, 'causal_offset needs mask="causal"'),
        ({"mask": "causal", "causal_offset": 0.5}, "causal_offset is 0.5; it must be an integer"),
        ({"scale": "x"}, "scale is 'x'; it must be a number"),
        ({"scale": float("nan")}, "scale is nan; it must be a finite f32"),
        ({"scale": 1e39}, "scale is 1e+39; it must be a finite f32"),
        ({"dtype": "f64"}, "unknown dtype 'f64'; there are bf16, f16, f32"),
        ({"name": "a b"}, "'a b' cannot name a function"),
    ],
)
def test_refused(options: dict[str, Any], message: str):
    with pytest.raises(CompileError) as caught:
        attention(**{**SIZES, **options})
    assert str(caught.value).startswith("fa: error: " + message)


def test_public_name():
    assert fa.attention is attention
    assert issubclass(fa.CompileError, ValueError)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("#fa.window<size = 3>", "1:12: error: unknown or repeated field 'size'; there are left"),
        ("#fa.causal #fa.causal", "1:12: error: more than one attribute"),
        ("#fa.wind", "1:9: error: unknown attribute or type 'fa.wind'; there are"),
    ],
)
def test_masks_are_read_as_mlir(mask: str, message: str):
    """With the place in the text."""
    with pytest.raises(CompileError) as caught:
        attention(**SIZES, mask=mask)
    assert str(caught.value).startswith("mask:" + message)

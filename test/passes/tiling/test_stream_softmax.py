"""Whole rows of scores that do not fit on chip: two passes over columns."""

from __future__ import annotations

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes

from ...attentions import Case, after_chains, relative_error
from ..mapping.test_variants import attention
from ..score_functions.test_score_functions import FUNCTIONS
from ..score_functions.test_score_functions import attention as with_function
from .test_sinks import arguments
from .test_sinks import attention as with_sinks

CHAIN = "tile,stream-softmax{columns=64}"

TEXTS = {
    "plain": attention(""),
    "causal": attention(", mask = #fa.causal<offset = -20>", batch=1),
    "softmax as a result": attention(
        ', mask = #fa.causal, softcap = 2.0 : f32, qk = "softmax"',
        more="tensor<1x4x70x130xf32>",
        batch=1,
    ),
    "masked scores as a result": attention(
        ', mask = #fa.causal, qk = "masked"', more="tensor<1x4x70x130xf32>", batch=1
    ),
    "bias": attention("", "tensor<2x4x70x130xf32>"),
    "probabilities": with_function(FUNCTIONS["scale of the head"], 70, 130, "", "prob_mod"),
    "distances": with_function(FUNCTIONS["buckets"], 70, 130),
    "sinks": with_sinks(70, 130, ", mask = #fa.causal<offset = -20>"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_two_passes(name: str):
    text = TEXTS[name]
    args = arguments(text)
    expected = fa.interpret(parse_module(text), args, round=False)
    chain = "tile,fuse,stream-softmax{columns=64}" if name == "softmax as a result" else CHAIN
    for module in after_chains(text, (chain, f"{chain},allocate-sram")):
        assert not any(op.name == "fa.softmax" for op in module.walk())
        for got, want in zip(fa.interpret(module, args, round=False), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)
    kernel = fa.compile(text, passes=f"{chain},lower-to-isa")
    run = kernel.run(*args, hbm_time="none")
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)
    unseen = np.isneginf(expected[1])
    np.testing.assert_array_equal(np.isneginf(run.outputs[1]), unseen)
    assert not run.outputs[0][unseen & (expected[0] == 0).all(axis=3)].any()
    # As in one pass; a bias rounds the scores once more.
    assert relative_error(run.outputs[0], expected[0]) <= 1e-2


def test_rows_that_fit_stay():
    module = parse_module(TEXTS["plain"])
    run_passes(module, "tile,stream-softmax")
    assert any(op.name == "fa.softmax" for op in module.walk())


def test_long_rows_compile_unfused():
    """20,000 keys: one row of scores of a granule of queries is more than vector SRAM holds."""
    case = Case(1, 20000)
    kernel = fa.compile(case.module(), passes="tile,lower-to-isa")
    args = case.arguments()
    run = kernel.run(*args, hbm_time="none")
    expected, _ = case.reference(kernel.stored(*args))
    # The running sum is bf16, rounded once for each panel of 64 keys.
    assert relative_error(run.outputs[0], expected) <= 1e-1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("probabilities", "a function of the probabilities needs the sums of whole rows"),
        ("softmax as a result", "the probabilities are a result, which needs the sums"),
    ],
)
def test_the_report_says_why_not_fused(name: str, reason: str, tmp_path: Path):
    fa.compile(TEXTS[name]).save(tmp_path)
    assert f"not fused: {reason}" in (tmp_path / "report.txt").read_text()
    fa.compile(TEXTS["plain"]).save(tmp_path)
    assert "not fused" not in (tmp_path / "report.txt").read_text()

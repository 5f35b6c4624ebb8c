"""Compiled and simulated attention against float64 on the operands as the machine stores them.

Bounds: bf16 scores, probabilities and accumulators with the scale folded into Q leave a relative
L2 error of about 6e-3, pooled over the result; few rows pool less.
"""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import fa
import numpy as np
import pytest

from ..attentions import FUSED, UNFUSED, Case, relative_error

MANY_ROWS, FEW_ROWS = 8e-3, 1.5e-2
LSE_TOLERANCE = 0.05
"""m, ln l and their sum are about 3 to 7, where bf16 values are up to 2^-5 apart."""

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEADS = [(1, 1), (4, 4), (4, 1), (8, 2), (28, 4), (6, 3)]
HEAD_DIMS = [16, 32, 64, 72, 80, 128, 256]


def random_cases(seed: int) -> list[Case]:
    """Every head dimension with every number of heads, all else at random."""
    rng = random.Random(seed)
    cases: list[Case] = []
    for head_dim, (q_heads, kv_heads) in product(HEAD_DIMS, HEADS):
        q_len, kv_len = rng.randint(1, 256), rng.randint(1, 256)
        mask = rng.choice([None, "causal"])
        offset = None
        if mask is not None and rng.random() < 0.4:
            offset = rng.randint(-q_len // 2, kv_len)
        if q_heads == 28:
            # These simulate slowly: 7 to 28 times the work.
            q_len, kv_len = -(-q_len // 3), -(-kv_len // 2)
        lse = rng.random() < 0.3
        cases.append(Case(q_len, kv_len, head_dim, q_heads, kv_heads, mask, offset, lse))
    return cases


def case_bound(case: Case) -> float:
    return MANY_ROWS if case.live_rows >= 64 else FEW_ROWS


def check(case: Case, passes: str, bound: float | None = None) -> None:
    """Compile, simulate, compare."""
    kernel = fa.compile(case.module(), passes=passes)
    args = case.arguments()
    outputs = kernel.run(*args, hbm_time="none").outputs
    expected, lse = case.reference(kernel.stored(*args))
    live = np.isfinite(lse)
    assert live.sum() == case.live_rows
    assert not outputs[0][~live].any()
    if case.live_rows:
        assert relative_error(outputs[0], expected) <= (bound or case_bound(case))
    if case.lse:
        np.testing.assert_array_equal(np.isneginf(outputs[1]), ~live)
        np.testing.assert_allclose(outputs[1][live], lse[live], atol=LSE_TOLERANCE)


@pytest.mark.parametrize("case", random_cases(1), ids=str)
def test_fused(case: Case):
    check(case, FUSED)


@pytest.mark.parametrize("case", random_cases(2), ids=str)
def test_unfused(case: Case):
    check(case, UNFUSED)


SPECIAL = [
    Case(1, 1),
    Case(256, 256, mask="causal", lse=True),
    Case(5, 3, mask="causal", causal_offset=-5, lse=True),
    Case(70, 130, mask="causal", causal_offset=-40, lse=True),
    Case(60, 64, mask="causal", causal_offset=500),
    Case(33, 90, 40, 4, 2, "causal", batch=3, lse=True),
    Case(90, 70, 64, value_dim=128, lse=True),
    Case(90, 70, 136, 2, 1, value_dim=16),
    Case(40, 700, lse=True),
    Case(330, 400, 16, mask="causal", lse=True),
    Case(50, 70, dtype="f32"),
    Case(50, 70, dtype="f16", mask="causal"),
]


@pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])
@pytest.mark.parametrize("case", SPECIAL, ids=str)
def test_special(case: Case, passes: str):
    check(case, passes)


@pytest.mark.parametrize(
    "tile", ["q-tile=4", "q-tile=36", "q-tile=128", "kv-tile=128", "q-tile=12 kv-tile=256"]
)
def test_tile_sizes(tile: str):
    case = Case(150, 200, 72, 2, 1, "causal", lse=True)
    check(case, f"tile{{{tile}}},fuse")
    check(case, f"tile{{{tile}}}")


def test_a_scale_of_its_own():
    check(Case(64, 64, scale=0.0625), FUSED)
    # Scores are eight times as large as by default, and so are their errors in bf16.
    check(Case(64, 64, scale=1.0), FUSED, bound=2 * MANY_ROWS)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("small", Case(64, 64)),
        ("llama_prefill", Case(100, 100, 128, 32, 8, "causal")),
        ("llama_decode", Case(1, 200, 128, 32, 8)),
    ],
)
def test_examples(name: str, case: Case):
    kernel = fa.compile(EXAMPLES / f"{name}.mlir")
    args = case.arguments()
    expected, _ = case.reference(kernel.stored(*args))
    assert relative_error(kernel.run(*args).outputs[0], expected) <= case_bound(case)


def test_the_comparison_itself():
    """Zeros, noise and what is not finite are no result."""
    case = Case(64, 64)
    expected, _ = case.reference(case.arguments())
    assert relative_error(expected, expected) == 0
    assert relative_error(np.zeros_like(expected), expected) == 1
    assert relative_error(expected + 0.01 * np.abs(expected), expected) > MANY_ROWS
    assert relative_error(np.where(expected > 0, expected, np.nan), expected) == np.inf
    with pytest.raises(AssertionError):
        relative_error(expected[..., :63], expected)


def test_the_reference_itself():
    """Against a sum written out, for one row of one head."""
    case = Case(3, 5, 8, 4, 2, "causal")
    q, k, v = (x.astype(np.float64) for x in case.arguments())
    output, lse = case.reference([q, k, v])
    weights = [np.exp(q[0, 3, 1] @ k[0, 1, j] / 8**0.5) for j in range(4)]
    row = sum(w * v[0, 1, j] for j, w in enumerate(weights)) / sum(weights)
    np.testing.assert_allclose(output[0, 3, 1], row, rtol=1e-12)
    np.testing.assert_allclose(lse[0, 3, 1], np.log(sum(weights)), rtol=1e-12)

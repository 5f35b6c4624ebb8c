"""The lengths and head layouts that people use, compiled and simulated, against float64.

FlashAttention's own pairs of lengths with one head of 64 columns, with and without a causal mask,
and the attention of models, all heads: 64 tokens at once, and one query on 256 keys. FA_SHAPES is
how many of them are run, the cheapest first (200: all); some run always.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import fa
import numpy as np
import pytest

from ..attentions import relative_error
from ..benches import load
from ..fuzz.case import Case
from ..fuzz.reference import exact

BOUND = 1e-2
"""Pooled relative L2 error on the operands as stored, up to 2048 keys."""

COUNT = int(os.environ.get("FA_SHAPES", "12"))

SHAPES = load("field_shapes")


def case(model: Any, q_len: int, kv_len: int) -> Case:
    """The attention of the last `q_len` of `kv_len` tokens."""
    mask = ["causal", {}] if model.causal else None
    if model.window is not None:
        mask = ["window", {"left": model.window - 1, "right": 0}]
    return Case(
        q_heads=model.q_heads,
        kv_heads=model.kv_heads,
        q_len=q_len,
        kv_len=kv_len,
        head_dim=model.head_dim,
        value_dim=model.value_dim,
        mask=mask,
        softcap=model.softcap,
        sinks=model.sinks,
    )


CASES = {
    **{
        f"{q_len}x{kv_len}{'-causal' if causal else ''}": case(
            replace(SHAPES.ONE_HEAD, causal=causal), q_len, kv_len
        )
        for q_len, kv_len in SHAPES.PAIRS
        for causal in (False, True)
    },
    **{f"{name}-prefill": case(model, 64, 64) for name, model in SHAPES.MODELS.items()},
    **{f"{name}-decode": case(model, 1, 256) for name, model in SHAPES.MODELS.items()},
}

ALWAYS = ("Falcon-7B-decode", "SmolVLM2-prefill", "Gemma-2-decode", "gpt-oss-20b-decode")


def work(case: Case) -> int:
    """About what a case takes to simulate."""
    return case.q_heads * case.q_len * case.kv_len * (case.head_dim + case.value_dim)


def chosen() -> list[str]:
    """The cases that are run."""
    ranked = sorted(CASES, key=lambda name: work(CASES[name]))
    return [name for name in ranked if name in ALWAYS or name in ranked[:COUNT]]


@pytest.mark.parametrize("name", chosen())
def test_shape(name: str):
    case = CASES[name]
    kernel = fa.compile(case.mlir())
    args = case.arguments()
    output = kernel.run(*args, hbm_time="none").outputs[0]
    expected = exact(case, kernel.stored(*args))
    assert not output[~np.isfinite(expected.lse)].any()
    error = relative_error(output, expected.output)
    print(f"{name}: {error:.2e}")
    assert error <= BOUND

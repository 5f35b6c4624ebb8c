"""The lengths and head layouts that people use, compiled and simulated, against float64.

FlashAttention's own pairs of lengths with one head of 64 columns, with and without a causal mask,
and the attention of models, all heads: 64 tokens at once, and one query on 256 keys. FA_SHAPES is
how many of them are run, the cheapest first (200: all); some run always.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import fa
import numpy as np
import pytest

from ..attentions import relative_error
from ..fuzz.case import Case
from ..fuzz.reference import exact

BOUND = 1e-2
"""Pooled relative L2 error on the operands as stored, up to 2048 keys."""

LONGEST = 1.2e-2
"""The same at 2048 keys in tiles of 64: the accumulator is rescaled, and rounded, 32 times."""

COUNT = int(os.environ.get("FA_SHAPES", "12"))

PAIRS = [
    (113, 203), (128, 217), (113, 211), (108, 256), (256, 512), (512, 256), (1024, 1024),
    (1023, 1024), (1024, 1023), (2048, 2048), (1, 147), (1, 239), (3, 799), (127, 513),
]  # fmt: skip
"""Queries and keys of FlashAttention's tests."""


@dataclass(frozen=True)
class Model:
    """The attention of one layer: heads, columns, and what it does to scores."""

    q_heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    causal: bool = True
    window: int | None = None
    softcap: float | None = None

    def case(self, q_len: int, kv_len: int) -> Case:
        """The attention of the last `q_len` of `kv_len` tokens."""
        mask = ["causal", {}] if self.causal else None
        if self.window is not None:
            mask = ["window", {"left": self.window - 1, "right": 0}]
        return Case(
            q_heads=self.q_heads,
            kv_heads=self.kv_heads,
            q_len=q_len,
            kv_len=kv_len,
            head_dim=self.head_dim,
            value_dim=self.value_dim,
            mask=mask,
            softcap=self.softcap,
        )


MODELS = {
    "Llama-3.1-8B": Model(32, 8, 128, 128),
    "Llama-3.2-1B": Model(32, 8, 64, 64),
    "Qwen2.5-7B": Model(28, 4, 128, 128),
    "Qwen3-32B": Model(64, 8, 128, 128),
    "gpt-oss-20b": Model(64, 8, 64, 64, window=128),
    "Gemma-2": Model(8, 4, 256, 256, window=4096, softcap=50.0),
    "DeepSeek-V3": Model(128, 128, 192, 128),
    "Falcon-7B": Model(71, 1, 64, 64),
    "SmolVLM2": Model(16, 16, 72, 72, causal=False),
    "LLaDA-8B": Model(32, 32, 128, 128, causal=False),
}

CASES = {
    **{
        f"{q_len}x{kv_len}{'-causal' if causal else ''}": Model(1, 1, 64, 64, causal).case(
            q_len, kv_len
        )
        for q_len, kv_len in PAIRS
        for causal in (False, True)
    },
    **{f"{name}-prefill": model.case(64, 64) for name, model in MODELS.items()},
    **{f"{name}-decode": model.case(1, 256) for name, model in MODELS.items()},
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
    assert error <= (LONGEST if case.kv_len >= 2048 else BOUND)

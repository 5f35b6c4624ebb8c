"""Attention of other compilers, raised, compiled, simulated and compared.

The files and the scripts that exported them are in `test/frontends/Inputs/foreign`. What JAX
exported is compared with what JAX computed; what torch-mlir lowered, with attention in float64.
"""

from __future__ import annotations

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.compiler import load_source
from fa.diagnostics import REMARKS, position
from fa.dialects.fa import AttentionOp
from fa.frontends.mlir import module_text, run_passes
from xdsl.dialects.builtin import ModuleOp

FOREIGN = Path(__file__).parents[2] / "frontends" / "Inputs" / "foreign"
EXPORTS = sorted(p.stem for p in FOREIGN.glob("*.mlir") if not p.stem.startswith("miss_"))

BF16_MACHINE = 1.2e-2
"""Relative L2: queries, keys, values, probabilities and results are bf16, 8 bits of significand."""

UNROUNDED = 1e-6
"""Relative L2: both sides compute in f32."""

ROUNDED = 1e-2
"""Relative L2 where what is exported computes in bf16."""


def read(name: str) -> ModuleOp:
    return load_source(FOREIGN / f"{name}.mlir", allow_unregistered=True)


def raised(name: str, options: str = "") -> ModuleOp:
    module = read(name)
    run_passes(module, f"raise-attention{options}")
    return module


def data(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Arguments and result; what was lowered to several dialects has them once."""
    path = FOREIGN / f"{name}.npz"
    if not path.exists():
        path = FOREIGN / f"{name.rpartition('_')[0]}.npz"
    stored = np.load(path)
    return [stored[f"arg{i}"] for i in range(len(stored) - 1)], stored["result"]


def error(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def options_of(name: str) -> str:
    return "{rows-see-keys=true}" if "at_run_time" in name else ""


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_compute_what_is_recorded(name: str):
    arguments, want = data(name)
    module = raised(name, options_of(name))
    text = module_text(module)
    assert not any(exp in text for exp in ("exponential", "tosa.exp", "math.exp", "tm_tensor"))
    exact = fa.interpret(module, arguments, round=False)[0]
    assert error(exact, want) < (ROUNDED if "bf16" in text else UNROUNDED)
    compiled = fa.compile_module(raised(name, options_of(name)), machine="plena-64-bf16")
    run = compiled.run(*arguments)
    assert error(run.outputs[0], want) < BF16_MACHINE
    assert len(run.launches) == len(compiled.kernels) == (2 if "chained" in name else 1)


FOUND = {
    # name: query and key, and what the attention says beside the defaults
    "jax_gqa_causal_bf16": ((1, 4, 16, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "jax_mqa": ((1, 4, 16, 8), (1, 1, 16, 8), {}),
    "jax_causal_offset": ((1, 2, 6, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "jax_window": ((1, 4, 16, 8), (1, 4, 16, 8), {"mask": "#fa.window<left = 4, right = 0>"}),
    "jax_window_both": ((1, 4, 16, 8), (1, 4, 16, 8), {"mask": "#fa.window<left = 3, right = 2>"}),
    "jax_grouped_rank5": ((1, 4, 16, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "jax_repeated_heads": ((1, 4, 16, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "jax_rank3": ((1, 3, 16, 8), (1, 3, 16, 8), {}),
    "jax_scaled_both": ((2, 2, 16, 8), (2, 2, 16, 8), {}),
    "jax_softcap": ((2, 2, 16, 8), (2, 2, 16, 8), {"mask": "#fa.causal", "softcap": "5.0"}),
    "torch_eager_repeat_kv_linalg": ((1, 4, 16, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "torch_eager_repeat_kv_tosa": ((1, 4, 16, 8), (1, 2, 16, 8), {"mask": "#fa.causal"}),
    "torch_sdpa_causal_linalg": ((1, 4, 16, 8), (1, 4, 16, 8), {"mask": "#fa.causal"}),
}


@pytest.mark.parametrize("name", FOUND)
def test_masks_groups_and_scales_are_named(name: str):
    query, key, said = FOUND[name]
    (op,) = [op for op in raised(name).walk() if isinstance(op, AttentionOp)]
    assert fa_dims(op.query) == query
    assert fa_dims(op.key) == key
    assert op.bias is None
    assert op.scale is None
    assert str(op.mask) == said.get("mask", "None")
    assert op.cap == (float(said["softcap"]) if "softcap" in said else None)


def fa_dims(value: object) -> tuple[int, ...]:
    return tuple(value.type.get_shape())  # pyright: ignore


MISSES = {
    "bias_before_cap": "scaled with them afterwards",
    "bias_before_scale": "scaled with them afterwards",
    "bias_subtracted": "a tensor is subtracted from scores",
    "capped_twice": "capped twice",
    "clamped": "scores go through a minimum",
    "dropout": "probabilities go through 'mul'",
    "finite_mask_at_run_time": "under a condition that is not known",
    "floor": "probabilities go through a maximum",
    "integers": "probabilities go through 'convert'",
    "logarithm": "scores go through 'log'",
    "mask_before_cap": "hidden before they are capped",
    "not_normalized": "not divided by their sums",
    "offset": "probabilities go through 'add'",
    "other_scores": "something else than one number in place of scores",
    "over_maximum": "divided by their maximum",
    "relu": "scores go through a maximum",
    "rows_without_keys": "a row sees no key",
    "shared_keys": "not shared by the same heads",
    "sine": "scores go through 'sin'",
    "softmax_of_queries": "along another dimension than that of the keys",
    "softmax_one": "something is added to the sums",
    "squared": "scaled by something that is not one known number",
    "sums_of_others": "the sums are not those of the exponentials",
    "sums_of_some_keys": "the sums are not those of the exponentials",
    "temperature_at_run_time": "scaled by something that is not one known number",
    "threshold": "dropped where they are not of a row without keys",
    "times_sums": "multiplied by their sums",
    "two_products": "the sum of two products",
    "weak_mask": "hidden scores are -100",
    "zero_mask": "hidden scores are 0",
}


def test_every_near_miss_is_listed():
    assert {p.stem.removeprefix("miss_") for p in FOREIGN.glob("miss_*.mlir")} == set(MISSES)


@pytest.mark.parametrize("name", MISSES)
def test_near_misses_stay_and_say_why(name: str):
    module = read(f"miss_{name}")
    before, said = module_text(module), list[tuple[str | None, str]]()
    token = REMARKS.set(lambda op, by, message: said.append((position(op), message)))
    try:
        run_passes(module, "raise-attention")
    finally:
        REMARKS.reset(token)
    assert module_text(module) == before
    ((where, message),) = said
    assert MISSES[name] in message
    assert where is not None
    assert f"miss_{name}.mlir:" in where

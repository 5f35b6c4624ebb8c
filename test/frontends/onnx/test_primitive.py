"""Attention spelled out in ONNX's primitive operators, against onnx's own reference evaluator."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import fa
import numpy as np
import onnx
import pytest
from fa.compiler import load_source
from fa.dialects.fa import AttentionOp
from fa.frontends.mlir import run_passes
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("primitive_models", HERE / "primitive_models.py")
assert _spec is not None
assert _spec.loader is not None
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)

BF16_MACHINE = 1.2e-2
"""Relative L2: queries, keys, values, probabilities and results are bf16."""

UNROUNDED = 1e-6
"""Relative L2: both sides compute in f32."""


@pytest.mark.parametrize("name", models.MODELS)
def test_primitive_attention_is_raised_and_computes_the_same(name: str):
    model = models.MODELS[name]()
    rng = np.random.default_rng(3)
    inputs = {
        info.name: rng.standard_normal([d.dim_value for d in info.type.tensor_type.shape.dim])
        .astype(np.float16)
        .astype(np.float32)
        for info in model.graph.input
    }
    (want,) = ReferenceEvaluator(model).run(None, inputs)
    module = load_source(model, allow_unregistered=True)
    run_passes(module, "raise-attention")
    (attention,) = [op for op in module.walk() if isinstance(op, AttentionOp)]
    assert str(attention.mask) == ("#fa.causal" if name == "causal_scaled_both" else "None")
    assert attention.key.type.get_shape()[1] == 2
    (got,) = fa.interpret(module, list(inputs.values()), round=False)
    assert np.linalg.norm(got - want) < UNROUNDED * np.linalg.norm(want)
    compiled = fa.compile_module(
        model, machine="plena-64-bf16", passes="raise-attention", allow_unregistered=True
    )
    (got,) = compiled.run(*inputs.values()).outputs
    assert np.linalg.norm(got - want) < BF16_MACHINE * np.linalg.norm(want)


def test_tools_take_such_models_with_the_pass(tmp_path: Path):
    onnx.save(models.eager(), tmp_path / "eager.onnx")
    opt = [sys.executable, "-m", "fa.tools.fa_opt", str(tmp_path / "eager.onnx")]
    run = subprocess.run([*opt, "--raise-attention"], capture_output=True, text=True, check=True)
    assert "fa.attention %q, %k, %v" in run.stdout
    assert "onnx." not in run.stdout
    run = subprocess.run(opt, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "cannot be imported" in run.stderr

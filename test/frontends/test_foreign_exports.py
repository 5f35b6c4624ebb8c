"""Exports of other frameworks: each is raised to attention and gives what the framework computed.

Beside `Inputs/foreign/NAME.mlir` stands `NAME.npz`, arguments `arg0`, `arg1`, ... and `result`;
what is exported to several dialects, `NAME_DIALECT.mlir`, has one of them.
"""

from __future__ import annotations

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.mlir import apply_passes, everything, make_context, parse_module
from fa.frontends.pipeline_text import build_passes
from xdsl.dialects.builtin import ModuleOp

EXPORTS = Path(__file__).parent / "Inputs" / "foreign"
EXPORTED = sorted(path.stem for path in EXPORTS.glob("*.mlir"))

HOST_CODE = ("torch_sdpa_causal_linalg",)
"""Exports that stay host code: a mask made by `linalg.generic` in a form that is not folded."""


def recorded(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Arguments in float32, and what the framework makes of them."""
    path = EXPORTS / f"{name}.npz"
    if not path.exists():
        path = EXPORTS / f"{name.rpartition('_')[0]}.npz"
    with np.load(path) as file:
        count = sum(key.startswith("arg") for key in file.files)
        args = [np.asarray(file[f"arg{i}"], np.float32) for i in range(count)]
        return args, file["result"].astype(np.float64)


def raised(name: str) -> ModuleOp:
    """An export after `raise-attention`."""
    context = make_context(allow_unregistered=True)
    path = EXPORTS / f"{name}.mlir"
    module = parse_module(path.read_text("utf-8"), path.name, context=context)
    passes = build_passes("raise-attention", everything().all_passes)
    apply_passes(context, module, passes)
    return module


@pytest.mark.parametrize("name", EXPORTED)
def test_raised_and_equal(name: str) -> None:
    module = raised(name)
    found = any(op.name == "fa.attention" for op in module.walk())
    assert found == (name not in HOST_CODE)
    args, wanted = recorded(name)
    (result,) = fa.interpret(module, args, round=False)
    error = np.linalg.norm(result.astype(np.float64) - wanted) / np.linalg.norm(wanted)
    # A framework that computes in bf16 rounds scores and probabilities: 8 bits, a few roundings.
    assert error <= 8e-3


@pytest.mark.parametrize("name", ["jax_causal", "jax_gqa_causal_bf16"])
def test_raised_and_run(name: str) -> None:
    """On the machine, where keys and values are stored in 8 bits."""
    module = raised(name)
    args, wanted = recorded(name)
    result = fa.compile_module(module).run(*args).outputs[0]
    error = np.linalg.norm(result.astype(np.float64) - wanted) / np.linalg.norm(wanted)
    assert error <= 6e-2

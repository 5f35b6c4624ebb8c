"""ONNX models of `Attention` with random attributes, imported, against the formulas in float64."""

from __future__ import annotations

import random
from typing import Any

import fa
import numpy as np
import pytest

from .counts import share

pytest.importorskip("onnx", reason="needs onnx: pip install 'fa-compiler[onnx]'")

from onnx import TensorProto, helper


def reference(
    q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float | None, cap: float
) -> Any:
    """Y in float64; a boolean mask shows where it is true."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, axis=1) for x in (k, v))
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    s = factor * (q @ k.swapaxes(2, 3))
    if cap:
        s = cap * np.tanh(s / cap)
    if mask is not None:
        s = s + (np.where(mask, 0.0, -np.inf) if mask.dtype == np.bool_ else mask)
    if causal:
        s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, -np.inf)
    top = s.max(-1, keepdims=True)
    p = np.exp(s - np.where(np.isneginf(top), 0, top))
    total = p.sum(-1, keepdims=True)
    return p / np.where(total > 0, total, 1) @ v


@pytest.mark.parametrize("seed", range(share(4, 6)))
def test_models(seed: int):
    r, numbers = random.Random(seed), np.random.default_rng(seed)
    batch, (heads, kv_heads) = r.choice([1, 2]), r.choice([(1, 1), (4, 2), (3, 1)])
    q_len, kv_len = r.choice([1, 5, 70]), r.choice([1, 7, 70])
    dim, wide = r.choice([8, 24, 64]), r.choice([8, 24])
    shapes = {
        "q": (batch, heads, q_len, dim),
        "k": (batch, kv_heads, kv_len, dim),
        "v": (batch, kv_heads, kv_len, wide),
    }
    given: dict[str, Any] = {
        name: numbers.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }
    attributes: dict[str, Any] = {"is_causal": r.choice([0, 1])}
    if r.random() < 0.5:
        attributes["scale"] = r.choice([0.1, 1.0, 0.3])
    if r.random() < 0.5:
        attributes["softcap"] = r.choice([0.0, 2.0, 30.0])
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    mask = None
    if (kind := r.choice(["", "", "bool", "float"])) != "":
        full = (batch, heads, q_len, kv_len)
        shape = [n if r.random() < 0.6 else 1 for n in full[:2]] + [q_len, kv_len]
        mask = numbers.standard_normal(shape).astype(np.float32)
        mask = mask > -1 if kind == "bool" else mask
        element = TensorProto.BOOL if kind == "bool" else TensorProto.FLOAT
        inputs.append(helper.make_tensor_value_info("m", element, shape))
        given["m"] = mask
    node = helper.make_node("Attention", list(given), ["y"], **attributes)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, (batch, heads, q_len, wide))
    graph = helper.make_graph([node], "net", inputs, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", r.choice([23, 24]))])
    scale, cap = attributes.get("scale"), attributes.get("softcap", 0.0)
    want = reference(
        given["q"], given["k"], given["v"], mask, bool(attributes["is_causal"]), scale, cap
    )
    (have,) = fa.interpret(model, list(given.values()), round=False)
    np.testing.assert_allclose(have, want, rtol=2e-4, atol=2e-5)
    kernel = fa.compile(model, "plena-64-bf16")
    (ran,) = kernel.run(*given.values(), hbm_time="none").outputs
    # bf16 on chip: 8e-3, and biases and caps before exp add as much.
    assert np.linalg.norm(ran - want) <= 2.5e-2 * np.linalg.norm(want) + 1e-6

"""Attention spelled out in ONNX's primitive operators, as exporters write it."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

N, D = 16, 8


class Model:
    """Nodes and constants of a model while it is written."""

    def __init__(self):
        self.nodes = []
        self.constants = []

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def const(self, values, dtype=np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def model(self, shapes, output, result, opset=18) -> ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip("qkvb", shapes, strict=False)
        ]
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, result)
        graph = helper.make_graph(self.nodes, "main", inputs, [out], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def eager() -> ModelProto:
    m = Model()
    kt = m.add("Transpose", "k", perm=[0, 1, 3, 2])
    s = m.add("Div", m.add("MatMul", "q", kt), m.const(np.sqrt(D)))
    o = m.add("MatMul", m.add("Softmax", s, axis=-1), "v")
    return m.model([(1, 2, N, D)] * 3, o, (1, 2, N, D))


def causal_scaled_both() -> ModelProto:
    """As torch exports scaled_dot_product_attention: sqrt(scale) on Q and K, a mask added."""
    m = Model()
    factor = m.const(D**-0.25)
    kt = m.add("Transpose", "k", perm=[0, 1, 3, 2])
    s = m.add("MatMul", m.add("Mul", "q", factor), m.add("Mul", kt, factor))
    mask = m.add("Trilu", m.const(np.ones((N, N))), upper=0)
    hidden = m.add("Where", m.add("Cast", mask, to=TensorProto.BOOL), m.const(0), m.const(-np.inf))
    p = m.add("Softmax", m.add("Add", s, hidden), axis=-1)
    return m.model([(1, 2, N, D)] * 3, m.add("MatMul", p, "v"), (1, 2, N, D))


def heads_of_hidden() -> ModelProto:
    """[batch, length, hidden] to heads and back, as BERT does."""
    m = Model()
    split = m.const([0, 0, 2, D], np.int64)

    def heads(x, perm):
        return m.add("Transpose", m.add("Reshape", x, split), perm=perm)

    q, kt, v = heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1]), heads("v", [0, 2, 1, 3])
    s = m.add("Div", m.add("MatMul", q, kt), m.const(np.sqrt(D)))
    p = m.add("Softmax", m.add("Add", s, "b"), axis=-1)
    o = m.add("Transpose", m.add("MatMul", p, v), perm=[0, 2, 1, 3])
    o = m.add("Reshape", o, m.const([0, 0, 2 * D], np.int64))
    return m.model([(1, N, 2 * D)] * 3 + [(1, 1, 1, N)], o, (1, N, 2 * D))


def grouped() -> ModelProto:
    """KV heads repeated by Unsqueeze and Expand."""
    m = Model()

    def repeat(x):
        wide = m.add("Unsqueeze", x, m.const([2], np.int64))
        wide = m.add("Expand", wide, m.const([1, 2, 2, N, D], np.int64))
        return m.add("Reshape", wide, m.const([1, 4, N, D], np.int64))

    kt = m.add("Transpose", repeat("k"), perm=[0, 1, 3, 2])
    s = m.add("Mul", m.add("MatMul", "q", kt), m.const(D**-0.5))
    o = m.add("MatMul", m.add("Softmax", s, axis=-1), repeat("v"))
    return m.model([(1, 4, N, D), (1, 2, N, D), (1, 2, N, D)], o, (1, 4, N, D))


def spelled_softmax() -> ModelProto:
    m = Model()
    kt = m.add("Transpose", "k", perm=[0, 1, 3, 2])
    s = m.add("Mul", m.add("MatMul", "q", kt), m.const(0.5))
    e = m.add("Exp", m.add("Sub", s, m.add("ReduceMax", s, m.const([-1], np.int64), keepdims=1)))
    p = m.add("Div", e, m.add("ReduceSum", e, m.const([-1], np.int64), keepdims=1))
    return m.model([(1, 2, N, D)] * 3, m.add("MatMul", p, "v"), (1, 2, N, D))


MODELS = {
    "eager": eager,
    "causal_scaled_both": causal_scaled_both,
    "heads_of_hidden": heads_of_hidden,
    "grouped": grouped,
    "spelled_softmax": spelled_softmax,
}

"""Attention that is one operation in its dialect."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation

from . import graph
from .access import Meaning
from .graph import Node


def attention(
    q: Node, k: Node, v: Node, mask: Node | None, scale: float | None = None
) -> Node | None:
    """softmax(scale Q K^T + mask) V for [..., length, dim] of as many heads."""
    if not q.rank == k.rank == v.rank >= 2 or q.shape[:-2] != k.shape[:-2]:
        return None
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    number = graph.constant(graph.rounded(np.asarray(factor), q.element), q.element)
    scores = graph.matmul(q, k, q.element, (False, True))
    scores = graph.binary("mul", scores, number)
    if mask is not None:
        scores = graph.binary("add", scores, graph.convert(mask, q.element))
    return graph.matmul(graph.softmax(scores, -1), v, q.element)


def _tm_tensor(op: Operation, args: list[Node]) -> Node | None:
    """torch-mlir's operation: Q, K, V, a mask that is added where there is one, and an output that
    is overwritten; the scale is 1/sqrt(dim)."""
    if len(args) not in (4, 5):
        return None
    q, k, v = args[:3]
    return attention(q, k, v, args[3] if len(args) == 5 else None)


MEANINGS: dict[str, Meaning] = {"tm_tensor.attention": _tm_tensor}
"""Name of an operation -> what it computes."""

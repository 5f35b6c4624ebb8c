"""ONNX's attention operators as operations of `fa`: `Attention` and `FlexAttention`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NoReturn, cast

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AnyFloat,
    DenseIntOrFPElementsAttr,
    IntegerType,
    TensorType,
    i1,
)
from xdsl.ir import Region, SSAValue

from ...dialects import fa
from ...dialects.fa.masks import AllOfAttr, CausalAttr, MaskAttr, RaggedAttr, WindowAttr
from .functions import score_function
from .model import Array, Graph, Node

STAGES = ("raw", "capped", "masked", "softmax")
"""`qk_matmul_output_mode` 0 to 3, the same in opsets 23, 24 and 25."""

SOFTMAX_PRECISIONS = {1: "FLOAT", 10: "FLOAT16", 11: "DOUBLE", 16: "BFLOAT16"}

HEADS_BEFORE_ROWS = (0, 2, 1, 3)
"""[batch, length, heads, dim] to [batch, heads, length, dim], and back."""

Outputs = Sequence[SSAValue | None]


class Scope(ABC):
    """What a node sees of the graph around it."""

    @abstractmethod
    def value(self, name: str) -> SSAValue:
        """The tensor `name`."""

    @abstractmethod
    def known(self, name: str) -> Array | None:
        """The values of the tensor `name` where they are known at compile time."""

    @abstractmethod
    def fail(self, message: str) -> NoReturn:
        """Raise CompileError about the node."""
        raise NotImplementedError

    def number(self, node: Node, name: str) -> float | None:
        """A float attribute, None where it is not given."""
        value = node.attributes.get(name)
        if value is not None and not isinstance(value, float):
            self.fail(f"attribute '{name}' must be a float")
        return value

    def integer(self, node: Node, name: str) -> int | None:
        """An integer attribute, None where it is not given."""
        value = node.attributes.get(name)
        if value is not None and not isinstance(value, int):
            self.fail(f"attribute '{name}' must be an integer")
        return value

    def choice(self, node: Node, name: str, top: int) -> int:
        """An integer attribute from 0, its default, to `top`."""
        value = self.integer(node, name) or 0
        if not 0 <= value <= top:
            self.fail(f"attribute '{name}' is {value}; it must be from 0 to {top}")
        return value


def attention(scope: Scope, node: Node) -> Outputs:
    """`Attention` of opset 23, 24 and 25: Y, present_key, present_value, qk_matmul_output.

    Q is [B, H, N, D], K [B, G, M, D] and V [B, G, M, E], or each [B, length, heads x dim] with
    `q_num_heads` and `kv_num_heads`; the caches are always of rank 4. The softmax is computed in
    f32, whatever `softmax_precision` says. Opset 24 adds `nonpad_kv_seqlen`, opset 25 the windows.
    """
    if node.since not in (23, 24, 25):
        scope.fail(f"version {node.since} of the operator is not supported; 23, 24 and 25 are")
    q, k, v = (_input(scope, node, index, name) for index, name in enumerate("QKV"))
    ranks = [len(fa.tensor_dims(value)) for value in (q, k, v)]
    if ranks not in ([3, 3, 3], [4, 4, 4]):
        scope.fail(f"Q, K and V must all be of rank 3 or all of rank 4, got {ranks}")
    packed = ranks[0] == 3
    q_heads, kv_heads = _heads(scope, node, q, k, packed)
    if packed:
        q = _unpack(scope, q, q_heads, "Q")
        k, v = _unpack(scope, k, kv_heads, "K"), _unpack(scope, v, kv_heads, "V")
    k, v, past = _append_to_cache(scope, node, k, v)
    lengths = _valid_lengths(scope, node, k)
    _check_softmax_precision(scope, node)
    stage = STAGES[scope.choice(node, "qk_matmul_output_mode", len(STAGES) - 1)]
    op = fa.AttentionOp(
        q,
        k,
        v,
        bias=_bias(scope, node, k),
        mask=_mask(scope, node, past, lengths),
        scale=_scale(scope, node),
        softcap=_softcap(scope, node),
        qk=stage if node.output(3) else None,
    )
    output = op.output
    if packed:
        batch, heads, rows, columns = fa.tensor_dims(output)
        output = fa.TransposeOp(output, HEADS_BEFORE_ROWS).result
        output = fa.ReshapeOp(output, (batch, rows, heads * columns)).result
    return output, k, v, op.scores


def flex_attention(scope: Scope, node: Node) -> Outputs:
    """`FlexAttention` of `ai.onnx.preview`, version 1: Y.

    Q is [B, H, N, D], K [B, G, M, D], V [B, G, M, E]. The graphs `score_mod` and `prob_mod` work
    on [B, H, N, M]; each becomes a function of one value and its place.
    """
    q, k, v = (_input(scope, node, index, name) for index, name in enumerate("QKV"))
    ranks = [len(fa.tensor_dims(value)) for value in (q, k, v)]
    if ranks != [4, 4, 4]:
        scope.fail(f"Q, K and V must be of rank 4, got {ranks}")
    _check_softmax_precision(scope, node)
    dims = (*fa.tensor_dims(q)[:3], fa.tensor_dims(k)[2])

    def function(name: str) -> Region | None:
        def fail(why: str) -> NoReturn:
            scope.fail(f"{name}: {why}")

        graph = node.attributes.get(name)
        if graph is None:
            return None
        if not isinstance(graph, Graph):
            scope.fail(f"attribute '{name}' must be a graph")
        return score_function(graph, dims, scope.known, fail)

    op = fa.AttentionOp(
        q,
        k,
        v,
        scale=_scale(scope, node),
        score_mod=function("score_mod"),
        prob_mod=function("prob_mod"),
    )
    return (op.output,)


def _input(scope: Scope, node: Node, index: int, name: str) -> SSAValue:
    """An input that must be there."""
    if not node.input(index):
        scope.fail(f"the input {name} is missing")
    return scope.value(node.input(index))


def _heads(scope: Scope, node: Node, q: SSAValue, k: SSAValue, packed: bool) -> tuple[int, int]:
    """The numbers of query and KV heads."""
    found = (0, 0) if packed else (fa.tensor_dims(q)[1], fa.tensor_dims(k)[1])
    heads: list[int] = []
    for name, actual in zip(("q_num_heads", "kv_num_heads"), found, strict=True):
        given = scope.integer(node, name)
        if packed and (given is None or given < 1):
            scope.fail(f"Q, K and V of rank 3 need the attribute '{name}', at least 1")
        if not packed and given not in (None, actual):
            scope.fail(f"attribute '{name}' is {given}, but the tensors have {actual} heads")
        heads.append(actual if given is None else given)
    return heads[0], heads[1]


def _unpack(scope: Scope, value: SSAValue, heads: int, name: str) -> SSAValue:
    """[batch, length, heads x dim] as [batch, heads, length, dim]."""
    batch, rows, columns = fa.tensor_dims(value)
    if columns % heads:
        scope.fail(f"the {columns} columns of {name} are no multiple of its {heads} heads")
    split = fa.ReshapeOp(value, (batch, rows, heads, columns // heads)).result
    return fa.TransposeOp(split, HEADS_BEFORE_ROWS).result


def _append_to_cache(
    scope: Scope, node: Node, k: SSAValue, v: SSAValue
) -> tuple[SSAValue, SSAValue, int | None]:
    """K and V behind what the caches hold, and how much that is; None without caches."""
    names = (node.input(4), node.input(5))
    if not any(names):
        return k, v, None
    if not all(names):
        scope.fail("past_key and past_value must be given together")
    caches = [scope.value(name) for name in names]
    for name, cache in zip(("past_key", "past_value"), caches, strict=True):
        if len(fa.tensor_dims(cache)) != 4:
            scope.fail(f"{name} must be of rank 4, got {len(fa.tensor_dims(cache))}")
    lengths = [fa.tensor_dims(cache)[2] for cache in caches]
    if lengths[0] != lengths[1]:
        scope.fail(f"past_key has {lengths[0]} rows and past_value {lengths[1]}; they must agree")
    key, value = (
        fa.ConcatOp(cache, new, 2).result for cache, new in zip(caches, (k, v), strict=True)
    )
    return key, value, lengths[0]


def _valid_lengths(scope: Scope, node: Node, k: SSAValue) -> list[int] | None:
    """How many keys of each batch are valid; None for all."""
    name = node.input(6)
    if not name:
        return None
    if node.input(4) or node.input(5):
        scope.fail("nonpad_kv_seqlen cannot stand beside past_key and past_value")
    values = scope.known(name)
    if values is None:
        scope.fail(
            f"nonpad_kv_seqlen ('{name}') must be known at compile time; give its values as "
            f"constants={{'{name}': [...]}}, or --constant {name}=N,..."
        )
    batch, _, kv_len, _ = fa.tensor_dims(k)
    if values.shape != (batch,) or values.dtype.kind not in "iu":
        scope.fail(
            f"nonpad_kv_seqlen must hold {batch} integers, got {values.dtype} of shape "
            f"{list(values.shape)}"
        )
    lengths = [int(length) for length in values]
    for length in lengths:
        if not 0 <= length <= kv_len:
            scope.fail(f"nonpad_kv_seqlen holds {length}; it must be from 0 to {kv_len} keys")
    return lengths


def _check_softmax_precision(scope: Scope, node: Node) -> None:
    precision = scope.integer(node, "softmax_precision")
    if precision is not None and precision not in SOFTMAX_PRECISIONS:
        known = ", ".join(f"{number} ({name})" for number, name in SOFTMAX_PRECISIONS.items())
        scope.fail(f"attribute 'softmax_precision' is {precision}; there are {known}")


def _scale(scope: Scope, node: Node) -> float | None:
    scale = scope.number(node, "scale")
    if scale is not None and not 0 <= scale < math.inf:
        # Q and K are each multiplied with the root of it.
        scope.fail(f"attribute 'scale' is {scale}; it must be finite and at least 0")
    return scale


def _softcap(scope: Scope, node: Node) -> float | None:
    softcap = scope.number(node, "softcap") or 0.0
    if not 0 <= softcap < math.inf:
        scope.fail(f"attribute 'softcap' is {softcap}; it must be finite and at least 0")
    return softcap or None


def _bias(scope: Scope, node: Node, k: SSAValue) -> SSAValue | None:
    """attn_mask as a bias [B|1, H|1, N|1, M]; booleans hide what is false.

    From opset 24 on, columns that are missing at the end are hidden; in opset 23 a single column
    broadcasts instead.
    """
    name = node.input(3)
    if not name:
        return None
    mask = scope.value(name)
    rank = len(fa.tensor_dims(mask))
    if rank not in range(1, 5):
        scope.fail(f"attn_mask must be of rank 1 to 4, got {rank}")
    *outer, columns = fa.tensor_dims(mask)
    kv_len = fa.tensor_dims(k)[2]
    if columns > kv_len:
        scope.fail(f"attn_mask has {columns} columns for {kv_len} keys")
    outer = [1] * (4 - rank) + outer
    if rank < 4:
        mask = fa.ReshapeOp(mask, (*outer, columns)).result
    missing = kv_len - columns
    if missing and not (node.since == 23 and columns == 1):
        hidden = dense(i1, (*outer, missing), np.zeros(1, np.int64))
        if fa.tensor_element(mask) != i1:
            hidden = fa.AdditiveOp(hidden, fa.tensor_element(mask)).result
        mask = fa.ConcatOp(mask, hidden, 3).result
    if fa.tensor_element(mask) == i1:
        mask = fa.AdditiveOp(mask, fa.tensor_element(k)).result
    return mask


def dense(kind: AnyFloat | IntegerType, dims: Sequence[int], values: Array) -> SSAValue:
    """A constant tensor; a single value is that of every element."""
    attribute = DenseIntOrFPElementsAttr.from_list(
        cast("TensorType[IntegerType]", TensorType(kind, list(dims))),
        cast("list[int]", values.ravel().tolist()),
    )
    return arith.ConstantOp(attribute).result


def _mask(scope: Scope, node: Node, past: int | None, lengths: list[int] | None) -> MaskAttr | None:
    """is_causal, the windows and nonpad_kv_seqlen as one mask.

    Query i stands at position i + offset: behind the cache, or so that the last query stands at the
    last valid key of its batch, or, with neither, at key i.
    """
    offset = None if lengths is not None else past or 0
    parts: list[MaskAttr] = []
    if scope.choice(node, "is_causal", 1):
        parts.append(CausalAttr.get(offset))
    sides: list[int | None] = []
    for name in ("left_window_size", "right_window_size"):
        size = scope.integer(node, name)
        if size is not None and size < -1:
            scope.fail(f"attribute '{name}' is {size}; it must be at least -1")
        sides.append(None if size == -1 else size)
    if sides != [None, None]:
        parts.append(WindowAttr.get(*sides, offset=offset))
    inner = [AllOfAttr.get(*parts)] if len(parts) > 1 else parts
    if lengths is not None:
        return RaggedAttr.get(lengths, *inner)
    return inner[0] if inner else None

"""Building the MLIR of one attention from its numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, SupportsIndex

from xdsl.builder import ImplicitBuilder
from xdsl.dialects.builtin import (
    AnyFloat,
    ModuleOp,
    TensorType,
    bf16,
    f16,
    f32,
    i32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Region

from ..diagnostics import CompileError
from .alibi import Alibi
from .mlir import LARGEST, parse_attribute

if TYPE_CHECKING:
    from ..dialects.fa.masks import MaskAttr

DTYPES: Mapping[str, AnyFloat] = {"bf16": bf16, "f16": f16, "f32": f32}
"""The element types of the interface by name."""

MASKS = ("causal",)


_F32_MAX = 3.4028234663852886e38
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*")


def attention(
    *,
    q_heads: SupportsIndex,
    kv_heads: SupportsIndex,
    q_len: SupportsIndex,
    kv_len: SupportsIndex,
    head_dim: SupportsIndex,
    value_dim: SupportsIndex | None = None,
    batch: SupportsIndex = 1,
    mask: str | None = None,
    causal_offset: SupportsIndex | None = None,
    scale: float | None = None,
    softcap: float | None = None,
    score_bound: float | None = None,
    sinks: bool = False,
    lse: bool = False,
    lengths: bool = False,
    alibi: Alibi | None = None,
    dtype: str = "bf16",
    name: str = "attention",
) -> ModuleOp:
    """A module with one function `name(q, k, v)` that computes attention.

    q is [batch, q_heads, q_len, head_dim], k [batch, kv_heads, kv_len, head_dim], v [batch,
    kv_heads, kv_len, value_dim] (default head_dim), in elements of `dtype`: bf16, f16 or f32. The
    result is [batch, q_heads, q_len, value_dim]; with `lse` there is a second one, the logsumexp of
    every row in f32.

    `mask` is None or "causal": query i sees key j iff j <= i + `causal_offset` (default kv_len -
    q_len, which aligns the last query with the last key); or any mask of the dialect as MLIR has
    it, such as "#fa.window<left = 127, right = 0>". `scale` multiplies the scores (default
    1/sqrt(head_dim)), `softcap` c makes c tanh(s / c) of them, `score_bound` promises that they
    stay within it, which the kernel checks on its arguments. With `sinks` the function takes a
    fourth argument, [q_heads], one more score for each row of a head that attends to nothing.
    With `lengths` the last argument is i32 [batch], how many keys of each batch are valid when it
    runs. `alibi` adds biases to the scores that fall with the distance of a key, where the last
    query stands at the last key. Raises CompileError for arguments that no attention has.
    """
    given = {
        "q_heads": q_heads,
        "kv_heads": kv_heads,
        "q_len": q_len,
        "kv_len": kv_len,
        "head_dim": head_dim,
        "value_dim": head_dim if value_dim is None else value_dim,
        "batch": batch,
    }
    size = {key: _size(key, value) for key, value in given.items()}
    if size["q_heads"] % size["kv_heads"]:
        raise CompileError(
            f"q_heads is {size['q_heads']} and kv_heads {size['kv_heads']}; the number of query "
            "heads must be a multiple of the number of KV heads"
        )
    if dtype not in DTYPES:
        raise CompileError(f"unknown dtype '{dtype}'; there are {', '.join(DTYPES)}")
    if not _SYMBOL.fullmatch(name):
        raise CompileError(f"'{name}' cannot name a function; letters, digits and _ can")
    element = DTYPES[dtype]
    query = TensorType(element, [size[k] for k in ("batch", "q_heads", "q_len", "head_dim")])
    key = TensorType(element, [size[k] for k in ("batch", "kv_heads", "kv_len", "head_dim")])
    value = TensorType(element, [size[k] for k in ("batch", "kv_heads", "kv_len", "value_dim")])
    given_mask = _mask(mask, causal_offset)
    if given_mask is not None:
        _check_mask(given_mask, size["batch"], size["kv_len"])
    cap = _number("softcap", softcap)
    if cap is not None and not cap > 0:
        raise CompileError(f"softcap is {cap}; it must be positive")
    types: list[TensorType[Attribute]] = [query, key, value]
    if sinks:
        types.append(TensorType(element, [size["q_heads"]]))
    if lengths:
        types.append(TensorType(i32, [size["batch"]]))
    factor = _number("scale", scale)
    offset = size["kv_len"] - size["q_len"]
    score_mod = None if alibi is None else alibi.score_mod(size["q_heads"], offset)
    return _function(
        name,
        types,
        mask=given_mask,
        scale=factor,
        softcap=cap,
        score_bound=_number("score_bound", score_bound),
        lse=lse,
        score_mod=score_mod,
        sinks=sinks,
    )


def _function(
    name: str,
    arguments: Sequence[TensorType[Attribute]],
    *,
    mask: Attribute | None,
    scale: float | None,
    softcap: float | None,
    score_bound: float | None,
    lse: bool,
    score_mod: Region | None,
    sinks: bool,
) -> ModuleOp:
    """The module with one function around one `fa.attention`; behind q, k and v come sinks, where
    there are any, and lengths.

    Raises CompileError where they do not go together.
    """
    from xdsl.utils.exceptions import VerifyException

    from ..dialects.fa import AttentionOp

    function = FuncOp(name, (arguments, ()))
    for argument, hint in zip(function.args, ("q", "k", "v", "sinks"), strict=False):
        argument.name_hint = hint
    if len(arguments) > 3 + sinks:
        function.args[-1].name_hint = "lengths"
    with ImplicitBuilder(function.body):
        q, k, v, *rest = function.args
        sink_scores = rest.pop(0) if sinks else None
        op = AttentionOp(
            q,
            k,
            v,
            sinks=sink_scores,
            lengths=rest[0] if rest else None,
            mask=mask,
            scale=scale,
            softcap=softcap,
            score_bound=score_bound,
            lse=lse,
            score_mod=score_mod,
        )
        for result, hint in zip(op.results, ("o", "lse"), strict=False):
            result.name_hint = hint
        ReturnOp(*op.results)
    function.update_function_type()
    module = ModuleOp([function])
    try:
        module.verify()
    except VerifyException as error:
        raise CompileError(str(error)) from None
    return module


def _size(key: str, value: SupportsIndex) -> int:
    try:
        size = index(value)
    except TypeError:
        raise CompileError(f"{key} is {value!r}; it must be an integer") from None
    if size < 1:
        raise CompileError(f"{key} is {size}; it must be at least 1")
    if size > LARGEST:
        raise CompileError(f"{key} is {size}; it must be at most {LARGEST}, a tensor's dimension")
    return size


def _mask(mask: str | None, causal_offset: SupportsIndex | None) -> Attribute | None:
    from ..dialects.fa.masks import CausalAttr

    if mask is not None and mask.startswith("#"):
        if causal_offset is not None:
            raise CompileError('causal_offset needs mask="causal"; write the offset into the mask')
        return parse_attribute(mask, "mask")
    if mask not in (None, *MASKS):
        raise CompileError(
            f"unknown mask '{mask}'; there are None, {', '.join(MASKS)}, and masks as MLIR has "
            "them, such as #fa.window<left = 127, right = 0>"
        )
    if causal_offset is None:
        return None if mask is None else CausalAttr.get()
    if mask is None:
        raise CompileError('causal_offset needs mask="causal"')
    try:
        return CausalAttr.get(index(causal_offset))
    except TypeError:
        raise CompileError(f"causal_offset is {causal_offset!r}; it must be an integer") from None


def build_mask(mask: str | None, q_len: int, kv_len: int) -> MaskAttr | None:
    """The mask that `attention` takes under that name, with its offset for these lengths.

    None, and "none", is no mask. Raises CompileError.
    """
    from ..dialects.fa.masks import MaskAttr

    built = _mask(None if mask == "none" else mask, None)
    assert built is None or isinstance(built, MaskAttr)
    return None if built is None else built.resolved(q_len, kv_len)


def _check_mask(mask: Attribute, batch: int, kv_len: int) -> None:
    from xdsl.utils.exceptions import VerifyException

    from ..dialects.fa.masks import verify_mask

    try:
        verify_mask(mask, batch, kv_len)
    except VerifyException as error:
        raise CompileError(str(error)) from None


def _number(key: str, given: float | None) -> float | None:
    if given is None:
        return None
    try:
        value = float(given)
    except (TypeError, ValueError):
        raise CompileError(f"{key} is {given!r}; it must be a number") from None
    if not math.isfinite(value) or abs(value) > _F32_MAX:
        raise CompileError(f"{key} is {value}; it must be a finite f32")
    return value

"""What the operations of `fa` compute, in numpy: plain functions on float32 arrays.

Each takes a `Rounder`, which rounds results (and the intermediate values that the machine writes to
a register or to memory) to an element type, or leaves them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import BFloat16Type, Float16Type
from xdsl.ir import Attribute
from xdsl.utils.exceptions import InterpretationError

from ...machine.numerics.bounded_scores import HIDDEN_BELOW
from ..fa.masks import MaskAttr

Array = NDArray[np.float32]

EXP_CLAMP = 88.0
"""The machine clamps the argument of exp to +-88 (ISA section 4.3)."""


@dataclass(frozen=True)
class Rounder:
    """Rounds float32 arrays to an element type; `enabled=False` leaves every value as it is."""

    enabled: bool = True

    def __call__(self, values: Array, element_type: Attribute) -> Array:
        """`values` rounded to nearest even in `element_type` (f32 and wider: unchanged)."""
        if not self.enabled:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            if isinstance(element_type, BFloat16Type):
                return values.astype(ml_dtypes.bfloat16).astype(np.float32)
            if isinstance(element_type, Float16Type):
                return values.astype(np.float16).astype(np.float32)
        return values


def visible(
    rows: range, cols: range, kv_len: int, mask: MaskAttr | None, batch: int
) -> NDArray[np.bool_]:
    """Whether query `rows[i]` of a batch sees key `cols[j]`, as a matrix."""
    keys = np.asarray(cols, np.int64)[None, :]
    if mask is None:
        return np.broadcast_to(keys < kv_len, (len(rows), len(cols)))
    runs = np.array([mask.keys(batch, query) for query in rows], np.int64).reshape(-1, 2)
    return (keys >= runs[:, :1]) & (keys < np.minimum(runs[:, 1:], kv_len))


def check_length(length: int, most: int) -> None:
    """Raise InterpretationError for a length that a tensor with room for `most` cannot have."""
    if not 0 <= length <= most:
        raise InterpretationError(f"a length is 0 to {most}, which there is room for; got {length}")


@dataclass(frozen=True)
class Extras:
    """What `fa.attention` does to the scores besides scale and mask, in this order.

    `mask_mod` gives for (batch, head) which keys are seen beside the mask, [N, M]; `bias`
    broadcasts to [B, H, N, M]; `sinks` is [H]; the functions are called with (values, batch,
    head, queries, keys), the last two as a column and a row; `stage` says which scores to return.
    """

    softcap: float | None = None
    mask_mod: Callable[[int, int], NDArray[np.bool_]] | None = None
    score_mod: Callable[..., NDArray[np.floating]] | None = None
    bias: NDArray[np.floating] | None = None
    sinks: NDArray[np.floating] | None = None
    lengths: Sequence[int] | None = None
    """How many keys of each batch are valid; a mask whose offsets are not given moves along."""
    prob_mod: Callable[..., NDArray[np.floating]] | None = None
    stage: str | None = None
    check: Callable[[NDArray[np.floating]], None] | None = None
    """Called with the scores before they are masked."""


def attention(
    q: NDArray[np.floating],
    k: NDArray[np.floating],
    v: NDArray[np.floating],
    scale: float,
    mask: MaskAttr | None,
    extras: Extras = Extras(),
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Attention on whole tensors, in the precision of its operands: output and logsumexp.

    q [B, H, N, D], k [B, G, M, D], v [B, G, M, E] with G dividing H; returns O [B, H, N, E] and
    logsumexp [B, H, N]. A row that sees no key gives 0 and -inf. The mask's offsets are resolved,
    unless there are lengths, which it moves with.
    """
    out, lse, _ = attention_with_scores(q, k, v, scale, mask, extras)
    return out, lse


def attention_with_scores(
    q: NDArray[np.floating],
    k: NDArray[np.floating],
    v: NDArray[np.floating],
    scale: float,
    mask: MaskAttr | None,
    extras: Extras,
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """`attention`, and the scores [B, H, N, M] at `extras.stage`."""
    group = q.shape[1] // k.shape[1]
    out = np.zeros((*q.shape[:3], v.shape[3]), q.dtype)
    lse = np.full(q.shape[:3], -np.inf, q.dtype)
    taken = np.zeros((*q.shape[:3], k.shape[2]), q.dtype)
    rows, cols = range(q.shape[2]), range(k.shape[2])
    places = (np.arange(len(rows))[:, None], np.arange(len(cols))[None, :])
    for b in range(q.shape[0]):
        valid, shown_mask = len(cols), mask
        if extras.lengths is not None:
            valid = extras.lengths[b]
            shown_mask = None if mask is None else mask.resolved(len(rows), valid)
        seen = visible(rows, cols, valid, shown_mask, b)
        for h in range(q.shape[1]):
            stages: dict[str, NDArray[np.floating]] = {}
            s = (q[b, h] @ k[b, h // group].T) * q.dtype.type(scale)
            stages["raw"] = s
            if extras.softcap is not None:
                s = np.tanh(s / q.dtype.type(extras.softcap)) * q.dtype.type(extras.softcap)
            if extras.score_mod is not None:
                s = extras.score_mod(s, b, h, *places)
            stages["capped"] = s
            if extras.bias is not None:
                bias = extras.bias
                s = s + bias[b % bias.shape[0], h % bias.shape[1]]
            if extras.check is not None:
                extras.check(s)
            shown = seen if extras.mask_mod is None else seen & extras.mask_mod(b, h)
            s = np.where(shown, s, -np.inf)
            stages["masked"] = s
            if extras.sinks is not None:
                s = np.concatenate([s, np.full((len(rows), 1), extras.sinks[h])], axis=1)
            p, m, total = softmax_rows(s)
            if extras.sinks is not None:
                p = p[:, :-1]
            if extras.prob_mod is not None:
                p = extras.prob_mod(p, b, h, *places)
            stages["softmax"] = p
            out[b, h] = p @ v[b, h // group]
            some = total > 0
            lse[b, h, some] = m[some] + np.log(total[some])
            if extras.stage is not None:
                taken[b, h] = stages[extras.stage]
    return out, lse, taken


def softmax_rows(
    s: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Softmax of rows, their maximum and their sum; a row of -inf gives zeros, -inf and 0."""
    m = s.max(axis=1)
    p = np.exp(s - np.where(np.isfinite(m), m, 0)[:, None])
    total = p.sum(axis=1)
    return p / np.where(total > 0, total, 1)[:, None], m, total


def unpacked(packed: Array, rows: int, packing: tuple[int, int, int, int]) -> Array:
    """R x D queries out of vector rows that hold several (see `fa.packing`)."""
    streams, width, block, chunks = packing
    used = packed[: rows // streams * chunks]
    parts = used.reshape(-1, chunks, block, streams, width)
    return parts.transpose(0, 3, 2, 1, 4).reshape(rows, chunks * width)


def exp(x: Array) -> Array:
    """exp, 0 for -inf."""
    with np.errstate(over="ignore"):
        return np.exp(x)


def difference(a: Array, b: Array) -> Array:
    """a - b, where b may be -inf (nothing seen yet): then a is as well, and the result is -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(a), np.float32(-np.inf), a - b)


def online_softmax(
    s: Array, m: Array, total: Array, element: Attribute, statistic: Attribute, rnd: Rounder
) -> tuple[Array, Array, Array, Array]:
    """One step of the online softmax: P, m', l' and alpha (see `fa.online_softmax`)."""
    new = rnd(np.maximum(m, s.max(axis=1)), statistic)
    alpha = rnd(exp(rnd(difference(m, new), statistic)), statistic)
    p = exponentials(s, new, element, rnd)
    sums: Array = p.sum(axis=1, dtype=np.float32)
    new_total = rnd(rnd(alpha * total, statistic) + sums, statistic)
    return p, new, new_total, alpha


def bounded_softmax(
    s: Array, total: Array, element: Attribute, statistic: Attribute, rnd: Rounder
) -> tuple[Array, Array, Array, Array]:
    """One step without a maximum: P = exp(S), m' = 0, l' and alpha = 1."""
    with np.errstate(over="ignore"):
        p = rnd(exp(s), element)
        new_total = rnd(total + p.sum(axis=1, dtype=np.float32), statistic)
    return p, np.zeros_like(total), new_total, np.ones_like(total)


def beyond(s: NDArray[np.floating], bound: float) -> float | None:
    """How far scores reach that are promised to stay within a bound, and do not; what is hidden
    does not count. None where all do."""
    seen = np.abs(s[~(s < HIDDEN_BELOW)])
    reach = float(seen.max(initial=0))
    return None if reach <= bound else reach


def exponentials(s: Array, m: Array, element: Attribute, rnd: Rounder) -> Array:
    """exp(S - m), m one number for each row; 0 for -inf."""
    return rnd(exp(rnd(difference(s, m[:, None]), element)), element)


def softmax(
    s: Array,
    element: Attribute,
    statistic: Attribute,
    rnd: Rounder,
    first: tuple[Array, Array] | None = None,
) -> tuple[Array, Array, Array]:
    """Softmax of whole rows: P, m and l (see `fa.softmax`); `first` is what they start from."""
    none = (np.full(len(s), -np.inf, np.float32), np.zeros(len(s), np.float32))
    p, m, total, _ = online_softmax(s, *(first or none), element, statistic, rnd)
    return normalize(p, total, element, statistic, rnd), m, total


def normalize(
    acc: Array,
    total: Array,
    element: Attribute,
    statistic: Attribute,
    rnd: Rounder,
    factor: float = 1.0,
) -> Array:
    """factor acc / l by rows, as a product with the rounded reciprocal; 0 where l is 0."""
    safe: Array = np.where(total > 0, total, np.float32(1))
    reciprocal = rnd(np.reciprocal(safe), statistic)
    if factor != 1.0:
        reciprocal = rnd(reciprocal * np.float32(factor), statistic)
    return np.where((total > 0)[:, None], rnd(acc * reciprocal[:, None], element), np.float32(0))


def combine(
    first: tuple[Array, Array, Array],
    second: tuple[Array, Array, Array],
    element: Attribute,
    statistic: Attribute,
    rnd: Rounder,
) -> tuple[Array, Array, Array]:
    """Two partial (acc, m, l) over disjoint keys into one (see `fa.combine`)."""
    (acc1, m1, l1), (acc2, m2, l2) = first, second
    m = np.maximum(m1, m2)
    a1 = rnd(exp(rnd(difference(m1, m), statistic)), statistic)
    a2 = rnd(exp(rnd(difference(m2, m), statistic)), statistic)
    total = rnd(rnd(a1 * l1, statistic) + rnd(a2 * l2, statistic), statistic)
    acc = rnd(rnd(acc1 * a1[:, None], element) + rnd(acc2 * a2[:, None], element), element)
    return acc, m, total


def logsumexp(
    m: Array, total: Array, columns: int, rows: int, rnd: Rounder, to: Attribute
) -> Array:
    """m + ln l along a row of `columns` (0 past the last), repeated `rows` times."""
    line = np.zeros(columns, np.float32)
    with np.errstate(divide="ignore"):
        line[: len(m)] = np.where(total > 0, m + np.log(total), np.float32(-np.inf))
    return np.broadcast_to(rnd(line, to), (rows, columns)).copy()

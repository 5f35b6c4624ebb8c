"""What an attention has to compute: how many keys its rows see, counted where a function hides."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.problem_attr import (
    Extents,
    extents_of,
    is_bounded,
    masked_problem,
    too_large,
)
from ...machine.cost.lower_bounds import Problem
from .mask_functions import MaskFunction, Shown

ROWS = 64
"""Queries that are looked at at a time."""

MOST_SCORES = 1 << 34
"""For which a function is asked whether they are seen; it takes a second for some 2^28."""


def shown_of(op: fa.AttentionOp) -> Shown:
    """What the masks of an attention show; raises OpError where its function has no meaning."""
    function = None if op.mask_mod is None else MaskFunction.of(op.mask_mod)
    return Shown(fa.tensor_dims(op.key)[2], op.resolved_mask, function)


def problem_of(op: fa.AttentionOp) -> Problem:
    """The problem of an attention of static shape.

    Raises OpError where its function has no meaning, and for an attention that is too large.
    """
    reason = too_large(extents_of(op), op.resolved_mask)
    if reason is not None:
        raise OpError(op, reason)
    bounded = is_bounded(op)
    if op.mask_mod is None:
        return replace(masked_problem(extents_of(op), op.resolved_mask), bounded=bounded)
    extents, shown = extents_of(op), shown_of(op)
    batch, q_heads, _, q_len, kv_len, *_ = extents
    scores = q_len * kv_len * (batch if shown.by_batch else 1) * (q_heads if shown.by_head else 1)
    if scores > MOST_SCORES:
        raise OpError(
            op,
            f"a mask function of {scores:,} scores is more than can be handled, {MOST_SCORES:,}",
        )
    return replace(_counted(extents, shown), bounded=bounded)


@lru_cache(maxsize=16)
def _counted(extents: Extents, shown: Shown) -> Problem:
    """The problem of a mask with a function, which the search and `tile` both ask for."""
    batch, q_heads, kv_heads, q_len, *_ = extents
    batches, heads = batch if shown.by_batch else 1, q_heads if shown.by_head else 1
    rows: dict[int, int] = {}
    keys = 0
    for b in range(batches):
        # The heads of a KV group follow one another; one head stands for all that are alike.
        groups = kv_heads if shown.by_head else 1
        for group in range(groups):
            per_group = heads // groups
            reached, seen = _counts(
                shown, b, range(group * per_group, (group + 1) * per_group), q_len
            )
            keys += reached * (kv_heads // groups)
            for number, times in seen.items():
                rows[number] = rows.get(number, 0) + times * (q_heads // heads)
    times = batch // batches
    rows = {number: count * times for number, count in sorted(rows.items())}
    return Problem(*extents, rows, keys * times)


def _counts(shown: Shown, batch: int, heads: range, q_len: int) -> tuple[int, dict[int, int]]:
    """How many keys any query of some heads sees, and how many of their rows see so many keys."""
    import numpy as np

    reached = np.zeros(shown.kv_len, np.bool_)
    rows: dict[int, int] = {}
    for head in heads:
        for row in range(0, q_len, ROWS):
            count = min(ROWS, q_len - row)
            seen = np.zeros(count, np.int64)
            for first, bits in shown.seen(batch, head, row, count):
                seen += bits.sum(1)
                reached[first : first + bits.shape[1]] |= bits.any(0)
            for number in seen.tolist():
                rows[number] = rows.get(number, 0) + 1
    return int(reached.sum()), rows

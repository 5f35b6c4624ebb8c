"""Masks beside lengths at run time: which of them tiles can have."""

from __future__ import annotations

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.masks import CausalAttr


def sees_all(op: fa.AttentionOp) -> bool:
    """Whether a mask that moves with lengths hides no valid key: that of a single query."""
    mask = op.moving_mask
    return mask is None or (isinstance(mask, CausalAttr) and fa.tensor_dims(op.query)[2] == 1)


def refuse_masks(op: fa.AttentionOp) -> None:
    """Raise OpError for a mask beside lengths that has no form on tiles."""
    if op.lengths is None or sees_all(op):
        return
    queries = fa.tensor_dims(op.query)[2]
    raise OpError(
        op,
        f"{op.moving_mask} beside lengths has no form on tiles for {queries} "
        f"{'query' if queries == 1 else 'queries'}; #fa.causal has one for a single query",
    )

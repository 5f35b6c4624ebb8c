"""Names for masks that are known: causal, windows, lengths, or none of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...dialects.fa.masks import CausalAttr, MaskAttr, WindowAttr
from ...dialects.interpreters.reference import visible

Seen = NDArray[np.bool_]
Places = NDArray[np.int64]


def named(seen: Seen) -> MaskAttr | None:
    """The mask that lets query i see key j where `seen[i, j]`; None where none does."""
    rows, keys = seen.shape
    for mask in _candidates(seen):
        resolved = mask.resolved(rows, keys)
        if np.array_equal(visible(range(rows), range(keys), keys, resolved, 0), seen):
            return mask
    return None


def _candidates(seen: Seen) -> Iterator[MaskAttr]:
    """Masks that one row, which sees some keys and not others, leaves possible."""
    rows, keys = seen.shape
    some: Seen = np.asarray(seen.any(1), np.bool_)
    first: Places = np.asarray(np.where(some, seen.argmax(1), keys), np.int64)
    last: Places = np.where(some, keys - 1 - seen[:, ::-1].argmax(1), -1)
    places: Places = np.arange(rows, dtype=np.int64)
    ends: Seen = (last >= 0) & (last < keys - 1)
    starts: Seen = some & (first > 0)
    right = int((last - places)[ends].max()) if ends.any() else None
    left = int((places - first)[starts].min()) if starts.any() else None
    bottom = keys - rows
    if left is None and right is not None:
        yield CausalAttr.get(None if right == bottom else right)
    # The place of a query is its own number, or that of the key at its end of a cache.
    for offset in (0, bottom):
        before = None if left is None else left + offset
        after = None if right is None else right - offset
        given = [each for each in (before, after) if each is not None]
        if given and min(given) >= 0:
            yield WindowAttr.get(before, after, None if offset == bottom else offset)
    if left is not None and right is not None:
        # A window whose newest key is the query's own.
        yield WindowAttr.get(left + right, 0, right)

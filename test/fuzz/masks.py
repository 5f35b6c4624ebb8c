"""Which query sees which key, written down from the formulas of docs/attention.md."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sees(mask: list[Any] | None, batch: int, q_len: int, kv_len: int) -> NDArray[np.bool_]:
    """[batch, q_len, kv_len]."""
    return np.stack([_sees(mask, b, q_len, kv_len, kv_len) for b in range(batch)])


def _sees(mask: list[Any] | None, b: int, q_len: int, kv_len: int, valid: int) -> NDArray[np.bool_]:
    """One batch; the last query stands at key `valid` - 1 unless an offset is given."""
    i, j = np.ogrid[:q_len, :kv_len]
    everything = np.ones((q_len, kv_len), bool)
    if mask is None:
        return everything
    kind, given = mask
    p = i + given.get("offset", valid - q_len)
    match kind:
        case "causal":
            return everything & (j <= p)
        case "window":
            left, right = given.get("left"), given.get("right")
            seen = everything if left is None else everything & (j >= p - left)
            return seen if right is None else seen & (j <= p + right)
        case "chunked":
            return everything & (j // given["size"] == p // given["size"])
        case "prefix":
            return everything & ((j < given["length"]) | (j <= p))
        case "documents":
            ends = list(accumulate(given["lengths"]))
            own, other = (np.searchsorted(ends, x, side="right") for x in (p, j))
            inside = (p >= 0) & (own < len(ends)) & (other < len(ends))
            return everything & inside & (own == other)
        case "all_of":
            for part in given["masks"]:
                everything = everything & _sees(part, b, q_len, kv_len, valid)
            return everything
        case "ragged":
            length = given["lengths"][b]
            masks = given["masks"]
            part = masks[b if len(masks) > 1 else 0] if masks else None
            return (j < length) & _sees(part, b, q_len, kv_len, length)
        case _:
            raise ValueError(f"no mask {kind}")

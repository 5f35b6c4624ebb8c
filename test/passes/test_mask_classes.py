"""Classes of masked tiles, exhaustively against the definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from fa.passes.mask_classes import MaskClass, TileMask

ROWS, COLS = 3, 4
PLACES = list(product(range(0, 7, ROWS), range(0, 13, COLS), range(1, 14), [None, *range(-9, 14)]))


def visible(row: int, col: int, kv_len: int, causal: int | None) -> np.ndarray:
    """The mask of the tile at [row, col], element by element."""
    i, j = np.ogrid[row : row + ROWS, col : col + COLS]
    seen = np.broadcast_to(j < kv_len, (ROWS, COLS))
    return seen if causal is None else seen & (j <= i + causal)


def test_what_each_row_sees():
    for row, col, kv_len, causal in PLACES:
        mask = TileMask.at(ROWS, COLS, row, col, kv_len, causal)
        seen = visible(row, col, kv_len, causal)
        for i in range(ROWS):
            # What a row sees are its first columns.
            assert (seen[i] == (np.arange(COLS) < mask.seen(i))).all()


def test_classes():
    for row, col, kv_len, causal in PLACES:
        mask = TileMask.at(ROWS, COLS, row, col, kv_len, causal)
        seen = visible(row, col, kv_len, causal)
        expected = MaskClass.PARTIAL
        if seen.all():
            expected = MaskClass.FULL
        elif not seen.any():
            expected = MaskClass.EMPTY
        assert mask.kind is expected, (row, col, kv_len, causal)
        assert mask.every_row_sees == seen.any(axis=1).all()


def test_equal_descriptions_mask_alike():
    masks: dict[TileMask, set[bytes]] = {}
    for place in PLACES:
        mask = TileMask.at(ROWS, COLS, *place)
        masks.setdefault(mask, set()).add(visible(*place).tobytes())
    assert all(len(alike) == 1 for alike in masks.values())
    assert len(masks) < len(PLACES) / 10


@pytest.mark.parametrize("distance", [-1000, 1000])
def test_far_from_the_diagonal_all_tiles_are_alike(distance: int):
    near, far = (TileMask.at(ROWS, COLS, d, 0, 100, 0) for d in (distance, 2 * distance))
    assert near == far

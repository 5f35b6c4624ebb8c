"""Which tiles of scores a mask hides, shows, and hides in part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from xdsl.dialects import func

from ...diagnostics import position
from ...dialects import fa
from ...passes.masks.mask_functions import Shown
from ...passes.masks.mask_sites import Site, shown_by
from ...passes.masks.tile_mask import MaskClass

LETTERS = {MaskClass.EMPTY: ".", MaskClass.FULL: "#", MaskClass.PARTIAL: "/"}
"""How a tile is drawn."""

MOST_ROWS = 512
MOST_COLUMNS = 1024
"""Tiles of a grid that are drawn."""


@dataclass(frozen=True)
class Grid:
    """The tiles of the first head: a text for each row of tiles, a letter for each tile."""

    where: str
    rows: int
    cols: int
    """Of a tile."""
    lines: tuple[str, ...]


def mask_grids(function: func.FuncOp) -> Iterator[Grid]:
    """The grids of a function whose masks are as `tile` made them."""
    for mask in function.walk():
        if not isinstance(mask, fa.MaskOp):
            continue
        shown = shown_by(mask)
        lines: dict[int, str] = {}
        head: tuple[int, int] | None = None
        for (batch, number, row), stretches in islice(
            Site(mask, shown, function).visits({}, Shown.look), 64 * MOST_ROWS
        ):
            head = head or (batch, number)
            if (batch, number) != head or len(lines) == MOST_ROWS:
                continue
            text = "".join(LETTERS[tile.kind] * length for length, tile in stretches)
            lines[row] = (lines.get(row, "") + text)[:MOST_COLUMNS]
        kind = fa.tile(mask.scores)
        ordered = tuple(lines[row] for row in sorted(lines))
        yield Grid(position(mask) or "", kind.rows, kind.cols, ordered)

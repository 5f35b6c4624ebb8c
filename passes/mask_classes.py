"""What a mask does to a tile of scores: plain arithmetic, no IR. Rows and columns in elements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class MaskClass(Enum):
    """Whether a tile is seen not at all, in part, or whole."""

    EMPTY = "empty"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True)
class TileMask:
    """The mask of one tile: row i sees column j iff j < columns and j <= i + diagonal.

    `columns` is how many columns hold keys; `diagonal` is None without a causal mask. Two tiles
    with equal `TileMask` are masked alike wherever they lie.
    """

    rows: int
    cols: int
    columns: int
    diagonal: int | None

    @classmethod
    def at(
        cls, rows: int, cols: int, row: int, col: int, kv_len: int, causal: int | None
    ) -> TileMask:
        """The mask of the tile whose first element is query `row`, key `col`."""
        diagonal = None if causal is None else row + causal - col
        if diagonal is not None and diagonal >= cols - 1:
            diagonal = None
        if diagonal is not None and diagonal < -rows:
            diagonal = -rows
        return cls(rows, cols, max(0, min(cols, kv_len - col)), diagonal)

    def seen(self, row: int) -> int:
        """How many columns, counted from the first, `row` sees."""
        if self.diagonal is None:
            return self.columns
        return max(0, min(self.columns, row + self.diagonal + 1))

    @property
    def kind(self) -> MaskClass:
        """The class of the tile."""
        if self.seen(self.rows - 1) == 0:
            return MaskClass.EMPTY
        if self.seen(0) == self.cols:
            return MaskClass.FULL
        return MaskClass.PARTIAL

    @property
    def every_row_sees(self) -> bool:
        """Whether each row sees a column."""
        return self.seen(0) > 0

"""What a mask does to a tile of scores. Rows and columns in elements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ..dialects.fa_masks import MaskAttr, Run


class MaskClass(Enum):
    """Whether a tile is seen not at all, in part, or whole."""

    EMPTY = "empty"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True)
class TileMask:
    """The mask of one tile: row i sees the columns [first, last) of `runs[i]`.

    A row that sees nothing has (0, 0). Tiles with equal `TileMask` are masked alike wherever they
    lie.
    """

    cols: int
    runs: tuple[Run, ...]

    @classmethod
    def at(
        cls,
        rows: int,
        cols: int,
        row: int,
        col: int,
        kv_len: int,
        mask: MaskAttr | None,
        batch: int,
    ) -> TileMask:
        """The mask of the tile whose first element is query `row`, key `col`."""
        band = _band(mask, batch, row, rows, kv_len)
        if band.least_last <= col or band.most_first >= col + cols:
            if band.most_last <= col or band.least_first >= col + cols:
                return _uniform(rows, cols, (0, 0))
        elif band.most_first <= col and band.least_last >= col + cols:
            return _uniform(rows, cols, (0, cols))
        return cls(cols, tuple(_clip(run, col, cols) for run in band.runs))

    @property
    def kind(self) -> MaskClass:
        """The class of the tile."""
        kinds = set(self.runs)
        if kinds == {(0, 0)}:
            return MaskClass.EMPTY
        return MaskClass.FULL if kinds == {(0, self.cols)} else MaskClass.PARTIAL

    @property
    def every_row_sees(self) -> bool:
        """Whether each row sees a column."""
        return (0, 0) not in self.runs


@dataclass(frozen=True)
class _Band:
    """The keys that some consecutive queries see, with the extremes over the queries."""

    runs: tuple[Run, ...]
    least_first: int
    most_first: int
    least_last: int
    most_last: int


@lru_cache(maxsize=4096)
def _band(mask: MaskAttr | None, batch: int, row: int, rows: int, kv_len: int) -> _Band:
    whole = (0, kv_len)
    runs = tuple(
        whole if mask is None else clip_run(mask.keys(batch, query), kv_len)
        for query in range(row, row + rows)
    )
    firsts, lasts = [first for first, _ in runs], [last for _, last in runs]
    return _Band(runs, min(firsts), max(firsts), min(lasts), max(lasts))


def clip_run(run: Run, kv_len: int) -> Run:
    """The part of a run that has keys; (0, 0) where there is none."""
    first, last = max(run[0], 0), min(run[1], kv_len)
    return (first, last) if first < last else (0, 0)


def _clip(run: Run, col: int, cols: int) -> Run:
    """A run of keys as columns of a tile."""
    first, last = max(run[0] - col, 0), min(run[1] - col, cols)
    return (first, last) if first < last else (0, 0)


@lru_cache(maxsize=256)
def _uniform(rows: int, cols: int, run: Run) -> TileMask:
    return TileMask(cols, (run,) * rows)


@dataclass(frozen=True)
class Piece:
    """Rows [first, last) whose runs move by a constant step of 0 or 1 column on either side."""

    first: int
    last: int
    start: Run
    """The run of row `first`."""
    step: Run
    """By how much the two ends move from row to row."""


def pieces(runs: Iterable[Run], cols: int) -> list[Piece]:
    """The rows that need masking, in pieces; rows that see all `cols` columns are left out."""
    runs = list(runs)
    result: list[Piece] = []
    first = 0
    while first < len(runs):
        last, step = first + 1, (0, 0)
        if last < len(runs):
            wanted = (runs[last][0] - runs[first][0], runs[last][1] - runs[first][1])
            if set(wanted) <= {0, 1}:
                step = wanted
        while last < len(runs) and _moved(runs[last - 1], step) == runs[last]:
            last += 1
        end = last
        if runs[last - 1] == (0, cols) and step != (0, 0):
            # The runs grow up to a whole row, which needs no mask.
            end -= 1
        if runs[first] != (0, cols):
            result.append(Piece(first, end, runs[first], step))
        first = last
    return result


def _moved(run: Run, step: Run) -> Run:
    return run[0] + step[0], run[1] + step[1]

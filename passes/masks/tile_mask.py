"""What a mask does to a tile of scores. Rows and columns in elements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from ...dialects.fa.masks import MaskAttr, Run


class MaskClass(Enum):
    """Whether a tile is seen not at all, in part, or whole."""

    EMPTY = "empty"
    PARTIAL = "partial"
    FULL = "full"


HIDDEN = -(2.0**120)
"""What is added to a score that must not be seen: finite, so that differences are no NaN."""


@dataclass(frozen=True)
class TileMask:
    """The mask of one tile: row i sees the columns [first, last) of `runs[i]`.

    A row that sees nothing has (0, 0). Where a row sees more than one run there are no runs but a
    `pattern`, one bit for each element, row by row, set where it is seen. Tiles with equal
    `TileMask` are masked alike wherever they lie.
    """

    cols: int
    runs: tuple[Run, ...]
    pattern: bytes = b""

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
        band = band_of(mask, batch, row, rows, kv_len)
        if band.least_last <= col or band.most_first >= col + cols:
            if band.most_last <= col or band.least_first >= col + cols:
                return uniform(rows, cols, (0, 0))
        elif band.most_first <= col and band.least_last >= col + cols:
            return uniform(rows, cols, (0, cols))
        return cls(cols, tuple(_clip(run, col, cols) for run in band.runs))

    @property
    def kind(self) -> MaskClass:
        """The class of the tile."""
        kinds = set(self.runs)
        if kinds == {(0, 0)}:
            return MaskClass.EMPTY
        return MaskClass.FULL if kinds == {(0, self.cols)} else MaskClass.PARTIAL


Stretch = tuple[int, TileMask]
"""So many neighbouring tiles that are masked alike."""


def run_stretches(
    rows: int,
    cols: int,
    row: int,
    starts: range,
    kv_len: int,
    mask: MaskAttr | None,
    batch: int,
) -> list[Stretch]:
    """The masks of the tiles from query `row` on that start at some keys, neighbours merged.

    Looks only at tiles in which some run of keys begins or ends, and at one of those between them.
    """
    count = len(starts)
    if starts.step == cols:
        band = band_of(mask, batch, row, rows, kv_len)
        cuts = {0, count}
        for end in {end for run in band.runs for end in run}:
            tile, inside = divmod(end - starts.start, cols)
            cuts |= {tile, tile + 1} if inside else {tile}
        order = sorted(cut for cut in cuts if 0 <= cut <= count)
    else:
        order = list(range(count + 1))
    return merged(
        (last - first, TileMask.at(rows, cols, row, starts[first], kv_len, mask, batch))
        for first, last in pairwise(order)
    )


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches with neighbours of equal masks made one."""
    result: list[Stretch] = []
    for count, mask in stretches:
        if result and result[-1][1] == mask:
            result[-1] = (result[-1][0] + count, mask)
        else:
            result.append((count, mask))
    return result


@dataclass(frozen=True)
class Band:
    """The keys that some consecutive queries see, with the extremes over the queries."""

    runs: tuple[Run, ...]
    least_first: int
    most_first: int
    least_last: int
    most_last: int


@lru_cache(maxsize=4096)
def band_of(mask: MaskAttr | None, batch: int, row: int, rows: int, kv_len: int) -> Band:
    """The runs of the queries `row` to `row + rows - 1` of a batch."""
    whole = (0, kv_len)
    runs = tuple(
        whole if mask is None else clip_run(mask.keys(batch, query), kv_len)
        for query in range(row, row + rows)
    )
    firsts, lasts = [first for first, _ in runs], [last for _, last in runs]
    return Band(runs, min(firsts), max(firsts), min(lasts), max(lasts))


def clip_run(run: Run, kv_len: int) -> Run:
    """The part of a run that has keys; (0, 0) where there is none."""
    first, last = max(run[0], 0), min(run[1], kv_len)
    return (first, last) if first < last else (0, 0)


def _clip(run: Run, col: int, cols: int) -> Run:
    """A run of keys as columns of a tile."""
    first, last = max(run[0] - col, 0), min(run[1] - col, cols)
    return (first, last) if first < last else (0, 0)


@lru_cache(maxsize=256)
def uniform(rows: int, cols: int, run: Run) -> TileMask:
    """The mask of a tile whose rows all see one run of columns."""
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
        if runs[first] == (0, cols):
            # A whole row is no start of others, which may leave it.
            first += 1
            continue
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
        result.append(Piece(first, end, runs[first], step))
        first = last
    return result


def _moved(run: Run, step: Run) -> Run:
    return run[0] + step[0], run[1] + step[1]

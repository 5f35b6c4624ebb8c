"""What masks do to tiles, against brute force over every query and key."""

from __future__ import annotations

import itertools

import pytest
from fa.dialects.fa.masks import (
    AllOfAttr,
    CausalAttr,
    ChunkedAttr,
    DocumentsAttr,
    MaskAttr,
    PrefixAttr,
    RaggedAttr,
    WindowAttr,
)
from fa.passes.masks.tile_mask import MaskClass, TileMask, pieces, run_stretches
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ArrayAttr, IntAttr, NoneAttr

ROWS, COLS = 8, 12
BATCHES = 2

offsets = st.integers(-30, 60)
sides = st.none() | st.integers(0, 20)


def documents(lengths: list[int]) -> DocumentsAttr:
    """Documents of these lengths, bottom-right aligned."""
    return DocumentsAttr(NoneAttr(), ArrayAttr([IntAttr(length) for length in lengths]))


simple = st.one_of(
    st.builds(CausalAttr.get, offsets),
    st.builds(WindowAttr.get, sides, sides, offsets),
    st.integers(1, 20).map(lambda size: ChunkedAttr(NoneAttr(), IntAttr(size))),
    st.integers(0, 40).map(lambda length: PrefixAttr(NoneAttr(), IntAttr(length))),
    st.lists(st.integers(1, 20), min_size=1, max_size=4).map(documents),
)
masks = st.one_of(
    st.none(),
    simple,
    st.builds(AllOfAttr.get, simple, simple),
    st.builds(
        lambda a, b, m: RaggedAttr.get([a, b], m), offsets.map(abs), offsets.map(abs), simple
    ),
)


def sees(mask: MaskAttr, batch: int, query: int, key: int, q_len: int, kv_len: int) -> bool:
    """Whether a query sees a key, from what each mask says it means."""
    match mask:
        case AllOfAttr():
            return all(sees(part, batch, query, key, q_len, kv_len) for part in mask.parts)
        case RaggedAttr():
            length = mask.lengths.data[batch].data
            return key < length and all(
                sees(part, batch, query, key, q_len, length) for part in mask.parts
            )
        case CausalAttr() | WindowAttr() | ChunkedAttr() | PrefixAttr() | DocumentsAttr():
            given_offset = isinstance(mask.offset, IntAttr)
            p = query + (mask.offset.data if given_offset else kv_len - q_len)
        case _:
            raise AssertionError(mask)
    match mask:
        case CausalAttr():
            return key <= p
        case WindowAttr():
            near = isinstance(mask.left, NoneAttr) or key >= p - mask.left.data
            return near and (isinstance(mask.right, NoneAttr) or key <= p + mask.right.data)
        case ChunkedAttr():
            return key // mask.size.data == p // mask.size.data
        case PrefixAttr():
            return key < mask.length.data or key <= p
        case DocumentsAttr():
            ends = [0]
            for length in mask.lengths:
                ends.append(ends[-1] + length.data)
            return any(a <= p < b and a <= key < b for a, b in itertools.pairwise(ends))


@given(masks, st.integers(0, 40), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60))
def test_runs_and_classes(mask: MaskAttr | None, row: int, col: int, q_len: int, kv_len: int):
    """Runs of columns, and the class of the tile, agree with the meaning of the mask."""
    resolved = None if mask is None else mask.resolved(q_len, kv_len)
    for batch in range(BATCHES):
        tile = TileMask.at(ROWS, COLS, row, col, kv_len, resolved, batch)
        seen = [
            [
                col + j < kv_len
                and (mask is None or sees(mask, batch, row + i, col + j, q_len, kv_len))
                for j in range(COLS)
            ]
            for i in range(ROWS)
        ]
        for (first, last), wanted in zip(tile.runs, seen, strict=True):
            assert [first <= j < last for j in range(COLS)] == wanted
        count = sum(map(sum, seen))
        kind = {0: MaskClass.EMPTY, ROWS * COLS: MaskClass.FULL}.get(count, MaskClass.PARTIAL)
        assert tile.kind is kind


runs = st.tuples(st.integers(0, COLS), st.integers(0, COLS)).map(
    lambda run: run if run[0] < run[1] else (0, 0)
)


@given(st.lists(runs, min_size=1, max_size=20))
def test_pieces_cover_what_is_masked(rows: list[tuple[int, int]]):
    """Pieces give back the run of every row; rows that see all are in none."""
    found: dict[int, tuple[int, int]] = {}
    for piece in pieces(rows, COLS):
        for row in range(piece.first, piece.last):
            assert row not in found
            steps = row - piece.first
            start, step = piece.start, piece.step
            found[row] = (start[0] + step[0] * steps, start[1] + step[1] * steps)
    assert found == {row: run for row, run in enumerate(rows) if run != (0, COLS)}


def test_a_diagonal_that_leaves_a_whole_row_is_masked():
    """A window whose first query sees all keys: the rows after it do not."""
    rows = [(first, COLS) for first in range(8)]
    (piece,) = pieces(rows, COLS)
    assert (piece.first, piece.last, piece.start, piece.step) == (1, 8, (1, COLS), (1, 0))


def test_a_diagonal_is_one_piece():
    """Causal tiles are masked by one loop, not row by row."""
    tile = TileMask.at(64, 64, 64, 64, 1000, CausalAttr.get(0), 0)
    assert [(piece.first, piece.last, piece.step) for piece in pieces(tile.runs, 64)] == [
        (0, 63, (0, 1))
    ]


@given(masks, st.integers(0, 40), st.integers(0, 30), st.integers(1, 60), st.integers(0, 9))
def test_stretches_are_the_tiles(
    mask: MaskAttr | None, row: int, first: int, kv_len: int, tiles: int
) -> None:
    """Neighbouring tiles put together are the tiles one by one, and no neighbours are equal."""
    resolved = None if mask is None else mask.resolved(40, kv_len)
    starts = range(first, first + tiles * COLS, COLS)
    for batch in range(BATCHES):
        found = run_stretches(ROWS, COLS, row, starts, kv_len, resolved, batch)
        each = [TileMask.at(ROWS, COLS, row, start, kv_len, resolved, batch) for start in starts]
        assert [tile for count, tile in found for _ in range(count)] == each
        assert all(a != b for (_, a), (_, b) in itertools.pairwise(found))


def test_causal_stretches_are_few_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys there are, some tiles of a row are looked at: no quadratic time."""
    looked: list[int] = []
    at = TileMask.at

    def counting(rows: int, cols: int, row: int, col: int, *rest: object) -> TileMask:
        looked.append(col)
        return at(rows, cols, row, col, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(TileMask, "at", counting)
    row = 64 * 500
    stretches = run_stretches(64, 64, row, range(0, 65536, 64), 65536, CausalAttr.get(0), 0)
    assert [count for count, _ in stretches] == [500, 1, 523]
    assert len(looked) <= 5

"""Placement of blocks with lifetimes, against brute force."""

from __future__ import annotations

from fa.passes.placement.first_fit import Block, Span, first_fit, most_alive, neighbours
from hypothesis import given, settings
from hypothesis import strategies as st

SPANS = st.tuples(st.integers(0, 20), st.integers(0, 8)).map(lambda p: Span(p[0], p[0] + p[1]))
BLOCKS = st.lists(
    st.builds(
        Block,
        st.integers(1, 9),
        st.sampled_from([1, 2, 4]),
        st.lists(SPANS, min_size=1, max_size=3).map(tuple),
    ),
    max_size=10,
)


def alive(block: Block, point: int) -> bool:
    return any(span.start <= point <= span.end for span in block.spans)


def in_conflict(one: Block, other: Block) -> bool:
    """Alive at one point, or one is written right after the other's last read."""
    return any(
        (alive(one, point) and (alive(other, point) or alive(other, point + 1)))
        or (alive(other, point) and alive(one, point + 1))
        for point in range(40)
    )


@settings(derandomize=True)
@given(BLOCKS)
def test_placement_is_valid(blocks: list[Block]):
    addresses = first_fit(blocks)
    assert len(addresses) == len(blocks)
    for i, (block, address) in enumerate(zip(blocks, addresses, strict=True)):
        assert address >= 0
        assert address % block.alignment == 0
        for other, elsewhere in list(zip(blocks, addresses, strict=True))[:i]:
            if in_conflict(block, other):
                assert address + block.size <= elsewhere or elsewhere + other.size <= address


@settings(derandomize=True)
@given(BLOCKS)
def test_first_fit_is_first(blocks: list[Block]):
    """No block, in the order of placement, could lie at a lower address."""
    addresses = first_fit(blocks)
    order = sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, i))
    for n, i in enumerate(order):
        block = blocks[i]
        others = [j for j in order[:n] if in_conflict(block, blocks[j])]
        for lower in range(0, addresses[i], block.alignment):
            assert any(
                lower < addresses[j] + blocks[j].size and addresses[j] < lower + block.size
                for j in others
            )


@settings(derandomize=True)
@given(BLOCKS)
def test_most_alive(blocks: list[Block]):
    expected = max(
        (sum(block.size for block in blocks if alive(block, point)) for point in range(40)),
        default=0,
    )
    assert most_alive(blocks) == expected
    ends = [a + b.size for a, b in zip(first_fit(blocks), blocks, strict=True)]
    assert max(ends, default=0) >= expected


def test_blocks_that_never_meet_share_an_address():
    assert first_fit([Block(8, 4, (Span(0, 2),)), Block(8, 4, (Span(4, 6),))]) == [0, 0]


def test_read_and_write_of_one_operation_keep_apart():
    """An operation reads at 2p, writes at 2p + 1, and may write before it has read all."""
    assert first_fit([Block(8, 4, (Span(1, 4),)), Block(8, 4, (Span(5, 6),))]) == [0, 8]


@settings(derandomize=True)
@given(BLOCKS)
def test_neighbours_are_those_that_meet(blocks: list[Block]):
    for index, (block, found) in enumerate(zip(blocks, neighbours(blocks), strict=True)):
        assert found == {
            other for other, another in enumerate(blocks) if other != index and another.meets(block)
        }

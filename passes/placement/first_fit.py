"""Placing blocks with lifetimes into one memory: plain arithmetic, no IR.

Times are program points, sizes and addresses are in elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Program points from the write of a value to its last read, both included."""

    start: int
    end: int

    def meets(self, other: Span) -> bool:
        """Whether two spans have a point in common or follow each other in one operation.

        A read at point 2p and a write at 2p + 1 belong to operation p, which may write before it
        has read all, so spans that touch there keep apart.
        """
        return self.start <= other.end + 1 and other.start <= self.end + 1


@dataclass(frozen=True)
class Block:
    """Something to place: its size, the alignment of its address, and when it is alive."""

    size: int
    alignment: int
    spans: tuple[Span, ...]

    def meets(self, other: Block) -> bool:
        """Whether two blocks are ever alive together."""
        return any(a.meets(b) for a in self.spans for b in other.spans)


def first_fit(blocks: Sequence[Block]) -> list[int]:
    """An address for each block such that blocks alive together do not overlap.

    Large blocks first, each at the lowest address that is free throughout its life; the result
    depends on nothing but the blocks and their order.
    """
    order = sorted(range(len(blocks)), key=lambda index: (-blocks[index].size, index))
    addresses = [0] * len(blocks)
    placed: list[int] = []
    for index in order:
        block = blocks[index]
        taken = sorted(
            (addresses[other], addresses[other] + blocks[other].size)
            for other in placed
            if blocks[other].meets(block)
        )
        address = 0
        for start, stop in taken:
            if address + block.size <= start:
                break
            address = max(address, -(-stop // block.alignment) * block.alignment)
        addresses[index] = address
        placed.append(index)
    return addresses


def most_alive(blocks: Sequence[Block]) -> int:
    """The most that is alive at once, in elements: a lower bound of any placement."""
    points = {span.start for block in blocks for span in block.spans}
    return max(
        (
            sum(
                block.size
                for block in blocks
                if any(span.start <= point <= span.end for span in block.spans)
            )
            for point in points
        ),
        default=0,
    )

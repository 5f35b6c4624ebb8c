"""Placing blocks with lifetimes into one memory: plain arithmetic, no IR.

Times are program points, sizes and addresses are in elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


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
    together = neighbours(blocks)
    addresses: dict[int, int] = {}
    for index in order:
        block = blocks[index]
        taken = sorted(
            (addresses[other], addresses[other] + blocks[other].size)
            for other in together[index]
            if other in addresses
        )
        address = 0
        for start, stop in taken:
            if address + block.size <= start:
                break
            address = max(address, -(-stop // block.alignment) * block.alignment)
        addresses[index] = address
    return [addresses[index] for index in range(len(blocks))]


def neighbours(blocks: Sequence[Block]) -> list[set[int]]:
    """For each block the numbers of the others that are ever alive together with it.

    A sweep over the spans by their starts: what is found is what it costs, and a memory has room
    for few blocks at once.
    """
    found: list[set[int]] = [set() for _ in blocks]
    starts = sorted(
        (span.start, span.end, index) for index, block in enumerate(blocks) for span in block.spans
    )
    ends: list[tuple[int, int]] = []
    alive: dict[int, int] = {}
    for start, end, index in starts:
        # Spans that follow each other in one operation meet, as `Span.meets` says.
        while ends and ends[0][0] + 1 < start:
            _, gone = heappop(ends)
            alive[gone] -= 1
            if not alive[gone]:
                del alive[gone]
        for other in alive:
            if other != index:
                found[other].add(index)
                found[index].add(other)
        alive[index] = alive.get(index, 0) + 1
        heappush(ends, (end, index))
    return found


def most_alive(blocks: Sequence[Block]) -> int:
    """The most that is alive at once, in elements: a lower bound of any placement."""
    steps: list[tuple[int, int]] = []
    for block in blocks:
        # The spans of a block may overlap: it is there once for all of them.
        end = None
        for span in sorted(block.spans, key=lambda span: span.start):
            if end is None or span.start > end:
                if end is not None:
                    steps.append((end + 1, -block.size))
                steps.append((span.start, block.size))
                end = span.end
            else:
                end = max(end, span.end)
        if end is not None:
            steps.append((end + 1, -block.size))
    most = alive = 0
    for _, step in sorted(steps):
        alive += step
        most = max(most, alive)
    return most

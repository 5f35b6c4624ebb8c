"""Counts over points, their maximum over a range, and additions to a range: plain arithmetic.

Both take time in the logarithm of the points, so a clean-up pass may ask once for each instruction.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

LEAF = 32
"""Points of a leaf, which are looked at one by one: that is quicker than nodes are."""


class RangeMaximum:
    """Numbers at the points 0, 1, ..., which start as the running sums of `changes`.

    A tree of maxima over leaves of `LEAF` points. What is added to all of a node stays at the node
    and is not handed down: the maximum of a node is that of its halves and what it keeps.
    `steps` counts the leaves and nodes that were looked at, for tests of complexity.
    """

    __slots__ = ("_kept", "_leaves", "_most", "_points", "steps")

    def __init__(self, changes: Iterable[int]):
        self._points = list(accumulate(changes))
        points = self._points
        leaves = [max(points[at : at + LEAF]) for at in range(0, len(points), LEAF)]
        size = 1
        while size < len(leaves):
            size *= 2
        self._leaves = size
        self._kept = [0] * (2 * size)
        most = [0] * size + leaves + [0] * (size - len(leaves))
        for node in range(size - 1, 0, -1):
            left, right = most[2 * node], most[2 * node + 1]
            most[node] = left if left > right else right
        self._most = most
        self.steps = 0

    def most(self, start: int, end: int) -> int:
        """The maximum from `start` to before `end`; 0 where that is no point."""
        end = min(end, len(self._points))
        if start >= end:
            return 0
        first, last = start // LEAF, (end - 1) // LEAF
        if first == last:
            return self._in_leaf(first, start, end)
        best = self._in_leaf(first, start, (first + 1) * LEAF)
        best = max(best, self._in_leaf(last, last * LEAF, end))
        if last - first > 1:
            best = max(best, self._in_nodes(first + 1, last))
        return best

    def _in_leaf(self, leaf: int, start: int, end: int) -> int:
        found = max(self._points[start:end])
        node, kept = (leaf + self._leaves) // 2, self._kept
        # What was added to the whole leaf is kept at it, its points do not know.
        found += kept[leaf + self._leaves]
        self.steps += 1
        while node:
            found += kept[node]
            node //= 2
            self.steps += 1
        return found

    def _in_nodes(self, first: int, last: int) -> int:
        """The maximum over whole leaves: up from both ends, adding what nodes above keep."""
        most, kept = self._most, self._kept
        left, right = first + self._leaves, last + self._leaves - 1
        on_left, on_right = most[left], most[right]
        while left // 2 != right // 2:
            if left % 2 == 0 and most[left + 1] > on_left:
                on_left = most[left + 1]
            if right % 2 and most[right - 1] > on_right:
                on_right = most[right - 1]
            left //= 2
            right //= 2
            on_left += kept[left]
            on_right += kept[right]
            self.steps += 2
        found = on_left if on_left > on_right else on_right
        node = left // 2
        while node:
            found += kept[node]
            node //= 2
            self.steps += 1
        return found

    def add(self, start: int, end: int, number: int) -> None:
        """Add `number` from `start` to before `end`."""
        end = min(end, len(self._points))
        if start >= end:
            return
        first, last = start // LEAF, (end - 1) // LEAF
        if first == last:
            self._add_in_leaf(first, start, end, number)
            return
        self._add_in_leaf(first, start, (first + 1) * LEAF, number)
        self._add_in_leaf(last, last * LEAF, end, number)
        left, right = first + 1 + self._leaves, last + self._leaves
        most, kept = self._most, self._kept
        ends = left, right - 1
        while left < right:
            if left % 2:
                most[left] += number
                kept[left] += number
                left += 1
            if right % 2:
                right -= 1
                most[right] += number
                kept[right] += number
            left //= 2
            right //= 2
            self.steps += 2
        if last - first > 1:
            for node in ends:
                self._update(node // 2)

    def _add_in_leaf(self, leaf: int, start: int, end: int, number: int) -> None:
        points = self._points
        for point in range(start, end):
            points[point] += number
        node = leaf + self._leaves
        whole = max(points[leaf * LEAF : (leaf + 1) * LEAF])
        self._most[node] = whole + self._kept[node]
        self._update(node // 2)

    def _update(self, node: int) -> None:
        """The maxima of a node and of those above it."""
        most, kept = self._most, self._kept
        while node:
            left, right = most[2 * node], most[2 * node + 1]
            most[node] = (left if left > right else right) + kept[node]
            node //= 2
            self.steps += 1

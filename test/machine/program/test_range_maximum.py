"""Maxima over ranges: right after any additions, and in logarithmic steps."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from fa.machine.program.range_maximum import LEAF, RangeMaximum


@pytest.mark.parametrize("points", [1, 5, LEAF, LEAF + 1, 2 * LEAF, 100, 500, 1000])
def test_same_as_a_list(points: int):
    source = random.Random(points)
    changes = [source.randrange(-3, 4) for _ in range(points)]
    tree, plain = RangeMaximum(changes), list(accumulate(changes))
    for _ in range(400):
        start, end = source.randrange(points + 1), source.randrange(points + 3)
        if source.random() < 0.5:
            number = source.choice([1, -1])
            tree.add(start, end, number)
            plain[start:end] = [value + number for value in plain[start:end]]
        else:
            assert tree.most(start, end) == max(plain[start:end], default=0)


@pytest.mark.parametrize("points", [1 << 10, 1 << 14, 1 << 18])
def test_steps_grow_with_the_logarithm(points: int):
    tree = RangeMaximum([0] * points)
    levels = points.bit_length()
    for step in (tree.most, lambda start, end: tree.add(start, end, 1)):
        before = tree.steps
        step(1, points - 1)
        assert tree.steps - before <= 6 * levels

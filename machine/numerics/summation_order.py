"""Sums in float32, in the order in which the reference machine adds (sections 4.2, 4.3).

The order is that of the tensor library under the machine's emulator on x86-64. float32 addition
does not associate, so the order is part of the machine's meaning.
"""

from __future__ import annotations

from math import ceil, log2

import numpy as np

from .bf16 import F32

_LANES = 8
_CHAINS = 4
_CASCADE_GROUPS = 16


def sum_sequential(terms: F32) -> F32:
    """Sum over the first axis of `terms` [k, ...], in order, from +0."""
    total = np.zeros(terms.shape[1:], np.float32)
    for term in terms:
        total = total + term
    return total


def sum_four_chains(terms: F32) -> F32:
    """Sum over the first axis: chains of every fourth term, then (0 + 2) + (1 + 3)."""
    chains = [sum_sequential(terms[start::_CHAINS]) for start in range(_CHAINS)]
    return _combine(chains)


def sum_peeled_chains(terms: F32) -> F32:
    """As `sum_four_chains`, but terms 1, 2 and 3 also go to the first chain, before the others."""
    head = np.concatenate((terms[:_CHAINS], terms[_CHAINS::_CHAINS]))
    chains = [sum_sequential(head)]
    chains += [sum_sequential(terms[_CHAINS + start :: _CHAINS]) for start in range(1, _CHAINS)]
    return _combine(chains)


def _combine(chains: list[F32]) -> F32:
    """(0 + 2) + (1 + 3)."""
    even: F32 = chains[0] + chains[2]
    odd: F32 = chains[1] + chains[3]
    return even + odd


def sum_row(row: F32) -> np.float32:
    """Sum of a row [n] as the vector unit's reduction adds it."""
    vectors = row.size // _LANES
    total = np.float32(0)
    for value in row[vectors * _LANES :]:
        total = total + value
    if vectors == 0:
        return total
    w = row[: vectors * _LANES].reshape(vectors, _LANES)
    groups = vectors // _CHAINS
    parts = _sum_groups(w[: groups * _CHAINS].reshape(groups, _CHAINS, _LANES))
    first = parts[0]
    for vector in w[groups * _CHAINS :]:
        first = first + vector
    lanes = ((first + parts[1]) + parts[2]) + parts[3]
    for lane in lanes:
        total = total + lane
    return total


def _sum_groups(groups: F32) -> F32:
    """Sum over the first axis [groups, 4, 8]; 16 groups and more are added in cascades."""
    count = groups.shape[0]
    if count < _CASCADE_GROUPS:
        return sum_sequential(groups)
    power = max(4, ceil(log2(count)) // 4)
    step = 1 << power
    levels = [np.zeros(groups.shape[1:], np.float32) for _ in range(4)]
    for index, group in enumerate(groups, 1):
        levels[0] = levels[0] + group
        for level in range(3):
            if index % step ** (level + 1):
                break
            levels[level + 1] = levels[level + 1] + levels[level]
            levels[level] = np.zeros_like(levels[level])
    return ((levels[0] + levels[1]) + levels[2]) + levels[3]

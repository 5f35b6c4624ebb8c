"""Attention in float64, and how far roundings take it: what a correct result may be off by.

The reference is written down from the formulas, without any code of the compiler. Run again with a
`Rounding`, every value that the machine rounds is moved by a random relative amount of up to half a
unit in the last place. A few such runs say how far correct results lie from the exact one, row by
row, whatever the shape, mask and score function: the tolerance follows from the case instead of
being one number that is lax for most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .case import Case
from .functions import Values, evaluate
from .masks import sees
from .predicates import predicate

BF16, F16, F32 = 2.0**-8, 2.0**-11, 2.0**-24
"""Half a unit in the last place, relative to the smallest number of a binade."""

SUBNORMAL = {F16: 2.0**-14}
"""Below the least normal number a type rounds to multiples of one step; only f16 gets there."""

E4M3, E5M2 = 2.0**-4, 2.0**-3

RUNS, MORE_RUNS = 4, 32
"""Noisy runs that a tolerance is made from, and those for rows of few numbers."""


@dataclass(frozen=True)
class Rounding:
    """What rounds to how many bits: `chip` on chip, `stored` when results are stored.

    Both are half a unit in the last place, relative; `tiles` says through how many tiles of keys
    sums and the accumulator are carried. `prepared`: queries and keys are centred or rotated, and
    then rounded to so many bits.
    """

    chip: float = 0.0
    stored: float = 0.0
    tiles: int = 1
    prepared: float = 0.0


@dataclass(frozen=True)
class Results:
    """O [B, H, N, E], logsumexp [B, H, N], the scores [B, H, N, M] at the case's stage or None."""

    output: Values
    lse: Values
    scores: Values | None

    def of(self, case: Case) -> list[Values]:
        """What the case's function returns, in order."""
        lse = [self.lse] if case.lse else []
        return [self.output, *lse, *([] if self.scores is None else [self.scores])]


def exact(case: Case, args: Sequence[NDArray[np.floating]]) -> Results:
    """Attention of the arguments in float64."""
    return _attend(case, args, Rounding(), None)


def tolerances(
    case: Case, args: Sequence[NDArray[np.floating]], rounding: Rounding
) -> list[Values]:
    """For each result and each of its rows, the L2 norm that roundings take it away (rms)."""
    want = exact(case, args).of(case)
    squares = [np.zeros(x.shape[:3]) for x in want]
    runs = MORE_RUNS if min(case.kv_len, case.value_dim) < 2 * RUNS else RUNS
    for run in range(runs):
        noisy = _attend(case, args, rounding, np.random.default_rng(run)).of(case)
        for total, a, b in zip(squares, noisy, want, strict=True):
            with np.errstate(invalid="ignore"):
                off = np.where(np.isfinite(b), a - b, 0.0)
            total += (off**2).reshape(*total.shape, -1).sum(axis=-1)
    return [np.sqrt(total / runs) for total in squares]


def _attend(
    case: Case,
    args: Sequence[NDArray[np.floating]],
    rounding: Rounding,
    random: np.random.Generator | None,
) -> Results:
    """Attention with the roundings of the machine at the places where it rounds."""

    def noise_of(unit: float) -> Callable[[Values, Values], Values]:
        def noise(values: Values, size: Values) -> Values:
            if random is None or not unit:
                return values
            size = np.maximum(np.broadcast_to(size, np.shape(values)), SUBNORMAL.get(unit, 0))
            with np.errstate(invalid="ignore"):
                moved = values + unit * random.uniform(-1, 1, size.shape) * size
            return np.where(np.isfinite(values) & (values != 0), moved, values)

        return noise

    noise = noise_of(rounding.chip)
    store = noise_of(rounding.stored)

    def rounded(values: Values) -> Values:
        return noise(values, np.abs(values))

    q, k, v = (np.asarray(arg, np.float64) for arg in args[:3])
    if rounding.prepared:
        # Scores shift when the mean key goes, and so does what is lost of them. A rotated vector is
        # rounded in all directions, whatever its elements were.
        turned = noise_of(rounding.prepared)
        k = k - k.mean(axis=2, keepdims=True) if case.centred else k
        q, k = (turned(x, _row_size(x)) for x in (q, k))
    group = case.q_heads // case.kv_heads
    k, v = (np.repeat(x, group, axis=1) for x in (k, v))
    scale = case.head_dim**-0.5 if case.scale is None else float(np.float32(case.scale))
    # Sums are in f32, and each partial sum is rounded: sqrt(n) such errors, as large as the sum of
    # n terms of random signs.
    summed = noise_of(F32)
    terms = np.sqrt((q * q * scale * scale) @ (k * k).swapaxes(2, 3))
    s = rounded(summed(rounded(q * scale) @ k.swapaxes(2, 3), terms * case.head_dim**0.5))
    stages = {"raw": s}
    places = {
        "b": np.arange(case.batch)[:, None, None, None],
        "h": np.arange(case.q_heads)[:, None, None],
        "i": np.arange(case.q_len)[:, None],
        "j": np.arange(case.kv_len),
    }
    if case.softcap is not None:
        cap = float(np.float32(case.softcap))
        capped = evaluate(["tanh", ["x"]], rounded(s / cap), places, noise)
        s = rounded(capped * cap)
    if case.score is not None:
        s = np.broadcast_to(evaluate(case.score, s, places, noise), s.shape)
    stages["capped"] = s
    if case.bias is not None:
        s = rounded(s + np.asarray(args[3], np.float64))
    seen = sees(case.mask, case.batch, case.q_len, case.kv_len)[:, None]
    if case.hide is not None:
        seen = seen & predicate(case.hide, places)
    s = np.where(seen, s, -np.inf)
    stages["masked"] = s
    top = s.max(axis=3, keepdims=True)
    sink = np.full((case.q_heads, 1, 1), -np.inf)
    if case.sinks:
        sink = np.asarray(args[-1], np.float64)[:, None, None]
    top = np.maximum(top, sink)
    p = np.exp(rounded(s - np.where(np.isneginf(top), 0, top)))
    p = rounded(p)
    # What is carried from tile to tile is rounded in each.
    carried = noise_of(rounding.chip * rounding.tiles**0.5)
    with np.errstate(invalid="ignore"):
        alone = np.where(np.isneginf(sink), 0, np.exp(rounded(sink - top)))
    total = p.sum(axis=3) + rounded(alone)[..., 0]
    total = carried(carried(summed(total, total * case.kv_len**0.5), total), total)
    safe = np.where(total > 0, total, 1)[..., None]
    inverse = rounded(1 / safe)
    weights = rounded(p * inverse)
    if case.prob is not None:
        weights = np.broadcast_to(evaluate(case.prob, weights, places, noise), p.shape)
    stages["softmax"] = weights
    out = weights @ v
    # The accumulator on its way to the sum is as large as its terms' norm.
    size = np.hypot(np.abs(out), np.sqrt((weights**2) @ (v**2)))
    out = summed(out, size * case.kv_len**0.5)
    out = rounded(carried(carried(out, size), size))
    with np.errstate(divide="ignore"):
        lse = top[..., 0] + np.log(total)
    spread = np.abs(lse) + np.where(np.isfinite(top), np.abs(top), 0)[..., 0]
    # ln l and its sum with m, each a few roundings.
    lse = noise(noise(lse, 2 * spread + 4), spread)
    taken = None if case.qk is None else store(stages[case.qk], _block_size(stages[case.qk]))
    return Results(store(out, _block_size(out)), store(lse, _block_size(lse)), taken)


def _row_size(values: Values) -> Values:
    """The root mean square of each row, or where an element is larger, that element."""
    rms = np.sqrt((values**2).mean(axis=-1, keepdims=True))
    return np.maximum(np.abs(values), rms)


def _block_size(values: Values) -> Values:
    """Magnitudes that a stored value's rounding is relative to: its own and its row's share.

    A block-scaled format rounds small values of a block to multiples of what the largest allows.
    """
    finite = np.where(np.isfinite(values), np.abs(values), 0)
    largest = finite.max(axis=-1, keepdims=True)
    return np.maximum(finite, largest * 2.0**-4)

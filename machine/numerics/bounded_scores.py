"""Scores so small that softmax needs no maximum: how small, and what values may then be.

softmax is exp(s) / sum exp(s) as it stands, if exp neither overflows nor vanishes. V_EXP_V clamps
its argument to +-88 (ISA section 4.3), so with |s| <= X:

- Above: a row sum is at most keys exp(X), an element of P V at most keys max |v| exp(X). Both are
  kept below 2^127, half of what bf16 and f32 hold; the other half is for what scores are rounded.
- Below: what a mask hides is far below -88, and adds exp(-88) for each key, where the least row has
  one key of exp(-X). hidden exp(-88) <= 2^-10 exp(-X) keeps that below a quarter of bf16's last
  place: X <= 88 - ln(2^10 hidden). Columns that pad the last tile of keys are hidden as well.
- Without anything hidden X <= `HIGHEST`, so that scores that are rounded upwards stay below 88.
- The least row of P V is 0.25 exp(-X) |v|, 0.25 from the batched instructions. Values whose largest
  is 2^-123 exp(X) keep eight bits of it above bf16's least number, 2^-133.
"""

from __future__ import annotations

from math import ceil, exp, inf, log

HIGHEST = 80.0
"""The largest bound of scores without a maximum."""

EXP_CLAMP = 88.0
"""The machine clamps the argument of exp to +-88."""

LARGEST, LEAST = 2.0**127, 2.0**-123

ROUNDED = 1 / 16
"""What scores may be beyond their bound on the machine, of the bound: bf16 rounds them by 2^-9, and
queries before them. 85 is below the clamp still."""

HIDDEN_BELOW = -(2.0**64)
"""Scores below this are hidden by a mask."""


def limit(keys: int, hidden: int) -> float:
    """The largest bound of scores with which rows of `keys` keys need no maximum, of which up to
    `hidden` are hidden."""
    most = min(HIGHEST, log(LARGEST / keys))
    return min(most, EXP_CLAMP - log(2**10 * hidden)) if hidden else most


def rounded_down(bound: float) -> float:
    """A bound as messages name it: to a tenth, downwards."""
    return int(bound * 10) / 10


def least_sum(bound: float) -> float:
    """A power of two that no row sum of a row that sees a key is below."""
    return 2.0 ** -ceil((1 + ROUNDED) * bound / log(2))


def value_range(bound: float, keys: int) -> tuple[float, float]:
    """Between which the largest value of a head must lie, in magnitude, if it is not 0."""
    return LEAST * exp(bound), LARGEST / (keys * exp(bound))


def bound_for(largest: float, keys: int) -> float:
    """The largest bound that goes with values up to `largest`; 0 for none."""
    if not 0 < largest < inf:
        return 0.0
    bound = log(LARGEST / keys) - log(largest)
    return max(0.0, min(bound, log(largest / LEAST)))

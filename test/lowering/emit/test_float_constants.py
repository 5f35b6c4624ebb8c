"""Constants in FP_MEM, exhaustively over bf16."""

from __future__ import annotations

from math import exp, inf, isnan, log

import ml_dtypes
import numpy as np
import pytest
from fa.lowering.emit.float_constants import (
    FloatConstants,
    bits,
    exact_in_binary16,
    factors,
    log_iterations,
    log_start,
    round_bf16,
)

ALL = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16).astype(np.float32)
FINITE = [float(x) for x in ALL[np.isfinite(ALL)]]


def as_bf16(value: float) -> float:
    return float(np.float32(value).astype(ml_dtypes.bfloat16))


def test_rounding():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 32, 20_000, dtype=np.uint32).view(np.float32)
    halves = (np.arange(1 << 16, dtype=np.uint32) << 16 | 0x8000).view(np.float32)
    with np.errstate(all="ignore"):
        for value in (*words, *halves, *ALL):
            have, want = round_bf16(float(value)), as_bf16(float(value))
            assert have == want or (isnan(have) and isnan(want))


def test_bits():
    for pattern, value in enumerate(ALL):
        if not np.isnan(value):
            assert bits(float(value)) == pattern


def test_exact_in_binary16():
    with np.errstate(over="ignore"):
        want = ALL.astype(np.float16).astype(np.float32) == ALL
    for value, exact in zip(ALL, want, strict=True):
        assert exact_in_binary16(float(value)) == exact


def test_factors_of_every_constant():
    """Each is exact in binary16 and bf16, and bf16 products from the left give the value."""
    for value in FINITE:
        parts = factors(value)
        product = parts[0]
        for part in parts:
            assert exact_in_binary16(part)
            assert as_bf16(part) == part
        for part in parts[1:]:
            assert as_bf16(product * part) == product * part
            product *= part
        assert product == value


@pytest.mark.parametrize("bound", [1, 2, 3, 10, 64, 200, 1000, 4096, 131072])
def test_logarithm_converges(bound: int):
    """The iteration that the machine runs, here in bf16 with an exact exp."""
    for total in {1.0, 1.5, bound / 2, bound - 1, float(bound)}:
        if not 1 <= total <= bound:
            continue
        y, l_ = log_start(bound), as_bf16(total)
        for _ in range(log_iterations(bound)):
            y = as_bf16(as_bf16(y + as_bf16(as_bf16(exp(-y)) * l_)) - 1)
        # One unit in the last place of y + 1, of which 1 is subtracted, and l rounded.
        assert y == pytest.approx(log(total), abs=2**-7 * max(1, log(total)))


def test_slots():
    constants = FloatConstants(first=10)
    half, infinite = constants.slot(0.5), constants.slot(-inf)
    assert (half, infinite) == (10, 11)
    assert constants.slot(0.5 + 1e-6) == half
    assert constants.memory() == (0,) * 10 + (0x3F00, 0xFF80)
    large = constants.slot(2.0**100)
    assert large == constants.end - 1
    parts = constants.computed[2.0**100]
    assert all(constants.slot(part) < large for part in parts)
    assert constants.memory()[large] == 0
    assert constants.end == len(constants.memory())


def test_no_constants():
    assert FloatConstants(first=10).memory() == ()

"""bf16 and the machine's HBM formats, on values worked out by hand."""

import ml_dtypes
import numpy as np
import pytest
from fa.machine.numerics.bf16 import bf16_to_f32, exp_f32, f32_to_bf16, round_bf16
from fa.machine.numerics.hbm_codecs import (
    decode_blocks,
    decode_numbers,
    encode_blocks,
    encode_plain,
)
from fa.machine.numerics.summation_order import sum_four_chains, sum_peeled_chains, sum_row
from fa.machine.spec.formats import BF16, E4M3, E8M0, FloatType, IntType, MxFormat

MX = MxFormat(8, E4M3, E8M0)


def f32(*bits):
    return np.array(bits, np.uint32).view(np.float32)


@pytest.mark.parametrize(
    ("bits", "rounded"),
    [
        (0x3F80_8000, 0x3F80),  # tie, to even below
        (0x3F81_8000, 0x3F82),  # tie, to even above
        (0x3F80_8001, 0x3F81),
        (0xBF80_7FFF, 0xBF80),
        (0x7F7F_FFFF, 0x7F80),  # overflow
        (0x0000_8001, 0x0001),  # subnormals stay
        (0x7FC0_0000, 0x7FC0),
        (0x7F80_0001, 0x7F80),  # a NaN that becomes infinity
        (0x7FFF_FFFF, 0x7F80),
    ],
)
def test_bf16_rounding(bits, rounded):
    assert f32_to_bf16(f32(bits)).tolist() == [rounded]


def test_bf16_rounding_is_that_of_ml_dtypes():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 1 << 32, 100_000, dtype=np.uint32).view(np.float32)
    values = values[~np.isnan(values)]
    expected = values.astype(ml_dtypes.bfloat16).view(np.uint16)
    assert np.array_equal(f32_to_bf16(values), expected)
    assert np.array_equal(bf16_to_f32(expected), expected.view(ml_dtypes.bfloat16).astype("f4"))


def test_exponential_clamps():
    inputs = np.array([np.inf, 88, 1000, -np.inf, -88, -1000, 0, np.nan], np.float32)
    patterns = f32_to_bf16(round_bf16(exp_f32(inputs)))
    assert patterns[:7].tolist() == [0x7EF9] * 3 + [0x0042] * 3 + [0x3F80]
    assert np.isnan(bf16_to_f32(patterns[7:])[0])


def test_e4m3_decoding():
    codes = np.array([0x00, 0x07, 0x08, 0x38, 0x77, 0x78, 0xF8, 0x79, 0x81], np.uint32)
    values = decode_numbers(codes, E4M3)
    expected = [0, 0.0068359375, 0.015625, 1, 240, np.inf, -np.inf, np.nan, -0.125 * 2**-7]
    np.testing.assert_array_equal(values, np.array(expected, np.float32))


def test_scales():
    codes = np.full((1, 16), 0x38, np.uint32)
    values = decode_blocks(codes, np.array([[0, 255]], np.uint32), MX)
    assert values.tolist() == [[0.0] * 8 + [np.inf] * 8]


def test_worked_block():
    row = [0.5, 1, 2, 4, -3.296875, 0.010009765625, 100, -0.259765625]
    codes, scales = encode_blocks(np.array([row], np.float32), MX)
    assert bytes(codes[0].astype(np.uint8)).hex() == "0708101895003c84"
    assert scales.tolist() == [[133]]


def test_mantissas_do_not_carry():
    """1.97 stays 1.875, and the second guard bit makes 1.0859375 a tie."""
    codes, scales = encode_blocks(
        np.array([[1.97, -1.984, 1.0859375, 1.0625, 1.125, 0, -0.0, 1]], np.float32), MX
    )
    assert scales.tolist() == [[127]]
    assert codes[0].tolist() == [0x3F, 0xBF, 0x38, 0x38, 0x39, 0, 0, 0x38]


def test_special_blocks():
    nan, inf = np.float32(np.nan), np.float32(np.inf)
    rows = np.zeros((3, 8), np.float32)
    rows[1, :3] = 1, nan, -1e-12
    rows[2, :2] = inf, 1
    codes, scales = encode_blocks(rows, MX)
    assert scales[:, 0].tolist() == [0, 127, 254]
    assert not codes[0].any()
    assert codes[1, :3].tolist() == [0x38, 0x38, 0x80]
    assert codes[2, :2].tolist() == [0x77, 0]


def test_narrow_plain_floats_are_stored_wrongly():
    """0.5, 1 and 2 all get the pattern of infinity, as on the machine."""
    values = np.array([0.5, 1, 2], np.float32)
    assert encode_plain(values, FloatType(5, 10)).tolist() == [0x7C00] * 3
    assert encode_plain(values, FloatType(4, 3)).tolist() == [0x78] * 3
    assert encode_plain(values, BF16).tolist() == [0x3F00, 0x3F80, 0x4000]


def test_plain_integers():
    values = np.array([2.9, -2.9, 300, np.nan], np.float32)
    assert encode_plain(values, IntType(8)).tolist() == [2, 254, 44, 0]
    assert decode_numbers(np.array([254], np.uint32), IntType(8)).tolist() == [254]


def test_orders_of_sums_differ_where_they_should():
    big = np.float32(2**24)
    terms = np.array([big, 1, 1, 1, -big, 1, 1, 1], np.float32)[:, None]
    assert sum_four_chains(terms)[0] == 6
    # The first chain also takes the first three ones, and 2^24 + 1 rounds back to 2^24.
    assert sum_peeled_chains(terms)[0] == 3
    row = np.zeros(64, np.float32)
    row[[0, 1, 32, 33]] = big, 1, -big, 1
    assert sum_row(row) == 2
    row[[1, 33]] = 0
    row[[8, 40]] = 1
    assert sum_row(row) == 2


def test_no_rows_are_no_blocks():
    codes, scales = encode_blocks(np.zeros((0, 16), np.float32), MX)
    assert codes.shape == (0, 16)
    assert scales.shape == (0, 16 // MX.block)

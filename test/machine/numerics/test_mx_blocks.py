"""Quantization against ml_dtypes, and the rules for shared scales on small blocks."""

import ml_dtypes
import numpy as np
import pytest
from fa.machine import mx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FLOATS = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
}


@pytest.mark.parametrize("fmt", FLOATS)
def test_all_codes(fmt):
    element = mx.ELEMENTS[fmt]
    codes = np.arange(1 << element.bits, dtype=np.uint8)
    expected = codes.view(FLOATS[fmt]).astype(np.float32)
    np.testing.assert_array_equal(mx.decode_elements(codes, fmt), expected)


@pytest.mark.parametrize("fmt", FLOATS)
def test_rounding(fmt):
    rng = np.random.default_rng(2)
    largest = mx.ELEMENTS[fmt].largest
    values = (rng.standard_normal(20_000) * np.exp(rng.uniform(-12, 3, 20_000))).astype(np.float32)
    values = np.append(values, [0.0, -0.0, 1e30, -1e30]).astype(np.float32)
    expected = np.clip(values, -largest, largest).astype(FLOATS[fmt]).view(np.uint8)
    assert np.array_equal(mx.encode_elements(values, fmt), expected)


# A block with largest magnitude m: the exponent of the shared scale by rule.
EXPONENTS = [
    ("e2m1", 4.0, {"floor": 0, "ceil": 0, "rceil": 0, "even": 0}),
    ("e2m1", 6.0, {"floor": 0, "ceil": 1, "rceil": 0, "even": 0}),
    ("e2m1", 7.0, {"floor": 0, "ceil": 1, "rceil": 1, "even": 1}),
    ("e4m3", 256.0, {"floor": 0, "ceil": 0, "rceil": 0, "even": 0}),
    ("e4m3", 449.0, {"floor": 0, "ceil": 1, "rceil": 1, "even": 0}),
    ("int8", 1.0, {"floor": 0, "ceil": 0, "rceil": 0, "even": 0}),
]


@pytest.mark.parametrize(("fmt", "largest", "exponents"), EXPONENTS)
@pytest.mark.parametrize("rule", ["floor", "ceil", "rceil", "even"])
def test_shared_exponents(fmt, largest, exponents, rule):
    b = mx.quantize(np.array([largest, 0, -largest / 4]), fmt, rule=rule)
    assert b.scales.tolist() == [exponents[rule] + 127]


def test_shapes_axes_and_short_blocks():
    x = np.random.default_rng(3).standard_normal((3, 70, 5)).astype(np.float32)
    for axis, scales in ((0, (1, 70, 5)), (1, (3, 3, 5)), (-1, (3, 70, 1))):
        b = mx.quantize(x, "int8", block=32, axis=axis)
        assert b.codes.shape == x.shape
        assert b.scales.shape == scales
        y = mx.dequantize(b)
        assert y.dtype == np.float32
        assert np.linalg.norm(y - x) < 0.02 * np.linalg.norm(x)


def test_bad_blocks_become_nan_and_zero_blocks_zero():
    x = np.zeros((3, 4), np.float32)
    x[0, 1] = np.inf
    x[1, 2] = np.nan
    for scale in ("e8m0", "e4m3"):
        y = mx.dequantize(mx.quantize(x, "e2m1", block=4, scale=scale))
        assert np.isnan(y[:2]).all()
        assert not y[2].any()


def test_two_level_scales():
    x = np.random.default_rng(4).standard_normal((8, 64)).astype(np.float32)
    b = mx.quantize(x, "e2m1", block=16, scale="e4m3")
    assert b.tensor_scale == np.float32(np.abs(x).max() / (6 * 448))
    assert b.scales.max() == 0x7E
    error = np.linalg.norm(mx.dequantize(b) - x) / np.linalg.norm(x)
    power_of_two = mx.dequantize(mx.quantize(x, "e2m1", block=16))
    assert error < 0.12
    assert error < np.linalg.norm(power_of_two - x) / np.linalg.norm(x)


@pytest.mark.parametrize(("fmt", "size"), [("e4m3", 24), ("e3m2", 18), ("e2m1", 12), ("int4", 12)])
def test_pack(fmt, size):
    codes = (np.arange(24) % (1 << mx.ELEMENTS[fmt].bits)).astype(np.uint8).reshape(2, 12)
    b = mx.Blocks(codes, np.zeros((2, 1), np.uint8), fmt, 32, -1, "e8m0", "ocp", np.float32(1))
    packed = b.pack()
    assert packed.size == size
    number = int.from_bytes(packed.tobytes(), "little")
    width = mx.ELEMENTS[fmt].bits
    assert [number >> i * width & (1 << width) - 1 for i in range(24)] == codes.ravel().tolist()


def test_plena_variant_is_the_machine_s():
    row = np.array([0.5, 1, 2, 4, -3.296875, 0.010009765625, 100, -0.259765625], np.float32)
    b = mx.quantize(row, "e4m3", block=8, variant="plena")
    assert b.codes.tobytes().hex() == "0708101895003c84"
    assert b.scales.tolist() == [133]
    assert mx.dequantize(b).tolist() == [0.4375, 1, 2, 4, -3.25, 0, 96, -0.25]


@pytest.mark.parametrize(
    "arguments",
    [
        {"fmt": "e4m4"},
        {"block": 0},
        {"axis": 1},
        {"scale": "e5m2"},
        {"rule": "nearest"},
        {"variant": "other"},
        {"variant": "plena", "rule": "ceil"},
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=r"is|has"):
        mx.quantize(np.ones(4), **{"fmt": "e4m3", **arguments})


values = hnp.arrays(
    np.float32,
    st.integers(1, 80),
    elements=st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
)


@given(values, st.sampled_from(list(mx.ELEMENTS)), st.sampled_from(["ceil", "rceil"]))
def test_error_is_at_most_half_a_step(x, fmt, rule):
    """With a rule that never saturates: half a unit in the last place of the block's largest."""
    b = mx.quantize(x, fmt, block=16, rule=rule)
    y = mx.dequantize(b)
    element = mx.ELEMENTS[fmt]
    finest = np.unique(mx.decode_elements(np.arange(256, dtype=np.uint8), fmt))
    finest = finest[np.isfinite(finest)]
    step = np.diff(finest).max()
    scales = np.repeat(np.ldexp(1.0, b.scales.astype(int) - 127), 16)[: x.size]
    assert (np.abs(x.astype(np.float64) - y) <= scales * step / 2 * (1 + 1e-6)).all()
    assert (np.abs(y) <= scales * element.largest).all()


@given(values, st.sampled_from(list(mx.ELEMENTS)))
def test_quantizing_twice_changes_nothing(x, fmt):
    y = mx.dequantize(mx.quantize(x, fmt, block=16, rule="rceil"))
    z = mx.dequantize(mx.quantize(y, fmt, block=16, rule="rceil"))
    assert np.array_equal(y, z)

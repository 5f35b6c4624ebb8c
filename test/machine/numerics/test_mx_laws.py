"""The laws of block-scaled formats: what every format, rule and block size keeps."""

import ml_dtypes
import numpy as np
import pytest
from fa.machine import mx
from fa.machine.numerics.hbm_codecs import decode_blocks, encode_blocks
from fa.machine.numerics.mx_elements import element_format, element_values
from fa.machine.spec.formats import E8M0, MxFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FLOATS = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
}
RULES = ("floor", "ceil", "rceil", "even")
SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 2.0**-126, 2.0**-149, 3.4028235e38, -3e38],
    np.float32,
)


def million(seed):
    """10^6 values: random bits (every exponent, subnormals, NaNs), normal ones, ties, specials."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 1 << 32, 400_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    normal = (rng.standard_normal(400_000) * np.exp2(rng.integers(-20, 20, 400_000))).astype("f4")
    ties = np.ldexp(rng.integers(-512, 512, 200_000).astype("f4"), rng.integers(-16, 8, 200_000))
    return np.concatenate([SPECIAL, bits, normal, ties.astype("f4")])


@pytest.mark.parametrize("fmt", FLOATS)
def test_a_million_values_round_as_ml_dtypes(fmt):
    values = million(5)
    values = values[~np.isnan(values)]
    largest = mx.ELEMENTS[fmt].largest
    expected = np.clip(values, -largest, largest).astype(FLOATS[fmt]).view(np.uint8)
    assert np.array_equal(mx.encode_elements(values, fmt), expected)


@pytest.mark.parametrize(("fmt", "scale", "most"), [("int8", 64, 127), ("int4", 4, 7)])
def test_a_million_values_round_to_fixed_point(fmt, scale, most):
    values = million(6)
    values = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        steps = np.clip(np.rint(values.astype(np.float64) * scale), -most, most)
    decoded = mx.decode_elements(mx.encode_elements(values, fmt), fmt)
    assert np.array_equal(decoded, (steps / scale).astype(np.float32))


@pytest.mark.parametrize("fmt", ["e4m3", "e5m2"])
def test_a_million_values_go_to_the_nearest_code_of_the_machine(fmt):
    """Against a search of the sorted values, ties to the even code."""
    values = million(7)
    values = values[np.isfinite(values)]
    element = element_format(fmt, "plena")
    table = element_values(fmt, "plena")[: element.largest_code + 1].astype(np.float64)
    size = np.minimum(np.abs(values.astype(np.float64)), element.largest)
    above = np.searchsorted(table, size)
    below = np.maximum(above - 1, 0)
    down, up = size - table[below], table[above] - size
    nearest = np.where((up < down) | ((up == down) & (above % 2 == 0)), above, below)
    b = mx.quantize(
        np.column_stack([values, np.full_like(values, element.largest)]).clip(
            -element.largest, element.largest
        ),
        fmt, block=2, rule="floor", variant="plena", rounding="nearest",
    )  # fmt: skip
    assert (b.scales == 127).all()
    codes = b.codes[:, 0]
    assert np.array_equal(codes & 0x7F, nearest)
    assert np.array_equal(codes >> 7, np.signbit(values))


def test_store_rounding_is_the_transfer_unit_s():
    values = million(8)[:400_000].reshape(-1, 8)
    form = MxFormat(8, element_format("e4m3").number, E8M0)
    codes, scales = encode_blocks(values, form)
    b = mx.quantize(values, "e4m3", block=8, variant="plena")
    assert np.array_equal(b.codes, codes)
    assert np.array_equal(b.scales, scales)
    np.testing.assert_array_equal(mx.dequantize(b), decode_blocks(codes, scales, form))


@pytest.mark.parametrize("rule", RULES)
def test_exponents_by_definition(rule):
    """The bit arithmetic of the rules against logarithms of exact fractions."""
    rng = np.random.default_rng(9)
    m = np.abs(rng.integers(1, 0x7F80_0000, 20_000).astype(np.uint32).view(np.float32))
    m = np.concatenate([m, np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)])
    for fmt in mx.ELEMENTS:
        element = mx.ELEMENTS[fmt]
        fraction, power = np.frexp(m.astype(np.float64))  # in [0.5, 1)
        match rule:
            case "floor":
                up = np.zeros_like(power)
            case "ceil":
                up = fraction > 0.5
            case "rceil":
                up = fraction > np.frexp(element.largest)[0]
            case _:
                up = np.floor(fraction * 2 ** (element.mantissa + 1) + 0.5) >= 2 ** (
                    element.mantissa + 1
                )
        expected = np.clip(power - 1 + up - element.largest_exponent, -127, 127) + 127
        b = mx.quantize(m[:, None], fmt, block=1, rule=rule)
        assert np.array_equal(b.scales[:, 0], expected), fmt


FORMATS = [
    ("e4m3", "ocp"), ("e5m2", "ocp"), ("e3m2", "ocp"), ("e2m3", "ocp"), ("e2m1", "ocp"),
    ("int8", "ocp"), ("int4", "ocp"), ("e4m3", "plena"), ("e5m2", "plena"),
]  # fmt: skip
arrays = hnp.arrays(
    np.float32,
    st.integers(1, 100),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)


@st.composite
def cases(draw):
    fmt, variant = draw(st.sampled_from(FORMATS))
    options = {
        "fmt": fmt,
        "variant": variant,
        "block": draw(st.sampled_from([1, 3, 8, 16, 32, 64])),
        "rule": draw(st.sampled_from(RULES)),
        "rounding": "nearest",
    }
    return draw(arrays), options


@settings(max_examples=300, deadline=None)
@given(cases())
@example(
    (np.array([8.7150979e29, 7.1305354e29], np.float32),
     {"fmt": "int4", "variant": "ocp", "block": 3, "rule": "even", "rounding": "nearest"})
)  # fmt: skip
def test_idempotent(case):
    """A second round trip changes nothing. But the scale of `even` follows the largest number as a
    format of that mantissa rounds it, and integers may have rounded that number up to where the
    next scale begins: they come to rest one round trip later."""
    x, options = case
    trips = [x]
    for _ in range(3):
        trips.append(mx.dequantize(mx.quantize(trips[-1], **options)))
    late = options["rule"] == "even" and options["fmt"].startswith("int")
    assert np.array_equal(*(trips[2:4] if late else trips[1:3]))


@settings(max_examples=300, deadline=None)
@given(cases())
def test_error_is_half_a_step_or_saturation(case):
    """Each element: half the distance of its neighbours in the scaled format, or clipped."""
    x, options = case
    b = mx.quantize(x, **options)
    y = mx.dequantize(b).astype(np.float64)
    element = element_format(options["fmt"], options["variant"])
    table = element_values(options["fmt"], options["variant"]).astype(np.float64)
    grid = np.unique(np.abs(table[np.isfinite(table) & (np.abs(table) <= element.largest)]))
    scale = np.repeat(np.ldexp(1.0, b.scales.astype(int) - 127), options["block"])[: x.size]
    if options["variant"] == "plena":
        scale[np.repeat(b.scales == 0, options["block"])[: x.size]] = 0
    size = np.abs(x.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.where(scale > 0, size / scale, 0)
    above = np.minimum(np.searchsorted(grid, place), len(grid) - 1)
    step = grid[above] - grid[np.maximum(above - 1, 0)]
    saturated = np.abs(size - element.largest * scale)
    bound = np.where(place > element.largest, saturated, step * scale / 2)
    # Scales end at 2^-127, and what the machine cannot scale further becomes 0.
    bound = np.where(scale == 0, size, bound)
    assert (np.abs(np.abs(y) - size) <= bound * (1 + 1e-12) + 2.0**-149).all()


@settings(max_examples=200, deadline=None)
@given(cases())
def test_monotone_within_a_block(case):
    x, options = case
    y = mx.dequantize(mx.quantize(x, **options))
    for start in range(0, x.size, options["block"]):
        block = slice(start, start + options["block"])
        order = np.argsort(x[block], kind="stable")
        assert (np.diff(y[block][order]) >= 0).all()


@settings(max_examples=200, deadline=None)
@given(arrays, st.sampled_from(list(mx.ELEMENTS)), st.sampled_from([4, 16, 32]))
def test_rules_are_ordered(x, fmt, block):
    """floor <= even <= ceil and floor <= rceil <= ceil, all within one exponent."""
    scales = {rule: mx.quantize(x, fmt, block, rule=rule).scales.astype(int) for rule in RULES}
    for rule in ("even", "rceil"):
        assert (scales["floor"] <= scales[rule]).all()
        assert (scales[rule] <= scales["ceil"]).all()
    assert (scales["ceil"] - scales["floor"] <= 1).all()


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, (4, 32), elements=st.floats(-1000, 1000, width=32)),
    st.sampled_from([8, 16, 32]),
)
def test_two_level_is_idempotent_under_its_tensor_scale(x, block):
    """Where block scales are normal e4m3 numbers: a subnormal one is too coarse to come back."""
    b = mx.quantize(x, "e2m1", block, scale="e4m3")
    y = mx.dequantize(b)
    again = mx.quantize(y, "e2m1", block, scale="e4m3", tensor_scale=float(b.tensor_scale))
    normal = np.repeat(b.scales >= 8, block, axis=-1)
    assert np.array_equal(np.where(normal, y, 0), np.where(normal, mx.dequantize(again), 0))


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 20)),
               elements=st.floats(-100, 100, width=32)),
    st.integers(0, 40), st.sampled_from([0, 1, -1]), st.sampled_from([0, 1]),
)  # fmt: skip
def test_append_quantizes_whole_blocks_only(x, first, blocks_along, along):
    """A piece appended gives the array at once where blocks are whole; kept blocks never change."""
    first = min(first, x.shape[along])
    head, tail = np.split(x, [first], axis=along)
    b = mx.quantize(head, "e2m1", block=8, axis=blocks_along)
    longer = mx.append(b, tail, axis=along)
    assert longer.codes.shape == x.shape
    across = blocks_along % 2 != along
    whole = first if across else first - first % 8
    at_once = mx.quantize(x, "e2m1", block=8, axis=blocks_along)
    kept = [slice(None)] * 2
    kept[along] = slice(whole)
    np.testing.assert_array_equal(mx.dequantize(longer)[tuple(kept)], mx.dequantize(b)[tuple(kept)])
    if across or first % 8 == 0:
        assert np.array_equal(longer.codes, at_once.codes)
        assert np.array_equal(longer.scales, at_once.scales)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40))),
    st.sampled_from([("e4m3", "e8m0"), ("e3m2", "e8m0"), ("e2m1", "e4m3"), ("int4", "e8m0")]),
    st.sampled_from([0, 1]),
)
def test_bytes_and_back(x, form, axis):
    b = mx.quantize(x, form[0], block=16, axis=axis, scale=form[1])
    data = b.to_bytes()
    c = mx.from_bytes(data, x.shape, form[0], 16, axis, form[1])
    assert np.array_equal(b.codes, c.codes)
    assert np.array_equal(b.scales, c.scales)
    assert b.tensor_scale == c.tensor_scale
    with pytest.raises(ValueError, match="bytes are needed"):
        mx.from_bytes(data + b"\0", x.shape, form[0], 16, axis, form[1])


@pytest.mark.parametrize("form", [("e4m3", "e8m0", 16), ("e3m2", "e8m0", 4), ("e2m1", "e4m3", 16)])
def test_inline_scales(form):
    fmt, scale, block = form
    x = np.random.default_rng(3).standard_normal((3, 48)).astype(np.float32)
    b = mx.quantize(x, fmt, block, scale=scale)
    data = b.to_bytes("inline")
    assert len(data) == len(b.to_bytes())
    assert data[0] == b.scales[0, 0]
    c = mx.from_bytes(data, x.shape, fmt, block, scale=scale, scales="inline")
    assert np.array_equal(c.codes, b.codes)
    assert np.array_equal(c.scales, b.scales)
    with pytest.raises(ValueError, match="whole blocks of whole bytes"):
        mx.quantize(x, "e3m2", 3).to_bytes("inline")


def test_machine_keeps_what_is_no_number():
    x = [[1, np.nan, -np.inf, 2], [-np.inf, 0, -0.0, np.inf], [-np.inf] * 4, [0] * 4]
    x = np.array(x, np.float32)
    y = mx.dequantize(mx.quantize(x, "e4m3", 4, variant="plena", rounding="nearest"))
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    "options",
    [
        {"rounding": "store"},
        {"rounding": "best"},
        {"rounding": "store", "variant": "plena", "rule": "even"},
        {"rounding": "nearest", "variant": "plena", "fmt": "int8"},
        {"variant": "plena", "scale": "e4m3"},
    ],
)
def test_combinations_that_do_not_exist(options):
    with pytest.raises(ValueError, match=r"rounding|scales"):
        mx.quantize(np.ones(8), **{"fmt": "e4m3", **options})

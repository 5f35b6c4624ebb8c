"""Centring and rotation keep attention, and the policies name what machines load."""

import numpy as np
import pytest
from fa.machine import Machine, mx
from fa.machine.numerics.center_rotate import center, centred, rotate, rotated, signs, stages
from fa.machine.numerics.error_sources import SOURCES, Formats, Problem, Study, attention, relative
from fa.machine.numerics.storage_policies import PRESETS, ROLES, Policy, PolicyError, parse_format


@pytest.mark.parametrize("size", [1, 2, 6, 64, 72, 80, 128])
def test_rotation_is_orthogonal(size):
    matrix = rotated(np.eye(size), 3)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(size), atol=1e-14)
    x = np.random.default_rng(0).standard_normal((5, size))
    np.testing.assert_allclose(rotated(x, 3), x @ matrix, atol=1e-13)
    assert len(stages(size)) == (size & -size).bit_length() - 1
    assert rotate(x.astype(np.float32), 3).dtype == np.float32


def test_signs_stay_what_they_are():
    """Stored images depend on them."""
    assert signs(12, 0).astype(int).tolist() == [1, 1, -1, -1, 1, -1, 1, -1, -1, -1, -1, -1]
    assert not np.array_equal(signs(64, 0), signs(64, 1))


def problem(seed=0):
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((1, heads, 70, 64)) for heads in (4, 2, 2))
    return Problem.of(q, k + 2, v, 0.125, lambda row: (0, row + 1), 32)


def test_neither_changes_attention():
    plain = Formats.of(Policy.get("bf16"), Machine.load("plena-64-bf16"), "rceil", False, False)
    both = Formats.of(Policy.get("bf16"), Machine.load("plena-64-bf16"), "rceil", True, True)
    p = problem()
    assert relative(attention(p, both, ()), attention(p, plain, ())) < 1e-13
    k = p.k[0].astype(np.float32)
    assert np.abs(center(k, 0).mean(axis=0)).max() < 1e-6
    np.testing.assert_allclose(centred(p.k, 1), p.k - p.k.mean(axis=1, keepdims=True), atol=1e-13)


def test_the_model_of_attention_is_attention():
    p = problem()
    formats = Formats.of(Policy.get("bf16"), Machine.load("plena-64-bf16"), "rceil", False, False)
    out = attention(p, formats, ())
    for group in range(2):
        for member in range(2):
            s = p.q[group, member] @ p.k[group].T * 0.125
            s = np.where(np.arange(70) <= p.rows[:, None], s, -np.inf)
            weights = np.exp(s - s.max(axis=1, keepdims=True))
            weights /= weights.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(out[group, member], weights @ p.v[group], atol=1e-12)


def test_sources_alone_and_together():
    study = Study(problem())
    machine = Machine.load("plena-64")
    found = study.accuracy(Formats.of(Policy.get("plena"), machine, "rceil", False, False))
    assert set(found.by_source) == set(SOURCES)
    assert found.by_source["V"] == pytest.approx(0.0265, rel=0.1)
    assert found.relative == pytest.approx(
        np.sqrt(sum(value**2 for value in found.by_source.values())), rel=0.2
    )
    assert found.sqnr_db == pytest.approx(-20 * np.log10(found.relative))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_role_has_a_format(preset):
    policy = Policy.get(preset)
    assert set(policy.formats) == set(ROLES)
    policy.check_on_chip()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mxfp8", "mxfp8-e4m3:32"), ("mxfp4-e2m1:16", "mxfp4:16"), ("nvfp4", "nvfp4:16"),
        ("mxint8", "mxint8:32"), ("mxfp6-e2m3:8", "mxfp6-e2m3:8"), ("bf16", "bf16"),
    ],
)  # fmt: skip
def test_format_names(text, name):
    form = parse_format(text)
    assert form.name == name
    assert parse_format(form.name) == form


@pytest.mark.parametrize("text", ["", "fp8", "mxfp8:", "mxfp8:0", "bf16:8", "mxfp8:-1", "mxfp8:x"])
def test_bad_format_names(text):
    with pytest.raises(PolicyError, match=r"unknown number format|blocks of no elements"):
        parse_format(text)


def test_what_machines_load():
    stock, wide = Machine.load("plena-64"), Machine.load("plena-64-bf16")
    assert Policy.get("plena").storage(stock, "k") == stock.matrix_kv
    assert Policy.get("bf16").storage(wide, "v") == wide.matrix_kv
    with pytest.raises(PolicyError, match=r"nearest that it can be is mxfp8-e4m3:8; machine plena"):
        Policy.get("bf16").storage(stock, "k")
    with pytest.raises(PolicyError, match=r"o=f16 cannot be stored: .* no right Plain f16"):
        Policy.get("plena", {"o": "f16"}).storage(stock, "o")


def test_rules_and_rounding_have_the_order_of_the_documentation():
    """docs/formats.md: what makes rceil and nearest the default."""
    x = np.random.default_rng(1).standard_normal((1 << 12, 64)).astype(np.float32)

    def error(**options):
        y = mx.dequantize(mx.quantize(x, "e4m3", 8, variant="plena", **options))
        return np.linalg.norm(y - x) / np.linalg.norm(x)

    best = error(rule="rceil", rounding="nearest")
    assert best <= min(error(rule=rule, rounding="nearest") for rule in mx.RULES)
    assert best < 0.85 * error()

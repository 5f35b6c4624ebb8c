"""What a kernel is promised is checked on the data that HBM holds, and kept in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.machine.host.layout import Layout, LayoutError
from fa.machine.host.promises import Promise
from numpy.typing import NDArray

Array = NDArray[np.float32]

LEAVES = ("query", "key", "value")


def promise(bound: float, scale: float = 1.0, softcap: float = 0.0) -> Promise:
    query, key, value = (["argument", index] for index in range(3))
    return Promise(bound, value, query, key, scale, softcap)


def broken(given: Promise, *args: Array) -> str | None:
    return given.broken(lambda _, index: args[index])


def tensors(heads: tuple[int, int] = (2, 1), seed: int = 0) -> list[Array]:
    random = np.random.default_rng(seed)
    q, kv = (1, heads[0], 20, 16), (1, heads[1], 30, 16)
    return [random.standard_normal(shape).astype(np.float32) for shape in (q, kv, kv)]


def reach(q: Array, k: Array, scale: float) -> float:
    return float(np.abs(scale * (q.astype(np.float64) @ k.astype(np.float64).swapaxes(2, 3))).max())


@pytest.mark.parametrize("scale", [1.0, -0.25])
def test_exact_scores_decide_where_norms_do_not(scale: float):
    q, k, v = tensors()
    most = reach(q, k, scale)
    norms = np.linalg.norm(q, axis=3).max() * np.linalg.norm(k, axis=3).max() * abs(scale)
    assert norms > 1.2 * most
    assert broken(promise(1.001 * most, scale), q, k, v) is None
    message = broken(promise(0.999 * most, scale), q, k, v)
    assert message is not None
    assert message.startswith(f"scores reach {most:.4g}, beyond score_bound = {0.999 * most:g} (")


def test_the_pair_is_named():
    q, k, v = (np.zeros_like(x) for x in tensors((4, 2)))
    q[0, 3, 7], k[0, 1, 11] = 1, 2
    message = broken(promise(20.0), q, k, v)
    assert message is not None
    assert "scores reach 32, beyond score_bound = 20 (batch 0, head 3, query 7, key 11)" in message
    assert broken(promise(32.0), q, k, v) is None


def test_a_soft_cap_counts():
    q, k, v = tensors()
    assert broken(promise(3.0, softcap=2.9), q, k, v) is None
    most = reach(q, k, 1.0)
    capped = 8 * np.tanh(most / 8)
    assert broken(promise(0.999 * capped, softcap=8.0), q, k, v) is not None
    assert broken(promise(1.001 * capped, softcap=8.0), q, k, v) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_no_number_keeps_a_promise(value: float, which: int):
    args = tensors()
    args[which][0, 0, 3, 5] = value
    assert broken(promise(79.0), *args) is not None


def test_values_that_overflow_or_vanish():
    q, k, v = tensors()
    assert broken(promise(79.0, 0.01), q, k, v) is None
    for factor, bound in ((1e30, "promise 14.4"), (1e-6, "promise 72.5")):
        message = broken(promise(79.0, 0.01), q, k, v * np.float32(factor))
        assert message is not None
        assert message.startswith("values reach ")
        assert message.endswith(f"tile{{bounded=false}}, or {bound}")
    assert broken(promise(79.0, 0.01), q, k, 0 * v) is None
    assert broken(promise(50.0, 0.01), q, k, v * np.float32(1e-6)) is None


SHAPES = "tensor<1x2x20x64xbf16>, tensor<1x1x70x64xbf16>, tensor<1x1x70x64xbf16>"


def kernel(attributes: str, passes: str | None = None) -> fa.Kernel:
    q, k, v = SHAPES.split(", ")
    return fa.compile(
        f"""func.func @f(%q: {q}, %k: {k}, %v: {v}) -> {q} {{
          %o = fa.attention %q, %k, %v {{{attributes}}} : {SHAPES} -> {q}
          func.return %o : {q}
        }}""",
        passes=passes,
    )


def arguments() -> list[Array]:
    random = np.random.default_rng(1)
    shapes = ((1, 2, 20, 64), (1, 1, 70, 64), (1, 1, 70, 64))
    return [random.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("passes", [None, "tile,fuse{split-kv=2}", "tile", "rotate,tile,fuse"])
def test_run_and_pack_refuse(passes: str | None):
    """With grouped heads, with kernels that find maxima, and with arguments that are rotated."""
    made = kernel("score_bound = 10.0 : f32", passes)
    q, k, v = arguments()
    made.run(q, k, v)
    for call in (made.run, made.pack):
        with pytest.raises(fa.CompileError, match=r"^(fa: )?.*scores reach \d+.*score_bound = 10"):
            call(8 * q, k, v)


def test_values_of_a_soft_cap():
    made = kernel("softcap = 50.0 : f32")
    q, k, v = arguments()
    made.run(8 * q, k, v)
    with pytest.raises(fa.CompileError, match="values reach"):
        made.pack(q, k, np.float32(1e20) * v)
    assert kernel("softcap = 50.0 : f32", "tile{bounded=false},fuse").pack(
        q, k, np.float32(1e20) * v
    )
    assert not kernel("softcap = 50.0 : f32", "tile").layout.promises


def test_new_tokens():
    """They are refused, and the image stays as it is."""
    made = kernel("score_bound = 10.0 : f32")
    q, k, v = arguments()
    image = np.frombuffer(made.pack(q, k, v), np.uint8).copy()
    before = image.copy()
    with pytest.raises(fa.CompileError, match="beyond score_bound = 10"):
        made.append(image, "k", 20 * k[:, :, :2], 5)
    np.testing.assert_array_equal(image, before)
    made.append(image, "k", k[:, :, :2], 5)
    assert (image != before).any()


def test_the_manifest(tmp_path: Path):
    made = kernel("score_bound = 10.0 : f32")
    made.save(tmp_path / "k")
    again = fa.Kernel.load(tmp_path / "k")
    assert again.layout.promises == made.layout.promises
    q, k, v = arguments()
    with pytest.raises(fa.CompileError, match="beyond score_bound = 10"):
        again.pack(8 * q, k, v)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("bound", 90.0, "the bound of a promise is above 0 and at most 80"),
        ("bound", "x", "bound of a promise is a number, not 'x'"),
        ("softcap", -1, "its softcap at least 0"),
        ("query", 3, "query of a promise is a list, not 3"),
        ("query", [], "a promise is about values, and about queries and keys or neither"),
        ("value", ["argument", 7], "there is no argument 7"),
        ("value", ["reshape", [1, 70, 64], ["argument", 2]], "values of shape"),
        ("key", ["reshape", [1, 1, 64, 70], ["argument", 1]], "a promise is about queries of"),
        ("keys", 1, "a promise has bound, scale, softcap, query, key, value and no others"),
    ],
)
def test_a_damaged_manifest(key: str, value: object, message: str):
    manifest = json.loads(json.dumps(kernel("score_bound = 10.0 : f32").layout.to_json()))
    manifest["promises"][0][key] = value
    with pytest.raises(LayoutError, match=message):
        Layout.from_json(manifest)

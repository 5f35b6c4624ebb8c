"""Arrays as .npy files."""

import io
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from fa.diagnostics import CompileError
from fa.tools.support.arrays import describe, load_array, save_array

VALUES = np.array([[1.0, -2.5], [0.125, 3.0]])


@pytest.mark.parametrize(
    ("dtype", "loaded"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.dtype(">f4"), np.float32),
        (np.float64, np.float64),
        (ml_dtypes.bfloat16, np.float32),
    ],
)
def test_load(dtype: Any, loaded: Any, tmp_path: Path):
    path = tmp_path / "x.npy"
    np.save(path, VALUES.astype(dtype))
    array = load_array(str(path))
    assert array.dtype == loaded
    np.testing.assert_array_equal(array, VALUES)


def test_load_a_mask(tmp_path: Path):
    path = tmp_path / "x.npy"
    np.save(path, VALUES > 1)
    array = load_array(str(path))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [[0, 0], [0, 1]])


def test_load_column_major(tmp_path: Path):
    path = tmp_path / "x.npy"
    np.save(path, np.asfortranarray(VALUES.astype(ml_dtypes.bfloat16)))
    np.testing.assert_array_equal(load_array(str(path)), VALUES)


def test_load_standard_input(monkeypatch: pytest.MonkeyPatch):
    data = io.BytesIO()
    np.save(data, VALUES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.getvalue())))
    np.testing.assert_array_equal(load_array("-"), VALUES)


def saved(array: Any, **options: Any) -> bytes:
    data = io.BytesIO()
    np.save(data, array, **options)
    return data.getvalue()


def archive() -> bytes:
    data = io.BytesIO()
    np.savez(data, a=VALUES)
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no .npy file"),
        (b"hello", "is no .npy file"),
        (saved(VALUES)[:-3], "is a damaged .npy file: "),
        (saved(VALUES)[:20], "is a damaged .npy file: "),
        (saved(VALUES).replace(b"'<f8'", b"'<q9'"), "is a damaged .npy file: "),
        (saved(np.array([{}], object), allow_pickle=True), "is a damaged .npy file: "),
        (archive(), "is an archive; give each array as one .npy file"),
        (saved(np.array([[1, 2]])), "holds int64; float32, float64, float16 and bfloat16 are"),
        (saved(np.array([1j])), "holds complex128"),
        (saved(np.array(["a"])), "holds <U1"),
    ],
)
def test_bad_file(content: bytes, message: str, tmp_path: Path):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(CompileError) as caught:
        load_array(str(path))
    assert str(caught.value).startswith(f"fa: error: '{path}' {message}")
    assert "\n" not in str(caught.value)


def test_missing_file():
    with pytest.raises(CompileError, match=r"cannot read 'no\.npy': No such file"):
        load_array("no.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.bin"])
def test_save_keeps_the_name(name: str, tmp_path: Path):
    save_array(str(tmp_path / name), VALUES)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    np.testing.assert_array_equal(np.load(tmp_path / name), VALUES)


def test_describe():
    assert describe(VALUES) == "2x2, from -2.5 to 3\n[[ 1.    -2.5  ]\n [ 0.125  3.   ]]"

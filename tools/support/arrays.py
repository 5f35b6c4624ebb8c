"""Arrays as `.npy` files, bfloat16 included."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, TypeAlias, cast

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ...diagnostics import CompileError
from .driver import display_name, read_bytes, write_file

Array: TypeAlias = NDArray[Any]

MAGIC = b"\x93NUMPY"
"""How every `.npy` file begins."""

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def load_array(path: str) -> Array:
    """The array in the `.npy` file `path`, `-` for standard input.

    float64 stays; float32, float16 and bfloat16, which numpy stores as two raw bytes an element,
    come as float32, and so do masks of booleans; integers of rank 1, as lengths are, stay. Raises
    CompileError for anything else.
    """
    name = display_name(path)
    data = read_bytes(path)
    if data.startswith(b"PK"):
        raise CompileError(f"'{name}' is an archive; give each array as one .npy file")
    if not data.startswith(MAGIC):
        raise CompileError(f"'{name}' is no .npy file")
    try:
        array = cast(Array, np.load(BytesIO(data), allow_pickle=False))
    except Exception as error:  # numpy's reader fails in many ways on what is damaged
        # Not the address of an object, which differs from run to run.
        said = re.sub(r" at 0x[0-9a-f]+", "", str(error))
        raise CompileError(f"'{name}' is a damaged .npy file: {said}") from None
    if array.dtype == np.dtype("V2"):
        array = array.view(BFLOAT16)
    if array.dtype in (BFLOAT16, np.dtype(bool)):
        return array.astype(np.float32)
    if array.dtype.kind == "i" and array.ndim == 1:
        return array
    if array.dtype.kind != "f" or array.dtype.itemsize not in (2, 4, 8):
        raise CompileError(
            f"'{name}' holds {array.dtype}; float32, float64, float16 and bfloat16 are possible, "
            "bool for masks, and integers of rank 1 for lengths"
        )
    return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32)


def save_array(path: str, array: Array) -> None:
    """Write `array` to the `.npy` file `path`, whole or not at all. Raises CompileError."""

    def write(temporary: str) -> None:
        # np.save adds a suffix to a name, but not to an open file.
        with open(temporary, "wb") as file:
            np.save(file, array)

    write_file(path, write)


def describe(array: Array) -> str:
    """The shape, the range and the first and last values of a result, in one or a few lines."""
    shape = "x".join(map(str, array.shape))
    values = np.array2string(array, threshold=16, edgeitems=2, precision=5)
    return f"{shape}, from {array.min():.5g} to {array.max():.5g}\n{values}"

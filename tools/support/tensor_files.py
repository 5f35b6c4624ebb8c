"""Named tensors in `.safetensors` files, and arguments of kernels from files of either kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, TypeAlias, cast

import ml_dtypes
import numpy as np

from ...diagnostics import CompileError
from .arrays import MAGIC, Array, load_array
from .driver import display_name, read_bytes, write_file

Argument: TypeAlias = Array | bytes
"""Values, or the bytes of a storage form."""

SUFFIX = ".safetensors"

_DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "U8": np.dtype(np.uint8),
}


def _library() -> ModuleType:
    """The package safetensors; raises CompileError where it is not installed."""
    try:
        import safetensors
    except ImportError:
        raise CompileError(
            "reading and writing .safetensors needs the package safetensors: "
            "pip install 'fa-compiler[safetensors]'"
        ) from None
    return safetensors


def load_tensors(path: str) -> dict[str, Array]:
    """The tensors of a `.safetensors` file by name: float64, float32 (f32, f16, bf16) or uint8.

    Raises CompileError where the file is none, is damaged or holds other types.
    """
    name, data = display_name(path), read_bytes(path)
    library = _library()
    try:
        entries = cast("list[tuple[str, dict[str, Any]]]", library.deserialize(data))
    except Exception as error:  # the library has exceptions of its own
        raise CompileError(f"'{name}' is no .safetensors file: {error}") from None
    tensors: dict[str, Array] = {}
    for key, entry in entries:
        dtype = _DTYPES.get(entry["dtype"])
        if dtype is None:
            raise CompileError(
                f"'{name}': tensor '{key}' holds {entry['dtype']}; {', '.join(_DTYPES)} are "
                "possible"
            )
        array = np.frombuffer(bytes(entry["data"]), dtype).reshape(entry["shape"])
        narrow = dtype.itemsize == 2
        tensors[key] = array.astype(np.float32) if narrow else array
    return tensors


def save_tensors(path: str, tensors: Mapping[str, Array]) -> None:
    """Write tensors to a `.safetensors` file, whole or not at all. Raises CompileError."""
    _library()
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array) for name, array in tensors.items()})

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(data)

    write_file(path, write)


def load_value(path: str) -> Argument:
    """One argument: an `.npy` file, or `FILE.safetensors:NAME`.

    Arrays of uint8 are the bytes of a storage form. Raises CompileError.
    """
    file, colon, name = path.rpartition(":")
    if colon and file.endswith(SUFFIX):
        tensors = load_tensors(file)
        if name not in tensors:
            raise CompileError(f"'{file}' has no tensor '{name}'; it has {', '.join(tensors)}")
        return value_of(tensors[name])
    if path.endswith(SUFFIX):
        raise CompileError(f"name a tensor of '{path}': {path}:NAME, or give --tensors {path}")
    data = load_bytes(path)
    return load_array(path) if data is None else data


def load_bytes(path: str) -> bytes | None:
    """The bytes of an `.npy` file of uint8; None where it holds something else."""
    if path == "-" or not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return None
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # what is damaged is reported by the reader of floats
        return None
    return array.tobytes() if array.dtype == np.uint8 else None


def value_of(array: Array) -> Argument:
    """A tensor as an argument: bytes for uint8, else values."""
    return array.tobytes() if array.dtype == np.uint8 else array

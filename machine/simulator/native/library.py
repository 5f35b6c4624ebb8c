"""The shared library of the native engine: found, checked and loaded once, if it is there."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from .layout import RECORD, EngineLayout, FormatLayout, LoopLayout

FOLDER = Path(__file__).parent


class Unavailable(Exception):
    """Why there is no native engine, in a few words."""


@dataclass(frozen=True)
class Library:
    """The loaded library.

    `variant` names the vector instructions it uses, `operands` the operands that each instruction
    it executes takes, by mnemonic, in the order of its opcodes.
    """

    functions: ctypes.CDLL
    variant: str
    operands: dict[str, tuple[str, ...]]


def library() -> Library:
    """The library; raises Unavailable."""
    found = _load()
    if isinstance(found, str):
        raise Unavailable(found)
    return found


def source_digest(folder: Path = FOLDER) -> str:
    """A number for the C sources in a folder, which a build of them carries; "" without sources."""
    digest = sha256()
    files = sorted(path for path in folder.iterdir() if path.suffix in (".c", ".h"))
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16] if files else ""


@cache
def _load() -> Library | str:
    """The library, or why there is none."""
    paths = [FOLDER / f"_engine{suffix}" for suffix in EXTENSION_SUFFIXES]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return "it was not built, for want of a C compiler (GCC or Clang)"
    try:
        functions = ctypes.CDLL(str(path))
        built = _text(functions, "fa_sources")
    except (OSError, AttributeError) as error:
        return f"'{path}' cannot be loaded: {error}"
    sizes = [ctypes.sizeof(each) for each in (EngineLayout, FormatLayout)]
    sizes += [RECORD.itemsize, ctypes.sizeof(LoopLayout)]
    functions.fa_size.restype = ctypes.c_size_t
    # Without sources beside it, it is a wheel's, and was built from what belongs to it.
    if built != (source_digest() or built) or sizes != [
        functions.fa_size(index) for index in range(len(sizes))
    ]:
        return "it was built from other sources; run `pip install` again"
    _declare(functions)
    return Library(functions, _text(functions, "fa_variant"), _operands(functions))


def _text(functions: ctypes.CDLL, name: str) -> str:
    """What a function without arguments says."""
    function = functions[name]
    function.restype = ctypes.c_char_p
    return function().decode()


def _declare(functions: ctypes.CDLL) -> None:
    engine = ctypes.POINTER(EngineLayout)
    functions.fa_run.argtypes = [engine, ctypes.c_uint64, ctypes.c_char_p]
    functions.fa_run.restype = ctypes.c_int
    functions.fa_open_dram.argtypes = [engine, ctypes.c_int, ctypes.c_int]
    functions.fa_open_dram.restype = ctypes.c_int
    functions.fa_finish.argtypes = [engine]
    functions.fa_finish.restype = ctypes.c_int64
    functions.fa_close.argtypes = [engine]
    functions.fa_close.restype = None
    functions.fa_transfer.argtypes = [
        *(engine, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
        ctypes.c_int64,
    ]
    functions.fa_transfer.restype = ctypes.c_int64


def _operands(functions: ctypes.CDLL) -> dict[str, tuple[str, ...]]:
    functions.fa_instruction.argtypes = [ctypes.c_int]
    functions.fa_instruction.restype = ctypes.c_char_p
    operands: dict[str, tuple[str, ...]] = {}
    while (text := functions.fa_instruction(len(operands))) is not None:
        mnemonic, *names = text.decode().split()
        operands[mnemonic] = tuple(names)
    return operands

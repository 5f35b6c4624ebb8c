"""The files that the machine's own emulator takes.

Sections 3.4, 3.6 and 5.4: the program is words in hexadecimal, HBM raw bytes from address 0, FP_MEM
little-endian binary16 and INT_MEM little-endian 32-bit integers, the settings TOML. It runs with

    --opcode kernel.mem --hbm hbm.bin --fpsram fpsram.bin --intsram intsram.bin
    --settings plena_settings.toml

and leaves its dumps in the working directory (`emulator_dumps.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics.bf16 import bf16_to_f32, f32_to_bf16
from ..program.assembly_errors import AssemblyError
from ..program.mem_file import read_mem, write_mem
from ..simulator.state import State
from ..spec.params import FP_MEM_ENTRIES, INT_MEM_ENTRIES, LATENCIES, Machine
from ..spec.settings_reader import Settings
from ..spec.toml_text import toml_text

PROGRAM = "kernel.mem"
HBM = "hbm.bin"
FP_SRAM = "fpsram.bin"
INT_SRAM = "intsram.bin"
SETTINGS = "plena_settings.toml"
FILES = (PROGRAM, HBM, FP_SRAM, INT_SRAM, SETTINGS)

MANDATORY = (
    *(
        ("CONFIG", key)
        for key in (
            *("MLEN", "VLEN", "BLEN", "HLEN", "BROADCAST_AMOUNT", "HBM_SIZE", "MATRIX_SRAM_SIZE"),
            *("VECTOR_SRAM_SIZE", "HBM_M_Prefetch_Amount", "HBM_V_Prefetch_Amount"),
            *("HBM_V_Writeback_Amount", "DC_EN", "MAX_LOOP_INSTRUCTIONS"),
        )
    ),
    *(
        ("PRECISION", key)
        for key in (
            *("MATRIX_SRAM_TYPE", "VECTOR_SRAM_TYPE", "HBM_M_WEIGHT_TYPE", "HBM_M_KV_TYPE"),
            *("HBM_V_ACT_TYPE", "HBM_V_KV_TYPE", "HBM_V_INT_TYPE", "SCALAR_FP"),
        )
    ),
    *(("LATENCY", key) for key in LATENCIES),
)
"""Tables without which the emulator takes built-in settings instead of the file (section 1.1)."""


class EmulatorFilesError(ValueError):
    """Files that the emulator could not use, or dumps that cannot be read.

    `path` is empty or the file; `line` and `column` count from 1 where there is a place in it.
    """

    def __init__(self, message: str, path: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.column = column


@dataclass(frozen=True)
class EmulatorFiles:
    """What the emulator takes: words, HBM bytes, FP_MEM as bf16 patterns, INT_MEM, settings."""

    words: NDArray[np.uint32]
    hbm: NDArray[np.uint8]
    fp: NDArray[np.uint16]
    int: NDArray[np.uint32]
    machine: Machine

    def check(self) -> None:
        """Raise EmulatorFilesError where the files cannot say what is meant."""
        check_settings(self.machine)
        binary16(self.fp)

    def write(self, directory: str | Path) -> None:
        """Write the five files. Raises EmulatorFilesError as `check` does."""
        self.check()
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        halves = binary16(self.fp)
        (folder / PROGRAM).write_text(write_mem(int(word) for word in self.words))
        self.hbm.tofile(folder / HBM)
        halves.astype("<f2").tofile(folder / FP_SRAM)
        self.int.astype("<u4").tofile(folder / INT_SRAM)
        (folder / SETTINGS).write_text(toml_text(self.machine.settings), "utf-8")

    @classmethod
    def read(cls, directory: str | Path) -> EmulatorFiles:
        """Read what `write` wrote, or somebody else. Raises EmulatorFilesError and MachineError."""
        folder = Path(directory)
        machine = Machine.load(folder / SETTINGS)
        try:
            words = read_mem(_read_text(folder / PROGRAM))
        except AssemblyError as error:
            path = str(folder / PROGRAM)
            raise EmulatorFilesError(error.message, path, error.line, error.column) from None
        hbm = np.frombuffer(_read_bytes(folder / HBM), np.uint8)
        if hbm.size > machine.hbm_size:
            raise EmulatorFilesError(
                f"{hbm.size} bytes do not fit an HBM of {machine.hbm_size}", str(folder / HBM)
            )
        halves = _read_entries(folder / FP_SRAM, np.dtype("<f2"), FP_MEM_ENTRIES)
        integers = _read_entries(folder / INT_SRAM, np.dtype("<u4"), INT_MEM_ENTRIES)
        fp = f32_to_bf16(halves.astype(np.float32))
        return cls(np.array(words, np.uint32), hbm, fp, integers.astype(np.uint32), machine)

    def load(self, state: State) -> None:
        """Put the contents into the memories of `state`."""
        state.hbm[: self.hbm.size] = self.hbm
        state.fp[: self.fp.size] = self.fp
        state.int[: self.int.size] = self.int


def binary16(patterns: NDArray[np.uint16]) -> NDArray[np.float16]:
    """bf16 patterns as binary16, through which the emulator loads FP_MEM.

    Raises EmulatorFilesError for a value that binary16 does not hold.
    """
    values = bf16_to_f32(patterns)
    with np.errstate(all="ignore"):
        halves = values.astype(np.float16)
    wrong = np.flatnonzero(f32_to_bf16(halves.astype(np.float32)) != patterns)
    if wrong.size:
        entry = int(wrong[0])
        raise EmulatorFilesError(
            f"FP_MEM[{entry}] is {values[entry]:.8g}, which is not a binary16 number; the "
            "emulator loads FP_MEM through binary16, so the program must compute it"
        )
    return halves


def check_settings(machine: Machine) -> None:
    """Raise EmulatorFilesError if the machine's settings lack what the emulator needs."""
    read = Settings(machine.settings, machine.name)
    for part, key in MANDATORY:
        if not read.has("TRANSACTIONAL", part, key):
            raise EmulatorFilesError(
                f"{machine.name}: [TRANSACTIONAL.{part}.{key}] is missing; without it the emulator "
                "ignores the whole file"
            )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EmulatorFilesError(f"cannot read '{path}': {error.strerror}") from None


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise EmulatorFilesError("not a text file in UTF-8", str(path)) from None


def _read_entries(path: Path, kind: np.dtype[Any], most: int) -> NDArray[Any]:
    """The little-endian numbers in a file; an odd rest of bytes is ignored, as there."""
    data = _read_bytes(path)
    count = len(data) // kind.itemsize
    if count > most:
        raise EmulatorFilesError(f"{count} entries, and the memory has {most}", str(path))
    return np.frombuffer(data, kind, count)

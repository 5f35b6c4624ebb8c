"""What fa-sim runs: a compiled kernel, or a directory of files for the machine's emulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ...compiler import Kernel
from ...diagnostics import CompileError
from ...machine import MachineError, Simulator
from ...machine.debug.emulator_files import (
    FILES,
    PROGRAM,
    SETTINGS,
    EmulatorFiles,
    EmulatorFilesError,
)
from ...machine.debug.sanitizer import HbmRange, Initial
from ...machine.program.assembly_errors import lines
from ...machine.program.mem_file import located_words
from ...machine.program.source_map import SourceMap
from .arrays import Array

if TYPE_CHECKING:
    from ...machine.host.layout import Layout


@dataclass(frozen=True)
class Subject:
    """A program with all that running it takes. `state` makes the machine as before the run."""

    words: NDArray[np.uint32]
    sources: SourceMap
    hbm_bytes: int
    """Bytes of HBM from address 0 on that the program is known to use."""
    initial: Initial
    state: Callable[[], Simulator]
    place: Callable[[int], str]
    """`file:line:col` of the instruction at a pc."""
    results: int
    outputs: Callable[[Simulator], Sequence[Array]]


def load_subject(directory: str, args: Sequence[Array]) -> Subject:
    """The program in a directory, with `args` for its arguments; zeros where there are none.

    What a kernel executes does not depend on its data but for lengths, which are the largest then.
    Raises CompileError.
    """
    folder = Path(directory)
    if (folder / SETTINGS).is_file() and not (folder / "layout.json").exists():
        if args:
            raise CompileError(
                f"'{directory}' holds files for the emulator ({', '.join(FILES)}), which has the "
                "arguments in HBM; --arg is for compiled kernels"
            )
        return _emulator_subject(directory)
    kernel = Kernel.load(directory)
    values = args or kernel.defaults()
    layout = kernel.layout
    # The casts are for the type checker, which sees the root's modules under another name.
    return Subject(
        kernel.words,
        cast("SourceMap", kernel.sources),
        layout.hbm_bytes,
        Initial.of(cast("Layout", layout)),
        lambda: cast("Simulator", kernel.simulator(*values)),
        lambda pc: _assembly_place(folder / "kernel.asm", kernel.asm, pc),
        len(layout.outputs),
        lambda state: kernel.unpack(state.hbm),
    )


def _emulator_subject(directory: str) -> Subject:
    try:
        files = EmulatorFiles.read(directory)
    except (EmulatorFilesError, MachineError) as error:
        raise located(error) from None

    def state() -> Simulator:
        simulator = Simulator(files.machine)
        files.load(simulator)
        return simulator

    # Nothing says what of HBM is for what: all of the image is data and may be written.
    ranges = [HbmRange("the image", 0, files.hbm.size, writable=True, filled=True)]
    initial = Initial(files.fp.size, files.int.size, ranges)
    program = Path(directory) / PROGRAM
    return Subject(
        files.words,
        SourceMap(),
        files.hbm.size,
        initial,
        state,
        lambda pc: _word_place(program, pc),
        0,
        lambda _: [],
    )


def _assembly_place(path: Path, text: str, pc: int) -> str:
    line = next(islice(lines(text), pc, None))
    return f"{path}:{line.number}:{line.mnemonic.column}"


def _word_place(path: Path, pc: int) -> str:
    word = next(islice(located_words(path.read_text("utf-8")), pc, None))
    return f"{path}:{word.line}:{word.column}"


def located(error: EmulatorFilesError | MachineError) -> CompileError:
    """An error about one of the emulator's files as the tools report it."""
    if not error.path:
        return CompileError(str(error))
    if isinstance(error, MachineError) and not error.line:
        return CompileError(error.message)
    where = f"{error.path}:{error.line or 1}:{error.column or 1}"
    message = str(error)
    return CompileError(message.removeprefix(f"{where}: "), where)

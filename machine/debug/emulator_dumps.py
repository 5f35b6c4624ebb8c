"""The dumps of the machine's own emulator, compared with our memories (section 3.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics.bf16 import f32_to_bf16
from ..simulator.state import State
from ..spec.params import HBM_LINE
from .emulator_files import EmulatorFilesError
from .stored_numbers import StoredNumbers

HBM_DUMP = "hbm_dump.bin"
DUMPS: tuple[str, ...] = (
    "vram_dump.bin",
    "mram_dump.bin",
    "fpsram_dump.bin",
    "intsram_dump.bin",
    HBM_DUMP,
)
"""In the order in which they are compared. The last is only written when the emulator debugs."""

HBM_LOG = "RUST_LOG=warn,transactional_emulator=info,transactional_emulator::runner=debug"
"""The setting with which the emulator writes the dump of HBM too, and its time."""


CHUNK = 1 << 24
"""Values of a dump that are compared at a time: memories may be larger than the host's."""


@dataclass(frozen=True)
class Difference:
    """How a dump differs from our memory: how many values, and the first of them.

    `steps` is the largest distance in bf16 steps; 0 for memories of other numbers.
    """

    count: int
    total: int
    place: str
    ours: int
    theirs: int
    steps: int = 0


@dataclass(frozen=True)
class _Memory:
    """One of our memories as the emulator dumps it: flat, `size` values, read piece by piece."""

    size: int
    kind: np.dtype[Any]
    piece: Callable[[int, int], NDArray[Any]]
    place: Callable[[int], str]
    floats: bool = False


def find_dumps(directory: str | Path) -> list[Path]:
    """The dumps in a directory. Raises EmulatorFilesError where there are none."""
    folder = Path(directory)
    found = [folder / name for name in DUMPS if (folder / name).is_file()]
    if not found:
        raise EmulatorFilesError(
            f"'{folder}' is no directory with dumps of the emulator, such as {DUMPS[0]}"
        )
    return found


def compare_dumps(
    directory: str | Path,
    state: State,
    used: int = 0,
    stored: Callable[[], StoredNumbers] | None = None,
) -> dict[str, Difference | None]:
    """Each dump in a directory and how it differs from `state`; None where it is equal.

    Any NaN equals any NaN: their bits depend on the host. In HBM only `stored` says what is a
    number; it is asked where bytes differ. The dump of HBM may be cut to whole lines that hold the
    `used` bytes of the program, as the emulator's option `--hbm-size` does. Raises
    EmulatorFilesError where there is no dump, or one has another size than our memory.
    """
    memories = dict(zip(DUMPS, _memories(state), strict=True))
    found: dict[str, Difference | None] = {}
    for path in find_dumps(directory):
        if path.name == HBM_DUMP:
            found[path.name] = _compare(path, _cut(memories[path.name], path, used), state, stored)
        else:
            found[path.name] = _compare(path, memories[path.name], state, None)
    return found


def not_compared(directory: str | Path, state: State) -> str:
    """Lines about what dumps that are missing or cut leave open; empty where they leave nothing."""
    folder, lines = Path(directory), list[str]()
    for name in DUMPS:
        if not (folder / name).is_file():
            how = f"; the emulator writes it with {HBM_LOG}" if name == HBM_DUMP else ""
            lines.append(f"{name}: not compared, there is none{how}\n")
        elif name == HBM_DUMP and (size := (folder / name).stat().st_size) < state.hbm.size:
            lines.append(f"{name}: not compared from byte {size:#x} on, where the dump ends\n")
    return "".join(lines)


def _cut(memory: _Memory, path: Path, used: int) -> _Memory:
    """HBM as far as its dump goes."""
    size = path.stat().st_size
    if size >= memory.size or size % HBM_LINE:
        return memory
    if size < used:
        raise EmulatorFilesError(
            f"{size} bytes, but the program uses {used}: a dump of another program?", str(path)
        )
    return replace(memory, size=size)


def _memories(state: State) -> Iterator[_Memory]:
    machine = state.machine
    vlen, area = machine.vlen, machine.mlen**2
    half, word, byte = np.dtype("<u2"), np.dtype("<u4"), np.dtype(np.uint8)

    def rows(first: int, last: int) -> NDArray[Any]:
        # Pieces begin anywhere in a row.
        upper = -(-last // vlen)
        return state.vector[first // vlen : upper].reshape(-1)[first % vlen :][: last - first]

    def tiles(first: int, last: int) -> NDArray[Any]:
        return f32_to_bf16(state.matrix.reshape(-1)[first:last])

    yield _Memory(
        state.vector.size, half, rows, lambda at: f"row {at // vlen}, lane {at % vlen}", True
    )
    yield _Memory(
        *(state.matrix.size, half, tiles),
        lambda at: (
            f"tile {at // area}, row {at % area // machine.mlen}, column {at % machine.mlen}"
        ),
        True,
    )
    yield _Memory(state.fp.size, half, lambda a, b: state.fp[a:b], lambda at: f"entry {at}", True)
    yield _Memory(state.int.size, word, lambda a, b: state.int[a:b], lambda at: f"entry {at}")
    yield _Memory(state.hbm.size, byte, lambda a, b: state.hbm[a:b], lambda at: f"byte {at:#x}")


def _compare(
    path: Path,
    memory: _Memory,
    state: State,
    stored: Callable[[], StoredNumbers] | None,
) -> Difference | None:
    size = path.stat().st_size
    expected = memory.size * memory.kind.itemsize
    if size != expected:
        raise EmulatorFilesError(
            f"{size} bytes, but the memory has {expected}: another machine?", str(path)
        )
    count, first, steps = 0, None, 0
    numbers: StoredNumbers | None = None
    with path.open("rb") as file:
        for start in range(0, memory.size, CHUNK):
            stop = min(start + CHUNK, memory.size)
            theirs = np.fromfile(file, memory.kind, stop - start)
            ours = memory.piece(start, stop)
            different = theirs != ours
            if memory.floats:
                different &= ~(_is_nan(theirs) & _is_nan(ours))
            at = np.flatnonzero(different)
            if at.size and stored is not None:
                numbers = stored() if numbers is None else numbers
                whole = np.memmap(path, np.uint8, "r")
                at = at[~numbers.both_nan(at + start, state.hbm, whole)]
            if not at.size:
                continue
            count += at.size
            if memory.floats:
                steps = max(steps, int(abs(_ordered(theirs[at]) - _ordered(ours[at])).max()))
            if first is None:
                first = (start + int(at[0]), int(ours[at[0]]), int(theirs[at[0]]))
    if first is None:
        return None
    return Difference(count, memory.size, memory.place(first[0]), first[1], first[2], steps)


def _is_nan(patterns: NDArray[Any]) -> NDArray[np.bool_]:
    return (patterns & 0x7FFF) > 0x7F80


def _ordered(patterns: NDArray[Any]) -> NDArray[np.int32]:
    """bf16 patterns as integers in the order of their values; neighbours are 1 apart."""
    wide = patterns.astype(np.int32)
    return np.where(wide & 0x8000, -(wide & 0x7FFF), wide)


def differences_text(found: Iterable[tuple[str, Difference | None]]) -> str:
    """A line for each dump."""
    return "".join(f"{name}: {_difference(difference)}\n" for name, difference in found)


def _difference(found: Difference | None) -> str:
    if found is None:
        return "equal"
    steps = f", at most {found.steps} bf16 steps apart" if found.steps else ""
    return (
        f"{found.count:,} of {found.total:,} values differ{steps}; the first at {found.place}: "
        f"{found.ours:#x} here, {found.theirs:#x} there"
    )

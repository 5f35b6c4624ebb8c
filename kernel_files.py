"""The directory of a compiled kernel: written whole, and read back only where it fits together.

`layout.json` carries a digest (SHA-256) of each of the other files, and one of itself without its
digests. What the words of the program are is said by `kernel.mem`; `kernel.asm` must say the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from fa.diagnostics import CompileError
from fa.machine.host.layout import VERSION
from fa.machine.program.assembler import assemble_lines
from fa.machine.program.assembly_errors import AssemblyError
from fa.machine.program.mem_file import located_words, read_mem, write_mem
from fa.output_files import write_directory

MLIR, ASM, MEM, LAYOUT, REPORT = KERNEL_FILES = (
    "kernel.mlir",
    "kernel.asm",
    "kernel.mem",
    "layout.json",
    "report.txt",
)

DIGESTS = "digests"
"""The key of the manifest with the digest of each file, by name."""


@dataclass(frozen=True)
class KernelFiles:
    """What the files of a kernel say; `manifest` is layout.json without its digests.

    `problem` is a digest that does not fit what was read: to be raised where nothing else, of which
    more could be said, is wrong.
    """

    mlir: str
    asm: str
    words: Sequence[int]
    manifest: Mapping[str, Any]
    report: str
    problem: CompileError | None = None

    def write(self, directory: str | Path) -> None:
        """Write them, all or none. Raises CompileError."""
        texts = {
            MLIR: self.mlir,
            ASM: self.asm,
            MEM: write_mem(self.words),
            REPORT: self.report,
        }
        digests = {name: digest(text.encode()) for name, text in texts.items()}
        digests[LAYOUT] = digest(_canonical(self.manifest))
        texts[LAYOUT] = json.dumps({**self.manifest, DIGESTS: digests}, indent=2) + "\n"

        def write(folder: str) -> None:
            for name, text in texts.items():
                (Path(folder) / name).write_bytes(text.encode())

        write_directory(str(directory), write)

    @classmethod
    def read(cls, directory: str | Path) -> KernelFiles:
        """Read what `write` wrote.

        Raises CompileError where files are missing or damaged, or are not of one kernel; where only
        the digests say so, it is the `problem` of what is returned.
        """
        folder = Path(directory)
        data = {name: _contents(folder / name) for name in KERNEL_FILES}
        manifest = _manifest(data[LAYOUT], folder / LAYOUT)
        texts = {name: _decoded(data[name], folder / name) for name in KERNEL_FILES}
        words = _words(texts[ASM], texts[MEM], folder)
        problem = _wrong_digest(data, manifest, folder)
        return cls(texts[MLIR], texts[ASM], words, manifest, texts[REPORT], problem)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    """The same bytes for the same values, however they are written."""
    return json.dumps(manifest, sort_keys=True).encode()


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CompileError(f"cannot read '{path}': {error.strerror}") from None
    except ValueError:
        raise CompileError(f"cannot read {str(path)!r}: no path has a null character") from None


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise CompileError("not a text file in UTF-8", f"{path}:{line}:{column}") from None


def _manifest(data: bytes, path: Path) -> dict[str, Any]:
    """The manifest, of this version."""
    where, text = f"{path}:1:1", _decoded(data, path)
    try:
        found = json.loads(text)
        # Half a surrogate pair is valid in JSON, and in no text that could be printed.
        json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise CompileError(error.msg, f"{path}:{error.lineno}:{error.colno}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise CompileError(f"the layout is damaged: {reason}; compile again", where) from None
    if not isinstance(found, dict):
        raise CompileError("a layout is a table of JSON; compile again", where)
    manifest = cast("dict[str, Any]", found)
    version = manifest.get("version")
    if version != VERSION:
        raise CompileError(
            f"layout version {version!r:.40} cannot be read, this is version {VERSION}; compile "
            "again",
            where,
        )
    return manifest


def _wrong_digest(
    data: Mapping[str, bytes], manifest: dict[str, Any], folder: Path
) -> CompileError | None:
    """What is not as the manifest was written with; takes its digests out of it."""
    where = f"{folder / LAYOUT}:1:1"
    known = manifest.pop(DIGESTS, None)
    if not isinstance(known, dict):
        return CompileError(f"'{DIGESTS}' is missing; compile again", where)
    digests = cast("dict[str, object]", known)
    if digests.get(LAYOUT) != digest(_canonical(manifest)):
        return CompileError(f"{LAYOUT} has been changed since it was written; compile again", where)
    for name in KERNEL_FILES:
        if name != LAYOUT and digests.get(name) != digest(data[name]):
            return CompileError(
                f"{name} is not the one that {LAYOUT} was written with; compile again",
                f"{folder / name}:1:1",
            )
    return None


def _words(asm: str, mem: str, folder: Path) -> list[int]:
    """The words of the program, which both files must say alike."""
    try:
        words = read_mem(mem)
    except AssemblyError as error:
        raise _located(error, folder / MEM) from None
    try:
        assembled = assemble_lines(asm)
    except AssemblyError as error:
        raise _located(error, folder / ASM) from None
    for pc, (word, (other, line)) in enumerate(zip(words, assembled, strict=False)):
        if word != other:
            at = next(islice(located_words(mem), pc, None))
            raise CompileError(
                f"word {pc} is {word:#010x}, and line {line} of {ASM} gives {other:#010x}; compile "
                "again",
                f"{folder / MEM}:{at.line}:{at.column}",
            )
    if len(words) != len(assembled):
        raise CompileError(
            f"{len(words)} words, and {ASM} has {len(assembled)} instructions; compile again",
            f"{folder / MEM}:1:1",
        )
    return words


def _located(error: AssemblyError, path: Path) -> CompileError:
    return CompileError(error.message, f"{path}:{error.line}:{error.column}")

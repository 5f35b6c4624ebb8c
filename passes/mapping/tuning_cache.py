"""Choices that a search has found, kept on disk for the next compilation.

One JSON file for each problem, machine and target, in `$FA_CACHE_DIR`, else in `fa-compiler` under
the user's cache directory (`$XDG_CACHE_HOME`, else ~/.cache). `FA_CACHE=0` switches it off. A file
that cannot be read, or that another version of the compiler wrote, is ignored with a remark, a
line on standard error; so is a directory that cannot be written. Nothing here is ever an error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, cast

from ... import __version__
from ...machine.spec.params import Machine

Choice: TypeAlias = Mapping[str, "str | int"]
"""What was chosen: names and values, as options of passes have them."""

FOLDER = "fa-compiler"
"""The cache's folder in the user's cache directory."""

_FOLDERS = ("dialects", "frontends", "lowering", "machine", "passes")
SOURCES = ("*.py", *(f"{folder}/**/*.py" for folder in _FOLDERS))
"""Files of the package whose code decides what is chosen and what a choice is worth."""


@dataclass(frozen=True)
class Key:
    """What a choice is for.

    `problem` says shapes, mask and formats in any text that is equal for equal problems; `machine`
    is `machine_digest`, `target` what is optimised for, `version` that of the compiler.
    """

    problem: str
    machine: str
    target: str
    version: str

    @classmethod
    def of(cls, problem: str, machine: Machine, target: str, table: str = "") -> Key:
        """The key for this version of the compiler; `table` is what the target's cost table says,
        which need not be one of the package's."""
        version = compiler_version()
        if table:
            version = f"{version}+{sha256(table.encode()).hexdigest()[:16]}"
        return cls(problem, machine_digest(machine), target, version)

    @property
    def name(self) -> str:
        """The name of the file, which versions share: a stale entry is found and replaced."""
        text = json.dumps([self.problem, self.machine, self.target])
        return f"{sha256(text.encode()).hexdigest()[:32]}.json"


def machine_digest(machine: Machine) -> str:
    """A digest of the settings that the machine was read from; its name does not matter."""
    settings = machine.settings.get("TRANSACTIONAL", {})
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]


@cache
def compiler_version() -> str:
    """The version of the package and a digest of its code, some 10 ms when first asked for."""
    return f"{__version__}+{code_digest(Path(__file__).resolve().parents[2])}"


def code_digest(package: Path) -> str:
    """A digest of the modules in `SOURCES` of a package."""
    digest = sha256()
    for pattern in SOURCES:
        for path in sorted(package.glob(pattern)):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path | None:
    """Where choices are kept; None where the cache is off or the user has no home."""
    if os.environ.get("FA_CACHE", "1") == "0":
        return None
    if given := os.environ.get("FA_CACHE_DIR"):
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # the standard asks to ignore others
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / FOLDER


def _print_remark(text: str) -> None:
    print(f"fa: remark: {text}", file=sys.stderr)


class TuningCache:
    """Choices by key. `remark` takes a line of text about what was ignored."""

    def __init__(
        self, folder: Path | None, remark: Callable[[str], object] = _print_remark
    ) -> None:
        self.folder = folder
        self._remark = remark

    @classmethod
    def user(cls, remark: Callable[[str], object] = _print_remark) -> TuningCache:
        """The user's cache, as the environment has it."""
        return cls(cache_folder(), remark)

    def get(self, key: Key) -> dict[str, str | int] | None:
        """The choice for a key; None where there is none that can be used."""
        if self.folder is None:
            return None
        path = self.folder / key.name
        try:
            entry: object = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            self._ignore(path, reason or "it cannot be read")
            return None
        found, choice = _parts(entry)
        if choice is None or found is None:
            self._ignore(path, "it is damaged")
        elif found["version"] != key.version:
            self._ignore(path, f"it is of version {found['version']!r}, this is {key.version!r}")
        elif found != asdict(key):
            self._ignore(path, "it is for something else")
        else:
            return choice
        return None

    def put(self, key: Key, choice: Choice) -> None:
        """Keep a choice, in the place of another one; all of it is there or nothing."""
        if self.folder is None:
            return
        text = json.dumps({"key": asdict(key), "choice": dict(choice)}, indent=2) + "\n"
        path, temporary = self.folder / key.name, None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".json")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except OSError as error:
            if temporary is not None:
                with suppress(OSError):
                    os.unlink(temporary)
            self._remark(f"'{path}' cannot be written: {error.strerror}; the choice is not kept")

    def refuse(self, key: Key, reason: str) -> None:
        """Say that the choice for a key is not taken, and why."""
        if self.folder is not None:
            self._ignore(self.folder / key.name, reason)

    def _ignore(self, path: Path, reason: str) -> None:
        self._remark(f"'{path}' is ignored: {reason}")


def _parts(entry: object) -> tuple[dict[str, str] | None, dict[str, str | int] | None]:
    """The key and the choice of an entry, each None where it is none."""
    if not isinstance(entry, dict):
        return None, None
    parts = cast("dict[str, object]", entry)
    key, choice = parts.get("key"), parts.get("choice")
    if not isinstance(key, dict) or not isinstance(choice, dict):
        return None, None
    fields = cast("dict[str, object]", key)
    values = cast("dict[str, object]", choice)
    names = ("problem", "machine", "target", "version")
    if set(fields) != set(names) or not all(isinstance(each, str) for each in fields.values()):
        return None, None
    if not all(type(each) in (str, int) for each in values.values()):
        return None, None
    return cast("dict[str, str]", fields), cast("dict[str, str | int]", values)

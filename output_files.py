"""Output that appears whole or not at all: written beside its place, then moved there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress

from fa.diagnostics import CompileError


def unwritable(path: str, error: OSError) -> CompileError:
    """The error for an output that cannot be written."""
    return CompileError(f"cannot write '{path}': {error.strerror or error}")


def write_directory(path: str, write: Callable[[str], object]) -> None:
    """Let `write` fill a temporary directory, which then becomes the directory `path`.

    Directories above it are made where they are missing. Where `path` is there already, its files
    of the same names are replaced, each at once, when all are written. Raises CompileError; then
    nothing of what is new is left.
    """
    check_directory(path)
    target = os.path.realpath(path)
    above = _missing_above(target)
    try:
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _write(target, write)
        except BaseException:
            for folder in reversed(above):
                with suppress(OSError):
                    os.rmdir(folder)
            raise
    except OSError as error:
        raise unwritable(path, error) from None


def check_name(path: str) -> None:
    """Check that `path` can name an output at all. Raises CompileError."""
    if not path:
        raise CompileError("an output cannot be called ''; write a path")
    if "\0" in path:
        raise CompileError(f"an output cannot be called {path!r}, which has a NUL")


def check_directory(path: str) -> None:
    """Check that a directory `path` could be written, before long work. Raises CompileError."""
    check_name(path)
    target = os.path.realpath(path)
    try:
        folder = target if os.path.lexists(target) else _nearest(target)
        if not os.path.isdir(folder):
            beside = "Not a directory" if folder == target else f"'{folder}' is no directory"
            raise NotADirectoryError(0, beside)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise unwritable(path, error) from None


def _nearest(target: str) -> str:
    """The nearest that there is above a path."""
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def _missing_above(target: str) -> list[str]:
    """The directories above a path that are not there, the outermost first."""
    missing: list[str] = []
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return missing


def _write(target: str, write: Callable[[str], object]) -> None:
    temporary = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=".fa.")
    try:
        write(temporary)
        if os.path.isdir(target):
            names = _files_below(temporary)
            for name in names:
                if os.path.isdir(os.path.join(target, name)):
                    raise IsADirectoryError(0, f"'{name}' in it is a directory")
            for name in names:
                os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
                os.replace(os.path.join(temporary, name), os.path.join(target, name))
        else:
            os.chmod(temporary, 0o777 & ~umask())
            os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files_below(folder: str) -> list[str]:
    """The files in a directory and in those below it, relative to it."""
    found = [
        os.path.relpath(os.path.join(path, name), folder)
        for path, _, names in os.walk(folder)
        for name in names
    ]
    return sorted(found)


def umask() -> int:
    """The permissions that new files do not get; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

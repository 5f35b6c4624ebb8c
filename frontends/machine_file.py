"""Checking a machine that a user names, with the place in the settings file that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

from ..diagnostics import CompileError
from ..machine.spec.params import Machine
from ..machine.spec.settings_reader import MachineError


def check_machine(requested: str) -> None:
    """Check that `requested` is a preset or a settings file that can be compiled for.

    Raises CompileError, at the line of the settings file that holds the value where there is one.
    """
    if not requested:
        raise CompileError(
            "no machine is called ''; write a preset's name or a settings .toml file"
        )
    try:
        Machine.load(requested).require_consistent()
    except MachineError as error:
        raise _located(error) from error


def _located(error: MachineError) -> CompileError:
    """`error` as a CompileError; its message no longer starts with the file's name."""
    if error.line:
        where = f"{error.path}:{error.line}:{error.column}"
        return CompileError(error.message.removeprefix(f"{where}: "), where)
    message = error.message.removeprefix(f"{error.path}: ")
    try:
        text = Path(error.path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return CompileError(error.message)
    line = _line_of_key(text, message.partition(":")[0])
    return CompileError(message, f"{error.path}:{line}:1")


def _line_of_key(text: str, key: str) -> int:
    """The line, from 1, of the dotted `key` in TOML text, else of the innermost table around it."""
    lines = text.split("\n")
    path = key.split(".")
    for depth in range(len(path), 0, -1):
        header = re.compile(r"\s*\[\s*" + r"\s*\.\s*".join(map(re.escape, path[:depth])) + r"\s*\]")
        start = next((i for i, line in enumerate(lines) if header.match(line)), None)
        if start is None:
            continue
        if depth < len(path):
            entry = re.compile(rf"\s*{re.escape(path[depth])}\s*=")
            for number in range(start + 1, len(lines)):
                if lines[number].lstrip().startswith("["):
                    break
                if entry.match(lines[number]):
                    return number + 1
        return start + 1
    return 1

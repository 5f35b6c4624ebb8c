"""What the command-line tools share: errors, arguments, input and output.

Every tool ends with status 0, or with status 1 and one line on standard error; its output appears
whole or not at all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from xdsl.dialects.builtin import ModuleOp

from ...diagnostics import CompileError
from ...frontends.mlir import STDIN, decode, parse_module
from ...frontends.pipeline_text import Factories, unknown_pass
from ...frontends.reproducer import RECORDING
from ...universe import PASSES

BAD_INPUT = 1
"""The exit status for bad input of any kind."""


def run_tool(tool: str, body: Callable[[], None]) -> int:
    """Run `body`, the work of `tool`; the exit status. Bad input is printed as one line."""
    if not sys.warnoptions:
        # Python's own warnings are for the developers of a library, and would add lines.
        warnings.simplefilter("ignore")
    try:
        body()
        sys.stdout.flush()
    except CompileError as error:
        print(error.text(tool), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader, `head` for one, has what it wanted. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD_INPUT
    except KeyboardInterrupt:
        return 130
    return 0


REPRODUCER_HELP = (
    "where to write, when a pass fails, what it was given: fa-opt --run-reproducer runs it again"
)


def reproducing(path: str | None, body: Callable[[], None]) -> None:
    """Do `body`; where a pass fails, write its input and the passes left to the file `path`."""
    if path is None:
        body()
        return
    check_writable(path)
    token = RECORDING.set(True)
    try:
        body()
    except CompileError as error:
        if error.reproducer is not None:
            write_text(path, error.reproducer)
        raise
    finally:
        RECORDING.reset(token)


class ToolParser(argparse.ArgumentParser):
    """An argument parser whose complaints are those of every other bad input."""

    def __init__(self, tool: str, description: str, epilog: str | None = None):
        super().__init__(
            prog=tool,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise CompileError(message)


def display_name(path: str) -> str:
    """What locations call the input `path`."""
    return STDIN if path == "-" else path


def read_bytes(path: str) -> bytes:
    """The contents of the file `path`, `-` for standard input. Raises CompileError."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CompileError(f"cannot read '{display_name(path)}': {error.strerror}") from None


def read_text(path: str) -> str:
    """The text of the file `path`, `-` for standard input. Raises CompileError."""
    return decode(read_bytes(path), display_name(path))


CONSTANT_HELP = (
    "the value of an ONNX model's input that must be known, such as nonpad_kv_seqlen=8,5"
)


def parse_constants(given: Sequence[str]) -> dict[str, list[int]]:
    """The values of `--constant NAME=N,...`, a flag for each name. Raises CompileError."""
    constants: dict[str, list[int]] = {}
    for text in given:
        name, equals, numbers = text.rpartition("=")
        try:
            values = [int(number) for number in numbers.split(",")]
        except ValueError:
            values = []
        if not equals or not name or not values:
            raise CompileError(f"argument --constant: write NAME=N,... with integers, not '{text}'")
        if name in constants:
            raise CompileError(f"argument --constant: '{name}' is given twice")
        constants[name] = values
    return constants


def read_source(path: str, constants: Sequence[str] = ()) -> ModuleOp:
    """The module in the MLIR file `path`, `-` for standard input, or in an ONNX model.

    `constants` are the values of `--constant`. Raises CompileError.
    """
    bound = parse_constants(constants)
    if path.endswith(".onnx"):
        from ...frontends.onnx.importer import import_onnx

        return import_onnx(path, bound)
    if bound:
        raise CompileError("argument --constant: only an ONNX model has inputs to name")
    return parse_module(read_text(path), display_name(path))


def unwritable(path: str, error: OSError) -> CompileError:
    """The error for an output that cannot be written."""
    return CompileError(f"cannot write '{path}': {error.strerror}")


def write_text(path: str | None, text: str) -> None:
    """Write `text` to the file `path`, or to standard output for None and `-`."""
    if path is None or path == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_file(path, lambda temporary: Path(temporary).write_text(text, "utf-8"))


def write_file(path: str, write: Callable[[str], object]) -> None:
    """Let `write` fill a temporary file, which then takes the place of `path`.

    So nobody ever sees half a file, and a file that was there stays where writing fails. What is no
    regular file, `/dev/null` for one, is written directly. Raises CompileError.
    """
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            write(target)
            return
        handle, temporary = tempfile.mkstemp(
            dir=os.path.dirname(target) or ".", prefix=f".{os.path.basename(target)}."
        )
        os.close(handle)
        try:
            write(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise unwritable(path, error) from None


def write_directory(path: str, write: Callable[[str], object]) -> None:
    """Let `write` fill a temporary directory, which then becomes the directory `path`.

    Where `path` is there already, its files of the same names are replaced. Raises CompileError.
    """
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isdir(target):
            raise NotADirectoryError(0, "Not a directory")
        temporary = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=".fa.")
        try:
            write(temporary)
            if os.path.isdir(target):
                for name in sorted(os.listdir(temporary)):
                    os.replace(os.path.join(temporary, name), os.path.join(target, name))
            else:
                os.chmod(temporary, 0o777 & ~_umask())
                os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise unwritable(path, error) from None


def check_writable(path: str) -> None:
    """Check that a file `path` could be written, before long work. Raises CompileError."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise unwritable(path, IsADirectoryError(0, "Is a directory"))
    if not os.path.isdir(folder):
        raise unwritable(path, FileNotFoundError(0, "No such file or directory"))
    if not os.access(target if os.path.exists(target) else folder, os.W_OK):
        raise unwritable(path, PermissionError(0, "Permission denied"))


def _umask() -> int:
    """The permissions that new files do not get; reading it means setting it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def collect_passes(arguments: Sequence[str], known: Container[str]) -> tuple[list[str], list[str]]:
    """Split MLIR-style pass flags off a command line: (pieces of a pipeline, other arguments).

    `--NAME` and `--NAME=options` with a known pass, and `-p`/`--passes`, in the order written.
    argparse cannot do this: it would take the input file for the options of a flag before it.
    """
    pieces: list[str] = []
    others: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return pieces, [*others, argument, *rest]
        flag, equals, value = argument.partition("=")
        name = flag.lstrip("-")
        if flag in ("-p", "--passes"):
            if not equals and not rest:
                others.append(argument)  # argparse says what is missing
                continue
            pieces.append(value if equals else rest.pop(0))
        elif argument.startswith("-p") and name not in known:
            pieces.append(argument[2:])
        elif argument.startswith("-") and name in known:
            pieces.append(f"{name}{{{value}}}" if value.strip() else name)
        else:
            others.append(argument)
    return [piece for piece in pieces if piece.strip()], others


def explain_arguments(message: str, known: Factories) -> str:
    """argparse's complaint, or a better one where a pass flag was mistyped.

    `known` are the passes that are flags.
    """
    unknown = message.removeprefix("unrecognized arguments: ")
    if unknown == message or not unknown.startswith("-"):
        return message
    flag = unknown.split()[0].partition("=")[0]
    name = flag.lstrip("-")
    if get_close_matches(name, known, n=1):
        return unknown_pass(name, known)
    return (
        f"unknown flag '{flag}'; passes are --{', --'.join(PASSES)}; fa-opt --help lists the others"
    )

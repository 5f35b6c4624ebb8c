"""What the command-line tools share: errors, arguments, input and output.

Every tool ends with status 0, or with status 1 and one line on standard error; its output appears
whole or not at all.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from xdsl.dialects.builtin import ModuleOp

from ...diagnostics import CompileError, printable
from ...frontends.mlir import STDIN, decode, make_context, parse_module
from ...frontends.onnx.constants import parse_constants
from ...frontends.pipeline_text import Factories, anchored, unknown_pass
from ...frontends.reproducer import RECORDING
from ...output_files import check_name, umask, unwritable
from ...universe import PASSES
from .folders import folders_above, nearest_folder
from .interrupts import INTERRUPTED, interrupted, leave_at_once, raise_interrupts
from .streams import STDOUT, abandon_stdout, complain, prepare_streams, read_stdin, write_stdout

BAD_INPUT = 1
"""The exit status for bad input of any kind."""


def run_tool(tool: str, body: Callable[[], None]) -> int:
    """Run `body`, the work of `tool`; the exit status. Bad input is printed as one line.

    An interrupt ends it with status 130, and standard output that takes no more is bad input.
    """
    if not sys.warnoptions:
        # Python's own warnings are for the developers of a library, and would add lines.
        warnings.simplefilter("ignore")
    try:
        raise_interrupts()
        return _status(tool, body)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException:
        if interrupted():  # some libraries make other exceptions of it
            return INTERRUPTED
        raise
    finally:
        leave_at_once(again=True)


def _status(tool: str, body: Callable[[], None]) -> int:
    """Do `body` and write what is left in buffers; 0, or `BAD_INPUT`."""
    prepare_streams()
    try:
        try:
            body()
        except SystemExit as end:  # --help and --version, printed by argparse
            if end.code:
                raise
        write_stdout("")
    except CompileError as error:
        complain(error.text(tool))
        return BAD_INPUT
    except RecursionError:
        complain(CompileError("the input is nested too deep; write it flatter").text(tool))
        return BAD_INPUT
    except MemoryError:
        message = "there is not enough memory for this; make the shapes smaller"
        complain(CompileError(message).text(tool))
        return BAD_INPUT
    except BrokenPipeError:
        # The reader, `head` for one, has what it wanted.
        abandon_stdout()
        return BAD_INPUT
    except OSError as error:
        what = f"cannot use '{error.filename}'" if error.filename else f"cannot write '{STDOUT}'"
        abandon_stdout()
        complain(CompileError(f"{what}: {error.strerror}").text(tool))
        return BAD_INPUT
    return 0


VERSION_HELP = "print the versions of this compiler and of xDSL"

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
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            flag = unknown.partition(" ")[0].partition("=")[0]
            close = get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.75)
            hint = f"did you mean {close[0]}? " if close else ""
            message = f"unknown argument '{unknown}'; {hint}{self.prog} --help lists what there is"
        raise CompileError(clearer(message))

    def print_help(self, file: object = None) -> None:
        # argparse looks away where this fails.
        write_stdout(self.format_help())


def clearer(message: str) -> str:
    """argparse's complaint about a flag that takes no value, in words that say so."""
    return re.sub(r"ignored explicit argument ('.*')", r"it takes no value, not \1", message)


def display_name(path: str) -> str:
    """What locations call the input `path`: one line of text, whatever bytes the name has."""
    if path == "-":
        return STDIN
    return printable(path)


def read_bytes(path: str) -> bytes:
    """The contents of the file `path`, `-` for standard input. Raises CompileError."""
    try:
        if path == "-":
            return read_stdin()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CompileError(f"cannot read '{display_name(path)}': {error.strerror}") from None
    except ValueError as error:  # a name with a NUL
        raise CompileError(f"cannot read '{display_name(path)}': {error}") from None


def read_text(path: str) -> str:
    """The text of the file `path`, `-` for standard input. Raises CompileError."""
    return decode(read_bytes(path), display_name(path))


CONSTANT_HELP = (
    "the value of an ONNX model's input that must be known, such as nonpad_kv_seqlen=8,5"
)


def read_source(
    path: str, constants: Sequence[str] = (), allow_unregistered: bool = False
) -> ModuleOp:
    """The module in the MLIR file `path`, `-` for standard input, or in an ONNX model.

    `constants` are the values of `--constant`. Raises CompileError.
    """
    bound = parse_constants(constants)
    if path.endswith(".onnx"):
        from ...frontends.onnx.importer import import_onnx

        return import_onnx(path, bound, primitive=allow_unregistered)
    if bound:
        raise CompileError("argument --constant: only an ONNX model has inputs to name")
    context = make_context(allow_unregistered)
    return parse_module(read_text(path), display_name(path), context=context)


def write_text(path: str | None, text: str) -> None:
    """Write `text` to the file `path`, or to standard output for None and `-`."""
    if path is None or path == "-":
        write_stdout(text)
        return
    write_file(path, lambda temporary: Path(temporary).write_text(text, "utf-8"))


def write_file(path: str, write: Callable[[str], object]) -> None:
    """Let `write` fill a temporary file, which then takes the place of `path`.

    So nobody ever sees half a file, and a file that was there stays where writing fails. Folders
    above it that are missing are made. What is no regular file, `/dev/null` for one, is written
    directly. Raises CompileError.
    """
    check_name(path)
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            write(target)
            return
        if os.path.islink(target):  # one that leads to itself
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if path.endswith(os.sep):
            raise IsADirectoryError(errno.EISDIR, "it is the name of a folder; name a file in it")
        with folders_above(target):
            _replace_file(target, write)
    except OSError as error:
        raise unwritable(path, error) from None


def _replace_file(target: str, write: Callable[[str], object]) -> None:
    handle, temporary = tempfile.mkstemp(
        dir=os.path.dirname(target), prefix=f".{os.path.basename(target)[:100]}."
    )
    os.close(handle)
    try:
        write(temporary)
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def check_writable(path: str) -> None:
    """Check that a file `path` could be written, before long work. Raises CompileError."""
    check_name(path)
    if path == "-":
        raise CompileError("standard output ('-') is for text; write the path of a file")
    target, folder = os.path.realpath(path), nearest_folder(path)
    if os.path.isdir(target):
        raise unwritable(path, IsADirectoryError(errno.EISDIR, "Is a directory"))
    if not os.path.isdir(folder):
        raise unwritable(path, NotADirectoryError(errno.ENOTDIR, f"'{folder}' is no directory"))
    if not os.access(target if os.path.exists(target) else folder, os.W_OK):
        raise unwritable(path, PermissionError(errno.EACCES, "Permission denied"))


def check_files(paths: Sequence[str | None]) -> None:
    """Check that files of bytes could be written, no two the same; None is one not wanted.

    Raises CompileError.
    """
    for path in paths:
        if path is not None:
            check_writable(path)
    check_outputs(paths)


def check_outputs(paths: Sequence[str | None]) -> None:
    """Check that texts could be written, no two to the same place; None is one not wanted.

    `-` is standard output. Raises CompileError.
    """
    seen: set[str] = set()
    for path in paths:
        if path is None:
            continue
        if path != "-":
            check_writable(path)
        target = path if path == "-" else os.path.realpath(path)
        if target in seen and target != os.devnull:
            name = "standard output" if path == "-" else f"'{display_name(path)}'"
            raise CompileError(f"two outputs go to {name}; give each its own")
        seen.add(target)


def refuse_stream(*directories: str | None) -> None:
    """Raise CompileError where an output directory is to be standard output."""
    if "-" in directories:
        raise CompileError("standard output ('-') takes no directory; write the path of one")


def collect_passes(arguments: Sequence[str], known: Container[str]) -> tuple[list[str], list[str]]:
    """Split MLIR-style pass flags off a command line: (pieces of a pipeline, other arguments).

    `--NAME` and `--NAME=options` with a known pass, `-p`/`--passes` and `--pass-pipeline`, in the
    order written.
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
        elif flag == "--pass-pipeline":
            if not equals and not rest:
                others.append(argument)
                continue
            pieces.append(anchored(value if equals else rest.pop(0)))
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
    if unknown == message:
        return clearer(message)
    if not unknown.startswith("-"):
        return f"unknown argument '{unknown}'; there is one input, and flags begin with -"
    flag = unknown.split()[0].partition("=")[0]
    name = flag.lstrip("-")
    if get_close_matches(name, known, n=1):
        return unknown_pass(name, known)
    return (
        f"unknown flag '{flag}'; passes are --{', --'.join(PASSES)}; fa-opt --help lists the others"
    )

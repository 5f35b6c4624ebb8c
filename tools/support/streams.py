"""Standard input, output and error of a tool, which may be closed, full, or of another encoding."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import cast

from ...diagnostics import CompileError

STDOUT = "<stdout>"
"""What errors call standard output."""


class _Closed(io.TextIOBase):
    """Standard output where the shell has closed it (`>&-`): what is written is an error.

    argparse, for one, looks away when a write fails; so `flush` fails after one.
    """

    _wanted = False

    def write(self, s: str, /) -> int:
        self._wanted = True
        raise OSError(errno.EBADF, "it is closed")

    def flush(self) -> None:
        if self._wanted:
            self._wanted = False
            raise OSError(errno.EBADF, "it is closed")


def prepare_streams() -> None:
    """Make standard output and error usable: present, and in UTF-8 whatever the locale is."""
    # Python has None for a stream that is closed, and `print` takes None for standard output.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = _Closed()
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        cast(io.TextIOWrapper, sys.stdout).reconfigure(encoding="utf-8")


def read_stdin() -> bytes:
    """All of standard input. Raises OSError, also where it is closed."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer.read()


def write_stdout(text: str) -> None:
    """Write `text` to standard output and flush it; "" flushes what is there.

    Raises CompileError where it takes no more, BrokenPipeError where the reader has left.
    """
    try:
        if text:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise CompileError(f"cannot write '{STDOUT}': {error.strerror}") from None


def abandon_stdout() -> None:
    """Send what is left in standard output's buffer nowhere: Python would complain at exit."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def complain(line: str) -> None:
    """Print `line` on standard error, if anyone listens there."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)

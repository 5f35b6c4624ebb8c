"""Errors that say where: `file:line:col: error: what is wrong, and what would be right`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from xdsl.utils.exceptions import PassFailedException

if TYPE_CHECKING:
    from xdsl.ir import Attribute, Operation

API = "fa"
"""What stands for the location where there is neither a file nor a tool."""


LONGEST = 1000
"""Characters of the longest word in a message."""


class CompileError(ValueError):
    """Bad input. Its text is the one line that the tools print.

    `message` says what is wrong and what would be right; `location` is `file:line:col` where there
    is one. Where there is none a tool puts its own name there, the Python API `fa`. `reproducer` is
    a file with what the failing pass was given, where that is recorded (`frontends.reproducer`).
    """

    reproducer: str | None = None

    def __init__(self, message: str, location: str | None = None):
        self.message = one_line(message)
        self.location = location
        super().__init__(self.text())

    def text(self, tool: str = API) -> str:
        """The line to print, with `tool` for the location where there is none."""
        return f"{self.location or tool}: error: {self.message}"


class OpError(PassFailedException):
    """An operation that a pass cannot take, for a reason that the message states.

    The tools print it at the operation's source location; `xdsl-opt` shows it as any failed pass.
    """

    def __init__(self, op: Operation, message: str):
        super().__init__(message)
        self.op = op


class NoRegisters(OpError):
    """A kernel that wants more registers, or more slots for spilled ones, than there are.

    Another form of the kernel may do with them; any other OpError is about what is wrong with it.
    """


REMARKS: ContextVar[Callable[[Operation, str, str], None] | None] = ContextVar(
    "REMARKS", default=None
)
"""Who is told remarks of passes: the operation, the pass, the message. By default they are printed
on standard error."""


def remark(op: Operation, by: str, message: str) -> None:
    """Say at an operation what the pass `by` left undone, and why; no error."""
    listener = REMARKS.get()
    if listener is not None:
        listener(op, by, message)
    else:
        print(f"{position(op) or by}: remark: {by}: {one_line(message)} [missed]", file=sys.stderr)


def one_line(text: str) -> str:
    """`text` with every run of white space, line ends included, made one space.

    Characters that do not print are escaped, and of words as no message has them the middle is
    left out.
    """
    words = (
        word if len(word) <= LONGEST else f"{word[:60]}...{word[-60:]}" for word in text.split()
    )
    return " ".join(printable(word) for word in words)


def printable(text: str) -> str:
    """`text` with characters that do not print, line ends for one, escaped as Python has them."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def position(op: Operation) -> str | None:
    """`file:line:col` of `op`, or of the nearest operation around it that has a position.

    Operations that a pass has made carry no position of their own. None if nothing around has one.
    The name alone where the file has no lines (line 0), as a model has.
    """
    current: Operation | None = op
    while current is not None:
        if (found := file_position(current.location)) is not None:
            return found
        current = current.parent_op()
    return None


def file_position(location: Attribute) -> str | None:
    """The first `file:line:col` that `location` names; None where there is none."""
    from xdsl.dialects.builtin import ArrayAttr, CallSiteLoc, FileLineColLoc, FusedLoc, NameLoc
    from xdsl.ir import Attribute
    from xdsl.utils.hints import isa

    if isinstance(location, FileLineColLoc):
        if location.line.data == 0:
            return location.filename.data
        return f"{location.filename.data}:{location.line.data}:{location.column.data}"
    nested: tuple[Attribute, ...] = ()
    if isinstance(location, NameLoc):
        nested = (location.location,)
    elif isinstance(location, CallSiteLoc):
        nested = (location.callee, location.caller)
    elif isinstance(location, FusedLoc) and isa(location.locations, ArrayAttr[Attribute]):
        nested = location.locations.data
    return next((found for loc in nested if (found := file_position(loc)) is not None), None)

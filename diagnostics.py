"""Errors that say where: `file:line:col: error: what is wrong, and what would be right`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.utils.exceptions import PassFailedException

if TYPE_CHECKING:
    from xdsl.ir import Operation


class CompileError(ValueError):
    """Bad input. Its text is the one line that the tools print."""


class OpError(PassFailedException):
    """An operation that a pass cannot take, for a reason that the message states.

    The tools print it at the operation's source location; `xdsl-opt` shows it as any failed pass.
    """

    def __init__(self, op: Operation, message: str):
        super().__init__(message)
        self.op = op

"""Ctrl-C: a tool ends with status 130 and prints nothing, wherever it is at that moment."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""The exit status, as shells have it for SIGINT."""

_state = {"ours": False, "interrupted": False}


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _state["interrupted"] = True
    raise KeyboardInterrupt


def leave_at_once(*, again: bool = False) -> None:
    """From now on an interrupt ends the process: there is nothing to tidy up.

    Python's own handler raises KeyboardInterrupt, amid an import with a traceback of many lines.
    Where interrupts are ignored, as in a shell's background jobs, they stay so. `again`: only where
    they have been ours before.
    """
    if not again and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _state["ours"] = True
    if _state["ours"]:
        signal.signal(signal.SIGINT, _leave)


def raise_interrupts() -> None:
    """From now on an interrupt is a KeyboardInterrupt, so that temporary files are removed.

    Only after `leave_at_once`: who calls a tool from Python has handlers of their own.
    """
    if _state["ours"]:
        signal.signal(signal.SIGINT, _interrupt)


def interrupted() -> bool:
    """Whether an interrupt was raised; libraries make other exceptions of it at times."""
    return _state["interrupted"]

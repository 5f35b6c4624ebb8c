"""Crash reproducers: what a failing pass was given, as a file that `fa-opt` runs again.

The file is the module before the pass, its machine included, under a first line that says what was
to be run: the pass and those behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar

from xdsl.passes import ModulePass

from ..diagnostics import CompileError

RECORDING: ContextVar[bool] = ContextVar("RECORDING", default=False)
"""Whether passes keep their input, so that the error of one that fails has a `reproducer`."""

_CONFIGURATION = re.compile(r"// configuration: -p '([^'\n]*)'")


def reproducer(module: str, passes: Sequence[ModulePass]) -> str:
    """The file for the text of a module and the passes that were to run on it."""
    pipeline = ",".join(str(each.pipeline_pass_spec()) for each in passes)
    return f"// configuration: -p '{pipeline}'\n{module}"


def configuration(text: str, filename: str) -> str:
    """The pipeline that a reproducer says is to be run. Raises CompileError where it says none."""
    found = _CONFIGURATION.match(text)
    if found is None:
        raise CompileError(
            "this is no reproducer: its first line would be // configuration: -p 'PASSES'",
            f"{filename}:1:1",
        )
    return found[1]

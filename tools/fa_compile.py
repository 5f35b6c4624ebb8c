"""fa-compile: compile MLIR to a directory with the program, its memory layout and a report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from ..diagnostics import CompileError
from ..frontends.source import everything
from .driver import (
    CONSTANT_HELP,
    ToolParser,
    collect_passes,
    explain_arguments,
    read_source,
    run_tool,
    write_directory,
)

TOOL = "fa-compile"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-compile`; the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_tool(TOOL, lambda: _compile(given))


def _compile(arguments: Sequence[str]) -> None:
    pieces, others = collect_passes(arguments, everything().all_passes)
    args = _Parser().parse_args(others)
    source = read_source(args.input, args.constant)

    from ..compiler import compile as compile_attention

    kernel = compile_attention(source, machine=args.machine, passes=",".join(pieces) or None)
    write_directory(args.output, kernel.save)


class _Parser(ToolParser):
    """The arguments that are no passes."""

    def __init__(self):
        super().__init__(
            TOOL,
            "Compile MLIR of any level, or an ONNX model, to DIR/kernel.mlir, kernel.asm, "
            "kernel.mem, layout.json and report.txt.",
            epilog="Passes are named as for fa-opt, as flags or with -p; the default is the whole "
            "chain, --fa-to-plena.",
        )
        self.add_argument("input", metavar="INPUT", help="the module; - is standard input")
        self.add_argument("-o", "--output", metavar="DIR", required=True, help="the directory")
        self.add_argument("-p", "--passes", metavar="a,b{k=v}", help="passes, in the order written")
        self.add_argument(
            "--machine",
            metavar="NAME|FILE.toml",
            help="the machine to compile for: a preset or a settings file",
        )
        self.add_argument(
            "--constant", metavar="NAME=N,...", action="append", default=[], help=CONSTANT_HELP
        )

    def error(self, message: str) -> NoReturn:
        raise CompileError(explain_arguments(message, everything().all_passes))


if __name__ == "__main__":
    sys.exit(main())

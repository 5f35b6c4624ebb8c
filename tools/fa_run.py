"""fa-run: interpret fa or mx IR of any level with numpy."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..diagnostics import CompileError
from ..frontends.mlir import with_position
from .support.driver import (
    CONSTANT_HELP,
    ToolParser,
    check_files,
    read_source,
    run_tool,
    write_text,
)

TOOL = "fa-run"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-run`; the exit status."""
    return run_tool(TOOL, lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    check_files(args.out)
    module = read_source(args.input, args.constant, args.allow_unregistered_dialect)

    # numpy is only loaded when there is something to compute.
    from ..compiler import interpret
    from .support.arrays import Array, describe, load_array, save_array

    values = [load_array(path) for path in args.arg]
    results: list[Array] = []
    with_position(
        lambda: results.extend(
            interpret(module, values, round=not args.no_round, function=args.function)
        ),
        module,
    )
    if len(args.out) > len(results):
        raise CompileError(
            f"the function has {len(results)} results, but --out is given {len(args.out)} times"
        )
    for path, result in zip(args.out, results, strict=False):
        save_array(path, result)
    if not args.out:
        shown = [f"result {i}: {describe(result)}\n" for i, result in enumerate(results)]
        write_text(None, "".join(shown))


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "Interpret fa or mx IR of any level, or an ONNX model, with numpy. Without --out the "
        "results are printed.",
    )
    parser.add_argument("input", metavar="LEVEL.mlir", help="the module; - is standard input")
    parser.add_argument(
        "--arg",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="an argument of the function, in their order",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="where a result goes, in their order",
    )
    parser.add_argument(
        "--function",
        metavar="NAME",
        help="the function to run, in a module of several that no other one calls",
    )
    parser.add_argument(
        "--allow-unregistered-dialect",
        action="store_true",
        help="read operations of dialects that are not known, in generic form",
    )
    parser.add_argument(
        "--no-round",
        action="store_true",
        help="compute in f32 throughout, without rounding results to their element types",
    )
    parser.add_argument(
        "--constant", metavar="NAME=N,...", action="append", default=[], help=CONSTANT_HELP
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

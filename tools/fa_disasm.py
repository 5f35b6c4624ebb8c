"""fa-disasm: turn a file of words back into assembly, or into IR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..diagnostics import CompileError
from ..machine.program.assembly_errors import AssemblyError
from ..machine.program.disassembler import disassemble
from ..machine.program.mem_file import LocatedWord, located_words
from .support.driver import ToolParser, display_name, read_text, run_tool, write_text

TOOL = "fa-disasm"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-disasm`; the exit status."""
    return run_tool(TOOL, lambda: _disassemble(arguments))


def _disassemble(arguments: Sequence[str] | None) -> None:
    parser = ToolParser(
        TOOL,
        "Disassemble a .mem file; assembling the text gives its words again.",
        epilog="The IR of -t mlir is a plena.kernel with registers allocated and loops nested;\n"
        "fa-opt verifies it and prints it as assembly, fa-compile makes of it what fa-sim runs.",
    )
    parser.add_argument("input", metavar="FILE.mem", help="the words; - is standard input")
    parser.add_argument(
        "-o", dest="output", metavar="FILE.asm", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--compat",
        action="store_true",
        help="write text for the published assembler (fa-asm --compat)",
    )
    parser.add_argument(
        "-t",
        dest="target",
        choices=("asm", "mlir"),
        default="asm",
        help="write assembly (default) or the IR of the plena dialect",
    )
    args = parser.parse_args(arguments)
    if args.compat and args.target != "asm":
        raise CompileError("--compat is a kind of assembly; it does not go with -t mlir")
    name = display_name(args.input)
    text = read_text(args.input)
    try:
        words = list(located_words(text))
    except AssemblyError as error:
        raise CompileError(error.message, f"{name}:{error.line}:{error.column}") from error
    if args.target == "mlir":
        write_text(args.output, _mlir(words, name))
    else:
        write_text(args.output, disassemble((word.word for word in words), args.compat))


def _mlir(words: list[LocatedWord], name: str) -> str:
    """The text of a module with the program as a kernel called like its file."""
    from ..frontends.mlir import module_text, verify_module
    from ..lowering.raising import raise_words

    letters = "".join(
        c if c.isascii() and (c.isalnum() or c in "_$.") else "_" for c in Path(name).stem
    )
    symbol = letters if letters[:1].isalpha() or letters.startswith("_") else f"_{letters}"
    module = raise_words(words, name, symbol)
    verify_module(module)
    return module_text(module)

"""fa-disasm: turn a file of words back into assembly."""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import CompileError
from ..machine.disassembler import disassemble
from ..machine.program_file import read_mem
from ..machine.source import AssemblyError
from .driver import ToolParser, display_name, read_text, run_tool, write_text

TOOL = "fa-disasm"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-disasm`; the exit status."""
    return run_tool(TOOL, lambda: _disassemble(arguments))


def _disassemble(arguments: Sequence[str] | None) -> None:
    parser = ToolParser(TOOL, "Disassemble a .mem file; assembling the text gives its words again.")
    parser.add_argument("input", metavar="FILE.mem", help="the words; - is standard input")
    parser.add_argument(
        "-o", dest="output", metavar="FILE.asm", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--compat",
        action="store_true",
        help="write text for the published assembler (fa-asm --compat)",
    )
    args = parser.parse_args(arguments)
    text = read_text(args.input)
    try:
        words = read_mem(text)
    except AssemblyError as error:
        location = f"{display_name(args.input)}:{error.line}:{error.column}"
        raise CompileError(error.message, location) from error
    write_text(args.output, disassemble(words, args.compat))

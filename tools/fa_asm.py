"""fa-asm: assemble a program into a file of words."""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import CompileError
from ..machine.program.assembler import assemble_lines
from ..machine.program.assembly_errors import AssemblyError
from ..machine.program.loop_lint import check_loops
from ..machine.program.mem_file import write_mem
from .support.driver import ToolParser, display_name, read_text, run_tool, write_text

TOOL = "fa-asm"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-asm`; the exit status."""
    return run_tool(TOOL, lambda: _assemble(arguments))


def _assemble(arguments: Sequence[str] | None) -> None:
    parser = ToolParser(TOOL, "Assemble PLENA assembly into a .mem file, one word a line.")
    parser.add_argument("input", metavar="FILE.asm", help="the program; - is standard input")
    parser.add_argument(
        "-o", dest="output", metavar="FILE.mem", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--compat",
        action="store_true",
        help="give the published assembler's words, wrong ones included",
    )
    args = parser.parse_args(arguments)
    text = read_text(args.input)
    try:
        program = assemble_lines(text, args.compat)
        if not args.compat:
            check_loops(program, text)
    except AssemblyError as error:
        location = f"{display_name(args.input)}:{error.line}:{error.column}"
        raise CompileError(error.message, location) from error
    write_text(args.output, write_mem(word for word, _ in program))

"""Kernels as assembly text and as words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, NameLoc, StringAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.target import Target

from ..diagnostics import OpError, file_position
from ..dialects import plena
from ..dialects.plena.discardable_attrs import COMMENT
from ..machine.spec.isa import ENCODING_FIELDS

COMMENT_COLUMN = 40
INDENT = "  "


@dataclass(frozen=True)
class PlenaAsmTarget(Target):
    """The module's kernel as assembly text, one instruction a line, loop bodies indented.

    Precondition: one `plena.kernel`, registers allocated; OpError otherwise. `comments`: say behind
    each instruction what its registers hold and where it comes from. `kernel`: which one, where
    there are several.
    """

    name = "plena-asm"

    comments: bool = False
    kernel: str | None = None

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(assembly(the_kernel(module, self.kernel), self.comments))


@dataclass(frozen=True)
class PlenaMemTarget(Target):
    """The module's kernel as a program file: one word a line, hexadecimal.

    Precondition as for `plena-asm`.
    """

    name = "plena-mem"

    kernel: str | None = None

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from ..machine.program.assembler import assemble_lines
        from ..machine.program.mem_file import write_mem

        text = assembly(the_kernel(module, self.kernel))
        output.write(write_mem(word for word, _ in assemble_lines(text)))


def the_kernel(module: ModuleOp, name: str | None = None) -> plena.KernelOp:
    """The one kernel of a module, or the one of a name; OpError if there is none, or more."""
    kernels = plena.kernels_in(module)
    if not kernels:
        raise OpError(module, "the module has no plena.kernel; run lower-to-isa first")
    names = ", ".join(kernel.sym_name.data for kernel in kernels)
    if name is not None:
        kernels = [kernel for kernel in kernels if kernel.sym_name.data == name]
        if not kernels:
            raise OpError(module, f"there is no kernel {name}; there are {names}")
    if len(kernels) > 1:
        raise OpError(
            kernels[1],
            "a program is one plena.kernel, and this is a second one; say which, as in "
            f"plena-asm{{kernel=NAME}}, of {names}",
        )
    return kernels[0]


def assembly(kernel: plena.KernelOp, comments: bool = False) -> str:
    """The text of a kernel. Both this project's and the published assembler give it one meaning."""
    return "".join(f"{line}\n" for line in _block(kernel.body.block, "", comments))


def _block(block: Block, indent: str, comments: bool) -> Iterator[str]:
    for op in block.ops:
        if isinstance(op, plena.LoopOp):
            yield from _loop(op, indent, comments)
        elif isinstance(op, plena.Emitting):
            for value in (*op.operands, *op.results):
                check_allocated(value, op)
            check_published_encoding(op)
            mnemonic, operands = op.assembly()
            yield _line(indent, mnemonic, operands, op, comments)
        elif not isinstance(op, plena.GetRegisterOp | plena.YieldOp):
            raise OpError(op, f"{op.name} has no assembly; lower it first")


def _loop(loop: plena.LoopOp, indent: str, comments: bool) -> Iterator[str]:
    for value in (*loop.body.block.args, *loop.operands, *loop.terminator.operands):
        check_allocated(value, loop)
    counter = plena.register_type(loop.counter).text
    start = (counter, str(loop.iterations))
    yield _line(indent, "C_LOOP_START", start, loop, comments)
    yield from _block(loop.body.block, indent + INDENT, comments)
    yield _line(indent, "C_LOOP_END", (counter,), loop.terminator, comments)


def _line(
    indent: str, mnemonic: str, operands: tuple[str, ...], op: Operation, comments: bool
) -> str:
    text = f"{indent}{mnemonic} {', '.join(operands)}"
    comment = _comment(op) if comments else ""
    return f"{text.ljust(COMMENT_COLUMN)} ; {comment}" if comment else text


def _comment(op: Operation) -> str:
    """What an instruction's registers hold, a remark from the lowering, and where it comes from."""
    parts: list[str] = []
    results = _names(op.body.block.args if isinstance(op, plena.LoopOp) else op.results)
    operands = "" if isinstance(op, plena.YieldOp) else _names(op.operands)
    if results and operands:
        parts.append(f"{results} from {operands}")
    elif results or operands:
        parts.append(results or operands)
    remark = op.attributes.get(COMMENT)
    if isinstance(remark, StringAttr):
        parts.append(remark.data.replace("\n", " "))
    if place := file_position(op.location):
        name = f"{op.location.desc.data} at " if isinstance(op.location, NameLoc) else ""
        parts.append(f"{name}{place.rpartition(':')[0]}")
    return ", ".join(parts)


def _names(values: Sequence[SSAValue]) -> str:
    """The names that values have in the IR; those without one are left out."""
    return " ".join(f"%{value.name_hint}" for value in values if value.name_hint)


def check_allocated(value: SSAValue, op: Operation) -> None:
    """OpError at `op` if `value` has no register."""
    if not plena.register_type(value).text:
        name = f"%{value.name_hint}" if value.name_hint else "a value"
        raise OpError(op, f"{name} has no register; run allocate-registers first")


def check_published_encoding(op: Operation) -> None:
    """OpError if the published assembler would not put an operand where the machine looks for it.

    That is so for masks of V_EXP_V, V_RECI_V and the reductions, and for offsets of M_BMM_WO,
    M_MV_WO and M_BMV_WO (ISA section 3.2): only 0 means the same in both.
    """
    if not isinstance(op, plena.Instruction):
        return
    published = ENCODING_FIELDS[op.row.encoding]
    for operand in op.constants:
        if operand.field not in published and op.constant(operand.name):
            raise OpError(
                op,
                f"{operand.name!r} of {op.mnemonic} must be 0: the published assembler encodes it "
                "where the machine does not read it",
            )

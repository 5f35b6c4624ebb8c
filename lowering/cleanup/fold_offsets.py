"""`fold-offsets`: numbers added to addresses go into the instructions that use these.

    %row1 = plena.s_addi_int %row, 1
    %m = plena.s_ld_fp %row1, 64             ->      %m = plena.s_ld_fp %row, 65

An addition goes only where all that read its sum can take the number, so nothing is ever computed
twice and no register lives longer than one did before. Two walks by hand: as xDSL patterns the same
edits take three to five times as long, 20 to 30 ms of the 400 of a compilation.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import BlockArgument, Operation, SSAValue, Use

from ...dialects import plena
from ...machine.program.linear_mod32 import ARITHMETIC
from .integer_forms import Integers
from .kernel_pass import (
    KernelPass,
    erase,
    erase_dead,
    insert,
    is_zero,
    move_before,
    ops_of,
    replace,
    zero_of,
)

_ADDRESS = {
    "S_LD_FP": "base",
    "S_ST_FP": "base",
    "S_LD_INT": "base",
    "S_ST_INT": "base",
    "S_MAP_V_FP": "base",
    "M_MM_WO": "dest",
    "S_ADDI_INT": "src",
}
"""Instructions that add an immediate of 18 bits to a register, and which. The other write-outs are
not among them: the published assembler puts their immediate where the machine does not look."""

PLACES: dict[str, tuple[int, str]] = {
    mnemonic: (
        [operand.name for operand in plena.INSTRUCTION_OPS[mnemonic].inputs].index(register),
        "value" if mnemonic == "S_ADDI_INT" else "offset",
    )
    for mnemonic, register in _ADDRESS.items()
}
"""By mnemonic: the index of that register among the operands, and the immediate's name."""


@dataclass(frozen=True)
class FoldOffsets(KernelPass):
    """Fold additions of numbers into immediates, and what is known into constants.

    Precondition: kernels without registers. Postcondition: they compute the same; no addition of 0,
    no multiplication by 1, no arithmetic on known numbers that one constant could replace; no
    S_ADDI_INT of which only instructions with a large enough immediate read the sum. What makes the
    next value of a carried pointer, and nothing else, stands at the end of the body.
    """

    name = "fold-offsets"

    def run(self, kernel: plena.KernelOp) -> None:
        fold_offsets(kernel)


def fold_offsets(kernel: plena.KernelOp) -> None:
    """Fold in one kernel, as `FoldOffsets` says."""
    zero = zero_of(kernel)
    integers = Integers()
    for op in ops_of(kernel.body.block):
        if isinstance(op, plena.Instruction) and op.mnemonic in ARITHMETIC:
            _simplify(op, zero, integers)
    for op in ops_of(kernel.body.block):
        if isinstance(op, plena.Instruction) and op.mnemonic == "S_ADDI_INT":
            if op.result.first_use is None:
                erase_dead(op)
            elif not _vanish(op):
                _sink(op)


def takes_offset(use: Use, offset: int) -> bool:
    """Whether the instruction that reads an address can add `offset` to it by itself."""
    op = use.operation
    if not isinstance(op, plena.Instruction):
        return False
    place = PLACES.get(op.mnemonic)
    return (
        place is not None
        and place[0] == use.index
        and op.constant(place[1]) + offset < plena.IMMEDIATE
        # A value that is stored at itself reads the register twice.
        and sum(operand is op.operands[use.index] for operand in op.operands) == 1
    )


def _simplify(op: plena.Instruction, zero: SSAValue, integers: Integers) -> None:
    """Replace an instruction by a constant, by an operand, or by the addition of an immediate."""
    base, number = integers.form(op.result)
    if base is None:
        _make_constant(op, number, zero)
    elif number == 0 and base is not op.result:
        sources = list(op.operands)
        replace(op, base)
        _erase_sources(sources)
    elif op.mnemonic in ("S_ADD_INT", "S_SUB_INT"):
        _make_immediate(op, integers)


def _make_constant(op: plena.Instruction, number: int, zero: SSAValue) -> None:
    """Replace what computes a known number by the shortest instructions that do."""
    sources = [operand.owner for operand in op.operands]
    if op.mnemonic == "S_LUI_INT" and number:
        return
    if op.mnemonic == "S_ADDI_INT" and number:
        source = sources[0]
        upper = isinstance(source, plena.Instruction) and source.mnemonic == "S_LUI_INT"
        if is_zero(op.operands[0]) or (upper and number >= plena.IMMEDIATE):
            return
    ops = plena.constant(zero, number) if number else ()
    spared = [
        source
        for source in sources
        if isinstance(source, plena.Instruction) and source.result.has_one_use()
    ]
    if len(ops) > 1 + len(spared):
        return
    for new in ops:
        insert(new, op, op.location)
    operands = list(op.operands)
    replace(op, ops[-1].result if ops else zero)
    _erase_sources(operands)


def _make_immediate(op: plena.Instruction, integers: Integers) -> None:
    """Let the addition of a known register be that of an immediate, where it fits."""
    one, other = op.operands
    if op.mnemonic == "S_ADD_INT" and integers.known(other) is None:
        one, other = other, one
    number = integers.known(other)
    if number is None:
        return
    if op.mnemonic == "S_SUB_INT":
        number = -number % plena.WORD
    source = one.owner
    if (
        number >= plena.IMMEDIATE
        and isinstance(source, plena.Instruction)
        and source.mnemonic == "S_ADDI_INT"
    ):
        one, number = source.operands[0], (source.constant("value") + number) % plena.WORD
    if number < plena.IMMEDIATE:
        sources = list(op.operands)
        new = plena.instruction("S_ADDI_INT", one, number)
        insert(new, op)
        replace(op, new.result)
        _erase_sources(sources)


def _erase_sources(values: list[SSAValue]) -> None:
    for value in values:
        if isinstance(value.owner, Operation):
            erase_dead(value.owner)


def _vanish(op: plena.Instruction) -> bool:
    """Let every reader of a sum add the number itself, if all can; whether they could."""
    number, base = op.constant("value"), op.operands[0]
    if is_zero(base) and any(
        isinstance(use.operation, plena.Instruction) and use.operation.mnemonic == "S_ADDI_INT"
        for use in op.result.uses
    ):
        # A constant that is added to a constant was folded if that is any use.
        return False
    uses = list(op.result.uses)
    if not all(takes_offset(use, number) for use in uses):
        return False
    for use in uses:
        reader = use.operation
        assert isinstance(reader, plena.Instruction)
        name = PLACES[reader.mnemonic][1]
        reader.properties[name] = plena.integer(reader.constant(name) + number)
        reader.operands[use.index] = base
    erase(op)
    return True


def _sink(op: plena.Instruction) -> None:
    """Move the step of a carried pointer behind everything that reads the pointer."""
    argument = op.operands[0]
    block = op.parent
    assert block is not None
    last = block.last_op
    if (
        isinstance(argument, BlockArgument)
        and argument.owner is block
        and isinstance(last, plena.YieldOp)
        and all(use.operation is last for use in op.result.uses)
    ):
        move_before(op, last)

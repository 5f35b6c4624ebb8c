"""One operation class for each instruction, made from the instruction table.

`S_ADDI_INT gp3, gp1, 4` is `%r = plena.s_addi_int %a, 4 : (!plena.gp) -> !plena.gp`: registers that
are read are operands and registers that are written are results, in the order of the assembly
operands; immediates, masks and flags are integers between them. A register that is both read and
written (the total of V_RED_SUM) is an operand and a result, which share a register. Dummy operands
vanish. Loop and break instructions have no operation of their own: `plena.loop` stands for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, Self

from xdsl.dialects.builtin import FunctionType, IntegerAttr, IntegerType, LocationAttr, i64
from xdsl.ir import Attribute, Operation, OpResult, OpTraits, SSAValue
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.printer import Printer
from xdsl.traits import EffectInstance
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.isa import BY_MNEMONIC, INSTRUCTIONS, Operand
from ...machine.spec.isa import Instruction as TableRow
from .effects import RegisterEffects, effect_instances
from .registers import BANKS, UNALLOCATED, BankType, PlainClass

STRUCTURED = frozenset({"C_LOOP_START", "C_LOOP_END", "C_BREAK"})
"""Instructions that only `plena.loop` may emit."""

IMMEDIATE = BY_MNEMONIC["S_ADDI_INT"].operand("value").limit
"""One more than the largest number that an instruction adds to a register (ISA section 3.1)."""

WORD = 1 << 32
"""One more than the largest integer that a register holds."""


@lru_cache(maxsize=4096)
def integer(value: int) -> IntegerAttr[IntegerType]:
    """The attribute of an immediate."""
    return IntegerAttr(value, i64)


class InstructionEffects(RegisterEffects):
    """The effects of the instruction's row in the table, and those on allocated registers."""

    @classmethod
    def static_effects(cls, op: Operation) -> frozenset[EffectInstance]:
        assert isinstance(op, Instruction)
        return op.table_effects


class Emitting(Operation, metaclass=PlainClass):
    """An operation that becomes exactly one instruction."""

    @abstractmethod
    def assembly(self) -> tuple[str, tuple[str, ...]]:
        """Mnemonic and operands as the assembler reads them. Registers must be allocated."""


class Instruction(Emitting):
    """An instruction of the machine. The concrete classes are in `INSTRUCTION_OPS`.

    `row` is the instruction's row of the table; `inputs`, `outputs` and `constants` are its
    register operands that are read, those that are written, and its integers.
    """

    row: ClassVar[TableRow]
    inputs: ClassVar[tuple[Operand, ...]]
    outputs: ClassVar[tuple[Operand, ...]]
    constants: ClassVar[tuple[Operand, ...]]
    arguments: ClassVar[tuple[Operand, ...]]
    """Inputs and constants, in assembly order."""
    tied_indices: ClassVar[tuple[tuple[int, int], ...]]
    table_effects: ClassVar[frozenset[EffectInstance]]

    @property
    def mnemonic(self) -> str:
        """The instruction's name in assembly."""
        return self.row.mnemonic

    @property
    def result(self) -> OpResult:
        """The one register that is written."""
        (result,) = self.results
        return result

    def input(self, name: str) -> SSAValue:
        """The register read as the table's operand `name`."""
        for index, operand in enumerate(self.inputs):
            if operand.name == name:
                return self.operands[index]
        raise KeyError(f"{self.mnemonic} reads no register {name!r}")

    def constant(self, name: str) -> int:
        """The value of the immediate, mask or flag `name`."""
        value = self.properties[name]
        assert isinstance(value, IntegerAttr)
        return value.value.data

    @property
    def tied(self) -> tuple[tuple[int, OpResult], ...]:
        """Indices of the operands whose register is overwritten, and the results that do so."""
        return tuple((operand, self.results[result]) for operand, result in self.tied_indices)

    def verify_(self) -> None:
        _check_registers(self.mnemonic, "operand", self.inputs, self.operands)
        _check_registers(self.mnemonic, "result", self.outputs, self.results)
        if self.regions or self.successors:
            raise VerifyException(f"{self.mnemonic} has no regions and no successors")
        for operand in self.constants:
            value = self.properties.get(operand.name)
            if not isinstance(value, IntegerAttr):
                raise VerifyException(f"{self.mnemonic} needs an integer {operand.name!r}")
            if not 0 <= value.value.data < operand.limit:
                raise VerifyException(
                    f"{operand.name} of {self.mnemonic} must be 0 to {operand.limit - 1}, "
                    f"got {value.value.data}"
                )
        if len(self.properties) > len(self.constants):
            extra = sorted(self.properties.keys() - {o.name for o in self.constants})
            raise VerifyException(f"{self.mnemonic} has no operand {', '.join(extra)}")
        for index, result in self.tied:
            share_register(self.mnemonic, self.operands[index], result)

    def assembly(self) -> tuple[str, tuple[str, ...]]:
        texts: list[str] = []
        read = iter(self.operands)
        written = iter(self.results)
        for operand in self.row.operands:
            if operand.is_register:
                register = next(read) if operand.reads else next(written)
                assert isinstance(register.type, BankType)
                texts.append(register.type.text)
            elif operand.bank == "dummy":
                texts.append("0")
            else:
                texts.append(str(self.constant(operand.name)))
        # An optional last operand of 0 is better left out: some are dropped by the assembler.
        if self.row.operands and self.row.operands[-1].optional and texts[-1] == "0":
            texts.pop()
        return self.mnemonic, tuple(texts)

    def print(self, printer: Printer) -> None:
        separator = " "
        registers = iter(self.operands)
        for operand in self.arguments:
            printer.print_string(separator)
            if operand.is_register:
                printer.print_operand(next(registers))
            else:
                printer.print_int(self.constant(operand.name))
            separator = ", "
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_function_type(self.operand_types, self.result_types)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        registers: list[UnresolvedOperand] = []
        properties: dict[str, Attribute] = {}
        for position, operand in enumerate(cls.arguments):
            if position:
                parser.parse_punctuation(",", f" before {operand.name!r} of {cls.row.mnemonic}")
            if operand.is_register:
                message = f"expected the register {operand.name!r} of {cls.row.mnemonic}"
                registers.append(parser.parse_unresolved_operand(message))
            else:
                context = f" as {operand.name!r} of {cls.row.mnemonic}"
                value = parser.parse_integer(context_msg=context)
                properties[operand.name] = integer(value)
        attributes = parser.parse_optional_attr_dict()
        start = parser.pos
        parser.parse_punctuation(":")
        kind = parser.parse_type()
        if not isinstance(kind, FunctionType) or len(kind.inputs) != len(registers):
            parser.raise_error(
                f"expected a function type with {len(registers)} inputs", start, parser.pos
            )
        operands = parser.resolve_operands(registers, kind.inputs.data, start)
        return cls.create(
            operands=operands,
            result_types=kind.outputs.data,
            properties=properties,
            attributes=attributes,
        )


def _check_registers(
    mnemonic: str, role: str, expected: tuple[Operand, ...], values: Sequence[SSAValue]
) -> None:
    """Check number and banks of the operands or results of an instruction."""
    if len(expected) != len(values):
        raise VerifyException(f"{mnemonic} has {len(expected)} {role}s, got {len(values)}")
    for operand, value in zip(expected, values, strict=True):
        bank = BANKS[operand.bank]
        if value.type is UNALLOCATED[bank]:
            continue
        if not isinstance(value.type, bank):
            raise VerifyException(
                f"{role} {operand.name!r} of {mnemonic} must be !{bank.name} ({bank.WHAT}), "
                f"got {value.type}"
            )
        if role == "result":
            writable(value, f"{mnemonic} writes")


def writable(value: SSAValue, what: str) -> None:
    """Check that `value` is not in a register that reads as zero; `what` begins the message."""
    kind = value.type
    if isinstance(kind, BankType) and kind.is_zero:
        raise VerifyException(f"{what} {kind.text}, which is reserved and reads as zero")


def share_register(what: str, first: SSAValue, second: SSAValue) -> None:
    """Check that two values that must share a register can."""
    if type(first.type) is not type(second.type):
        raise VerifyException(f"{what} ties {first.type} to {second.type}, another bank")
    one, other = first.type, second.type
    assert isinstance(one, BankType)
    assert isinstance(other, BankType)
    if one.text and other.text and one.text != other.text:
        raise VerifyException(f"{what} needs one register in both places, got {one} and {other}")


def _define(row: TableRow) -> type[Instruction]:
    """The operation class of a row of the table."""
    registers = tuple(operand for operand in row.operands if operand.is_register)
    inputs = tuple(operand for operand in registers if operand.reads)
    outputs = tuple(operand for operand in registers if operand.writes)
    constants = tuple(o for o in row.operands if not o.is_register and o.bank != "dummy")
    return type(
        row.mnemonic,
        (Instruction,),
        {
            "__doc__": f"{row.doc} (ISA section {row.section})",
            "__module__": __name__,
            "name": f"plena.{row.mnemonic.lower()}",
            "traits": OpTraits(lambda: (InstructionEffects(),)),
            "row": row,
            "inputs": inputs,
            "outputs": outputs,
            "constants": constants,
            "arguments": tuple(o for o in row.operands if o in inputs or o in constants),
            "tied_indices": tuple(
                (inputs.index(output), index)
                for index, output in enumerate(outputs)
                if output.reads
            ),
            "table_effects": effect_instances(row.effects),
        },
    )


INSTRUCTION_OPS: dict[str, type[Instruction]] = {
    row.mnemonic: _define(row)
    for row in INSTRUCTIONS
    if row.status == "implemented" and row.mnemonic not in STRUCTURED
}
"""Operation classes by mnemonic."""

_RESULT_TYPES: dict[str, tuple[BankType, ...]] = {
    mnemonic: tuple(UNALLOCATED[BANKS[output.bank]] for output in op.outputs)
    for mnemonic, op in INSTRUCTION_OPS.items()
}


def instruction(
    mnemonic: str,
    *arguments: SSAValue | Operation | int,
    register: BankType | None = None,
    location: LocationAttr | None = None,
) -> Instruction:
    """Make an instruction from its arguments in assembly order.

    Dummies and registers that are only written are left out; integers are immediates, masks and
    flags, and those that are optional may be left out at the end. `register` fixes the result's
    register, which is otherwise left to the allocator.

    >>> instruction("S_ADDI_INT", zero, 4).result
    >>> instruction("V_SUB_VF", dest, src, scalar, 0, 1)

    Raises ValueError when there is no such instruction or the arguments do not fit its row.
    """
    op_class = INSTRUCTION_OPS.get(mnemonic)
    if op_class is None:
        raise ValueError(_no_such_instruction(mnemonic))
    operands: list[SSAValue] = []
    properties: dict[str, Attribute] = {}
    expected = op_class.arguments
    if len(arguments) > len(expected):
        raise ValueError(f"{mnemonic} takes {len(expected)} arguments, got {len(arguments)}")
    for operand, argument in zip(expected, arguments, strict=False):
        if isinstance(argument, int) == operand.is_register:
            kind = "a register" if operand.is_register else "an integer"
            raise ValueError(f"{operand.name!r} of {mnemonic} is {kind}, got {argument!r}")
        if isinstance(argument, int):
            properties[operand.name] = integer(argument)
        elif isinstance(argument, Operation):
            operands.append(SSAValue.get(argument))
        else:
            operands.append(argument)
    for operand in expected[len(arguments) :]:
        if not operand.optional:
            raise ValueError(f"{mnemonic} lacks its argument {operand.name!r}")
        properties[operand.name] = integer(0)
    return op_class.create(
        operands=operands,
        result_types=_RESULT_TYPES[mnemonic] if register is None else (register,),
        properties=properties,
        location=location,
    )


def _no_such_instruction(mnemonic: str) -> str:
    """Why `mnemonic` has no operation."""
    row = BY_MNEMONIC.get(mnemonic)
    if row is None:
        return f"there is no instruction {mnemonic!r}"
    if mnemonic in STRUCTURED:
        return f"{mnemonic} is written as plena.loop"
    return f"{mnemonic} traps on the machine ({row.status})"


def constant(
    zero: SSAValue,
    value: int,
    location: LocationAttr | None = None,
    register: BankType | None = None,
) -> tuple[Instruction, ...]:
    """Instructions whose last one's result is `value`, 0 to 2^32 - 1; `zero` is gp0's value.

    `register` fixes the register that they write.
    """
    if not 0 <= value < WORD:
        raise ValueError(f"an integer register holds 0 to 2^32 - 1, got {value}")
    if value < IMMEDIATE:
        return (instruction("S_ADDI_INT", zero, value, register=register, location=location),)
    upper = instruction("S_LUI_INT", value >> 12, register=register, location=location)
    if value & 0xFFF == 0:
        return (upper,)
    lower = value & 0xFFF
    return upper, instruction("S_ADDI_INT", upper, lower, register=register, location=location)


def constant_cost(value: int) -> int:
    """Instructions that it takes to have `value`, modulo 2^32, in a register; 0 is there."""
    value %= WORD
    if value == 0:
        return 0
    return 1 if value < IMMEDIATE or value & 0xFFF == 0 else 2

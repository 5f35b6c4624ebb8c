"""Register types of the `plena` dialect: one bank, one type.

A value of type `!plena.gp` waits for a register; `!plena.gp<gp3>` has one. Slots are entries of
INT_MEM that the register allocator spills to: a bank like the others, so that live ranges, loop
carrying and checking are the same for a spilled value as for one in a register.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from xdsl.backend.register_type import RegisterType
from xdsl.dialects.builtin import IntAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.isa import BANK_PREFIX, BANK_SIZE

INT_MEM_ENTRIES = 1024
"""Entries of INT_MEM (ISA section 2)."""


_NAMES: dict[type[BankType], dict[str, int]] = {}
_REGISTERS: dict[tuple[type[BankType], int], BankType] = {}


class PlainClass(ABCMeta):
    """A class of which others are only subclasses where they say so.

    `isinstance` asks abstract base classes in Python whether others were registered as theirs,
    which for each operand in each pass takes a tenth of a compilation.
    """

    __instancecheck__ = type.__instancecheck__


@dataclass(frozen=True)
class BankType(RegisterType, metaclass=PlainClass):
    """A register bank of the machine. Abstract."""

    PREFIX: ClassVar[str]
    SIZE: ClassVar[int]
    ALLOCATABLE: ClassVar[range]
    """Registers that the allocator may use."""
    ZERO: ClassVar[str | None] = None
    """The register that reads as zero."""
    WHAT: ClassVar[str]
    """The bank in words."""

    @classmethod
    def index_by_name(cls) -> dict[str, int]:
        if "PREFIX" not in cls.__dict__:
            raise NotImplementedError
        names = _NAMES.get(cls)
        if names is None:
            names = {f"{cls.PREFIX}{index}": index for index in range(cls.SIZE)}
            _NAMES[cls] = names
        return names

    @classmethod
    def infinite_register_prefix(cls) -> str:
        if "PREFIX" not in cls.__dict__:
            raise NotImplementedError
        return f"{cls.PREFIX}_virtual"

    @classmethod
    def allocatable_registers(cls) -> Sequence[Self]:
        return tuple(cls.register(index) for index in cls.ALLOCATABLE)

    @classmethod
    def register(cls, index: int) -> Self:
        """The type of register `index`, made once."""
        known = _REGISTERS.get((cls, index))
        if known is None:
            known = _REGISTERS[cls, index] = cls.from_index(index)
        assert isinstance(known, cls)
        return known

    @property
    def text(self) -> str:
        """The register's name in assembly; empty before allocation."""
        index = self.index
        return f"{self.PREFIX}{index.data}" if type(index) is IntAttr else ""

    @property
    def number(self) -> int | None:
        """The register's index; None before allocation."""
        index = self.index
        # The exact type, which is cheap to ask for: this is read for every operand in every pass.
        return index.data if type(index) is IntAttr else None

    def print_parameters(self, printer: Printer) -> None:
        if text := self.text:
            with printer.in_angle_brackets():
                printer.print_string(text)

    @property
    def is_zero(self) -> bool:
        """Whether this is the register that reads as zero and must not be written."""
        return self.ZERO is not None and self.text == self.ZERO

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """`<gp3>` or nothing; a name that is no register is an error where it stands."""
        if parser.parse_optional_punctuation("<") is None:
            return cls.unallocated().parameters
        start = parser.pos
        name = parser.parse_identifier()
        index = cls.index_by_name().get(name)
        if index is None:
            parser.raise_error(cls._no_register(name), start, parser.pos)
        parser.parse_punctuation(">")
        return cls.register(index).parameters

    @classmethod
    def _no_register(cls, name: str) -> str:
        first, last = f"{cls.PREFIX}0", f"{cls.PREFIX}{cls.SIZE - 1}"
        return f"there is no {cls.WHAT} '{name}'; they are {first} to {last}"

    def verify(self) -> None:
        number = self.number
        if number is not None and not 0 <= number < self.SIZE:
            raise VerifyException(self._no_register(self.text))
        super().verify()


@irdl_attr_definition
class GPType(BankType):
    """A 32-bit integer register, gp0 to gp15. gp0 reads as zero."""

    name = "plena.gp"
    PREFIX = BANK_PREFIX["gp"]
    SIZE = BANK_SIZE["gp"]
    ALLOCATABLE = range(1, 16)
    ZERO = "gp0"
    WHAT = "integer register"


@irdl_attr_definition
class FPType(BankType):
    """A bf16 register, f0 to f7. f0 reads as +0."""

    name = "plena.fp"
    PREFIX = BANK_PREFIX["fp"]
    SIZE = BANK_SIZE["fp"]
    ALLOCATABLE = range(1, 8)
    ZERO = "f0"
    WHAT = "float register"


@irdl_attr_definition
class AddrType(BankType):
    """A 64-bit register holding a byte address in HBM. a0 to a7 are documented, 16 encode."""

    name = "plena.addr"
    PREFIX = BANK_PREFIX["addr"]
    SIZE = BANK_SIZE["addr"]
    ALLOCATABLE = range(8)
    WHAT = "address register"


@irdl_attr_definition
class SlotType(BankType):
    """An entry of INT_MEM that holds a spilled integer; `slot3` is INT_MEM[3]."""

    name = "plena.slot"
    PREFIX = "slot"
    SIZE = INT_MEM_ENTRIES
    ALLOCATABLE = range(INT_MEM_ENTRIES)
    WHAT = "spill slot"


BANKS: dict[str, type[BankType]] = {"gp": GPType, "fp": FPType, "addr": AddrType}
"""Register types by the bank names of the instruction table."""

UNALLOCATED: dict[type[BankType], BankType] = {
    bank: bank.unallocated() for bank in (GPType, FPType, AddrType, SlotType)
}
"""The type of a value of each bank before register allocation."""


def bank(value: SSAValue) -> type[BankType]:
    """The bank that `value` lives in; VerifyException if it is no register."""
    return type(register_type(value))


def register_type(value: SSAValue) -> BankType:
    """The type of `value`, which must be a register or a slot; VerifyException otherwise."""
    kind: Attribute = value.type
    if not isinstance(kind, BankType):
        raise VerifyException(f"expected a register, got a value of type {kind}")
    return kind

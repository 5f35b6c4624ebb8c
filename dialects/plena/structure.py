"""Operations of the `plena` dialect beside instructions: kernels, loops, register moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from xdsl.dialects.builtin import IntegerAttr, IntegerType, StringAttr, UnitAttr, i64
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import (
    HasParent,
    IsolatedFromAbove,
    IsTerminator,
    NoMemoryEffect,
    NoTerminator,
    Pure,
    SymbolOpInterface,
)
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.isa import BY_MNEMONIC
from ..discardable_attrs import attribute_of
from .discardable_attrs import INT_MEM_USED
from .effects import CopyEffects, LoopEffects, RegisterEffects
from .instructions import INSTRUCTION_OPS, Emitting, share_register, writable
from .registers import UNALLOCATED, AddrType, BankType, FPType, GPType, SlotType, register_type

LOOP_COUNT_LIMIT = BY_MNEMONIC["C_LOOP_START"].operand("count").limit
"""One more than the largest number of iterations of a hardware loop."""

ZERO = "gp0"


class IsolatedKernel(IsolatedFromAbove):
    """Upstream's trait, verified in one walk: a kernel has thousands of instructions, and upstream
    climbs from each operand to the kernel."""

    def verify(self, op: Operation) -> None:
        inside: set[SSAValue] = set()
        inner = [each for region in op.regions for each in region.walk()]
        for region in [*op.regions, *(nested for each in inner for nested in each.regions)]:
            for block in region.blocks:
                inside.update(block.args)
        for each in inner:
            inside.update(each.results)
        for each in inner:
            for operand in each.operands:
                if operand not in inside:
                    raise VerifyException(
                        f"{each.name} uses a value from outside of its {op.name}, which has none "
                        "but its own"
                    )


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A program: instructions and loops, run from the first to the last.

    What the back end says about it stands in attributes (`discardable_attrs`): what the host must
    know, entries of INT_MEM that hold constants, loops that `limit-loops` unrolled.
    """

    name = "plena.kernel"

    sym_name = prop_def(StringAttr)
    body = region_def("single_block")

    traits = traits_def(IsolatedKernel(), NoTerminator(), SymbolOpInterface())

    def __init__(
        self,
        name: str,
        body: Region | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ):
        super().__init__(
            properties={"sym_name": StringAttr(name)},
            attributes=attributes,
            regions=[Region(Block()) if body is None else body],
        )

    @property
    def int_mem_used(self) -> int:
        """Entries at the start of INT_MEM that are not free for spilling. Raises OpError."""
        used = attribute_of(self, INT_MEM_USED)
        return used.value.data if isinstance(used, IntegerAttr) else 0

    def verify_(self) -> None:
        if self.body.block.args:
            raise VerifyException("a kernel has no arguments: its data is where its layout says")
        for name in self.attributes:
            if "." not in name:
                raise VerifyException(
                    f"a kernel has no attribute {name}; others than its own begin with a dialect's "
                    f"name, as {INT_MEM_USED}"
                )

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name().data
        attributes = parser.parse_optional_attr_dict_with_keyword(("sym_name",))
        body = parser.parse_region()
        if not body.blocks:
            body.add_block(Block())
        return cls(name, body, None if attributes is None else attributes.data)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_empty_block=False)


@irdl_op_definition
class GetRegisterOp(IRDLOperation):
    """The value of a register that nothing has written yet. No instruction.

    gp0 and f0 read as zero, always. What any other holds when a program starts can only be asked at
    the start of its kernel; after a reset it is 0.
    """

    name = "plena.get_register"

    result = result_def(BankType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, register: BankType):
        super().__init__(result_types=[register])

    def verify_(self) -> None:
        kind = register_type(self.result)
        if not kind.text:
            raise VerifyException(f"must name a register, got {kind}")
        if not kind.is_zero and not self._is_at_start():
            raise VerifyException(
                f"only gp0 and f0 can be read without being written here; {kind.text} at the start "
                "of a kernel, before any other operation"
            )

    def _is_at_start(self) -> bool:
        """Whether a kernel begins with this, or with others of its kind and this."""
        first: Operation | None = self
        while isinstance(first, GetRegisterOp):
            first = first.prev_op
        return first is None and isinstance(self.parent_op(), KernelOp)


def zero_register(bank: type[BankType] = GPType) -> GetRegisterOp:
    """The operation for the register of `bank` that reads as zero."""
    assert bank.ZERO is not None, f"{bank.name} has no such register"
    return GetRegisterOp(bank.register(0))


@irdl_op_definition
class CopyOp(IRDLOperation, Emitting):
    """Move a register to another of its bank, bit for bit.

    S_ADDI_INT by 0, or S_MAX_FP with itself, which keeps -0 and NaN. cse never merges copies: they
    exist because one value is needed in two registers.
    """

    name = "plena.copy"

    source = operand_def(GPType | FPType)
    result = result_def(GPType | FPType)
    traits = traits_def(CopyEffects())
    assembly_format = "$source attr-dict `:` functional-type(operands, results)"

    def __init__(self, source: SSAValue, result_type: BankType | None = None):
        kind = UNALLOCATED[type(register_type(source))] if result_type is None else result_type
        super().__init__(operands=[source], result_types=[kind])

    def verify_(self) -> None:
        if type(self.source.type) is not type(self.result.type):
            raise VerifyException(
                f"a copy stays in its bank, got {self.source.type} to {self.result.type}"
            )
        writable(self.result, "a copy writes")

    def assembly(self) -> tuple[str, tuple[str, ...]]:
        source, result = register_type(self.source), register_type(self.result)
        if isinstance(result, GPType):
            return "S_ADDI_INT", (result.text, source.text, "0")
        return "S_MAX_FP", (result.text, source.text, source.text)


@irdl_op_definition
class SpillOp(IRDLOperation, Emitting):
    """Put an integer register into a slot of INT_MEM: S_ST_INT."""

    name = "plena.spill"

    source = operand_def(GPType)
    result = result_def(SlotType)
    traits = traits_def(RegisterEffects())
    assembly_format = "$source attr-dict `:` functional-type(operands, results)"

    def __init__(self, source: SSAValue, slot: SlotType | None = None):
        super().__init__(
            operands=[source], result_types=[UNALLOCATED[SlotType] if slot is None else slot]
        )

    def assembly(self) -> tuple[str, tuple[str, ...]]:
        slot = register_type(self.result)
        return "S_ST_INT", (register_type(self.source).text, ZERO, str(slot.number))


@irdl_op_definition
class ReloadOp(IRDLOperation, Emitting):
    """Fetch a slot of INT_MEM into an integer register: S_LD_INT."""

    name = "plena.reload"

    source = operand_def(SlotType)
    result = result_def(GPType)
    traits = traits_def(RegisterEffects())
    assembly_format = "$source attr-dict `:` functional-type(operands, results)"

    def __init__(self, source: SSAValue, register: GPType | None = None):
        super().__init__(
            operands=[source], result_types=[UNALLOCATED[GPType] if register is None else register]
        )

    def verify_(self) -> None:
        writable(self.result, "a reload writes")

    def assembly(self) -> tuple[str, tuple[str, ...]]:
        slot = register_type(self.source)
        return "S_LD_INT", (register_type(self.result).text, ZERO, str(slot.number))


@irdl_op_definition
class YieldOp(AbstractYieldOperation[BankType]):
    """The end of a loop's body.

    The first operand is what the loop register must hold at C_LOOP_END: the counter, or a reload of
    it; of a loop that counts at run time, what says whether it goes on. The others are the carried
    values of the next iteration, or the loop's results.
    """

    name = "plena.yield"

    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(LoopOp), NoMemoryEffect()))


@irdl_op_definition
class LoopOp(IRDLOperation):
    """A hardware loop: C_LOOP_START, the body `count` times, C_LOOP_END.

    The body's first argument is the counter, which reads count, count - 1, ..., 1. The others are
    the carried values: `inits` in the first iteration, then what the body yields; the results are
    what the last iteration yields. An init, its argument, what is yielded for it and its result
    share a register. Integers, floats and slots can be carried.

        %sum = plena.loop 16 (%i : !plena.gp, %a = %a0 : !plena.gp) {
          %b = plena.s_add_int %a, %i : (!plena.gp, !plena.gp) -> !plena.gp
          plena.yield %i, %b : !plena.gp, !plena.gp
        }

    `max`: a loop that counts at run time, at most `count` iterations. C_LOOP_END looks at the loop
    register, which the body may write: the loop goes on as long as what is yielded first is more
    than 1. A number that is at hand anyway does, as the keys that are left, or the iterations that
    are left plus one. The counter reads `count` in the first iteration, then what was yielded
    less 1. One iteration is the least.

        %end = plena.loop max 64 (%i : !plena.gp, %done = %zero : !plena.gp<gp0> to !plena.gp) {
          %next = plena.s_addi_int %done, 64 : (!plena.gp) -> !plena.gp
          %left = plena.s_sub_int %n, %next : (!plena.gp, !plena.gp) -> !plena.gp
          plena.yield %left, %next : !plena.gp, !plena.gp
        }
    """

    name = "plena.loop"

    count = prop_def(IntegerAttr[IntegerType])
    counted = opt_prop_def(UnitAttr)
    inits = var_operand_def(BankType)
    outs = var_result_def(BankType)
    body = region_def("single_block")

    traits = traits_def(LoopEffects())

    def __init__(
        self,
        count: int,
        inits: Sequence[SSAValue | Operation] = (),
        body: Region | None = None,
        counted: bool = False,
    ):
        """Without `body`: an empty block with the arguments, to be filled and yielded."""
        values = [SSAValue.get(init) for init in inits]
        if body is None:
            carried = [UNALLOCATED[type(register_type(value))] for value in values]
            body = Region(Block(arg_types=[UNALLOCATED[GPType], *carried]))
        super().__init__(
            operands=[values],
            properties={
                "count": IntegerAttr(count, i64),
                "counted": UnitAttr() if counted else None,
            },
            result_types=[[argument.type for argument in body.block.args[1:]]],
            regions=[body],
        )

    @property
    def iterations(self) -> int:
        """How often the body runs; at most, where it counts at run time."""
        return self.count.value.data

    @property
    def at_run_time(self) -> bool:
        """Whether what the body yields first says how often it runs."""
        return self.counted is not None

    @property
    def counter(self) -> BlockArgument:
        """The counter as the body sees it at its start."""
        return self.body.block.args[0]

    @property
    def carried(self) -> tuple[BlockArgument, ...]:
        """The carried values as the body sees them at its start."""
        return self.body.block.args[1:]

    @property
    def terminator(self) -> YieldOp:
        """The end of the body."""
        last = self.body.block.last_op
        assert isinstance(last, YieldOp)
        return last

    @property
    def yielded(self) -> Sequence[SSAValue]:
        """The carried values at the end of the body."""
        return self.terminator.operands[1:]

    def verify_(self) -> None:
        if not 1 <= self.iterations < LOOP_COUNT_LIMIT:
            raise VerifyException(
                f"a loop runs 1 to {LOOP_COUNT_LIMIT - 1} times, got {self.iterations}"
            )
        arguments = self.body.block.args
        if len(arguments) != len(self.inits) + 1:
            raise VerifyException(
                f"the body takes the counter and {len(self.inits)} carried values, "
                f"got {len(arguments)} arguments"
            )
        if not isinstance(self.counter.type, GPType):
            raise VerifyException(f"the counter must be {GPType.name}, got {self.counter.type}")
        for argument in arguments:
            writable(argument, "a loop writes")
        if not isinstance(self.body.block.last_op, YieldOp):
            raise VerifyException("the body of a loop ends with plena.yield")
        if len(self.terminator.operands) != len(arguments):
            raise VerifyException(
                f"the body must yield the counter and {len(self.inits)} carried values, "
                f"got {len(self.terminator.operands)} operands"
            )
        share_register("the counter", self.counter, self.terminator.operands[0])
        if len(self.outs) != len(self.inits):
            raise VerifyException(
                f"{len(self.inits)} values are carried, got {len(self.outs)} outs"
            )
        for index, (init, argument, out, after) in enumerate(
            zip(self.inits, self.carried, self.yielded, self.outs, strict=True)
        ):
            what = f"carried value {index}"
            if isinstance(argument.type, AddrType):
                raise VerifyException(f"{what} is an address register, which cannot be carried")
            if after.type != argument.type:
                raise VerifyException(f"{what} is {argument.type} and its result {after.type}")
            share_register(what, init, argument)
            share_register(what, out, argument)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        counted = parser.parse_optional_keyword("max") is not None
        count = parser.parse_integer(context_msg=" as the number of iterations")
        parser.parse_punctuation("(")
        counter = parser.parse_argument(expect_type=False)
        parser.parse_punctuation(":")
        arguments = [counter.resolve(parser.parse_type())]
        inits: list[SSAValue] = []
        while parser.parse_optional_punctuation(","):
            argument = parser.parse_argument(expect_type=False)
            parser.parse_punctuation("=")
            init = parser.parse_unresolved_operand()
            parser.parse_punctuation(":")
            kind = parser.parse_type()
            inits.append(parser.resolve_operand(init, kind))
            if parser.parse_optional_keyword("to"):
                kind = parser.parse_type()
            arguments.append(argument.resolve(kind))
        parser.parse_punctuation(")")
        attributes = parser.parse_optional_attr_dict_with_keyword()
        body = parser.parse_region(arguments)
        op = cls(count, inits, body, counted)
        if attributes is not None:
            op.attributes |= attributes.data
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {'max ' if self.at_run_time else ''}{self.iterations} (")
        printer.print_ssa_value(self.counter)
        printer.print_string(" : ")
        printer.print_attribute(self.counter.type)
        for argument, init in zip(self.carried, self.inits, strict=True):
            printer.print_string(", ")
            printer.print_ssa_value(argument)
            printer.print_string(" = ")
            printer.print_operand(init)
            printer.print_string(" : ")
            printer.print_attribute(init.type)
            if init.type != argument.type:
                printer.print_string(" to ")
                printer.print_attribute(argument.type)
        printer.print_string(")")
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)


EMITTING: frozenset[type[Operation]] = frozenset(
    {CopyOp, SpillOp, ReloadOp, *INSTRUCTION_OPS.values()}
)
"""The classes of operations that become one instruction each."""


def kernels_in(op: Operation) -> list[KernelOp]:
    """The kernels that `op` is or holds, in order; what is in them is not looked at."""
    if isinstance(op, KernelOp):
        return [op]
    return [
        kernel
        for region in op.regions
        for block in region.blocks
        for inner in block.ops
        if inner.regions
        for kernel in kernels_in(inner)
    ]

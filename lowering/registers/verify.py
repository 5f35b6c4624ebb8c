"""An independent check of register allocation, by abstract interpretation.

The checker runs each kernel on a machine whose registers and slots hold names of SSA values instead
of numbers. An instruction may read an operand only from a register that holds that very value. It
knows nothing of live ranges, and shares no code with the allocator.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ...diagnostics import OpError
from ...dialects import plena


@dataclass(frozen=True)
class VerifyRegisters(ModulePass):
    """Check that every operand is in the register that its type names.

    Precondition: registers are allocated. Changes nothing. OpError names the value, its register,
    and what the register holds instead; or the slot that is among the kernel's constants.
    """

    name = "verify-registers"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in plena.kernels_in(op):
            check_registers(kernel)


def check_registers(kernel: plena.KernelOp) -> None:
    """Check one kernel, as `VerifyRegisters` says."""
    _Checker(kernel.int_mem_used).run_block(kernel.body.block)


@dataclass(frozen=True)
class Overwritten:
    """The content of a register that an earlier iteration of `loop` may have overwritten."""

    loop: plena.LoopOp


@dataclass(frozen=True)
class Exhausted:
    """The content of a loop register after its loop."""

    loop: plena.LoopOp


Content = SSAValue | Overwritten | Exhausted


@dataclass
class _Checker:
    """Register name -> what it holds. A register that is not there was never written."""

    int_mem_used: int
    state: dict[str, Content] = field(default_factory=dict[str, Content])

    def run_block(self, block: Block) -> None:
        for op in block.ops:
            if isinstance(op, plena.LoopOp):
                self.run_loop(op)
                continue
            for operand in op.operands:
                self.read(operand, op)
            if isinstance(op, plena.Instruction):
                for index, result in op.tied:
                    same_register(op, op.operands[index], result)
            elif not isinstance(op, plena.Emitting | plena.GetRegisterOp | plena.YieldOp):
                raise OpError(op, f"{op.name} is not an operation of the machine")
            for result in op.results:
                self.write(result, op)

    def run_loop(self, loop: plena.LoopOp) -> None:
        for init, argument in zip(loop.inits, loop.carried, strict=True):
            self.read(init, loop)
            same_register(loop, init, argument)
        block = loop.body.block
        if loop.iterations > 1 or loop.at_run_time:
            for name in written_registers(block):
                if name in self.state:
                    self.state[name] = Overwritten(loop)
        for argument in block.args:
            self.write(argument, loop)
        if len({register_of(argument, loop) for argument in block.args}) < len(block.args):
            raise OpError(loop, "two values that the loop carries share a register")
        self.run_block(block)
        terminator = loop.terminator
        for out, argument in zip(terminator.operands, block.args, strict=True):
            same_register(terminator, out, argument)
        self.state[register_of(loop.counter, loop)] = Exhausted(loop)
        for result, argument in zip(loop.results, loop.carried, strict=True):
            same_register(loop, argument, result)
            self.write(result, loop)

    def read(self, value: SSAValue, reader: Operation) -> None:
        name = register_of(value, reader)
        kind = plena.register_type(value)
        if kind.is_zero:
            if isinstance(value.owner, plena.GetRegisterOp):
                return
            raise OpError(reader, f"{describe(value)} is in {name}, which reads as zero")
        content = self.state.get(name)
        if content is not value:
            raise OpError(
                reader, f"{describe(value)} is expected in {name}, which holds {describe(content)}"
            )

    def write(self, value: SSAValue, writer: Operation) -> None:
        name = register_of(value, writer)
        kind = plena.register_type(value)
        if isinstance(kind, plena.SlotType) and (kind.number or 0) < self.int_mem_used:
            raise OpError(
                writer,
                f"{describe(value)} is in {name}, but the first {self.int_mem_used} entries of "
                "INT_MEM hold the program's own data",
            )
        if kind.is_zero:
            if not isinstance(writer, plena.GetRegisterOp):
                raise OpError(writer, f"writes {name}, which is reserved and reads as zero")
            return
        self.state[name] = value


def written_registers(block: Block) -> set[str]:
    """Names of the registers and slots that `block` writes, in inner loops too."""
    values: list[SSAValue] = list(block.args)
    for op in block.walk():
        values += op.results
        for region in op.regions:
            for inner in region.blocks:
                values += inner.args
    return {
        value.type.text
        for value in values
        if isinstance(value.type, plena.BankType) and not value.type.is_zero
    }


def register_of(value: SSAValue, op: Operation) -> str:
    """The name of the register that holds `value`; OpError at `op` if it has none."""
    kind = value.type
    if not isinstance(kind, plena.BankType):
        raise OpError(op, f"{describe(value)} is {kind}, not a register")
    if not kind.text:
        raise OpError(op, f"{describe(value)} has no register; run allocate-registers first")
    return kind.text


def same_register(op: Operation, first: SSAValue, second: SSAValue) -> None:
    """Check that two values which the machine keeps in one register have the same."""
    one, other = register_of(first, op), register_of(second, op)
    if one != other:
        raise OpError(
            op,
            f"{describe(first)} must share the register of {describe(second)}, "
            f"but is in {one}, not {other}",
        )


def describe(content: Content | None) -> str:
    """A value or register content in words."""
    if content is None:
        return "nothing"
    if isinstance(content, Exhausted):
        return f"the spent counter of a loop over {content.loop.iterations} iterations"
    if isinstance(content, Overwritten):
        return (
            "something else from the second iteration on of a loop over "
            f"{content.loop.iterations} iterations"
        )
    name = f"%{content.name_hint}" if content.name_hint else "an unnamed value"
    if isinstance(content, BlockArgument):
        role = "the counter" if content.index == 0 else f"carried value {content.index - 1}"
        return f"{name} ({role} of a loop)"
    owner = content.owner
    return f"{name} (result of {owner.name})" if isinstance(owner, Operation) else name

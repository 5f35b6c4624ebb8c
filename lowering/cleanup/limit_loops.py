"""The machine's limit on the instructions of one loop iteration (ISA section 4.8).

For each live loop the machine counts the instructions since that loop's last start of an iteration:
those of inner loops, their C_LOOP_START and C_LOOP_END, and its own C_LOOP_END; its own
C_LOOP_START runs before it is live. Counts are static here, so what would trap is known, and such
loops are unrolled: they are outermost ones, because an outer loop executes more than an inner one.
A loop that counts at run time is taken for as long as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    LocationAttr,
    ModuleOp,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...diagnostics import OpError, file_position
from ...dialects import plena
from ...dialects.discardable_attrs import attribute_of
from ...dialects.machine_attr import machine_of
from ...dialects.plena.discardable_attrs import UNROLLED_LOOPS
from .kernel_pass import ops_of, zero_of


@dataclass(frozen=True)
class LimitLoops(ModulePass):
    """Unroll the loops of which one iteration executes more than the machine allows.

    No other loop is touched. Runs before or after register allocation; only afterwards is the count
    final, because allocation adds copies and spills. Postcondition: no iteration executes more than
    the limit; the kernel's attribute `plena.unrolled_loops` names the loops that are gone, if any.
    """

    name = "limit-loops"

    max_instructions: int | None = None
    """Instructions of one iteration, at most. By default what the machine allows
    (MAX_LOOP_INSTRUCTIONS)."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        limit = self.max_instructions
        if limit is None:
            limit = machine_of(op, self.machine).max_loop_instructions
        if limit < 1:
            raise OpError(op, f"max-instructions must be at least 1, got {limit}")
        for kernel in plena.kernels_in(op):
            limit_loops(kernel, limit)
            check_loop_limit(kernel, limit)


@dataclass(frozen=True)
class Unrolled:
    """A loop that was unrolled: where it came from, and what made it necessary."""

    location: LocationAttr
    iterations: int
    instructions: int
    """Executed by one iteration."""
    limit: int

    @property
    def remark(self) -> str:
        """One line for the report."""
        place = file_position(self.location)
        where = f"{place.rpartition(':')[0]}: " if place else ""
        return (
            f"{where}loop of {self.iterations} iterations unrolled: one executes "
            f"{self.instructions} instructions, and the machine allows {self.limit}"
        )


def executed(block: Block) -> int:
    """Instructions that one run of `block` executes, loops included."""
    total = 0
    for op in block.ops:
        kind = type(op)
        if kind in plena.EMITTING:
            total += 1
        elif isinstance(op, plena.LoopOp):
            total += 1 + op.iterations * executed_per_iteration(op)
    return total


def executed_per_iteration(loop: plena.LoopOp) -> int:
    """Instructions that count against the limit in one iteration, C_LOOP_END included."""
    return executed(loop.body.block) + 1


def emitted(block: Block) -> int:
    """Instructions in the text of `block`."""
    total = 0
    for op in ops_of(block):
        kind = type(op)
        if kind in plena.EMITTING:
            total += 1
        elif kind is plena.LoopOp:
            total += 2
    return total


def check_loop_limit(kernel: plena.KernelOp, limit: int) -> None:
    """OpError at the first loop that would trap. Exact when registers are allocated."""
    for op in ops_of(kernel.body.block):
        if isinstance(op, plena.LoopOp) and (count := executed_per_iteration(op)) > limit:
            raise OpError(
                op,
                f"one iteration of this loop executes {count} instructions, and the machine allows "
                f"{limit}; "
                + (
                    "a loop that counts at run time cannot be unrolled"
                    if op.at_run_time
                    else "limit-loops unrolls it"
                ),
            )


def limit_loops(kernel: plena.KernelOp, limit: int) -> list[Unrolled]:
    """Unroll the loops of `kernel` that exceed `limit`; what was unrolled, inner loops first."""
    done: list[Unrolled] = []
    _limit_block(kernel.body.block, limit, done)
    if done:
        kernel.attributes[UNROLLED_LOOPS] = ArrayAttr(
            [
                *_entries(kernel),
                *(
                    DictionaryAttr(
                        {
                            "iterations": plena.integer(loop.iterations),
                            "instructions": plena.integer(loop.instructions),
                        }
                    )
                    for loop in done
                ),
            ]
        )
    return done


def _entries(kernel: plena.KernelOp) -> Sequence[Attribute]:
    """What earlier runs unrolled."""
    known = attribute_of(kernel, UNROLLED_LOOPS)
    return cast(ArrayAttr[Attribute], known).data if isinstance(known, ArrayAttr) else ()


def _limit_block(block: Block, limit: int, done: list[Unrolled]) -> None:
    for loop in [op for op in block.ops if isinstance(op, plena.LoopOp)]:
        count = executed_per_iteration(loop)
        if count > limit and not loop.at_run_time:
            # Inner loops first: they are unrolled once, before the outer body is copied.
            _limit_block(loop.body.block, limit, done)
            done.append(Unrolled(loop.location, loop.iterations, count, limit))
            unroll(loop)


def unroll(loop: plena.LoopOp) -> None:
    """Replace a loop of fixed count by its iterations, one after another.

    Carried values are passed on from iteration to iteration; where the body reads the counter, it
    reads a constant, in the counter's register if it has one.
    """
    block = loop.parent
    assert block is not None
    zero = zero_of(_kernel_of(loop)) if needs_counter(loop) else None
    values: list[SSAValue] = list(loop.inits)
    counters: list[SSAValue | None] = []
    for count in range(loop.iterations, 0, -1):
        mapping: dict[SSAValue, SSAValue] = dict(zip(loop.carried, values, strict=True))
        if zero is not None:
            mapping[loop.counter] = _counter(loop, zero, count)
        terminator = loop.terminator
        for op in loop.body.block.ops:
            if op is not terminator:
                block.insert_op_before(op.clone(mapping), loop)
        values = [mapping.get(value, value) for value in loop.yielded]
        counters.append(mapping.get(terminator.operands[0]))
    for result, value in zip(loop.results, values, strict=True):
        result.replace_all_uses_with(value)
    # Only now: the next iteration, or what follows the loop, may read a counter that was yielded.
    for value in counters:
        _erase_unread(value)
    loop.detach()
    loop.erase()


def needs_counter(loop: plena.LoopOp) -> bool:
    """Whether the body reads the counter other than to pass it to C_LOOP_END."""
    return any(use.operation is not loop.terminator or use.index for use in loop.counter.uses)


def _kernel_of(loop: plena.LoopOp) -> plena.KernelOp:
    """The kernel that `loop` is in."""
    outer = loop.parent_op()
    while not isinstance(outer, plena.KernelOp):
        assert outer is not None
        outer = outer.parent_op()
    return outer


def _counter(loop: plena.LoopOp, zero: SSAValue, count: int) -> SSAValue:
    """The counter's value as a constant before `loop`."""
    register = loop.counter.type
    assert isinstance(register, plena.BankType)
    block = loop.parent
    assert block is not None
    ops = plena.constant(zero, count, loop.location, register)
    for op in ops:
        block.insert_op_before(op, loop)
    ops[-1].result.name_hint = loop.counter.name_hint
    return ops[-1].result


def _erase_unread(value: SSAValue | None) -> None:
    """Erase what only made the counter's value for C_LOOP_END: a reload, its spill, a constant."""
    while value is not None and value.first_use is None:
        op = value.owner
        if not isinstance(op, plena.Emitting) or not _is_move(op):
            return
        value = op.operands[0]
        op.detach()
        op.erase()


def _is_move(op: Operation) -> bool:
    return isinstance(op, plena.ReloadOp | plena.SpillOp | plena.CopyOp) or (
        isinstance(op, plena.Instruction) and op.mnemonic == "S_ADDI_INT"
    )

"""`strength-reduce`: addresses computed from loop counters become pointers that the loops carry.

    plena.loop 8 (%i) {                              plena.loop 8 (%i, %p = %start) {
      %m = plena.s_mul_int %i, %bytes                  use %p
      %p = plena.s_sub_int %end, %m          ->        %next = plena.s_addi_int %p, 1024
      use %p                                           plena.yield %i, %next
      plena.yield %i                                 }
    }

The classical transformation (Allen, Cocke and Kennedy, "Reduction of operator strength", 1981) on
values that are linear in counters. A loop that counts at run time has no such counter; a value that
it carries from a number on, as far as it has come, does instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from ...dialects import plena
from ...machine.program.linear_mod32 import ARITHMETIC, WRAP, Known, made
from ..registers.pressure import Pressure
from .integer_forms import Integers, linear_values
from .kernel_pass import (
    KernelPass,
    carry,
    defined_inside,
    erase_dead,
    frequency,
    insert,
    insert_constant,
    loops_of,
    replace,
    tied_uses,
    zero_of,
)
from .limit_loops import needs_counter


@dataclass(frozen=True)
class StrengthReduce(KernelPass):
    """Carry pointers instead of computing addresses from counters.

    Precondition: kernels without registers. Postcondition: they do the same with no more executed
    instructions. A pointer takes a register throughout its loop, so where none is free the address
    stays as it is. Addresses a constant distance apart share a pointer.
    """

    name = "strength-reduce"

    innermost: bool = False
    """Only the counters of loops that hold no loop."""

    def run(self, kernel: plena.KernelOp) -> None:
        strength_reduce(kernel, self.innermost)


def strength_reduce(kernel: plena.KernelOp, innermost: bool = False) -> None:
    """Reduce in one kernel, as `StrengthReduce` says; inner loops first."""
    integers = Integers()
    counted = [
        (loop, variable)
        for loop in loops_of(kernel.body.block)
        if (variable := _variable(loop, integers)) and not (innermost and loops_of(loop.body.block))
    ]
    if not counted:
        return
    pressure = Pressure(kernel)
    zero = zero_of(kernel)
    for loop, variable in counted:
        _reduce(loop, variable, pressure, zero)


@dataclass(frozen=True)
class _Variable:
    """What tells the iterations of a loop apart: where it begins, and what an iteration adds."""

    value: SSAValue
    first: int
    step: int


def _variable(loop: plena.LoopOp, integers: Integers) -> _Variable | None:
    """The counter of a loop, if its body reads it, or what stands for it at run time."""
    if not loop.at_run_time:
        return _Variable(loop.counter, loop.iterations, -1) if needs_counter(loop) else None
    for index, (argument, init) in enumerate(zip(loop.carried, loop.inits, strict=True)):
        if plena.bank(argument) is plena.GPType:
            first, step = integers.known(init), integers.step(loop, index)
            if first is not None and step:
                return _Variable(argument, first, step)
    return None


def _reduce(loop: plena.LoopOp, variable: _Variable, pressure: Pressure, zero: SSAValue) -> None:
    """Carry what is linear in the variable of `loop` and otherwise known before it."""
    position = pressure.order.position
    found: dict[frozenset[tuple[SSAValue, int]], list[tuple[int, plena.Instruction]]] = {}
    values = linear_values(loop)
    for op, linear in values.items():
        if (
            linear.terms.get(variable.value)
            and _is_wanted(op)
            and not any(
                value is not variable.value and defined_inside(value, loop)
                for value in linear.terms
            )
        ):
            found.setdefault(frozenset(linear.terms.items()), []).append((linear.constant, op))
    for members in found.values():
        # The order of the first one's terms: that of a set changes from run to run.
        terms = dict(values[members[0][1]].terms)
        factor = terms.pop(variable.value)
        step = variable.step * factor & WRAP
        members.sort(key=lambda member: member[0])
        while members:
            least = members[0][0]
            near = [member for member in members if member[0] - least < plena.IMMEDIATE]
            members = members[len(near) :]
            start = made(least + factor * variable.first, terms)
            if not _pays(loop, near, start, step):
                continue
            span = (2 * position[loop], pressure.order.span_end(loop))
            if not pressure.has_room(plena.GPType, *span):
                continue
            pressure.take(plena.GPType, *span)
            loop = _carry(loop, near, start, step, zero, position)


def _pays(
    loop: plena.LoopOp,
    members: list[tuple[int, plena.Instruction]],
    start: Known[SSAValue],
    step: int,
) -> bool:
    """Whether a carried pointer executes fewer instructions."""
    least = members[0][0]
    old = new = 0
    for constant, op in members:
        runs = frequency(op.parent)
        old += runs * _dying(op)
        # The pointer itself lives on; where it is overwritten it is copied.
        new += runs if constant > least else sum(frequency(u.parent) for u in tied_uses(op.result))
    new += frequency(loop.body.block) * _addition_cost(step)
    new += frequency(loop.parent) * _cost(start)
    return new < old


def _carry(
    loop: plena.LoopOp,
    members: list[tuple[int, plena.Instruction]],
    start: Known[SSAValue],
    step: int,
    zero: SSAValue,
    position: dict[Operation, int],
) -> plena.LoopOp:
    """Carry a pointer and use it for `members`; the loop that does."""
    least, first = members[0]
    init = _materialize(start, zero, loop, first)
    new, pointer = carry(loop, init)
    pointer.name_hint = first.result.name_hint
    position[new] = position.pop(loop)
    for constant, op in members:
        value: SSAValue = pointer
        if constant > least:
            addition = plena.instruction("S_ADDI_INT", pointer, constant - least)
            insert(addition, op)
            value = addition.result
        sources = list(op.operands)
        replace(op, value)
        for source in sources:
            if isinstance(source.owner, Operation):
                erase_dead(source.owner)
    last = new.terminator
    after = _add(pointer, step, zero, last, first)
    last.operands[len(last.operands) - 1] = after
    return new


def _is_wanted(op: plena.Instruction) -> bool:
    """Whether a value is read by something else than integer arithmetic."""
    return any(
        not isinstance(use.operation, plena.Instruction) or use.operation.mnemonic not in ARITHMETIC
        for use in op.result.uses
    )


def _dying(op: plena.Instruction) -> int:
    """How many instructions go when nobody reads the result of `op` any more."""
    gone: set[Operation] = {op}
    waiting = [op]
    while waiting:
        for operand in waiting.pop().operands:
            source = operand.owner
            if (
                isinstance(source, plena.Instruction)
                and source not in gone
                and source.mnemonic in ARITHMETIC
                and all(use.operation in gone for use in operand.uses)
            ):
                gone.add(source)
                waiting.append(source)
    return len(gone)


def _addition_cost(step: int) -> int:
    """Instructions that adding a number takes."""
    if step < plena.IMMEDIATE:
        return 1
    return 1 + min(plena.constant_cost(step), plena.constant_cost(-step))


def _cost(total: Known[SSAValue]) -> int:
    """Instructions that `_materialize` takes."""
    constant, terms = _parts(total)
    products = sum(
        1 + plena.constant_cost(min(factor, plena.WORD - factor))
        for factor in terms.values()
        if factor not in (1, plena.WORD - 1)
    )
    return products + plena.constant_cost(constant) + len(terms)


def _parts(total: Known[SSAValue]) -> tuple[int, Mapping[SSAValue, int]]:
    """The constant of a sum, and its terms."""
    return (total, {}) if isinstance(total, int) else total


def _add(
    value: SSAValue, number: int, zero: SSAValue, before: Operation, like: Operation
) -> SSAValue:
    """value + number, computed before an operation for the sake of another."""
    if number == 0:
        return value
    if number < plena.IMMEDIATE:
        op = plena.instruction("S_ADDI_INT", value, number)
    elif plena.constant_cost(-number) < plena.constant_cost(number):
        constant = insert_constant(zero, -number, before, like.location)
        op = plena.instruction("S_SUB_INT", value, constant)
    else:
        constant = insert_constant(zero, number, before, like.location)
        op = plena.instruction("S_ADD_INT", value, constant)
    insert(op, before, like.location)
    return op.result


def _materialize(
    total: Known[SSAValue], zero: SSAValue, before: Operation, like: Operation
) -> SSAValue:
    """The value of a sum, computed before an operation for the sake of another."""
    constant, terms = _parts(total)
    plus, minus = list[SSAValue](), list[SSAValue]()
    for value, factor in terms.items():
        negative = factor > plena.WORD // 2
        times = plena.WORD - factor if negative else factor
        if times != 1:
            product = plena.instruction(
                "S_MUL_INT", value, insert_constant(zero, times, before, like.location)
            )
            insert(product, before, like.location)
            value = product.result
        (minus if negative else plus).append(value)
    if plus:
        start = _add(_sum(plus, "S_ADD_INT", before, like), constant, zero, before, like)
    else:
        start = insert_constant(zero, constant, before, like.location)
    return _sum([start, *minus], "S_SUB_INT", before, like)


def _sum(values: Iterable[SSAValue], mnemonic: str, before: Operation, like: Operation) -> SSAValue:
    total, *rest = values
    for value in rest:
        op = plena.instruction(mnemonic, total, value)
        insert(op, before, like.location)
        total = op.result
    return total

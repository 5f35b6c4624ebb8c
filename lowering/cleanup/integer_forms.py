"""What is known of the integers of a kernel: constants, distances from one another, bounds."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.ir import BlockArgument, SSAValue

from ...dialects import plena
from ...machine.program.linear_mod32 import (
    ARITHMETIC,
    Known,
    Linear,
    Value,
    added,
    computed,
    symbol,
)
from .kernel_pass import is_zero, ops_of

Form = tuple[SSAValue | None, int]
"""A value as another plus a number, modulo 2^32; no other: the number itself."""

Bounds = tuple[int, int]
"""The least and the largest number that a value may be."""

MAX_TERMS = 8
"""Sums of more values than this are values of their own to `linear_values`."""


class Integers:
    """Forms and bounds of integers, found when asked for and remembered.

    Stays true while values only move, or are replaced by equal ones. With `through_loops` a loop's
    result is its init plus what the iterations add, where they add the same.
    """

    def __init__(self, through_loops: bool = False):
        self._through_loops = through_loops
        self._forms: dict[SSAValue, Known[SSAValue]] = {}
        self._bounds: dict[SSAValue, Bounds | None] = {}

    def known(self, value: SSAValue) -> int | None:
        """The number that `value` always is, if there is but one."""
        found = self._form(value)
        return found if isinstance(found, int) else None

    def form(self, value: SSAValue) -> Form:
        """`value` as far back as additions of numbers lead."""
        found = self._form(value)
        if isinstance(found, int):
            return None, found
        (base,) = found.terms
        return base, found.constant

    def _form(self, value: SSAValue) -> Known[SSAValue]:
        """The form as a sum: a number, or one value and a number."""
        waiting = [value]
        while waiting:
            top = waiting[-1]
            if top in self._forms:
                waiting.pop()
                continue
            needed = [source for source in self._sources(top) if source not in self._forms]
            if needed:
                waiting += needed
            else:
                self._forms[top] = self._compute(top)
                waiting.pop()
        return self._forms[value]

    def step(self, loop: plena.LoopOp, index: int) -> int | None:
        """What an iteration adds to a carried value, modulo 2^32; None where that varies."""
        argument, after = loop.carried[index], loop.yielded[index]
        base, offset = self.form(after)
        return offset if base is argument else None

    def _sources(self, value: SSAValue) -> list[SSAValue]:
        """The values whose forms give that of `value`."""
        owner = value.owner
        if isinstance(owner, plena.Instruction) and owner.mnemonic in ARITHMETIC:
            return list(owner.operands)
        if self._through_loops and isinstance(owner, plena.LoopOp) and not owner.at_run_time:
            index = owner.results.index(value)
            if plena.bank(value) is plena.GPType:
                return [owner.inits[index], owner.yielded[index]]
        return []

    def _compute(self, value: SSAValue) -> Known[SSAValue]:
        """The form of `value`; those of its sources are there."""
        if is_zero(value):
            return 0
        owner = value.owner
        found: Value[SSAValue] = None
        if isinstance(owner, plena.LoopOp) and self._sources(value):
            index = owner.results.index(value)
            step = self.step(owner, index)
            if step is not None:
                found = added(self._forms[owner.inits[index]], step * owner.iterations)
        elif isinstance(owner, plena.Instruction) and owner.mnemonic in ARITHMETIC:
            found = _computed(owner, self._forms)
        if isinstance(found, Linear) and [*found.terms.values()] != [1]:
            found = None
        return symbol(value) if found is None else found

    def bounds(self, value: SSAValue) -> Bounds | None:
        """The least and the largest number that `value` may be; None where nothing is known."""
        if value not in self._bounds:
            # A value that depends on itself in a way not understood here has no bounds.
            self._bounds[value] = None
            self._bounds[value] = self._compute_bounds(value)
        return self._bounds[value]

    def _compute_bounds(self, value: SSAValue) -> Bounds | None:
        base, offset = self.form(value)
        if base is None:
            return offset, offset
        if base is not value:
            found = self.bounds(base)
            return None if found is None else _within(found[0] + offset, found[1] + offset)
        if not isinstance(value, BlockArgument):
            return None
        loop = value.owner.parent_op()
        if not isinstance(loop, plena.LoopOp):
            return None
        if value.index == 0:
            return None if loop.at_run_time else (1, loop.iterations)
        step = self.step(loop, value.index - 1)
        start = self.bounds(loop.inits[value.index - 1])
        if step is None or start is None:
            return None
        return _within(start[0], start[1] + step * (loop.iterations - 1))


def _within(least: int, largest: int) -> Bounds | None:
    """Bounds that no sum modulo 2^32 has wrapped around."""
    return (least, largest) if largest < plena.WORD else None


def disjoint(one: Bounds | None, other: Bounds | None) -> bool:
    """Whether two values are certain to differ."""
    if one is None or other is None:
        return False
    return one[1] < other[0] or other[1] < one[0]


def linear_values(loop: plena.LoopOp) -> dict[plena.Instruction, Linear[SSAValue]]:
    """What integer instructions in a loop compute, in terms of values that others make."""
    sums: dict[SSAValue, Known[SSAValue]] = {}
    found: dict[plena.Instruction, Linear[SSAValue]] = {}
    integers = Integers()
    for op in ops_of(loop.body.block):
        if not isinstance(op, plena.Instruction) or op.mnemonic not in ARITHMETIC:
            continue
        for value in op.operands:
            if value not in sums:
                known = integers.known(value)
                sums[value] = symbol(value) if known is None else known
        result = _computed(op, sums)
        if isinstance(result, int):
            sums[op.result] = result
        elif result is not None and len(result.terms) <= MAX_TERMS:
            sums[op.result] = found[op] = result
    return found


def _computed(op: plena.Instruction, sums: Mapping[SSAValue, Known[SSAValue]]) -> Value[SSAValue]:
    """What an instruction of `ARITHMETIC` computes, where `sums` has its operands."""
    inputs: list[Value[SSAValue]] = [sums[operand] for operand in op.operands]
    if op.mnemonic in ("S_ADDI_INT", "S_LUI_INT"):
        inputs.append(op.constant("value"))
    return computed(op.mnemonic, *inputs)

"""What is known of the integers of a kernel: constants, distances from one another, bounds."""

from __future__ import annotations

from xdsl.ir import BlockArgument, SSAValue

from ...dialects import plena
from .kernel_pass import is_zero

Form = tuple[SSAValue | None, int]
"""A value as another plus a number, modulo 2^32; no other: the number itself."""

Bounds = tuple[int, int]
"""The least and the largest number that a value may be."""

ARITHMETIC = frozenset({"S_ADDI_INT", "S_LUI_INT", "S_ADD_INT", "S_SUB_INT", "S_MUL_INT"})
"""Instructions that compute integers from integers."""


class Integers:
    """Forms and bounds of integers, found when asked for and remembered.

    Stays true while values only move, or are replaced by equal ones. With `through_loops` a loop's
    result is its init plus what the iterations add, where they add the same.
    """

    def __init__(self, through_loops: bool = False):
        self._through_loops = through_loops
        self._forms: dict[SSAValue, Form] = {}
        self._bounds: dict[SSAValue, Bounds | None] = {}

    def known(self, value: SSAValue) -> int | None:
        """The number that `value` always is, if there is but one."""
        base, offset = self.form(value)
        return offset if base is None else None

    def form(self, value: SSAValue) -> Form:
        """`value` as far back as additions of numbers lead."""
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
        if self._through_loops and isinstance(owner, plena.LoopOp):
            index = owner.results.index(value)
            if plena.bank(value) is plena.GPType:
                return [owner.inits[index], owner.yielded[index]]
        return []

    def _compute(self, value: SSAValue) -> Form:
        """The form of `value`; those of its sources are there."""
        if is_zero(value):
            return None, 0
        owner = value.owner
        if isinstance(owner, plena.LoopOp) and self._sources(value):
            index = owner.results.index(value)
            step = self.step(owner, index)
            if step is None:
                return value, 0
            base, offset = self._forms[owner.inits[index]]
            return base, (offset + step * owner.iterations) % plena.WORD
        if not isinstance(owner, plena.Instruction) or owner.mnemonic not in ARITHMETIC:
            return value, 0
        if owner.mnemonic == "S_LUI_INT":
            return None, (owner.constant("value") << 12) % plena.WORD
        one, first = self._forms[owner.operands[0]]
        if owner.mnemonic == "S_ADDI_INT":
            return one, (first + owner.constant("value")) % plena.WORD
        other, second = self._forms[owner.operands[1]]
        match owner.mnemonic:
            case "S_ADD_INT":
                if one is None or other is None:
                    return one or other, (first + second) % plena.WORD
            case "S_SUB_INT":
                if other is None:
                    return one, (first - second) % plena.WORD
                if one is other:
                    return None, (first - second) % plena.WORD
            case _:
                if one is None and other is None:
                    return None, first * second % plena.WORD
                if (one is None and first == 0) or (other is None and second == 0):
                    return None, 0
                if one is None and first == 1:
                    return other, second
                if other is None and second == 1:
                    return one, first
        return value, 0

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
            return 1, loop.iterations
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

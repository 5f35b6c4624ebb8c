"""Webs: sets of values that share one register, and the copies that make sharing possible.

Values must share a register where the machine has one: a carried value's init, block argument,
yielded value and result; a counter and what is yielded for it; an operand that an instruction
overwrites and its result. Where such values are live at the same time, a copy separates them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from ...diagnostics import OpError
from ...dialects import plena
from .live_ranges import LiveRange, ProgramOrder

COPY_ROUNDS = 8
"""Copies make a tie joinable, so two rounds do unless given registers are in the way."""


@dataclass(eq=False, slots=True)
class Web:
    """Values that share a register, and when it is taken. `register` is set when it is given."""

    bank: type[plena.BankType]
    values: list[SSAValue]
    range: LiveRange
    register: plena.BankType | None = None


@dataclass(eq=False)
class Tie:
    """Operand `index` of `op`, which must arrive in the register of `target`."""

    op: Operation
    index: int
    target: SSAValue
    weight: int
    """How often a copy for it would run."""

    @property
    def source(self) -> SSAValue:
        """The value that arrives."""
        return self.op.operands[self.index]


@dataclass(eq=False)
class Webs:
    """The webs of a kernel.

    Webs of values with a given register start joined, those of a carried value and its result too.
    OpError when two values that are live at once have been given one register.
    """

    order: ProgramOrder
    of: dict[SSAValue, Web] = field(default_factory=dict[SSAValue, Web])

    def __post_init__(self) -> None:
        given: dict[plena.BankType, Web] = {}
        for value in self.order.values:
            kind = plena.register_type(value)
            web = Web(type(kind), [value], self.order.range(value))
            self.of[value] = web
            if kind.text:
                web.register = kind
                first = given.setdefault(kind, web)
                if first is not web and not self.join(value, first.values[0]):
                    raise OpError(
                        defining_op(value),
                        f"{kind.text} is given to a value while it holds another",
                    )
        for loop in self.order.loops:
            for argument, result in zip(loop.carried, loop.results, strict=True):
                self.join(argument, result)

    def in_bank(self, bank: type[plena.BankType]) -> list[Web]:
        """The webs of a bank, in order of their first point."""
        webs = {id(web): web for web in self.of.values() if web.bank is bank}
        return sorted(webs.values(), key=lambda web: web.range.start)

    def together(self, first: SSAValue, second: SSAValue) -> bool:
        """Whether two values share a register."""
        web = self.of.get(first)
        return web is not None and web is self.of.get(second)

    def join(self, first: SSAValue, second: SSAValue) -> bool:
        """Let two values share a register; False when they are live at once or given others."""
        one, other = self.of.get(first), self.of.get(second)
        if one is None or other is None or one.bank is not other.bank:
            return False
        if one is other:
            return True
        if one.register is not None and other.register not in (None, one.register):
            return False
        if one.range.first_overlap(other.range) is not None:
            return False
        if len(one.values) < len(other.values):
            one, other = other, one
        one.range.add(other.range)
        one.register = one.register or other.register
        one.values += other.values
        for value in other.values:
            self.of[value] = one
        return True


def defining_op(value: SSAValue) -> Operation:
    """The operation that writes `value`: for a block argument, the loop."""
    owner = value.owner
    if isinstance(owner, Operation):
        return owner
    op = owner.parent_op()
    assert op is not None
    return op


def ties(order: ProgramOrder) -> list[Tie]:
    """All ties of a kernel, the most frequently executed first."""
    found: list[Tie] = []
    for loop in order.loops:
        assert loop.parent is not None
        outside = order.frequency[loop.parent]
        inside = order.frequency[loop.body.block]
        for index, argument in enumerate(loop.carried):
            found.append(Tie(loop, index, argument, outside))
        for index, argument in enumerate(loop.body.block.args):
            found.append(Tie(loop.terminator, index, argument, inside))
    for op in order.overwriting:
        assert op.parent is not None
        for index, result in op.tied:
            found.append(Tie(op, index, result, order.frequency[op.parent]))
    found.sort(key=lambda tie: -tie.weight)
    return found


def conventional_webs(kernel: plena.KernelOp) -> Webs:
    """Join all tied values, inserting copies where they cannot share a register.

    Postcondition: every tie's two values are in one web, and no two values of a web are live at
    once. Copies that the kernel had and that are not needed are gone. OpError when given registers
    leave no way.
    """
    for _ in range(COPY_ROUNDS):
        webs = Webs(ProgramOrder(kernel))
        torn: dict[Operation, list[Tie]] = {}
        for tie in ties(webs.order):
            if not webs.join(tie.source, tie.target):
                torn.setdefault(tie.op, []).append(tie)
        if not torn:
            _join_copies(webs)
            return webs
        for op, apart in torn.items():
            insert_parallel_copies(op, apart, webs)
    raise OpError(kernel, "registers given to values contradict each other")


def _join_copies(webs: Webs) -> None:
    """Remove copies whose two sides can share a register after all."""
    frequency = webs.order.frequency
    copies = [(frequency[op.parent], op) for op in webs.order.copies if op.parent is not None]
    copies.sort(key=lambda entry: -entry[0])
    gone: set[SSAValue] = set()
    for _, copy in copies:
        if webs.join(copy.source, copy.result):
            gone.add(copy.result)
            copy.result.replace_all_uses_with(copy.source)
            copy.detach()
            copy.erase()
    for web in {id(webs.of[value]): webs.of[value] for value in gone}.values():
        web.values = [value for value in web.values if value not in gone]
    for value in gone:
        del webs.of[value]


def insert_parallel_copies(op: Operation, apart: Iterable[Tie], webs: Webs) -> None:
    """Before `op`, move the sources of `apart` into registers of their own, all at once.

    A register is written only when no source still waits in it. Where sources wait for each other
    in a circle (a swap), one of them moves to a temporary first.
    """
    waiting = {id(webs.of[tie.target]): tie for tie in apart}
    sources = {tie: tie.source for tie in waiting.values()}

    def held_in(target: int) -> list[Tie]:
        """Ties whose source waits in the register of the web `target`."""
        return [
            tie
            for tie in waiting.values()
            if (web := webs.of.get(sources[tie])) is not None and id(web) == target
        ]

    while waiting:
        ready = next((target for target in waiting if not held_in(target)), None)
        if ready is None:
            target = next(iter(waiting))
            circle = held_in(target)
            temporary = insert_copy(sources[circle[0]], op)
            for tie in circle:
                sources[tie] = temporary
            continue
        tie = waiting.pop(ready)
        op.operands[tie.index] = insert_copy(sources[tie], op)


def insert_copy(value: SSAValue, before: Operation) -> SSAValue:
    """A copy of `value` in its bank. A slot is copied through a register."""
    block = before.parent
    assert block is not None
    if plena.bank(value) is plena.SlotType:
        reload = plena.ReloadOp(value)
        copies: list[plena.Emitting] = [reload, plena.SpillOp(reload.result)]
    else:
        copies = [plena.CopyOp(value)]
    for copy in copies:
        copy.location = before.location
        copy.results[0].name_hint = value.name_hint
        block.insert_op_before(copy, before)
    return copies[-1].results[0]

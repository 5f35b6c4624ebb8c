"""Spilling integer registers: which values to evict, and the code that does it.

A spilled value lives in a slot of INT_MEM, which is a register bank of its own in the IR: it is
stored once, where it is written, and reloaded where it is read. Constants are computed again
instead. Where a reader sits in a loop that does not include the point of too high pressure, the
reload goes before that loop, so the value is in a register inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import Rewriter

from ...diagnostics import NoRegisters
from ...dialects import plena
from .eviction_costs import (
    EvictionCosts,
    Loops,
    home_block,
    is_carried,
    is_recomputable,
    readers,
    stays_in_slot,
)
from .live_ranges import ProgramOrder, enclosing_loops
from .webs import Web, Webs


@dataclass(eq=False)
class Victim:
    """A web to evict, and the loops that run where its register is wanted."""

    web: Web
    around: Loops


@dataclass(eq=False)
class Spiller:
    """Chooses webs of integer registers of one kernel and evicts them.

    Values that spilling leaves behind (a value until it is stored, a reload until it is read) are
    `settled`: evicting them again would gain nothing. A value made before a loop for readers inside
    is `hoisted`; evicted again, it is made inside.
    """

    settled: set[SSAValue] = field(default_factory=set[SSAValue])
    hoisted: dict[SSAValue, plena.LoopOp] = field(default_factory=dict[SSAValue, plena.LoopOp])

    def choose(self, webs: Webs, registers: int) -> list[Victim]:
        """Webs whose eviction leaves at most `registers` integers live at each point.

        A sweep over the segments; where too many are live, the web goes whose eviction costs the
        fewest executed instructions for each point it frees. What eviction leaves behind counts as
        live in the rest of the sweep, so few rounds are needed; where that is a value made in front
        of a loop, it can be made inside instead. NoRegisters when none can go.
        """
        integers = webs.in_bank(plena.GPType)
        # (start, end, number); what is left of evicted webs has negative numbers.
        events = [(s, e, number) for number, web in enumerate(integers) for s, e in web.range]
        heapify(events)
        evicting = EvictionCosts(webs.order, self.hoisted)
        costs: dict[tuple[int, Loops], int] = {}
        live: dict[int, int] = {}
        expiries: list[tuple[int, int]] = []
        victims: dict[int, Victim] = {}
        left_behind = 0
        # Of those left behind, what is made in front of a loop: by whom, and for how many points.
        in_front: dict[int, tuple[Victim, plena.LoopOp, int]] = {}

        def leave_behind(victim: Victim, now: int, inside: plena.LoopOp | None) -> None:
            nonlocal left_behind
            for (first, last), place in self._left_behind(victim, webs.order):
                if last <= now or not (inside is None or _spans(webs.order, inside, first, last)):
                    continue
                left_behind -= 1
                heappush(events, (max(now, first), last, left_behind))
                if isinstance(place, plena.LoopOp):
                    in_front[left_behind] = victim, place, last - first

        while events:
            start, end, number = heappop(events)
            if number in victims:
                continue
            while expiries and expiries[0][0] <= start:
                expired, gone = heappop(expiries)
                if live.get(gone) == expired:
                    del live[gone]
            live[number] = end
            heappush(expiries, (end, number))
            while len(live) > registers:
                around = loops_around(webs.order, start)
                for candidate in live:
                    if candidate >= 0 and (candidate, around) not in costs:
                        web = integers[candidate]
                        if self.can_evict(web):
                            costs[candidate, around] = evicting.of(web).at(around)
                choices = [
                    (costs[candidate, around] / integers[candidate].range.points, candidate)
                    for candidate in live
                    if (candidate, around) in costs
                ]
                for candidate in live:
                    if candidate in in_front:
                        victim, loop, points = in_front[candidate]
                        cost = evicting.of(victim.web)
                        more = cost.at(victim.around | {loop}) - cost.at(victim.around)
                        choices.append((more / points, candidate))
                if not choices:
                    if victims:
                        break
                    raise NoRegisters(
                        webs.order.ops[start // 2],
                        f"{len(live)} integer registers are needed at once here and none of the "
                        f"values can be kept elsewhere; the machine has {registers}",
                    )
                _, loser = min(choices)
                del live[loser]
                if loser >= 0:
                    victims[loser] = Victim(integers[loser], around)
                    leave_behind(victims[loser], start, None)
                else:
                    victim, loop, _ = in_front.pop(loser)
                    victim.around |= {loop}
                    leave_behind(victim, start, loop)
        return list(victims.values())

    def choose_for(self, failed: Iterable[Web], webs: Webs) -> list[Victim]:
        """What to evict so that webs that found no register may find one."""
        integers = [web for web in webs.in_bank(plena.GPType) if self.can_evict(web)]
        evicting = EvictionCosts(webs.order, self.hoisted)
        victims: dict[Web, Victim] = {}
        for web in failed:
            choices: list[tuple[float, int, Victim]] = []
            for number, other in enumerate(integers):
                overlap = web.range.first_overlap(other.range)
                if overlap is not None:
                    around = loops_around(webs.order, overlap)
                    score = evicting.of(other).at(around) / other.range.points
                    choices.append((score, number, Victim(other, around)))
            if choices:
                best = min(choices, key=lambda choice: choice[:2])[2]
                victims.setdefault(best.web, best)
        return list(victims.values())

    def _left_behind(
        self, victim: Victim, order: ProgramOrder
    ) -> list[tuple[tuple[int, int], Operation | None]]:
        """The segments in which values of an evicted web will still be in registers.

        With the operation in front of which the value is made; None where it is the value itself.
        """
        around = self._inside(victim.web, victim.around)
        segments: list[tuple[tuple[int, int], Operation | None]] = []
        for value in victim.web.values:
            if not is_carried(value) and not is_recomputable(value):
                start = order.start(value)
                segments.append(((start, start + 2), None))
            for place in {placement(value, reader, around) for reader, _ in readers(value)}:
                if isinstance(place, plena.LoopOp):
                    segments.append(((2 * order.position[place], order.span_end(place)), place))
                else:
                    point = 2 * order.position[place]
                    segments.append(((point, point + 1), place))
        return segments

    def can_evict(self, web: Web) -> bool:
        """Whether evicting `web` frees its register anywhere."""
        return web.register is None and web.range.points > 2 and self.settled.isdisjoint(web.values)

    def evict(self, victims: Iterable[Victim], kernel: plena.KernelOp) -> None:
        """Rewrite the kernel so that the webs of `victims` take no register for long."""
        for victim in victims:
            values = victim.web.values
            around = self._inside(victim.web, victim.around)
            if len(values) == 1 and is_recomputable(values[0]):
                self._recompute(values[0], around)
            else:
                self._spill(values, around)
        self._fold_copies(kernel)

    def _inside(self, web: Web, around: Loops) -> Loops:
        """`around`, and the loops before which the values of `web` already are."""
        return around | {self.hoisted[value] for value in web.values if value in self.hoisted}

    def _recompute(self, value: SSAValue, around: Loops) -> None:
        """Compute `value` again before each reader."""
        definition = value.owner
        assert isinstance(definition, Operation)
        chain = [definition]
        source = definition.operands[0].owner if definition.operands else None
        if isinstance(source, plena.Instruction):
            chain.insert(0, source)

        def again(before: Operation) -> SSAValue:
            copies: dict[SSAValue, SSAValue] = {}
            for op in chain:
                insert_before(op.clone(copies), before)
                self.settled.add(copies[op.results[0]])
            return copies[value]

        self._replace_readers(value, readers(value), around, again)
        for op in reversed(chain):
            if op.results[0].first_use is None:
                op.detach()
                op.erase()

    def _spill(self, values: Iterable[SSAValue], around: Loops) -> None:
        """Move the values, which share a register, to values of slots, which share a slot."""
        for value in values:
            reading = readers(value)
            if is_carried(value):
                slot = Rewriter.replace_value_with_new_type(
                    value, plena.UNALLOCATED[plena.SlotType]
                )
            else:
                slot = plena.SpillOp(value).result
                slot.name_hint = value.name_hint
                for use in list(value.uses):
                    if use.operation is not slot.op and stays_in_slot(use.operation, use.index):
                        use.operation.operands[use.index] = slot
                insert_after(slot.op, value)
                self.settled.add(value)

            def again(before: Operation, slot: SSAValue = slot) -> SSAValue:
                reload = plena.ReloadOp(slot)
                reload.result.name_hint = slot.name_hint
                insert_before(reload, before)
                return reload.result

            self._replace_readers(slot, reading, around, again)

    def _replace_readers(
        self,
        value: SSAValue,
        reading: Iterable[tuple[Operation, int]],
        around: Loops,
        again: Callable[[Operation], SSAValue],
    ) -> None:
        """Let each reader read what `again` makes where `placement` says."""
        made: dict[Operation, SSAValue] = {}
        for reader, index in reading:
            before = placement(value, reader, around)
            if before not in made:
                made[before] = again(before)
                if isinstance(before, plena.LoopOp):
                    self.settled.discard(made[before])
                    self.hoisted[made[before]] = before
                else:
                    self.settled.add(made[before])
            reader.operands[index] = made[before]

    def _fold_copies(self, kernel: plena.KernelOp) -> None:
        """Let copies of reloads be reloads, and spills of copies be spills."""
        for copy in [op for op in kernel.walk() if isinstance(op, plena.CopyOp)]:
            reload = copy.source.owner
            if (
                isinstance(reload, plena.ReloadOp)
                and reload.parent is copy.parent
                and copy.source.has_one_use()
                and not plena.register_type(copy.result).text
            ):
                self.settled.discard(reload.result)
                if copy.result in self.settled:
                    self.settled.add(reload.result)
                copy.result.replace_all_uses_with(reload.result)
                copy.detach()
                copy.erase()
                continue
            use = copy.result.get_user_of_unique_use()
            if isinstance(use, plena.SpillOp) and use.prev_op is copy:
                use.operands[0] = copy.source
                copy.detach()
                copy.erase()


def _spans(order: ProgramOrder, loop: plena.LoopOp, first: int, last: int) -> bool:
    """Whether a segment lies within a loop."""
    return 2 * order.position[loop] <= first and last <= order.span_end(loop)


def loops_around(order: ProgramOrder, point: int) -> Loops:
    """The loops that run at `point`.

    Where a loop writes its counter it runs; where it writes its results (at its yield) it is over.
    """
    op = order.ops[point // 2]
    loops = enclosing_loops(op, None)
    if point % 2 and isinstance(op, plena.LoopOp):
        loops.append(op)
    elif point % 2 and isinstance(op, plena.YieldOp):
        loops.pop()
    return frozenset(loops)


def placement(value: SSAValue, reader: Operation, around: Loops) -> Operation:
    """The operation before which to reload `value` for `reader`.

    The outermost loop around the reader, inside the block of the value, that is not in `around`;
    the reader itself where there is none.
    """
    loops = enclosing_loops(reader, home_block(value))
    return next((loop for loop in loops if loop not in around), reader)


def insert_before(op: Operation, anchor: Operation) -> None:
    """Insert `op` before `anchor`, as code that serves it."""
    block = anchor.parent
    assert block is not None
    op.location = anchor.location
    block.insert_op_before(op, anchor)


def insert_after(op: Operation, value: SSAValue) -> None:
    """Insert `op` where `value` is first there, as code that serves its definition."""
    owner = value.owner
    if isinstance(owner, Operation):
        op.location = owner.location
        assert owner.parent is not None
        owner.parent.insert_op_after(op, owner)
        return
    loop = owner.parent_op()
    assert loop is not None
    op.location = loop.location
    first = owner.first_op
    assert first is not None
    owner.insert_op_before(op, first)

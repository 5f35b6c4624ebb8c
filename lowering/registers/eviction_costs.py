"""What it costs to evict a web, asked for at many points: `Spiller.choose` weighs with this.

A reader in loops that a web's value is not in finds it reloaded before the outermost of them,
unless that loop is among those that run where the register is wanted; then before the next one
inside. So a reload counts once for each loop between its readers and the value, and the cost at a
point is that where no loop runs, corrected for each of those that do, however many readers there
are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from ...dialects import plena
from .live_ranges import ProgramOrder
from .webs import Web

Loops = frozenset[plena.LoopOp]


@dataclass(eq=False, slots=True)
class WebCost:
    """Executed instructions that evicting one web adds."""

    base: int = 0
    """Where reloads stand outside of all loops that they can."""
    inside: dict[plena.LoopOp, dict[Block, int]] = field(
        default_factory=dict["plena.LoopOp", dict[Block, int]]
    )
    """For each loop around readers: for the values at home in a block, how much more it costs to
    reload inside of this loop than before it, where those around it are entered as well."""
    hoisted: Loops = frozenset()
    """The loops before which values of the web are already."""

    def at(self, around: Loops) -> int:
        """The cost where the loops `around` run."""
        around = around | self.hoisted if self.hoisted else around
        inside, cost = self.inside, self.base
        for loop in around:
            for home, more in inside.get(loop, {}).items():
                block = loop.parent
                while block is not home:
                    assert block is not None
                    outer = block.parent_op()
                    if outer not in around:
                        break
                    assert outer is not None
                    block = outer.parent
                else:
                    cost += more
        return cost


class EvictionCosts:
    """The costs of the webs of one kernel. A snapshot, like the order that it is made from.

    `hoisted` says of values before which loop they were made already. `steps` counts the readers
    that were looked at and the loops around them, for tests of complexity.
    """

    def __init__(self, order: ProgramOrder, hoisted: dict[SSAValue, plena.LoopOp]):
        self._order = order
        self._hoisted = hoisted
        self._webs: dict[Web, WebCost] = {}
        self.steps = 0

    def of(self, web: Web) -> WebCost:
        """The costs of one web, made when first asked for."""
        known = self._webs.get(web)
        if known is None:
            known = self._webs[web] = self._make(web)
        return known

    def _make(self, web: Web) -> WebCost:
        frequency = self._order.frequency
        hoisted = self._hoisted
        made = WebCost(hoisted=frozenset(hoisted[v] for v in web.values if v in hoisted))
        constant = len(web.values) == 1 and is_recomputable(web.values[0])
        for value in web.values:
            home = home_block(value)
            assert home is not None
            if constant:
                made.base -= frequency[home]
            elif not is_carried(value):
                made.base += frequency[home]
            for child, cost in self._children(value, home):
                if child is None:
                    made.base += cost
                    continue
                by_home = made.inside.setdefault(child, {})
                by_home[home] = by_home.get(home, 0) + cost
        return made

    def _children(self, value: SSAValue, home: Block) -> Iterable[tuple[plena.LoopOp | None, int]]:
        """What reloads of a value cost: at home, and more in each loop around a reader."""
        frequency = self._order.frequency
        seen: set[Operation] = set()
        costs: dict[plena.LoopOp | None, int] = {None: 0}
        for reader, _ in readers(value):
            self.steps += 1
            if reader in seen:
                continue
            seen.add(reader)
            block = reader.parent
            assert block is not None
            loop = _loop_of(block, home)
            costs[loop] = costs.get(loop, -_before(loop, frequency)) + frequency[block]
            # Up to the first loop that is known, each loop takes one reload in the one around it.
            while loop is not None and loop not in seen:
                self.steps += 1
                seen.add(loop)
                block = loop.parent
                assert block is not None
                loop = _loop_of(block, home)
                costs[loop] = costs.get(loop, -_before(loop, frequency)) + frequency[block]
        return costs.items()


def _loop_of(block: Block, home: Block) -> plena.LoopOp | None:
    """The loop that a block inside of `home` is the body of; None for `home`."""
    if block is home:
        return None
    loop = block.parent_op()
    return loop if isinstance(loop, plena.LoopOp) else None


def _before(loop: plena.LoopOp | None, frequency: dict[Block, int]) -> int:
    """How often a reload before a loop runs."""
    if loop is None:
        return 0
    assert loop.parent is not None
    return frequency[loop.parent]


def home_block(value: SSAValue) -> Block | None:
    """The block that `value` is defined in."""
    owner = value.owner
    return owner if isinstance(owner, Block) else owner.parent


def is_carried(value: SSAValue) -> bool:
    """Whether `value` is a carried value of a loop, in its body or after it."""
    if isinstance(value, BlockArgument):
        return value.index > 0
    return isinstance(value.owner, plena.LoopOp)


def stays_in_slot(reader: Operation, index: int) -> bool:
    """Whether operand `index` of `reader` may be a slot: those that loops carry."""
    return isinstance(reader, plena.LoopOp) or (isinstance(reader, plena.YieldOp) and index > 0)


def readers(value: SSAValue) -> list[tuple[Operation, int]]:
    """The uses of `value` that need it in a register."""
    return [
        (use.operation, use.index)
        for use in value.uses
        if not stays_in_slot(use.operation, use.index)
    ]


def is_recomputable(value: SSAValue) -> bool:
    """Whether `value` is a constant or a reload, which one or two instructions make again."""
    if not isinstance(value, OpResult):
        return False
    op = value.op
    if isinstance(op, plena.ReloadOp):
        return True
    if isinstance(op, plena.CopyOp):
        return plena.register_type(op.source).is_zero
    if isinstance(op, plena.Instruction):
        if op.mnemonic == "S_LUI_INT":
            return True
        if op.mnemonic == "S_ADDI_INT":
            source = op.operands[0].owner
            return plena.register_type(op.operands[0]).is_zero or (
                isinstance(source, plena.Instruction) and source.mnemonic == "S_LUI_INT"
            )
    return False

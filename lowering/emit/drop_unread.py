"""What emission made for nobody, taken out in one look at each operation.

Upstream's `region_dce` does the same on any IR; it goes over the whole kernel until nothing changes
any more, and asks each operation anew for its effects and those of all operations in it.
"""

from __future__ import annotations

from xdsl.ir import Operation
from xdsl.transforms.dead_code_elimination import would_be_trivially_dead

from ...dialects import plena


def drop_unread(kernel: plena.KernelOp) -> None:
    """Erase operations that change nothing but registers which nobody reads, the loops that hold
    only such ones included. Precondition: operations of the `plena` dialect, no registers."""
    order: list[Operation] = []
    observable: set[Operation] = set()

    def look_at(loop: plena.KernelOp | plena.LoopOp) -> bool:
        """Note the operations in a loop; whether one of them is observed outside of it."""
        found = False
        for op in loop.body.block.ops:
            order.append(op)
            if isinstance(op, plena.LoopOp):
                seen = look_at(op)
            elif isinstance(op, plena.Instruction):
                seen = bool(op.row.effects.writes)
            elif isinstance(op, plena.YieldOp):
                # It keeps what it yields, and does nothing else.
                observable.add(op)
                continue
            else:
                seen = not would_be_trivially_dead(op)
            if seen:
                observable.add(op)
                found = True
        return found

    look_at(kernel)
    live = set(observable)
    waiting = list(observable)
    while waiting:
        for operand in waiting.pop().operands:
            maker = operand.owner
            if isinstance(maker, Operation) and maker not in live:
                live.add(maker)
                waiting.append(maker)
    for op in reversed(order):
        if op not in live and op.parent is not None:
            op.detach()
            op.erase(safe_erase=False)

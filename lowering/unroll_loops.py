"""`unroll-loops`: fewer, longer iterations, where the program grows little for what it saves.

A loop of n iterations of b instructions executes 1 + n(b + 1); with f copies of its body in each
iteration it executes n - n/f less, and steps of pointers that only instructions with an immediate
read go as well once `fold-offsets` has run. Unrolled to the end, C_LOOP_START goes too.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from ..dialects import plena
from .fold_offsets import takes_offset
from .kernel_pass import KernelPass, frequency, loops_of
from .loop_limit import emitted, needs_counter, unroll


@dataclass(frozen=True)
class UnrollLoops(KernelPass):
    """Unroll innermost loops, those first that save most for each instruction added to the text.

    Precondition: kernels without registers. Postcondition: they do the same.

    `factor`: at most so many copies in a partly unrolled loop; they divide the iterations.
    `body`: at most so many instructions in an unrolled body, or in place of a loop.
    `growth`: at most so many instructions more in the whole program, however long it runs.
    """

    name = "unroll-loops"

    factor: int = 8
    body: int = 64
    growth: int = 512

    def run(self, kernel: plena.KernelOp) -> None:
        unroll_loops(kernel, self.factor, self.body, self.growth)


@dataclass
class _Choice:
    """A loop to unroll, what that saves, and what it costs."""

    loop: plena.LoopOp
    copies: int
    saved: int
    """Executed instructions."""
    added: int
    """Instructions of text."""


def unroll_loops(kernel: plena.KernelOp, factor: int, body: int, growth: int) -> None:
    """Unroll in one kernel, as `UnrollLoops` says."""
    left = growth
    done: set[plena.LoopOp] = set()
    while True:
        choices = [
            choice
            for loop in loops_of(kernel.body.block)
            if loop not in done and (choice := _choose(loop, factor, body)) is not None
        ]
        choices.sort(key=lambda choice: -choice.saved / max(choice.added, 1))
        progress = False
        for choice in choices:
            if choice.added <= left:
                left -= max(choice.added, 0)
                # A loop that is gone may leave an innermost one behind.
                progress |= choice.copies == choice.loop.iterations
                done.add(choice.loop)
                _unroll(choice.loop, choice.copies)
        if not progress:
            return


def _choose(loop: plena.LoopOp, factor: int, body: int) -> _Choice | None:
    """How far to unroll a loop, if at all."""
    if any(isinstance(op, plena.LoopOp) for op in loop.body.block.ops):
        return None
    count, size = loop.iterations, emitted(loop.body.block)
    steps = _foldable_steps(loop)
    runs = frequency(loop.parent)
    if count == 1 or count * (size - steps) <= body:
        saved = runs * (count * (1 + steps) + 1)
        return _Choice(loop, count, saved, count * (size - steps) - size - 2)
    if needs_counter(loop):
        return None
    copies = max(
        (f for f in range(2, factor + 1) if count % f == 0 and f * size <= body), default=1
    )
    if copies == 1:
        return None
    saved = runs * (count - count // copies) * (1 + steps)
    return _Choice(loop, copies, saved, (copies - 1) * (size - steps))


def _foldable_steps(loop: plena.LoopOp) -> int:
    """Carried pointers that only the immediates of instructions would add to."""
    found = 0
    for index, argument in enumerate(loop.carried):
        step = loop.yielded[index]
        if (
            isinstance(step.owner, plena.Instruction)
            and step.owner.mnemonic == "S_ADDI_INT"
            and step.owner.operands[0] is argument
            and step.has_one_use()
        ):
            uses = [use for use in argument.uses if use.operation is not step.owner]
            found += all(takes_offset(use, 0) for use in uses)
    return found


def _unroll(loop: plena.LoopOp, copies: int) -> None:
    """Let one iteration do what `copies` did."""
    if copies == loop.iterations:
        unroll(loop)
        return
    block, terminator = loop.body.block, loop.terminator
    ops = [op for op in block.ops if op is not terminator]
    values: list[SSAValue] = list(loop.yielded)
    yielded = list(loop.yielded)
    for _ in range(copies - 1):
        mapping: dict[SSAValue, SSAValue] = dict(zip(loop.carried, values, strict=True))
        for op in ops:
            block.insert_op_before(op.clone(mapping), terminator)
        values = [mapping.get(value, value) for value in yielded]
    terminator.operands = [terminator.operands[0], *values]
    loop.properties["count"] = plena.integer(loop.iterations // copies)

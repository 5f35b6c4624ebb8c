"""`unroll-loops`: fewer, longer iterations, where the program grows little for what it saves.

A loop of n iterations of b instructions executes 1 + n(b + 1); with f copies of its body in each
iteration it executes n - n/f less, and steps of pointers that only instructions with an immediate
read go as well once `fold-offsets` has run. Unrolled to the end, C_LOOP_START goes too.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from ...diagnostics import OpError
from ...dialects import plena
from .fold_offsets import takes_offset
from .kernel_pass import KernelPass, frequency, loops_of
from .limit_loops import emitted, executed, needs_counter, unroll


@dataclass(frozen=True)
class UnrollLoops(KernelPass):
    """Unroll innermost loops as far as pays, those first that save most for what they add.

    Precondition: kernels without registers. Postcondition: they do the same. A loop of which the
    body reads the counter is unrolled to the end or not at all, one that counts at run time not at
    all. OpError for an option that is less than it can be.
    """

    name = "unroll-loops"

    factor: int = 8
    """At most so many copies in a partly unrolled loop; they divide the iterations."""
    body: int = 64
    """At most so many instructions in an unrolled body, or in place of a loop."""
    growth: int = 512
    """At most so many instructions more in the whole program, however long it runs."""
    worth: int = 24
    """An instruction more must save at least this part (1/worth) of what an instruction of the
    program executes on average."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for name, least in (("factor", 1), ("body", 0), ("growth", 0), ("worth", 1)):
            if (value := getattr(self, name)) < least:
                raise OpError(op, f"{name} must be at least {least}, got {value}")
        super().apply(ctx, op)

    def run(self, kernel: plena.KernelOp) -> None:
        unroll_loops(kernel, self)


@dataclass(frozen=True)
class _Choice:
    """A way to unroll a loop: what that saves, and what it costs."""

    copies: int
    saved: int
    """Executed instructions."""
    added: int
    """Instructions of text."""


@dataclass(frozen=True)
class _Step:
    """From one choice for a loop to the next one, which saves and adds more."""

    loop: plena.LoopOp
    copies: int
    saved: int
    added: int

    @property
    def ratio(self) -> float:
        return self.saved / max(self.added, 1)


def unroll_loops(kernel: plena.KernelOp, options: UnrollLoops) -> None:
    """Unroll in one kernel, as `UnrollLoops` says."""
    block = kernel.body.block
    least = executed(block) / max(emitted(block), 1) / options.worth
    left = options.growth
    done: set[plena.LoopOp] = set()
    progress = True
    while progress:
        steps: list[_Step] = []
        for loop in loops_of(block):
            if loop not in done and not any(
                isinstance(op, plena.LoopOp) for op in loop.body.block.ops
            ):
                done.add(loop)
                steps += _steps(loop, _choices(loop, options))
        # Each loop's steps have falling ratios, so sorting keeps their order.
        steps.sort(key=lambda step: -step.ratio)
        chosen: dict[plena.LoopOp, int] = {}
        stopped: set[plena.LoopOp] = set()
        for step in steps:
            if step.loop in stopped or step.added > left or step.ratio < least:
                stopped.add(step.loop)
                continue
            left -= max(step.added, 0)
            chosen[step.loop] = step.copies
        progress = False
        for loop, copies in chosen.items():
            # A loop that is gone may leave an innermost one behind.
            progress |= copies == loop.iterations
            _unroll(loop, copies)


def _choices(loop: plena.LoopOp, options: UnrollLoops) -> list[_Choice]:
    """The ways to unroll a loop, those that add least first."""
    if loop.at_run_time:
        return []
    count, size = loop.iterations, emitted(loop.body.block)
    steps = _foldable_steps(loop)
    runs = frequency(loop.parent)
    found: list[_Choice] = []
    if not needs_counter(loop):
        for copies in range(2, min(options.factor, count - 1) + 1):
            if count % copies == 0 and copies * size <= options.body:
                saved = runs * (count - count // copies) * (1 + steps)
                found.append(_Choice(copies, saved, (copies - 1) * (size - steps)))
    if count == 1 or count * (size - steps) <= options.body:
        saved = runs * (count * (1 + steps) + 1)
        found.append(_Choice(count, saved, count * (size - steps) - size - 2))
    found.sort(key=lambda choice: choice.added)
    return found


def _steps(loop: plena.LoopOp, choices: list[_Choice]) -> list[_Step]:
    """The choices that are best for some amount added, each as what it has more than the last."""
    steps: list[_Step] = []
    saved = added = 0
    while choices:
        best = max(choices, key=lambda c: (c.saved - saved) / max(c.added - added, 1))
        if best.saved <= saved:
            break
        steps.append(_Step(loop, best.copies, best.saved - saved, best.added - added))
        saved, added = best.saved, best.added
        choices = [choice for choice in choices if choice.added > added]
    return steps


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

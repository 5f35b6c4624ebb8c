"""`lower-to-isa` and `fa-to-plena`: the rest of the way to a program, and all of it, under one
name.

In this compiler's own tools the runner (`passes/runner`) opens them into the passes that they stand
for (`passes/pipelines`), each of which is verified, timed and printed. The classes here are for
plain `xdsl-opt`, where a pass is all that a name can be: they call the same runner.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..passes.runner import run


@dataclass(frozen=True)
class LowerToIsaPass(ModulePass):
    """From IR of any level to allocated PLENA instructions; what has not been run is run first.

    Precondition: one function with attention, on tensors or on tiles. Postcondition: the function
    is a `plena.kernel` that prints as assembly. Loops stay loops, but for those that `unroll-loops`
    finds worth their text, and those of which one iteration executes more than the machine allows.
    """

    name = "lower-to-isa"

    machine: str | None = None
    clean_up: bool = True
    """Whether the passes of `pipelines.CLEAN_UP` run between emission and register allocation; what
    is computed is the same without, bit for bit."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        run(ctx, op, [self])


@dataclass(frozen=True)
class FaToPlenaPass(ModulePass):
    """From `fa.attention` on tensors to PLENA instructions: FlashAttention-2 order, all defaults.

    Precondition: a function with attention on tensors. Postcondition: that of `lower-to-isa`.
    """

    name = "fa-to-plena"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        run(ctx, op, [self])

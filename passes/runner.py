"""Running a pipeline: what is missing is inserted, every step is seen, nothing is reordered.

`pipelines` plans by name; here names become passes. An inserted pass takes the options `machine`
and `boundary` of the written pass that it is inserted for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import parse_spec

from ..diagnostics import NoRegisters, OpError
from ..universe import pass_class
from .pipelines import GROUPS, Step, WrongOrderError, complete

INHERITED = ("machine", "boundary")
"""Options that an inserted pass takes from the pass that it is inserted for."""

Apply = Callable[[ModulePass], None]
"""Runs one pass on the module."""


def run(
    context: Context,
    module: ModuleOp,
    passes: Sequence[ModulePass],
    apply: Apply | None = None,
) -> None:
    """Run passes on a module in place, with the steps that they lack.

    Each step goes through `apply`, which runs it alone by default. Raises OpError where a pass
    comes too late, or cannot take the module.

    Float and address registers are not spilled, and how many are taken is an estimate until they
    are allocated: a kernel that fits only as it was emitted is allocated so, and its attribute
    `plena.not_cleaned_up` says why.
    """
    apply = apply or (lambda step: step.apply(context, module))
    steps = schedule(passes, module)
    # The module in front of the emission that clean-up follows, and that emission.
    earlier: tuple[ModuleOp, ModulePass] | None = None
    for number, (step, one) in enumerate(steps):
        if any(following.is_clean_up for following, _ in steps[number + 1 : number + 2]):
            # Kept while it is tiles, which are fewer than the instructions that come of them.
            earlier = earlier or (module.clone(), one)
        try:
            apply(one)
        except NoRegisters as error:
            if earlier is None:
                raise
            before, emission = earlier
            _restore(module, before)
            emission.apply(context, module)
            _mark(module, str(error))
            for again, other in steps[: number + 1]:
                if again.after_clean_up and again.written == step.written:
                    apply(other)
        if step.name == "allocate-registers":
            earlier = None


def schedule(passes: Sequence[ModulePass], module: ModuleOp) -> list[tuple[Step, ModulePass]]:
    """The steps that passes take on a module, with their passes. OpError for a wrong order."""
    names = [_bare(step.name) for step in passes]
    clean_up = all(getattr(step, "clean_up", True) for step in passes)
    try:
        steps = complete(names, done_in(module), clean_up)
    except WrongOrderError as error:
        raise OpError(module, str(error)) from None
    return [
        (
            step,
            _inserted(step.text, passes[step.written]) if step.inserted else passes[step.written],
        )
        for step in steps
    ]


def _bare(name: str) -> str:
    """The name of a pass without the prefix that `xdsl-opt` knows groups by."""
    bare = name.removeprefix("fa-")
    return bare if bare in GROUPS else name


def built(text: str) -> ModulePass:
    """The pass that an element of a pipeline names, `NAME` or `NAME{options}`."""
    spec = parse_spec(text)
    return pass_class(spec.name, spec.name).from_spec(spec)


def _inserted(text: str, wanted_by: ModulePass) -> ModulePass:
    """The pass `text`, with the options that it takes from the one that it is inserted for."""
    made = built(text)
    fields = {field.name for field in dataclasses.fields(made)}
    inherited = {
        name: getattr(wanted_by, name)
        for name in INHERITED
        if name in fields and getattr(wanted_by, name, None) is not None
    }
    return dataclasses.replace(made, **inherited)


def done_in(module: ModuleOp) -> frozenset[str]:
    """Passes whose product a module has: what need not be inserted, and must not be undone."""
    from ..dialects import fa, plena
    from ..dialects.fa.discardable_attrs import MAPPED

    functions = [f for f in module.ops if isinstance(f, func.FuncOp) and not f.is_declaration]
    if not functions:
        has_kernel = any(isinstance(op, plena.KernelOp) for op in module.ops)
        return frozenset({"emit-instructions"} if has_kernel else ())
    ops = [op for function in functions for op in function.walk()]
    if any(isinstance(op, fa.AttentionOp) for op in ops):
        return frozenset()
    done: set[str] = set()
    if any(isinstance(op, fa.TileOp) for op in ops):
        done.add("tile")
    if all(MAPPED in function.attributes for function in functions):
        done.add("map")
    return frozenset(done)


def _restore(module: ModuleOp, earlier: ModuleOp) -> None:
    """Let a module be as it was."""
    for op in list(module.ops):
        op.detach()
        op.erase(safe_erase=False)
    for op in list(earlier.ops):
        op.detach()
        module.body.block.add_op(op)


def _mark(module: ModuleOp, reason: str) -> None:
    """Note why the kernels of a module are as they were emitted."""
    from ..dialects import plena
    from ..dialects.plena.discardable_attrs import NOT_CLEANED_UP

    for op in module.ops:
        if isinstance(op, plena.KernelOp):
            op.attributes[NOT_CLEANED_UP] = StringAttr(reason)

"""Running a pipeline: what is missing is inserted, every step is seen, nothing is reordered.

`pipelines` plans by name; here names become passes. An inserted pass takes the options `machine`
and `boundary` of the written pass that it is inserted for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import parse_spec

from ..diagnostics import NoRegisters, OpError
from ..universe import pass_class
from .pipelines import CLEAN_UP, ENTRIES, GROUPS, Step, WrongOrderError, complete

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
    apply = apply or (lambda step: apply_step(context, module, step))
    steps = schedule(passes, module)
    # The module in front of the emission that clean-up follows, and that emission.
    earlier: tuple[ModuleOp, ModulePass] | None = None
    for number, (step, one) in enumerate(steps):
        following = steps[number + 1][0] if number + 1 < len(steps) else None
        if following is not None and following.is_clean_up:
            # Kept while it is tiles, which are fewer than the instructions that come of them.
            earlier = earlier or (module.clone(), one)
        try:
            apply(one)
        except NoRegisters as error:
            if earlier is None:
                raise
            again = [(s, p) for s, p in steps[: number + 1] if s.written == step.written]
            _with_less(context, module, earlier, again, error, apply)
        if step.name == "allocate-registers":
            earlier = None


def apply_step(context: Context, module: ModuleOp, step: ModulePass) -> None:
    """Run one pass: on each kernel alone where the module has functions that bear `fa.kernel`."""
    from ..dialects.plena.discardable_attrs import NOT_CLEANED_UP
    from .modules.on_kernels import on_kernels

    name = _bare(step.name)
    entry = ENTRIES.get(name)
    if entry is None or entry.whole_module or name in GROUPS:
        step.apply(context, module)
        return
    on_kernels(
        module,
        lambda single: step.apply(context, single),
        # A kernel that is kept as it was emitted is left alone by clean-up.
        lambda kernel: name not in _TIDYING or NOT_CLEANED_UP not in kernel.attributes,
    )


_TIDYING = frozenset(text.partition("{")[0] for text in CLEAN_UP)


def _with_less(
    context: Context,
    module: ModuleOp,
    earlier: tuple[ModuleOp, ModulePass],
    steps: Sequence[tuple[Step, ModulePass]],
    error: NoRegisters,
    apply: Apply,
) -> None:
    """Go back to where instructions are emitted, and leave kernels that want too many registers as
    they are emitted. Raises NoRegisters where that does not suffice."""
    from .modules.on_kernels import kernels_of

    before, emission = earlier
    reasons: dict[str, str] = {}
    while True:
        kernel = _kernel_of(error)
        if kernel in reasons:
            raise error
        reasons[kernel] = str(error)
        _restore(module, before.clone())
        apply_step(context, module, emission)
        apart = bool(kernels_of(module))
        _mark(module, reasons if apart else dict.fromkeys(_kernel_names(module), str(error)))
        try:
            for step, one in steps:
                if step.after_clean_up or (apart and step.is_clean_up):
                    apply(one)
        except NoRegisters as another:
            error = another
        else:
            return


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
    from .modules.on_kernels import kernels_of

    kernels = kernels_of(module)
    functions = [f for f in kernels or module.ops if isinstance(f, func.FuncOp)]
    functions = [f for f in functions if not f.is_declaration]
    if not functions and kernels:
        return frozenset({"emit-instructions"})
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


def _mark(module: ModuleOp, reasons: Mapping[str, str]) -> None:
    """Note why kernels of a module, by name, are as they were emitted."""
    from ..dialects import plena
    from ..dialects.plena.discardable_attrs import NOT_CLEANED_UP

    for kernel in plena.kernels_in(module):
        if kernel.sym_name.data in reasons:
            kernel.attributes[NOT_CLEANED_UP] = StringAttr(reasons[kernel.sym_name.data])


def _kernel_names(module: ModuleOp) -> list[str]:
    from ..dialects import plena

    return [kernel.sym_name.data for kernel in plena.kernels_in(module)]


def _kernel_of(error: NoRegisters) -> str:
    """The name of the kernel that an error is about."""
    from ..dialects import plena

    op: Operation | None = error.op
    while op is not None and not isinstance(op, plena.KernelOp):
        op = op.parent_op()
    return "" if op is None else op.sym_name.data

"""Passes on the kernels of a module, each as if it stood alone.

A function that bears `fa.kernel` is compiled as a module of its own with the machine and the target
of the whole: what a pass records of a module (`fa.problem`) it records of the kernel, and neither
host code nor another kernel has any part in a program. A module without such functions is taken as
it is.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import plena
from ...dialects.fa.launch import KERNEL
from ...dialects.fa.problem_attr import KEY as PROBLEM
from ...dialects.machine_attr import KEY as MACHINE
from ...dialects.target_attr import KEY as TARGET


def kernels_of(module: Operation) -> list[Operation]:
    """The functions with a body and the kernels that bear `fa.kernel`, in order, nested modules
    included."""
    found: list[Operation] = []
    for region in module.regions:
        for op in region.ops:
            if isinstance(op, func.FuncOp | plena.KernelOp):
                declared = isinstance(op, func.FuncOp) and op.is_declaration
                if KERNEL in op.attributes and not declared:
                    found.append(op)
            elif isinstance(op, ModuleOp):
                found += kernels_of(op)
    return found


def alone(module: ModuleOp, kernel: Operation) -> ModuleOp:
    """A module that holds `kernel`, detached, and what `module` says of machine and target."""
    attributes = {
        name: module.attributes[name] for name in (MACHINE, TARGET) if name in module.attributes
    }
    if PROBLEM in kernel.attributes:
        attributes[PROBLEM] = kernel.attributes.pop(PROBLEM)
    made = ModuleOp(Region(Block([kernel])), attributes)
    made.location = kernel.location
    return made


def on_kernels(
    module: ModuleOp,
    action: Callable[[ModuleOp], None],
    wanted: Callable[[Operation], bool] = lambda _: True,
) -> None:
    """Do `action` on each wanted kernel of a module; on the module itself if it has no kernels.

    What `action` raises leaves the module whole.
    """
    kernels = kernels_of(module)
    if not kernels:
        action(module)
        return
    for kernel in filter(wanted, kernels):
        holder = ModuleOp([])
        Rewriter.insert_op(holder, InsertPoint.before(kernel))
        kernel.detach()
        single = alone(module, kernel)
        try:
            action(single)
        finally:
            _put_back(module, holder, single)


def _put_back(module: ModuleOp, holder: ModuleOp, single: ModuleOp) -> None:
    """Let what became of a kernel stand in the place of `holder`."""
    ops = list(single.ops)
    for op in ops:
        op.detach()
        if PROBLEM in single.attributes and KERNEL in op.attributes:
            op.attributes[PROBLEM] = single.attributes[PROBLEM]
        Rewriter.insert_op(op, InsertPoint.before(holder))
    for name in (MACHINE, TARGET):
        if name in single.attributes:
            module.attributes[name] = single.attributes[name]
    Rewriter.erase_op(holder)

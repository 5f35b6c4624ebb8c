"""Whole modules: host code, and the kernels that it launches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fa.diagnostics import CompileError, position
from fa.dialects import plena
from fa.dialects.fa import AttentionOp
from fa.dialects.fa.launch import KERNEL, LaunchOp, symbol_name
from fa.dialects.machine_attr import KEY as MACHINE
from fa.dialects.target_attr import attach_target
from fa.frontends.mlir import module_text, run_passes, with_position
from fa.frontends.pipeline_text import split_pipeline
from fa.output_files import write_directory
from fa.passes.modules.on_kernels import alone, kernels_of
from fa.passes.modules.outline_attention import is_whole_kernel
from fa.passes.pipelines import WHOLE_MODULE
from numpy.typing import ArrayLike, NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp, UnitAttr
from xdsl.ir import Operation, Region
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import InterpretationError

from .compiler import Kernel, Run, Source, compile, kernel_of, load_source

if TYPE_CHECKING:
    from fa.dialects.interpreters.host_code import Launch
    from fa.machine.simulator.engines import Engine

Array = NDArray[Any]

HOST = "host.mlir"
"""The file of host code beside the directories of kernels."""


@dataclass(frozen=True)
class ModuleRun:
    """What one run of a module gave, and each launch of a kernel on the way, in order."""

    outputs: list[Array]
    launches: list[tuple[str, Run]]

    @property
    def cycles(self) -> int:
        """Cycles of all launches; the host's time is not counted."""
        return sum(run.cycles for _, run in self.launches)

    @property
    def instructions(self) -> int:
        """Instructions of all launches."""
        return sum(run.instructions for _, run in self.launches)


class CompiledModule:
    """Kernels by name, and the host code that launches them.

    `host` is the module with functions that are no kernels, and with a declaration for each kernel
    that says its types. It must not be changed.
    """

    def __init__(self, kernels: Mapping[str, Kernel], host: ModuleOp):
        self.kernels = dict(kernels)
        self.host = host

    @property
    def host_mlir(self) -> str:
        """The host code as text."""
        return module_text(self.host)

    @property
    def functions(self) -> list[str]:
        """The functions that can be run, in order."""
        return [f.sym_name.data for f in _functions(self.host)]

    def run(
        self, *args: ArrayLike, function: str | None = None, engine: Engine = "auto"
    ) -> ModuleRun:
        """Execute a function of the host code, with each launch in the simulator.

        `args` are arrays, positional as the function's. `function` may be left out where one
        function is called by no other. Raises CompileError for arguments that do not fit, and at an
        operation that has no meaning here.
        """
        launches: list[tuple[str, Run]] = []

        def launch(op: LaunchOp, values: Sequence[Array]) -> Sequence[Array]:
            run = self.kernels[op.kernel_name].run(*values, engine=engine)
            launches.append((op.kernel_name, run))
            return run.outputs

        outputs = run_host(self.host, args, function, launch=launch)
        return ModuleRun(outputs, launches)

    def save(self, directory: str | Path) -> None:
        """Write the kernels, a directory for each where there are several, and host.mlir.

        One kernel is written to `directory` itself, as `Kernel.save` does. All or nothing is
        written. Raises CompileError where that is not possible.
        """
        kernels, text = self.kernels, self.host_mlir if self.functions else ""

        def write(folder: str) -> None:
            for name, kernel in kernels.items():
                kernel.save(folder if len(kernels) == 1 else Path(folder) / name)
            if text:
                (Path(folder) / HOST).write_text(text, encoding="utf-8")

        write_directory(str(directory), write)


def run_host(
    module: ModuleOp,
    args: Sequence[ArrayLike],
    function: str | None = None,
    rounded: bool = True,
    launch: Launch | None = None,
) -> list[Array]:
    """Run a function of host code with numpy; kernels by `launch`, without it in the interpreter.

    Raises CompileError, at an operation that has no meaning here for one.
    """
    from fa.dialects.interpreters.host_code import given, host_interpreter
    from fa.dialects.interpreters.reference import Rounder

    entry, rnd = _entry(module, function), Rounder(rounded)
    kinds = entry.function_type.inputs.data
    if len(kinds) != len(args):
        raise CompileError(f"@{entry.sym_name.data} takes {len(kinds)} arguments, got {len(args)}")
    try:
        values = [
            given(index, kind, arg, rnd)
            for index, (kind, arg) in enumerate(zip(kinds, args, strict=True))
        ]
        interpreter = host_interpreter(module, launch, rnd)
        results = interpreter.call_op(entry.sym_name.data, tuple(values))
    except InterpretationError as error:
        op: Operation | None = getattr(error, "op", None)
        raise CompileError(str(error), None if op is None else position(op)) from None
    return [np.asarray(result) for result in results]


def _entry(module: ModuleOp, name: str | None) -> func.FuncOp:
    """The function to run."""
    functions = _functions(module)
    listed = ", ".join(f"@{f.sym_name.data}" for f in functions) or "none"
    if name is not None:
        found = [f for f in functions if f.sym_name.data == name]
        if not found:
            raise CompileError(f"there is no function @{name} to run; there are {listed}")
        return found[0]
    called = {op.callee.string_value() for op in module.walk() if isinstance(op, func.CallOp)}
    called |= {op.kernel_name for op in module.walk() if isinstance(op, LaunchOp)}
    entries = [f for f in functions if f.sym_name.data not in called]
    public = [f for f in entries if f.sym_visibility is None or f.sym_visibility.data != "private"]
    entries = public or entries
    if len(entries) != 1:
        raise CompileError(f"several functions could be run, and one is to be named: {listed}")
    return entries[0]


def _functions(module: ModuleOp) -> list[func.FuncOp]:
    return [op for op in module.ops if isinstance(op, func.FuncOp) and not op.is_declaration]


def needs_host(module: ModuleOp) -> bool:
    """Whether a module is more than one kernel: one function of nothing but an attention and what
    its layouts need, or a kernel of instructions."""
    if kernels_of(module):
        return True
    functions = [op for op in module.ops if isinstance(op, func.FuncOp)]
    defined = [f for f in functions if not f.is_declaration]
    if len(defined) == 1 and not any(isinstance(op, ModuleOp) for op in module.ops):
        return not is_whole_kernel(defined[0])
    return any(isinstance(op, AttentionOp) for op in module.walk())


def compile_module(
    source: Source,
    machine: str | Path | None = None,
    passes: str | None = None,
    constants: Mapping[str, ArrayLike] | None = None,
    optimize_for: str | None = None,
    tune: bool = False,
    allow_unregistered: bool = False,
) -> CompiledModule:
    """Compile a module of host code and attention: `outline-attention`, then each kernel.

    The arguments are those of `fa.compile`. Of `passes` those up to the last that is for whole
    modules (`raise-attention`, `outline-attention`) run on the module, the others on each kernel.
    `allow_unregistered` takes operations of other dialects in generic form. Raises CompileError for
    bad input, and for a module without attention.
    """
    module = load_source(source, constants, allow_unregistered)
    if isinstance(source, ModuleOp):
        module = source.clone()
    whole, each = _split(passes)
    if not whole and _attention_outside(module):
        whole = "outline-attention"
    run_passes(module, whole, None if machine is None else str(machine))
    if optimize_for is not None:
        with_position(lambda: attach_target(module, optimize_for), module)
    if not kernels_of(module):
        raise CompileError(
            "the module has no attention, and no function that bears fa.kernel", position(module)
        )
    compiled: dict[str, Kernel] = {}
    for kernel in kernels_of(module):
        name = symbol_name(kernel)
        if name in compiled:
            raise CompileError(
                f"there are two kernels @{name}, in different modules; name them apart",
                position(kernel),
            )
        single = alone(module, kernel.clone())
        if isinstance(kernel, plena.KernelOp):
            compiled[name] = kernel_of(single)
        else:
            compiled[name] = compile(
                single,
                machine=None if MACHINE in single.attributes else machine,
                passes=each,
                tune=tune,
            )
    return CompiledModule(compiled, _host(module))


def _split(passes: str | None) -> tuple[str, str | None]:
    """The passes on the whole module, outline-attention among them if there are any, and those on
    each kernel."""
    elements = split_pipeline(passes or "")
    last = max((i for i, each in enumerate(elements) if each.name in WHOLE_MODULE), default=-1)
    whole = [str(each) for each in elements[: last + 1]]
    if whole and all(each.name != "outline-attention" for each in elements):
        whole.append("outline-attention")
    return ",".join(whole), ",".join(str(each) for each in elements[last + 1 :]) or None


def _attention_outside(module: ModuleOp) -> bool:
    """Whether there is attention that no kernel has."""
    inside = {op for kernel in kernels_of(module) for op in kernel.walk()}
    return any(isinstance(op, AttentionOp) and op not in inside for op in module.walk())


def _host(module: ModuleOp) -> ModuleOp:
    """The host code: kernels are declarations in it, of the types that they are launched with."""
    launches: dict[str, LaunchOp] = {}
    for op in module.walk():
        if isinstance(op, LaunchOp):
            launches.setdefault(op.kernel_name, op)
    for kernel in kernels_of(module):
        launch = launches.get(symbol_name(kernel))
        if isinstance(kernel, func.FuncOp):
            kinds = kernel.function_type
        elif launch is not None:
            kinds = FunctionType.from_lists(launch.operand_types, launch.result_types)
        else:
            Rewriter.erase_op(kernel)
            continue
        declared = func.FuncOp(symbol_name(kernel), kinds, Region(), visibility="private")
        declared.attributes[KERNEL] = UnitAttr()
        declared.location = kernel.location
        Rewriter.replace_op(kernel, declared, [])
    return module

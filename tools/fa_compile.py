"""fa-compile: compile MLIR to a directory with the program, its memory layout and a report."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, cast

import xdsl

from .. import __version__
from ..diagnostics import CompileError
from ..frontends.mlir import OBSERVING, everything
from ..frontends.pipeline_text import build_passes, split_pipeline
from ..machine.cost.figures import target_named
from ..output_files import check_directory, write_directory
from ..passes.pipelines import WHOLE_MODULE
from .support.driver import (
    CONSTANT_HELP,
    REPRODUCER_HELP,
    VERSION_HELP,
    ToolParser,
    check_outputs,
    collect_passes,
    explain_arguments,
    read_source,
    refuse_stream,
    reproducing,
    run_tool,
    write_text,
)
from .support.pass_debugging import PassDebugging, add_debugging, spelled_out
from .support.pass_help import pass_help

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from ..compiler import Kernel
    from ..machine import Machine

TOOL = "fa-compile"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-compile`; the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_tool(TOOL, lambda: _compile(given))


def _compile(arguments: Sequence[str]) -> None:
    pieces, others = collect_passes(spelled_out(arguments), everything().all_passes)
    # argparse would take the input file for the form of a bare --cost.
    others = ["--cost=table" if argument == "--cost" else argument for argument in others]
    args = _Parser().parse_args(others)
    refuse_stream(args.output, args.emulator_dir)
    wanted = (args.output, args.emulator_dir, args.cost, args.html)
    printed = args.print_layout or args.memory_map or args.profile
    if not printed and all(each is None for each in wanted):
        raise CompileError(
            "the following arguments are required: -o/--output, or --emulator-dir, or "
            "--print-layout, or --cost, or --html, or --memory-map, or --profile"
        )
    check_outputs([args.html])
    if args.arg and args.emulator_dir is None:
        raise CompileError("--arg is for --emulator-dir; fa-sim takes the arguments of a kernel")
    for directory in (args.output, args.emulator_dir):
        if directory is not None:
            check_directory(directory)
    if args.output is not None and args.output == args.emulator_dir:
        raise CompileError("-o and --emulator-dir are the same directory; give each its own")
    debugging = PassDebugging(args, TOOL, everything().all_passes)
    named = {each.name for each in split_pipeline(",".join(pieces))}
    foreign = args.allow_unregistered_dialect or (
        "raise-attention" in named and args.input.endswith(".onnx")
    )
    source = read_source(args.input, args.constant, foreign)
    if _has_host_code(source, pieces):
        if debugging.wanted:
            raise CompileError(
                "this is a module with host code, and what passes do is shown for one kernel here; "
                "fa-opt takes the same flags and shows it for whole modules"
            )
        reproducing(args.crash_reproducer, lambda: _compile_module(source, pieces, args))
        return
    found: list[Kernel] = []
    reproducing(
        args.crash_reproducer, lambda: found.append(_kernel(source, pieces, args, debugging))
    )
    kernel = found[0]
    debugging.finish()
    for count in kernel.mask_tiles:
        if count.masked and args.remarks is None:
            # On standard error, so that what is printed stays what was asked for.
            print(f"{count.where or TOOL}: remark: {count}", file=sys.stderr)
    told = args.remarks is not None
    if kernel.ungrouped and not told and any(piece.startswith("group-heads") for piece in pieces):
        where = kernel.mask_tiles[0].where if kernel.mask_tiles else ""
        print(f"{where or TOOL}: remark: group-heads: {kernel.ungrouped}", file=sys.stderr)
    if args.emulator_dir is not None:
        _write_for_emulator(kernel, args.emulator_dir, args.arg)
    if args.output is not None:
        kernel.save(args.output)
    if args.html is not None:
        write_text(args.html, kernel.to_html())
    if args.memory_map:
        from .pages.memories import memory_map
        from .pages.page import levels_of

        levels = levels_of(kernel)
        write_text(None, memory_map(kernel, levels.tiles, levels.steps))
    if args.profile:
        from .pages.cycles import cycles_of, profile_text

        write_text(None, profile_text(kernel, cycles_of(kernel)))
    if args.print_layout:
        write_text(None, kernel.layout_table())
    if args.cost == "table":
        write_text(None, kernel.cost_table())
    elif args.cost == "json":
        write_text(None, cost_json(kernel))


def _kernel(
    source: ModuleOp, pieces: Sequence[str], args: argparse.Namespace, debugging: PassDebugging
) -> Kernel:
    """The kernel. What is to be seen of passes is that of the pipeline that was chosen: the search
    compiles others as well."""
    from ..compiler import DEFAULT_PASSES
    from ..compiler import compile as compile_attention
    from .support.choice_remarks import choice_remarks, overlap_remarks

    def build(passes: str | None, tune: bool = False) -> Kernel:
        return compile_attention(
            source,
            machine=args.machine,
            passes=passes,
            optimize_for=args.optimize_for,
            tune=tune,
        )

    passes = ",".join(pieces) or None
    if not debugging.wanted:
        return build(passes, args.tune)
    chosen = passes
    if passes is None or args.tune:
        try:
            kernel = build(passes, args.tune)
        except CompileError:
            if passes is not None:
                raise
            chosen = DEFAULT_PASSES
        else:
            debugging.add(choice_remarks(kernel))
            chosen = kernel.passes
    steps = ",".join(filter(None, (chosen or DEFAULT_PASSES, "lower-to-isa")))
    debugging.plan(build_passes(steps, everything().all_passes), source)
    token = OBSERVING.set(debugging)
    try:
        made = build(chosen)
    finally:
        OBSERVING.reset(token)
    debugging.add(overlap_remarks(made))
    return made


def _has_host_code(source: ModuleOp, pieces: Sequence[str]) -> bool:
    """Whether a module is more than one kernel, or a pass is named that makes it so."""
    from ..compiled_module import needs_host

    named = {each.name for each in split_pipeline(",".join(pieces))}
    return bool(named & WHOLE_MODULE) or needs_host(source)


def _compile_module(source: ModuleOp, pieces: Sequence[str], args: argparse.Namespace) -> None:
    """Compile kernels and host code, and write what is asked for."""
    from ..compiled_module import compile_module

    module = compile_module(
        source,
        machine=args.machine,
        passes=",".join(pieces) or None,
        optimize_for=args.optimize_for,
        tune=args.tune,
    )
    kernels = module.kernels
    for flag in ("emulator_dir", "html", "memory_map", "profile"):
        if getattr(args, flag):
            raise CompileError(
                f"argument --{flag.replace('_', '-')}: it is of one kernel, and this is a module "
                f"with {', '.join(kernels)}; -o writes each, which fa-compile reads"
            )
    for kernel in kernels.values():
        for count in kernel.mask_tiles:
            if count.masked:
                print(f"{count.where or TOOL}: remark: {count}", file=sys.stderr)
    if args.output is not None:
        module.save(args.output)
    for name, kernel in kernels.items():
        if args.print_layout:
            write_text(None, f"kernel {name}\n{kernel.layout_table()}")
        if args.cost == "table":
            write_text(None, f"kernel {name}\n{kernel.cost_table()}")
    if args.cost == "json":
        entries = {name: cost_entry(kernel) for name, kernel in kernels.items()}
        write_text(None, json.dumps(entries, indent=2) + "\n")


def cost_json(kernel: Kernel) -> str:
    """What `fa.cost` gives, and the lower bounds under `bounds` where there are any, as JSON."""
    return json.dumps(cost_entry(kernel), indent=2) + "\n"


def cost_entry(kernel: Kernel) -> dict[str, Any]:
    """What `fa.cost` gives, and the lower bounds under `bounds` where there are any."""
    from ..compiler import cost

    bounds = kernel.bounds
    entry = cost(kernel).to_json()
    if bounds is not None:
        entry["bounds"] = bounds.to_json()
    return entry


def _write_for_emulator(kernel: Kernel, directory: str, paths: Sequence[str]) -> None:
    """Write a kernel with its arguments, `defaults` without any, as files for the emulator."""
    import numpy as np

    from ..machine.debug.emulator_files import EmulatorFiles, EmulatorFilesError
    from .support.arrays import load_array

    values = [load_array(path) for path in paths] or kernel.defaults()
    layout = kernel.layout
    files = EmulatorFiles(
        kernel.words,
        np.frombuffer(kernel.pack(*values), np.uint8),
        np.array(layout.fp_mem, np.uint16),
        np.array(kernel.integers(*values), np.uint32),
        cast("Machine", kernel.machine),
    )
    try:
        files.check()
    except EmulatorFilesError as error:
        raise CompileError(str(error)) from None
    write_directory(directory, files.write)


class _Parser(ToolParser):
    """The arguments that are no passes."""

    def __init__(self):
        super().__init__(
            TOOL,
            "Compile MLIR of any level, or an ONNX model, to DIR/kernel.mlir, kernel.asm, "
            "kernel.mem, layout.json and report.txt; a module of several kernels to a directory "
            "DIR/NAME for each, its host code to DIR/host.mlir.",
            epilog="Passes are named as for fa-opt, as flags or with -p; the default is the whole "
            "chain, --fa-to-plena, with the mapping that costs least.",
        )
        self.add_argument("input", metavar="INPUT", help="the module; - is standard input")
        self.add_argument("-o", "--output", metavar="DIR", help="the directory")
        self.add_argument(
            "--emulator-dir",
            metavar="DIR",
            help="where files for the machine's own emulator go: program, HBM, FP and INT SRAM, "
            "settings; -o is then optional",
        )
        self.add_argument(
            "--arg",
            metavar="FILE.npy",
            action="append",
            default=[],
            help="an argument of the kernel for --emulator-dir, in their order; zeros without",
        )
        self.add_argument("-p", "--passes", metavar="a,b{k=v}", help="passes, in the order written")
        self.add_argument(
            "--pass-pipeline",
            metavar="'builtin.module(a,b{k=v})'",
            help="the same as MLIR has them",
        )
        self.add_argument(
            "--machine",
            metavar="NAME|FILE.toml",
            help="the machine to compile for: a preset or a settings file",
        )
        self.add_argument(
            "--optimize-for",
            metavar="TARGET",
            type=_target,
            help="what choices are made by: emulator, analytic or rtl, the cycles of one of the "
            "cost tables, or of another one in a FILE.toml, or bytes of HBM; default: emulator",
        )
        self.add_argument(
            "--tune",
            action="store_true",
            help="compile the best choices and confirm them: in the simulator for emulator and "
            "rtl, by counting what the programs cost for analytic and bytes",
        )
        self.add_argument(
            "--cost",
            choices=("table", "json"),
            help="print the cost in all tables by unit beside its lower bounds; --cost alone is "
            "--cost=table; -o is then optional",
        )
        self.add_argument(
            "--print-layout",
            action="store_true",
            help="print where each tensor lies in HBM; -o is then optional",
        )
        self.add_argument(
            "--html",
            metavar="FILE",
            help="write a page that shows the kernel: source, IR and assembly side by side, "
            "cycles, memories, mappings, masks; -o is then optional",
        )
        self.add_argument(
            "--memory-map",
            action="store_true",
            help="print what lies where in the memories, and when; -o is then optional",
        )
        self.add_argument(
            "--profile",
            action="store_true",
            help="run the kernel on zeros and print where its cycles go, by unit and by source "
            "operation, in all cost tables; -o is then optional",
        )
        self.add_argument(
            "--allow-unregistered-dialect",
            action="store_true",
            help="read operations of dialects that are not known, in generic form",
        )
        self.add_argument("--crash-reproducer", metavar="FILE", help=REPRODUCER_HELP)
        self.add_argument(
            "--constant", metavar="NAME=N,...", action="append", default=[], help=CONSTANT_HELP
        )

        self.add_argument(
            "-v",
            "--version",
            action="version",
            version=f"{TOOL} version {__version__}, on xdsl version {xdsl.__version__}",
            help=VERSION_HELP,
        )
        add_debugging(self)

    def format_help(self) -> str:
        self.description = f"{self.description}\n\n{pass_help()}"
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise CompileError(explain_arguments(message, everything().all_passes))


def _target(name: str) -> str:
    """A target's name, for argparse."""
    try:
        return target_named(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())

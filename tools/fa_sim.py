"""fa-sim: run a compiled kernel on the instruction simulator, watch it and check it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ..diagnostics import CompileError
from ..output_files import check_directory, write_directory
from .support.driver import (
    ToolParser,
    check_files,
    check_outputs,
    refuse_stream,
    run_tool,
    write_text,
)
from .support.numbers import natural
from .support.progress import ProgressBar

if TYPE_CHECKING:
    from ..machine import Result, Simulator
    from .support.subjects import Subject

TOOL = "fa-sim"

P = ParamSpec("P")
T = TypeVar("T")

Statistics = dict[str, int | str | Mapping[str, Mapping[str, int]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-sim`; the exit status."""
    return run_tool(TOOL, lambda: _simulate(arguments))


def _simulate(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    if args.version:
        _print_version()
        return
    if args.directory is None:
        raise CompileError("the following arguments are required: DIR")
    refuse_stream(args.dump_dir)
    _check_arguments(args)

    # numpy is only loaded when there is something to compute.
    from ..machine.debug.emulator_dumps import find_dumps
    from .support.arrays import load_array, save_array
    from .support.subjects import load_subject

    subject = load_subject(args.directory, [load_array(path) for path in args.arg])
    if len(args.out) > subject.results:
        raise CompileError(
            f"the kernel has {subject.results} results, but --out is given {len(args.out)} times"
        )
    if args.break_pc is not None:
        _break(args, subject)
        return
    if args.from_dumps is not None:
        _reading(find_dumps, args.from_dumps)
    # Read before a long simulation, which it might turn out to have been for nothing.
    theirs = None if args.emulator_log is None else _latency(args.emulator_log)
    state = subject.state()
    result = _watched(
        subject,
        lambda bar: state.run(
            subject.words, args.hbm_time, bar, args.engine, args.table, args.blocking_prefetch
        ),
    )
    for path, output in zip(args.out, subject.outputs(state), strict=False):
        save_array(path, output)
    if args.dump_dir is not None:
        _dump(state, subject.hbm_bytes, args.dump_dir)
    if args.trace is not None:
        _write_trace(args, subject, state, result)
    stats = statistics(result)
    if args.stats is not None:
        write_text(args.stats, json.dumps(stats, indent=2) + "\n")
    if "-" not in (args.stats, args.trace):
        usual = {"per_opcode"} | ({"table"} if result.table == "emulator" else set[str]())
        printed = [key for key in stats if key not in usual]
        write_text(None, "".join(f"{key}: {stats[key]}\n" for key in printed))
    if args.profile:
        from ..machine.debug.profile import profile, table

        write_text(None, "\n" + table(profile(subject.sources, result)))
    problems = (
        [_compare(args, subject, state, result, theirs)] if args.from_dumps is not None else []
    )
    if args.strict:
        problems.append(_check(args, subject))
    if found := "; ".join(problem for problem in problems if problem):
        raise CompileError(found, args.directory)


def _print_version() -> None:
    """The package's version, and which engine there is."""
    from importlib.metadata import version

    from ..machine.simulator.engines import engine_text

    write_text(None, f"{TOOL} {version('fa-compiler')}\n{engine_text()}\n")


def _check_arguments(args: argparse.Namespace) -> None:
    """What cannot be written or makes no sense is better known before a long simulation."""
    _check_table(args)
    if args.engine == "native":
        from ..machine.simulator.engines import why_no_native

        if reason := why_no_native():
            raise CompileError(f"argument --engine: there is no native engine: {reason}")
    check_files(args.out)
    check_outputs([*args.out, args.stats, args.trace])
    if args.dump_dir is not None:
        check_directory(args.dump_dir)
    reports = {
        "--profile": args.profile,
        "--strict": args.strict,
        "--from-dumps": args.from_dumps,
    }
    outputs = {"--out": args.out, "--stats": args.stats, "--trace": args.trace} | reports
    if args.break_pc is not None and (given := [flag for flag, on in outputs.items() if on]):
        raise CompileError(f"{given[0]} needs a whole run, and --break stops it")
    if args.emulator_log is not None and args.from_dumps is None:
        raise CompileError("--emulator-log goes with --from-dumps")
    if args.emulator_log is not None and args.hbm_time == "none":
        raise CompileError("--emulator-log compares the time, which --hbm-time none leaves out")
    # JSON on standard output is for another program to read, and must be alone there.
    json_flags = [flag for flag in ("--stats", "--trace") if outputs[flag] == "-"]
    printing = [*json_flags, *(flag for flag, on in reports.items() if on)]
    if json_flags and len(printing) > 1:
        raise CompileError(f"{printing[0]} - and {printing[1]} both write to standard output")


def _check_table(args: argparse.Namespace) -> None:
    """Let `args.table` be the name of a cost table, and refuse what does not go with it."""
    from ..machine.spec.cost_tables import TableError, table_named

    try:
        table = table_named(args.table)
    except TableError as error:
        raise CompileError(f"argument --table: {error}") from None
    args.table = table.name
    if args.blocking_prefetch and not table.overlaps:
        raise CompileError(
            "--blocking-prefetch goes with a table whose prefetches run beside other work, such as "
            f"rtl; those of {table.name} do not"
        )
    if args.emulator_log is not None and table.name != "emulator":
        raise CompileError("--emulator-log compares the emulator's time; leave --table out")


def _watched(subject: Subject, run: Callable[[ProgressBar], T]) -> T:
    """What `run` gives, called with a progress bar; a trap in it is bad input."""
    from ..machine import Trap
    from ..machine.simulator.engines import EngineError

    try:
        with ProgressBar("simulating") as progress:
            return run(progress)
    except EngineError as error:
        raise CompileError(f"argument --engine: {error}") from None
    except Trap as trap:
        source = subject.sources.at(trap.pc)
        message = f"the machine stops: {trap} (from {source})"
        raise CompileError(message, subject.place(trap.pc)) from trap


def _break(args: argparse.Namespace, subject: Subject) -> None:
    """Run up to an instruction and print where the machine is and what its registers hold."""
    from ..machine.debug.breakpoint import NotReached, registers_text, run_until

    state = subject.state()
    try:
        found = _watched(
            subject,
            lambda bar: run_until(
                subject.words,
                state,
                args.break_pc,
                args.hbm_time,
                bar,
                args.engine,
                args.table,
                args.blocking_prefetch,
            ),
        )
    except NotReached as error:
        raise CompileError(str(error), args.directory) from None
    lines = [
        f"before pc {found.pc}: {found.instruction}",
        f"from {subject.sources.at(found.pc)}",
        f"executed {found.executed:,} instructions in {found.cycles:,} cycles",
        *(
            f"in the loop at pc {loop.start}, {loop.count} iterations: "
            f"gp{loop.register} = {state.gp[loop.register]}"
            for loop in found.loops
        ),
    ]
    write_text(None, "\n".join(lines) + "\n" + registers_text(state))
    if args.dump_dir is not None:
        _dump(state, subject.hbm_bytes, args.dump_dir)


def _write_trace(
    args: argparse.Namespace, subject: Subject, state: Simulator, result: Result
) -> None:
    from ..machine.debug.trace import trace
    from ..machine.program.program import Program
    from ..machine.spec.cost_tables import table_named

    program = Program(subject.words, state.machine, table_named(result.table))
    name = os.path.basename(os.path.abspath(args.directory))
    events = trace(program, result, subject.sources, name)
    write_text(args.trace, json.dumps(events, indent=1) + "\n")


def _compare(
    args: argparse.Namespace,
    subject: Subject,
    state: Simulator,
    result: Result,
    theirs: float | None,
) -> str:
    """Print how the emulator's dumps differ from our memories; what is wrong, in a few words."""
    from ..machine.debug.emulator_dumps import compare_dumps, differences_text, not_compared
    from ..machine.debug.stored_numbers import StoredNumbers

    def stored() -> StoredNumbers:
        int_mem = subject.state().int.tolist()
        return StoredNumbers.of(subject.words.tolist(), state.machine, int_mem)

    directory = args.from_dumps
    differences = _reading(compare_dumps, directory, state, subject.hbm_bytes, stored)
    write_text(None, "\n" + differences_text(differences.items()))
    write_text(None, not_compared(directory, state))
    wrong = [name for name, difference in differences.items() if difference is not None]
    found = f"{', '.join(wrong)} differ from this run" if wrong else ""
    if theirs is not None:
        from ..machine.debug.emulator_log import Times

        times = Times(result.cycles, theirs)
        write_text(None, times.text())
        if not times.equal:
            found = f"{found}; the time differs" if found else "the time differs from the log's"
    return found


def _latency(path: str) -> float:
    """The time in the emulator's log."""
    from ..machine.debug.emulator_files import EmulatorFilesError
    from ..machine.debug.emulator_log import latency
    from .support.driver import display_name, read_text

    try:
        return latency(read_text(path))
    except EmulatorFilesError as error:
        raise CompileError(str(error), f"{display_name(path)}:1:1") from None


def _reading(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `read` makes of the emulator's files, which may be unreadable."""
    from ..machine.debug.emulator_files import EmulatorFilesError
    from .support.subjects import located

    try:
        return read(*args, **kwargs)
    except EmulatorFilesError as error:
        raise located(error) from None


def _check(args: argparse.Namespace, subject: Subject) -> str:
    """Print what the checks of `--strict` find; what is wrong, in a few words."""
    from ..machine.debug.sanitizer import check_program

    with ProgressBar("checking") as progress:
        findings = check_program(subject.words, subject.state(), subject.initial, progress)
    for finding in findings:
        times = f", {finding.count:,} times" if finding.count > 1 else ""
        write_text(
            None,
            f"pc {finding.pc}: {finding.instruction}: {finding.message}{times} [{finding.kind}] "
            f"from {subject.sources.at(finding.pc)}\n",
        )
    if not findings:
        write_text(None, "strict: nothing found\n")
        return ""
    return f"--strict found {len(findings)} problem{'s' if len(findings) > 1 else ''}"


def statistics(result: Result) -> Statistics:
    """What `--stats` holds: cycles, instructions, bytes, those by mnemonic, engine and table."""
    return {
        "cycles": result.cycles,
        "instructions": result.instructions,
        "hbm_bytes_read": result.hbm_bytes_read,
        "hbm_bytes_written": result.hbm_bytes_written,
        "per_opcode": result.per_opcode,
        "engine": result.engine,
        "table": result.table,
    }


def _dump(state: Simulator, hbm_bytes: int, directory: str) -> None:
    """Write the state: one `.npy` file for each memory and register bank.

    Of HBM only the `hbm_bytes` that the kernel uses.
    """
    import numpy as np

    def write(folder: str) -> None:
        for name in ("vector", "matrix", "fp", "int", "gp", "f", "a"):
            np.save(os.path.join(folder, f"{name}.npy"), getattr(state, name))
        np.save(os.path.join(folder, "hbm.npy"), state.hbm[:hbm_bytes])

    write_directory(directory, write)


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "Run a compiled kernel on the instruction simulator.",
        epilog="Without --arg every argument is zero, which takes the same instructions and time.\n"
        "DIR may also hold files for the machine's own emulator, as fa-compile --emulator-dir\n"
        "writes them.",
    )
    parser.add_argument("directory", metavar="DIR", nargs="?", help="what fa-compile wrote")
    parser.add_argument(
        "--version", action="store_true", help="print the version and which engine there is"
    )
    parser.add_argument(
        "--arg",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="an argument of the kernel, in their order; - is standard input",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="where a result goes, in their order, as float32",
    )
    parser.add_argument(
        "--stats",
        metavar="FILE.json",
        help="where cycles, instructions, HBM bytes and the figures of each opcode go",
    )
    parser.add_argument(
        "--dump-dir", metavar="DIR", help="where the memories and registers go, as .npy files"
    )
    parser.add_argument(
        "--hbm-time",
        choices=("exact", "none"),
        default="exact",
        help="model the memory device (exact), or let transfers take no time (none)",
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "native", "numpy", "plain"),
        default="auto",
        help="what runs the program: C where it was built, numpy, the plain interpreter, or the "
        "fastest there is (auto); all give the same",
    )
    parser.add_argument(
        "--table",
        metavar="NAME|FILE.toml",
        default="emulator",
        help="the cost table whose cycles are counted: emulator, analytic, rtl or one in a file; "
        "default: emulator",
    )
    parser.add_argument(
        "--blocking-prefetch",
        action="store_true",
        help="wait for each prefetch, where the table has them run beside other work",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print cycles, instructions and HBM bytes of each operation of the tile-level MLIR",
    )
    parser.add_argument(
        "--trace",
        metavar="FILE.json",
        help="where a trace for Chrome or Perfetto goes: a track for each unit, loops folded",
    )
    parser.add_argument(
        "--break",
        metavar="PC",
        dest="break_pc",
        type=natural,
        help="stop when the instruction PC, counted from 0, is first reached; print the registers",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="report reads of memory and registers never written, transfers outside the tensors, "
        "and prefetches that overtake readers; exit status 1 if there are any",
    )
    parser.add_argument(
        "--from-dumps",
        metavar="DIR",
        help="compare with the *_dump.bin of the machine's emulator; exit status 1 if they differ",
    )
    parser.add_argument(
        "--emulator-log",
        metavar="FILE",
        help="with --from-dumps: what the emulator printed; compare the time after Latency too",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

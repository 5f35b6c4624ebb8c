"""fa-opt: read MLIR at any level or an ONNX model, run passes in order, print the result."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO, StringIO
from textwrap import fill
from typing import IO, NoReturn, cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.printer import Printer
from xdsl.targets.mlir import MLIRTarget
from xdsl.utils.arg_spec import parse_spec
from xdsl.utils.exceptions import ArgSpecParseError, ShrinkException
from xdsl.utils.target import Target
from xdsl.xdsl_opt_main import xDSLOptMain

from .. import __version__
from ..diagnostics import CompileError
from ..frontends.mlir import (
    apply_passes,
    decode,
    everything,
    make_context,
    parse_module,
    verify_module,
    with_position,
)
from ..frontends.onnx.constants import parse_constants
from ..frontends.pipeline_text import build, build_passes, split_pipeline
from ..frontends.reproducer import configuration
from ..universe import PASSES
from .support.driver import (
    CONSTANT_HELP,
    REPRODUCER_HELP,
    VERSION_HELP,
    collect_passes,
    display_name,
    explain_arguments,
    read_bytes,
    reproducing,
    run_tool,
    write_text,
)
from .support.expected_diagnostics import Diagnostic, check_diagnostics
from .support.pass_debugging import PassDebugging, add_debugging, spelled_out
from .support.pass_help import arrange, pass_help

TOOL = "fa-opt"
OUR_FRONTENDS = ("mlir", "onnx")
TARGETS = ("mlir", "plena-asm", "plena-mem")

VERIFY_HELP = (
    "check that errors come where comments of the input announce them, as in "
    "// expected-error @below {{text}}, and no others; with --split-input-file piece by piece"
)

PASSES_HELP = "passes, in the order written: a,b{k=v}"

LegacyTarget = Callable[[ModuleOp, IO[str]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-opt`; the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_tool(TOOL, lambda: FaOpt(given).run())


class FaOpt(xDSLOptMain):
    """xDSL's driver with a flag for every pass, located errors, and output whole or absent.

    Its flags mean what they mean in `xdsl-opt`, but what is printed beside the result (times, the
    IR between passes) goes to standard error.
    """

    version_format = f"fa-opt version {__version__}, on xdsl version {{xdsl_version}}"

    def __init__(self, arguments: Sequence[str]):
        self._pieces, others = collect_passes(spelled_out(arguments), everything().all_passes)
        self._contents: bytes | None = None
        self._wants_help = bool({"-h", "--help"} & set(others))
        try:
            super().__init__(
                "The attention compiler's passes on MLIR, in the order written.", others
            )
        except ArgSpecParseError:
            flag = "-f/--frontend" if self._malformed(self.args.frontend) else "-t/--target"
            raise CompileError(f"argument {flag}: malformed; write NAME{{key=value}}") from None
        name, brace, _ = (self.args.frontend or "").partition("{")
        if brace and name in OUR_FRONTENDS:
            raise CompileError(f"argument -f/--frontend: '{name}' takes no options here")

    @staticmethod
    def _malformed(spec: str | None) -> bool:
        try:
            return spec is not None and not parse_spec(spec).name
        except ArgSpecParseError:
            return True

    def register_all_dialects(self) -> None:
        for name, factory in everything().all_dialects.items():
            self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        self.available_passes = dict(everything().all_passes)

    def register_all_targets(self) -> None:
        self.available_targets.update(everything().all_targets)

    def register_all_frontends(self) -> None:
        super().register_all_frontends()
        # Ours reads `--constant`; the one that plain `xdsl-opt` has takes it as an option.
        self.available_frontends["onnx"] = self._import_onnx

    def _import_onnx(self, chunk: IO[bytes]) -> ModuleOp:
        """The module of an ONNX model."""
        from ..frontends.onnx.importer import import_onnx

        path = self._input_path()
        return import_onnx(
            chunk.read(),
            parse_constants(self.args.constant),
            self.get_input_name(),
            os.path.dirname(path),
            primitive=self.args.allow_unregistered_dialect
            or any(step.name == "raise-attention" for step in self.pipeline.passes),
        )

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.add_argument(
            "--machine",
            metavar="NAME|FILE.toml",
            help="the machine to compile for: a preset or a settings file",
        )
        arg_parser.add_argument(
            "--constant", metavar="NAME=N,...", action="append", default=[], help=CONSTANT_HELP
        )
        arg_parser.add_argument("--crash-reproducer", metavar="FILE", help=REPRODUCER_HELP)
        arg_parser.add_argument(
            "--run-reproducer",
            action="store_true",
            help="run the passes that the input, a crash reproducer, names in its first line",
        )
        arg_parser.add_argument(
            "--pass-pipeline",
            metavar="'builtin.module(a,b{k=v})'",
            help="passes, in the order written, as MLIR has them",
        )
        add_debugging(arg_parser)
        arg_parser.prog = TOOL
        # Abbreviations would take a mistyped pass for some other flag.
        arg_parser.allow_abbrev = False
        arg_parser.error = self._refuse
        # argparse looks away where this fails.
        arg_parser.print_help = lambda file=None: write_text(None, arg_parser.format_help())
        if self._wants_help:
            arrange(
                arg_parser,
                {"verify_diagnostics": VERIFY_HELP, "passes": PASSES_HELP, "version": VERSION_HELP},
            )
            arg_parser.description = f"{arg_parser.description}\n\n{pass_help()}"
            others = sorted(name for name in self.available_passes if name not in PASSES)
            arg_parser.epilog = fill(f"passes of xDSL and its plugins: {' '.join(others)}", 100)

    def _refuse(self, message: str) -> NoReturn:
        """Complain about the command line; a mistyped pass flag is what it mostly is."""
        if message.startswith("argument -t/--target: invalid choice"):
            raise self._unknown_target(message.split("'")[1])
        raise CompileError(explain_arguments(message, self.available_passes))

    def setup_pipeline(self) -> None:
        if self.args.allow_unregistered_dialect:
            self.ctx = make_context(allow_unregistered=True)
        if self.args.run_reproducer:
            if self._pieces or self.args.machine:
                raise CompileError("--run-reproducer: passes and machine are those of the file")
            name = self.get_input_name()
            self._pieces = [configuration(decode(self._input(), name), name)]
        passes = build_passes(",".join(self._pieces), self.available_passes)
        self.pipeline = PassPipeline(passes)
        self._target = self._find_target()
        self._debugging = PassDebugging(self.args, TOOL, self.available_passes)

    def _find_target(self) -> Target | LegacyTarget:
        """The target that `-t` names, with its options."""
        elements = split_pipeline(self.args.target)
        if len(elements) != 1 or elements[0].name not in self.available_targets:
            raise self._unknown_target(self.args.target)
        element = elements[0]
        entry = self.available_targets[element.name]
        if inspect.signature(entry).parameters:
            return cast(LegacyTarget, entry)
        cls = cast(Callable[[], type[Target]], entry)()
        if cls is MLIRTarget and not element.options:
            return MLIRTarget(
                print_generic_format=self.args.print_op_generic,
                print_properties_as_attributes=self.args.print_no_properties,
                print_debuginfo=self.args.print_debuginfo,
                syntax_highlight=self.args.syntax_highlight,
            )
        return build(cls, element, "target")

    def _unknown_target(self, name: str) -> CompileError:
        others = sorted(set(self.available_targets) - set(TARGETS))
        ours, theirs = ", ".join(TARGETS), ", ".join(others)
        return CompileError(f"unknown target '{name}'; there are {ours} and xDSL's {theirs}")

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        path = self._input_path()
        extension = os.path.splitext(path)[1].removeprefix(".")
        known = extension in self.available_frontends
        return BytesIO(self._input()), extension if known else "mlir"

    def _input(self) -> bytes:
        """The contents of the input, read once."""
        if self._contents is None:
            self._contents = read_bytes(self._input_path())
        return self._contents

    def get_input_name(self) -> str:
        return display_name(self._input_path())

    def _input_path(self) -> str:
        path: str | None = self.args.input_file
        return "-" if path is None else path

    def parse_chunk(
        self, chunk: IO[bytes], file_extension: str, start_offset: int = 0
    ) -> ModuleOp | None:
        if (self.args.frontend or file_extension) != "mlir":
            return super().parse_chunk(chunk, file_extension, start_offset)
        if self.args.constant:
            raise CompileError("argument --constant: only an ONNX model has inputs to name")
        name = self.get_input_name()
        return parse_module(
            decode(chunk.read(), name, start_offset),
            name,
            context=self.ctx,
            line_offset=start_offset,
            implicit_module=not self.args.no_implicit_module,
            verify=False,
        )

    def apply_passes(self, prog: ModuleOp) -> None:
        if not self.args.disable_verify:
            verify_module(prog)
        self._debugging.plan(self.pipeline.passes, prog)
        apply_passes(
            self.ctx,
            prog,
            self.pipeline.passes,
            machine=self.args.machine,
            verify=not self.args.disable_verify,
            observe=self._observer(),
        )

    def _observer(self) -> Callable[[ModulePass | None, ModuleOp, ModulePass | None], None]:
        """What `--time-passes` and `--print-between-passes` print, on standard error."""
        started = time.perf_counter()

        def observe(before: ModulePass | None, module: ModuleOp, after: ModulePass | None) -> None:
            nonlocal started
            if self._debugging.wanted:
                self._debugging(before, module, after)
            if self.args.time_passes and before is not None:
                seconds = time.perf_counter() - started
                print(f"Pass {before.name} took {seconds} seconds", file=sys.stderr)
            if self.args.print_between_passes and before is not None and after is not None:
                print(f"IR after {before.name}:", file=sys.stderr)
                Printer(stream=sys.stderr).print_op(module)
                print("\n\n\n", file=sys.stderr)
            started = time.perf_counter()

        return observe

    def output_resulting_program(self, prog: ModuleOp) -> str:
        output = StringIO()
        target = self._target
        if isinstance(target, Target):
            with_position(lambda: target.emit(self.ctx, prog, output), prog)
        else:
            with_position(lambda: target(prog, output), prog)
        return output.getvalue()

    def run(self) -> None:
        """Do everything; the output is written when all of it is there.

        Under `--verify-diagnostics` every chunk is done, and what its diagnostics are off by is
        printed, a line each.
        """
        reproducing(self.args.crash_reproducer, self._run)

    def _run(self) -> None:
        chunks, extension = self.prepare_input()
        outputs: list[str] = []
        wrong: list[CompileError] = []
        try:
            for chunk, offset in chunks:
                with chunk:
                    if self.args.verify_diagnostics:
                        output, complaints = self._check_chunk(chunk, extension, offset)
                        wrong += complaints
                    else:
                        output = self._run_chunk(chunk, extension, offset)
                    outputs.append(output)
        except ShrinkException:
            # Status 0 tells shrinkray that the input can be made smaller.
            print("Success, can shrink")
            sys.exit(0)
        if wrong:
            for complaint in wrong[:-1]:
                print(complaint.text(TOOL), file=sys.stderr)
            raise wrong[-1]
        if self.args.shrink:
            print("Failure, can't shrink")
            sys.exit(1)
        self._debugging.finish()
        write_text(self.args.output_file, "// -----\n".join(outputs))

    def _run_chunk(self, chunk: IO[bytes], extension: str, offset: int) -> str:
        """The output for one piece of the input; of a bad one under `--parsing-diagnostics`, what
        is wrong with its text."""
        try:
            module = self.parse_chunk(chunk, extension, offset)
        except CompileError as error:
            if not self.args.parsing_diagnostics or self.args.verify_diagnostics:
                raise
            return f"{error.text(TOOL)}\n"
        if module is None:
            return ""
        self.apply_passes(module)
        return self.output_resulting_program(module)

    def _check_chunk(
        self, chunk: IO[bytes], extension: str, offset: int
    ) -> tuple[str, list[CompileError]]:
        """The output for one piece, none for a bad one, and what is wrong with its diagnostics."""
        data = chunk.read()
        text = data.decode("utf-8", "replace") if extension == "mlir" else ""
        came: list[Diagnostic] = []
        output, earlier = "", len(self._debugging.remarks)
        try:
            output = self._run_chunk(BytesIO(data), extension, offset)
        except CompileError as error:
            came.append(Diagnostic.of(error))
        if self.args.remarks is not None:
            came += [
                Diagnostic("remark", remark.body, remark.location)
                for remark in self._debugging.remarks[earlier:]
            ]
        return output, check_diagnostics(text, self.get_input_name(), offset, came)


if __name__ == "__main__":
    sys.exit(main())

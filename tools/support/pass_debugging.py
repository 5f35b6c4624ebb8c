"""Looking at what passes do, as in MLIR: the IR before and after them, stages as files, times, and
remarks. `fa-opt` and `fa-compile` take the same flags.

What is printed goes to standard error, as it comes, so that it is there where a later pass fails.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.printer import Printer

from ...diagnostics import CompileError
from ...frontends.pipeline_text import Factories, unknown_pass
from ...output_files import unwritable
from .driver import check_outputs, write_text

if TYPE_CHECKING:
    from ...frontends.remarks import Remark

_STAGE = re.compile(r"\d{3,}-[A-Za-z0-9_.-]+\.mlir")

TITLE = "debugging"


def add_debugging(parser: argparse.ArgumentParser) -> None:
    """The flags, in a group of their own."""
    group = parser.add_argument_group(TITLE)
    for when in ("before", "after"):
        group.add_argument(
            f"--mlir-print-ir-{when}",
            metavar="PASS",
            action="append",
            default=[],
            help=f"print the IR {when} this pass, and {when} others with further flags",
        )
        group.add_argument(
            f"--mlir-print-ir-{when}-all",
            action="store_true",
            help=f"print the IR {when} each pass",
        )
    group.add_argument(
        "--mlir-print-ir-after-change",
        action="store_true",
        help="print the IR after passes that changed it: all, or those that -after names",
    )
    group.add_argument(
        "--dump-stages",
        metavar="DIR",
        help="write the IR that comes in and that after each pass to DIR/000-input.mlir, "
        "001-PASS.mlir, ...",
    )
    group.add_argument(
        "--mlir-timing",
        action="store_true",
        help="print the seconds of each pass and its share, as a tree: under a pass what was "
        "inserted for it",
    )
    group.add_argument(
        "--remarks",
        metavar="REGEX",
        nargs="?",
        const="",
        help="print what was done and what was not, and why; of those that match, with "
        "--remarks=REGEX",
    )
    group.add_argument(
        "--remarks-yaml", metavar="FILE", help="write them to FILE as YAML in LLVM's format"
    )


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """The arguments with a bare --remarks spelled out: argparse would take the input file for its
    value."""
    return ["--remarks=" if argument == "--remarks" else argument for argument in arguments]


@dataclass
class _Timed:
    """A written pass, with the steps that ran for it."""

    name: str
    steps: list[tuple[str, float]] = field(default_factory=list["tuple[str, float]"])

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.steps)


class PassDebugging:
    """What the flags ask for, as an observer of pipelines (`frontends.mlir.Observer`).

    Raises CompileError for a filter that names no pass or is no regular expression, and for files
    that cannot be written.
    """

    def __init__(self, args: argparse.Namespace, tool: str, known: Factories):
        self._tool = tool
        self._before = {_known(name, known) for name in args.mlir_print_ir_before}
        self._after = {_known(name, known) for name in args.mlir_print_ir_after}
        self._before_all: bool = args.mlir_print_ir_before_all
        self._changes: bool = args.mlir_print_ir_after_change
        self._after_all: bool = args.mlir_print_ir_after_all or (self._changes and not self._after)
        self._stages: str | None = args.dump_stages
        self._timing: bool = args.mlir_timing
        self._filter: re.Pattern[str] | None = None
        self._yaml: str | None = args.remarks_yaml
        self._shown: bool = args.remarks is not None
        self.remarks: list[Remark] = []
        """Those that match."""
        if self._shown or self._yaml is not None:
            try:
                self._filter = re.compile(args.remarks or "")
            except re.error as error:
                raise CompileError(
                    f"argument --remarks: '{args.remarks}' is no regular expression: {error}"
                ) from None
        check_outputs([self._yaml])
        if self._stages is not None:
            _prepare(self._stages)
        self._number = 0
        self._text = ""
        self._watch = None
        if self._filter is not None:
            from ...frontends.remarks import RemarkObserver

            self._watch = RemarkObserver(self._remark)
        self._timed: list[_Timed] = []
        self._roots: list[str] = []
        self._started = 0.0

    @property
    def wanted(self) -> bool:
        """Whether any of the flags was given."""
        return bool(
            self._prints or self._stages or self._timing or self._watch or self._yaml is not None
        )

    @property
    def _prints(self) -> bool:
        return bool(self._before or self._after or self._before_all or self._after_all)

    def plan(self, passes: Sequence[ModulePass], module: ModuleOp) -> None:
        """Say which passes are going to run on a module: for the tree of times."""
        if self._timing:
            from ...passes.pipelines import WrongOrderError
            from ...passes.runner import OpError, schedule

            try:
                steps = schedule(passes, module)
            except (WrongOrderError, OpError):  # running it says so
                return
            self._roots = [f"{step.written} {passes[step.written].name}" for step, _ in steps]

    def __call__(
        self, before: ModulePass | None, module: ModuleOp, after: ModulePass | None
    ) -> None:
        """`before` has run, `after` is about to."""
        if self._timing and before is not None:
            self._time(before, time.perf_counter() - self._started)
        if self._watch is not None:
            self._watch(before, module, after)
        if self._prints or self._stages is not None:
            self._look(before, module, after)
        self._started = time.perf_counter()

    def _time(self, step: ModulePass, seconds: float) -> None:
        root = self._roots.pop(0) if self._roots else step.name
        if not self._timed or self._timed[-1].name != root:
            self._timed.append(_Timed(root))
        self._timed[-1].steps.append((step.name, seconds))

    def _look(self, before: ModulePass | None, module: ModuleOp, after: ModulePass | None) -> None:
        stream = StringIO()
        Printer(stream=stream).print_op(module)
        text = stream.getvalue() + "\n"
        changed, self._text = text != self._text, text
        if before is not None:
            listed = self._after_all or _bare(before.name) in self._after
            if listed and (changed or not self._changes):
                self._print("After", before, text)
        if after is not None and (self._before_all or _bare(after.name) in self._before):
            self._print("Before", after, text)
        if self._stages is not None and (before is not None or self._number == 0):
            name = "input" if before is None else before.name
            path = os.path.join(self._stages, f"{self._number:03}-{name}.mlir")
            self._number += 1
            write_text(path, text)

    def _print(self, when: str, step: ModulePass, text: str) -> None:
        print(f"// -----// IR Dump {when} {step.name} //----- //\n{text}", file=sys.stderr)

    def _remark(self, remark: Remark) -> None:
        if self._filter is not None and self._filter.search(remark.body):
            self.remarks.append(remark)
            if self._shown:
                print(remark.text(self._tool), file=sys.stderr)

    def add(self, remarks: Sequence[Remark]) -> None:
        """Remarks on what was decided outside of passes."""
        if self._watch is not None:
            self._watch.say(remarks)

    def finish(self) -> None:
        """Print and write what there is at the end only."""
        if self._timing:
            print(self.timing(), end="", file=sys.stderr)
        if self._yaml is not None:
            write_text(self._yaml, "".join(remark.yaml() for remark in self.remarks))

    def timing(self) -> str:
        """The tree of times."""
        total = sum(each.seconds for each in self._timed)
        rows: list[tuple[float, str]] = []
        for each in self._timed:
            root = each.name.rpartition(" ")[2]
            rows.append((each.seconds, root))
            if [name for name, _ in each.steps] != [root]:
                rows += [(seconds, f"  {name}") for name, seconds in each.steps]
        rows.append((total, "total"))
        lines = ["   seconds   share  pass, verification included"]
        for seconds, name in rows:
            share = 100 * seconds / total if total else 0.0
            lines.append(f"{seconds:10.4f}  {share:5.1f}%  {name}")
        return "\n".join(lines) + "\n"


def _bare(name: str) -> str:
    return name.removeprefix("fa-") if name.removeprefix("fa-") != "to-plena" else name


def _known(name: str, known: Factories) -> str:
    """The pass that a filter names, without prefix."""
    if name not in known:
        raise CompileError(unknown_pass(name, known))
    return _bare(name)


def _prepare(folder: str) -> None:
    """Make the folder, and take out of it the stages of an earlier run."""
    try:
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            if _STAGE.fullmatch(name):
                os.unlink(os.path.join(folder, name))
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise unwritable(folder, error) from None

"""Reading MLIR text into a module whose operations know where they come from, and running passes.

xDSL's parser leaves operations without a location and its verifier answers a bad one with a dump of
the whole module. Here every parsed operation carries its file, line and column, and whatever is
wrong with the input, in the text, in the IR or for a pass, is a `CompileError` at that place.
"""

from __future__ import annotations

import gc
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from io import StringIO
from types import FrameType
from typing import NoReturn

from xdsl.context import Context
from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    AnyFloat,
    ComplexType,
    FileLineColLoc,
    IndexType,
    IntAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    UnregisteredOp,
)
from xdsl.ir import Attribute, AttributeInvT, Block, Operation, Region, SSAValue
from xdsl.parser import AttrParser, ForwardDeclaredValue, Parser, UnresolvedOperand
from xdsl.passes import ModulePass
from xdsl.printer import Printer
from xdsl.universe import XDSL_UNIVERSE, Universe
from xdsl.utils.exceptions import DiagnosticException, ParseError, VerifyException
from xdsl.utils.lexer import Input, Span

from ..diagnostics import CompileError, OpError, position
from ..dialects.discardable_attrs import verify_attributes
from ..passes.pipelines import LEVELS
from ..passes.runner import apply_step, run, schedule
from ..universe import FA_UNIVERSE, bare_passes
from .dense_literals import DenseLiterals
from .pipeline_text import build_passes
from .reproducer import RECORDING, reproducer

STDIN = "<stdin>"
"""The file name of standard input in locations."""


@cache
def everything() -> Universe:
    """xDSL's dialects, passes and targets, this compiler's, and those of other plugins.

    This compiler's passes are there under their bare names too. Raises CompileError where a plugin
    in the environment cannot be loaded.
    """
    try:
        found = Universe.get_multiverse()
    except Exception as error:
        raise CompileError(f"an xDSL plugin of this Python environment fails: {error}") from error
    # Also when this package runs from a source tree that is not installed.
    parts = (XDSL_UNIVERSE, found, FA_UNIVERSE)
    return Universe(
        all_dialects={k: v for part in parts for k, v in part.all_dialects.items()},
        all_passes={k: v for part in parts for k, v in part.all_passes.items()} | bare_passes(),
        all_targets={k: v for part in parts for k, v in part.all_targets.items()},
    )


def make_context(allow_unregistered: bool = False) -> Context:
    """A context that knows every dialect, each imported when its name first comes up.

    With `allow_unregistered` operations of other dialects are taken in generic form, those of TOSA
    too: xDSL knows few of them, and refuses products of batches.
    """
    context = Context(allow_unregistered=allow_unregistered)
    for name, factory in everything().all_dialects.items():
        if not (allow_unregistered and name in ("tosa", "onnx")):
            context.register_dialect(name, factory)
    return context


LARGEST = (1 << 63) - 1
"""The largest dimension of a type, as in MLIR."""

_UNREGISTERED = re.compile(r"'(\w+)\.([\w.$]+)' is not registered")
"""What xDSL says of an attribute or type that it does not know."""


_STRING_OR_COMMENT = re.compile(
    r'''//[^\n]*+|"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"|"'''
)
"""A comment, a whole string, or the quote of a string that does not end."""


class LocatedParser(DenseLiterals):
    """xDSL's parser, with a location for every operation and a position for every error.

    The location is that of the operation's name, as in MLIR; one that is written out
    (`loc("a.py":3:1)`) stays. `line_offset` is the number of lines of the file before `text`.
    """

    class _TensorLiteralElement(
        Parser._TensorLiteralElement  # pyright: ignore[reportPrivateUsage]
    ):
        """A number in `dense<...>`, hexadecimal floats being bit patterns.

        So xDSL prints infinities and some other floats, but it reads them as integers.
        """

        def to_type(
            self, parser: AttrParser, type: AnyFloat | IntegerType | IndexType | ComplexType
        ) -> int | float | tuple[int, int] | tuple[float, float]:
            if isinstance(type, AnyFloat) and self.span.text[:2] in ("0x", "0X"):
                assert isinstance(self.value, int)
                if self.value >= 1 << 8 * type.compile_time_size:
                    parser.raise_error(f"{self.span.text} has more bits than {type}", self.span)
                raw = self.value.to_bytes(type.compile_time_size, "little")
                return type.unpack(raw, 1)[0]
            return super().to_type(parser, type)

    def __init__(self, context: Context, text: str, filename: str, line_offset: int = 0):
        self._filename = StringAttr(filename)
        self._line_offset = line_offset
        self._line_starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
        self._name_positions: list[int] = []
        self._forward_uses: dict[str, Span] = {}
        self._check_strings(text, filename)
        super().__init__(context, text, filename)

    @staticmethod
    def _check_strings(text: str, filename: str) -> None:
        """Raise ParseError at a string that does not end: xDSL's lexer takes exponential time."""
        for match in _STRING_OR_COMMENT.finditer(text):
            if match[0] == '"':
                span = Span(match.start(), match.end(), Input(text, filename))
                raise ParseError(span, "string without an end on its line, or with a bad escape")

    def _parse_op_result_list(self):
        results = super()._parse_op_result_list()
        self._name_positions[-1] = self.pos
        return results

    def parse_operation(self) -> Operation:
        self._name_positions.append(self.pos)
        try:
            op = super().parse_operation()
        except ParseError:
            raise
        except RecursionError:
            self.raise_error("nested too deep; write it flatter", self._name_positions[0])
        except Exception as error:
            # Constraints that fail while a custom format is parsed raise without a position, and
            # some malformed text trips xDSL's parser itself: a 2^40-bit integer for one, of which
            # it wants to know the range.
            said = " ".join(map(str, error.args)) or type(error).__name__
            self.raise_error(said, self._name_positions[-1])
        start = self._name_positions.pop()
        if op.location is UNKNOWN_LOC:
            op.location = self._location(start)
        return op

    def parse_shape_dimension(self, allow_dynamic: bool = True) -> int:
        start = self.pos
        size = super().parse_shape_dimension(allow_dynamic)
        if size > LARGEST:
            self.raise_error(f"a dimension is at most {LARGEST}, a signed 64-bit integer", start)
        return size

    def _get_op_by_name(self, name: str) -> type[Operation]:
        try:
            return super()._get_op_by_name(name)
        except ParseError:
            dialect = name.partition(".")[0]
            if self.ctx.get_optional_dialect(dialect) is None:
                reason = f"there is no dialect '{dialect}'"
            else:
                known = [op.name for op in self.ctx.loaded_ops if op.name.startswith(f"{dialect}.")]
                close = get_close_matches(name, known, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                reason = f"dialect '{dialect}' has no such operation{hint}"
            self.raise_error(f"unknown operation '{name}': {reason}", self._name_positions[-1])

    def resolve_operand(
        self, operand: UnresolvedOperand, type: AttributeInvT
    ) -> SSAValue[AttributeInvT]:
        name = operand.operand_name
        if name not in self.ssa_values:
            self._forward_uses.setdefault(name, operand.span)
        return super().resolve_operand(operand, type)

    def parse_module(self, allow_implicit_module: bool = True) -> ModuleOp:
        try:
            return super().parse_module(allow_implicit_module)
        except ParseError as error:
            if error.msg.startswith("values used but not defined"):
                name = next(iter(self.forward_ssa_references))
                self.raise_error(f"%{name} is used but not defined", self._forward_uses[name])
            self._name_unknown(error)
            raise

    def parse_only_attribute(self) -> Attribute:
        """The attribute that is the whole text."""
        try:
            attribute = self.parse_attribute()
        except ParseError as error:
            self._name_unknown(error)
            raise
        if self.lexer.input.content[self.pos :].strip():
            self.raise_error("more than one attribute")
        return attribute

    def _name_unknown(self, error: ParseError) -> None:
        """Say which attributes there are, where one is not known."""
        if unknown := _UNREGISTERED.fullmatch(error.msg):
            error.msg = self._unknown_attribute(unknown[1], unknown[2])

    def _unknown_attribute(self, dialect: str, name: str) -> str:
        what = f"unknown attribute or type '{dialect}.{name}'"
        loaded = self.ctx.get_optional_dialect(dialect)
        if loaded is None:
            return f"{what}: there is no dialect '{dialect}'"
        known = sorted({attribute.name for attribute in loaded.attributes})
        return f"{what}; there are {', '.join(known)}" if known else what

    def _location(self, pos: int) -> FileLineColLoc:
        line = bisect_right(self._line_starts, pos)
        column = pos - self._line_starts[line - 1] + 1
        return FileLineColLoc(
            self._filename, _int_attr(line + self._line_offset), _int_attr(column)
        )


@cache
def _int_attr(value: int) -> IntAttr:
    return IntAttr(value)


def parse_module(
    text: str,
    filename: str = "<string>",
    *,
    context: Context | None = None,
    line_offset: int = 0,
    implicit_module: bool = True,
    verify: bool = True,
) -> ModuleOp:
    """The module that the MLIR `text` holds, verified, with a location on every operation.

    `filename` is what locations call it. Raises CompileError at the offending place.
    """
    context = make_context() if context is None else context
    try:
        parser = LocatedParser(context, text, filename, line_offset)
        module = parser.parse_module(implicit_module)
    except ParseError as error:
        raise _parse_failure(error, filename, line_offset) from error
    if module.location is UNKNOWN_LOC:  # the module around the operations of a file
        module.location = FileLineColLoc(StringAttr(filename), IntAttr(line_offset + 1), IntAttr(1))
    if verify:
        verify_module(module)
    return module


def parse_attribute(text: str, what: str) -> Attribute:
    """The attribute that the MLIR `text` holds, and nothing else; errors call it `what`.

    Raises CompileError at the offending place.
    """
    try:
        return LocatedParser(make_context(), text, what).parse_only_attribute()
    except ParseError as error:
        raise _parse_failure(error, what, 0) from error


def decode(data: bytes, filename: str, line_offset: int = 0) -> str:
    """`data` as text. Raises CompileError at the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1 + line_offset
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise CompileError(
            f"byte 0x{data[error.start]:02x} is not UTF-8 text", f"{filename}:{line}:{column}"
        ) from None


def read_module(path: str | os.PathLike[str], context: Context | None = None) -> ModuleOp:
    """The module in the file `path`. Raises CompileError, also where it cannot be read."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise CompileError(f"cannot read '{name}': {error.strerror}") from None
    return parse_module(decode(data, name), name, context=context)


def module_text(module: ModuleOp) -> str:
    """The MLIR text of `module`, which `parse_module` reads back, ending in a newline."""
    text = StringIO()
    Printer(stream=text).print_op(module)
    return text.getvalue() + "\n"


def _parse_failure(error: ParseError, filename: str, line_offset: int) -> CompileError:
    message = error.msg
    if message == "Could not parse entire input!":
        found = f"'{error.span.text}'" if error.span.text else "the end of the input"
        message = f"expected an operation, found {found}"
    elif (
        not error.span.text
        and error.span.start >= len(error.span.input.content.rstrip())
        and not message.startswith("unknown")
    ):
        message = f"the input ends too early: {message}"
    place = error.span.get_location()
    line = place.line - error.span.line_offset + line_offset
    return CompileError(message, f"{filename}:{line}:{place.col}")


def verify_module(module: ModuleOp, prefix: str = "") -> None:
    """Verify every operation of `module` and the attributes that passes left on it, and that every
    value is defined before it is used.

    Raises CompileError at the first operation that is wrong; `prefix` starts its message.
    """
    try:
        _verify_order(module)
        for op in module.walk(region_first=True):
            _verify_op(op)
    except _Invalid as invalid:
        name = invalid.op.name
        subject = "" if name in invalid.reason else f"'{name}': "
        raise CompileError(f"{prefix}{subject}{invalid.reason}", position(invalid.op)) from invalid


class _Invalid(Exception):
    """An operation that does not verify, and why."""

    def __init__(self, op: Operation, reason: str):
        super().__init__(reason)
        self.op = op
        self.reason = reason


def _verify_op(op: Operation) -> None:
    """Verify `op` and the blocks it holds, but not the operations in them."""
    try:
        op.verify(verify_nested_ops=False)
        if op.attributes:
            verify_attributes(op)
        for region in op.regions:
            for block in region.blocks:
                if block.first_op is None:
                    block.verify()
    except VerifyException as error:
        raise _Invalid(op, str(error)) from error
    except KeyError as error:
        raise _Invalid(op, f"the property {error} is missing") from error
    except Exception as error:
        # xDSL prints the module into the exception, which can fail on IR that does not verify; and
        # verifiers trip over malformed operations that they did not think of.
        reason = error.__context__ if isinstance(error.__context__, VerifyException) else error
        raise _Invalid(op, str(reason) or type(reason).__name__) from error


def _verify_order(module: ModuleOp) -> None:
    """Check that operands are defined before their use, which xDSL's verifier does not.

    Not checked: modules (a graph, where order means nothing), operations of unknown dialects, and
    values that come from another block of a region with several.
    """
    defined: set[SSAValue] = set()

    def visit(region: Region, ordered: bool) -> None:
        several = len(region.blocks) > 1
        here: list[SSAValue] = []
        for block in region.blocks:
            here += block.args
            defined.update(block.args)
        for block in region.blocks:
            for op in block.ops:
                check(op, block, several, ordered)
                inner = ordered_regions(op)
                for nested in op.regions:
                    visit(nested, inner)
                here += op.results
                defined.update(op.results)
        defined.difference_update(here)

    def check(op: Operation, block: Block, several: bool, ordered: bool) -> None:
        for index, operand in enumerate(op.operands):
            if operand in defined:
                continue
            if isinstance(operand, ForwardDeclaredValue):
                raise _Invalid(op, f"operand number {index} is used but not defined")
            if not ordered:
                continue
            owner = operand.owner
            home = owner if isinstance(owner, Block) else owner.parent
            if several and home is not block and home is not None and home.parent is block.parent:
                continue
            name = f"%{operand.name_hint}" if operand.name_hint else f"number {index}"
            raise _Invalid(op, f"operand {name} is used before it is defined")

    def ordered_regions(op: Operation) -> bool:
        return not isinstance(op, ModuleOp | UnregisteredOp)

    for region in module.regions:
        visit(region, False)


Observer = Callable[[ModulePass | None, ModuleOp, ModulePass | None], None]
"""Called before the first pass, between two, and after the last, with the pass before and after."""

OBSERVING: ContextVar[Observer | None] = ContextVar("OBSERVING", default=None)
"""Who observes pipelines that name no observer of their own."""


def apply_passes(
    context: Context,
    module: ModuleOp,
    passes: Sequence[ModulePass],
    *,
    machine: str | None = None,
    verify: bool = True,
    verify_each: bool = True,
    observe: Observer | None = None,
) -> None:
    """Run `passes` on `module`, which is verified, in place and verify it after each.

    With `verify_each=False` it is verified where a level ends (`pipelines.LEVELS`) and at the end,
    which halves the time of a compilation; with `verify=False` never.
    Steps that are missing are run as well (`passes/runner`). `machine` is a preset's name or a
    settings file, attached to the module before the first pass. Raises CompileError at the
    operation that a pass cannot take, and for whatever else escapes a pass.
    """
    observe = observe or OBSERVING.get()
    if machine is not None:
        from ..dialects.machine_attr import settle_machine
        from .machine_file import check_machine

        check_machine(machine)
        with_position(lambda: settle_machine(module, machine), module)
    previous: ModulePass | None = None
    planned, failed = list[ModulePass](), ""
    if RECORDING.get():
        with_position(lambda: planned.extend(one for _, one in schedule(passes, module)), module)

    def apply(step: ModulePass) -> None:
        nonlocal previous, failed
        if observe is not None:
            observe(previous, module, step)
        before = module.clone() if planned else None
        try:
            _guarded(context, module, step)
            if verify and (verify_each or step.name in LEVELS):
                verify_module(module, f"after pass '{step.name}': ")
        except Exception:
            if before is not None:
                failed = reproducer(module_text(before), planned if step in planned else [step])
            raise
        while step in planned:
            if planned.pop(0) == step:
                break
        previous = step

    try:
        with without_collector():
            with_position(lambda: run(context, module, passes, apply), module)
    except CompileError as error:
        error.reproducer = failed or None
        raise
    if verify and not verify_each and previous is not None and previous.name not in LEVELS:
        verify_module(module, f"after pass '{previous.name}': ")
    if observe is not None:
        observe(previous, module, None)


@contextmanager
def without_collector() -> Generator[None]:
    """Keep Python's collector of cyclic garbage from running meanwhile.

    IR is large, alive and full of cycles: looking through it again and again takes a fifth of a
    compilation and finds little.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _guarded(context: Context, module: ModuleOp, step: ModulePass) -> None:
    """Run one pass. What escapes it that is no complaint about its input is a defect of ours: it
    becomes a CompileError that names the pass."""
    try:
        apply_step(context, module, step)
    except (CompileError, DiagnosticException, ParseError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CompileError(
            f"pass '{step.name}' failed with {said}; this is a defect of the compiler",
            position(module),
        ) from error


def with_position(action: Callable[[], object], module: ModuleOp) -> None:
    """Do `action` on `module`; a failure it reports becomes a CompileError with a position."""
    try:
        action()
    except DiagnosticException as error:
        raise_located(error, module)
    except ParseError as error:  # from a pass that builds IR from text
        raise CompileError(error.msg, position(module)) from error


def raise_located(error: DiagnosticException, module: ModuleOp) -> NoReturn:
    """Raise `error` as a CompileError at the operation it is about, or at `module`."""
    op = error.op if isinstance(error, OpError) else _reporting_op(error)
    where = position(op) if op is not None else None
    raise CompileError(str(error), where or position(module)) from error


def _reporting_op(error: BaseException) -> Operation | None:
    """The operation whose `emit_error` raised `error`: xDSL keeps it nowhere but in that call."""
    for frame in _frames(error):
        if frame.f_code is Operation.emit_error.__code__:
            op = frame.f_locals.get("self")
            return op if isinstance(op, Operation) else None
    return None


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def run_passes(module: ModuleOp, passes: str, machine: str | None = None) -> None:
    """Run the pipeline `passes`, written as for `fa-opt -p`, on `module`, in place.

    The module is verified where a level ends; `fa-opt` verifies it after every step.
    Raises CompileError for a malformed pipeline, for a module that is not valid, and for whatever a
    pass cannot take.
    """
    pipeline = build_passes(passes, everything().all_passes)
    verify_module(module)
    apply_passes(make_context(), module, pipeline, machine=machine, verify_each=False)

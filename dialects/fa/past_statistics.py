"""How `fa.online_softmax` writes the statistics so far: `, %m, %l`, of bounded scores `sum %l`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from xdsl.irdl import IRDLOperation
from xdsl.irdl.declarative_assembly_format import (
    CustomDirective,
    OptionalOperandVariable,
    ParsingState,
    PrintingState,
    TypeDirective,
    irdl_custom_directive,
)
from xdsl.parser import Parser
from xdsl.printer import Printer

T = TypeVar("T")


def _parse(parser: Parser, one: Callable[[], T]) -> tuple[T | None, T | None]:
    if parser.parse_optional_keyword("sum") is not None:
        return None, one()
    if parser.parse_optional_punctuation(",") is None:
        return None, None
    maximum = one()
    parser.parse_punctuation(",")
    return maximum, one()


def _print(
    printer: Printer,
    state: PrintingState,
    maximum: T | None,
    total: T | None,
    one: Callable[[T], object],
) -> None:
    if total is None:
        return
    if maximum is None:
        printer.print_string(" sum ")
    else:
        printer.print_string(", ")
        one(maximum)
        printer.print_string(", ")
    one(total)
    state.should_emit_space = True
    state.last_was_punctuation = False


@irdl_custom_directive
class Past(CustomDirective):
    """Maximum and sum, the sum alone, or neither."""

    maximum: OptionalOperandVariable
    total: OptionalOperandVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        maximum, total = _parse(parser, parser.parse_unresolved_operand)
        self.maximum.set(state, maximum)
        self.total.set(state, total)

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        maximum, total = self.maximum.get(op), self.total.get(op)
        _print(printer, state, maximum, total, printer.print_ssa_value)


@irdl_custom_directive
class PastTypes(CustomDirective):
    """Their types, in the same form."""

    maximum: TypeDirective
    total: TypeDirective

    def parse(self, parser: Parser, state: ParsingState) -> None:
        maximum, total = _parse(parser, parser.parse_type)
        self.maximum.set(state, () if maximum is None else (maximum,))
        self.total.set(state, () if total is None else (total,))

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        maximum, total = (_only(part.get(op)) for part in (self.maximum, self.total))
        _print(printer, state, maximum, total, printer.print_attribute)


def _only(types: Sequence[T]) -> T | None:
    return types[0] if types else None

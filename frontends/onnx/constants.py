"""Values of graph inputs as text, `NAME=N,...`, as command lines give them."""

from __future__ import annotations

from collections.abc import Sequence

from ...diagnostics import CompileError


def parse_constants(
    given: Sequence[str], argument: str = "argument --constant"
) -> dict[str, list[int]]:
    """The values of `NAME=N,...`, one name a text.

    Raises CompileError, which calls the texts `argument`.
    """
    constants: dict[str, list[int]] = {}
    for text in given:
        name, equals, numbers = text.rpartition("=")
        try:
            values = [int(number) for number in numbers.split(",")]
        except ValueError:
            values = []
        if not equals or not name or not values:
            raise CompileError(f"{argument}: write NAME=N,... with integers, not '{text}'")
        if name in constants:
            raise CompileError(f"{argument}: '{name}' is given twice")
        constants[name] = values
    return constants

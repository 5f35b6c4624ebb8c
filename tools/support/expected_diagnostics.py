"""Diagnostics that a text announces about itself, as in MLIR's tests, against those that came.

A line of the text says what is to come, and where:

    // expected-error @below {{key has 2 heads and value 3}}

The kinds are `error`, `warning`, `remark` and `note`. The place is the line itself; `@+N` and `@-N`
lines further down or up; `@above` and `@below` the next line in that direction without an
expectation; `@unknown` none at all. A diagnostic meets an expectation of its kind and line whose
text its message contains; in `expected-error-re` what stands in inner braces is a regular
expression, `{{got {{[0-9]+}} heads}}`. Each expectation is met by one diagnostic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...diagnostics import CompileError

SEVERITIES = ("error", "warning", "remark", "note")
"""The kinds of diagnostics, as MLIR has them."""

_EXPECTATION = re.compile(
    rf"expected-(?P<severity>{'|'.join(SEVERITIES)})(?P<regex>-re)? *"
    r"(?:@(?P<place>[+-][0-9]+|above|below|unknown))? *\{\{(?P<text>.*)\}\}\s*$"
)
_ATTEMPT = re.compile(r"//\s*expected-")
_INNER = re.compile(r"\{\{(.*?)\}\}")
_USAGE = "write // expected-error @below {{text}}; kinds are error, warning, remark, note (and -re)"
_PLACES = "places @+N, @-N, @above, @below, @unknown"


@dataclass(frozen=True)
class Diagnostic:
    """What was said about a text: its kind, the message, and `file:line:col` or None."""

    severity: str
    message: str
    location: str | None = None

    @classmethod
    def of(cls, error: CompileError) -> Diagnostic:
        """The diagnostic that an error is."""
        return cls("error", error.message, error.location)

    def line_in(self, filename: str) -> int | None:
        """The line of the file that this is about; None where it is about something else."""
        file, _, place = (self.location or "").partition(f"{filename}:")
        line, _, column = place.partition(":")
        return int(line) if not file and line.isdecimal() and column.isdecimal() else None


@dataclass(frozen=True)
class Expectation:
    """A diagnostic that is to come: `line` of the file (None: no place), `written` where it says
    so (`file:line:col`)."""

    severity: str
    text: str
    pattern: re.Pattern[str]
    line: int | None
    written: str

    def fits(self, diagnostic: Diagnostic, line: int | None) -> bool:
        """Whether `diagnostic`, at `line` of the file, is what is expected."""
        return (
            self.severity == diagnostic.severity
            and self.line == line
            and self.pattern.search(diagnostic.message) is not None
        )


def check_diagnostics(
    text: str, filename: str, line_offset: int, came: Iterable[Diagnostic]
) -> list[CompileError]:
    """What is wrong with the diagnostics that `text` gave: nothing if they are those it announces.

    `filename` is what locations call the text, which begins after `line_offset` lines of the file.
    One error for each diagnostic that no expectation announces, in the order in which they came,
    then one for each expectation that was not met.
    """
    try:
        expected = parse_expectations(text, filename, line_offset)
    except CompileError as error:
        return [error]
    wrong: list[CompileError] = []
    for diagnostic in came:
        line = diagnostic.line_in(filename)
        met = next((each for each in expected if each.fits(diagnostic, line)), None)
        if met is None:
            said = f"unexpected {diagnostic.severity}: {diagnostic.message}"
            wrong.append(CompileError(said, diagnostic.location))
        else:
            expected.remove(met)
    for each in expected:
        said = f'expected {each.severity} "{each.text}" was not produced'
        wrong.append(CompileError(said, each.written))
    return wrong


def parse_expectations(text: str, filename: str, line_offset: int = 0) -> list[Expectation]:
    """What the comments of `text` announce, in their order.

    Raises CompileError at a comment that begins as an expectation and is none: it would expect
    nothing.
    """
    lines = text.split("\n")
    found = [_EXPECTATION.search(line) for line in lines]
    expectations: list[Expectation] = []
    for index, (line, match) in enumerate(zip(lines, found, strict=True)):
        attempt = match or _ATTEMPT.search(line)
        if attempt is None:
            continue
        column = line.index("expected-", attempt.start()) + 1
        written = f"{filename}:{index + 1 + line_offset}:{column}"
        if match is None:
            raise CompileError(f"malformed expectation; {_USAGE}; {_PLACES}", written)
        target = _target(index, match["place"], found)
        if target is not None and not 0 <= target < len(lines):
            raise CompileError("the expectation is for a line outside of the text", written)
        try:
            pattern = _pattern(match["text"], match["regex"] is not None)
        except re.error as error:
            raise CompileError(f"malformed regular expression: {error}", written) from None
        line_number = None if target is None else target + 1 + line_offset
        expectations.append(
            Expectation(match["severity"], match["text"], pattern, line_number, written)
        )
    return expectations


def _target(index: int, place: str | None, found: Sequence[object | None]) -> int | None:
    """The line, from 0, that an expectation on line `index` is about; None for no line."""
    match place:
        case None:
            return index
        case "unknown":
            return None
        case "above" | "below":
            step = 1 if place == "below" else -1
            index += step
            while 0 <= index < len(found) and found[index] is not None:
                index += step
            return index
        case _:
            return index + int(place)


def _pattern(text: str, regex: bool) -> re.Pattern[str]:
    """What finds `text` in a message, with what stands in inner braces as regular expressions."""
    if not regex:
        return re.compile(re.escape(text))
    pieces = _INNER.split(text)
    return re.compile(
        "".join(
            f"(?:{piece})" if position % 2 else re.escape(piece)
            for position, piece in enumerate(pieces)
        )
    )

"""Located errors and lines of assembly text, shared by the assemblers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class AssemblyError(ValueError):
    """Assembly text or a program file that is no program.

    `line` and `column` count from 1; `message` says what is wrong and what would be right.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"{line}:{column}: error: {message}")
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line with the column (from 1) where it starts."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line that holds an instruction."""

    number: int
    mnemonic: Token
    operands: tuple[Token, ...]

    def error(self, token: Token, message: str) -> AssemblyError:
        """An error at `token`, to be raised."""
        return AssemblyError(message, self.number, token.column)


def lines(text: str) -> Iterator[Line]:
    """The instruction lines of `text`: comments (`//` and `;`) and blank lines are left out.

    Operands are what stands between commas, without surrounding blanks; an empty one stays.
    """
    for number, raw in enumerate(text.split("\n"), 1):
        line = line_of(raw, number)
        if line is not None:
            yield line


def line_of(raw: str, number: int) -> Line | None:
    """One line of a text; None where it holds no instruction."""
    code = raw
    for mark in ("//", ";"):
        code = code.partition(mark)[0]
    stripped = code.strip()
    if not stripped:
        return None
    start = code.index(stripped)
    mnemonic = stripped.split(None, 1)[0]
    at = start + len(mnemonic)
    rest = code[at:]
    operands: list[Token] = []
    if rest.strip():
        for piece in rest.split(","):
            body = piece.strip()
            lead = len(piece) - len(piece.lstrip()) if body else 0
            operands.append(Token(body, at + lead + 1))
            at += len(piece) + 1
    return Line(number, Token(mnemonic, start + 1), tuple(operands))

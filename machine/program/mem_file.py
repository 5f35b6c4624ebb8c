"""Program files (`.mem`): one hexadecimal word for each instruction (section 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .assembly_errors import AssemblyError


@dataclass(frozen=True, slots=True)
class LocatedWord:
    """A word and where it stands in its file; line and column count from 1."""

    word: int
    line: int
    column: int


DIGITS = 8
"""Hexadecimal digits of a word."""

_DIGITS = frozenset("0123456789abcdefABCDEF")


def write_mem(words: Iterable[int]) -> str:
    """The text of a `.mem` file: `0x`, 8 upper-case digits and a newline for each word."""
    return "".join(f"0x{int(word):08X}\n" for word in words)


def read_mem(text: str) -> list[int]:
    """The words of a `.mem` file.

    Words are separated by blanks and have 8 hexadecimal digits; any number of leading `0x` is
    skipped. Raises AssemblyError for anything else: a word of fewer digits has been cut.
    """
    return [located.word for located in located_words(text)]


def located_words(text: str) -> Iterator[LocatedWord]:
    """As `read_mem`, each word with its place."""
    for number, line in enumerate(text.split("\n"), 1):
        at = 0
        for token in line.split():
            at = line.index(token, at)
            yield LocatedWord(_word(token, number, at + 1), number, at + 1)
            at += len(token)


def _word(token: str, line: int, column: int) -> int:
    digits = token
    while digits.startswith("0x"):
        digits = digits[2:]
    if not digits or not _DIGITS.issuperset(digits):
        raise AssemblyError(
            f"{token!r:.40} is not a hexadecimal word such as 0x00200062", line, column
        )
    if len(digits) > DIGITS:
        raise AssemblyError(
            f"{token!r:.40} has more than 32 bits; a word has {DIGITS} digits", line, column
        )
    if len(digits) < DIGITS:
        raise AssemblyError(
            f"{token!r} has {len(digits)} digits, and a word {DIGITS}, such as 0x00200062",
            line,
            column,
        )
    return int(digits, 16)

"""Small tables in HTML, as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a title; figures, which begin with a digit, are aligned to the right."""
    cells = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = [f"<table><caption>{escape(title)}</caption><tr>{cells}</tr>"]
    for row in rows:
        lines.append(f"<tr>{''.join(map(_cell, row))}</tr>")
    return "".join([*lines, "</table>"])


def _cell(text: str) -> str:
    style = ' style="text-align:right"' if text[:1].isdecimal() else ""
    return f"<td{style}>{escape(text)}</td>"

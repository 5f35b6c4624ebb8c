"""Tables that the scripts of this folder write into pages of `docs/`, each between two comments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


@dataclass(frozen=True)
class Page:
    """A page of `docs/` and the script that writes tables into it."""

    name: str
    script: str

    @property
    def path(self) -> Path:
        """Where the page is."""
        return DOCS / self.name

    @property
    def command(self) -> str:
        """What writes the tables."""
        return f"python bench/{self.script} --write"

    def parts(self, text: str, table: str) -> tuple[str, str, str]:
        """The text up to a table's first comment, the table, and the text from its last comment on.

        Exits the program where the comments are missing.
        """
        begin = f"<!-- {table}: written by `{self.command}` -->"
        end = f"<!-- end of {table} -->"
        if begin not in text or end not in text:
            raise SystemExit(f"{self.path}: the lines '{begin}' and '{end}' are missing")
        before, rest = text.split(begin, 1)
        inside, after = rest.split(end, 1)
        return before + begin, inside.strip(), end + after

    def replaced(self, text: str, table: str, lines: str) -> str:
        """The text with these lines as a table."""
        before, _, after = self.parts(text, table)
        return f"{before}\n\n{lines}\n\n{after}"

    def main(self, description: str, tables: Mapping[str, Callable[[], str]]) -> None:
        """The command line of a script: print the tables, write them, or check the page."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--write", action="store_true", help="put the tables into the docs")
        parser.add_argument("--check", action="store_true", help="fail unless the docs hold them")
        given = parser.parse_args()
        if not given.write and not given.check:
            print("\n\n".join(make() for make in tables.values()))
            return
        old = new = self.path.read_text("utf-8")
        for name, make in tables.items():
            new = self.replaced(new, name, make())
        if given.write:
            self.path.write_text(new, "utf-8")
        elif new != old:
            sys.exit(f"{self.path} is out of date; run: {self.command}")

"""Where the instructions of a program come from: for each pc a tile-level operation and its place.

The compiler writes it (`lowering/instruction_sources.py`) into the manifest of a kernel, under
`sources`; the simulator's reports read it. Plain data, so that a simulation needs no IR.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """An operation of the compiled module and `file:line:col` of the source that it stands for."""

    op: str
    location: str = ""
    """Empty where nothing is known."""

    def __str__(self) -> str:
        return f"{self.op} at {self.location}" if self.location else self.op


HOST = Source("(host program)")
"""What instructions belong to about which no compiler said anything."""


class SourceMapError(ValueError):
    """A source map that cannot be read."""


class SourceMap:
    """The source of every pc. Programs without one are `SourceMap()`."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._sources = tuple(sources)

    def at(self, pc: int) -> Source:
        """The source of the instruction at `pc`."""
        return self._sources[pc] if 0 <= pc < len(self._sources) else HOST

    def to_json(self) -> list[dict[str, str]]:
        """One entry a source, in order of first use; `pcs` are ranges such as "0-11 14"."""
        ranges: dict[Source, list[str]] = {}
        for source, group in groupby(enumerate(self._sources), key=lambda item: item[1]):
            pcs = [pc for pc, _ in group]
            text = str(pcs[0]) if len(pcs) == 1 else f"{pcs[0]}-{pcs[-1]}"
            ranges.setdefault(source, []).append(text)
        return [
            {"op": source.op, "location": source.location, "pcs": " ".join(texts)}
            for source, texts in ranges.items()
        ]

    @classmethod
    def from_json(cls, data: object, length: int) -> SourceMap:
        """The map of a program of `length` instructions; raises SourceMapError where it is none."""
        sources = [HOST] * length
        if not isinstance(data, list | tuple):
            raise SourceMapError("the map of instructions is a list; compile again")
        for entry in cast("Sequence[object]", data):
            match entry:
                case {"op": str() as op, "location": str() as location, "pcs": str() as pcs}:
                    for pc in _pcs(pcs, length):
                        sources[pc] = Source(op, location)
                case _:
                    raise SourceMapError(
                        "the map of instructions is damaged: an entry has op, location and pcs, "
                        "which are texts; compile again"
                    )
        return cls(sources)


def _pcs(text: str, length: int) -> Iterator[int]:
    """The instructions that ranges such as "0-11 14" name, of a program of `length`."""
    for part in text.split():
        found = _RANGE.fullmatch(part)
        first = last = length
        if found is not None:
            first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < length:
            raise SourceMapError(
                f"the map of instructions is damaged: '{part:.40}' names none of the {length} "
                "instructions; compile again"
            )
        yield from range(first, last + 1)

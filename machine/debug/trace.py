"""A run as a trace that Chrome (`chrome://tracing`) and Perfetto show: a track for each unit.

Loops are folded: a loop is one slice as long as all of its iterations together, and in it every
instruction of the body stands once, as long as all of its executions together. So a trace has as
many slices as the program has instructions, and the length of each is the time that it took.
A cycle is a nanosecond, as in the machine's emulator (section 6.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ..program.loop_nest import Loop, Node, structure_of
from ..program.program import Program
from ..program.source_map import SourceMap
from ..simulator.simulator import Result

TRACKS = ("source operations", "control", "matrix", "vector", "scalar", "hbm")
"""The tracks in the order in which they are shown; loops are slices of the control track."""

NANOSECONDS = 1000
"""Cycles in a microsecond, the unit of the format's times."""

Event = dict[str, Any]


def trace(program: Program, result: Result, sources: SourceMap, name: str) -> dict[str, Any]:
    """The trace of a finished run of `program` in the Trace Event Format, to be dumped as JSON.

    Where control flow is unusual (`structure_of` gives None) the instructions stand one after
    another in the order of the program.
    """
    structure = structure_of(program)
    nodes: list[Node] = [*range(len(program.words))] if structure is None else structure.nodes
    folding = _Folding(program, result, sources)
    end = 0
    for node in nodes:
        end = folding.place(node, end)
    events: list[Event] = [{"ph": "M", "pid": 0, "name": "process_name", "args": {"name": name}}]
    for tid, track in enumerate(TRACKS):
        events.append(
            {"ph": "M", "pid": 0, "tid": tid, "name": "thread_name", "args": {"name": track}}
        )
        events.append(
            {
                "ph": "M",
                "pid": 0,
                "tid": tid,
                "name": "thread_sort_index",
                "args": {"sort_index": tid},
            }
        )
    events += folding.operations()
    events += folding.events
    other = {"cycles": result.cycles, "instructions": result.instructions}
    return {"displayTimeUnit": "ns", "otherData": other, "traceEvents": events}


@dataclass
class _Folding:
    program: Program
    result: Result
    sources: SourceMap
    events: list[Event] = field(default_factory=list[Event])
    placed: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    """Start, end and pc of every slice of an instruction, in order of time."""

    def place(self, node: Node, start: int) -> int:
        """Add the slices of a node that begins at `start`; when it ends."""
        if isinstance(node, Loop):
            return self._loop(node, start)
        count, cycles = int(self.result.pc_counts[node]), int(self.result.pc_cycles[node])
        if not count:
            return start
        decoded = self.program.decoded[node]
        assert decoded is not None
        row = decoded.instruction
        args: dict[str, object] = {
            "pc": node,
            "instruction": self.program.text(node),
            "source": str(self.sources.at(node)),
            "executions": count,
            "cycles": cycles,
        }
        if row.unit == "hbm":
            args["hbm_bytes"] = int(self.result.pc_hbm_bytes[node])
        self.events.append(
            _slice(TRACKS.index(row.unit), row.mnemonic, start, start + cycles, args)
        )
        self.placed.append((start, start + cycles, node))
        return start + cycles

    def _loop(self, loop: Loop, start: int) -> int:
        at = len(self.events)
        end = self.place(loop.start, start)
        for node in loop.body:
            end = self.place(node, end)
        end = self.place(loop.end, end)
        args: dict[str, object] = {
            "pcs": f"{loop.start} to {loop.end}",
            "source": str(self.sources.at(loop.start)),
            "iterations": loop.count,
            "entered": int(self.result.pc_counts[loop.start]),
            "cycles": end - start,
        }
        name = f"loop of {loop.count}"
        # A slice must come before those that it holds and that begin with it.
        self.events.insert(at, _slice(TRACKS.index("control"), name, start, end, args))
        return end

    def operations(self) -> list[Event]:
        """A slice for each run of neighbouring instructions that come from one operation."""
        events: list[Event] = []
        for source, group in groupby(self.placed, key=lambda item: self.sources.at(item[2])):
            items = list(group)
            args: dict[str, object] = {
                "location": source.location,
                "pcs": f"{items[0][2]} to {items[-1][2]}",
            }
            events.append(_slice(0, source.op, items[0][0], items[-1][1], args))
        return events


def _slice(track: int, name: str, start: int, end: int, args: dict[str, object]) -> Event:
    return {
        "ph": "X",
        "pid": 0,
        "tid": track,
        "name": name,
        "ts": start / NANOSECONDS,
        "dur": (end - start) / NANOSECONDS,
        "args": args,
    }

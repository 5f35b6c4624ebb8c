"""The recordings of the reference machine that travel with the tests, chosen from the whole set.

    python bench/select_recordings.py FOLDER [--check]

FOLDER holds the whole set, `<category>.json.gz` (what `FA_CONFORMANCE` names). Of each category a
file of at most LIMIT bytes is written to test/machine/recordings. A small category goes whole. Of a
large one those cases go that show most for their size: again and again the case with the most
features per byte that no chosen case has, until none brings anything new or the room is used up.
The features of a case are its kind (its name without machine and number), its machine, its tags,
the instructions it executes, each also on its machine, and how it ends. Chosen cases keep the order
of the whole set and stay as they are. Nothing depends on chance, so the same set gives the same
cases; `--check` compares what is there with what would be chosen.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "test" / "machine" / "recordings"
CATEGORIES = (
    "encoding", "scalar", "vector", "matrix", "memory", "control", "errors", "random",
    "kernels_own", "attention", "tables", "rtl_timing",
)  # fmt: skip
LIMIT = 180_000
"""Bytes of a category's file; twelve of them stay under 2 MB."""

Document = dict[str, Any]


def packed(value: object) -> bytes:
    """`value` as it is stored; no time stamp, so that equal values are equal files."""
    return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), 9, mtime=0)


def features(case: Document) -> set[tuple[str, ...]]:
    """What a case shows."""
    machine = case["config"]
    kind = case["name"].partition(f"-{machine}")[0].rstrip("0123456789")
    timed = case.get("rtl", {}).get("overlap")
    final = case["final"] if timed is None else timed
    opcodes = (case.get("stats", {}) if timed is None else timed).get("per_opcode", ())
    return {
        ("kind", kind),
        ("machine", machine),
        ("end", final["status"], str(final.get("where"))),
        *(("tag", tag) for tag in case["tags"]),
        *(("executes", opcode) for opcode in opcodes),
        *(("executes", opcode, machine) for opcode in opcodes),
    }


def selected(document: Document) -> Document:
    """The document with the cases that are worth their room."""
    if "items" in document or len(packed(document)) <= LIMIT:
        return document
    rest = {at: (features(case), len(packed(case))) for at, case in enumerate(document["cases"])}
    room = LIMIT - len(packed({**document, "cases": []}))
    seen: set[tuple[str, ...]] = set()
    chosen: list[int] = []
    while True:
        fitting = {at: new - seen for at, (new, size) in rest.items() if size <= room}
        # The first of equals, so that the order of the whole set decides.
        best = max(fitting, key=lambda at: (len(fitting[at]) / rest[at][1], -at), default=None)
        if best is None or not fitting[best]:
            break
        new, size = rest.pop(best)
        seen |= new
        room -= size
        chosen.append(best)
    return {**document, "cases": [document["cases"][at] for at in sorted(chosen)]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the whole set")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    total = 0
    for category in CATEGORIES:
        whole = json.loads(gzip.decompress((arguments.folder / f"{category}.json.gz").read_bytes()))
        part = selected(whole)
        data, path = packed(part), TARGET / f"{category}.json.gz"
        if not arguments.check:
            path.write_bytes(data)
        elif json.loads(gzip.decompress(path.read_bytes())) != part:
            print(f"{path} differs from what would be chosen", file=sys.stderr)
            return 1
        total += len(data)
        cases = "items" if "items" in whole else "cases"
        print(f"{category:12} {len(part[cases]):4} of {len(whole[cases]):4}  {len(data):8,} bytes")
    print(f"{total:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

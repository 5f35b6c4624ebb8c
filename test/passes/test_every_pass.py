"""Every pass has a lit file that runs it alone on IR written by hand, and names no SSA value.

`NAME.mlir` in the room of the pass, `NAME_alone.mlir` where that shows the pass after those before
it. A RUN line has this pass and no other; what the runner inserts finds nothing to do. What is
checked with the prefix of that line takes values from FileCheck variables: names may change.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fa.universe import PASSES

TESTS = Path(__file__).resolve().parent.parent

RUN = re.compile(r"^// RUN: fa-opt %s (.*?) \| filecheck %s(.*)$", re.M)
PREFIX = re.compile(r"--check-prefix[= ](\w+)")
VARIABLE = re.compile(r"\[\[.*?\]\]|\{\{.*?\}\}")


def files(name: str) -> list[Path]:
    """Where the lit file of a pass may be: `fa.passes.tiling.tile` has its own in passes/tiling."""
    home = PASSES[name].partition(":")[0].split(".")[1:-1]
    stem = name.replace("-", "_")
    folder = TESTS.joinpath(*home)
    return [folder / f"{stem}_alone.mlir", folder / f"{stem}.mlir"]


def alone(name: str, text: str) -> set[str]:
    """The prefixes of RUN lines that run this pass and no other."""
    found: set[str] = set()
    for flags, checks in RUN.findall(text):
        run = [flag for flag in re.findall(r"--([\w-]+)", flags) if flag in PASSES]
        others = re.findall(r"--(cse|dce|canonicalize|licm)\b|(?:^| )-p\b", flags)
        if run == [name] and not others:
            prefix = PREFIX.search(checks)
            found.add(prefix[1] if prefix else "CHECK")
    return found


def checks(prefix: str, text: str) -> list[str]:
    """What the lines of a prefix check."""
    kinds = "-NEXT|-SAME|-DAG|-LABEL|-COUNT-[0-9]+"
    return re.findall(rf"^\s*// {prefix}(?:{kinds})?:(.*)$", text, re.M)


@pytest.mark.parametrize("name", PASSES)
def test_runs_alone_on_ir_written_by_hand(name: str):
    texts = [path.read_text() for path in files(name) if path.exists()]
    assert texts, f"no lit file runs {name} alone: write {files(name)[1]}"
    found = [(text, prefix) for text in texts for prefix in alone(name, text)]
    assert found, f"no RUN line of {files(name)[1]} runs {name} and no other pass"
    lines = [line for text, prefix in found for line in checks(prefix, text)]
    assert any("[[" in line for line in lines)
    named = [line for line in lines if re.search(r"%\w", VARIABLE.sub("", line))]
    assert not named, f"SSA values by name: {named}"


def test_what_counts_as_alone():
    runs = "// RUN: fa-opt %s --tile --fuse | filecheck %s --check-prefix=A\n"
    assert not alone("fuse", runs)
    assert not alone("fuse", runs.replace("--tile", "--cse"))
    assert alone("fuse", runs.replace("--tile ", "")) == {"A"}
    assert alone("fuse", runs.replace("--tile --fuse", '--fuse="order=keys"')) == {"A"}

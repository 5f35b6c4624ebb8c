"""FileCheck ignores what it does not know: `CHECK-NXT: x` checks nothing. Here it is an error."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
FILES = sorted(
    path
    for suffix in ("mlir", "test")
    for path in TESTS.rglob(f"*.{suffix}")
    if "Inputs" not in path.parts
)
SUFFIXES = {"", "-NEXT", "-SAME", "-NOT", "-DAG", "-LABEL", "-EMPTY"}
COUNT = re.compile(r"-COUNT-[1-9][0-9]*")
RUN = re.compile(r"RUN:(.*)")
PREFIXES = re.compile(r"--?check-prefix(?:es)?[= ]([\w,-]+)")
DIRECTIVE = re.compile(r"^\s*(?://|#|;)?\s*([A-Z][A-Z0-9_]*(?:-[A-Z0-9]+)*)(\{[A-Z]+\})?:", re.M)


def prefixes(text: str) -> set[str]:
    """The prefixes that the RUN lines of a test ask filecheck for."""
    found: set[str] = set()
    for command in RUN.findall(text.replace("\\\n", " ")):
        for call in command.split("|"):
            if "filecheck" in call or "FA_ROUNDTRIP" in call:
                named = PREFIXES.findall(call)
                found |= {p for names in named for p in names.split(",")} or {"CHECK"}
    return found


def known(directive: str, wanted: set[str]) -> bool:
    return any(
        directive.startswith(prefix)
        and (directive[len(prefix) :] in SUFFIXES or COUNT.fullmatch(directive[len(prefix) :]))
        for prefix in wanted
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(TESTS)))
def test_directives(path: Path):
    text = path.read_text()
    wanted = prefixes(text)
    directives = [m[1] for m in DIRECTIVE.finditer(text) if m[1] not in ("RUN", "DEFINE", "XFAIL")]
    unknown = [d for d in directives if not known(d, wanted)]
    assert not unknown, f"filecheck ignores {unknown}; prefixes in use are {sorted(wanted)}"
    unused = {p for p in wanted if not any(known(d, {p}) for d in directives)}
    assert not unused, f"no line of the file checks with {sorted(unused)}"
    assert RUN.search(text), "a lit test without a RUN line"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("// RUN: fa-opt %s | filecheck %s", {"CHECK"}),
        ("// RUN: a | filecheck %s --check-prefix=A", {"A"}),
        ("// RUN: a | filecheck %s --check-prefixes=A,B-C", {"A", "B-C"}),
        ("// RUN: a \\\n// RUN: | filecheck %s -check-prefix A", {"A"}),
        ("// RUN: fa-opt %s", set()),
    ],
)
def test_prefixes(text: str, wanted: set[str]):
    assert prefixes(text) == wanted


def test_a_mistyped_directive_is_found():
    assert known("CHECK-NEXT", {"CHECK"})
    assert known("CHECK-COUNT-12", {"CHECK"})
    assert not known("CHECK-NXT", {"CHECK"})
    assert not known("CHEK", {"CHECK"})

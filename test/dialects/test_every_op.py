"""Every operation, type and attribute goes through both syntaxes in a lit file, written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fa.dialects.fa import FA
from fa.dialects.mx import MX
from fa.dialects.plena import PLENA

HERE = Path(__file__).parent
CHECK = re.compile(r"^\s*// CHECK(?:-NEXT|-SAME|-LABEL|-DAG)?:(.*)$", re.M)
CHECKED = "\n".join(
    line
    for path in sorted(HERE.rglob("*.mlir"))
    if re.search(r"^// RUN: FA_ROUNDTRIP$", text := path.read_text(), re.M)
    for line in CHECK.findall(text)
)
OPS = [op.name for dialect in (FA, MX, PLENA) for op in dialect.operations]
ATTRIBUTES = [attribute.name for dialect in (FA, MX, PLENA) for attribute in dialect.attributes]


@pytest.mark.parametrize("name", OPS)
def test_operation(name: str):
    assert re.search(rf"(?<![\w.#!]){re.escape(name)}(?![\w.])", CHECKED)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_type_or_attribute(name: str):
    assert re.search(rf"[#!]{re.escape(name)}(?![\w.])", CHECKED)

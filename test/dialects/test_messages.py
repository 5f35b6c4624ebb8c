"""Every message of a verifier or parser of the dialects stands in an `_invalid` lit file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import fa.dialects
import pytest

from .messages import Message, read

ROOT = Path(fa.dialects.__file__).parent
TESTS = Path(__file__).resolve().parent.parent

EXPECTED = re.compile(r"expected-error[^{]*\{\{(.*)\}\}")
SAID = [
    text
    for path in sorted(TESTS.rglob("*_invalid*.mlir"))
    for text in EXPECTED.findall(path.read_text())
]

CONSTRAINTS = (
    "operands and results of operations are constrained to such types, which is said first"
)

UNREACHABLE: Mapping[str, str] = {
    "fa/type_access.py:tile": CONSTRAINTS,
    "fa/type_access.py:tensor_type": CONSTRAINTS,
    "plena/registers.py:register_type": CONSTRAINTS,
}
"""Functions whose messages no text brings about, and why."""

MESSAGES = [
    message
    for message in read(ROOT)
    if message.where not in UNREACHABLE
    and message.helper not in {where.partition(":")[2] for where in UNREACHABLE}
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: f"{m.where}:{m.line}")
def test_stands_in_a_lit_file(message: Message):
    assert message.met(SAID), f"no *_invalid*.mlir expects {' or '.join(message.patterns)}"


def test_what_is_called_unreachable_exists():
    assert set(UNREACHABLE) <= {message.where for message in read(ROOT)}


SOURCE = """
KIND = "fancy"

def helper(value, what, least=1):
    if value < least:
        raise VerifyException(f"{what} is less than {least}")

@irdl_op_definition
class FancyOp(IRDLOperation):
    name = "fa.fancy"

    def verify_(self) -> None:
        helper(self.number, "the number")
        if self.bad:
            raise VerifyException("it is bad" f" and {KIND}, got {self.bad}")
        raise VerifyException(f"fa.fancy is {never(self)} (good)")

    @classmethod
    def parse(cls, parser):
        for kind, message in (("a", "no a here"), ("b", f"no {kind}")):
            parser.raise_error(message, 1)
"""


def test_messages_are_read_from_source(tmp_path: Path):
    (tmp_path / "fancy.py").write_text(SOURCE)
    found = {message.line: message for message in read(tmp_path)}
    assert sorted(found) == [6, 13, 15, 16, 21]
    assert found[13].where == "fancy.py:verify_"
    assert found[13].helper == "helper"
    assert found[13].met(["'fa.fancy': the number is less than 1"])
    assert not found[13].met(["the number is less than 1", "'fa.fancy': the sum is less than 1"])
    assert found[15].met(["'fa.fancy': it is bad and fancy, got 3"])
    assert not found[15].met(["'fa.fancy': it is bad and plain, got 3"])
    assert found[16].met(["fa.fancy is very (good)"])
    assert found[21].met(["no a here"])
    assert not found[21].met(["none here"])

"""Attributes that passes leave: every one is tested in lit, and getters check what they give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fa.diagnostics import CompileError, OpError
from fa.dialects.discardable_attrs import attribute_of, table_of
from fa.dialects.machine_attr import machine_of, settle_machine
from fa.frontends.mlir import parse_module
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnitAttr

HERE = Path(__file__).parent
EXPECTED = re.compile(r"expected-error[^{]*\{\{(.*)\}\}")
DIALECTS = ("fa", "mx", "plena")
NAMES = [name for dialect in DIALECTS for name in table_of(dialect) or ()]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_types_and_bearers_are_in_lit(name: str):
    dialect = name.partition(".")[0]
    file = HERE / dialect / f"{dialect}_attributes_invalid.mlir"
    messages = EXPECTED.findall(file.read_text())
    assert any(m.startswith(f"{name} is an attribute of ") for m in messages)
    assert any(m.startswith((f"{name} must be ", f"{name} takes ")) for m in messages)


def test_names_begin_with_their_dialect():
    for dialect in DIALECTS:
        assert all(name.startswith(f"{dialect}.") for name in table_of(dialect) or ())
    assert table_of("builtin") is None


def test_attributes_of_other_dialects_are_free():
    parse_module("builtin.module attributes {fa = 1, mine.fa.machine, dlti.x = 2} {}")
    with pytest.raises(CompileError, match=r"^<string>:2:1: error: .*fa\.mapped"):
        parse_module("\nfunc.func @f() attributes {fa.mapped = 1} { func.return }")


def test_a_getter_checks():
    module = ModuleOp([], {"fa.machine": StringAttr("none"), "fa.mapped": UnitAttr()})
    assert attribute_of(module, "fa.problem") is None
    with pytest.raises(OpError, match="no machine called 'none'"):
        attribute_of(module, "fa.machine")
    with pytest.raises(OpError, match="no machine called 'none'"):
        machine_of(module)
    with pytest.raises(OpError, match=r"fa.mapped is an attribute of func\.func"):
        attribute_of(module, "fa.mapped")


def test_asking_for_the_machine_writes_nothing():
    module = ModuleOp([])
    assert machine_of(module).name == "plena-64"
    assert machine_of(module, "plena-128").name == "plena-128"
    assert not module.attributes
    assert settle_machine(module, "plena-128").name == machine_of(module).name == "plena-128"
    assert module.attributes == {"fa.machine": StringAttr("plena-128")}
    with pytest.raises(OpError, match="compiled for machine plena-128, not plena-64"):
        settle_machine(module, "plena-64")

"""Located modules, and passes whose failures are located."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar

import pytest
from fa.diagnostics import CompileError, OpError, position
from fa.frontends.mlir import (
    apply_passes,
    make_context,
    module_text,
    parse_module,
    read_module,
    run_passes,
    verify_module,
)
from xdsl.context import Context
from xdsl.dialects.arith import ConstantOp
from xdsl.dialects.builtin import (
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException, VerifyException

TEXT = """func.func @f(%i: i32) -> i32 {
  %a = arith.addi %i, %i : i32
  %b = arith.addi %i, %i : i32
  %c = arith.muli %a, %b : i32
  func.return %c : i32
}
"""


def operation(module: ModuleOp, name: str):
    return next(op for op in module.walk() if op.name == name)


def test_locations():
    module = parse_module(TEXT, "f.mlir")
    assert position(operation(module, "arith.muli")) == "f.mlir:4:8"
    assert position(operation(module, "func.return")) == "f.mlir:5:3"
    assert position(operation(module, "func.func")) == "f.mlir:1:1"
    assert position(module) == "f.mlir:1:1"


def test_line_offset():
    module = parse_module(TEXT, "f.mlir", line_offset=10)
    assert position(operation(module, "arith.muli")) == "f.mlir:14:8"
    with pytest.raises(CompileError, match=r"^f\.mlir:12:8: error: "):
        parse_module(TEXT.replace("%a = arith.addi", "%a = arith.bddi"), "f.mlir", line_offset=10)


def test_columns_count_characters():
    with pytest.raises(CompileError) as caught:
        parse_module('module attributes {a = "\u00e9"} { x.y }', "f.mlir")
    assert str(caught.value).startswith("f.mlir:1:31: ")


def test_an_operation_without_position_has_that_of_the_one_around_it():
    module = parse_module(TEXT, "f.mlir")
    op = operation(module, "arith.muli")
    op.location = UnknownLoc()
    assert position(op) == "f.mlir:1:1"


FILE = FileLineColLoc(StringAttr("a.py"), IntAttr(3), IntAttr(4))


@pytest.mark.parametrize(
    "location",
    [
        FILE,
        NameLoc(StringAttr("x"), FILE),
        CallSiteLoc(FILE, UnknownLoc()),
        CallSiteLoc(UnknownLoc(), FILE),
        FusedLoc((UnknownLoc(), FILE), NoneAttr()),
    ],
)
def test_every_kind_of_location(location: Attribute):
    module = ModuleOp([])
    module.location = location
    assert position(module) == "a.py:3:4"


@pytest.mark.parametrize(
    "location",
    [UnknownLoc(), NameLoc(StringAttr("x"), NoneAttr()), FusedLoc((UnknownLoc(),), NoneAttr())],
)
def test_no_position(location: Attribute):
    module = ModuleOp([])
    module.location = location
    assert position(module) is None


def test_the_verifier_names_the_operation():
    module = parse_module(TEXT, "f.mlir")
    op = operation(module, "arith.muli")
    op.operands = (op.operands[0],)
    with pytest.raises(CompileError) as caught:
        verify_module(module)
    assert str(caught.value) == "f.mlir:4:8: error: 'arith.muli': Expected 2 operands, but got 1"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"' + "x" * 100, "1:1"),
        ('// "\n"x.y" {a = "' + "x " * 100 + "\n", "2:12"),
        ('"x.y" {a = "\\q' + "x" * 100 + '"}', "1:12"),
    ],
)
def test_a_string_without_end_is_found_at_once(text: str, place: str):
    with pytest.raises(CompileError) as caught:
        parse_module(text, "f.mlir")
    assert str(caught.value).startswith(f"f.mlir:{place}: error: string without an end")


def test_strings_and_comments():
    text = 'module attributes {a = "// \\" \\0A", b = ""} {\n}  // "\n'
    assert parse_module(text).attributes["a"] == StringAttr('// " \n')


def test_a_missing_property_is_bad_input():
    with pytest.raises(CompileError) as caught:
        parse_module('"func.func"() <{sym_name = "f"}> ({}) : () -> ()', "f.mlir")
    assert str(caught.value).startswith("f.mlir:1:1: error: property 'function_type' ")


def test_a_value_of_a_region_is_not_defined_before_it():
    text = (
        "func.func @f(%n: index) {\n"
        "  %y = arith.addi %x, %n : index\n"
        "  scf.for %i = %n to %n step %n {\n"
        "    %x = arith.addi %i, %n : index\n"
        "  }\n"
        "  func.return\n"
        "}\n"
    )
    with pytest.raises(CompileError, match=r"^f\.mlir:2:8: error: .* %x is used before it is def"):
        parse_module(text, "f.mlir")


def test_use_before_definition():
    module = parse_module(TEXT, "f.mlir")
    op = operation(module, "arith.muli")
    op.detach()
    body = operation(module, "func.func").regions[0].block
    body.insert_op_before(op, body.first_op)
    with pytest.raises(CompileError, match=r"^f\.mlir:4:8: error: .*operand %a is used before"):
        verify_module(module)


def test_a_value_does_not_leave_its_region():
    text = (
        "func.func @f(%n: index) {\n"
        "  scf.for %i = %n to %n step %n {\n"
        "    %x = arith.addi %i, %n : index\n"
        "  }\n"
        "  %y = arith.addi %n, %n : index\n"
        "  func.return\n"
        "}\n"
    )
    module = parse_module(text, "f.mlir")
    inner, outer = [op for op in module.walk() if op.name == "arith.addi"]
    outer.operands = (inner.results[0], outer.operands[1])
    with pytest.raises(CompileError, match=r"^f\.mlir:5:8: error: .*operand %x is used before"):
        verify_module(module)


def test_blocks_may_come_in_any_order():
    parse_module(
        "func.func @f() {\n  cf.br ^bb1\n^bb2:\n  %y = arith.addi %x, %x : i32\n  func.return\n"
        "^bb1:\n  %x = arith.constant 1 : i32\n  cf.br ^bb2\n}\n"
    )


@dataclass(frozen=True)
class Failing(ModulePass):
    """Fails at the multiplication, in one of the ways in which passes fail."""

    name: ClassVar[str] = "failing"
    how: str = "op"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = operation(op, "arith.muli")
        if self.how == "op":
            raise OpError(target, "not\n  here")
        if self.how == "emit":
            target.emit_error("not here", PassFailedException("not here"))
        if self.how == "bare":
            raise VerifyException("not here")
        if self.how == "bug":
            raise KeyError("not here")
        target.operands = target.operands[:1]


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("op", "f.mlir:4:8: error: not here"),
        ("emit", "f.mlir:4:8: error: not here"),
        ("bare", "f.mlir:1:1: error: not here"),
        (
            "invalid",
            "f.mlir:4:8: error: after pass 'failing': 'arith.muli': Expected 2 operands, but got 1",
        ),
    ],
)
def test_a_failing_pass_is_located(how: str, text: str):
    with pytest.raises(CompileError) as caught:
        apply_passes(make_context(), parse_module(TEXT, "f.mlir"), [Failing(how)])
    assert str(caught.value) == text


def test_a_bug_in_a_pass_names_the_pass():
    with pytest.raises(CompileError) as caught:
        apply_passes(make_context(), parse_module(TEXT, "f.mlir"), [Failing("bug")])
    assert str(caught.value) == (
        "f.mlir:1:1: error: pass 'failing' failed with KeyError: 'not here'; this is a defect of "
        "the compiler"
    )
    assert isinstance(caught.value.__cause__, KeyError)


def test_run_passes():
    module = parse_module(TEXT, "f.mlir")
    run_passes(module, "cse, canonicalize")
    assert len([op for op in module.walk() if op.name == "arith.addi"]) == 1


def test_run_passes_checks_the_module_first():
    module = parse_module(TEXT, "f.mlir")
    op = operation(module, "arith.muli")
    op.operands = op.operands[:1]
    with pytest.raises(CompileError, match="Expected 2 operands"):
        run_passes(module, "")


def test_run_passes_with_an_unknown_pass():
    with pytest.raises(CompileError, match=r"^fa: error: unknown pass 'tyle'; did you mean 'tile'"):
        run_passes(parse_module(TEXT), "tyle")


def test_read_module(tmp_path: Path):
    path = tmp_path / "f.mlir"
    path.write_text(TEXT)
    assert position(read_module(path)) == f"{path}:1:1"
    with pytest.raises(CompileError, match=r"cannot read '.*none\.mlir': No such file"):
        read_module(tmp_path / "none.mlir")


def test_floats_in_dense_constants_are_read_back():
    text = (
        "builtin.module {\n"
        "  %0 = arith.constant dense<[0xff80, 1.500000e+00]> : tensor<2xbf16>\n"
        "  %1 = arith.constant dense<0xff800000> : tensor<2x3xf32>\n"
        "  %2 = arith.constant dense<16> : tensor<2xi8>\n"
        "}\n"
    )
    module = parse_module(text)
    values = [list(op.value.get_values()) for op in module.ops if isinstance(op, ConstantOp)]
    assert values == [[-inf, 1.5], [-inf] * 6, [16, 16]]
    assert module_text(module) == text


def test_too_many_bits_for_a_float():
    with pytest.raises(CompileError, match="0x10000 has more bits than f16"):
        parse_module("%0 = arith.constant dense<[0x10000]> : tensor<1xf16>")


def test_a_file_without_lines_is_named_alone():
    module = parse_module("func.func private @f()")
    op = module.body.block.first_op
    assert op is not None
    op.location = NameLoc(
        StringAttr("node"), FileLineColLoc(StringAttr("net.onnx"), IntAttr(0), IntAttr(0))
    )
    assert position(op) == "net.onnx"

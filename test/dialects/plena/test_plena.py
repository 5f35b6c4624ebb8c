"""The plena dialect: syntax, verifiers, construction and memory effects."""

from __future__ import annotations

from io import StringIO

import pytest
from fa.diagnostics import OpError
from fa.dialects import plena
from fa.machine.spec.isa import INSTRUCTIONS
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp, StringAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.parser import Parser
from xdsl.passes import ModulePass
from xdsl.printer import Printer
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination
from xdsl.transforms.dead_code_elimination import DeadCodeElimination
from xdsl.utils.exceptions import ParseError, VerifyException

EXAMPLE = """
plena.kernel @double attributes {plena.int_mem_used = 2 : i64} {
  %zero = plena.get_register : !plena.gp<gp0>
  %f0 = plena.get_register : !plena.fp<f0>
  %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %end, %total = plena.loop 16 (%i : !plena.gp, %row = %start : !plena.gp, \
%t = %f0 : !plena.fp<f0> to !plena.fp) {
    plena.v_add_vv %row, %row, %row, 0 : (!plena.gp, !plena.gp, !plena.gp) -> ()
    %next = plena.s_addi_int %row, 64 : (!plena.gp) -> !plena.gp
    %t1 = plena.v_red_sum %t, %row, 0 : (!plena.fp, !plena.gp) -> !plena.fp
    %a = plena.c_set_addr_reg %zero, %row : (!plena.gp<gp0>, !plena.gp) -> !plena.addr<a1>
    plena.h_store_v %row, %zero, %a, 1, 0 : (!plena.gp, !plena.gp<gp0>, !plena.addr<a1>) -> ()
    %c = plena.copy %next : (!plena.gp) -> !plena.gp
    %s = plena.spill %c : (!plena.gp) -> !plena.slot
    %r = plena.reload %s : (!plena.slot) -> !plena.gp<gp7>
    plena.yield %i, %r, %t1 : !plena.gp, !plena.gp<gp7>, !plena.fp
  }
}
"""


def context() -> Context:
    ctx = Context()
    ctx.load_dialect(Builtin)
    ctx.load_dialect(plena.PLENA)
    return ctx


def parse(text: str) -> ModuleOp:
    return Parser(context(), text).parse_module()


def parse_body(lines: str) -> ModuleOp:
    """A kernel with gp0 as %zero, f0 as %f0, and the lines given."""
    return parse(
        "plena.kernel @k {\n%zero = plena.get_register : !plena.gp<gp0>\n"
        f"%f0 = plena.get_register : !plena.fp<f0>\n{lines}\n}}"
    )


@pytest.mark.parametrize("options", [{}, {"print_generic_format": True}, {"print_debuginfo": True}])
def test_print_parse(options: dict[str, bool]):
    module = parse(EXAMPLE)
    module.verify()
    stream = StringIO()
    Printer(stream, **options).print_op(module)
    again = parse(stream.getvalue())
    again.verify()
    assert again.is_structurally_equivalent(module)
    assert str(again) == str(module)


def test_one_class_for_each_instruction():
    expected = {
        row.mnemonic
        for row in INSTRUCTIONS
        if row.status == "implemented"
        and row.mnemonic not in ("C_LOOP_START", "C_LOOP_END", "C_BREAK")
    }
    assert set(plena.INSTRUCTION_OPS) == expected
    for mnemonic, op in plena.INSTRUCTION_OPS.items():
        assert op.name == f"plena.{mnemonic.lower()}"
        assert op.__doc__


@pytest.mark.parametrize("mnemonic", list(plena.INSTRUCTION_OPS))
def test_every_instruction_verifies_prints_and_parses(mnemonic: str):
    op_class = plena.INSTRUCTION_OPS[mnemonic]
    sources = {
        "gp": plena.zero_register(plena.GPType).result,
        "fp": plena.zero_register(plena.FPType).result,
    }
    address = plena.instruction("C_SET_ADDR_REG", sources["gp"], sources["gp"])
    sources["addr"] = address.result
    arguments = [sources[o.bank] if o.is_register else o.limit - 1 for o in op_class.arguments]
    op = plena.instruction(mnemonic, *arguments)
    op.verify()
    kernel = plena.KernelOp("k")
    owners = [value.owner for value in sources.values()]
    kernel.body.block.add_ops([*owners, op])
    module = ModuleOp([kernel])
    module.verify()
    again = parse(str(module))
    again.verify()
    assert again.is_structurally_equivalent(module)


def test_instruction_arguments():
    zero = plena.zero_register().result
    fzero = plena.zero_register(plena.FPType).result
    op = plena.instruction("V_SUB_VF", zero, zero, fzero, 0, 1)
    assert op.mnemonic == "V_SUB_VF"
    assert op.constant("order") == 1
    assert op.input("scalar") is fzero
    assert not op.results
    assert plena.instruction("V_ADD_VV", zero, zero, zero).constant("rmask") == 0
    add = plena.instruction("S_ADDI_INT", zero, 7, register=plena.GPType.register(3))
    assert add.result.type == plena.GPType.from_name("gp3")
    assert plena.instruction("S_ADD_INT", add, add).operands[0] is add.result
    reduction = plena.instruction("V_RED_MAX", fzero, zero, 0)
    assert reduction.tied == ((0, reduction.result),)
    assert add.tied == ()


@pytest.mark.parametrize(
    ("mnemonic", "arguments", "message"),
    [
        ("S_ADDI_INT", (), "S_ADDI_INT lacks its argument 'src'"),
        ("S_ADDI_INT", ("gp",), "S_ADDI_INT lacks its argument 'value'"),
        ("S_ADDI_INT", (4, "gp"), "'src' of S_ADDI_INT is a register, got 4"),
        ("S_ADDI_INT", ("gp", 4, 5), "S_ADDI_INT takes 2 arguments, got 3"),
        ("S_ADDI", ("gp", 4), "there is no instruction 'S_ADDI'"),
        ("C_LOOP_START", (4,), "C_LOOP_START is written as plena.loop"),
        ("M_BMV", ("gp", "gp", "gp"), r"M_BMV traps on the machine \(panics\)"),
    ],
)
def test_instruction_refuses(mnemonic: str, arguments: tuple[str | int, ...], message: str):
    zero = plena.zero_register().result
    values: list[SSAValue | int] = [zero if a == "gp" else int(a) for a in arguments]
    with pytest.raises(ValueError, match=message):
        plena.instruction(mnemonic, *values)


@pytest.mark.parametrize(
    "value", [0, 1, (1 << 18) - 1, 1 << 18, 0x12345678, 0xFFFFF000, 0xFFFFFFFF]
)
def test_constant(value: int):
    zero = plena.zero_register().result
    ops = plena.constant(zero, value)
    result = 0
    for op in ops:
        op.verify()
        immediate = op.constant("value")
        result = immediate << 12 if op.mnemonic == "S_LUI_INT" else result + immediate
    assert result == value
    assert len(ops) == (1 if value < 1 << 18 or value & 0xFFF == 0 else 2)


def test_constant_refuses():
    with pytest.raises(ValueError, match="holds 0 to"):
        plena.constant(plena.zero_register().result, -1)


INVALID = [
    (
        "%a = plena.s_addi_int %zero, 262144 : (!plena.gp<gp0>) -> !plena.gp",
        "value of S_ADDI_INT must be 0 to 262143, got 262144",
    ),
    (
        "plena.v_exp_v %zero, %zero, 16 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()",
        "rmask of V_EXP_V must be 0 to 15, got 16",
    ),
    (
        "%a = plena.s_addi_int %f0, 1 : (!plena.fp<f0>) -> !plena.gp",
        r"operand 'src' of S_ADDI_INT must be !plena.gp \(integer register\), got !plena.fp<f0>",
    ),
    (
        "%a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.fp",
        "result 'dest' of S_ADDI_INT must be !plena.gp",
    ),
    (
        "plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> ()",
        "S_ADDI_INT has 1 results, got 0",
    ),
    (
        "%a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp0>",
        "S_ADDI_INT writes gp0, which is reserved and reads as zero",
    ),
    (
        '%a = "plena.s_addi_int"(%zero) : (!plena.gp<gp0>) -> !plena.gp',
        "S_ADDI_INT needs an integer 'value'",
    ),
    (
        '%a = "plena.s_addi_int"(%zero) <{value = 1 : i64, mask = 0 : i64}> '
        ": (!plena.gp<gp0>) -> !plena.gp",
        "S_ADDI_INT has no operand mask",
    ),
    (
        "%a = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp<f2>\n"
        "%b = plena.v_red_sum %a, %zero, 0 : (!plena.fp<f2>, !plena.gp<gp0>) -> !plena.fp<f3>",
        "V_RED_SUM needs one register in both places, got !plena.fp<f2> and !plena.fp<f3>",
    ),
    (
        "plena.m_mm %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()\n"
        "%a = plena.get_register : !plena.gp<gp3>",
        "only gp0 and f0 can be read without being written here; gp3 at the start of a kernel",
    ),
    ("%a = plena.get_register : !plena.gp", "must name a register, got !plena.gp"),
    (
        "%a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.fp",
        "a copy stays in its bank, got !plena.gp<gp0> to !plena.fp",
    ),
    ("%a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.gp<gp0>", "a copy writes gp0"),
    (
        "plena.loop 0 (%i : !plena.gp) { plena.yield %i : !plena.gp }",
        "a loop runs 1 to 4194303 times, got 0",
    ),
    (
        "plena.loop 2 (%i : !plena.fp) { plena.yield %i : !plena.fp }",
        "the counter must be plena.gp, got !plena.fp",
    ),
    (
        "plena.loop 2 (%i : !plena.gp<gp0>) { plena.yield %i : !plena.gp<gp0> }",
        "a loop writes gp0",
    ),
    (
        "plena.loop 2 (%i : !plena.gp) { plena.yield %i, %i : !plena.gp, !plena.gp }",
        "must yield the counter and 0 carried values, got 2 operands",
    ),
    (
        "%r = plena.loop 2 (%i : !plena.gp, %a = %zero : !plena.gp<gp0> to !plena.fp) "
        "{ plena.yield %i, %a : !plena.gp, !plena.fp }",
        "carried value 0 ties !plena.gp<gp0> to !plena.fp, another bank",
    ),
    (
        "%b = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr\n"
        "%r = plena.loop 2 (%i : !plena.gp, %a = %b : !plena.addr) "
        "{ plena.yield %i, %a : !plena.gp, !plena.addr }",
        "carried value 0 is an address register, which cannot be carried",
    ),
    (
        "%r = plena.loop 2 (%i : !plena.gp, %a = %zero : !plena.gp<gp0> to !plena.gp<gp4>) {\n"
        "%b = plena.s_addi_int %a, 1 : (!plena.gp<gp4>) -> !plena.gp<gp5>\n"
        "plena.yield %i, %b : !plena.gp, !plena.gp<gp5> }",
        "carried value 0 needs one register in both places",
    ),
    (
        "plena.loop 2 (%i : !plena.gp) {\n"
        "%a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp }",
        "terminates block in single-block region but is not a terminator",
    ),
]


@pytest.mark.parametrize(("lines", "message"), INVALID)
def test_verifiers(lines: str, message: str):
    with pytest.raises(VerifyException, match=message):
        parse_body(lines).verify()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("%a = plena.s_addi_int %zero : (!plena.gp<gp0>) -> !plena.gp", "before 'value'"),
        ("%a = plena.s_addi_int 4, %zero : (!plena.gp<gp0>) -> !plena.gp", "the register 'src'"),
        ("%a = plena.s_addi_int %zero, 1 : () -> !plena.gp", "function type with 1 inputs"),
        ("%a = plena.s_addi_int %zero, 1 : !plena.gp", "function type with 1 inputs"),
        ("%a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.gp<gp16>", "gp0 to gp15"),
        ("%a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.gp<gp_virtual1>", "gp0 to gp15"),
    ],
)
def test_parse_errors(lines: str, message: str):
    with pytest.raises((ParseError, VerifyException), match=message):
        parse_body(lines).verify()


def test_kernel_verifier():
    with pytest.raises(VerifyException, match="a kernel has no arguments"):
        plena.KernelOp("k", Region(Block(arg_types=[plena.GPType.unallocated()]))).verify()
    with pytest.raises(VerifyException, match="a kernel has no attribute int_mem_used"):
        parse("plena.kernel @k attributes {int_mem_used = 1 : i64} {}").verify()


def test_entries_in_use():
    (kernel,) = parse("plena.kernel @k attributes {plena.int_mem_used = 2 : i64} {}").ops
    assert isinstance(kernel, plena.KernelOp)
    assert kernel.int_mem_used == 2
    kernel.attributes["plena.int_mem_used"] = StringAttr("x")
    with pytest.raises(OpError, match="int_mem_used must be an integer of at least 0"):
        _ = kernel.int_mem_used


def run(pass_class: type[ModulePass], module: ModuleOp) -> str:
    pass_class().apply(context(), module)
    module.verify()
    return str(module)


UPSTREAM = [CommonSubexpressionElimination, DeadCodeElimination, CanonicalizePass]


def test_cse_before_allocation():
    module = parse_body(
        """
        %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
        plena.v_exp_v %a, %a, 0 : (!plena.gp, !plena.gp) -> ()
        %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
        %m = plena.v_red_max %f0, %a, 0 : (!plena.fp<f0>, !plena.gp) -> !plena.fp
        %n = plena.v_red_max %f0, %b, 0 : (!plena.fp<f0>, !plena.gp) -> !plena.fp
        plena.v_mul_vf %a, %b, %m, 0 : (!plena.gp, !plena.gp, !plena.fp) -> ()
        %o = plena.v_red_max %f0, %b, 0 : (!plena.fp<f0>, !plena.gp) -> !plena.fp
        plena.v_mul_vf %a, %b, %n, 0 : (!plena.gp, !plena.gp, !plena.fp) -> ()
        plena.v_mul_vf %a, %b, %o, 0 : (!plena.gp, !plena.gp, !plena.fp) -> ()
        %c = plena.copy %a : (!plena.gp) -> !plena.gp
        %d = plena.copy %a : (!plena.gp) -> !plena.gp
        plena.v_exp_v %c, %d, 0 : (!plena.gp, !plena.gp) -> ()
        """
    )
    text = run(CommonSubexpressionElimination, module)
    assert text.count("s_addi_int") == 1
    assert text.count("v_red_max") == 2, "merged where nothing is written between, kept where so"
    assert text.count("plena.copy") == 2
    assert text.count("v_mul_vf") == 3


def test_dce_before_allocation():
    module = parse_body(
        """
        %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
        %c = plena.copy %zero : (!plena.gp<gp0>) -> !plena.gp
        %m = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp
        plena.c_set_stride_reg %zero : (!plena.gp<gp0>) -> ()
        plena.m_mm %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
        plena.loop 2 (%i : !plena.gp) {
          %b = plena.s_addi_int %i, 64 : (!plena.gp) -> !plena.gp
          plena.yield %i : !plena.gp
        }
        plena.loop 3 (%i : !plena.gp) {
          plena.m_mm %i, %zero : (!plena.gp, !plena.gp<gp0>) -> ()
          plena.yield %i : !plena.gp
        }
        """
    )
    text = run(DeadCodeElimination, module)
    for gone in ("s_addi_int", "plena.copy", "s_ld_fp", "plena.loop 2"):
        assert gone not in text
    for kept in ("c_set_stride_reg", "m_mm", "plena.loop 3", "plena.kernel"):
        assert kept in text


@pytest.mark.parametrize("upstream", UPSTREAM)
def test_allocated_code_is_left_alone(upstream: type[ModulePass]):
    module = parse_body(
        """
        %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
        %a2 = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
        %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp2>
        %s = plena.spill %a2 : (!plena.gp<gp1>) -> !plena.slot<slot3>
        %r = plena.reload %s : (!plena.slot<slot3>) -> !plena.gp<gp1>
        %r2 = plena.reload %s : (!plena.slot<slot3>) -> !plena.gp<gp1>
        plena.loop 2 (%i : !plena.gp<gp4>) {
          plena.yield %i : !plena.gp<gp4>
        }
        plena.v_exp_v %r2, %b, 0 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
        """
    )
    text = run(upstream, module)
    for mnemonic, count in (("s_addi_int", 3), ("spill", 1), ("reload", 2), ("loop", 1)):
        assert text.count(f"plena.{mnemonic}") == count

"""Kernels as text and as words."""

from __future__ import annotations

import random
from io import StringIO

import pytest
from fa.diagnostics import OpError
from fa.dialects import plena
from fa.lowering.assembly import PlenaAsmTarget, PlenaMemTarget, assembly
from fa.lowering.registers.allocate import allocate_registers
from fa.machine.program.assembler import assemble_lines
from fa.machine.program.mem_file import read_mem
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, ModuleOp, StringAttr
from xdsl.utils.target import Target

from .programs import INT_USED, Generator, context, parse_kernel, run_ssa, run_text

KERNEL = """
    %row = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
    %end, %sum = plena.loop 16 (%i : !plena.gp<gp2>, %r = %row : !plena.gp<gp1>,
                                %s = %init : !plena.fp<f3>) {
      plena.m_mm %r, %i : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
      plena.m_mm_wo %r, %zero, 4 : (!plena.gp<gp1>, !plena.gp<gp0>) -> ()
      plena.v_sub_vf %r, %r, %s, 0, 1 : (!plena.gp<gp1>, !plena.gp<gp1>, !plena.fp<f3>) -> ()
      plena.v_add_vv %r, %r, %r, 1 : (!plena.gp<gp1>, !plena.gp<gp1>, !plena.gp<gp1>) -> ()
      plena.v_add_vv %r, %r, %r, 0 : (!plena.gp<gp1>, !plena.gp<gp1>, !plena.gp<gp1>) -> ()
      %t = plena.v_red_sum %s, %r, 0 : (!plena.fp<f3>, !plena.gp<gp1>) -> !plena.fp<f3>
      %u = plena.v_red_max %t, %r, 0 : (!plena.fp<f3>, !plena.gp<gp1>) -> !plena.fp<f3>
      %n = plena.s_addi_int %r, 64 : (!plena.gp<gp1>) -> !plena.gp<gp1>
      plena.yield %i, %n, %u : !plena.gp<gp2>, !plena.gp<gp1>, !plena.fp<f3>
    }
    %c = plena.copy %end : (!plena.gp<gp1>) -> !plena.gp<gp5>
    %d = plena.copy %sum : (!plena.fp<f3>) -> !plena.fp<f4>
    %p = plena.spill %c : (!plena.gp<gp5>) -> !plena.slot<slot12>
    %q = plena.reload %p : (!plena.slot<slot12>) -> !plena.gp<gp6>
    %a = plena.c_set_addr_reg %zero, %q : (!plena.gp<gp0>, !plena.gp<gp6>) -> !plena.addr<a7>
    plena.h_store_v %q, %zero, %a, 1, 0 : (!plena.gp<gp6>, !plena.gp<gp0>, !plena.addr<a7>) -> ()
"""
TEXT = """\
S_LD_FP f3, gp0, 2
S_ADDI_INT gp1, gp0, 64
C_LOOP_START gp2, 16
  M_MM 0, gp1, gp2
  M_MM_WO gp1, gp0, 4
  V_SUB_VF gp1, gp1, f3, 0, 1
  V_ADD_VV gp1, gp1, gp1, 1
  V_ADD_VV gp1, gp1, gp1
  V_RED_SUM f3, gp1
  V_RED_MAX f3, gp1, 0
  S_ADDI_INT gp1, gp1, 64
C_LOOP_END gp2
S_ADDI_INT gp5, gp1, 0
S_MAX_FP f4, f3, f3
S_ST_INT gp5, gp0, 12
S_LD_INT gp6, gp0, 12
C_SET_ADDR_REG a7, gp0, gp6
H_STORE_V gp6, gp0, a7, 1, 0
"""


def emit(target: Target, module: ModuleOp) -> str:
    output = StringIO()
    target.emit(context(), module, output)
    return output.getvalue()


def kernel_module() -> tuple[ModuleOp, plena.KernelOp]:
    init = "%init = plena.s_ld_fp %zero, 2 : (!plena.gp<gp0>) -> !plena.fp<f3>"
    return parse_kernel(init + KERNEL)


def test_text_and_words():
    module, _ = kernel_module()
    assert emit(PlenaAsmTarget(), module) == TEXT
    words = [word for word, _ in assemble_lines(TEXT)]
    assert read_mem(emit(PlenaMemTarget(), module)) == words


def test_comments():
    module, kernel = kernel_module()
    first = kernel.body.block.first_op
    while not isinstance(first, plena.Instruction):
        assert first is not None
        first = first.next_op
    first.location = FileLineColLoc(StringAttr("k.mlir"), IntAttr(3), IntAttr(1))
    first.attributes["plena.comment"] = StringAttr("the running\nsum")
    text = emit(PlenaAsmTarget(comments=True), module)
    lines = text.splitlines()
    assert lines[0].split(" ; ") == [
        "S_LD_FP f3, gp0, 2".ljust(40),
        "%init from %zero, the running sum, k.mlir:3",
    ]
    assert "; %i %r %s from %row %init" in lines[2]
    assert assemble_lines(text) == assemble_lines(TEXT)


@pytest.mark.parametrize("seed", range(20))
def test_random_kernels_assemble_as_published(seed: int):
    source = random.Random(seed)
    kernel = Generator(source.randrange, 60, 8).kernel()
    allocate_registers(kernel, 1024)
    text = assembly(kernel)
    assert assemble_lines(text) == assemble_lines(text, compat=True)
    assert run_text(assembly(kernel, comments=True)) == run_text(text)


@pytest.mark.parametrize("seed", range(10))
def test_random_kernels_on_the_simulator(seed: int):
    from fa.machine import Machine, Simulator, assemble

    source = random.Random(seed)
    kernel = Generator(source.randrange, 100, 20, events=False).kernel()
    trace = run_ssa(kernel)
    allocate_registers(kernel, 1024)
    simulator = Simulator(Machine.load("plena-64"))
    memory = [1000 + n for n in range(INT_USED)]
    simulator.int[:INT_USED] = memory
    simulator.run(assemble(assembly(kernel)))
    for event in trace:
        if event[0] == "S_ST_INT":
            _, address, value = event
            assert isinstance(address, int)
            memory[address] = value
    assert list(simulator.int[:INT_USED]) == memory


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "plena.v_exp_v %zero, %zero, 1 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()",
            "'rmask' of V_EXP_V must be 0: the published assembler encodes it where",
        ),
        (
            "plena.v_reci_v %zero, %zero, 1 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()",
            "'rmask' of V_RECI_V must be 0",
        ),
        ("plena.m_bmm_wo %zero, 16 : (!plena.gp<gp0>) -> ()", "'offset' of M_BMM_WO must be 0"),
        ("plena.m_mv_wo %zero, 16 : (!plena.gp<gp0>) -> ()", "'offset' of M_MV_WO must be 0"),
        (
            "%a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp",
            "%a has no register; run allocate-registers first",
        ),
        (
            "plena.loop 2 (%i : !plena.gp) { plena.yield %i : !plena.gp }",
            "%i has no register",
        ),
    ],
)
def test_refuses(line: str, message: str):
    module, _ = parse_kernel(line)
    with pytest.raises(OpError, match=message):
        emit(PlenaAsmTarget(), module)


def test_refuses_reduction_masks():
    for mnemonic in ("v_red_sum", "v_red_max"):
        module, _ = parse_kernel(f"""
            %s = plena.s_ld_fp %zero, 2 : (!plena.gp<gp0>) -> !plena.fp<f3>
            %t = plena.{mnemonic} %s, %zero, 1 : (!plena.fp<f3>, !plena.gp<gp0>) -> !plena.fp<f3>
            """)
        with pytest.raises(OpError, match=r"'rmask' of V_RED_... must be 0"):
            emit(PlenaMemTarget(), module)


def test_one_kernel():
    with pytest.raises(OpError, match=r"no plena.kernel; run lower-to-isa first"):
        emit(PlenaAsmTarget(), ModuleOp([]))
    module = ModuleOp([plena.KernelOp("a"), plena.KernelOp("b")])
    with pytest.raises(OpError, match="this is a second one"):
        emit(PlenaMemTarget(), module)

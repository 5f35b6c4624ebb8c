"""The register checker: it accepts what is right, and nothing that runs differently."""

from __future__ import annotations

import random

import pytest
from fa.diagnostics import OpError
from fa.dialects import plena
from fa.lowering.assembly import assembly
from fa.lowering.registers.allocate import allocate_registers
from fa.lowering.registers.verify import VerifyRegisters, check_registers
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import VerifyException

from ..programs import Endless, Generator, context, parse_kernel, run_ssa, run_text

GP1, GP2, GP3 = "!plena.gp<gp1>", "!plena.gp<gp2>", "!plena.gp<gp3>"


def test_accepts_and_changes_nothing():
    module, kernel = parse_kernel(f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        %b = plena.s_addi_int %a, 1 : ({GP1}) -> {GP1}
        %x = plena.loop 3 (%i : {GP2}, %p = %b : {GP1}) {{
          %n = plena.s_addi_int %p, 1 : ({GP1}) -> {GP1}
          plena.yield %i, %n : {GP2}, {GP1}
        }}
        %s = plena.spill %x : ({GP1}) -> !plena.slot<slot9>
        %r = plena.reload %s : (!plena.slot<slot9>) -> {GP3}
        plena.s_st_int %r, %zero, 0 : ({GP3}, !plena.gp<gp0>) -> ()
        """)
    before = str(module)
    VerifyRegisters().apply(context(), module)
    assert str(module) == before
    assert kernel


WRONG = [
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> {GP1}
        %c = plena.s_addi_int %a, 2 : ({GP1}) -> {GP1}
        """,
        r"%a \(result of plena.s_addi_int\) is expected in gp1, which holds %b",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        plena.loop 3 (%i : {GP2}) {{
          plena.s_st_int %a, %zero, 0 : ({GP1}, !plena.gp<gp0>) -> ()
          %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> {GP1}
          plena.yield %i : {GP2}
        }}
        """,
        "%a .* is expected in gp1, which holds something else from the second iteration on",
    ),
    (
        f"""
        plena.loop 3 (%i : {GP2}) {{
          %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> {GP2}
          plena.yield %i : {GP2}
        }}
        """,
        r"%i \(the counter of a loop\) is expected in gp2, which holds %b",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP2}
        plena.loop 3 (%i : {GP2}) {{
          plena.yield %i : {GP2}
        }}
        plena.s_st_int %a, %zero, 0 : ({GP2}, !plena.gp<gp0>) -> ()
        """,
        "gp2, which holds the spent counter of a loop over 3 iterations",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP2}
        %x = plena.loop 3 (%i : {GP2}, %p = %a : {GP2}) {{
          plena.yield %i, %p : {GP2}, {GP2}
        }}
        """,
        "two values that the loop carries share a register",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        %b = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP3}
        %x, %y = plena.loop 3 (%i : {GP2}, %p = %a : {GP1}, %q = %b : {GP3}) {{
          plena.yield %i, %q, %p : {GP2}, {GP3}, {GP1}
        }}
        """,
        "needs one register in both places",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        %s = plena.spill %a : ({GP1}) -> !plena.slot<slot9>
        %t = plena.spill %a : ({GP1}) -> !plena.slot<slot9>
        %r = plena.reload %s : (!plena.slot<slot9>) -> {GP3}
        """,
        r"%s \(result of plena.spill\) is expected in slot9, which holds %t",
    ),
    (
        "%a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp",
        "%a .* has no register; run allocate-registers first",
    ),
    (
        f"""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> {GP1}
        %s = plena.spill %a : ({GP1}) -> !plena.slot<slot7>
        """,
        "%s .* is in slot7, but the first 8 entries of INT_MEM hold the program's own data",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG)
def test_rejects(body: str, message: str):
    with pytest.raises((OpError, VerifyException), match=message):
        check_registers(parse_kernel(body)[1])


def test_rejects_a_value_from_a_zero_register():
    _, kernel = parse_kernel("plena.c_set_stride_reg %zero : (!plena.gp<gp0>) -> ()")
    use = kernel.body.block.last_op
    assert use is not None
    other = plena.instruction("S_ADDI_INT", use.operands[0], 1, register=plena.GPType.register(0))
    kernel.body.block.insert_op_before(other, use)
    with pytest.raises(OpError, match="writes gp0, which is reserved"):
        check_registers(kernel)


def mutate(kernel: plena.KernelOp, source: random.Random) -> bool:
    """Break the allocation in one place; False if the kernel has no such place."""
    values: list[SSAValue] = []
    for op in kernel.walk():
        if isinstance(op, plena.Emitting):
            values += op.results
        elif isinstance(op, plena.LoopOp):
            values += [op.counter]
    kind = source.randrange(3)
    if kind == 0 and values:
        value = source.choice(values)
        bank = plena.bank(value)
        registers = bank.allocatable_registers()[:20]
        Rewriter.replace_value_with_new_type(value, source.choice(registers))
        return True
    reloads = [op for op in kernel.walk() if isinstance(op, plena.ReloadOp)]
    if kind == 1 and reloads:
        reload = source.choice(reloads)
        spill = reload.source.owner
        if isinstance(spill, plena.SpillOp):
            reload.result.replace_all_uses_with(spill.source)
            return True
    copies = [op for op in kernel.walk() if isinstance(op, plena.CopyOp)]
    if copies:
        copy = source.choice(copies)
        copy.result.replace_all_uses_with(copy.source)
        return True
    return False


def test_no_mutant_that_runs_differently_is_accepted():
    rejected = accepted = different = 0
    for seed in range(400):
        source = random.Random(seed)
        kernel = Generator(source.randrange, source.choice([15, 40]), 8).kernel()
        expected = run_ssa(kernel)
        allocate_registers(kernel, 1024)
        if not mutate(kernel, source):
            continue
        try:
            kernel.verify()
            check_registers(kernel)
        except (OpError, VerifyException):
            rejected += 1
            try:
                different += run_text(assembly(kernel), 20_000)[0] != expected
            except (AssertionError, KeyError, ValueError, OpError, Endless):
                different += 1
            continue
        accepted += 1
        assert run_text(assembly(kernel))[0] == expected, f"seed {seed}"
    assert rejected > 200
    assert different > 100, "the mutations hardly break anything, so this shows nothing"
    assert accepted > 0, "moving a value to a free register is no error"

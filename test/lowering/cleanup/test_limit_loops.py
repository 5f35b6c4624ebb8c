"""Counting the instructions of loop iterations, and unrolling loops that execute too many."""

from __future__ import annotations

import random

import pytest
from fa.diagnostics import OpError
from fa.dialects import plena
from fa.lowering.assembly import assembly
from fa.lowering.cleanup.limit_loops import (
    LimitLoops,
    check_loop_limit,
    emitted,
    executed,
    executed_per_iteration,
    limit_loops,
)
from fa.lowering.registers.allocate import allocate_registers
from fa.lowering.registers.verify import check_registers
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr

from ..programs import Generator, context, parse_kernel, run_ssa, run_text

NEST = """
    %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
    %x = plena.loop 3 (%i : !plena.gp, %p = %a : !plena.gp) {
      %y = plena.loop 4 (%j : !plena.gp, %q = %p : !plena.gp) {
        %n = plena.s_add_int %q, %i : (!plena.gp, !plena.gp) -> !plena.gp
        plena.s_st_int %n, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
        plena.yield %j, %n : !plena.gp, !plena.gp
      }
      plena.s_st_int %y, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
      plena.yield %i, %y : !plena.gp, !plena.gp
    }
    plena.s_st_int %x, %zero, 2 : (!plena.gp, !plena.gp<gp0>) -> ()
"""


def loops(kernel: plena.KernelOp) -> list[plena.LoopOp]:
    return [op for op in kernel.walk() if isinstance(op, plena.LoopOp)]


def test_counts():
    _, kernel = parse_kernel(NEST)
    outer, inner = loops(kernel)
    assert executed_per_iteration(inner) == 2 + 1
    assert executed_per_iteration(outer) == (1 + 4 * 3) + 1 + 1
    assert executed(kernel.body.block) == 1 + (1 + 3 * 15) + 1
    assert emitted(kernel.body.block) == 1 + 2 + 2 + 2 + 1 + 1


@pytest.mark.parametrize("seed", range(30))
def test_counts_are_what_the_machine_counts(seed: int):
    source = random.Random(seed)
    kernel = Generator(source.randrange, 40, 4).kernel()
    allocate_registers(kernel, 1024)
    _, most = run_text(assembly(kernel))
    assert most == max(map(executed_per_iteration, loops(kernel)), default=0)


def test_check():
    _, kernel = parse_kernel(NEST)
    check_loop_limit(kernel, 15)
    with pytest.raises(OpError, match="executes 15 instructions, and the machine allows 14"):
        check_loop_limit(kernel, 14)


@pytest.mark.parametrize(("limit", "left"), [(15, [3, 4]), (14, [4, 4, 4]), (3, [4] * 3), (2, [])])
def test_unrolls_as_little_as_needed(limit: int, left: list[int]):
    _, kernel = parse_kernel(NEST)
    expected = run_ssa(kernel)
    done = limit_loops(kernel, limit)
    kernel.verify()
    assert [loop.iterations for loop in loops(kernel)] == left
    assert run_ssa(kernel) == expected
    assert [entry.iterations for entry in done] == [4, 3][2 - len(done) :] if done else not done
    check_loop_limit(kernel, limit)
    allocate_registers(kernel)
    assert run_text(assembly(kernel))[0] == expected


@pytest.mark.parametrize("allocated", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_random_kernels(seed: int, allocated: bool):
    source = random.Random(seed)
    kernel = Generator(source.randrange, 40, 8).kernel()
    expected = run_ssa(kernel)
    if allocated:
        allocate_registers(kernel, 1024)
    largest = max(map(executed_per_iteration, loops(kernel)), default=1)
    limit = source.randrange(1, largest + 1)
    before = [executed_per_iteration(loop) for loop in loops(kernel)]
    done = limit_loops(kernel, limit)
    kernel.verify()
    check_loop_limit(kernel, limit)
    assert len(done) == sum(count > limit for count in before)
    if allocated:
        check_registers(kernel)
    else:
        allocate_registers(kernel, 1024)
    assert run_text(assembly(kernel))[0] == expected


def test_counter_beyond_the_immediate():
    _, kernel = parse_kernel("""
        plena.loop 262145 (%i : !plena.gp<gp4>) {
          plena.s_st_int %i, %zero, 0 : (!plena.gp<gp4>, !plena.gp<gp0>) -> ()
          plena.yield %i : !plena.gp<gp4>
        }""")
    (loop,) = loops(kernel)
    loop.properties["count"] = plena.integer(2)
    limit_loops(kernel, 1)
    assert assembly(kernel).splitlines()[:2] == ["S_ADDI_INT gp4, gp0, 2", "S_ST_INT gp4, gp0, 0"]
    ops = plena.constant(plena.zero_register().result, 262145, None, plena.GPType.register(4))
    assert [op.assembly() for op in ops] == [
        ("S_LUI_INT", ("gp4", "64")),
        ("S_ADDI_INT", ("gp4", "gp4", "1")),
    ]


def test_pass_records_what_it_unrolled():
    module, kernel = parse_kernel(NEST)
    loops(kernel)[0].location = FileLineColLoc(StringAttr("a.mlir"), IntAttr(7), IntAttr(1))
    LimitLoops(max_instructions=14).apply(context(), module)
    expected = "plena.unrolled_loops = [{iterations = 3 : i64, instructions = 15 : i64}]"
    assert expected in str(module)
    LimitLoops(max_instructions=2).apply(context(), module)
    assert str(module).count("iterations = ") == 4, "what was recorded stays"
    _, kernel = parse_kernel(NEST)
    loops(kernel)[0].location = FileLineColLoc(StringAttr("a.mlir"), IntAttr(7), IntAttr(1))
    (entry,) = limit_loops(kernel, 14)
    assert entry.remark == (
        "a.mlir:7: loop of 3 iterations unrolled: one executes 15 instructions, "
        "and the machine allows 14"
    )


def test_nothing_to_do():
    module, kernel = parse_kernel(NEST)
    before = str(module)
    LimitLoops().apply(context(), module)
    assert str(module) == before
    assert limit_loops(kernel, 15) == []

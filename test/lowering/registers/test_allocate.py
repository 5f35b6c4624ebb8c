"""Register allocation: kernels run the same before and after, and the checker agrees."""

from __future__ import annotations

import random

import pytest
from fa.diagnostics import OpError
from fa.dialects import plena
from fa.lowering.assembly import assembly
from fa.lowering.registers.allocate import AllocateRegisters, allocate_registers
from fa.lowering.registers.verify import check_registers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination
from xdsl.transforms.dead_code_elimination import DeadCodeElimination

from ..programs import Generator, context, parse_kernel, run_ssa, run_text


def allocate_and_compare(kernel: plena.KernelOp, int_slots: int = 1024) -> None:
    """Allocate registers, and compare the trace of the assembly with that of the SSA values."""
    kernel.verify()
    expected = run_ssa(kernel)
    allocate_registers(kernel, int_slots)
    kernel.verify()
    check_registers(kernel)
    assert run_ssa(kernel) == expected
    assert run_text(assembly(kernel))[0] == expected


def ops(kernel: plena.KernelOp, kind: type[Operation]) -> list[Operation]:
    return [op for op in kernel.walk() if isinstance(op, kind)]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_small_random_kernels(data: st.DataObject):
    def draw(below: int) -> int:
        return data.draw(st.integers(0, below - 1))

    allocate_and_compare(Generator(draw, size=8, pressure=4).kernel())


@pytest.mark.parametrize("seed", range(40))
def test_random_kernels(seed: int):
    source = random.Random(seed)
    size, pressure = source.choice([20, 40, 100]), source.choice([1, 8, 60])
    allocate_and_compare(Generator(source.randrange, size, pressure).kernel())


def test_long_kernel():
    source = random.Random(1)
    allocate_and_compare(Generator(source.randrange, 2000, 2, window=6).kernel())


def test_swap_goes_through_a_temporary():
    _, kernel = parse_kernel("""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
        %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
        %c = plena.s_addi_int %zero, 3 : (!plena.gp<gp0>) -> !plena.gp
        %x, %y, %z = plena.loop 5 (%i : !plena.gp, %p = %a : !plena.gp, %q = %b : !plena.gp,
                                   %r = %c : !plena.gp) {
          plena.s_st_int %p, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
          plena.yield %i, %q, %r, %p : !plena.gp, !plena.gp, !plena.gp, !plena.gp
        }
        plena.s_st_int %x, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
        plena.s_st_int %y, %zero, 2 : (!plena.gp, !plena.gp<gp0>) -> ()
        plena.s_st_int %z, %zero, 3 : (!plena.gp, !plena.gp<gp0>) -> ()
        """)
    allocate_and_compare(kernel)
    assert len(ops(kernel, plena.CopyOp)) == 4, "a circle of three takes one temporary"


def test_inits_live_on_and_repeat():
    _, kernel = parse_kernel("""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
        %x, %y, %z = plena.loop 3 (%i : !plena.gp, %p = %a : !plena.gp, %q = %a : !plena.gp,
                                   %r = %zero : !plena.gp<gp0> to !plena.gp) {
          %n = plena.s_add_int %p, %i : (!plena.gp, !plena.gp) -> !plena.gp
          plena.s_st_int %a, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
          plena.yield %i, %n, %n, %a : !plena.gp, !plena.gp, !plena.gp, !plena.gp
        }
        %s = plena.s_add_int %x, %y : (!plena.gp, !plena.gp) -> !plena.gp
        %t = plena.s_add_int %s, %z : (!plena.gp, !plena.gp) -> !plena.gp
        %u = plena.s_add_int %t, %a : (!plena.gp, !plena.gp) -> !plena.gp
        plena.s_st_int %u, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
        """)
    allocate_and_compare(kernel)


def test_reductions_overwrite_a_copy_of_what_is_read_again():
    _, kernel = parse_kernel("""
        %m = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp
        %a = plena.v_red_max %m, %zero, 0 : (!plena.fp, !plena.gp<gp0>) -> !plena.fp
        %b = plena.v_red_sum %m, %zero, 0 : (!plena.fp, !plena.gp<gp0>) -> !plena.fp
        %c = plena.v_red_sum %f0, %zero, 0 : (!plena.fp<f0>, !plena.gp<gp0>) -> !plena.fp
        plena.s_st_fp %a, %zero, 1 : (!plena.fp, !plena.gp<gp0>) -> ()
        plena.s_st_fp %b, %zero, 2 : (!plena.fp, !plena.gp<gp0>) -> ()
        plena.s_st_fp %c, %zero, 3 : (!plena.fp, !plena.gp<gp0>) -> ()
        """)
    allocate_and_compare(kernel)
    text = assembly(kernel)
    assert text.count("S_MAX_FP") == 2, "one to keep %m, one because f0 cannot be written"
    assert "V_RED_SUM f0" not in text


def test_needless_copies_disappear():
    _, kernel = parse_kernel("""
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
        %b = plena.copy %a : (!plena.gp) -> !plena.gp
        %x = plena.loop 3 (%i : !plena.gp, %p = %b : !plena.gp) {
          %n = plena.s_addi_int %p, 1 : (!plena.gp) -> !plena.gp
          %m = plena.copy %n : (!plena.gp) -> !plena.gp
          plena.yield %i, %m : !plena.gp, !plena.gp
        }
        plena.s_st_int %x, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
        """)
    allocate_and_compare(kernel)
    assert not ops(kernel, plena.CopyOp)


def sum_of(values: list[str], indent: str = "") -> str:
    """Lines that add `values` up and store the sum, so that all are live before."""
    lines, total = [], "%zero"
    for number, value in enumerate(values):
        first = "!plena.gp<gp0>" if total == "%zero" else "!plena.gp"
        name = f"%sum{len(values)}_{number}"
        lines.append(
            f"{indent}{name} = plena.s_add_int {total}, {value} : ({first}, !plena.gp) -> !plena.gp"
        )
        total = name
    lines.append(f"{indent}plena.s_st_int {total}, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()")
    return "\n".join(lines)


def test_constants_are_computed_again_rather_than_spilled():
    many = [f"%c{n}" for n in range(30)]
    constants = [
        f"{name} = plena.s_addi_int %zero, {n} : (!plena.gp<gp0>) -> !plena.gp"
        for n, name in enumerate(many)
    ]
    _, kernel = parse_kernel("\n".join([*constants, sum_of(many)]))
    allocate_and_compare(kernel)
    assert not ops(kernel, plena.SpillOp)
    assert not ops(kernel, plena.ReloadOp)


def loads(names: list[str]) -> str:
    """Values that cannot be computed again."""
    return "\n".join(
        f"{name} = plena.s_ld_int %zero, {n % 8} : (!plena.gp<gp0>) -> !plena.gp"
        for n, name in enumerate(names)
    )


def test_spilled_values_are_stored_once():
    many = [f"%v{n}" for n in range(20)]
    module, kernel = parse_kernel(loads(many) + sum_of(many) + sum_of([*many, many[0]]))
    AllocateRegisters(int_slots=32).apply(context(), module)
    check_registers(kernel)
    spills = ops(kernel, plena.SpillOp)
    assert 5 <= len(spills) <= 7
    slots = {plena.register_type(op.results[0]).number for op in spills}
    assert min(number or 0 for number in slots) == 8, "slots come after the constants"
    assert "S_ST_INT" in assembly(kernel)


def test_reloads_stay_out_of_inner_loops():
    many = [f"%v{n}" for n in range(15)]
    _, kernel = parse_kernel(f"""
        {loads(["%base", *many])}
        {sum_of(many)}
        plena.loop 100 (%i : !plena.gp) {{
          plena.v_exp_v %base, %base, 0 : (!plena.gp, !plena.gp) -> ()
          plena.yield %i : !plena.gp
        }}
        """)
    allocate_and_compare(kernel)
    assert ops(kernel, plena.SpillOp)
    (loop,) = ops(kernel, plena.LoopOp)
    assert len(list(loop.regions[0].walk())) == 2, "nothing was added to the loop"


def test_constants_are_made_inside_a_loop_that_has_no_room():
    """They gave way to what is live in front of the loop; in it they give way to its pointer."""
    constants, values = [f"%c{n}" for n in range(14)], [f"%v{n}" for n in range(15)]
    made = "\n".join(
        f"{name} = plena.s_addi_int %zero, {n} : (!plena.gp<gp0>) -> !plena.gp"
        for n, name in enumerate(constants)
    )
    use = "plena.v_add_vv %p, %p, {0}, 0 : (!plena.gp, !plena.gp, !plena.gp) -> ()\n"
    _, kernel = parse_kernel(f"""
        {made}
        {loads(values)}
        {sum_of(values)}
        %start = plena.s_ld_int %zero, 3 : (!plena.gp<gp0>) -> !plena.gp
        %end = plena.loop 100 (%i : !plena.gp, %p = %start : !plena.gp) {{
          {"".join(use.format(name) for name in constants)}
          %next = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
          plena.yield %i, %next : !plena.gp, !plena.gp
        }}
        """)
    allocate_and_compare(kernel)
    (loop,) = ops(kernel, plena.LoopOp)
    inside = list(loop.regions[0].walk())
    assert not any(isinstance(op, plena.ReloadOp | plena.SpillOp) for op in inside)
    assert len(inside) <= 14 + 2 + 4


def test_counters_and_carried_values_are_spilled():
    outer = [f"%p{n}" for n in range(16)]
    carried = ", ".join(f"{name} = %v{n} : !plena.gp" for n, name in enumerate(outer))
    types = ", ".join(["!plena.gp"] * 17)
    results = ", ".join(f"%r{n}" for n in range(16))
    _, kernel = parse_kernel(f"""
        {loads([f"%v{n}" for n in range(16)])}
        {results} = plena.loop 4 (%i : !plena.gp, {carried}) {{
          {sum_of(outer)}
          {sum_of([*outer, "%i"])}
          plena.yield %i, {", ".join([*outer[1:], outer[0]])} : {types}
        }}
        {sum_of([*(f"%r{n}" for n in range(16)), "%r3", "%r5"])}
        """)
    allocate_and_compare(kernel)
    (loop,) = ops(kernel, plena.LoopOp)
    banks = {type(argument.type) for argument in loop.regions[0].block.args[1:]}
    assert plena.SlotType in banks


def test_nested_counters_are_spilled():
    depth = 18
    opening = "".join(f"plena.loop 2 (%i{n} : !plena.gp) {{\n" for n in range(depth))
    store = "plena.s_st_int {0}, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()\n"
    closing = "".join(
        f"{store.format(f'%i{n}')}plena.yield %i{n} : !plena.gp\n}}\n"
        for n in reversed(range(depth))
    )
    _, kernel = parse_kernel(opening + store.format("%i0") + closing)
    allocate_registers(kernel)
    kernel.verify()
    check_registers(kernel)
    assert 3 <= len(ops(kernel, plena.SpillOp)) <= 6


def test_given_registers_are_kept():
    _, kernel = parse_kernel(
        """
        %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
        %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp<gp1>
        %c = plena.s_addi_int %zero, 3 : (!plena.gp<gp0>) -> !plena.gp<gp9>
        %x = plena.loop 3 (%i : !plena.gp<gp2>, %p = %b : !plena.gp<gp1> to !plena.gp<gp5>) {
          %n = plena.s_add_int %p, %b : (!plena.gp<gp5>, !plena.gp<gp1>) -> !plena.gp
          plena.yield %i, %n : !plena.gp<gp2>, !plena.gp
        }
        %s = plena.s_add_int %a, %b : (!plena.gp, !plena.gp<gp1>) -> !plena.gp
        %t = plena.s_add_int %s, %c : (!plena.gp, !plena.gp<gp9>) -> !plena.gp
        %u = plena.s_add_int %t, %x : (!plena.gp, !plena.gp<gp5>) -> !plena.gp
        plena.s_st_int %u, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
        """.replace("%b : !plena.gp<gp1> to !plena.gp<gp5>", "%a : !plena.gp to !plena.gp<gp5>")
    )
    allocate_and_compare(kernel)
    text = assembly(kernel)
    for line in ("S_ADDI_INT gp1, gp0, 2", "S_ADDI_INT gp9, gp0, 3", "C_LOOP_START gp2, 3"):
        assert line in text
    assert "S_ADD_INT gp5, gp5, gp1" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            """
            %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp3>
            %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp<gp3>
            %c = plena.s_add_int %a, %b : (!plena.gp<gp3>, !plena.gp<gp3>) -> !plena.gp
            """,
            "gp3 is given to a value while it holds another",
        ),
        (
            "\n".join(
                f"%f{n + 1} = plena.s_ld_fp %zero, {n} : (!plena.gp<gp0>) -> !plena.fp"
                for n in range(9)
            )
            + "\n".join(
                f"\nplena.s_st_fp %f{n + 1}, %zero, 0 : (!plena.fp, !plena.gp<gp0>) -> ()"
                for n in range(9)
            ),
            "9 float registers are needed at once here; the machine has 7",
        ),
        (
            "\n".join(
                f"%a{n} = plena.c_set_addr_reg %zero, %zero : "
                "(!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr"
                for n in range(9)
            )
            + "\n".join(
                f"\nplena.h_store_v %zero, %zero, %a{n}, 0, 0 : "
                "(!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()"
                for n in range(9)
            ),
            "9 address registers are needed at once here; the machine has 8",
        ),
        (
            "\n".join(
                f"%g{n} = plena.s_ld_int %zero, {n} : (!plena.gp<gp0>) -> !plena.gp<gp{n + 1}>"
                for n in range(15)
            )
            + "\n%x = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp\n"
            + "plena.s_st_int %x, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()\n"
            + "\n".join(
                f"plena.s_st_int %g{n}, %zero, 0 : (!plena.gp<gp{n + 1}>, !plena.gp<gp0>) -> ()"
                for n in range(15)
            ),
            "16 integer registers are needed at once here and none of the values can be kept",
        ),
    ],
)
def test_errors(body: str, message: str):
    _, kernel = parse_kernel(body)
    with pytest.raises(OpError, match=message):
        allocate_registers(kernel)


def test_error_when_slots_do_not_suffice():
    many = [f"%v{n}" for n in range(50)]
    _, kernel = parse_kernel(loads(many) + sum_of(many))
    message = (
        r"spilled integers need 3\d entries of INT_MEM; of 32 that the program may use, 8 hold "
        "constants, which leaves 24"
    )
    with pytest.raises(OpError, match=message) as caught:
        allocate_registers(kernel)
    assert caught.value.op is kernel


def test_refuses_what_is_no_machine_operation():
    module, kernel = parse_kernel("")
    kernel.body.block.add_op(plena.KernelOp("inner"))
    with pytest.raises(OpError, match=r"plena.kernel is not an operation of the machine"):
        allocate_registers(kernel)
    assert module


def test_added_code_has_the_location_of_what_it_serves():
    many = [f"%v{n}" for n in range(20)]
    _, kernel = parse_kernel(loads(many) + sum_of(many))
    for line, op in enumerate(kernel.body.block.ops):
        op.location = FileLineColLoc(StringAttr("k.mlir"), IntAttr(line), IntAttr(1))
    allocate_registers(kernel)
    for op in ops(kernel, plena.ReloadOp):
        assert op.next_op is not None
        assert op.location == op.next_op.location
    for op in ops(kernel, plena.SpillOp):
        assert op.prev_op is not None
        assert op.location == op.prev_op.location


@pytest.mark.parametrize("seed", range(10))
def test_upstream_passes_before_and_after(seed: int):
    source = random.Random(seed)
    kernel = Generator(source.randrange, size=60, pressure=8).kernel()
    module = ModuleOp([kernel])
    expected = run_ssa(kernel)
    ctx = context()
    upstream = [CommonSubexpressionElimination(), CanonicalizePass(), DeadCodeElimination()]
    for each in upstream:
        each.apply(ctx, module)
    AllocateRegisters(int_slots=1024).apply(ctx, module)
    for each in upstream:
        each.apply(ctx, module)
        module.verify()
    check_registers(kernel)
    assert run_text(assembly(kernel))[0] == expected

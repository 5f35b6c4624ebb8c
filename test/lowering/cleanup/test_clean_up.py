"""The clean-up before register allocation: kernels do the same, in no more instructions."""

from __future__ import annotations

import random
from collections.abc import Iterator

import fa
import numpy as np
import pytest
from fa.diagnostics import NoRegisters, OpError
from fa.dialects import plena
from fa.lowering.assembly import assembly
from fa.lowering.cleanup.kernel_pass import KernelPass
from fa.lowering.cleanup.limit_loops import emitted, executed
from fa.lowering.cleanup.unroll_loops import UnrollLoops
from fa.lowering.registers.allocate import AllocateRegisters, allocate_registers
from fa.lowering.registers.verify import VerifyRegisters, check_registers
from fa.passes import pipelines
from fa.passes.runner import built
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...attentions import FUSED, UNFUSED, Case
from ..programs import Generator, context, parse_kernel, run_ssa, run_text


def clean_up_passes() -> Iterator[KernelPass]:
    """The passes of the clean-up, in their order."""
    for text in pipelines.CLEAN_UP:
        step = built(text)
        assert isinstance(step, KernelPass)
        yield step


CLEAN_UP = tuple(clean_up_passes())
PASSES = {step.name: step for step in CLEAN_UP}


def optimize(kernel: plena.KernelOp) -> None:
    """The whole clean-up."""
    for step in CLEAN_UP:
        step.run(kernel)


def check(kernel: plena.KernelOp, steps: tuple[KernelPass, ...]) -> None:
    """Run passes one after another; the kernel does the same after each, and once allocated."""
    kernel.verify()
    expected = run_ssa(kernel)
    for step in steps:
        step.run(kernel)
        kernel.verify()
        assert run_ssa(kernel) == expected, step.name
    allocate_registers(kernel, 1024)
    kernel.verify()
    check_registers(kernel)
    assert run_text(assembly(kernel))[0] == expected


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_small_random_kernels(data: st.DataObject):
    def draw(below: int) -> int:
        return data.draw(st.integers(0, below - 1))

    check(Generator(draw, size=10, pressure=4, addresses=True).kernel(), CLEAN_UP)


@pytest.mark.parametrize("seed", range(40))
def test_random_kernels(seed: int):
    source = random.Random(seed)
    size, pressure = source.choice([20, 40, 100]), source.choice([1, 8, 60])
    kernel = Generator(source.randrange, size, pressure, addresses=seed % 4 > 0).kernel()
    check(kernel, CLEAN_UP)


@pytest.mark.parametrize("seed", range(40))
def test_any_order(seed: int):
    """No pass relies on another."""
    source = random.Random(seed)
    kernel = Generator(source.randrange, 30, 8, addresses=True).kernel()
    check(kernel, tuple(source.choice(list(PASSES.values())) for _ in range(8)))


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_executed_more_often(name: str, seed: int):
    source = random.Random(seed)
    kernel = Generator(source.randrange, 60, 4, addresses=True).kernel()
    before = executed(kernel.body.block)
    PASSES[name].run(kernel)
    if name == "share-pointers":
        # What it adds is for instructions to add by themselves.
        PASSES["fold-offsets"].run(kernel)
    # An unrolled counter is a constant, which was free before: up to one for each copy.
    slack = emitted(kernel.body.block) if name == "unroll-loops" else 0
    assert executed(kernel.body.block) <= before + slack


@pytest.mark.parametrize("name", PASSES)
def test_kernels_with_registers_are_left_alone(name: str):
    source = random.Random(3)
    kernel = Generator(source.randrange, 60, 8, addresses=True).kernel()
    allocate_registers(kernel, 1024)
    module = ModuleOp([kernel])
    before = str(module)
    PASSES[name].apply(context(), module)
    assert str(module) == before


@pytest.mark.parametrize("growth", [0, 40, 400])
def test_unrolling_stays_within_its_growth(growth: int):
    for seed in range(10):
        source = random.Random(seed)
        kernel = Generator(source.randrange, 100, 4, addresses=True).kernel()
        before = emitted(kernel.body.block)
        UnrollLoops(growth=growth, worth=1_000_000).run(kernel)
        for step in (PASSES["fold-offsets"], PASSES["remove-redundant"]):
            step.run(kernel)
        assert emitted(kernel.body.block) <= before + growth


@pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])
@pytest.mark.parametrize(
    "case",
    [
        Case(64, 64),
        Case(70, 200, 128, 4, 2, mask="causal", lse=True),
        Case(1, 200, 128, 8, 2),
        Case(128, 128, 40, 2, 1, mask="causal", causal_offset=-30, value_dim=72),
    ],
    ids=str,
)
def test_attention_is_the_same_bit_for_bit(case: Case, passes: str):
    """And takes fewer cycles."""
    args = case.arguments()
    plain, clean = (
        fa.compile(case.module(), passes=each).run(*args, hbm_time="none")
        for each in (f"{passes}{{clean-up=false}}", passes)
    )
    for one, other in zip(plain.outputs, clean.outputs, strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))
    assert clean.cycles < 0.99 * plain.cycles
    assert clean.hbm_bytes_read == plain.hbm_bytes_read
    assert clean.hbm_bytes_written == plain.hbm_bytes_written


def test_a_kernel_that_fits_only_as_emitted(monkeypatch: pytest.MonkeyPatch):
    """Where cleaned code finds no registers, the kernel is compiled as it was emitted."""

    allocate = AllocateRegisters.apply
    tries: list[str] = []

    def fail(self: AllocateRegisters, ctx: Context, op: ModuleOp) -> None:
        tries.append(str(op))
        if len(tries) == 1:
            raise NoRegisters(op, "8 float registers are needed at once here; the machine has 7")
        allocate(self, ctx, op)

    case = Case(64, 64)
    plain = fa.compile(case.module(), passes=f"{FUSED}{{clean-up=false}}")
    monkeypatch.setattr(AllocateRegisters, "apply", fail)
    kernel = fa.compile(case.module(), passes=FUSED)
    assert kernel.asm == plain.asm
    assert kernel.layout == plain.layout
    line = "not cleaned up, which would take too many registers: 8 float registers are needed"
    assert line in kernel.report
    assert "not cleaned up" not in plain.report
    assert len(tries) == 2


@pytest.mark.parametrize("step", [UnrollLoops, VerifyRegisters])
def test_a_wrong_kernel_is_no_reason_to_go_back(
    monkeypatch: pytest.MonkeyPatch, step: type[ModulePass]
):
    """Only a want of registers is; what the clean-up or the checker finds wrong is an error."""

    def fail(self: ModulePass, ctx: Context, op: ModuleOp) -> None:
        monkeypatch.undo()
        raise OpError(op, "something is wrong")

    monkeypatch.setattr(step, "apply", fail)
    with pytest.raises(fa.CompileError, match="something is wrong"):
        fa.compile(Case(64, 64).module(), passes=FUSED)


def test_sources_survive():
    """Instructions that passes make belong to the operation that they serve."""
    kernel = fa.compile(Case(100, 100, 128, 4, 2).module(), passes=FUSED)
    names = [kernel.sources.at(pc).op for pc in range(len(kernel.words))]
    assert not [name for name in names if name.startswith("plena.")]


def test_deterministic():
    """The same text whatever the addresses of objects, which order sets of them."""
    kept: list[plena.KernelOp] = []
    for heads in (2, 3, 4):
        case = Case(70, 70, 128, 8 * heads, heads)
        texts = {fa.compile(case.module(), passes=UNFUSED).asm for _ in range(3)}
        assert len(texts) == 1
    for seed in range(10):
        texts = set()
        for _ in range(3):
            kernel = Generator(random.Random(seed).randrange, 60, 8, addresses=True).kernel()
            optimize(kernel)
            texts.add(str(ModuleOp([kernel])))
            kept.append(kernel)
        assert len(texts) == 1


def test_a_counter_that_is_yielded_survives_unrolling():
    _, kernel = parse_kernel("""
        %x = plena.loop 3 (%i : !plena.gp, %p = %zero : !plena.gp<gp0> to !plena.gp) {
          plena.s_st_int %p, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
          plena.yield %i, %i : !plena.gp, !plena.gp
        }
        plena.s_st_int %x, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
        """)
    check(kernel, (UnrollLoops(),))
    assert not [op for op in kernel.walk() if isinstance(op, plena.LoopOp)]

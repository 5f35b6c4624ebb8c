"""The Python API: sources, kernels on disk, what a run tells, errors."""

from __future__ import annotations

import json
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.compiler import DEFAULT_PASSES, KERNEL_FILES
from fa.frontends.mlir import read_module

from ..attentions import FUSED, UNFUSED, Case, relative_error

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "small.mlir"
CASE = Case(64, 64)


@pytest.fixture(scope="module")
def kernel() -> fa.Kernel:
    return fa.compile(EXAMPLE)


def fails(call) -> str:
    """The text of the CompileError that a call must raise: one line."""
    with pytest.raises(fa.CompileError) as caught:
        call()
    text = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert text.count("\n") == 0
    assert ": error: " in text
    return text


def test_sources(kernel: fa.Kernel):
    """Text, path, path as text, module: one kernel."""
    for source in (EXAMPLE.read_text(), str(EXAMPLE), read_module(EXAMPLE)):
        assert fa.compile(source).asm == kernel.asm


def test_a_module_is_left_alone():
    module = read_module(EXAMPLE)
    before = str(module)
    fa.compile(module)
    assert str(module) == before


def test_passes(kernel: fa.Kernel):
    assert fa.compile(EXAMPLE, passes=DEFAULT_PASSES).asm == kernel.asm
    assert fa.compile(EXAMPLE, passes="fa-to-plena").asm == kernel.asm
    assert fa.compile(EXAMPLE, passes="tile{q-tile=64},fuse").asm == kernel.asm
    assert fa.compile(EXAMPLE, passes="").asm == fa.compile(EXAMPLE, passes=UNFUSED).asm
    assert fa.compile(EXAMPLE, passes="tile").asm != kernel.asm


def test_machines(kernel: fa.Kernel, tmp_path: Path):
    from fa.machine.spec.params import PRESETS

    copy = tmp_path / "mine.toml"
    copy.write_text((PRESETS / "plena-64.toml").read_text())
    for machine in ("plena-64", copy, str(copy)):
        assert fa.compile(EXAMPLE, machine=machine).asm == kernel.asm


def test_run(kernel: fa.Kernel):
    args = CASE.arguments()
    run = kernel.run(*args)
    expected, _ = CASE.reference(kernel.stored(*args))
    assert len(run.outputs) == 1
    assert run.outputs[0].dtype == np.float32
    assert relative_error(run.outputs[0], expected) <= 8e-3
    assert run.instructions == sum(entry["count"] for entry in run.per_opcode.values())
    assert run.cycles == sum(entry["cycles"] for entry in run.per_opcode.values())
    read_and_written = sum(entry["hbm_bytes"] for entry in run.per_opcode.values())
    assert read_and_written == run.hbm_bytes_read + run.hbm_bytes_written
    # Q is 64 rows of two lines; K, V and ones of one and one of scales; O is read before written.
    assert run.hbm_bytes_read == 64 * 64 * (2 + 2 + 2 + 2 + 2 + 2)
    assert run.hbm_bytes_written == 64 * 64 * 2


@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_arguments_of_other_types(kernel: fa.Kernel, kind: type):
    """They are rounded to the interface type, bf16."""
    args = CASE.arguments()
    exact = kernel.run(*args, hbm_time="none").outputs[0]
    near = kernel.run(*(arg.astype(kind) for arg in args), hbm_time="none").outputs[0]
    if kind is np.float64:
        np.testing.assert_array_equal(near, exact)
    else:
        # Rounding to binary16 first loses a few values near zero, which hardly count.
        assert relative_error(near, exact) < 1e-3


def test_save_and_load(kernel: fa.Kernel, tmp_path: Path):
    kernel.save(tmp_path / "deep" / "kernel")
    assert {p.name for p in (tmp_path / "deep" / "kernel").iterdir()} == set(KERNEL_FILES)
    loaded = fa.Kernel.load(tmp_path / "deep" / "kernel")
    np.testing.assert_array_equal(loaded.words, kernel.words)
    assert loaded.layout == kernel.layout
    args = CASE.arguments()
    run, again = kernel.run(*args), loaded.run(*args)
    np.testing.assert_array_equal(run.outputs, again.outputs)
    assert run.cycles == again.cycles


def test_interpret():
    args = CASE.arguments()
    expected, _ = CASE.reference(args)
    for source in (EXAMPLE, str(EXAMPLE), EXAMPLE.read_text(), read_module(EXAMPLE)):
        (output,) = fa.interpret(source, args)
        # Rounded to bf16 at the end: half a unit in the last place of each.
        assert relative_error(output, expected) < 2**-8
    (exact,) = fa.interpret(EXAMPLE, args, round=False)
    assert relative_error(exact, expected) < 1e-6


@pytest.mark.parametrize("case", [CASE, Case(100, 90, 72, 4, 2, "causal")], ids=str)
def test_stock_machine(case: Case):
    """Fused attention compiles and runs; Q and O are stored in 8 bits there."""
    kernel = fa.compile(case.module(), machine="plena-64-stock", passes=FUSED)
    args = case.arguments()
    outputs = kernel.run(*args, hbm_time="none").outputs
    expected, _ = case.reference(kernel.stored(*args))
    # Four bits of mantissa in the results: right, but coarse. There is no bound to hold.
    assert relative_error(outputs[0], expected) < 0.1


def test_stock_machine_refuses_infinities():
    """The logsumexp of rows that see no key, beside others in one block."""
    case = Case(100, 90, 72, 4, 2, "causal", lse=True)
    text = fails(lambda: fa.compile(case.module(), machine="plena-64-stock", passes=FUSED))
    assert "this result may hold -inf or values of padding, and stored as mx e4m3 block 8" in text


def test_stock_machine_refuses_standard_attention():
    text = fails(lambda: fa.compile(EXAMPLE, machine="plena-64-stock", passes=UNFUSED))
    assert text.startswith(f"{EXAMPLE}:4:8: error: scores and probabilities would be stored as")
    assert "fuse first" in text


def test_bad_sources(tmp_path: Path):
    assert fails(lambda: fa.compile(tmp_path / "none.mlir")).startswith(
        f"fa: error: cannot read '{tmp_path}/none.mlir'"
    )
    assert fails(lambda: fa.compile(str(tmp_path / "none.mlir"))).startswith("fa: error: cannot")
    assert "the module has no plena.kernel" in fails(lambda: fa.compile("builtin.module {\n}"))
    assert fails(lambda: fa.compile("func.fun @f() {\n}")).startswith("<string>:1:1: error: ")


def test_bad_passes_and_machines():
    assert "unknown pass 'tiel'; did you mean 'tile'?" in fails(
        lambda: fa.compile(EXAMPLE, passes="tiel")
    )
    assert "no machine called 'plena-65'" in fails(lambda: fa.compile(EXAMPLE, machine="plena-65"))
    assert "kv-tile = 65 is not a multiple of 64" in fails(
        lambda: fa.compile(EXAMPLE, passes="tile{kv-tile=65}")
    )


def test_bad_arguments(kernel: fa.Kernel):
    q, k, v = CASE.arguments()
    assert "takes 3 arguments, got 2" in fails(lambda: kernel.run(q, k))
    assert "argument k must have shape (1, 1, 64, 64), got (64, 64)" in fails(
        lambda: kernel.run(q, k[0, 0], v)
    )
    for kind in ("U1", object, np.complex64):
        assert "argument k holds" in fails(lambda kind=kind: kernel.run(q, k.astype(kind), v))
    assert "takes 3 arguments, got 1" in fails(lambda: fa.interpret(EXAMPLE, [q]))
    assert "argument 2 must have shape" in fails(lambda: fa.interpret(EXAMPLE, [q, k, v[..., :8]]))


def test_damaged_folders(kernel: fa.Kernel, tmp_path: Path):
    assert "cannot read" in fails(lambda: fa.Kernel.load(tmp_path))
    kernel.save(tmp_path)
    manifest = tmp_path / "layout.json"
    text = manifest.read_text()
    manifest.write_text(text[: len(text) // 2])
    assert fails(lambda: fa.Kernel.load(tmp_path)).startswith(f"{manifest}:")
    entries = json.loads(text)
    del entries["machine"]
    manifest.write_text(json.dumps(entries))
    text = fails(lambda: fa.Kernel.load(tmp_path))
    assert text.startswith(f"{manifest}:")
    assert "machine" in text.split("error: ")[1]


def test_optimize_for(kernel: fa.Kernel):
    """The target stands in the module, and another one later is refused."""
    assert "fa.optimize_for" not in kernel.mlir
    for target in ("emulator", "analytic", "rtl", "bytes"):
        other = fa.compile(EXAMPLE, optimize_for=target, tune=True)
        assert f'fa.optimize_for = "{target}"' in other.mlir
    text = fails(lambda: fa.compile(EXAMPLE, optimize_for="speed"))
    assert "nothing is optimised for 'speed'; there are emulator, analytic, rtl, bytes" in text
    mapped = fa.compile(EXAMPLE, optimize_for="bytes").mlir
    assert fa.compile(mapped).mlir == mapped
    text = fails(lambda: fa.compile(mapped, optimize_for="emulator"))
    assert "optimised for bytes, not emulator" in text


def test_report(kernel: fa.Kernel, tmp_path: Path):
    """The report has the cost beside its bounds, and is what a saved kernel has."""
    assert kernel.cost_table() in kernel.report
    assert "times" in kernel.cost_table()
    kernel.save(tmp_path)
    assert fa.Kernel.load(tmp_path).report == kernel.report


def test_bounds(kernel: fa.Kernel):
    """They come with the module, whichever way it went, and are below the cost in every unit."""
    bounds, cost = kernel.bounds, fa.cost(kernel)
    assert bounds is not None
    for unit, least in bounds.unit.items():
        assert least.emulator_cycles <= cost.unit[unit].emulator_cycles
        assert least.analytic_cycles <= cost.unit[unit].analytic_cycles
        assert least.hbm_bytes_read <= cost.unit[unit].hbm_bytes_read
        assert least.hbm_bytes_written <= cost.unit[unit].hbm_bytes_written
    assert fa.compile(kernel.mlir).bounds == bounds
    causal = fa.compile(
        fa.attention(batch=2, q_heads=4, kv_heads=2, q_len=9, kv_len=7, head_dim=16, mask="causal")
    )
    (problem,) = causal.problems
    assert problem.rows == {0: 4 * 4} | dict.fromkeys(range(1, 8), 4 * 2)
    assert problem.keys == 2 * 2 * 7
    assert fa.compile(causal.mlir).problems == causal.problems
    without = "\n".join(
        line.replace("fa.problem", "other.problem") for line in kernel.mlir.splitlines()
    )
    assert fa.compile(without).bounds is None


def test_another_machine_is_another_kernel():
    """A kernel is remembered by its machine too."""
    source = fa.attention(q_heads=1, kv_heads=1, q_len=8, kv_len=8, head_dim=64)
    names = ("plena-64-stock", "plena-64-bf16", "plena-64-stock")
    assert [fa.compile(source, name).machine.name for name in names] == list(names)

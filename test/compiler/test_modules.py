"""Whole modules: kernels by name, host code in numpy, launches in the simulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fa
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "test/passes/modules/outline_attention.mlir").read_text()
KERNELS = ["project_attention", "model_attention_0", "model_attention_1"]
X = np.random.default_rng(0).standard_normal((1, 2, 16, 16))
K = np.random.default_rng(1).standard_normal((1, 16, 2, 16))
BF16_MACHINE = 1.2e-2
"""Relative L2 of three attentions in bf16, two of them on results of others."""
T = "tensor<1x1x8x16xbf16>"


def attention(q, k, v, causal=False):
    s = np.einsum("bhid,bhjd->bhij", q, k) * q.shape[-1] ** -0.5
    s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, -np.inf) if causal else s
    p = np.exp(s - s.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ v


def reference():
    q, k = attention(X, X, X, causal=True), K.transpose(0, 2, 1, 3)
    a = attention(q, k, k)
    return a + attention(a, k, k)


def error(got, want):
    return np.linalg.norm(got - want) / np.linalg.norm(want)


def test_a_module_runs_with_its_kernels_in_the_simulator():
    module = fa.compile_module(SOURCE, machine="plena-64-bf16")
    assert list(module.kernels) == KERNELS
    run = module.run(X, K)
    assert error(run.outputs[0], reference()) < BF16_MACHINE
    assert [name for name, _ in run.launches] == KERNELS
    assert run.cycles == sum(r.cycles for _, r in run.launches) > 0
    assert error(fa.interpret(SOURCE, [X, K])[0], reference()) < BF16_MACHINE


def test_a_kernel_is_what_its_function_alone_compiles_to():
    module = fa.compile_module(SOURCE)
    kind = "tensor<1x2x16x16xbf16>"
    alone = fa.compile(
        f"""func.func @project_attention(%q: {kind}) -> {kind} {{
          %o = fa.attention %q, %q, %q {{mask = #fa.causal}} : {kind}, {kind}, {kind} -> {kind}
          func.return %o : {kind}
        }}"""
    )
    assert module.kernels["project_attention"].asm == alone.asm


def test_lowered_text_is_the_same_module(tmp_path: Path):
    lowered = fa.compile_module(SOURCE, passes="outline-attention,fa-to-plena")
    opt = [sys.executable, "-m", "fa.tools.fa_opt", "--outline-attention", "--fa-to-plena"]
    text = subprocess.run([*opt, "-"], input=SOURCE, text=True, capture_output=True, check=True)
    again = fa.compile_module(text.stdout)
    assert {n: k.asm for n, k in again.kernels.items()} == {
        n: k.asm for n, k in lowered.kernels.items()
    }
    assert error(again.run(X, K).outputs[0], lowered.run(X, K).outputs[0]) == 0


def test_saved_modules_have_a_directory_for_each_kernel(tmp_path: Path):
    module = fa.compile_module(SOURCE)
    for _ in range(2):
        module.save(tmp_path / "out")
        found = sorted(p.name for p in (tmp_path / "out").iterdir())
        assert found == sorted([*KERNELS, "host.mlir"])
    kernel = fa.Kernel.load(tmp_path / "out" / "model_attention_0")
    assert kernel.asm == module.kernels["model_attention_0"].asm
    host = fa.compile_module(SOURCE).host_mlir
    assert (tmp_path / "out" / "host.mlir").read_text() == host
    assert "fa.attention" not in host


def test_one_kernel_is_saved_as_ever(tmp_path: Path):
    source = f"""func.func @f(%q: {T}) -> {T} {{
      %o = fa.attention %q, %q, %q : {T}, {T}, {T} -> {T}
      %p = arith.addf %o, %q : {T}
      func.return %p : {T}
    }}"""
    fa.compile_module(source).save(tmp_path)
    assert (tmp_path / "layout.json").exists()
    assert (tmp_path / "host.mlir").exists()


def test_nested_modules_loops_and_branches_launch():
    source = f"""
    module {{
      module @inner {{
        func.func @f(%q: {T}) -> {T} {{
          %o = fa.attention %q, %q, %q : {T}, {T}, {T} -> {T}
          %p = arith.addf %o, %q : {T}
          func.return %p : {T}
        }}
      }}
      func.func @loop(%q: {T}) -> {T} {{
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c3 = arith.constant 3 : index
        %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%x = %q) -> ({T}) {{
          %o = fa.attention %x, %q, %q : {T}, {T}, {T} -> {T}
          scf.yield %o : {T}
        }}
        func.return %r : {T}
      }}
    }}"""
    module = fa.compile_module(source, machine="plena-64-bf16")
    assert list(module.kernels) == ["f_attention", "loop_attention"]
    q = np.random.default_rng(2).standard_normal((1, 1, 8, 16))
    run = module.run(q)
    want = q
    for _ in range(3):
        want = attention(want, q, q)
    assert len(run.launches) == 3
    assert error(run.outputs[0], want) < BF16_MACHINE


def test_a_kernel_that_fits_only_as_emitted_leaves_the_others_clean(
    monkeypatch: pytest.MonkeyPatch,
):
    from fa.diagnostics import NoRegisters
    from fa.lowering.registers import allocate

    real, failed = allocate.allocate_registers, list[str]()

    def allocate_registers(kernel, slots=32):
        name = kernel.sym_name.data
        if name == "model_attention_0" and not failed:
            failed.append(name)
            raise NoRegisters(kernel, "too few")
        real(kernel, slots)

    clean = fa.compile_module(SOURCE, passes="outline-attention,fa-to-plena")
    monkeypatch.setenv("FA_CACHE", "0")
    monkeypatch.setattr(allocate, "allocate_registers", allocate_registers)
    from fa.frontends.mlir import module_text, parse_module, run_passes

    module = parse_module(SOURCE)
    run_passes(module, "outline-attention,fa-to-plena")
    text = module_text(module)
    assert text.count("plena.not_cleaned_up") == 1
    again = fa.compile_module(text)
    assert again.kernels["project_attention"].asm == clean.kernels["project_attention"].asm
    assert again.kernels["model_attention_0"].asm != clean.kernels["model_attention_0"].asm
    assert error(again.run(X, K).outputs[0], clean.run(X, K).outputs[0]) == 0


BAD = {
    "no attention": ("func.func @f(%x: f32) -> f32 {\n func.return %x : f32\n}", "no attention"),
    "two kernels of a name": (
        "\n".join(
            f"module @m{i} {{ func.func @f(%q: {T}) -> {T} {{\n"
            f" %o = fa.attention %q, %q, %q : {T}, {T}, {T} -> {T}\n func.return %o : {T}\n}} }}"
            for i in range(2)
        ),
        "two kernels @f_attention, in different modules",
    ),
    "a kernel of other types": (
        f"func.func @f(%q: {T}, %n: index) -> {T} attributes {{fa.kernel}} {{\n"
        f" %o = fa.attention %q, %q, %q : {T}, {T}, {T} -> {T}\n func.return %o : {T}\n}}",
        "a kernel takes and gives tensors of static shape, and argument 1 is index",
    ),
    "layers": (SOURCE, "scope=layer is not there yet"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compiled_is_an_error_at_its_place(name: str):
    source, message = BAD[name]
    passes = "outline-attention{scope=layer}" if name == "layers" else None
    with pytest.raises(fa.CompileError, match=r"^\S+:\d+:\d+: error: ") as caught:
        fa.compile_module(source, passes=passes)
    assert message in str(caught.value)


CALLS = f"""func.func private @unknown({T}) -> {T}
func.func @recursive(%q: {T}) -> {T} {{
  %o = fa.attention %q, %q, %q : {T}, {T}, {T} -> {T}
  %p = func.call @recursive(%o) : ({T}) -> {T}
  func.return %p : {T}
}}
func.func @calls(%q: {T}) -> {T} {{
  %p = func.call @unknown(%q) : ({T}) -> {T}
  func.return %p : {T}
}}
func.func @foreign(%q: {T}) -> {T} {{
  %p = tensor.insert_slice %q into %q[0, 0, 0, 0] [1, 1, 8, 16] [1, 1, 1, 1] : {T} into {T}
  func.return %p : {T}
}}"""


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("recursive", 1, "<string>:4:8: error: @recursive calls itself without end"),
        ("calls", 1, "<string>:8:8: error: @unknown has no body here"),
        ("foreign", 1, "<string>:12:8: error: "),
        ("calls", 2, "@calls takes 1 arguments, got 2"),
        (
            "nosuch",
            1,
            "there is no function @nosuch to run; there are @recursive, @calls, @foreign",
        ),
        (None, 1, "several functions could be run, and one is to be named"),
    ],
)
def test_what_cannot_be_run_is_an_error_at_its_place(function, arguments, message):
    module = fa.compile_module(CALLS)
    with pytest.raises(fa.CompileError) as caught:
        module.run(*[np.zeros((1, 1, 8, 16))] * arguments, function=function)
    assert message in str(caught.value)

"""Loop orders, masks, score functions: every form against the tensor level and on the machine."""

from __future__ import annotations

import re
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine.spec.params import PRESETS
from xdsl.dialects.builtin import ModuleOp

from ...attentions import Case, after_chains, relative_error

ORDERS = ("fuse", "fuse{order=keys}", "fuse{split-kv=2}", "fuse{split-kv=3}")

MASKS = (
    "#fa.window<left = 40, right = 0>",
    "#fa.window<left = 10, right = 13>",
    "#fa.window<left = 3, offset = -20>",
    "#fa.chunked<size = 48>",
    "#fa.all_of<[#fa.chunked<size = 48>, #fa.causal]>",
    "#fa.prefix<length = 70>",
    "#fa.documents<[60, 28, 42]>",
    "#fa.documents<[60, 70], offset = -20>",
    "#fa.ragged<[130, 64]>",
    "#fa.ragged<[130, 3], #fa.causal>",
    "#fa.ragged<[0, 64], #fa.causal>",
)

RELATIVE_POSITION = """score_mod {
  ^bb0(%x: f32, %batch: index, %head: index, %i: index, %j: index):
    %distance = arith.subi %i, %j : index
    %whole = arith.index_cast %distance : index to i64
    %number = arith.sitofp %whole : i64 to f32
    %slope = arith.constant 0.1 : f32
    %bias = arith.mulf %number, %slope : f32
    %y = arith.addf %x, %bias : f32
    fa.yield %y : f32
  }"""

ARITHMETIC = """score_mod {
  ^bb0(%x: f32, %batch: index, %head: index, %i: index, %j: index):
    %half = arith.constant 0.5 : f32
    %h = arith.mulf %x, %half : f32
    %a = math.absf %h : f32
    %e = math.exp %h : f32
    %n = arith.minimumf %a, %e : f32
    %r = arith.divf %n, %e : f32
    %y = arith.subf %r, %x : f32
    fa.yield %y : f32
  }"""


def attention(
    attributes: str,
    bias: str | None = None,
    function: str = "",
    more: str | None = None,
    batch: int = 2,
) -> str:
    """Four heads on two, 70 queries, 130 keys; `more` types a third result."""
    q, kv = f"tensor<{batch}x4x70x32xf32>", f"tensor<{batch}x2x130x32xf32>"
    results = [q, f"tensor<{batch}x4x70xf32>", *([more] if more else [])]
    names = ", ".join(f"%r{i}" for i in range(len(results)))
    types = ", ".join(results)
    argument = f", %bias: {bias}" if bias else ""
    return f"""
    func.func @f(%q: {q}, %k: {kv}, %v: {kv}{argument}) -> ({types}) {{
      {names} = fa.attention %q, %k, %v {"bias(%bias)" if bias else ""} {{lse{attributes}}}
          {function}
          : {q}, {kv}, {kv}{f", {bias}" if bias else ""} -> {types}
      func.return {names} : {types}
    }}"""


def arguments(module: ModuleOp) -> list[np.ndarray]:
    """Standard normal arguments, the same every time; a bias hides one row and one key."""
    random = np.random.default_rng(3)
    (function,) = module.ops
    shapes = [kind.get_shape() for kind in function.function_type.inputs]
    values = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    if len(values) == 4 and values[3].shape[2] > 1:
        values[3][0, 0, 5], values[3][0, 0, :, 9] = -np.inf, -np.inf
    return values


def check_levels(text: str, chains: tuple[str, ...]) -> None:
    """Each chain of passes keeps the meaning, to the last digits of float32."""
    args = arguments(parse_module(text))
    expected = fa.interpret(parse_module(text), args, round=False)
    for module in after_chains(text, chains):
        for got, want in zip(fa.interpret(module, args, round=False), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)


def check_machine(text: str, passes: str, bound: float) -> None:
    """The compiled kernel agrees with the tensor level on the operands as stored."""
    kernel = fa.compile(text, passes=passes)
    args = arguments(parse_module(text))
    run = kernel.run(*args, hbm_time="none")
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)
    assert relative_error(run.outputs[0], expected[0]) <= bound
    np.testing.assert_array_equal(np.isneginf(run.outputs[1]), np.isneginf(expected[1]))
    unseen = np.isneginf(expected[1])
    assert not run.outputs[0][unseen].any()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mask", [None, "causal"])
@pytest.mark.parametrize("q_len", [70, 50])
def test_orders(order: str, mask: str | None, q_len: int):
    """With several tiles of queries, and with one, where parts of the keys are one tile each."""
    case = Case(q_len, 130, 40, 4, 2, mask, causal_offset=-20 if mask else None, lse=True)
    kernel = fa.compile(case.module(), passes=f"tile,{order},lower-to-isa")
    args = case.arguments()
    run = kernel.run(*args, hbm_time="none")
    expected, lse = case.reference(kernel.stored(*args))
    # bf16 scores, probabilities and accumulators.
    assert relative_error(run.outputs[0], expected) <= 8e-3
    np.testing.assert_array_equal(np.isneginf(run.outputs[1]), np.isneginf(lse))


def test_keys_outside_moves_more_but_loads_keys_once():
    """FlashAttention-1 against FlashAttention-2 in HBM traffic, as the algorithms say."""
    case = Case(256, 256)
    runs = {}
    for order in ORDERS[:2]:
        # With wider tiles the keys of 256 would stay in matrix SRAM in either order.
        passes = f"tile{{kv-tile=64}},{order},map{{sums=reduce}},lower-to-isa"
        kernel = fa.compile(case.module(), passes=passes)
        runs[order] = kernel.run(*case.arguments(), hbm_time="none")
    queries, keys = (runs[order] for order in ORDERS[:2])
    prefetched = [run.per_opcode["H_PREFETCH_M"]["hbm_bytes"] for run in (queries, keys)]
    # Each also loads the tile that packs rows, once.
    once = 64 * 2 * 64
    assert prefetched[0] - once == 4 * (prefetched[1] - once)
    assert keys.hbm_bytes_written > 4 * queries.hbm_bytes_written


@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: str):
    # Only lengths differ from batch to batch.
    text = attention(f", mask = {mask}", batch=2 if "ragged" in mask else 1)
    check_levels(text, ("tile", "tile,fuse", "tile,fuse,specialize-masks", "tile,allocate-sram"))
    for passes in ("tile,fuse,lower-to-isa", "tile,lower-to-isa"):
        check_machine(text, passes, 8e-3)


@pytest.mark.parametrize("bias", ["tensor<2x4x70x130xf32>", "tensor<1x1x70x130xf32>"])
def test_bias(bias: str):
    text = attention(", mask = #fa.causal", bias)
    check_levels(text, ("tile", "tile,fuse", "tile,fuse,allocate-sram", "tile,fuse{order=keys}"))
    for passes in ("tile,fuse,lower-to-isa", "tile,lower-to-isa"):
        # The bias is stored in bf16 and rounds the scores once more.
        check_machine(text, passes, 1e-2)


@pytest.mark.parametrize("bias", ["tensor<1x4x1x130xf32>", "tensor<1x1x1x1xf32>"])
def test_bias_that_broadcasts(bias: str):
    check_levels(attention("", bias), ("tile", "tile,fuse", "tile,fuse,allocate-sram"))


@pytest.mark.parametrize("cap", [1.5, 50.0])
def test_soft_cap(cap: float):
    text = attention(f", mask = #fa.causal, softcap = {cap} : f32", batch=1)
    check_levels(text, ("tile", "tile,fuse", "tile,fuse,allocate-sram"))
    for passes in ("tile,fuse,lower-to-isa", "tile,lower-to-isa"):
        # tanh takes a dozen operations that round to bf16.
        check_machine(text, passes, 1e-2)


def test_score_functions():
    check_levels(attention("", function=RELATIVE_POSITION), ("tile", "tile,fuse"))
    check_levels(attention("", function=ARITHMETIC), ("tile", "tile,fuse,allocate-sram"))
    # Six roundings to bf16 on the way to each score, one of them of a quotient.
    check_machine(attention("", function=ARITHMETIC), "tile,fuse,lower-to-isa", 2.5e-2)


def test_what_has_no_lowering_is_named():
    sine = ARITHMETIC.replace("math.absf", "math.sin")
    with pytest.raises(fa.CompileError, match=r"math\.sin has no form in vector instructions"):
        fa.compile(attention("", function=sine))


@pytest.mark.parametrize("stage", ["raw", "capped", "masked", "softmax"])
def test_scores_as_a_result(stage: str):
    text = attention(
        f', mask = #fa.causal, softcap = 2.0 : f32, qk = "{stage}"',
        more="tensor<1x4x70x130xf32>",
        batch=1,
    )
    check_levels(text, ("tile", "tile,fuse", "tile,fuse,specialize-masks", "tile,allocate-sram"))
    module = parse_module(text)
    run_passes(module, "tile,fuse")
    # Probabilities are a result only where the softmax is done: that form stays unfused.
    assert any(op.name == "fa.online_softmax" for op in module.walk()) == (stage != "softmax")
    kernel = fa.compile(text)
    args = arguments(parse_module(text))
    scores = kernel.run(*args, hbm_time="none").outputs[2]
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)[2]
    hidden = np.isneginf(expected)
    np.testing.assert_array_equal(np.isneginf(scores), hidden)
    # Scores in bf16; those of probabilities carry the error of the sum as well.
    assert relative_error(scores[~hidden], expected[~hidden]) <= 8e-3


def test_a_function_of_probabilities_stays_unfused():
    text = attention("", function=RELATIVE_POSITION.replace("score_mod", "prob_mod"))
    check_levels(text, ("tile", "tile,fuse"))


@pytest.mark.parametrize("q_len", [64, 128])
@pytest.mark.parametrize("mask", [None, "causal"])
def test_parts_with_smaller_tiles(tmp_path: Path, q_len: int, mask: str | None):
    """A machine whose FP_MEM holds the statistics of one part for 64 rows, but not of two."""
    before, after = (
        (PRESETS / "plena-64.toml").read_text().split("[TRANSACTIONAL.CONFIG.FP_SRAM_DEPTH]")
    )
    path = tmp_path / "small.toml"
    after = re.sub(r"= \d+", "= 256", after, count=1)
    path.write_text(f"{before}[TRANSACTIONAL.CONFIG.FP_SRAM_DEPTH]{after}")
    case = Case(q_len, 192, mask=mask, lse=True)
    kernel = fa.compile(case.module(), machine=path, passes="tile,fuse{split-kv=2},lower-to-isa")
    args = case.arguments()
    run = kernel.run(*args, hbm_time="none")
    expected, lse = case.reference(kernel.stored(*args))
    assert relative_error(run.outputs[0], expected) <= 8e-3
    np.testing.assert_allclose(run.outputs[1], lse, atol=0.05)


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_whose_keys_fill_matrix_memory(parts: int):
    """1,024 keys are all of plena-64's matrix SRAM: K of a part waits for V of the one before."""
    case = Case(1, 4096)
    kernel = fa.compile(
        case.module(), passes=f"tile{{kv-tile=1024}},fuse{{split-kv={parts}}},lower-to-isa"
    )
    args = case.arguments()
    output = kernel.run(*args, hbm_time="none").outputs[0]
    # Rounding P, and each part's result, to bf16.
    assert relative_error(output, case.reference(kernel.stored(*args))[0]) <= 1e-2

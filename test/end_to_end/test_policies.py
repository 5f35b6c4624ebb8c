"""Every policy on a machine that loads it, compiled and simulated, against float64.

On the operands as stored, bf16 arithmetic leaves at most 8e-3 (few rows: 1.5e-2). Against the
operands as given, the error is what the arithmetic module predicts for the formats, in quadrature
with the bf16 error. FA_SHAPES sets the number of random shapes for each policy.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import fa
import numpy as np
import pytest

from ..attentions import Case, relative_error

MANY_ROWS, FEW_ROWS = 8e-3, 1.5e-2
SHAPES = int(os.environ.get("FA_SHAPES", "10"))
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
POLICIES = [("plena-64", "plena"), ("plena-64-mx32", "mxfp8"), ("plena-64-bf16", "bf16")]


def passes(policy: str) -> str:
    return f"tile,fuse,quantize{{policy={policy}}},allocate-sram,lower-to-isa"


def shapes(count: int) -> list[Case]:
    """Random attentions with lengths up to 256."""
    rng = random.Random(4)
    cases: list[Case] = []
    for _ in range(count):
        q_heads, kv_heads = rng.choice([(1, 1), (2, 1), (2, 2), (4, 2), (3, 3)])
        mask = rng.choice([None, "causal"])
        q_len, kv_len = rng.randint(1, 256), rng.randint(1, 256)
        offset = rng.randint(0, kv_len) if mask and rng.random() < 0.3 else None
        head_dim = rng.choice([16, 32, 64, 72, 80, 128])
        cases.append(Case(q_len, kv_len, head_dim, q_heads, kv_heads, mask, offset))
    return cases


def check(case: Case, machine: str, policy: str) -> None:
    kernel = fa.compile(case.module(), machine=machine, passes=passes(policy))
    args = case.arguments()
    output = kernel.run(*args, hbm_time="none").outputs[0]
    on_stored = case.reference(kernel.stored(*args))[0]
    exact = case.reference(args)[0]
    arithmetic = relative_error(output, on_stored)
    many = case.live_rows >= 64
    assert arithmetic <= (MANY_ROWS if many else FEW_ROWS)
    if many:
        formats = relative_error(on_stored, exact)
        predicted = np.hypot(formats, arithmetic)
        assert relative_error(output, exact) == pytest.approx(predicted, rel=0.2)


@pytest.mark.parametrize(("machine", "policy"), POLICIES)
@pytest.mark.parametrize("case", shapes(SHAPES), ids=str)
def test_random_shapes(case: Case, machine: str, policy: str) -> None:
    check(case, machine, policy)


@pytest.mark.parametrize(("machine", "policy"), POLICIES)
@pytest.mark.parametrize("example", ["llama_prefill.mlir", "llama_decode.mlir"])
def test_examples(example: str, machine: str, policy: str) -> None:
    kernel = fa.compile(str(EXAMPLES / example), machine=machine, passes=passes(policy))
    shapes_ = kernel.argument_shapes
    causal = "causal" if shapes_[0][2] > 1 else None
    case = Case(shapes_[0][2], shapes_[1][2], shapes_[0][3], shapes_[0][1], shapes_[1][1], causal)
    check(case, machine, policy)


def test_activations_in_eight_bits_cost_what_their_format_does() -> None:
    """The published settings store O in MX too, and that error stands alone."""
    case = Case(100, 100, 64, 2, 1)
    kernel = fa.compile(case.module(), machine="plena-64-stock")
    args = case.arguments()
    output = kernel.run(*args, hbm_time="none").outputs[0]
    assert relative_error(output, case.reference(kernel.stored(*args))[0]) < 4e-2


@pytest.mark.parametrize("helpers", ["smooth-keys,", "rotate,", "smooth-keys,rotate{seed=7},"])
def test_helpers_keep_the_result(helpers: str) -> None:
    """Exact in infinite precision: the error stays that of formats, or gets smaller."""
    case = Case(100, 90, 128, 4, 2, "causal")
    q, k, v = case.arguments()
    k[..., ::16] *= 4
    k += np.float32(2)
    exact = case.reference([q, k, v])[0]

    def error(text: str) -> float:
        kernel = fa.compile(case.module(), passes=text)
        return relative_error(kernel.run(q, k, v, hbm_time="none").outputs[0], exact)

    plain = passes("plena")
    assert error(helpers + plain) < 1.05 * error(plain)


def test_host_rounding_is_better_than_the_machine_s() -> None:
    """Nearest with rule rceil against what the machine's stores would have made of K and V."""
    case = Case(128, 128, 64)
    args = case.arguments()
    exact = case.reference(args)[0]

    def error(text: str) -> float:
        return relative_error(fa.compile(case.module(), passes=text).run(*args).outputs[0], exact)

    assert error("tile,fuse,quantize") < 0.9 * error("tile,fuse,quantize{rounding=store}")

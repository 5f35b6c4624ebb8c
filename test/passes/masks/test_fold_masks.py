"""Masks as products: the plan by brute force, and kernels at every level and on the machine."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.dialects.fa.masks import Run
from fa.frontends.mlir import parse_module, run_passes
from fa.machine import Machine
from fa.passes.mapping.family_costs import FamilyCosts
from fa.passes.masks.hiding_plan import HidingTiles, mask_plan, product_cycles, shift_cycles
from hypothesis import given
from hypothesis import strategies as st

from ...attentions import after_chains, relative_error

FOLDED = "map{qk=btmv pv=packed},fold-masks"


@st.composite
def tiles(draw: st.DrawFn) -> tuple[list[Run], int]:
    """Runs of the rows of a tile of whole groups of four, and its columns."""
    cols = 16 * draw(st.integers(1, 4))
    ends = st.integers(0, cols)
    some = draw(st.lists(st.tuples(ends, ends), min_size=1, max_size=24))
    runs = [run if run[0] < run[1] else (0, 0) for run in map(tuple, map(sorted, some))]
    rows = draw(st.lists(st.sampled_from(runs), min_size=4, max_size=48))
    return rows[: len(rows) // 4 * 4], cols


@given(tiles())
def test_a_plan_hides_what_the_runs_leave_out(tile: tuple[list[Run], int]):
    rows, cols = tile
    plan, found = mask_plan(rows, cols, 16, 4, 8), HidingTiles()
    choices, blocks = found.add(plan)
    known_choices, known_blocks = list(found.choices), list(found.blocks)
    panels = cols // 16
    for row, (first, last) in enumerate(rows):
        group, stream = divmod(row, 4)
        for key in range(cols):
            number = blocks[group * panels + key // 16]
            shown = True
            if number >= 0:
                a, b = known_blocks[number][known_choices[choices[group]][stream]]
                shown = a <= key % 16 < b
            assert shown == (first <= key < last)
    assert all(len(block) <= 8 for block in known_blocks)


def test_a_triangle_takes_four_choices_and_four_blocks():
    plan, found = mask_plan([(0, i + 1) for i in range(64)], 64, 64, 4, 16), HidingTiles()
    found.add(plan)
    assert (len(found.choices), len(found.blocks)) == (4, 4)
    costs = FamilyCosts(Machine.load("plena-64"), "emulator")
    runs = [(0, i + 1) for i in range(64)]
    assert product_cycles(costs, plan) < shift_cycles(costs, runs, 64, 64) / 4


MASKS = (
    "#fa.causal",
    "#fa.causal<offset = -20>",
    "#fa.window<left = 40, right = 0>",
    "#fa.window<left = 3, offset = -20>",
    "#fa.prefix<length = 70>",
    "#fa.documents<[60, 28, 42]>",
    "#fa.ragged<[130, 3], #fa.causal>",
)


def attention(mask: str, q_heads: int = 8, q_len: int = 70, dim: int = 32) -> str:
    """Heads in groups of four, 130 keys."""
    batch = 2 if "ragged" in mask else 1
    q, kv = f"tensor<{batch}x{q_heads}x{q_len}x{dim}xbf16>", f"tensor<{batch}x2x130x{dim}xbf16>"
    return f"""
    func.func @f(%q: {q}, %k: {kv}, %v: {kv}) -> {q} {{
      %o = fa.attention %q, %k, %v {{mask = {mask}}} : {q}, {kv}, {kv} -> {q}
      func.return %o : {q}
    }}"""


def arguments(text: str) -> list[np.ndarray]:
    """Standard normal arguments, the same every time."""
    random = np.random.default_rng(5)
    (function,) = parse_module(text).ops
    kinds = function.function_type.inputs
    return [random.standard_normal(kind.get_shape()).astype(np.float32) for kind in kinds]


@pytest.mark.parametrize("heads", ["", "group-heads,"])
@pytest.mark.parametrize("mask", MASKS)
def test_every_level_and_the_machine(mask: str, heads: str):
    text = attention(mask)
    args = arguments(text)
    expected = fa.interpret(text, args, round=False)
    passes = f"{heads}tile,fuse,{FOLDED}"
    for module in after_chains(text, (passes, f"{passes},allocate-sram")):
        got = fa.interpret(module, args, round=False)
        # Rows that see no key are 0.
        np.testing.assert_allclose(got[0], expected[0], rtol=2e-4, atol=2e-5)
    kernel = fa.compile(text, passes=f"{passes},lower-to-isa")
    run = kernel.run(*args, hbm_time="none")
    wanted = fa.interpret(text, kernel.stored(*args), round=False)
    # bf16 scores, probabilities and accumulators, as where masks are added.
    assert relative_error(run.outputs[0], wanted[0]) <= 1e-2
    assert not run.outputs[0][wanted[0] == 0].any()


@pytest.mark.parametrize("machine", ["plena-64", "plena-64-stock", "plena-128"])
def test_scores_are_masked_before_they_are_written(machine: str):
    text = attention("#fa.causal", q_len=130, dim=64)
    module = parse_module(text)
    run_passes(module, f"group-heads,tile,fuse,{FOLDED}", machine)
    names = [op.name for op in module.walk()]
    assert "fa.mask" not in names
    hiding = [op for op in module.walk() if op.name == "fa.scores" and op.hiding is not None]
    assert hiding
    # The constants are those that their formats hold exactly.
    assert all(loads_exactly(op) for op in hiding)


def loads_exactly(op: fa.dialects.fa.ScoresOp) -> bool:
    """Whether what hides a product's scores is what the mask by shifting adds, after the factor."""
    from fa.dialects.interpreters.dense_constants import dense_array
    from fa.dialects.interpreters.fa import stored

    for value, numbers in ((op.choice, {0.0, 1.0}), (op.hidden, {0.0, -(2.0**122)})):
        source = value.owner.source
        constant = source.owner
        while constant.name != "arith.constant":
            constant = constant.operands[0].owner
        if not set(np.unique(stored(dense_array(constant.value), source.type))) <= numbers:
            return False
    return True


def test_for_bytes_nothing_is_loaded_beside():
    text = attention("#fa.causal", q_len=130, dim=64)
    kernel = fa.compile(text, passes=f"tile,fuse,{FOLDED},lower-to-isa", optimize_for="bytes")
    assert all(region.name not in ("choice", "hidden") for region in kernel.layout.regions)


def test_causal_attention_takes_fewer_cycles():
    """256 causal queries: without products that mask it were 14,052 cycles, 22,290 analytic."""
    source = fa.attention(q_heads=1, kv_heads=1, q_len=256, kv_len=256, head_dim=64, mask="causal")
    passes = "tile,fuse,map{qk=btmv pv=packed sums=ones},lower-to-isa"
    figures = fa.cost(fa.compile(source, passes=passes)).without_moving
    assert figures.emulator_cycles <= 13_400
    assert figures.analytic_cycles <= 21_750

"""Results of several rows in one: at every level, on the machine, and what it costs."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine import Machine
from fa.passes.mapping.family_costs import FamilyCosts
from xdsl.dialects.builtin import ModuleOp

from ...attentions import Case, after_chains, relative_error

COLUMNS = "map{qk=btmv pv=packed sums=columns}"

CASES = (
    # Whole tiles, and rows that are padded; one slice of columns, and two; several tiles of rows,
    # several of keys; fewer rows than one store brings.
    Case(64, 64, 16, 4, 1),
    Case(70, 130, 16, 4, 2, batch=2),
    Case(50, 200, 32, 3, 1, "causal"),
    Case(300, 90, 32),
    Case(40, 700, 16, 2, 1),
    Case(1, 300, 16, 8, 1),
)


def packed(module: ModuleOp) -> bool:
    """Whether results are packed somewhere."""
    return any(op.name == "fa.normalize_packed" for op in module.walk())


@pytest.mark.parametrize("heads", ["", "group-heads,"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_level_and_the_machine(case: Case, heads: str):
    text, args = str(case.module()), case.arguments()
    passes = f"{heads}tile,fuse,{COLUMNS}"
    expected = case.reference(args)[0]
    for module in after_chains(text, (passes, f"{passes},allocate-sram")):
        got = fa.interpret(module, args, round=False)[0]
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5)
    kernel = fa.compile(text, passes=f"{passes},lower-to-isa")
    run = kernel.run(*args, hbm_time="none")
    wanted = case.reference(kernel.stored(*args))[0]
    # bf16 scores, probabilities, products and quotients.
    assert relative_error(run.outputs[0], wanted) <= 1e-2


@pytest.mark.parametrize("machine", ["plena-64", "plena-64-stock", "plena-128"])
def test_four_rows_are_stored_as_one(machine: str):
    text = str(Case(64, 64, 32, 4, 1).module())
    module = parse_module(text)
    run_passes(module, f"group-heads,tile,fuse,{COLUMNS}", machine)
    (divided,) = [op for op in module.walk() if op.name == "fa.normalize_packed"]
    (store,) = [op for op in module.walk() if op.name == "fa.store"]
    assert store.tile is divided.result
    # As many lanes as results, none for padding or sums.
    assert store.tile.type.elements == divided.acc.type.rows * 32
    kernel = fa.compile(
        text, passes=f"group-heads,tile,fuse,{COLUMNS},lower-to-isa", machine=machine
    )
    args = Case(64, 64, 32, 4, 1).arguments()
    outputs = kernel.run(*args, hbm_time="none").outputs
    wanted = fa.interpret(text, kernel.stored(*args), round=False)
    # plena-64-stock stores results as MX.
    assert relative_error(outputs[0], wanted[0]) <= (4e-2 if machine == "plena-64-stock" else 1e-2)


@pytest.mark.parametrize(
    ("case", "target"),
    [
        # Slices of 16 lanes are not filled by 24 columns.
        (Case(64, 64, 24, 4, 1), "emulator"),
        # A row of a tile of 4, whose padding loops over rows leave out.
        (Case(1, 300, 16), "emulator"),
        # Where a store takes a cycle, four passes take more than they save.
        (Case(64, 64, 16, 4, 1), "analytic"),
    ],
    ids=str,
)
def test_rows_stay_by_themselves(case: Case, target: str):
    text = str(case.module())
    kernel = fa.compile(text, passes=f"tile,fuse,{COLUMNS},lower-to-isa", optimize_for=target)
    assert not packed(parse_module(kernel.mlir))
    costs = FamilyCosts(Machine.load("plena-64"), target)
    rows = 4 * -(-case.q_len // 4)
    assert not costs.packs_results(case.head_dim, rows, case.q_len)


def test_the_search_takes_it():
    """13,442 cycles with Q and O before, 4,659 without."""
    kernel = fa.compile(Case(64, 64, 16, 4, 1).module())
    assert "pv=packed sums=columns" in kernel.mappings
    figures = fa.cost(kernel)
    assert figures.emulator_cycles <= 6_500
    assert figures.without_moving.emulator_cycles <= 4_000
    assert figures.emulator_cycles >= kernel.bounds.total.emulator_cycles

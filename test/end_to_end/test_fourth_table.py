"""A fourth cost table is data alone: a file that says what differs, used by everything."""

from __future__ import annotations

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.machine.cost.figures import targets
from fa.machine.simulator.engines import engines_here
from fa.machine.spec.cost_tables import TableError, remove_table, table_named
from fa.passes.mapping.family_costs import FamilyCosts

from ..attentions import Case

# The pipelined cycles of M_BTMM, which `rtl` has as those of M_MM.
TEXT = 'base = "rtl"\n[cycles]\nM_BTMM = "(MLEN/BLEN)*(MLEN/BLEN)*BLEN"\n'


@pytest.fixture
def path(tmp_path: Path):
    file = tmp_path / "batched.toml"
    file.write_text(TEXT)
    yield str(file)
    remove_table("batched")


def test_used_by_cost_bounds_search_and_simulator(path: str):
    kernel = fa.compile(Case(64, 64, 16, 4, 1).module(), optimize_for=path)
    assert 'fa.optimize_for = "batched"' in kernel.mlir
    assert targets() == ("emulator", "analytic", "rtl", "batched", "bytes")
    costs = (FamilyCosts(kernel.machine, name) for name in ("rtl", "batched"))
    assert [each.cycles("M_BTMM") for each in costs] == [23, 1024]

    # A program with M_BTMM costs so many more in it, in all engines as counted.
    passes = "group-heads,tile,fuse,map{qk=btmm}"
    batched = fa.compile(Case(64, 64, 16, 4, 1).module(), passes=passes)
    cost, bounds = fa.cost(batched), batched.bounds
    assert bounds is not None
    assert bounds.family["bmm"].of("batched") > bounds.family["bmm"].of("rtl") + 1000
    zeros = [np.zeros(shape, np.float32) for shape in batched.argument_shapes]
    for engine in engines_here():
        run = batched.run(*zeros, table="batched", engine=engine)
        assert run.cycles == cost["batched_cycles"]
        assert run.per_opcode["M_BTMM"]["cycles"] >= 1024 * run.per_opcode["M_BTMM"]["count"] > 0
    assert cost["batched_cycles"] > cost["rtl_cycles"]
    assert "batched cycles" in batched.cost_table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cycles = 3", "cycles is 3, must be a dict"),
        ('[cycles]\nM_MMM = "1"', "there is no instruction 'M_MMM'"),
        ('[cycles]\nM_MM = "MLEN - 1"', "'MLEN - 1' is no number of cycles"),
        ('[cycles]\nM_MM = "WIDTH"', "M_MM: there is no WIDTH; there are MLEN"),
        ('[cycles]\nM_MM = "MLEN/0"', "divides by 0"),
        ('base = "speed"', "there is no cost table 'speed'; there are emulator, analytic, rtl"),
        ('transfers = "never"', "transfers is 'never', must be one of timed, charged, beside"),
        ("speed = 1", "there is no key 'speed'"),
        ('name = "rtl"', "there is a cost table 'rtl' already"),
        ("=", "not valid TOML"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str, message: str):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(TableError) as caught:
        table_named(str(file))
    assert message in str(caught.value)

"""Lower bounds: by hand on small problems, and below what kernels cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fa.machine import Machine
from fa.machine.cost.figures import UNITS, Figures
from fa.machine.cost.lower_bounds import Formats, Problem, combined, lower_bounds, problem


def figures(emulator: int = 0, analytic: int = 0) -> Figures:
    return Figures({"emulator": emulator, "analytic": analytic})


def in_both(each: Figures) -> Figures:
    """The cycles of the two tables that are counted by hand here."""
    return figures(each.emulator_cycles, each.analytic_cycles)


def square(length: int, causal: bool = False, heads: int = 1, dim: int = 64) -> Problem:
    runs = [[(0, query + 1 if causal else length) for query in range(length)]]
    return problem((1, heads, 1, length, length, dim, dim), runs)


def test_counting():
    seen = problem((2, 4, 2, 3, 9, 64, 64), [[(0, 3), (2, 5), (5, 5)], [(8, 9), (0, 1), (8, 9)]])
    assert seen.rows == {0: 4 * 1, 1: 4 * 3, 3: 4 * 2}
    assert seen.keys == 2 * (5 + 2)
    assert seen.pairs == 4 * (3 + 6)
    assert seen.live_rows == 4 * 5
    assert seen.blocks(2) == 4 * (3 + 4)


def test_one_tile(plena64: Machine):
    """64 queries, keys and columns on 64 lanes, blocks of 4 and slices of 16."""
    bounds = lower_bounds(square(64), plena64)
    # Blocks of 4x4 results, each one multiplication of 64 cycles and one write-out.
    assert in_both(bounds.family["mm"]) == figures(2 * 256 * 65, 2 * 256 * 5)
    # Q K^T: 4 slices of 64 rows; P V: 4 slices of 64 keys; 4 slices a call, one write-out each.
    assert in_both(bounds.family["bmm"]) == figures(2 * 65, 2 * (16 * 16 * 4 + 1))
    # The same by single rows: 4 slices a call.
    assert in_both(bounds.family["bmv"]) == figures(2 * (64 + 16), 2 * (64 * 5 + 16))
    assert bounds.emulator_family == ("bmm", "bmm")
    assert bounds.analytic_family == ("bmv", "bmv")
    assert bounds.unit["matrix"].emulator_cycles == 2 * 65
    # Row sums by a column of ones, one more tile of columns for P V: in one unit or another.
    parts = sum(bounds.unit.values(), Figures())
    assert bounds.total.emulator_cycles - parts.emulator_cycles == 64
    assert in_both(bounds.unit["vector"]) == figures(64 * (4 + 1 + 1 + 1), 64 * (5 + 1 + 2 + 1))
    assert in_both(bounds.unit["scalar"]) == figures(64 + 64, 64 + 64)
    assert bounds.unit["control"] == Figures()
    # K and V: 64 rows of a line and a line of scales. Q and O: 64 rows of two lines.
    assert bounds.unit["hbm"].hbm_bytes_read == 64 * 64 * (2 * 2 + 2 + 2)
    assert bounds.unit["hbm"].hbm_bytes_written == 64 * 64 * 2
    assert bounds.moving.hbm_bytes_read == 64 * 64 * (2 + 2)
    assert bounds.without_moving.hbm_bytes_written == 0
    # Two prefetches of 128 lines at two lines a cycle, after 10 cycles in which nothing comes.
    assert bounds.without_moving.emulator_cycles == 918
    assert bounds.unit["hbm"].emulator_cycles - bounds.moving.emulator_cycles == 2 * (64 + 10)


def test_masks_make_it_less(plena64: Machine):
    full, causal = (lower_bounds(square(256, mask), plena64) for mask in (False, True))
    for unit in ("matrix", "vector", "scalar"):
        assert 0.5 < causal.unit[unit].emulator_cycles / full.unit[unit].emulator_cycles < 0.75
    assert causal.unit["hbm"] == full.unit["hbm"]


def test_nothing_seen(plena64: Machine):
    """Rows that see nothing are written, and nothing else."""
    nothing = problem((1, 1, 1, 8, 8, 64, 64), [[(0, 0)] * 8])
    bounds = lower_bounds(nothing, plena64)
    assert bounds.total == bounds.moving
    assert bounds.moving.hbm_bytes_written == 8 * 128


def test_stored_formats(plena64: Machine):
    """Fewer bytes where scales are fewer and elements narrower."""
    usual = Formats.of(plena64)
    wide = replace(usual, key=usual.query, value=usual.query)
    one = lower_bounds(square(64), plena64, usual)
    other = lower_bounds(square(64), plena64, wide)
    assert other.total.hbm_bytes_read == one.total.hbm_bytes_read
    narrow = replace(usual, query=usual.key)
    assert lower_bounds(square(64), plena64, narrow).moving.hbm_bytes_read == 64 * 64 * 4
    eight_bits = replace(usual, output=usual.key)
    # A store writes the lines of scales too.
    assert lower_bounds(square(64), plena64, eight_bits).moving.hbm_bytes_written == 64 * 128


def test_grows_with_the_problem(plena64: Machine):
    """More heads, columns or keys never make it less, in any unit."""
    small = lower_bounds(square(60, dim=40), plena64)
    for larger in (square(60, dim=80), square(61, dim=40), square(60, heads=2, dim=40)):
        bounds = lower_bounds(larger, plena64)
        for unit in UNITS:
            assert bounds.unit[unit].emulator_cycles >= small.unit[unit].emulator_cycles
            assert bounds.unit[unit].analytic_cycles >= small.unit[unit].analytic_cycles


def test_several(plena64: Machine):
    bounds = lower_bounds(square(64), plena64)
    assert combined([bounds]) == bounds
    twice = combined([bounds, bounds])
    assert twice.total == bounds.total + bounds.total
    assert twice.to_json()["by_unit"]["hbm"]["hbm_bytes_read"] == 2 * 64 * 64 * 8


@pytest.mark.parametrize("unit", UNITS)
def test_units_sum_up(unit: str, plena64: Machine):
    bounds = lower_bounds(square(100, True, 4, 16), plena64)
    assert sum(bounds.unit.values(), Figures()) == bounds.total
    assert bounds.to_json()["by_unit"][unit] == bounds.unit[unit].to_json()  # type: ignore[index]

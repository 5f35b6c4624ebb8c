"""Loops that count at run time, in programs written down: runs, counts and costs agree."""

from __future__ import annotations

import pytest
from fa.machine import Machine, Simulator, assemble
from fa.machine.cost.cost import program_cost
from fa.machine.host.layout import Layout
from fa.machine.program.program import Program
from fa.machine.program.run_time_counts import NotCounted, structure_with
from fa.machine.simulator.engines import engines_here

TRIANGLE = """
S_ADDI_INT gp6, gp0, 1
C_LOOP_START gp1, {tiles}
  S_ADDI_INT gp2, gp2, 1
  S_ADD_INT gp3, gp2, gp0
  C_LOOP_START gp4, {tiles}
    S_ADDI_INT gp5, gp5, 1
    S_SUB_INT gp3, gp3, gp6
    S_ADDI_INT gp4, gp3, 1
  C_LOOP_END gp4
C_LOOP_END gp1
"""

BY_MEMORY = """
S_LD_INT gp2, gp0, 3
C_LOOP_START gp1, 500
  S_ADDI_INT gp5, gp5, 1
  C_LOOP_START gp7, 3
    S_ADDI_INT gp8, gp8, 1
  C_LOOP_END gp7
  S_ADDI_INT gp3, gp3, 64
  S_SUB_INT gp1, gp2, gp3
C_LOOP_END gp1
"""


def check(text: str, passes: int, integers: dict[int, int]) -> None:
    """Run a program that counts in gp5, and compare."""
    words, machine = assemble(text), Machine.load("plena-64")
    memory = [integers.get(entry, 0) for entry in range(8)]
    for engine in engines_here():
        simulator = Simulator(machine)
        simulator.int[:8] = memory
        run = simulator.run(words, engine=engine)
        assert simulator.gp[5] == passes
    program = Program([int(w) for w in words], machine)
    structure = structure_with(program, memory)
    assert structure is not None
    assert structure.counts == run.pc_counts.tolist()
    layout = Layout("f", (), (), int_mem=tuple(memory))
    cost = program_cost([int(w) for w in words], machine, layout)
    assert (cost.emulator_cycles, cost.instructions) == (run.cycles, run.instructions)


@pytest.mark.parametrize("tiles", [1, 2, 9, 40])
def test_a_triangle(tiles: int):
    check(TRIANGLE.format(tiles=tiles), tiles * (tiles + 1) // 2, {})


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_count_from_memory(rows: int):
    check(BY_MEMORY, rows, {3: 64 * rows})


def test_a_count_that_depends_on_data_is_none():
    text = (
        "V_TOPK gp1, gp1, gp1, 0\nS_LD_INT gp2, gp0, 0\n"
        "C_LOOP_START gp3, 5\nS_ADDI_INT gp3, gp2, 0\nC_LOOP_END gp3\n"
    )
    program = Program([int(w) for w in assemble(text)], Machine.load("plena-64"))
    with pytest.raises(NotCounted, match="INT_MEM is written at places that are not known"):
        structure_with(program, [])


def test_a_count_made_in_a_loop_that_is_not_followed_is_not_known():
    text = (
        "C_LOOP_START gp1, 2\nS_ADDI_INT gp2, gp2, 1\nC_LOOP_END gp1\n"
        "C_LOOP_START gp3, 5\nS_SUB_INT gp2, gp2, gp0\nS_ADDI_INT gp3, gp2, 0\nC_LOOP_END gp3\n"
    )
    program = Program([int(w) for w in assemble(text)], Machine.load("plena-64"))
    with pytest.raises(NotCounted, match="pc 6: how often the loop from pc 3 on runs is not known"):
        structure_with(program, [])

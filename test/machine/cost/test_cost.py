"""The cost of programs written by hand: addresses of any kind, against the simulator."""

from __future__ import annotations

import pytest
from fa.machine import Machine, Simulator, assemble
from fa.machine.cost.cost import CostError, program_cost
from fa.machine.cost.transfer_plan import plan_transfers
from fa.machine.cost.transfer_replay import replay
from fa.machine.host.layout import Layout
from fa.machine.program.loop_nest import structure_of
from fa.machine.program.program import Program
from hypothesis import given, settings
from hypothesis import strategies as st

PRELUDE = "S_ADDI_INT gp1, gp0, 4096\nC_SET_SCALE_REG gp1\nS_ADDI_INT gp2, gp0, 128\n"

POINTERS = """
C_SET_STRIDE_REG gp2
S_LUI_INT gp3, 3
C_SET_ADDR_REG a1, gp0, gp3
S_ADDI_INT gp4, gp0, 0
C_LOOP_START gp5, 3
  C_LOOP_START gp6, 4
    H_PREFETCH_M gp0, gp4, a1, 1, 1
    S_ADDI_INT gp4, gp4, 64
  C_LOOP_END gp6
  S_MUL_INT gp7, gp5, gp2
  S_ADDI_INT gp7, gp7, 8192
  H_PREFETCH_V gp0, gp7, a1, 0, 0
  H_STORE_V gp0, gp7, a0, 0, 0
  S_ADDI_INT gp4, gp4, 3840
C_LOOP_END gp5
H_PREFETCH_M gp0, gp4, a1, 1, 1
"""

SPILLED_COUNTER = """
S_LUI_INT gp3, 3
C_SET_ADDR_REG a1, gp0, gp3
C_LOOP_START gp5, 3
  S_ST_INT gp5, gp0, 7
  C_LOOP_START gp5, 4
    S_LD_INT gp6, gp0, 7
    S_MUL_INT gp6, gp6, gp2
    S_ADD_INT gp6, gp6, gp5
    H_PREFETCH_M gp0, gp6, a1, 0, 1
  C_LOOP_END gp5
  S_LD_INT gp5, gp0, 7
C_LOOP_END gp5
"""

OFF_LINES = """
C_LOOP_START gp5, 37
  S_MUL_INT gp7, gp5, gp2
  S_ADDI_INT gp7, gp7, 24
  H_PREFETCH_V gp0, gp7, a0, 0, 1
  S_ADDI_INT gp4, gp4, 40
  H_STORE_V gp0, gp4, a0, 0, 1
  H_STORE_V gp0, gp4, a0, 0, 0
C_LOOP_END gp5
"""

SPILLED = """
S_ST_INT gp2, gp0, 5
C_LOOP_START gp5, 6
  S_LD_INT gp8, gp0, 5
  H_PREFETCH_V gp0, gp8, a0, 0, 0
  S_ADDI_INT gp8, gp8, 512
  S_ST_INT gp8, gp0, 5
  S_LD_INT gp9, gp0, 1
  H_PREFETCH_V gp0, gp9, a0, 0, 0
C_LOOP_END gp5
"""

NOT_LINEAR = """
S_ADDI_INT gp8, gp0, 1
C_LOOP_START gp5, 9
  S_MUL_INT gp7, gp5, gp5
  S_MUL_INT gp7, gp7, gp2
  H_PREFETCH_V gp0, gp7, a0, 0, 0
  S_MUL_INT gp8, gp8, gp5
  H_STORE_V gp0, gp8, a0, 0, 1
  S_ST_INT gp7, gp5, 8
  S_LD_INT gp9, gp5, 8
  H_PREFETCH_V gp0, gp9, a0, 0, 1
C_LOOP_END gp5
"""

STRIDES = """
C_LOOP_START gp5, 4
  S_MUL_INT gp6, gp5, gp2
  C_SET_STRIDE_REG gp6
  H_PREFETCH_V gp0, gp0, a0, 1, 0
C_LOOP_END gp5
"""

OTHERS = """
V_TOPK gp0, gp0, gp2, 1
V_RED_SUM f0, gp0
V_RED_MAX f1, gp0, 0
S_MAP_V_FP gp0, gp0, 3
M_BTMM 0, gp0, gp0
M_BMM_WO gp0, 0
"""

PROGRAMS = {
    "pointers": POINTERS,
    "off lines": OFF_LINES,
    "spilled": SPILLED,
    "not linear": NOT_LINEAR,
    "strides": STRIDES,
    "others": OTHERS,
    "spilled counter": SPILLED_COUNTER,
}


@pytest.fixture(scope="module")
def machine(make_machine) -> Machine:
    return make_machine(HBM_SIZE=1 << 20, VECTOR_SRAM_SIZE=256, INT_SRAM_DEPTH=1024)


def compare(text: str, machine: Machine, int_mem: tuple[int, ...] = ()):
    """The cost of a program must be what the simulator counts."""
    words = assemble(text)
    sim = Simulator(machine)
    sim.int[: len(int_mem)] = int_mem
    run = sim.run(words)
    layout = Layout("k", (), (), int_mem=int_mem)
    cost = program_cost(words, machine, layout, None)
    assert cost.emulator_cycles == run.cycles
    assert cost.hbm_cycles == run.hbm_cycles
    assert cost.hbm_bytes_read == run.hbm_bytes_read
    assert cost.hbm_bytes_written == run.hbm_bytes_written
    assert cost.instructions == run.instructions
    return cost


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_simulator_counts(name: str, machine: Machine):
    compare(PRELUDE + PROGRAMS[name], machine, (0, 4160))


def test_every_recorded_address(machine: Machine):
    """The plan and the replay agree on every transfer."""
    for text in (POINTERS, OFF_LINES, SPILLED, SPILLED_COUNTER):
        program = Program(assemble(PRELUDE + text), machine)
        structure = structure_of(program)
        assert structure is not None
        plan, other = plan_transfers(program, structure), replay(program, structure)
        assert plan.total == other.total
        for number in range(plan.total):
            transfer, numbers, start = plan.execution(number)
            same, _, when = other.execution(number)
            assert (transfer.pc, start) == (same.pc, when)
            assert transfer.lines(numbers) == same.lines({})
            assert transfer.line_array(numbers).tolist() == same.lines({})
        for transfer in plan.transfers:
            found = [plan.number(transfer, index) for index in range(transfer.executed)]
            assert found == [n for n in range(plan.total) if plan.execution(n)[0].pc == transfer.pc]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Not what was stored; stored too late; overwritten; an address that is not known.
        ("S_LD_INT gp5, gp0, 7\nC", "S_LD_INT gp5, gp0, 8\nC"),
        ("  S_ST_INT gp5, gp0, 7\n", "  S_ADDI_INT gp5, gp0, 2\n  S_ST_INT gp5, gp0, 7\n"),
        ("    S_MUL_INT", "    S_ST_INT gp6, gp0, 7\n    S_MUL_INT"),
        ("    S_MUL_INT", "    S_ST_INT gp6, gp2, 0\n    S_MUL_INT"),
        ("  S_LD_INT gp5, gp0, 7\nC", "C"),
    ],
)
def test_a_counter_that_is_lost(old: str, new: str, machine: Machine):
    assert old in SPILLED_COUNTER
    words = assemble(PRELUDE + SPILLED_COUNTER.replace(old, new))
    assert structure_of(Program(words, machine)) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_nests(data: st.DataObject):
    """Random pointers in random loop nests: linear ones and others."""
    machine = Machine.load("plena-64")
    draw = data.draw
    lines = [PRELUDE, "C_SET_STRIDE_REG gp2", "S_ADDI_INT gp3, gp0, 64"]
    free = list(range(3, 8))
    budget = [40]

    def body(depth: int) -> None:
        for _ in range(draw(st.integers(1, 4))):
            budget[0] -= 1
            if budget[0] < 0:
                return
            kind = draw(st.sampled_from(("add", "const", "move", "mul", "load", "loop")))
            a, b, c = (draw(st.sampled_from(free)) for _ in range(3))
            if kind == "add":
                lines.append(f"S_ADDI_INT gp{a}, gp{b}, {draw(st.sampled_from((8, 64, 4096)))}")
            elif kind == "const":
                lines.append(f"S_ADDI_INT gp{a}, gp0, {draw(st.integers(0, 999))}")
            elif kind == "move":
                lines.append(f"S_{draw(st.sampled_from(('ADD', 'SUB')))}_INT gp{a}, gp{b}, gp{c}")
            elif kind == "mul":
                lines.append(f"S_MUL_INT gp{a}, gp{b}, gp2")
            elif kind == "load":
                flags = draw(st.sampled_from(("0, 0", "1, 0", "0, 1", "1, 1")))
                lines.append(f"H_PREFETCH_V gp0, gp{a}, a0, {flags}")
            elif depth < 3:
                register = 8 + depth
                free.append(register)
                lines.append(f"C_LOOP_START gp{register}, {draw(st.integers(1, 4))}")
                body(depth + 1)
                lines.append(f"C_LOOP_END gp{register}")
                free.remove(register)

    body(0)
    # Loads only read counters; a write to a counter would change the control flow.
    text = "\n".join(line for line in lines if not _writes_counter(line))
    compare(text, machine)


def _writes_counter(line: str) -> bool:
    words = line.replace(",", "").split()
    return words[0].startswith("S_") and int(words[1][2:]) >= 8


def test_bad_programs(machine: Machine):
    cases = {
        "C_LOOP_START gp1, 2\nC_LOOP_START gp2, 2\nC_LOOP_END gp1\nC_LOOP_END gp2": "do not nest",
        "C_LOOP_START gp1, 2": "do not nest",
        "C_LOOP_START gp1, 2\nC_BREAK\nC_LOOP_END gp1": "pc 1: a program with C_BREAK",
        "M_BMV gp0, gp0, gp0": "pc 0: M_BMV gp0, gp0, gp0: the machine stops here",
    }
    for text, message in cases.items():
        with pytest.raises(CostError, match=message):
            program_cost(assemble(text), machine)

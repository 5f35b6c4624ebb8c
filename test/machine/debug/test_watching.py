"""Breakpoints, profiles and traces of a run."""

import json

import numpy as np
import pytest
from fa.machine import Simulator, Trap, assemble
from fa.machine.debug.breakpoint import NotReached, registers_text, run_until
from fa.machine.debug.profile import profile, table
from fa.machine.debug.trace import TRACKS, trace
from fa.machine.hbm.transfer_timer import TransferUnit
from fa.machine.program.program import Program
from fa.machine.program.source_map import Source, SourceMap
from fa.machine.simulator.interpreter import Interpreter

NESTED = """
S_ADDI_INT gp1, gp0, 0
C_LOOP_START gp2, 3
  C_LOOP_START gp3, 2
    V_ADD_VV gp1, gp1, gp1
    V_RED_MAX f1, gp1, 0
  C_LOOP_END gp3
  S_ADDI_INT gp1, gp1, 16
C_LOOP_END gp2
H_PREFETCH_V gp0, gp0, a0, 0, 0
S_ST_FP f1, gp0, 3
"""
STRANGE = "C_LOOP_START gp1, 5\nS_ADDI_INT gp2, gp2, 1\nC_BREAK\nS_ADDI_INT gp3, gp2, 1\n"


@pytest.mark.parametrize("text", [NESTED, STRANGE])
def test_a_break_is_where_the_plain_interpreter_first_comes_by(small, text):
    words = assemble(text)
    for pc in range(len(words)):
        state, plain = Simulator(small), Simulator(small)
        found = run_until(words, state, pc)
        interpreter = Interpreter(Program(words, small), plain, TransferUnit(len(words), "exact"))
        with np.errstate(all="ignore"):
            while interpreter.pc != pc:
                interpreter.step()
        assert (found.pc, found.executed, found.cycles) == (
            pc,
            interpreter.executed,
            interpreter.cycles,
        )
        assert [(loop.start, loop.register) for loop in found.loops] == interpreter.open_loops()
        assert registers_text(state) == registers_text(plain)
        assert np.array_equal(state.vector, plain.vector)


def test_a_break_that_never_comes(small):
    with pytest.raises(NotReached, match="there is no pc 10: the program has pcs 0 to 9"):
        run_until(assemble(NESTED), Simulator(small), 10)
    words = assemble("C_LOOP_START gp1, 1\nC_BREAK")
    with pytest.raises(NotReached):
        run_until(words, Simulator(small), -1)


def test_a_trap_before_the_break(small):
    words = assemble("S_ADDI_INT gp1, gp0, 3\nV_EXP_V gp1, gp1, 0\nS_ADDI_INT gp1, gp0, 3")
    with pytest.raises(Trap, match="pc 1"):
        run_until(words, Simulator(small), 2)


def test_a_profile_adds_up(small):
    words = assemble(NESTED)
    result = Simulator(small).run(words)
    a, b = Source("fa.load %k", "x.mlir:3:1"), Source("fa.scale")
    sources = SourceMap([a, b, b, b, b, b, b, b, a])
    entries = profile(sources, result)
    assert sum(entry.cycles for entry in entries) == result.cycles
    assert sum(entry.instructions for entry in entries) == result.instructions
    by_op = {entry.source.op: entry for entry in entries}
    assert by_op["fa.load %k"].hbm_bytes == result.hbm_bytes_read > 0
    assert by_op["fa.load %k"].static == 2
    # The last instruction is not in the map.
    assert by_op["(host program)"].instructions == 1
    lines = table(entries).splitlines()
    assert lines[0].split() == [
        *("cycles", "share", "executed", "HBM", "bytes", "static", "source", "operation")
    ]
    assert lines[-1].endswith("total")
    assert "fa.load %k at x.mlir:3:1" in "\n".join(lines)


def slices(document, track=None):
    return [
        event
        for event in document["traceEvents"]
        if event["ph"] == "X" and (track is None or event["tid"] == TRACKS.index(track))
    ]


@pytest.mark.parametrize("text", [NESTED, STRANGE])
def test_a_trace_is_as_long_as_the_run(small, text):
    words = assemble(text)
    result = Simulator(small).run(words)
    source = Source("fa.scale", "x.mlir:3:1")
    document = trace(Program(words, small), result, SourceMap([source] * len(words)), "k")
    json.dumps(document)
    instructions = [event for event in slices(document) if "executions" in event["args"]]
    assert len(instructions) == np.count_nonzero(result.pc_counts)
    assert sum(event["args"]["cycles"] for event in instructions) == result.cycles
    (operation,) = slices(document, "source operations")
    assert operation["name"] == "fa.scale"
    assert operation["dur"] * 1000 == pytest.approx(result.cycles)
    names = [e["args"]["name"] for e in document["traceEvents"] if e["name"] == "thread_name"]
    assert tuple(names) == TRACKS


def test_loops_are_folded_and_hold_their_bodies(small):
    words = assemble(NESTED)
    result = Simulator(small).run(words)
    document = trace(Program(words, small), result, SourceMap(), "k")
    control = slices(document, "control")
    outer, inner = (event for event in control if event["name"].startswith("loop"))
    assert outer["name"] == "loop of 3"
    assert (inner["args"]["iterations"], inner["args"]["entered"]) == (2, 3)
    assert outer["args"]["cycles"] == int(result.pc_cycles[1:8].sum())
    assert outer["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
    (add,) = [event for event in slices(document, "vector") if event["name"] == "V_ADD_VV"]
    assert add["args"]["executions"] == 6
    assert inner["ts"] < add["ts"] < inner["ts"] + inner["dur"]
    # On one track a slice begins after the one before it has ended, unless it lies within it.
    for track in TRACKS:
        ends: list[float] = []
        for event in sorted(slices(document, track), key=lambda e: (e["ts"], -e["dur"])):
            while ends and ends[-1] <= event["ts"] + 1e-9:
                ends.pop()
            assert all(event["ts"] + event["dur"] <= end + 1e-9 for end in ends)
            ends.append(event["ts"] + event["dur"])

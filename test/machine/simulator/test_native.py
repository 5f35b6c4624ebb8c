"""The native engine: what it takes from the instruction table, and that it does what others do."""

import os
import signal
import subprocess
import sys
import threading
import time
from ctypes import byref

import numpy as np
import pytest
from fa.machine import Machine, Simulator, Trap, assemble
from fa.machine.hbm.dram import Dram
from fa.machine.simulator import engines
from fa.machine.simulator.many import run_all
from fa.machine.simulator.native.layout import EngineLayout
from fa.machine.simulator.native.library import Unavailable, library
from fa.machine.simulator.native.session import Session
from fa.machine.simulator.prepared import prepared
from fa.machine.spec.isa import BY_MNEMONIC, INSTRUCTIONS

from . import random_programs
from .random_programs import EXECUTED, MACHINES, Writer, compare, differences, machine, outcome

pytestmark = pytest.mark.skipif(
    bool(engines.why_no_native()), reason=f"no native engine: {engines.why_no_native()}"
)

INTERPRETED = {"V_TOPK"}
"""Implemented instructions that the engine leaves to the interpreter."""


@pytest.fixture(autouse=True)
def _stuck_soon(monkeypatch):
    for module in (random_programs.interpreter, random_programs.session):
        monkeypatch.setattr(module, "STUCK_ITERATIONS", 50)


def test_every_instruction_is_known():
    operands = library().operands
    assert set(operands) | INTERPRETED == set(EXECUTED)
    assert not set(operands) & INTERPRETED


# M_BTMM and the like have a first operand that the machine ignores, the masks of two instructions
# have no effect.
UNUSED = {("V_RED_MAX", "rmask")}


@pytest.mark.parametrize("mnemonic", [name for name in EXECUTED if name not in INTERPRETED])
def test_operands_are_those_of_the_table(mnemonic):
    """Names in the engine's list are those of the table, and none that matters is left out."""
    names = library().operands[mnemonic]
    row = BY_MNEMONIC[mnemonic]
    wanted = {operand.name for operand in row.operands if operand.bank != "dummy"}
    assert len(set(names)) == len(names)
    assert set(names) == wanted - {name for each, name in UNUSED if each == mnemonic}


@pytest.mark.parametrize("number", range(len(MACHINES)))
@pytest.mark.parametrize("mnemonic", EXECUTED)
def test_each_opcode(mnemonic, number):
    """One instruction at a time, on every machine, with the interpreter's memories and cycles."""
    m = machine(number)
    for seed in range(4):
        writer = Writer(np.random.default_rng(seed), m, 0.1 if seed == 3 else 0)
        if mnemonic.startswith("C_LOOP") or mnemonic == "C_BREAK":
            writer.loop(3)
            writer.emit("C_LOOP_START", counter=9, count=2)
            writer.emit("C_BREAK")
        else:
            writer.emit("C_SET_V_MASK_REG", src=writer.register(0b1010))
            for _ in range(3):
                writer.instruction(mnemonic)
        words = np.array(writer.words, np.uint32)
        want = outcome(m, seed, words, "plain")
        assert not differences(want, outcome(m, seed, words, "native")), seed
        if not want[0]:
            assert want[1].per_opcode[mnemonic]["count"] >= 1


@pytest.mark.parametrize(
    "mnemonic", [i.mnemonic for i in INSTRUCTIONS if i.mnemonic not in EXECUTED]
)
def test_what_the_machine_does_not_execute(mnemonic):
    words = np.array([BY_MNEMONIC[mnemonic].opcode], np.uint32)
    want = outcome(machine(0), 0, words, "plain")
    assert want[0]
    assert not differences(want, outcome(machine(0), 0, words, "native"))


@pytest.mark.parametrize("seed", range(28))
def test_random_programs(seed):
    compare(seed % len(MACHINES), seed)


@pytest.mark.parametrize("seed", range(28))
def test_mutated_programs(seed):
    compare(seed % len(MACHINES), seed, mutate=True)


@pytest.mark.parametrize("variant", ["base", "avx2"])
def test_vector_instructions_do_not_matter(variant):
    for seed in range(12):
        m = machine(seed % len(MACHINES))
        words = random_programs.program(np.random.default_rng(seed), m, 0)
        states = []
        for each in (variant, None):
            simulator = random_programs.prepare(m, seed)
            run = Session(prepared(words, m), simulator, "exact", variant=each)
            trap = ""
            try:
                run.run()
            except Trap as error:
                trap = str(error)
            states.append((random_programs.state_of(simulator), trap, run.counts, run.hbm_cycles))
        for want, got in zip(states[0][0].values(), states[1][0].values(), strict=True):
            assert np.array_equal(want, got)
        assert states[0][1] == states[1][1]
        assert np.array_equal(states[0][2:], states[1][2:])


def native_times(transfers):
    """When each (lines, is a store, time) ends."""
    functions = library().functions
    engine = EngineLayout()
    assert functions.fa_open_dram(byref(engine), 8, 2)
    ends, now = [], 0
    for lines, store, gap in transfers:
        array = np.array(lines, np.uint64)
        now = functions.fa_transfer(engine, array.ctypes.data, array.size, store, now + gap)
        ends.append(now)
    functions.fa_close(byref(engine))
    return ends


@pytest.mark.parametrize("seed", range(40))
def test_memory_time(seed):
    """Random transfers, many of them at once and soon after stores, take as long as in dram.py."""
    rng = np.random.default_rng(seed)
    spread = 1 << int(rng.integers(10, 34))
    transfers = []
    for _ in range(12):
        count, step = int(rng.integers(0, 150)), int(rng.choice([64, 128, 1024, 4096, 1 << 17]))
        first = int(rng.integers(spread)) // 64 * 64
        lines = [first + step * i for i in range(count)]
        if rng.random() < 0.4:
            lines = (rng.integers(spread, size=count) // 64 * 64).tolist()
        gap = int(rng.choice([0, 1, 5, 60, 500]))
        transfers.append((lines, bool(rng.random() < 0.4), gap))
    dram, now, want = Dram(), 0, []
    for lines, store, gap in transfers:
        now = (dram.store if store else dram.read)(lines, now + gap)
        want.append(now)
    assert native_times(transfers) == want


def test_large_rows_are_summed_in_cascades():
    """Rows of 512 and more, whose groups are added in levels."""
    text = "V_RED_SUM f1, gp0\nV_RED_MAX f2, gp0, 0\nS_ADDI_INT gp1, gp0, 0\n"
    for vlen in (8, 24, 40, 512, 1000, 1536, 2048, 4104):
        config = {**random_programs.SMALL, **{"MLEN": vlen, "VLEN": vlen, "BLEN": 1, "HLEN": 8}}
        config |= {"VECTOR_SRAM_SIZE": 2, "MATRIX_SRAM_SIZE": vlen, "BROADCAST_AMOUNT": 1}
        tables = {key: {"value": value} for key, value in config.items()}
        settings = dict(Machine.load("plena-64").settings["TRANSACTIONAL"])
        settings["CONFIG"] = {**settings["CONFIG"], **tables}
        m = Machine.from_settings({"TRANSACTIONAL": settings}, "wide")
        results = []
        for engine in ("plain", "numpy", "native"):
            simulator = Simulator(m)
            rng = np.random.default_rng(vlen)
            simulator.vector[0] = random_programs.numbers(rng, vlen)
            finite = np.isfinite(simulator.vector32[0])
            simulator.vector[0, ~finite] = 0
            simulator.run(assemble(text), engine=engine)
            results.append(simulator.f.tolist())
        assert results[0] == results[1] == results[2], vlen


def test_zeros_have_one_maximum(small):
    for zeros in ([0x8000] * 16, [0x8000] * 9 + [0] + [0x8000] * 6, [0] + [0x8000] * 15):
        for engine in ("plain", "numpy", "native"):
            simulator = Simulator(small)
            simulator.vector[0] = zeros
            simulator.f[1] = 0xC000
            simulator.run(assemble("V_RED_MAX f1, gp0, 0"), engine=engine)
            assert simulator.f[1] == (0 if 0 in zeros else 0x8000), engine


def test_state_continues_after_a_run(small):
    """Tiles that the user changes between runs are seen, in their transposed copies too."""
    simulator = Simulator(small)
    simulator.vector[0] = 0x3F80
    words = assemble("M_TMV 0, gp0, gp0\nM_MV_WO gp1, 0\n")
    simulator.gp[1] = 16
    for value in (1, 2):
        simulator.matrix[0] = value
        simulator.run(words, engine="native")
        assert simulator.vector32[1, :4].tolist() == [16 * value] * 4


def test_never_ending_loop(small):
    text = "C_LOOP_START gp1, 3\nS_ADDI_INT gp1, gp0, 2\nC_LOOP_END gp1"
    for engine in ("plain", "native"):
        with pytest.raises(Trap, match="never ends: its body writes gp1"):
            Simulator(small).run(assemble(text), engine=engine)


MANY = """
C_LOOP_START gp1, 100000
C_LOOP_START gp2, 1000
S_ADDI_INT gp3, gp3, 1
C_LOOP_END gp2
C_LOOP_END gp1
"""


def test_interrupted_at_once():
    """200 million instructions, a progress bar and Ctrl-C: the process has ended 0.2 s later."""
    code = (
        "import sys, threading, os, signal\n"
        "from fa.machine import Machine, Simulator, assemble\n"
        "simulator = Simulator(Machine.load('plena-64'))\n"
        "seen = []\n"
        "def progress(done, total):\n"
        "    seen.append(done)\n"
        "    if len(seen) == 3: print('running', total, flush=True)\n"
        "try:\n"
        f"    simulator.run(assemble({MANY!r}), 'exact', progress, 'native')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', seen[-1], flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "running 200200001\n"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    line = process.stdout.readline()
    took = time.monotonic() - start
    assert process.wait() == 0
    assert line.startswith("interrupted ")
    assert int(line.split()[1]) < 200_000_000
    # 0.2 s where there is a processor for it; this one may have others to serve.
    assert took < 0.2 + 0.3 * max(0.0, os.getloadavg()[0] / (os.cpu_count() or 1) - 1)


def test_other_threads_go_on(small):
    """A native run does not hold the GIL."""
    words = assemble(MANY.replace("100000", "20000"))
    thread = threading.Thread(target=lambda: Simulator(small).run(words, engine="native"))
    thread.start()
    steps = 0
    while thread.is_alive():
        steps += 1
    assert steps > 1000


def test_runs_of_many_stop_with_the_first_error():
    def count(progress):
        for done in range(10_000):
            time.sleep(0.001)
            progress(done, None)

    def fail(progress):
        raise ValueError("one of them")

    start = time.monotonic()
    with pytest.raises(ValueError, match="one of them"):
        run_all([count, fail, count, count], 2)
    assert time.monotonic() - start < 5
    assert run_all([lambda progress, i=i: i for i in range(9)], 3) == list(range(9))
    assert run_all([]) == []


def test_without_the_library(small, monkeypatch):
    def unavailable():
        raise Unavailable("it was not built")

    monkeypatch.setattr("fa.machine.simulator.native.library.library", unavailable)
    assert engines.engine_text() == "engine: numpy; no native one: it was not built"
    assert Simulator(small).run([], engine="auto").engine == "numpy"
    with pytest.raises(ValueError, match="there is no native engine: it was not built"):
        Simulator(small).run([], engine="native")
    with pytest.raises(ValueError, match="must be one of auto, native, numpy, plain"):
        Simulator(small).run([], engine="fast")

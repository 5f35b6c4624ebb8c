"""The recordings of the machine's measured timing, replayed in the cost table `rtl`.

Two criteria, both needed: every total within the reference's own spread (2 % of the time of
transfers, and 3 ns and one for each transfer), and nine of ten inside the totals that were seen;
what does not depend on memory timing to the ns. Counts, bytes and memories are exact.
"""

import base64

import numpy as np
import pytest
from fa.machine import Simulator, Trap
from fa.machine.simulator.engines import engines_here

from ..recordings import FOLDER, SELECTION, machine_of, read_recordings

MODES = ("overlap", "blocking")

WHOLE = FOLDER != SELECTION
LONGEST = {
    "plain": 3_000 if WHOLE else 100,
    "numpy": 20_000 if WHOLE else 200,
    "native": 1 << 62,
}
"""Executed instructions up to which an engine replays a case: of the selection some seconds."""

READS_ROWS = "mm_row_offset-D64"
"""The branch stops at offsets of M_MM that main's programs have. Here, as in the variant that the
kernels were recorded with, they mean what they mean in main."""

RENAMED = {"V_SHIFT_V": "V_SHFT_V"}


def simulator_of(case, machine):
    simulator, init = Simulator(machine), case["init"]
    for name in ("fp", "int"):
        if name in init:
            getattr(simulator, name)[init[name]["idx"]] = init[name]["val"]
    for address, text in init.get("hbm", []):
        data = np.frombuffer(base64.b64decode(text), np.uint8)
        simulator.hbm[address : address + data.size] = data
    return simulator


def tolerance(case, mode):
    """Cycles by which a total may be outside the recorded ones."""
    if mode in case.get("exact", ()):
        return 0
    counted = case["rtl"]["blocking"]["per_opcode"]
    transfers = [row for name, row in counted.items() if name.startswith("H_")]
    if not transfers:
        return 0
    return max(3 + sum(row[0] for row in transfers), 0.02 * sum(row[1] for row in transfers) / 1000)


def counts_of(recorded):
    return {
        RENAMED.get(name, name): (count, read + written)
        for name, (count, _, read, written) in recorded["per_opcode"].items()
    }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", engines_here())
def test_recordings(engine, mode):
    document = read_recordings("rtl_timing")
    problems, inside, runs = {}, 0, 0
    for case in document["cases"]:
        recorded = case["rtl"][mode]
        if recorded.get("executed", 0) > LONGEST[engine] or case["name"] == READS_ROWS:
            continue
        config = document["configs"][case["config"]]
        machine = machine_of(case["config"], config, case["init"]["hbm_size"])
        simulator = simulator_of(case, machine)
        words = np.array(case["words"], np.uint32)
        blocking = mode == "blocking"
        try:
            result = simulator.run(words, engine=engine, table="rtl", blocking=blocking)
        except Trap as trap:
            if recorded["status"] == "ok":
                problems[case["name"]] = f"stops: {trap}"
            continue
        if recorded["status"] != "ok":
            problems[case["name"]] = f"must stop: {recorded['message']}"
            continue
        low, high = recorded["totals"][0] / 1000, recorded["totals"][-1] / 1000
        allowed = tolerance(case, mode)
        if not low - allowed <= result.cycles <= high + allowed:
            problems[case["name"]] = f"{result.cycles} cycles, want {low} to {high} +- {allowed}"
        got = {n: (row["count"], row["hbm_bytes"]) for n, row in result.per_opcode.items()}
        if result.instructions != recorded["executed"] or got != counts_of(recorded):
            problems[case["name"]] = f"counts {got}, want {counts_of(recorded)}"
        moved = result.hbm_bytes_read, result.hbm_bytes_written
        if moved != (recorded["hbm_bytes_read"], recorded["hbm_bytes_written"]):
            problems[case["name"]] = f"moves {moved}"
        if case.get("memories") == "equal":
            main = simulator_of(case, machine)
            main.run(words, engine=engine)
            for name in ("vector", "matrix", "fp", "hbm"):
                if not np.array_equal(getattr(main, name), getattr(simulator, name)):
                    problems[case["name"]] = f"{name} differs"
        runs += 1
        inside += low <= result.cycles <= high
    assert not problems
    assert runs
    assert inside >= 0.9 * runs


@pytest.mark.parametrize("engine", engines_here())
def test_waits_stand_with_what_waits(engine):
    """By pc, a wait is part of the instruction that waits, as in the recorded statistics."""
    document = read_recordings("rtl_timing")
    compared = 0
    for case in document["cases"]:
        recorded = case["rtl"]["overlap"]
        if "overlap" not in case.get("exact", ()) or "pc_ps" not in recorded:
            continue
        machine = machine_of(
            case["config"], document["configs"][case["config"]], case["init"]["hbm_size"]
        )
        words = np.array(case["words"], np.uint32)
        result = simulator_of(case, machine).run(words, engine=engine, table="rtl")
        assert (result.pc_cycles * 1000).tolist() == recorded["pc_ps"], case["name"]
        compared += 1
    assert compared


def test_offsets_of_rows_and_of_columns():
    """M_MM takes a column below MLEN, and what main's programs have from there on."""
    document = read_recordings("rtl_timing")
    cases = {case["name"]: case for case in document["cases"]}
    cycles = []
    for name in ("mm_column_offset-D64", READS_ROWS):
        case = cases[name]
        machine = machine_of("D64", document["configs"]["D64"], case["init"]["hbm_size"])
        words = np.array(case["words"], np.uint32)
        runs = {
            engine: simulator_of(case, machine).run(words, engine=engine, table="rtl").cycles
            for engine in engines_here()
        }
        assert len(set(runs.values())) == 1
        cycles.append(runs["plain"])
    assert cycles[0] * 1000 == cases["mm_column_offset-D64"]["rtl"]["overlap"]["total_ps"]
    with pytest.raises(Trap, match="not a multiple of BLEN·MLEN"):
        simulator_of(cases["mm_column_offset-D64"], machine).run(
            np.array(cases["mm_column_offset-D64"]["words"], np.uint32)
        )

"""The recordings of the reference machine, replayed: words, memories, registers, counts, cycles."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from fa.machine import AssemblyError, Simulator, Trap, assemble
from fa.machine.numerics import f32_to_bf16

_SPEC = importlib.util.spec_from_file_location(
    "fa_test_recordings", Path(__file__).with_name("recordings.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
recordings = importlib.util.module_from_spec(_SPEC)
sys.modules["fa_test_recordings"] = recordings
_SPEC.loader.exec_module(recordings)

pytestmark = pytest.mark.skipif(
    not recordings.FOLDER.is_dir(),
    reason=f"no recordings in {recordings.FOLDER}; set FA_CONFORMANCE to their folder",
)

PROGRAMS = [category for category in recordings.CATEGORIES if category != "encoding"]

# The reference's own memory times vary by 1 or 2 ns between runs in about 1 of 200 transfers.
HBM_JITTER = 2


def report(capsys, text):
    with capsys.disabled():
        print(f"\n    {text}", end=" ")


def test_encoding(capsys):
    """`compat` gives the recorded words, or an error where there are none that fit 32 bits."""
    items = recordings.read("encoding")["items"]
    wrong = []
    accepted = 0
    for item in items:
        words = item.get("words")
        if words is not None and any(word < 0 for word in words):
            words = None
        try:
            got = [int(word) for word in assemble(item["asm"], compat=True)]
        except AssemblyError:
            got = None
        accepted += got is not None
        if got != words:
            wrong.append((item["asm"], words, got))
    report(capsys, f"encoding: {len(items)} lines, {accepted} accepted, {len(wrong)} wrong")
    assert not wrong


@pytest.mark.parametrize("engine", ["fast", "plain"])
@pytest.mark.parametrize("category", PROGRAMS)
def test_programs(category, engine, capsys):
    document = recordings.read(category)
    problems = {}
    exact = tolerant = rejected = jitter = executed = 0
    for case in document["cases"]:
        config = document["configs"][case["config"]]
        problem, tolerance, drift = replay(case, config, engine)
        if problem:
            problems[case["name"]] = problem
        if case["final"]["status"] != "ok":
            rejected += 1
            continue
        tolerant += tolerance > 0
        exact += tolerance == 0
        jitter += drift > 0
        executed += case["stats"]["executed"]
    report(
        capsys,
        f"{category}: {len(document['cases'])} cases, {exact} bit-exact, {tolerant} within one "
        f"bf16 step, {rejected} rejected, {executed} instructions, {jitter} with HBM time off "
        f"by at most {HBM_JITTER} ns an instruction, {len(problems)} wrong",
    )
    assert not problems


def replay(case, config, engine):
    """What is wrong with a replayed case; its tolerance; how far its memory time is off."""
    if case["words"] is None:
        return refused_by_assembler(case), 0, 0
    machine = recordings.machine(case["config"], config, case["init"]["hbm_size"])
    simulator = Simulator(machine)
    init = {
        "vram": simulator.vector,
        "fp": simulator.fp,
        "int": simulator.int,
        "hbm": simulator.hbm,
    }
    recordings.apply(init, case["init"])
    final = case["final"]
    try:
        if case["asm"] is not None:
            words = assemble(case["asm"], compat=True)
            if [int(w) for w in words] != case["words"]:
                return ["words"], 0, 0
        else:
            words = np.array(case["words"], np.uint32)
        result = simulator.run(words, engine=engine)
    except (Trap, AssemblyError) as error:
        return ([f"rejected: {error}"] if final["status"] == "ok" else []), 0, 0
    if final["status"] != "ok":
        return [f"not rejected: {final['message']}"], 0, 0
    used = set(result.per_opcode)
    tolerance = int(bool(used & recordings.UNORDERED) and "exact-sum" not in case["tags"])
    problems = compare(simulator, case, tolerance)
    problems += compare_stats(result, case["stats"])
    drift = abs(result.hbm_cycles - case["stats"]["hbm_ops_ps"] // 1000)
    return problems, tolerance, drift


def refused_by_assembler(case):
    """Problems of a text that the reference's assembler refuses."""
    try:
        assemble(case["asm"], compat=True)
    except AssemblyError:
        return []
    return [f"assembles, but: {case['final']['message']}"]


def compare(simulator, case, tolerance):
    """Memories and registers."""
    want = recordings.expected(simulator, case)
    tiles = f32_to_bf16(simulator.matrix).reshape(want["mram"].shape)
    bf16 = {"vram": simulator.vector, "mram": tiles, "fp": simulator.fp}
    problems = []
    for name, got in bf16.items():
        wrong = recordings.wrong_bf16(want[name], got, tolerance)
        if wrong:
            problems.append(f"{name}: {wrong} wrong")
    for name in ("int", "hbm"):
        if not np.array_equal(want[name], getattr(simulator, name)):
            problems.append(f"{name}: wrong")
    if simulator.gp.tolist() != case["final"]["gp"]:
        problems.append("gp")
    for register, bits in enumerate(case["final"].get("fpreg", [])):
        got = np.array([simulator.f[register]])
        if bits is not None and recordings.wrong_bf16(np.array([bits]), got, tolerance):
            problems.append(f"f{register}")
    return problems


def compare_stats(result, stats):
    """Counts exactly, compute cycles exactly, memory time within the reference's own jitter."""
    problems = []
    if result.instructions != stats["executed"]:
        problems.append(f"executed {result.instructions}, want {stats['executed']}")
    if result.compute_cycles * 1000 != stats["compute_ps"]:
        problems.append(f"compute {result.compute_cycles}, want {stats['compute_ps']} ps")
    for name in ("read", "written"):
        if getattr(result, f"hbm_bytes_{name}") != stats[f"hbm_bytes_{name}"]:
            problems.append(f"HBM bytes {name}")
    if set(result.per_opcode) != set(stats["per_opcode"]):
        problems.append("set of opcodes")
    for name, (count, _, read, written) in stats["per_opcode"].items():
        row = result.per_opcode.get(name)
        if row is None or (row["count"], row["hbm_bytes"]) != (count, read + written):
            problems.append(f"{name}: {row}, want {count} times, {read + written} bytes")
    transfers = sum(
        count for name, (count, *_) in stats["per_opcode"].items() if name.startswith("H_")
    )
    drift = abs(result.hbm_cycles * 1000 - stats["hbm_ops_ps"])
    if drift > HBM_JITTER * 1000 * transfers:
        problems.append(f"HBM time {result.hbm_cycles}, want {stats['hbm_ops_ps']} ps")
    # The attention recordings have no figures by pc.
    if "pc_count" in stats:
        problems += compare_by_pc(result, stats)
    return problems


def compare_by_pc(result, stats):
    problems = []
    if result.pc_counts.tolist() != stats["pc_count"]:
        problems.append("counts by pc")
    for pc, (got, want) in enumerate(zip(result.pc_cycles, stats["pc_ps"], strict=True)):
        moves_data = bool(result.pc_hbm_bytes[pc])
        allowed = HBM_JITTER * stats["pc_count"][pc] if moves_data else 0
        if abs(int(got) - want / 1000) > allowed:
            problems.append(f"cycles at pc {pc}: {got}, want {want} ps")
    return problems

"""The recordings of the reference machine, replayed: words, memories, registers, counts, cycles.

The comparison rules are those of the recordings' README: everything exact, any NaN equals any NaN,
and one bf16 step of tolerance after sums whose order the reference does not fix.
"""

import base64
import sys

import numpy as np
import pytest
from fa.machine import AssemblyError, Simulator, Trap, assemble
from fa.machine.numerics.bf16 import f32_to_bf16
from fa.machine.simulator.engines import engines_here

from ..recordings import machine_of, read_recordings

CATEGORIES = (
    "encoding",
    "scalar",
    "vector",
    "matrix",
    "memory",
    "control",
    "errors",
    "random",
    "kernels_own",
    "attention",
    "tables",
)

# After these the reference's own bits depend on its host's tensor library.
UNORDERED = frozenset({"M_TMV", "M_BTMV"})


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def apply(memories, delta):
    """Write a sparse description into a dict of memory arrays; `mram` is bf16 patterns."""
    if "vram" in delta:
        rows = delta["vram"]["rows"]
        memories["vram"][rows] = array(delta["vram"]["data"], "<u2").reshape(len(rows), -1)
    if "mram" in delta:
        tiles = delta["mram"]["tiles"]
        memories["mram"][tiles] = array(delta["mram"]["data"], "<u2").reshape(len(tiles), -1)
    for memory in ("fp", "int"):
        if memory in delta:
            memories[memory][delta[memory]["idx"]] = delta[memory]["val"]
    for address, text in delta.get("hbm", []):
        data = array(text, "u1")
        memories["hbm"][address : address + data.size] = data


def expected(simulator, case):
    """The memories after the recorded run."""
    tiles = simulator.matrix.shape[0]
    memories = {
        "vram": np.zeros(simulator.vector.shape, np.uint16),
        "mram": np.zeros((tiles, simulator.machine.mlen**2), np.uint16),
        "fp": np.zeros(simulator.fp.shape, np.uint16),
        "int": np.zeros(simulator.int.shape, np.uint32),
        "hbm": np.zeros(simulator.hbm.shape, np.uint8),
    }
    apply(memories, case["init"])
    apply(memories, case["final"])
    return memories


def is_nan(bits):
    return (bits & 0x7FFF) > 0x7F80


def steps(bits):
    """bf16 patterns as integers that are consecutive for consecutive values."""
    bits = bits.astype(np.int64)
    return np.where(bits & 0x8000, -(bits & 0x7FFF), bits & 0x7FFF)


def wrong_bf16(want, got, tolerance):
    """How many patterns differ by more than `tolerance` steps."""
    both_nan = is_nan(want) & is_nan(got)
    wrong = (want != got) & ~both_nan
    if tolerance:
        far = np.abs(steps(want) - steps(got)) > tolerance
        wrong &= far | is_nan(want) | is_nan(got)
    return int(wrong.sum())


PROGRAMS = [category for category in CATEGORIES if category != "encoding"]

# The reference's own memory times vary by 1 or 2 ns between runs in about 1 of 200 transfers.
HBM_JITTER = 2


def report(capsys, text):
    """Print a line even where output is captured or a worker of pytest-xdist runs the test."""
    with capsys.disabled():
        print(f"\nconformance: {text}", file=sys.stderr)


def test_encoding(capsys):
    """`compat` gives the recorded words, or an error where there are none that fit 32 bits."""
    items = read_recordings("encoding")["items"]
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


@pytest.mark.parametrize("engine", engines_here())
@pytest.mark.parametrize("category", PROGRAMS)
def test_programs(category, engine, capsys):
    document = read_recordings(category)
    problems = {}
    counts = dict.fromkeys(("exact", "tolerant", "rejected", "drifting", "executed"), 0)
    for case in document["cases"]:
        config = document["configs"][case["config"]]
        problem, outcome, drift = replay(case, config, engine)
        if problem:
            problems[case["name"]] = problem
        counts[outcome] += 1
        if outcome != "rejected":
            counts["drifting"] += drift > 0
            counts["executed"] += case["stats"]["executed"]
    report(
        capsys,
        f"{category} ({engine}): {len(document['cases'])} cases, {counts['exact']} bit-exact, "
        f"{counts['tolerant']} within one bf16 step, {counts['rejected']} rejected as recorded, "
        f"{counts['drifting']} with other memory time, {counts['executed']} instructions, "
        f"{len(problems)} wrong",
    )
    assert not problems


# A NaN of a 16-bit format with a payload in its low bits only is an infinity in the dump.
SMALL_PAYLOADS = ("H_PREFETCH_M_p1_all-F_bf16_f16-0", "H_PREFETCH_M_p0_all-F_mx16-0")


@pytest.mark.parametrize("engine", engines_here())
def test_nan_bits_that_transfers_leave(engine):
    """Matrix SRAM is written by transfers only, so even NaNs have the recorded bits there."""
    document = read_recordings("memory")
    compared, infinities = 0, {}
    for case in document["cases"]:
        if case["words"] is None or case["final"]["status"] != "ok":
            continue
        machine = machine_of(
            case["config"], document["configs"][case["config"]], case["init"]["hbm_size"]
        )
        simulator = Simulator(machine)
        apply({"vram": simulator.vector, "hbm": simulator.hbm}, case["init"])
        simulator.run(np.array(case["words"], np.uint32), hbm_time="none", engine=engine)
        want = expected(simulator, case)["mram"]
        got = simulator.matrix_bits.reshape(want.shape)
        assert np.array_equal(got, want), case["name"]
        compared += int(is_nan(want).sum())
        nan = np.isnan(simulator.matrix).reshape(want.shape)
        infinities[case["name"]] = int((nan & ~is_nan(want)).sum())
    assert compared > 0
    if any(name in infinities for name in SMALL_PAYLOADS):
        # The whole set; their memories are too large to travel.
        assert compared > 10_000
        assert [infinities[name] for name in SMALL_PAYLOADS] == [1, 3]


def replay(case, config, engine):
    """What is wrong with a replayed case; how it went; how far its memory time is off (cycles)."""
    if case["words"] is None:
        return refused_by_assembler(case), "rejected", 0
    machine = machine_of(case["config"], config, case["init"]["hbm_size"])
    simulator = Simulator(machine)
    init = {
        "vram": simulator.vector,
        "fp": simulator.fp,
        "int": simulator.int,
        "hbm": simulator.hbm,
    }
    apply(init, case["init"])
    final = case["final"]
    try:
        if case["asm"] is not None:
            words = assemble(case["asm"], compat=True)
            if [int(w) for w in words] != case["words"]:
                return ["words"], "rejected", 0
        else:
            words = np.array(case["words"], np.uint32)
        result = simulator.run(words, engine=engine)
    except (Trap, AssemblyError) as error:
        return ([f"rejected: {error}"] if final["status"] == "ok" else []), "rejected", 0
    if final["status"] != "ok":
        return [f"not rejected: {final['message']}"], "rejected", 0
    problems = compare(simulator, case, 0)
    outcome = "exact"
    if problems and UNORDERED & set(result.per_opcode) and "exact-sum" not in case["tags"]:
        outcome = "tolerant"
        problems = compare(simulator, case, 1)
    problems += compare_stats(result, case["stats"])
    return problems, outcome, abs(result.hbm_cycles - case["stats"]["hbm_ops_ps"] // 1000)


def refused_by_assembler(case):
    """Problems of a text that the reference's assembler refuses."""
    try:
        assemble(case["asm"], compat=True)
    except AssemblyError:
        return []
    return [f"assembles, but: {case['final']['message']}"]


def compare(simulator, case, tolerance):
    """Memories and registers."""
    want = expected(simulator, case)
    tiles = f32_to_bf16(simulator.matrix).reshape(want["mram"].shape)
    bf16 = {"vram": simulator.vector, "mram": tiles, "fp": simulator.fp}
    problems = []
    for name, got in bf16.items():
        wrong = wrong_bf16(want[name], got, tolerance)
        if wrong:
            problems.append(f"{name}: {wrong} wrong")
    for name in ("int", "hbm"):
        if not np.array_equal(want[name], getattr(simulator, name)):
            problems.append(f"{name}: wrong")
    if simulator.gp.tolist() != case["final"]["gp"]:
        problems.append("gp")
    for register, bits in enumerate(case["final"].get("fpreg", [])):
        got = np.array([simulator.f[register]])
        if bits is not None and wrong_bf16(np.array([bits]), got, tolerance):
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

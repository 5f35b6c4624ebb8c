"""fa-sim --trace, --profile, --break, --strict, --from-dumps, and fa-compile --emulator-dir."""

import json
from pathlib import Path

import numpy as np
import pytest
from fa.compiler import Kernel
from fa.machine import assemble
from fa.machine.numerics.bf16 import f32_to_bf16
from fa.machine.simulator.engines import engines_here
from fa.tools import fa_compile, fa_disasm, fa_opt, fa_sim

SOURCE = str(Path(__file__).parent / "Inputs" / "attention.mlir")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("kernel") / "k"
    assert fa_compile.main([SOURCE, "-o", str(folder)]) == 0
    return str(folder)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("arguments")
    rng = np.random.default_rng(1)
    flags: list[str] = []
    for name in ("q", "k", "v"):
        np.save(folder / f"{name}.npy", rng.standard_normal((1, 1, 64, 64)).astype(np.float32))
        flags += ["--arg", str(folder / f"{name}.npy")]
    return flags


def error(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    return text.rstrip("\n")


def test_profile(kernel: str, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([kernel, "--profile"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cycles = int(lines[0].removeprefix("cycles: "))
    assert lines[4] == f"engine: {engines_here()[0]}"
    assert lines[6].split()[0] == "cycles"
    assert any("fa.scores %s at " in line and "attention.mlir:" in line for line in lines)
    assert lines[-1].split()[0] == f"{cycles:,}"
    assert lines[-1].endswith("total")


def test_engines_print_the_same(kernel: str, capsys: pytest.CaptureFixture[str]):
    for options in ([], ["--break", "20"]):
        texts: set[str] = set()
        for engine in ("auto", *engines_here()):
            assert fa_sim.main([kernel, "--engine", engine, *options]) == 0
            lines = capsys.readouterr().out.splitlines()
            texts.add("\n".join(line for line in lines if not line.startswith("engine: ")))
        assert len(texts) == 1


def test_version_says_which_engine(capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("fa-sim ")
    assert second.startswith(f"engine: {engines_here()[0]}")


def test_engine_that_is_not_there(
    kernel: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fa.machine.simulator.engines.why_no_native", lambda: "it was not built")
    assert fa_sim.main([kernel, "--engine", "native"]) == 1
    assert error(capsys) == (
        "fa-sim: error: argument --engine: there is no native engine: it was not built"
    )
    assert fa_sim.main([kernel, "--engine", "fast"]) == 1
    assert "invalid choice: 'fast'" in error(capsys)
    assert fa_sim.main([]) == 1
    assert "required: DIR" in error(capsys)


def test_trace(kernel: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([kernel, "--trace", str(tmp_path / "t.json"), "--stats", "-"]) == 0
    stats = json.loads(capsys.readouterr().out)
    document = json.loads((tmp_path / "t.json").read_text())
    assert document["otherData"]["cycles"] == stats["cycles"]
    operations = [e["name"] for e in document["traceEvents"] if e["ph"] == "X" and e["tid"] == 0]
    assert operations[0] == "func.func"
    assert "fa.online_softmax %p" in operations
    assert fa_sim.main([kernel, "--trace", "/dev/null/t.json"]) == 1
    assert "cannot write" in error(capsys)


def test_break(kernel: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    loaded = Kernel.load(kernel)
    program = loaded.asm.splitlines()
    # The first instruction in the first loop: the one that loads queries, 16 rows an iteration.
    start = next(pc for pc, line in enumerate(program) if "C_LOOP_START" in line)
    pc, counter = start + 1, program[start].split()[1].rstrip(",")
    assert fa_sim.main([kernel, "--break", str(pc), "--dump-dir", str(tmp_path / "d")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["before", "pc", f"{pc}:", *program[pc].split()]
    assert lines[1].startswith("from fa.load %q at ")
    assert lines[2].startswith(f"executed {pc} instructions in ")
    assert f"in the loop at pc {start}, 4 iterations: {counter} = 4" in lines
    key = next(region for region in loaded.layout.regions if region.kind == "key")
    assert any(f"a{n} = {key.base:#x}" in line for n in range(8) for line in lines)
    assert (tmp_path / "d" / "vector.npy").is_file()


def test_break_outside_the_program(kernel: str, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([kernel, "--break", "100000"]) == 1
    assert "there is no pc 100000" in error(capsys)
    assert fa_sim.main([kernel, "--break", "-1"]) == 1
    assert "argument --break: '-1' is not an integer from 0 on" in error(capsys)


@pytest.mark.parametrize(
    "flags",
    [
        ["--break", "x"],
        ["--break", "3", "--profile"],
        ["--break", "3", "--out", "x.npy"],
        ["--stats", "-", "--profile"],
        ["--trace", "-", "--strict"],
        ["--trace", "-", "--stats", "-"],
    ],
)
def test_flags_that_do_not_go_together(
    kernel: str, flags: list[str], capsys: pytest.CaptureFixture[str]
):
    assert fa_sim.main([kernel, *flags]) == 1
    assert error(capsys).startswith("fa-sim: error: ")


def test_trace_to_standard_output_is_json(kernel: str, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([kernel, "--trace", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["traceEvents"]


PASSES = {
    "fused": [],
    "unfused": ["--tile", "--lower-to-isa"],
}


@pytest.mark.parametrize("passes", PASSES.values(), ids=PASSES)
def test_compiled_kernels_are_strict(
    passes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert fa_compile.main([SOURCE, *passes, "-o", str(tmp_path / "k")]) == 0
    assert fa_sim.main([str(tmp_path / "k"), "--strict"]) == 0
    assert capsys.readouterr().out.endswith("strict: nothing found\n")


def test_strict_finds_what_a_kernel_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A program from elsewhere: words to IR, compiled, simulated, checked."""
    text = "S_ADDI_INT gp1, gp0, 64\nC_LOOP_START gp2, 3\nV_EXP_V gp0, gp1, 0\nC_LOOP_END gp2\n"
    words = "".join(f"0x{word:08X}\n" for word in assemble(text))
    (tmp_path / "p.mem").write_text(words)
    assert (
        fa_disasm.main(["-t", "mlir", str(tmp_path / "p.mem"), "-o", str(tmp_path / "p.mlir")]) == 0
    )
    assert fa_opt.main([str(tmp_path / "p.mlir"), "-t", "plena-mem"]) == 0
    assert capsys.readouterr().out == words
    assert fa_compile.main([str(tmp_path / "p.mlir"), "-o", str(tmp_path / "k")]) == 0
    assert fa_sim.main([str(tmp_path / "k"), "--strict"]) == 1
    output = capsys.readouterr()
    assert (
        "pc 2: V_EXP_V gp0, gp1, 0: reads row 1 of vector SRAM (address 64), never written, "
        f"3 times [memory] from plena.v_exp_v at {tmp_path / 'p.mlir'}:"
    ) in output.out
    assert output.err == f"{tmp_path / 'k'}: error: --strict found 1 problem\n"


def test_files_for_the_emulator_and_its_dumps(
    kernel: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    emulator, dumps = tmp_path / "emulator", tmp_path / "dumps"
    assert fa_compile.main([SOURCE, "--emulator-dir", str(emulator), *arguments]) == 0
    out = tmp_path / "o.npy"
    assert fa_sim.main([kernel, *arguments, "--out", str(out), "--dump-dir", str(dumps)]) == 0
    with_kernel = capsys.readouterr().out
    assert fa_sim.main([str(emulator), "--dump-dir", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out == with_kernel
    for name in ("vector", "matrix", "fp", "int", "gp", "f", "a"):
        ours, theirs = (np.load(folder / f"{name}.npy") for folder in (dumps, tmp_path / "again"))
        assert np.array_equal(ours, theirs), name
    # What the machine's emulator would leave of this run.
    np.load(dumps / "vector.npy").tofile(dumps / "vram_dump.bin")
    f32_to_bf16(np.load(dumps / "matrix.npy")).tofile(dumps / "mram_dump.bin")
    np.load(dumps / "fp.npy").tofile(dumps / "fpsram_dump.bin")
    np.load(dumps / "int.npy").tofile(dumps / "intsram_dump.bin")
    for directory, given in ((kernel, arguments), (str(emulator), [])):
        assert fa_sim.main([directory, *given, "--from-dumps", str(dumps)]) == 0
        assert capsys.readouterr().out.count("_dump.bin: equal\n") == 4
    # HBM is there only when the emulator debugs.
    assert fa_sim.main([kernel, *arguments, "--from-dumps", str(dumps)]) == 0
    assert (
        "hbm_dump.bin: not compared, there is none; the emulator writes it with RUST_LOG=warn,"
        in (capsys.readouterr().out)
    )
    np.load(dumps / "hbm.npy").tofile(dumps / "hbm_dump.bin")
    cycles = int(with_kernel.split()[1])
    log = tmp_path / "log"
    compared = [kernel, *arguments, "--from-dumps", str(dumps), "--emulator-log", str(log)]
    log.write_text(f"Simulation completed. Latency {cycles}ns\n")
    assert fa_sim.main(compared) == 0
    found = capsys.readouterr().out
    assert "hbm_dump.bin: equal\nhbm_dump.bin: not compared from byte " in found
    assert f"time: equal, {cycles:,} cycles\n" in found
    log.write_text(f"Simulation completed. Latency {2 * cycles}ns\n")
    assert fa_sim.main(compared) == 1
    assert "the time differs from the log's" in capsys.readouterr().err
    log.write_text("nothing\n")
    assert fa_sim.main(compared) == 1
    assert error(capsys).startswith(f"{log}:1:1: error: there is no line 'Simulation completed.")
    assert fa_sim.main([kernel, "--emulator-log", str(log)]) == 1
    assert "--emulator-log goes with --from-dumps" in error(capsys)
    assert fa_sim.main([*compared, "--hbm-time", "none"]) == 1
    assert "--hbm-time none leaves out" in error(capsys)
    # Other arguments give other memories.
    assert fa_sim.main([kernel, "--from-dumps", str(dumps)]) == 1
    output = capsys.readouterr()
    assert "vram_dump.bin: " in output.out
    assert "values differ, at most " in output.out
    assert "vram_dump.bin, mram_dump.bin, hbm_dump.bin differ from this run" in output.err


def test_what_the_emulator_options_refuse(
    kernel: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert fa_sim.main([kernel, "--from-dumps", str(tmp_path)]) == 1
    assert "is no directory with dumps of the emulator" in error(capsys)
    assert fa_compile.main([SOURCE, "-o", str(tmp_path / "k"), *arguments]) == 1
    assert "--arg is for --emulator-dir" in error(capsys)
    assert not (tmp_path / "k").exists()
    emulator = tmp_path / "emulator"
    assert fa_compile.main([SOURCE, "--emulator-dir", str(emulator), *arguments[:2]]) == 1
    assert "takes 3 arguments" in error(capsys)
    assert not emulator.exists()
    assert fa_compile.main([SOURCE, "--emulator-dir", str(emulator)]) == 0
    assert fa_sim.main([str(emulator), *arguments]) == 1
    assert "--arg is for compiled kernels" in error(capsys)
    (emulator / "kernel.mem").write_text("0x00000001\nnonsense\n")
    assert fa_sim.main([str(emulator)]) == 1
    assert error(capsys).startswith(f"{emulator / 'kernel.mem'}:2:1: error: 'nonsense' is not")
    (emulator / "plena_settings.toml").write_text("[MODE\n")
    assert fa_sim.main([str(emulator)]) == 1
    assert error(capsys).startswith(
        f"{emulator / 'plena_settings.toml'}:1:6: error: not valid TOML"
    )


def simulate_text(text: str, folder: Path) -> int:
    """Write a program as files for the emulator, with other files of a small kernel; run it."""
    assert fa_compile.main([SOURCE, "--emulator-dir", str(folder)]) == 0
    words = "".join(f"0x{word:08X}\n" for word in assemble(text))
    (folder / "kernel.mem").write_text(words)
    return fa_sim.main([str(folder), "--hbm-time", "none"])


TRAPPING = [
    ("S_ADDI_INT gp1, gp0, 3\nV_EXP_V gp1, gp1, 0", 2, "vector address 3 is not a multiple"),
    ("C_LOOP_START gp1, 0\nC_LOOP_END gp1", 1, "a loop cannot have a count of 0"),
    ("C_LOOP_END gp1", 1, "no loop with the counter gp1 is open"),
    (
        # Once the loop of gp1 has ended, that of gp2 goes back to before its end.
        "C_LOOP_START gp1, 2\nC_LOOP_START gp2, 2\nC_LOOP_END gp1\nC_LOOP_END gp2",
        3,
        "no loop with the counter gp1 is open",
    ),
    ("S_LUI_INT gp1, 1048575\nH_PREFETCH_M gp1, gp0, a0, 0, 0", 2, "go beyond the last (16 tiles)"),
    ("S_LUI_INT gp1, 1\nS_LD_FP f1, gp1, 0", 2, "FP_MEM has 1024 entries, not entry 4096"),
    # The counter is set anew in each iteration: on the machine this never ends.
    ("C_LOOP_START gp1, 3\nS_ADDI_INT gp1, gp0, 2\nC_LOOP_END gp1", 3, "never ends"),
]


@pytest.mark.parametrize(("text", "line", "message"), TRAPPING)
def test_traps_say_where(
    text: str, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert simulate_text(text, tmp_path / "e") == 1
    found = error(capsys)
    assert found.startswith(f"{tmp_path / 'e' / 'kernel.mem'}:{line}:1: error: the machine stops: ")
    assert message in found
    assert found.endswith("(from (host program))")


def test_traps_of_kernels_name_the_operation(
    kernel: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "k"
    changed = Kernel.load(kernel)
    program = changed.asm.splitlines()
    # The address of the first scaled row becomes an odd one.
    at = next(pc for pc, line in enumerate(program) if "V_MUL_VF" in line)
    assert program[at - 1].startswith("C_LOOP_START ")
    pointer = program[at].split()[1].rstrip(",")
    assert program[at - 2].startswith(f"S_ADDI_INT {pointer}, gp0, ")
    program[at - 2] = f"S_ADDI_INT {pointer}, gp0, 1"
    changed.asm = "; changed by hand\n" + "\n".join(program) + "\n"
    changed.words = assemble(changed.asm)
    changed.save(folder)
    assert fa_sim.main([str(folder)]) == 1
    found = error(capsys)
    assert found.startswith(
        f"{folder / 'kernel.asm'}:{at + 2}:3: error: the machine stops: trap at"
    )
    assert "(from fa.scale %q_scaled at " in found

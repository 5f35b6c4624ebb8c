"""fa-compile, fa-sim and fa-run on one small kernel, and what they refuse."""

import io
import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from fa.frontends.mlir import read_module
from fa.tools import fa_compile, fa_run, fa_sim

SOURCE = str(Path(__file__).parent / "Inputs" / "attention.mlir")
FILES = ["kernel.asm", "kernel.mem", "kernel.mlir", "layout.json", "report.txt"]
NAMES = ("q", "k", "v")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled kernel in `kernel` and arguments in q.npy, k.npy, v.npy."""
    folder = tmp_path_factory.mktemp("work")
    assert fa_compile.main([SOURCE, "-o", str(folder / "kernel")]) == 0
    random = np.random.default_rng(0)
    for name in NAMES:
        values = random.standard_normal((1, 1, 64, 64)).astype(ml_dtypes.bfloat16)
        np.save(folder / f"{name}.npy", values)
    return folder


def arguments(work: Path) -> list[str]:
    return [text for name in NAMES for text in ("--arg", str(work / f"{name}.npy"))]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    return output.err.rstrip()


def test_what_fa_compile_writes(work: Path):
    assert sorted(p.name for p in (work / "kernel").iterdir()) == FILES
    read_module(work / "kernel" / "kernel.mlir")


def test_compiling_again_replaces_the_files(work: Path, tmp_path: Path):
    for passes in ([], ["--tile", "--lower-to-isa"], []):
        assert fa_compile.main([SOURCE, "-o", str(tmp_path / "k"), *passes]) == 0
    for name in FILES:
        assert (tmp_path / "k" / name).read_text() == (work / "kernel" / name).read_text()


def test_fa_compile_takes_lowered_modules(work: Path, tmp_path: Path):
    lowered = str(work / "kernel" / "kernel.mlir")
    assert fa_compile.main([lowered, "-o", str(tmp_path / "k")]) == 0
    assert (tmp_path / "k" / "kernel.asm").read_text() == (
        work / "kernel" / "kernel.asm"
    ).read_text()


def test_fa_sim(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out, stats, dump = tmp_path / "o.npy", tmp_path / "s.json", tmp_path / "dump"
    flags = ["--out", str(out), "--stats", str(stats), "--dump-dir", str(dump)]
    assert fa_sim.main([str(work / "kernel"), *arguments(work), *flags]) == 0
    found = json.loads(stats.read_text())
    assert capsys.readouterr().out == "".join(
        f"{key}: {found[key]}\n"
        for key in ("cycles", "instructions", "hbm_bytes_read", "hbm_bytes_written", "engine")
    )
    assert sum(row["cycles"] for row in found["per_opcode"].values()) == found["cycles"]
    assert sum(row["count"] for row in found["per_opcode"].values()) == found["instructions"]
    result = np.load(out)
    assert result.dtype == np.float32
    assert fa_run.main([SOURCE, *arguments(work), "--out", str(tmp_path / "r.npy")]) == 0
    reference = np.load(tmp_path / "r.npy")
    # The kernel's keys and values are in 8 bits, the reference's are not.
    error = np.linalg.norm(result - reference) / np.linalg.norm(reference)
    assert 0 < error < 0.1
    assert sorted(p.name for p in dump.iterdir()) == [
        f"{name}.npy" for name in ("a", "f", "fp", "gp", "hbm", "int", "matrix", "vector")
    ]


def test_cycles_do_not_depend_on_the_data(work: Path, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([str(work / "kernel"), *arguments(work), "--stats", "-"]) == 0
    with_data = capsys.readouterr().out
    assert fa_sim.main([str(work / "kernel"), "--stats", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(with_data)


def test_fa_run_prints_results(work: Path, capsys: pytest.CaptureFixture[str]):
    assert fa_run.main([SOURCE, *arguments(work)]) == 0
    assert capsys.readouterr().out.startswith("result 0: 1x1x64x64, from ")


def test_fa_run_without_rounding(work: Path, tmp_path: Path):
    for name, flags in (("rounded", []), ("exact", ["--no-round"])):
        path = str(tmp_path / f"{name}.npy")
        assert fa_run.main([SOURCE, *arguments(work), "--out", path, *flags]) == 0
    rounded, exact = np.load(tmp_path / "rounded.npy"), np.load(tmp_path / "exact.npy")
    assert np.array_equal(rounded, rounded.astype(ml_dtypes.bfloat16).astype(np.float32))
    q, k, v = (np.load(work / f"{n}.npy").view(ml_dtypes.bfloat16).astype(float) for n in NAMES)
    p = np.exp(q @ k.swapaxes(-1, -2) / 8)
    expected = p @ v / p.sum(-1, keepdims=True)
    np.testing.assert_allclose(exact, expected, atol=1e-5)


def test_fa_run_reads_standard_input(work: Path, monkeypatch: pytest.MonkeyPatch):
    text = Path(SOURCE).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert fa_run.main(["-", *arguments(work)]) == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "fa-compile: error: the following arguments are required: INPUT"),
        ([SOURCE], "fa-compile: error: the following arguments are required: -o/--output"),
        (["no.mlir", "-o", "{}/k"], "fa-compile: error: cannot read 'no.mlir': No such file or"),
        ([SOURCE, "-o", "{}/file"], "fa-compile: error: cannot write '{}/file': Not a directory"),
        ([SOURCE, "-o", "{}/file/k"], "fa-compile: error: cannot write '{}/file/k': '{}/file' is "),
        ([SOURCE, "-o", ""], "fa-compile: error: an output cannot be called ''; write a path"),
        ([SOURCE, "--emulator-dir", ""], "fa-compile: error: an output cannot be called ''; write"),
        ([SOURCE, "-o", "{}/k", "--tiel"], "fa-compile: error: unknown pass 'tiel'; did you mean"),
        ([SOURCE, "-o", "{}/k", "--zzz"], "fa-compile: error: unknown flag '--zzz'; passes are --"),
        ([SOURCE, "-o", "{}/k", "-p", "tile{x=1}"], "fa-compile: error: pass 'tile' has no option"),
        ([SOURCE, "-o", "{}/k", "--machine", "x"], "fa-compile: error: no machine called 'x': "),
        ([SOURCE, "-o", "{}/k", "--tile=q-tile=3"], f"{SOURCE}:3:8: error: q-tile = 3 must be"),
    ],
)
def test_fa_compile_bad_input(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    assert fa_compile.main([flag.replace("{}", str(tmp_path)) for flag in flags]) == 1
    assert one_line(capsys).startswith(message.replace("{}", str(tmp_path)))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out", "{}/o.npy", "--out", "{}/p.npy"], "the kernel has 1 results, but --out is giv"),
        (
            ["--out", "/dev/null/o.npy"],
            "cannot write '/dev/null/o.npy': '/dev/null' is no directory",
        ),
        (["--out", "-"], "standard output ('-') is for text; write the path of a file"),
        (["--out", "{}/a", "--stats", "{}/a"], "two outputs go to '{}/a'; give each its own"),
        (["--stats", "{}"], "cannot write '{}': Is a directory"),
        (["--dump-dir", "/dev/null/d"], "cannot write '/dev/null/d': '/dev/null' is no directory"),
        (["--dump-dir", ""], "an output cannot be called ''; write a path"),
        (["--out", "{}/o.npy", "--arg", "no.npy"], "cannot read 'no.npy': No such file or direct"),
        (["--out", "{}/o.npy", "--arg", SOURCE], f"'{SOURCE}' is no .npy file"),
        (["--out", "{}/o.npy", "--arg", "{}/../q.npy"], "the kernel takes 3 arguments, got 1"),
        (["--hbm-time", "x"], "argument --hbm-time: invalid choice: 'x' (choose from"),
    ],
)
def test_fa_sim_bad_input(
    flags: list[str], message: str, work: Path, capsys: pytest.CaptureFixture[str]
):
    folder = work / "empty"
    folder.mkdir(exist_ok=True)
    given = [flag.replace("{}", str(folder)) for flag in flags]
    assert fa_sim.main([str(work / "kernel"), *given]) == 1
    assert one_line(capsys).startswith("fa-sim: error: " + message.replace("{}", str(folder)))
    assert not list(folder.iterdir())


def test_fa_sim_without_a_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert fa_sim.main([str(tmp_path / "no")]) == 1
    assert "No such file or directory" in one_line(capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "fa-run: error: @attention takes 3 arguments, got 0"),
        (["--arg", "no.npy"], "fa-run: error: cannot read 'no.npy': No such file or directory"),
        (["--out", ""], "fa-run: error: an output cannot be called ''; write a path"),
        (["--arg"], "fa-run: error: argument --arg: expected one argument"),
    ],
)
def test_fa_run_bad_input(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert fa_run.main([SOURCE, *flags]) == 1
    assert one_line(capsys).startswith(message)

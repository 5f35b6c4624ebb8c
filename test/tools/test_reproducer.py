"""What escapes a pass is one line that names it, and a file that runs it again."""

from __future__ import annotations

import re
from pathlib import Path

import fa
import pytest
from fa.passes.tiling.fuse import FusePass
from fa.tools import fa_compile, fa_opt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

SMALL = Path(__file__).resolve().parents[2] / "examples" / "small.mlir"
WHOLE = "pass 'fuse' failed with KeyError: 'x'; this is a defect of the compiler"


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch):
    """A pass that fails with an exception of its own."""

    def planted(self: FusePass, ctx: Context, op: ModuleOp):
        raise KeyError("x")

    monkeypatch.setattr(FusePass, "apply", planted)
    return monkeypatch


def test_the_line_and_the_file(
    defect: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "r.mlir"
    flags = ["--tile", "--fuse=order=keys", "--quantize", "--machine", "plena-128"]
    assert fa_opt.main([*flags, f"--crash-reproducer={file}", str(SMALL)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"{SMALL}:1:1: error: {WHOLE}\n"
    # Again, and with the defect mended what would have come.
    assert fa_opt.main(["--run-reproducer", str(file)]) == 1
    assert capsys.readouterr().err == f"{file}:2:1: error: {WHOLE}\n"
    defect.undo()
    assert fa_opt.main(["--run-reproducer", str(file)]) == 0
    replayed = re.sub('where = "[^"]*"', "", capsys.readouterr().out)
    assert fa_opt.main([*flags, str(SMALL)]) == 0
    assert replayed == re.sub('where = "[^"]*"', "", capsys.readouterr().out)


def test_of_fa_compile(
    defect: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, out = tmp_path / "r.mlir", tmp_path / "out"
    flags = ["-p", "tile,fuse", "-o", str(out), "--crash-reproducer", str(file)]
    assert fa_compile.main([*flags, str(SMALL)]) == 1
    assert capsys.readouterr().err == f"{SMALL}:1:1: error: {WHOLE}\n"
    assert file.read_text().startswith("// configuration: -p 'fuse,stream-softmax,")
    assert not out.exists()


@pytest.mark.usefixtures("defect")
def test_in_python():
    with pytest.raises(fa.CompileError) as error:
        fa.compile(str(SMALL), passes="tile,fuse")
    assert error.value.message == WHOLE
    assert isinstance(error.value.__cause__, KeyError)
    assert error.value.reproducer is None


def test_what_a_pass_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "r.mlir"
    flags = ["--tile", "--map=sums=columns", f"--crash-reproducer={file}"]
    assert fa_opt.main([*flags, str(SMALL)]) == 1
    message = capsys.readouterr().err.partition(": error: ")[2]
    assert "sums=columns is not possible here" in message
    assert fa_opt.main(["--run-reproducer", str(file)]) == 1
    assert capsys.readouterr().err.partition(": error: ")[2] == message


def test_none_where_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "r.mlir"
    assert fa_opt.main(["--tile", f"--crash-reproducer={file}", str(SMALL)]) == 0
    assert not file.exists()
    assert capsys.readouterr().err == ""


BAD = {
    "this is no reproducer: its first line would be // configuration: -p 'PASSES'": [],
    "--run-reproducer: passes and machine are those of the file": ["--tile"],
}


@pytest.mark.parametrize("message", BAD)
def test_bad_files(message: str, capsys: pytest.CaptureFixture[str]):
    assert fa_opt.main(["--run-reproducer", *BAD[message], str(SMALL)]) == 1
    assert capsys.readouterr().err.endswith(f"error: {message}\n")

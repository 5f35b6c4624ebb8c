"""What the tools share: output that is whole or absent, and the progress bar."""

import io
import os
import sys
from pathlib import Path

import pytest
from fa.diagnostics import CompileError
from fa.output_files import write_directory
from fa.tools.support.driver import (
    check_writable,
    collect_passes,
    run_tool,
    write_file,
    write_text,
)
from fa.tools.support.progress import ProgressBar

KNOWN = {"tile", "fuse", "p-pass"}


@pytest.mark.parametrize(
    ("arguments", "pieces", "others"),
    [
        ("x.mlir", [], ["x.mlir"]),
        ("--tile x.mlir --fuse", ["tile", "fuse"], ["x.mlir"]),
        ("--tile=a=1 x.mlir", ["tile{a=1}"], ["x.mlir"]),
        ("--tile= x.mlir", ["tile"], ["x.mlir"]),
        ("-tile x.mlir", ["tile"], ["x.mlir"]),
        ("-p a,b --tile", ["a,b", "tile"], []),
        ("--tile -pa,b", ["tile", "a,b"], []),
        ("--passes=a --passes b", ["a", "b"], []),
        ("-p-pass", ["p-pass"], []),
        ("-o y.mlir --tiel x", [], ["-o", "y.mlir", "--tiel", "x"]),
        ("--tile -- --fuse", ["tile"], ["--", "--fuse"]),
        ("--tile -p", ["tile"], ["-p"]),
    ],
)
def test_collect_passes(arguments: str, pieces: list[str], others: list[str]):
    assert collect_passes(arguments.split(" "), KNOWN) == (pieces, others)


def test_options_keep_their_spaces():
    assert collect_passes(["--tile=a=1 b='x y'"], KNOWN) == (["tile{a=1 b='x y'}"], [])


def fail(path: str) -> None:
    (Path(path) / "half" if os.path.isdir(path) else Path(path)).write_text("half")
    raise CompileError("no more")


def test_write_file(tmp_path: Path):
    path = tmp_path / "x"
    write_text(str(path), "one")
    write_text(str(path), "two")
    assert path.read_text() == "two"
    with pytest.raises(CompileError):
        write_file(str(path), fail)
    assert path.read_text() == "two"
    assert os.listdir(tmp_path) == ["x"]


def test_write_file_follows_links(tmp_path: Path):
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    write_text(str(link), "text")
    assert link.is_symlink()
    assert real.read_text() == "text"


def test_new_files_have_the_usual_permissions(tmp_path: Path):
    usual = tmp_path / "usual"
    usual.write_text("")
    write_text(str(tmp_path / "x"), "")
    write_directory(str(tmp_path / "d"), lambda _: None)
    (tmp_path / "e").mkdir()
    assert (tmp_path / "x").stat().st_mode == usual.stat().st_mode
    assert (tmp_path / "d").stat().st_mode == (tmp_path / "e").stat().st_mode


def test_write_to_what_is_no_file():
    write_text("/dev/null", "text")
    assert not os.path.isfile("/dev/null")


def test_write_directory(tmp_path: Path):
    path = tmp_path / "d"
    write_directory(str(path), lambda d: (Path(d) / "a").write_text("1"))
    write_directory(str(path), lambda d: (Path(d) / "b").write_text("2"))
    write_directory(str(path), lambda d: (Path(d) / "a").write_text("3"))
    assert {p.name: p.read_text() for p in path.iterdir()} == {"a": "3", "b": "2"}
    with pytest.raises(CompileError):
        write_directory(str(path), fail)
    with pytest.raises(CompileError):
        write_directory(str(tmp_path / "new"), fail)
    assert sorted(os.listdir(path)) == ["a", "b"]
    assert os.listdir(tmp_path) == ["d"]


def test_write_directory_where_a_file_is(tmp_path: Path):
    path = tmp_path / "d"
    path.write_text("file")
    with pytest.raises(CompileError, match=r"cannot write '.*': Not a directory"):
        write_directory(str(path), lambda _: None)
    assert path.read_text() == "file"


def test_check_writable(tmp_path: Path):
    check_writable(str(tmp_path / "x"))
    with pytest.raises(CompileError, match="Is a directory"):
        check_writable(str(tmp_path))
    check_writable(str(tmp_path / "no" / "such" / "x"))
    (tmp_path / "file").touch()
    with pytest.raises(CompileError, match="file' is no directory"):
        check_writable(str(tmp_path / "file" / "x"))
    with pytest.raises(CompileError, match="cannot be called ''"):
        check_writable("")
    assert os.listdir(tmp_path) == ["file"]


def test_folders_above_are_made_or_nothing_is(tmp_path: Path):
    with pytest.raises(CompileError):
        write_file(str(tmp_path / "a" / "b" / "x"), fail)
    assert os.listdir(tmp_path) == []
    write_text(str(tmp_path / "a" / "b" / "x"), "text")
    assert (tmp_path / "a" / "b" / "x").read_text() == "text"


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_no_name_for_a_file(path: str):
    with pytest.raises(CompileError, match="an output cannot be called"):
        write_text(path, "text")


def test_run_tool_prints_bad_input(capsys: pytest.CaptureFixture[str]):
    def bad():
        raise CompileError("wrong\n  twice", "x.mlir:1:2")

    assert run_tool("tool", bad) == 1
    assert capsys.readouterr() == ("", "x.mlir:1:2: error: wrong twice\n")


def test_run_tool_lets_bugs_through():
    with pytest.raises(ZeroDivisionError):
        run_tool("tool", lambda: print(1 // 0))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with ProgressBar("working") as progress:
        progress(1, 4)
        progress(2, 4)  # too soon after the one before
        progress(4, 4)
    text = screen.getvalue()
    assert "working [##########" in text
    assert " 25%" in text
    assert " 50%" not in text
    assert "100%" in text
    assert text.endswith("\r")


def test_progress_without_a_total(monkeypatch: pytest.MonkeyPatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with ProgressBar("working") as progress:
        progress(1234567, None)
    assert "working 1,234,567" in screen.getvalue()


def test_no_progress_without_a_terminal(capsys: pytest.CaptureFixture[str]):
    with ProgressBar("working") as progress:
        progress(1, 1)
    assert capsys.readouterr() == ("", "")

"""Bad input of every kind to every tool: status 1, one located line, and nothing left behind.

The cases are in the `.cases` files, by tool: a command line, and below it, indented, the line that
it must print, where `...` stands for anything. Commands run in a folder with the files that
`inputs.py` makes. All are run in this process, every sixteenth also as one of its own.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="some of the files are ONNX models")

from . import inputs

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent

LIMIT = 20
"""Seconds that a command may take."""

LIMIT_OF_ALL = 60
"""Seconds that all of them may take that one process runs."""

EVERY = 16
"""One of so many commands is run as a process of its own too."""


@dataclass(frozen=True)
class Case:
    """A command line, the line it must print, and where it stands."""

    command: str
    expected: str
    place: str

    @property
    def words(self) -> list[str]:
        r"""The arguments, the tool first; `\n` is a line end."""
        return shlex.split(self.command.partition(" < ")[0].replace(r"\n", "\n"))

    @property
    def stdin(self) -> bytes:
        """What stands behind `<`: the contents of that file."""
        name = self.command.partition(" < ")[2]
        return Path(name).read_bytes() if name else b""

    def check(self, status: int, out: str, err: str) -> None:
        """Status 1, nothing on standard output, and the expected line alone on the other."""
        assert (status, out) == (1, ""), err
        assert err.count("\n") == 1, err[:1000]
        assert len(err) < 3000
        pattern = ".*".join(map(re.escape, self.expected.split("...")))
        assert re.fullmatch(pattern, err[:-1]), f"{self.place}: {self.command}\n{err}"


def read(path: Path) -> list[Case]:
    """The cases of a file."""
    found: list[Case] = []
    command = ""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("    "):
            assert command, f"{path.name}:{number}: a line without a command"
            found.append(Case(command, line.strip(), f"{path.name}:{number - 1}"))
            command = ""
        elif line and not line.startswith("#"):
            command = line
    return found


CASES = [case for path in sorted(HERE.glob("*.cases")) for case in read(path)]

Snapshot = dict[str, tuple[int, int, int]]


def snapshot() -> Snapshot:
    """Every file of the current folder, with size, time of change and number."""
    found: Snapshot = {}
    for folder, folders, files in os.walk("."):
        for name in files + folders:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            changed = 0 if name in folders else stat.st_mtime_ns
            found[path] = (stat.st_size if changed else 0, changed, stat.st_ino)
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with all files, the current one; it must be the same at the end of each test."""
    folder = tmp_path_factory.mktemp("bad")
    inputs.make(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def spent() -> Iterator[list[float]]:
    """The seconds of each command of this process."""
    seconds: list[float] = []
    yield seconds
    assert sum(seconds) < LIMIT_OF_ALL


@pytest.fixture(scope="module")
def files(work: Path) -> Snapshot:
    """The files as they are to stay."""
    return snapshot()


def check_files(files: Snapshot) -> None:
    """All is as before; what is not is told once, by the command that did it."""
    now, before = snapshot(), dict(files)
    files.clear()
    files.update(now)
    assert now == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.place)
def test_in_this_process(
    case: Case, files: Snapshot, spent: list[float], monkeypatch: pytest.MonkeyPatch
):
    tool = import_module(f"fa.tools.{case.words[0].replace('-', '_')}")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(case.stdin)))
    out, err = io.StringIO(), io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = tool.main(case.words[1:])
    spent.append(time.perf_counter() - start)
    case.check(status, out.getvalue(), err.getvalue())
    assert spent[-1] < LIMIT
    check_files(files)


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: case.place)
def test_as_a_process(case: Case, files: Snapshot):
    words = case.words
    run = subprocess.run(
        [BIN / words[0], *words[1:]],
        input=case.stdin,
        capture_output=True,
        check=False,
        timeout=LIMIT,
    )
    case.check(run.returncode, run.stdout.decode(), run.stderr.decode())
    check_files(files)


def test_there_are_enough_of_them():
    assert len(CASES) >= 400
    assert len(CASES[::EVERY]) >= 40
    tools = {case.words[0] for case in CASES}
    assert tools == {
        f"fa-{name}"
        for name in (
            *("opt", "compile", "sim", "run", "gen", "asm", "disasm", "pack", "unpack"),
            "accuracy",
        )
    }

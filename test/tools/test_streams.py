"""Standard streams that are closed or full, and interrupts at any moment: real processes."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from fa.tools.support.driver import run_tool, write_text

BIN = Path(sys.executable).parent
SMALL = str(Path(__file__).resolve().parent.parent.parent / "examples" / "small.mlir")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command line with the tools of this environment."""
    return subprocess.run(
        ["bash", "-c", f'PATH="{BIN}:$PATH"; {command}'],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"fa-opt {SMALL} >/dev/full", "fa-opt: error: cannot write '<stdout>': No space left"),
        (f"fa-opt {SMALL} >&-", "fa-opt: error: cannot write '<stdout>': it is closed"),
        ("fa-opt --help >/dev/full", "fa-opt: error: cannot write '<stdout>': No space left"),
        ("fa-opt --version >&-", "fa-opt: error: cannot write '<stdout>': it is closed"),
        ("fa-sim --help >/dev/full", "fa-sim: error: cannot write '<stdout>': No space left"),
        ("fa-opt - <&-", "fa-opt: error: cannot read '<stdin>': it is closed"),
        ("fa-gen --model x 2>&-", ""),
    ],
)
def test_streams(command: str, message: str):
    run = shell(command)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(message)
    assert run.stderr.count("\n") == (1 if message else 0)


def test_text_that_the_locale_lacks(monkeypatch: pytest.MonkeyPatch):
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(data, encoding="ascii"))
    assert run_tool("tool", lambda: write_text(None, "\u00e9")) == 0
    assert data.getvalue() == "\u00e9".encode()


INTERRUPTED = """
import builtins, os, signal, sys
plain = builtins.__import__
def imported(name, *rest):
    if name == {name!r}:
        os.kill(os.getpid(), signal.SIGINT)
    return plain(name, *rest)
builtins.__import__ = imported
sys.argv = ["fa-run", {path!r}]
from fa.tools.start import fa_run
sys.exit(fa_run())
"""


# The first is imported with the tool, the second when there is something to compute.
@pytest.mark.parametrize("name", ["xdsl.parser", "numpy"])
def test_interrupt_during_an_import(name: str):
    script = INTERRUPTED.format(name=name, path=SMALL)
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=20
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")

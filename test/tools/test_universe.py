"""What plain xDSL tools see of this package, through its entry point."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fa.universe import FA_UNIVERSE, PASSES, bare_passes, prefixed

XDSL_OPT = str(Path(sys.executable).parent / "xdsl-opt")


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_answers_to_both_names(name: str):
    bare = bare_passes()[name]()
    full = FA_UNIVERSE.all_passes[prefixed(name)]()
    assert bare.name == name
    assert full.name == prefixed(name)
    assert issubclass(full, bare) or issubclass(bare, full) or bare.__doc__ == full.__doc__
    assert bare.__doc__


@pytest.mark.parametrize("name", FA_UNIVERSE.all_dialects)
def test_dialects(name: str):
    assert FA_UNIVERSE.all_dialects[name]().name == name


@pytest.mark.parametrize("name", FA_UNIVERSE.all_targets)
def test_targets(name: str):
    assert FA_UNIVERSE.all_targets[name]().name == name


def test_the_universe_is_cheap_to_import():
    code = (
        "import sys, fa.universe\n"
        "assert 'numpy' not in sys.modules\n"
        "loaded = {m for m in sys.modules if m.startswith(('fa.dialects', 'fa.passes'))}\n"
        "assert loaded == {'fa.passes', 'fa.passes.pipelines'}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fa_opt_does_without_numpy(tmp_path: Path):
    path = tmp_path / "x.mlir"
    path.write_text("func.func private @f()")
    code = (
        "import sys\n"
        "from fa.tools.fa_opt import main\n"
        f"assert main([{str(path)!r}]) == 0\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.skipif(shutil.which(XDSL_OPT) is None, reason="the package is not installed")
def test_xdsl_opt_lists_the_passes():
    text = subprocess.run([XDSL_OPT, "--help"], check=True, capture_output=True, text=True).stdout
    listed = "".join(text.split())
    for name in PASSES:
        assert prefixed(name) in listed
    assert "plena-asm" in listed

"""MAX_LOOP_INSTRUCTIONS: loops that would trap are unrolled, as few as possible, and reported."""

from __future__ import annotations

from pathlib import Path

import fa
import pytest
from fa.machine import Machine, Trap
from fa.machine.spec.params import PRESETS

from ..attentions import FUSED, UNFUSED, Case, relative_error

CASE = Case(128, 128, 128, q_heads=8, kv_heads=2)
LIMIT = 20_000
"""One KV head, with its four query heads, executes more instructions than this; one query head
fewer, but more than FEWER."""
FEWER = 1_000


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory):
    """Writes the settings file of plena-64 with another limit."""
    folder = tmp_path_factory.mktemp("machines")
    key = "[TRANSACTIONAL.CONFIG.MAX_LOOP_INSTRUCTIONS]"

    def write(limit: int) -> Path:
        before, after = (PRESETS / "plena-64.toml").read_text().split(key)
        assert "value = 1000000000" in after.split("[")[0]
        path = folder / f"limit-{limit}.toml"
        path.write_text(before + key + after.replace("value = 1000000000", f"value = {limit}", 1))
        assert Machine.load(path).max_loop_instructions == limit
        return path

    return write


def unrolled(kernel: fa.Kernel) -> list[str]:
    """The lines of the report that say what was unrolled."""
    _, _, rest = kernel.report.split("\n\ncost")[0].partition("loops unrolled")
    return rest.splitlines()[1:]


@pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])
def test_both_limits(limited, passes: str):
    args = CASE.arguments()
    kernels = [
        fa.compile(CASE.module(), machine=limited(limit), passes=passes)
        for limit in (1_000_000_000, LIMIT)
    ]
    runs = [kernel.run(*args, hbm_time="none") for kernel in kernels]
    expected, _ = CASE.reference(kernels[0].stored(*args))
    for run in runs:
        assert relative_error(run.outputs[0], expected) <= 8e-3
    assert (runs[0].outputs[0] == runs[1].outputs[0]).all()
    assert unrolled(kernels[0]) == []
    assert len(unrolled(kernels[1])) == 1
    # Only the outermost loop, of two iterations, had to go.
    assert len(kernels[0].words) < len(kernels[1].words) < 2 * len(kernels[0].words) + 10


def test_without_unrolling_the_machine_stops(limited):
    kernel = fa.compile(CASE.module(), machine=limited(1_000_000_000))
    kernel.machine = Machine.load(limited(LIMIT))
    with pytest.raises(Trap, match=str(LIMIT)):
        kernel.run(*CASE.arguments())


def test_several_loops(limited):
    """A small limit takes more than the outermost loop."""
    kernel = fa.compile(CASE.module(), machine=limited(FEWER))
    args = CASE.arguments()
    expected, _ = CASE.reference(kernel.stored(*args))
    assert relative_error(kernel.run(*args, hbm_time="none").outputs[0], expected) <= 8e-3
    assert len(unrolled(kernel)) > 1

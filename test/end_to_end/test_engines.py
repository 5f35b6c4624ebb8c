"""Compiled kernels run alike in every engine, memories whole."""

from pathlib import Path

import fa
import numpy as np
import pytest
from fa.machine.simulator.engines import engines_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "small.mlir"
MEMORIES = ("vector", "matrix", "fp", "int", "hbm", "gp", "f", "a")


def arguments(kernel: fa.Kernel, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(np.float32) for shape in kernel.argument_shapes]


@pytest.mark.parametrize("target", ["emulator", "analytic", "rtl", "bytes"])
@pytest.mark.parametrize("passes", [None, "tile,quantize,allocate-sram,lower-to-isa"])
def test_engines_agree(target: str, passes: str | None):
    kernel = fa.compile(EXAMPLE, passes=passes, optimize_for=target)
    args = arguments(kernel, 1)
    first, *others = (kernel.run(*args, engine=engine) for engine in reversed(engines_here()))
    for other in others:
        for name in MEMORIES:
            want, got = getattr(first.simulator, name), getattr(other.simulator, name)
            assert np.array_equal(want[: 1 << 20], got[: 1 << 20], equal_nan=name == "matrix"), name
        for name in ("cycles", "hbm_cycles", "instructions", "hbm_bytes_read", "per_opcode"):
            assert getattr(first, name) == getattr(other, name), name
        assert first.pc_cycles.tolist() == other.pc_cycles.tolist()


@pytest.mark.parametrize("engine", engines_here())
def test_many_runs_are_the_single_ones(engine: str):
    kernel = fa.compile(EXAMPLE)
    many = [arguments(kernel, seed) for seed in range(5)]
    runs = kernel.run_many(many, hbm_time="none", engine=engine, threads=3)
    assert len(runs) == len(many)
    for args, run in zip(many, runs, strict=True):
        alone = kernel.run(*args, hbm_time="none")
        assert np.array_equal(run.outputs[0], alone.outputs[0])
        assert run.cycles == alone.cycles


def test_many_runs_name_what_is_wrong():
    kernel = fa.compile(EXAMPLE)
    good = arguments(kernel, 0)
    with pytest.raises(fa.CompileError, match="takes 3 arguments, got 2"):
        kernel.run_many([good, good[:2], good])
    assert kernel.run_many([]) == []

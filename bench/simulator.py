"""How fast the simulator is: executed instructions a second on three programs, and HBM transfers.

python bench/simulator.py [REPETITIONS]

CPU time, the best of a few runs of an already translated program. What bounds the rate is the cost
of calling numpy, about half a microsecond a call on rows of 64 elements: a vector instruction is
two calls, a matrix one four, while scalar and integer instructions are plain Python at 0.05 to
0.2 microseconds. Ten times the rate would need whole loops turned into single numpy operations, or
a compiled inner loop. With exact memory time, the model of the memory's eight controllers takes
most of the time: some 3 microseconds for each command that a controller issues.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import fa
from fa.machine import Machine, Simulator
from fa.machine.hbm.dram import Dram
from fa.machine.hbm.transfers import addresses, prefetch_lines, store_lines
from fa.machine.spec.formats import BF16, E4M3, E8M0, HbmFormat, MxFormat, PlainFormat

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = ("llama_prefill.mlir", "llama_decode.mlir", "small.mlir")
MX = MxFormat(8, E4M3, E8M0)


def program_rate(machine: Machine, words: list[int], hbm_time: str, repetitions: int):
    """Instructions executed and the best CPU seconds of a run."""
    simulator = Simulator(machine)
    best, instructions = float("inf"), 0
    for _ in range(repetitions + 1):
        simulator.gp[:] = 0
        start = time.process_time()
        instructions = simulator.run(words, hbm_time=hbm_time).instructions
        best = min(best, time.process_time() - start)
    return instructions, best


def transfer_time(form: HbmFormat, rows: int, stride: int, store: bool, repetitions: int) -> float:
    """Milliseconds of the memory model for one transfer of rows of 64 elements, cold."""
    at = addresses(form, 0, 0, rows * stride, stride, rows)
    lines = store_lines(form, at, 64) if store else prefetch_lines(form, at, 64)
    best = float("inf")
    for _ in range(repetitions):
        dram = Dram()
        start = time.process_time()
        dram.store(lines, 0) if store else dram.read(lines, 0)
        best = min(best, time.process_time() - start)
    return best * 1000


def main() -> None:
    """Print two tables."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    machine = Machine.load("plena-64")
    print(f"{'program':<20}{'instructions':>14}{'HBM time':>10}{'seconds':>9}{'a second':>12}")
    for name in PROGRAMS:
        words = fa.compile(EXAMPLES / name).words.tolist()
        for hbm_time in ("none", "exact"):
            count, seconds = program_rate(machine, words, hbm_time, repetitions)
            print(f"{name:<20}{count:>14,}{hbm_time:>10}{seconds:>9.3f}{count / seconds:>12,.0f}")
    print(f"\n{'transfer, memory model only':<44}{'ms':>6}")
    for title, form, rows, stride, store in (
        ("prefetch, 64 rows of MX, dense", MX, 64, 64, False),
        ("prefetch, 64 rows of MX, stride 128", MX, 64, 128, False),
        ("prefetch, 64 rows of MX, stride 1024", MX, 64, 1024, False),
        ("prefetch, 4 rows of bf16, stride 256", PlainFormat(BF16), 4, 256, False),
        ("store, 4 rows of bf16, stride 256", PlainFormat(BF16), 4, 256, True),
    ):
        milliseconds = transfer_time(form, rows, stride, store, repetitions * 3)
        print(f"{title:<44}{milliseconds:>6.2f}")


if __name__ == "__main__":
    main()

"""How fast the simulator is: executed instructions a second in each engine, and HBM transfers.

python bench/simulator.py [REPETITIONS [PLAIN]]

CPU time, the best of a few runs of an already prepared program; PLAIN 1 also runs the plain
interpreter, which takes minutes. The last column is the rate beside that of the numpy engine in the
same run.

What bounds the native engine is the work: 4096 multiplications and additions, in an order that is
given, for M_BTMV, rounding of rows, and conversions of HBM formats where a program, as that of
decoding, does little else. What bounds the numpy engine is the cost of calling numpy, about half a
microsecond a call on rows of 64 elements. With exact memory time the model of the memory's
controllers is added: a few nanoseconds in C, some 3 microseconds in Python, for each command that a
controller issues.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import fa
from fa.machine import Machine, Simulator
from fa.machine.hbm.dram import Dram
from fa.machine.hbm.transfers import addresses, prefetch_lines, store_lines
from fa.machine.simulator.engines import engine_text, engines_here
from fa.machine.spec.formats import BF16, E4M3, E8M0, HbmFormat, MxFormat, PlainFormat

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = (
    ("llama_prefill.mlir", "emulator"),
    ("llama_prefill.mlir", "analytic"),
    ("llama_decode.mlir", "emulator"),
)
MX = MxFormat(8, E4M3, E8M0)


def program_rate(machine: Machine, words: list[int], hbm_time: str, engine: str, repetitions: int):
    """Instructions executed and the best CPU seconds of a run."""
    simulator = Simulator(machine)
    best, instructions = float("inf"), 0
    for _ in range(repetitions + 1):
        simulator.gp[:] = 0
        start = time.process_time()
        result = simulator.run(words, hbm_time=hbm_time, engine=engine)
        best = min(best, time.process_time() - start)
        instructions = result.instructions
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
    with_plain = len(sys.argv) > 2 and sys.argv[2] != "0"
    engines = [name for name in engines_here() if with_plain or name != "plain"]
    machine = Machine.load("plena-64")
    print(engine_text())
    titles = f"{'program':<24}{'instructions':>13}{'HBM time':>9}{'engine':>8}"
    print(f"{titles}{'seconds':>10}{'a second':>13}{'ratio':>7}")
    for name, target in PROGRAMS:
        words = fa.compile(EXAMPLES / name, optimize_for=target).words.tolist()
        for hbm_time in ("none", "exact"):
            # The quick one is repeated more often: a few milliseconds are easily disturbed.
            rates = {
                engine: program_rate(
                    machine, words, hbm_time, engine, repetitions * (9 if engine == "native" else 1)
                )
                for engine in engines
            }
            for engine, (count, seconds) in rates.items():
                title = f"{name.removesuffix('.mlir')}, {target}"
                ratio = rates["numpy"][1] / seconds
                print(
                    f"{title:<24}{count:>13,}{hbm_time:>9}{engine:>8}{seconds:>10.4f}"
                    f"{count / seconds:>13,.0f}{ratio:>7.1f}"
                )
    print(f"\n{'transfer, memory model in Python only':<44}{'ms':>6}")
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

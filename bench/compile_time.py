"""Time to compile the examples: cold, as a command; warm, in a running process; and once more, when
the process has compiled the same before.

Then where the time of a warm compilation goes, the search for a mapping and the passes that
allocate-sram runs included, and what the cost of the kernel takes: the first time, when the memory
model has to be asked, and later. Before that, how the time grows: one causal head of 1,024, 2,048
and 4,096 tokens, and the prefill of a large model, cold, as commands, beside the words of the
programs. `--large` prints that table alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fa
from fa.compiler import DEFAULT_PASSES, kernel_of
from fa.frontends.mlir import apply_passes, everything, make_context, module_text, read_module
from fa.frontends.pipeline_text import build_passes
from fa.search import choose
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

EXAMPLES = Path(__file__).parent.parent / "examples"
REPEATS = 5

LARGE: dict[str, tuple[int, int, int, int]] = {
    "causal 1024": (1, 1, 1024, 64),
    "causal 2048": (1, 1, 2048, 64),
    "causal 4096": (1, 1, 4096, 64),
    "Qwen3-32B prefill 1024": (64, 8, 1024, 128),
}
"""Causal attention of which the program is long: heads, KV heads, tokens, columns."""

WITHIN = (
    "stream-softmax,tabulate,slide-keys,specialize-masks,trim-tiles,schedule-rows,allocate-sram"
)
"""What allocate-sram runs, by name, so that each is timed; `map` stands in front of `quantize`."""


def cold(source: Path, repeats: int = REPEATS) -> float:
    """Seconds of `fa-compile`, the best of a few."""
    command = [sys.executable, "-m", "fa.tools.fa_compile", str(source), "-o"]
    best = float("inf")
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as directory:
            start = time.perf_counter()
            output = str(Path(directory) / "kernel")
            subprocess.run([*command, output], check=True, stderr=subprocess.DEVNULL)
            best = min(best, time.perf_counter() - start)
    return best


def warm(source: Path, remember: bool) -> float:
    """Seconds of `fa.compile` in this process, the best of a few."""
    os.environ["FA_CACHE"] = str(int(remember))
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        fa.compile(source)
        best = min(best, time.perf_counter() - start)
    return best


def phases(source: Path) -> dict[str, float]:
    """Seconds of each step of a warm compilation; a level is verified in its last step."""
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        now = time.perf_counter()
        seconds[name] = seconds.get(name, 0.0) + now - started
        started = now

    module = read_module(source)
    lap("parse")
    os.environ["FA_CACHE"] = "0"
    choice = choose(module, None, False, lambda *_: (0, 0))
    lap("search")

    def observe(before: ModulePass | None, _: ModuleOp, after: ModulePass | None) -> None:
        del after
        if before is not None:
            lap(before.name)

    passes = DEFAULT_PASSES if choice is None else choice.pipeline
    pipeline = build_passes(passes.replace("allocate-sram", WITHIN), everything().all_passes)
    apply_passes(make_context(), module, pipeline, verify_each=False, observe=observe)
    kernel = kernel_of(module)
    lap("print and encode")
    fa.cost(kernel)
    lap("cost")
    fa.cost(kernel)
    lap("cost again")
    return seconds


def large() -> None:
    """Print how the time grows with the program."""
    os.environ["FA_CACHE"] = "0"
    print(f"{'large kernels':<24}{'cold, s':>8}{'warm, s':>11}{'words':>9}{'us a word':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (heads, kv_heads, tokens, columns) in LARGE.items():
            module = fa.attention(
                q_heads=heads,
                kv_heads=kv_heads,
                q_len=tokens,
                kv_len=tokens,
                head_dim=columns,
                mask="causal",
            )
            source = Path(folder) / "large.mlir"
            source.write_text(module_text(module))
            start = time.perf_counter()
            words = len(fa.compile(source).words)
            seconds = time.perf_counter() - start
            per_word = 1e6 * seconds / words
            print(f"{name:<24}{cold(source, 1):>8.2f}{seconds:>11.2f}{words:>9}{per_word:>11.0f}")


def main() -> None:
    """Print the tables."""
    large()
    if "--large" in sys.argv[1:]:
        return
    os.environ.pop("FA_CACHE")
    print()
    examples = sorted(EXAMPLES.glob("*.mlir"))
    steps = [phases(source) for source in examples]  # before anything has been costed
    print(f"{'seconds':<24}{'cold':>8}{'warm':>8}{'again':>8}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FA_CACHE_DIR"] = folder
        for source in examples:
            line = f"{source.name:<24}{cold(source):>8.2f}{warm(source, False):>8.3f}"
            print(f"{line}{warm(source, True):>8.3f}")
    print("\n" + f"{'seconds, warm':<18}" + "".join(f"{each.stem:>16}" for each in examples))
    for index, source in enumerate(examples):
        again = phases(source)
        steps[index] = {
            name: first if name == "cost" else min(first, again[name])
            for name, first in steps[index].items()
        }
    for name in max(steps, key=len):
        print(f"{name:<18}" + "".join(f"{each.get(name, 0.0):>16.3f}" for each in steps))


if __name__ == "__main__":
    main()

"""Time to compile the examples: cold, as a command, and warm, in a running process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fa

EXAMPLES = Path(__file__).parent.parent / "examples"
REPEATS = 5


def cold(source: Path) -> float:
    """Seconds of `fa-compile`, the best of a few."""
    command = [sys.executable, "-m", "fa.tools.fa_compile", str(source), "-o"]
    best = float("inf")
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as directory:
            start = time.perf_counter()
            subprocess.run([*command, str(Path(directory) / "kernel")], check=True)
            best = min(best, time.perf_counter() - start)
    return best


def warm(source: Path) -> float:
    """Seconds of `fa.compile` in this process, the best of a few."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        fa.compile(source)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print a table."""
    print(f"{'seconds':<24}{'cold':>8}{'warm':>8}")
    for source in sorted(EXAMPLES.glob("*.mlir")):
        print(f"{source.name:<24}{cold(source):>8.2f}{warm(source):>8.3f}")


if __name__ == "__main__":
    main()

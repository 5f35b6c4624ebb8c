"""How long the command-line tools take to start: wall-clock milliseconds, best and median.

python bench/startup.py [REPETITIONS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent

TEXT = """func.func @attention(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>,
    %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  %o = fa.attention %q, %k, %v : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>,
    tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}
"""


def milliseconds(command: list[str], repetitions: int) -> list[float]:
    """The time of each of `repetitions` runs of `command`."""
    times: list[float] = []
    for _ in range(repetitions):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - start) * 1000)
    return times


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder, "attention.mlir"))
        Path(source).write_text(TEXT)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "xdsl-opt": [str(BIN / "xdsl-opt"), source],
            "fa-opt": [str(BIN / "fa-opt"), source],
            "fa-opt --tile --fuse": [str(BIN / "fa-opt"), "--tile", "--fuse", source],
            "fa-gen": [str(BIN / "fa-gen"), "--model=GPT-2", "--phase=decode", "--seq=64"],
        }
        print(f"{'command':<24}{'best ms':>10}{'median ms':>12}")
        for name, command in commands.items():
            times = milliseconds(command, repetitions)
            print(f"{name:<24}{min(times):>10.0f}{statistics.median(times):>12.0f}")


if __name__ == "__main__":
    main()

"""The native engine under the address and undefined-behaviour sanitizers of GCC.

python bench/native_sanitizer.py [PROGRAMS [SEED]]

Builds the engine with them into build/sanitized and runs random programs (2,000 by default), every
other one with some bits changed, on the odd machines of test/machine/simulator/random_programs.py,
with all memories on the heap, where the sanitizer watches their ends. Each program also runs in the
engine as it is built for use, and must come out the same, trap or not. The first report ends it
with a status that is not 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "machine" / "simulator" / "native"
BUILD = ROOT / "build" / "sanitized"
FLAGS = (
    *("-g", "-O1", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off", "-Wno-psabi"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
    "-fno-omit-frame-pointer",
)


def build() -> None:
    """Compile the engine with the sanitizers."""
    from fa.machine.simulator.native.library import source_digest

    BUILD.mkdir(parents=True, exist_ok=True)
    define = f'-DFA_SOURCES="{source_digest()}"'
    files = sorted(str(path) for path in SOURCES.glob("*.c"))
    subprocess.run(["gcc", *FLAGS, define, "-o", str(BUILD / "_engine.so"), *files], check=True)


def run(programs: int, seed: int) -> None:
    """Run them; this process has the sanitizers preloaded."""
    sys.path.insert(0, str(ROOT / "test" / "machine" / "simulator"))
    import numpy as np
    import random_programs
    from fa.machine.simulator import state
    from fa.machine.simulator.native import library

    random_programs.soon_stuck()
    state.lazy_bytes = lambda size: np.zeros(size, np.uint8)
    usual = library.library()
    library.FOLDER = BUILD
    watched = cache(library._load.__wrapped__)()
    assert isinstance(watched, library.Library), watched
    traps = executed = 0
    for number in range(seed, seed + programs):
        rng = np.random.default_rng(number)
        m = random_programs.machine(number % len(random_programs.MACHINES))
        words = random_programs.program(rng, m, 0.01)
        if number % 2:
            words = random_programs.mutated(rng, words)
        outcomes = []
        for each in (watched, usual):
            random_programs.session.library = lambda each=each: each
            outcomes.append(random_programs.outcome(m, number, words, "native"))
        found = random_programs.differences(*outcomes)
        assert not found, f"{number}: {found}"
        traps += bool(outcomes[0][0])
        executed += 0 if outcomes[0][0] else outcomes[0][1].instructions
    print(
        f"{programs:,} programs, half of them changed: {traps:,} trapped, the others executed "
        f"{executed:,} instructions; nothing reported"
    )


def main() -> None:
    """Build, and run in a process with the sanitizers."""
    if sys.argv[1:2] == ["--run"]:
        run(int(sys.argv[2]), int(sys.argv[3]))
        return
    given = sys.argv[1:3]
    programs, seed = [*given, *("2000", "0")[len(given) :]]
    build()
    libraries = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = {**os.environ, "LD_PRELOAD": " ".join(libraries)}
    # Python itself frees nothing at its end.
    environment["ASAN_OPTIONS"] = "detect_leaks=0"
    command = [sys.executable, __file__, "--run", programs, seed]
    sys.exit(subprocess.run(command, env=environment).returncode)


if __name__ == "__main__":
    main()

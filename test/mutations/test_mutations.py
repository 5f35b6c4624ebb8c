"""Damaged files give one-line errors of ours, or what they hold behaves; never anything else.

FA_MUTATIONS is the number of mutations of each family; a short run belongs to the tests. All are
seeded: a failure names its number, and `FA_MUTATION=FAMILY:NUMBER` runs that one alone, or
`FAMILY:FIRST-LAST` some.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from shutil import copytree
from zlib import crc32

import fa
import numpy as np
import pytest
from fa.kernel_files import KERNEL_FILES, digest
from fa.machine import AssemblyError, Machine, MachineError, Simulator, Trap, assemble, disassemble
from fa.machine.cost.cost import CostError, program_cost
from fa.machine.debug.emulator_files import EmulatorFiles, EmulatorFilesError
from fa.machine.program.mem_file import read_mem
from fa.machine.spec.params import PRESETS

from .mutate import changed_bytes, changed_json, changed_text, json_text

COUNT = int(os.environ.get("FA_MUTATIONS", "120"))
ONLY = os.environ.get("FA_MUTATION", "")

SECONDS = 20
"""That reading or running something damaged may take; it takes one on an idle host."""

MEMORY = 2 << 30
"""Bytes by which a family may grow the process: no more than a few kernels' HBM images."""

INSTRUCTIONS = 300_000
"""After which a run is stopped: a damaged program may well be a long one."""

LONGEST = 1200
"""Characters of an error; names of files are in it."""

SOURCE = fa.attention(
    q_heads=2, kv_heads=1, q_len=20, kv_len=70, head_dim=16, mask="causal", sinks=True, lse=True
)


class Stopped(Exception):
    """A run that was long enough."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled kernel with constants, masks, recipes and two results."""
    folder = tmp_path_factory.mktemp("original") / "k"
    fa.compile(SOURCE, passes="group-heads,tile,fuse").save(folder)
    return folder


@pytest.fixture(scope="module")
def emulator(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for the machine's emulator."""
    kernel, folder = fa.Kernel.load(original), tmp_path_factory.mktemp("emulator")
    image = np.frombuffer(kernel.pack(*zeros(kernel)), np.uint8)
    memories = (np.array(kernel.layout.fp_mem, "u2"), np.array(kernel.layout.int_mem, "u4"))
    EmulatorFiles(kernel.words, image, *memories, kernel.machine).write(folder)
    return folder


def zeros(kernel: fa.Kernel) -> list[np.ndarray]:
    return [np.zeros(shape, np.float32) for shape in kernel.argument_shapes]


def numbers(family: str) -> Iterator[int]:
    """The mutations to try."""
    name, _, wanted = ONLY.partition(":")
    first, _, last = wanted.partition("-")
    if ONLY:
        yield from range(int(first), int(last or first) + 1) if name == family else ()
    else:
        yield from range(COUNT)


def each(family: str, attempt: Callable[[Random], str]) -> None:
    """Try all mutations of a family; `attempt` raises for what must not be."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: dict[str, int] = {}
    for number in numbers(family):
        start = time.perf_counter()
        try:
            outcome = attempt(Random(crc32(f"{family} {number}".encode())))
            took = time.perf_counter() - start
            assert took < SECONDS, f"took {took:.0f} s"
            grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            assert grown < MEMORY, f"the process has grown by {grown:,} bytes"
        except Exception as error:
            error.add_note(f"again: FA_MUTATION={family}:{number} pytest {__file__}")
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(f"{family}: {outcomes}")
    # Where nothing is refused, nothing was damaged.
    assert ONLY or outcomes.get("refused", 0) > COUNT // 4, outcomes


def check_error(text: str) -> str:
    """An error is one line, and no longer than one can read."""
    assert "\n" not in text
    assert len(text) < LONGEST
    assert text.isprintable()
    return "refused"


def bounded(sim: Simulator, words: np.ndarray) -> str:
    """Run a program for a while."""

    def progress(done: int, total: int | None) -> None:
        if done > INSTRUCTIONS:
            raise Stopped

    try:
        sim.run(words, hbm_time="none", progress=progress)
    except Trap as trap:
        check_error(str(trap))
        return "trapped"
    except Stopped:
        return "stopped"
    return "ran"


def signed(folder: Path) -> None:
    """Give a directory digests that fit what is in it."""
    try:
        manifest = json.loads((folder / "layout.json").read_text())
        names = [name for name in KERNEL_FILES if name != "layout.json"]
        manifest["digests"] = {name: digest((folder / name).read_bytes()) for name in names}
        rest = {key: value for key, value in manifest.items() if key != "digests"}
        manifest["digests"]["layout.json"] = digest(json.dumps(rest, sort_keys=True).encode())
        (folder / "layout.json").write_text(json_text(manifest))
    except (OSError, ValueError, TypeError):
        return  # no manifest any more


def damage(folder: Path, random: Random) -> None:
    """Change something in the directory of a kernel."""
    kind = random.random()
    if kind < 0.4:
        path = folder / "layout.json"
        value = json.loads(path.read_text())
        for _ in range(random.choice([1, 1, 2])):
            value = changed_json(value, random)
        path.write_text(json_text(value))
        return
    path = folder / random.choice(KERNEL_FILES)
    if kind < 0.45:
        path.unlink()
    elif kind < 0.75:
        path.write_bytes(changed_bytes(path.read_bytes(), random))
    else:
        path.write_bytes(changed_text(path.read_text(), random).encode("utf-8", "surrogatepass"))


def load(folder: Path) -> fa.Kernel | None:
    """The kernel in a directory, None where it is refused as it should be."""
    try:
        return fa.Kernel.load(folder)
    except fa.CompileError as error:
        check_error(str(error))
        return None


def test_directories(original: Path, tmp_path: Path):
    """What is loaded is what was saved."""
    kernel = fa.Kernel.load(original)

    def attempt(random: Random) -> str:
        folder = Path(copytree(original, tmp_path / str(random.getrandbits(60))))
        damage(folder, random)
        loaded = load(folder)
        if loaded is None:
            return "refused"
        np.testing.assert_array_equal(loaded.words, kernel.words)
        assert loaded.layout == kernel.layout
        assert loaded.machine == kernel.machine
        return "the same"

    each("directories", attempt)


def test_signed_directories(original: Path, tmp_path: Path):
    """Where digests fit, what is loaded can be packed, run, counted and saved again."""
    kernel = fa.Kernel.load(original)

    def attempt(random: Random) -> str:
        folder = Path(copytree(original, tmp_path / str(random.getrandbits(60))))
        damage(folder, random)
        if random.random() < 0.2 and (folder / "kernel.asm").exists():
            # A program of other words that both of its files say.
            path = folder / "kernel.asm"
            path.write_text(changed_text(path.read_text(errors="replace"), random), errors="ignore")
            try:
                words = assemble(path.read_text(errors="replace"))
            except AssemblyError:
                words = []
            (folder / "kernel.mem").write_text("".join(f"0x{int(w):08X}\n" for w in words))
        signed(folder)
        loaded = load(folder)
        if loaded is None:
            return "refused"
        if sum(int(np.prod(shape)) for shape in loaded.argument_shapes) > 1 << 24:
            return "too large to run here"
        outcome = run(loaded)
        loaded.save(folder)
        again = fa.Kernel.load(folder)
        assert again.layout == loaded.layout
        if outcome == "ran" and loaded.layout == kernel.layout:
            outcome = "the same" if list(loaded.words) == list(kernel.words) else "ran"
        return outcome

    each("signed", attempt)


def run(kernel: fa.Kernel) -> str:
    """Pack, run, unpack and count a kernel."""
    try:
        fa.cost(kernel)
    except fa.CompileError as error:
        check_error(str(error))
    try:
        sim = kernel.simulator(*zeros(kernel))
    except fa.CompileError as error:
        return check_error(str(error))
    outcome = bounded(sim, kernel.words)
    outputs = kernel.unpack(sim.hbm)
    assert len(outputs) == len(kernel.layout.outputs)
    kernel.layout_table()
    return outcome


def test_emulator_files(emulator: Path, tmp_path: Path):
    def attempt(random: Random) -> str:
        folder = Path(copytree(emulator, tmp_path / str(random.getrandbits(60))))
        path = random.choice([folder / "kernel.mem", *sorted(folder.iterdir())])
        if random.random() < 0.5 and path.suffix in (".mem", ".toml"):
            path.write_text(changed_text(path.read_text(), random))
        else:
            path.write_bytes(changed_bytes(path.read_bytes(), random))
        if random.random() < 0.05:
            path.unlink()
        try:
            files = EmulatorFiles.read(folder)
        except (EmulatorFilesError, MachineError) as error:
            return check_error(" ".join(str(error).split()))
        sim = Simulator(files.machine)
        files.load(sim)
        return bounded(sim, files.words)

    each("emulator", attempt)


def test_assembly(original: Path):
    text = (original / "kernel.asm").read_text()

    def attempt(random: Random) -> str:
        changed = text
        for _ in range(random.choice([1, 1, 3])):
            changed = changed_text(changed, random)
        outcome = "assembled"
        for compat in (False, True):
            try:
                words = assemble(changed, compat=compat)
            except AssemblyError as error:
                outcome = check_error(str(error))
                continue
            disassemble(words)
            try:
                program_cost([int(word) for word in words], Machine.load("plena-64"))
            except CostError as error:
                check_error(str(error))
        return outcome

    each("assembly", attempt)


def test_mem_files(original: Path):
    text = (original / "kernel.mem").read_text()

    def attempt(random: Random) -> str:
        if random.random() < 0.5:
            changed = changed_text(text, random)
        else:
            changed = changed_bytes(text.encode(), random).decode(errors="replace")
        try:
            words = read_mem(changed)
        except AssemblyError as error:
            return check_error(str(error))
        disassemble(words)
        return "read"

    each("mem", attempt)


def test_settings(tmp_path: Path):
    texts = [path.read_text() for path in sorted(PRESETS.glob("*.toml"))]

    def attempt(random: Random) -> str:
        path = tmp_path / "m.toml"
        text = random.choice(texts)
        if random.random() < 0.8:
            for _ in range(random.choice([1, 1, 2])):
                text = changed_text(text, random)
            path.write_text(text)
        else:
            path.write_bytes(changed_bytes(text.encode(), random))
        try:
            machine = Machine.load(path)
        except MachineError as error:
            return check_error(" ".join(str(error).split()))
        return machine_works(machine, random)

    each("settings", attempt)


def test_settings_tables():
    """As a directory of a kernel has them: JSON, in which everything can stand everywhere."""
    tables = [Machine.load(name).settings for name in Machine.presets()]

    def attempt(random: Random) -> str:
        try:
            machine = Machine.from_settings(changed_json(random.choice(tables), random), "m")
        except MachineError as error:
            return check_error(" ".join(str(error).split()))
        return machine_works(machine, random)

    each("tables", attempt)


def machine_works(machine: Machine, random: Random) -> str:
    """A machine that was read can be simulated, and compiled for or refused."""
    Simulator(machine)
    try:
        machine.require_consistent()
    except MachineError as error:
        check_error(" ".join(str(error).split()))
    return "read"

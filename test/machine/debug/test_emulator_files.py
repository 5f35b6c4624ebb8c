"""What the machine's emulator takes and leaves: the files' bytes, and what is refused."""

import struct
import tomllib

import numpy as np
import pytest
from fa.machine import Machine, MachineError, Simulator, assemble
from fa.machine.debug.emulator_dumps import (
    Difference,
    compare_dumps,
    differences_text,
    not_compared,
)
from fa.machine.debug.emulator_files import FILES, EmulatorFiles, EmulatorFilesError
from fa.machine.numerics.bf16 import f32_to_bf16
from fa.machine.spec.toml_text import toml_text
from hypothesis import given
from hypothesis import strategies as st

# 1.5 and -infinity in bf16 and in binary16.
ONE_AND_A_HALF, MINUS_INFINITY = 0x3FC0, 0xFF80


def files(machine, fp=(ONE_AND_A_HALF, MINUS_INFINITY), words="S_ADDI_INT gp1, gp0, 128"):
    return EmulatorFiles(
        assemble(words),
        np.arange(100, dtype=np.uint8),
        np.array(fp, np.uint16),
        np.array([7, 0xDEADBEEF], np.uint32),
        machine,
    )


def test_the_bytes_of_each_file(small, tmp_path):
    files(small).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert (tmp_path / "kernel.mem").read_text() == "0x00200062\n"
    assert (tmp_path / "hbm.bin").read_bytes() == bytes(range(100))
    assert (tmp_path / "fpsram.bin").read_bytes() == struct.pack("<ee", 1.5, float("-inf"))
    assert (tmp_path / "intsram.bin").read_bytes() == struct.pack("<II", 7, 0xDEADBEEF)
    assert tomllib.loads((tmp_path / "plena_settings.toml").read_text()) == small.settings


def test_written_files_read_back(small, tmp_path):
    files(small).write(tmp_path)
    again = EmulatorFiles.read(tmp_path)
    for name in ("words", "hbm", "fp", "int"):
        assert np.array_equal(getattr(again, name), getattr(files(small), name))
    state = Simulator(again.machine)
    again.load(state)
    assert state.fp[:3].tolist() == [ONE_AND_A_HALF, MINUS_INFINITY, 0]
    assert state.int[1] == 0xDEADBEEF
    assert state.hbm[99] == 99


def test_constants_that_binary16_does_not_hold_are_refused(small, tmp_path):
    tenth = int(f32_to_bf16(np.array([1e-10], np.float32))[0])
    with pytest.raises(EmulatorFilesError, match=r"FP_MEM\[1\] is 1.\d+e-10, which is not a bin"):
        files(small, fp=(ONE_AND_A_HALF, tenth)).write(tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_settings_that_the_emulator_would_ignore_are_refused(small, tmp_path):
    tables = {**small.settings, "TRANSACTIONAL": dict(small.settings["TRANSACTIONAL"])}
    precision = dict(tables["TRANSACTIONAL"]["PRECISION"])
    del precision["SCALAR_FP"]
    tables["TRANSACTIONAL"]["PRECISION"] = precision
    machine = Machine.from_settings(tables, "mine.toml")
    with pytest.raises(
        EmulatorFilesError, match=r"mine.toml: \[TRANSACTIONAL.PRECISION.SCALAR_FP\]"
    ):
        files(machine).check()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("kernel.mem", b"0x00200062\n 0xZZ\n", "'0xZZ' is not a hexadecimal word"),
        ("kernel.mem", b"\xff\xfe", "not a text file in UTF-8"),
        ("fpsram.bin", bytes(2 * 1025), "1025 entries, and the memory has 1024"),
        ("intsram.bin", bytes(4 * 1025), "1025 entries, and the memory has 1024"),
        ("hbm.bin", bytes((1 << 16) + 1), "65537 bytes do not fit an HBM of 65536"),
        ("kernel.mem", None, "cannot read"),
        ("plena_settings.toml", b"[MODE\n", "not valid TOML"),
        ("plena_settings.toml", b"", "TRANSACTIONAL: missing"),
    ],
)
def test_damaged_files_are_refused(small, tmp_path, name, content, message):
    files(small).write(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((EmulatorFilesError, MachineError), match=message):
        EmulatorFiles.read(tmp_path)


def test_an_odd_rest_of_bytes_is_ignored(small, tmp_path):
    files(small).write(tmp_path)
    with (tmp_path / "fpsram.bin").open("ab") as file:
        file.write(b"\1")
    assert EmulatorFiles.read(tmp_path).fp.size == 2


def dumps(state, folder):
    """The dumps that the emulator would leave of `state` (section 3.6)."""
    folder.mkdir(exist_ok=True)
    (folder / "vram_dump.bin").write_bytes(state.vector.astype("<u2").tobytes())
    tiles = f32_to_bf16(state.matrix)
    (folder / "mram_dump.bin").write_bytes(tiles.astype("<u2").tobytes())
    (folder / "fpsram_dump.bin").write_bytes(state.fp.astype("<u2").tobytes())
    (folder / "intsram_dump.bin").write_bytes(state.int.astype("<u4").tobytes())
    (folder / "hbm_dump.bin").write_bytes(state.hbm.tobytes())


@pytest.fixture
def state(small):
    simulator = Simulator(small)
    rng = np.random.default_rng(0)
    simulator.vector[:] = rng.integers(0, 0x7F00, simulator.vector.shape)
    simulator.matrix[:] = rng.standard_normal(simulator.matrix.shape)
    simulator.hbm[:] = rng.integers(0, 256, simulator.hbm.size)
    simulator.int[:] = rng.integers(0, 1 << 32, 1024)
    return simulator


def test_equal_dumps(state, tmp_path):
    state.vector[3, 1] = 0x7FC0
    dumps(state, tmp_path)
    state.vector[3, 1] = 0xFFC0  # any NaN equals any NaN
    assert set(compare_dumps(tmp_path, state).values()) == {None}


def test_different_dumps(state, tmp_path):
    state.vector[5, 3], state.vector[6, 0] = 0x3F80, 0x0001
    dumps(state, tmp_path)
    (tmp_path / "hbm_dump.bin").unlink()  # only written when the emulator debugs
    state.vector[5, 3], state.vector[6, 0] = 0x3F82, 0x8001
    state.matrix[1, 2, 3] += 100
    state.int[9] = 5
    found = compare_dumps(tmp_path, state)
    assert list(found) == ["vram_dump.bin", "mram_dump.bin", "fpsram_dump.bin", "intsram_dump.bin"]
    assert found["vram_dump.bin"] == Difference(2, 1024, "row 5, lane 3", 0x3F82, 0x3F80, 2)
    assert found["mram_dump.bin"].place == "tile 1, row 2, column 3"
    assert found["fpsram_dump.bin"] is None
    assert found["intsram_dump.bin"].place == "entry 9"
    lines = differences_text(found.items()).splitlines()
    assert lines[0] == (
        "vram_dump.bin: 2 of 1,024 values differ, at most 2 bf16 steps apart; the first at "
        "row 5, lane 3: 0x3f82 here, 0x3f80 there"
    )
    assert lines[2] == "fpsram_dump.bin: equal"


def test_pieces_of_a_dump_may_begin_within_a_row(state, tmp_path, monkeypatch):
    dumps(state, tmp_path)
    monkeypatch.setattr("fa.machine.debug.emulator_dumps.CHUNK", 37)
    assert compare_dumps(tmp_path, state)["vram_dump.bin"] is None
    state.vector[10, 7] ^= 1
    assert compare_dumps(tmp_path, state)["vram_dump.bin"].place == "row 10, lane 7"


def test_dumps_of_another_machine_and_no_dumps(state, tmp_path):
    with pytest.raises(EmulatorFilesError, match="no directory with dumps"):
        compare_dumps(tmp_path, state)
    (tmp_path / "vram_dump.bin").write_bytes(bytes(10))
    with pytest.raises(EmulatorFilesError, match="10 bytes, but the memory has 2048"):
        compare_dumps(tmp_path, state)


VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-(1 << 60), 1 << 60), st.text(st.characters(codec="ascii"))
    ),
    lambda inner: st.lists(inner, max_size=3),
)
TABLES = st.recursive(
    st.dictionaries(st.text(st.characters(codec="ascii"), max_size=5), VALUES, max_size=3),
    lambda inner: st.dictionaries(
        st.text('ab. "\\', max_size=3), st.one_of(VALUES, inner), max_size=3
    ),
)


@given(TABLES)
def test_toml_reads_back(table):
    assert tomllib.loads(toml_text(table)) == table


def test_presets_as_toml():
    for name in Machine.presets():
        settings = Machine.load(name).settings
        assert tomllib.loads(toml_text(settings)) == settings


def test_a_dump_of_hbm_that_is_cut(state, tmp_path):
    """As the emulator's option --hbm-size makes it."""
    dumps(state, tmp_path)
    path, size = tmp_path / "hbm_dump.bin", state.hbm.size // 2
    path.write_bytes(state.hbm[:size].tobytes())
    assert compare_dumps(tmp_path, state, size)["hbm_dump.bin"] is None
    assert not_compared(tmp_path, state) == (
        f"hbm_dump.bin: not compared from byte {size:#x} on, where the dump ends\n"
    )
    state.hbm[size - 1] ^= 1
    assert compare_dumps(tmp_path, state, size)["hbm_dump.bin"].total == size
    with pytest.raises(EmulatorFilesError, match="but the program uses"):
        compare_dumps(tmp_path, state, size + 1)
    for wrong in (size - 1, 2 * size + 64):
        path.write_bytes(bytes(wrong))
        with pytest.raises(EmulatorFilesError, match="but the memory has"):
            compare_dumps(tmp_path, state, 0)


def test_what_is_not_compared(state, tmp_path):
    dumps(state, tmp_path)
    assert not_compared(tmp_path, state) == ""
    (tmp_path / "hbm_dump.bin").unlink()
    (tmp_path / "mram_dump.bin").unlink()
    first, second = not_compared(tmp_path, state).splitlines()
    assert first == "mram_dump.bin: not compared, there is none"
    assert second == (
        "hbm_dump.bin: not compared, there is none; the emulator writes it with RUST_LOG=warn,"
        "transactional_emulator=info,transactional_emulator::runner=debug"
    )

"""NaNs in HBM: any equals any where a store has put numbers, and nowhere else."""

import numpy as np
import pytest
from fa.machine import Machine, Simulator, assemble
from fa.machine.debug.emulator_dumps import compare_dumps
from fa.machine.debug.stored_numbers import StoredNumbers
from fa.machine.spec.formats import BF16, FloatType

from .test_emulator_files import dumps

# Four rows of 64 from vector SRAM to byte 4096 on, twice, and in another format to 64 KiB.
TEXT = """
S_LUI_INT gp1, 1
S_ADDI_INT gp4, gp0, 128
C_SET_STRIDE_REG gp4
C_LOOP_START gp3, 2
H_STORE_V gp0, gp1, a0, 1, 0
S_ADDI_INT gp1, gp1, 512
C_LOOP_END gp3
S_LUI_INT gp1, 16
H_STORE_V gp0, gp1, a0, 1, 1
"""

# Addresses that are no linear function of the loop.
SQUARES = """
S_ADDI_INT gp4, gp0, 128
C_SET_STRIDE_REG gp4
C_LOOP_START gp3, 3
S_MUL_INT gp1, gp3, gp3
S_ADDI_INT gp2, gp0, 4096
S_MUL_INT gp1, gp1, gp2
H_STORE_V gp0, gp1, a0, 1, 0
C_LOOP_END gp3
"""


@pytest.fixture
def machine() -> Machine:
    """bf16 activations; binary16 for the other precision."""
    tables = Machine.load("plena-64-bf16").settings
    tables = {**tables, "TRANSACTIONAL": {**tables["TRANSACTIONAL"]}}
    transactional = tables["TRANSACTIONAL"]
    half = {"type": "Fp", "sign": True, "exponent": 5, "mantissa": 10}
    other = {"HBM_V_KV_TYPE": {"format": "Plain", "DATA_TYPE": half}}
    transactional["PRECISION"] = {**transactional["PRECISION"], **other}
    sizes = {"HBM_SIZE": 1 << 18, "VECTOR_SRAM_SIZE": 64, "MATRIX_SRAM_SIZE": 64}
    values = {key: {"value": value} for key, value in sizes.items()}
    transactional["CONFIG"] = {**transactional["CONFIG"], **values}
    return Machine.from_settings(tables, "small")


def test_where_stores_go(machine: Machine):
    rows = StoredNumbers.of(assemble(TEXT), machine, ())
    expected = [*range(4096, 5120, 128), *range(65536, 66048, 128)]
    assert rows.starts.tolist() == expected
    assert (rows.stops - rows.starts == 128).all()
    assert rows.types == [BF16, FloatType(5, 10)]
    assert rows.type_of.tolist() == [0] * 8 + [1] * 4
    squares = StoredNumbers.of(assemble(SQUARES), machine, ())
    starts = sorted(4096 * n * n + 128 * row for n in (1, 2, 3) for row in range(4))
    assert squares.starts.tolist() == starts


def test_programs_without_loops_that_say_where(machine: Machine):
    assert not StoredNumbers.of(assemble("C_BREAK"), machine, ()).starts.size
    assert not StoredNumbers.of([], machine, ()).starts.size


def test_any_nan_equals_any_nan(machine: Machine, tmp_path):
    state, words = Simulator(machine), assemble(TEXT)

    def stored() -> StoredNumbers:
        return StoredNumbers.of(words, machine, ())

    ours = state.hbm.view("<u2")
    ours[2048], ours[2048 + 511], ours[32768] = 0x7FC0, 0xFF81, 0x7E00
    dumps(state, tmp_path)
    ours[2048], ours[2048 + 511], ours[32768] = 0xFFC1, 0x7FFF, 0xFC01
    assert compare_dumps(tmp_path, state, 0, stored)["hbm_dump.bin"] is None
    # Bit for bit where nothing says that these are numbers.
    assert compare_dumps(tmp_path, state)["hbm_dump.bin"].count == 6
    # An infinity is no NaN, and NaN of one format is none of another.
    for at, bits in ((2048, 0x7F80), (2048, 0x7E00), (32768, 0x7C00)):
        before = int(ours[at])
        ours[at] = bits
        found = compare_dumps(tmp_path, state, 0, stored)["hbm_dump.bin"]
        assert found is not None
        assert found.place.startswith(f"byte {2 * at:#x}"[:-1])
        ours[at] = before
    # Where nothing is stored, bytes are bytes.
    ours[100] = 0x7FC0
    dumps(state, tmp_path)
    ours[100] = 0xFFC0
    found = compare_dumps(tmp_path, state, 0, stored)["hbm_dump.bin"]
    assert (found.count, found.place) == (1, "byte 0xc9")
    assert isinstance(found.ours, int)
    assert np.array_equal(state.hbm[200:202], [0xC0, 0xFF])

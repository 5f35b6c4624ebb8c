"""Machines that the tests of the simulator share."""

import copy
import tomllib

import pytest
from fa.machine import Machine
from fa.machine.spec.params import PRESETS


def variant(**config):
    """The preset plena-64 with other values in `[TRANSACTIONAL.CONFIG]`."""
    tables = tomllib.loads((PRESETS / "plena-64.toml").read_text())
    tables = copy.deepcopy(tables)
    for key, value in config.items():
        tables["TRANSACTIONAL"]["CONFIG"][key] = {"value": value}
    return Machine.from_settings(tables, "variant")


@pytest.fixture(scope="session")
def plena64():
    return Machine.load("plena-64")


@pytest.fixture(scope="session")
def small():
    """16 lanes, 4 tiles, 64 rows, 64 KiB of HBM: small enough for arrays written by hand."""
    return variant(
        MLEN=16,
        VLEN=16,
        HLEN=4,
        HBM_SIZE=1 << 16,
        MATRIX_SRAM_SIZE=64,
        VECTOR_SRAM_SIZE=64,
        HBM_M_Prefetch_Amount=16,
        MAX_LOOP_INSTRUCTIONS=100_000,
    )


@pytest.fixture(scope="session")
def make_machine():
    return variant

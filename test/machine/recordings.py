"""Recordings of the reference machine: reading them and comparing with them.

The comparison rules are those of the recordings' README: everything exact, any NaN equals any NaN,
and one bf16 step of tolerance for results of sums whose order the reference does not fix.
"""

import base64
import gzip
import json
import os
from pathlib import Path

import numpy as np
from fa.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FA_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
CATEGORIES = (
    "encoding",
    "scalar",
    "vector",
    "matrix",
    "memory",
    "control",
    "errors",
    "random",
    "kernels_own",
    "attention",
    "tables",
)

# After these the reference's own bits depend on its host's tensor library.
UNORDERED = frozenset({"M_TMV", "M_BTMV"})


def read(category):
    """The document of one category."""
    with gzip.open(FOLDER / f"{category}.json.gz") as file:
        return json.load(file)


def machine(name, config, hbm_size):
    """The machine of a recorded configuration."""
    keys = [
        "MLEN",
        "BLEN",
        "HLEN",
        "VLEN",
        "BROADCAST_AMOUNT",
        "HBM_M_Prefetch_Amount",
        "HBM_V_Prefetch_Amount",
        "HBM_V_Writeback_Amount",
        "MAX_LOOP_INSTRUCTIONS",
        "DC_EN",
    ]
    values = {key: config[key] for key in keys}
    values["HBM_SIZE"] = hbm_size
    values["VECTOR_SRAM_SIZE"] = config["VECTOR_SRAM_ROWS"]
    values["MATRIX_SRAM_SIZE"] = config["MATRIX_SRAM_TILES"] * config["MLEN"]
    latency = {
        key: {"dc_lib_en": cycles, "dc_lib_dis": cycles}
        for key, cycles in config["latency"].items()
    }
    tables = {
        "CONFIG": {key: {"value": value} for key, value in values.items()},
        "PRECISION": config["types"],
        "LATENCY": latency,
    }
    return Machine.from_settings({"TRANSACTIONAL": tables}, name)


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def apply(memories, delta):
    """Write a sparse description into a dict of memory arrays; `mram` is bf16 patterns."""
    if "vram" in delta:
        rows = delta["vram"]["rows"]
        memories["vram"][rows] = array(delta["vram"]["data"], "<u2").reshape(len(rows), -1)
    if "mram" in delta:
        tiles = delta["mram"]["tiles"]
        memories["mram"][tiles] = array(delta["mram"]["data"], "<u2").reshape(len(tiles), -1)
    for memory in ("fp", "int"):
        if memory in delta:
            memories[memory][delta[memory]["idx"]] = delta[memory]["val"]
    for address, text in delta.get("hbm", []):
        data = array(text, "u1")
        memories["hbm"][address : address + data.size] = data


def expected(simulator, case):
    """The memories after the recorded run."""
    tiles = simulator.matrix.shape[0]
    memories = {
        "vram": np.zeros(simulator.vector.shape, np.uint16),
        "mram": np.zeros((tiles, simulator.machine.mlen**2), np.uint16),
        "fp": np.zeros(simulator.fp.shape, np.uint16),
        "int": np.zeros(simulator.int.shape, np.uint32),
        "hbm": np.zeros(simulator.hbm.shape, np.uint8),
    }
    apply(memories, case["init"])
    apply(memories, case["final"])
    return memories


def is_nan(bits):
    return (bits & 0x7FFF) > 0x7F80


def steps(bits):
    """bf16 patterns as integers that are consecutive for consecutive values."""
    bits = bits.astype(np.int64)
    return np.where(bits & 0x8000, -(bits & 0x7FFF), bits & 0x7FFF)


def wrong_bf16(want, got, tolerance):
    """How many patterns differ by more than `tolerance` steps."""
    both_nan = is_nan(want) & is_nan(got)
    wrong = (want != got) & ~both_nan
    if tolerance:
        far = np.abs(steps(want) - steps(got)) > tolerance
        wrong &= far | is_nan(want) | is_nan(got)
    return int(wrong.sum())

"""Recordings of the reference machine: programs, and what it did with them.

Beside the tests stands a selection with cases of every kind, which bench/select_recordings.py has
made; the README there says what the fields mean. FA_CONFORMANCE names the folder of the whole set
where all of it is to be replayed.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

from fa.machine import Machine

SELECTION = Path(__file__).resolve().parent / "machine" / "recordings"
FOLDER = Path(os.environ.get("FA_CONFORMANCE") or SELECTION)


def read_recordings(category: str) -> dict[str, Any]:
    """The document of one category."""
    with gzip.open(FOLDER / f"{category}.json.gz") as file:
        return json.load(file)


def machine_of(name: str, config: dict[str, Any], hbm_size: int) -> Machine:
    """The machine of a recorded configuration, its memory included."""
    keys = (
        *("MLEN", "BLEN", "HLEN", "VLEN", "BROADCAST_AMOUNT", "HBM_M_Prefetch_Amount"),
        *("HBM_V_Prefetch_Amount", "HBM_V_Writeback_Amount", "MAX_LOOP_INSTRUCTIONS", "DC_EN"),
        # Of the memory only where a recording says which.
        *(key for key in ("HBM_GEN", "HBM_CHANNELS") if key in config),
    )
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

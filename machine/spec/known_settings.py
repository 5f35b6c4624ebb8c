"""The keys and modes of a settings file, and the largest values that a machine can have.

The machine's own emulator passes over what it does not know (section 1.1), so that a misspelt key
is lost in silence; here it is an error. Tables that only other tools read are known by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import cast

from .settings_reader import MachineError, Settings, Table

MODES = ("transactional", "analytic")
"""What `[MODE] active` can be. Whatever it is, the tables of `TRANSACTIONAL` are read."""

SECTIONS = ("MODE", "TRANSACTIONAL", "ANALYTIC")

OTHER_CONFIG = ("HBM_WIDTH", "HBM_GEN", "HBM_CHANNELS")
"""Keys of CONFIG that the simulator does not use: bits of an HBM access, and which memory it is."""

CONFIG_MOST: Mapping[str, int] = {
    "MLEN": 1 << 13,
    "VLEN": 1 << 13,
    "BLEN": 1 << 13,
    "HLEN": 1 << 13,
    "BROADCAST_AMOUNT": 1 << 13,
    "HBM_SIZE": 1 << 40,
    "MATRIX_SRAM_SIZE": 1 << 32,
    "VECTOR_SRAM_SIZE": 1 << 32,
    "HBM_M_Prefetch_Amount": 1 << 16,
    "HBM_V_Prefetch_Amount": 1 << 16,
    "HBM_V_Writeback_Amount": 1 << 16,
    "FP_SRAM_DEPTH": 1 << 16,
    "INT_SRAM_DEPTH": 1 << 16,
    "MAX_LOOP_INSTRUCTIONS": 1 << 48,
    "DC_EN": 1 << 16,
}
"""Keys of CONFIG that are read, and the most that each can be: far more than any machine has, and
no more than a host can simulate."""

LATENCIES = (
    "SYSTOLIC_PROCESSING_OVERHEAD",
    "VECTOR_ADD_CYCLES",
    "VECTOR_MUL_CYCLES",
    "VECTOR_EXP_CYCLES",
    "VECTOR_RECI_CYCLES",
    "VECTOR_MAX_CYCLES",
    "VECTOR_SUM_CYCLES",
    "SCALAR_FP_BASIC_CYCLES",
    "SCALAR_FP_EXP_CYCLES",
    "SCALAR_FP_SQRT_CYCLES",
    "SCALAR_FP_RECI_CYCLES",
    "SCALAR_INT_BASIC_CYCLES",
)
"""Latencies that a settings file must give; VECTOR_BASIC_CYCLES is optional."""

HBM_GENERATIONS = ("HBM2", "HBM3")
HBM_CHANNELS = (1, 2, 4, 8, 16, 32)
"""Memories that are modelled, for the cost tables that go by the settings' memory."""

LATENCY_MOST = 1 << 20
"""Cycles of one operation."""

OTHER_LATENCIES = (
    "VECTOR_BASIC_CYCLES",
    "VECTOR_PREFIX_SCAN_CYCLES",
    "VECTOR_SHIFT_CYCLES",
    "VECTOR_LONGEST_OPERATE_CYCLES",
    "SCALAR_FP_LONGEST_OPERATE_CYCLES",
)
"""Latencies that a settings file need not give; all but the first are used by nothing."""

FORMATS = (
    "MATRIX_SRAM_TYPE",
    "VECTOR_SRAM_TYPE",
    "HBM_M_WEIGHT_TYPE",
    "HBM_M_KV_TYPE",
    "HBM_V_ACT_TYPE",
    "HBM_V_KV_TYPE",
    "HBM_V_INT_TYPE",
)
OTHER_PRECISION = ("SCALAR_FP", "MATRIX_SEMANTICS", "MX_PHYSICAL_SEMANTICS")
"""Tables of PRECISION that are no formats of a memory; the last two are for other tools, and free
in what they hold."""

_DEEPEST = 16
"""Tables inside one another."""

_TYPE = ("type", "sign", "exponent", "mantissa", "width")


def check_values(read: Settings) -> None:
    """Raise MachineError for a value that is neither a number, a text nor a truth value.

    TOML has more kinds of values, such as dates, but no setting is one; numbers have 64 bits.
    """
    if not isinstance(read.tables, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise MachineError(f"{read.name}: the settings are a table", path=read.name)
    _check_value(read, read.tables, "", 0)


def _check_value(read: Settings, value: object, path: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise read.error(path, "is nested too deeply")
    match value:
        case dict():
            for key, inner in cast("Table", value).items():
                name = f"{path}.{key}" if path else key
                _check_value(read, inner, name, depth + 1)
        case list():
            for inner in cast("list[object]", value):
                _check_value(read, inner, path, depth + 1)
        case bool() | str():
            pass
        case int() if -(1 << 63) <= value < 1 << 63:
            pass
        case float() if isfinite(value):
            pass
        case _:
            raise read.error(path, f"is {value!r:.40}, which no setting can be")


def check_keys(read: Settings) -> None:
    """Raise MachineError for a key or a mode that there is not."""
    _check(read, read.tables, SECTIONS)
    mode = _table(read, read.tables, "MODE")
    _check(read, mode, ("active",), "MODE")
    active = mode.get("active", MODES[0])
    if active not in MODES:
        raise read.error("MODE.active", f"is {active!r:.40}; there are {' and '.join(MODES)}")
    top = "TRANSACTIONAL"
    parts = read.table(top)
    _check(read, parts, ("CONFIG", "PRECISION", "LATENCY"), top)
    config = _table(read, parts, "CONFIG", top)
    _check(read, config, (*CONFIG_MOST, *OTHER_CONFIG), f"{top}.CONFIG")
    for key in config:
        name = f"{top}.CONFIG.{key}"
        _check(read, _table(read, config, key, f"{top}.CONFIG"), ("value",), name)
    _check_memory(read, config)
    latency = _table(read, parts, "LATENCY", top)
    _check(read, latency, (*LATENCIES, *OTHER_LATENCIES), f"{top}.LATENCY")
    for key in latency:
        name = f"{top}.LATENCY.{key}"
        designs = ("dc_lib_en", "dc_lib_dis")
        _check(read, _table(read, latency, key, f"{top}.LATENCY"), designs, name)
    _check_precision(read, _table(read, parts, "PRECISION", top), f"{top}.PRECISION")


def _check_precision(read: Settings, precision: Table, path: str) -> None:
    _check(read, precision, (*FORMATS, *OTHER_PRECISION), path)
    for key in precision:
        table = _table(read, precision, key, path)
        if key == "SCALAR_FP":
            _check(read, table, _TYPE, f"{path}.{key}")
        elif key in FORMATS:
            _check(read, table, ("format", "block", "DATA_TYPE", "ELEM", "SCALE"), f"{path}.{key}")
            for part in ("DATA_TYPE", "ELEM", "SCALE"):
                inner = _table(read, table, part, f"{path}.{key}")
                _check(read, inner, _TYPE, f"{path}.{key}.{part}")


def _check_memory(read: Settings, config: Table) -> None:
    """Check what is said of the memory device (section 6.3)."""
    top = "TRANSACTIONAL.CONFIG"
    if "HBM_WIDTH" in config:
        width = read.config("HBM_WIDTH")
        if width < 8 or width & (width - 1):
            raise read.error(f"{top}.HBM_WIDTH", f"is {width} bits; write a power of two from 8 on")
    generation = _table(read, config, "HBM_GEN", top).get("value", "HBM2")
    if str(generation).upper() not in HBM_GENERATIONS:
        known = " and ".join(HBM_GENERATIONS)
        raise read.error(f"{top}.HBM_GEN", f"is {generation!r:.40}; {known} are modelled")
    channels = _table(read, config, "HBM_CHANNELS", top).get("value", 8)
    if isinstance(channels, bool) or channels not in HBM_CHANNELS:
        known = ", ".join(map(str, HBM_CHANNELS))
        raise read.error(f"{top}.HBM_CHANNELS", f"is {channels!r:.40}; {known} are modelled")


def _table(read: Settings, tables: Table, key: str, path: str = "") -> Table:
    """The table `key`, empty where there is none."""
    value = tables.get(key, {})
    if not isinstance(value, dict):
        name = f"{path}.{key}" if path else key
        raise read.error(name, f"must be a table, not {value!r:.40}")
    return cast("Table", value)


def _check(read: Settings, table: Table, known: Iterable[str], path: str = "") -> None:
    names = list(known)
    for key in table:
        if key not in names:
            near = get_close_matches(key, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            raise _unknown(read, f"{path}.{key}" if path else key, hint)


def _unknown(read: Settings, key: str, hint: str) -> MachineError:
    return read.error(key, f"there is no such key in a settings file; {hint}")

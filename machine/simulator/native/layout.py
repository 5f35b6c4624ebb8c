"""The structures of `engine.h` as ctypes and numpy know them; `library.py` compares their sizes."""

from __future__ import annotations

from ctypes import (
    POINTER,
    Structure,
    c_float,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)

import numpy as np

SLOTS = 5
"""Operands of a record."""

RECORD = np.dtype(
    [("op", np.uint32), ("x", np.uint32, SLOTS), ("cycles", np.uint32), ("waits", np.uint32)]
)
"""One instruction, decoded."""

OP_END, OP_LEAVE, OP_STOP, OP_FIRST = range(4)
"""Records that end the program, go to the interpreter, stop; instructions follow."""

RUN_ENDED, RUN_SLICE_OVER, RUN_LEFT, RUN_STOPPED, RUN_NO_MEMORY = range(5)
"""Why a run returned."""

FORMATS = ("matrix_weight", "matrix_kv", "vector_act", "vector_kv")
"""The attributes of `Machine` whose formats transfers use, in the engine's order."""


class FormatLayout(Structure):
    """A number format of HBM."""

    _fields_ = [
        *((name, c_uint32) for name in ("bits", "block", "ratio_numerator", "ratio_denominator")),
        *((name, c_uint32) for name in ("exponent", "mantissa", "bias", "sign")),
        *((name, c_void_p) for name in ("decode", "scale_value", "encode", "scale_code", "factor")),
    ]


class LoopLayout(Structure):
    """An open loop."""

    _fields_ = [
        *((name, c_uint64) for name in ("start", "since", "oldest", "lowest")),
        *((name, c_uint32) for name in ("reg", "stuck")),
    ]


SIZES = (
    *("mlen", "vlen", "blen", "hlen", "broadcast"),
    *("rows", "tiles", "hbm_size", "fp_entries", "int_entries"),
    *("prefetch_m", "prefetch_v", "writeback_v", "loop_limit", "stuck_limit"),
)

POINTERS = (
    *("vector", "fp", "matrix", "ints", "hbm"),
    *("m_accum", "hm_accum", "v_accum", "hv_accum", "gp", "f", "a"),
)

BUFFERS = ("transposed", "transposed_valid", "scratch", "lanes")

TABLES = ("exp_table", "reciprocal_table", "sqrt_table")

COUNTERS = ("counts", "hbm_cycles", "bytes_read", "bytes_written")


class EngineLayout(Structure):
    """Everything of a run."""

    _fields_ = [
        *((name, c_uint64) for name in SIZES),
        *((name, c_float) for name in ("bmm_scale", "exp_limit")),
        *((name, c_void_p) for name in POINTERS),
        *((name, c_uint64) for name in ("scale", "stride", "mask")),
        *((name, c_void_p) for name in (*BUFFERS, *TABLES)),
        ("formats", FormatLayout * len(FORMATS)),
        ("records", c_void_p),
        ("length", c_uint64),
        *((name, c_void_p) for name in (*COUNTERS, "dram")),
        *((name, c_uint64) for name in ("overlaps", "loading")),
        ("pc", c_uint64),
        ("executed", c_uint64),
        ("cycles", c_int64),
        ("loops", POINTER(LoopLayout)),
        ("depth", c_uint64),
        ("loop_room", c_uint64),
    ]

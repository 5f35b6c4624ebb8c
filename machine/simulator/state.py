"""Everything the machine stores (section 2), as numpy arrays.

bf16 memories are kept as float32 arrays that hold bf16 values only. Their bit patterns, which is
what users see, are the upper halves of those words: a strided uint16 view, so that reading and
writing either one is reading and writing the other.
"""

from __future__ import annotations

import mmap

import numpy as np

from ..numerics.bf16 import F32, U8, U16, U32, f32_to_bf16
from ..spec.params import FP_MEM_ENTRIES, INT_MEM_ENTRIES, Machine

BMM_SCALE = np.float32(0.25)
"""Factor of the batched matrix instructions; no instruction writes it."""


def upper_halves(values: F32) -> U16:
    """A writable uint16 view [...] of the upper halves of float32 words [...]."""
    halves = values.view(np.uint16).reshape(*values.shape, 2)
    return halves[..., 1]


def lazy_bytes(size: int) -> U8:
    """`size` zero bytes that take memory only where they are written."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), np.uint8)


class State:
    """Registers and memories of one machine, all zero except STRIDE, which is 1.

    `vector32` is float32 [rows, VLEN], `fp32` float32 [1024], `f32` float32 [8]; `vector`, `fp` and
    `f` are their bf16 patterns. `matrix` is float32 [tiles, MLEN, MLEN] (not rounded), `int` uint32
    [1024], `hbm` uint8 [bytes], `gp` uint32 [16], `a` uint64 [16].
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        mlen, blen, broadcast = machine.mlen, machine.blen, machine.broadcast
        rows = machine.vector_sram_rows
        self.vector32: F32 = (
            lazy_bytes(rows * machine.vlen * 4).view(np.float32).reshape(rows, machine.vlen)
        )
        self.fp32: F32 = np.zeros(FP_MEM_ENTRIES, np.float32)
        self.f32: F32 = np.zeros(8, np.float32)
        self.vector: U16 = upper_halves(self.vector32)
        self.fp: U16 = upper_halves(self.fp32)
        self.f: U16 = upper_halves(self.f32)
        self.matrix: F32 = np.zeros((machine.matrix_tiles, mlen, mlen), np.float32)
        self.int: U32 = np.zeros(INT_MEM_ENTRIES, np.uint32)
        self.hbm: U8 = lazy_bytes(machine.hbm_size)
        self.gp: U32 = np.zeros(16, np.uint32)
        self.a = np.zeros(16, np.uint64)
        self.scale = 0
        self.stride = 1
        self.mask = 0
        self.m_accum: F32 = np.zeros((blen, blen), np.float32)
        self.hm_accum: F32 = np.zeros((broadcast, mlen, mlen), np.float32)
        self.v_accum: F32 = np.zeros(blen, np.float32)
        self.hv_accum: F32 = np.zeros((broadcast, mlen), np.float32)

    @property
    def matrix_bits(self) -> U16:
        """Matrix SRAM as the emulator dumps it: bf16 bit patterns, uint16 [tiles, MLEN, MLEN].

        A NaN is rounded like a number, so that one with a small payload, as 16-bit formats in HBM
        can hold, is an infinity here (section 4.1); in `matrix` it is a NaN.
        """
        return f32_to_bf16(self.matrix)

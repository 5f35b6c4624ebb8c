"""Time and traffic of a program's HBM transfers."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..spec.formats import HbmFormat
from ..spec.params import HBM_LINE
from .dram import Dram
from .transfers import (
    Addresses,
    prefetch_line_count,
    prefetch_lines,
    store_line_count,
    store_lines,
)

HbmTime: TypeAlias = Literal["exact", "none"]


def check_hbm_time(time: str) -> None:
    """Raise ValueError unless `time` is one of `HbmTime`."""
    if time not in ("exact", "none"):
        raise ValueError(f"hbm_time is {time!r}, must be 'exact' or 'none'")


class TransferUnit:
    """Counts bytes in granules of 64, as the machine does, and asks the memory model for time.

    Lists are by pc. With time "none" a transfer takes no cycles.
    """

    def __init__(self, instructions: int, time: HbmTime) -> None:
        check_hbm_time(time)
        self._dram = Dram() if time == "exact" else None
        self.bytes_read = [0] * instructions
        self.bytes_written = [0] * instructions
        self.cycles = [0] * instructions

    @property
    def timed(self) -> bool:
        """Whether transfers take time."""
        return self._dram is not None

    def prefetched(self, pc: int, form: HbmFormat, at: Addresses, length: int, now: int) -> int:
        """Cycles of a prefetch by the instruction at `pc` that begins at `now`."""
        self.bytes_read[pc] += HBM_LINE * prefetch_line_count(form, at, length)
        if self._dram is None:
            return 0
        lines = prefetch_lines(form, at, length)
        cycles = self._dram.read(lines, now) - now
        self.cycles[pc] += cycles
        return cycles

    def stored(self, pc: int, form: HbmFormat, at: Addresses, length: int, now: int) -> int:
        """Cycles of a store by the instruction at `pc` that begins at `now`."""
        moved = HBM_LINE * store_line_count(form, at, length)
        self.bytes_read[pc] += moved
        self.bytes_written[pc] += moved
        if self._dram is None:
            return 0
        lines = store_lines(form, at, length)
        cycles = self._dram.store(lines, now) - now
        self.cycles[pc] += cycles
        return cycles

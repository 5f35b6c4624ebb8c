"""Time and traffic of a program's HBM transfers."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..spec.cost_tables import EMULATOR, CostTable, device_of
from ..spec.formats import HbmFormat
from ..spec.params import HBM_LINE, Machine
from .dram import Dram, Load
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


FOR_VECTOR = 1
"""Bit of `Program.waits`: waits for the load into vector SRAM."""

FOR_MATRIX = 2
"""Bit of `Program.waits`: waits for the load into matrix SRAM, and before that of vector SRAM."""


class TransferUnit:
    """Counts bytes in granules of 64, as the machine does, and asks the memory model for time.

    Lists are by pc. With time "none" a transfer takes no cycles. `table` says which memory there is
    (with `machine`), and whether loads run beside other work: then a prefetch takes no cycles here,
    and what needs it waits (`waited`); each of the two SRAMs has room for one load under way.
    `cycles` are of stores, prefetches that are waited for at once, and waits.
    """

    def __init__(
        self,
        instructions: int,
        time: HbmTime,
        table: CostTable = EMULATOR,
        machine: Machine | None = None,
    ) -> None:
        check_hbm_time(time)
        device = None if machine is None else device_of(table, machine)
        self._dram = Dram(device) if time == "exact" and table.is_timed else None
        self.overlaps = table.overlaps and self._dram is not None
        self.tail = 0
        self._loads: dict[int, Load] = {}
        self.bytes_read = [0] * instructions
        self.bytes_written = [0] * instructions
        self.cycles = [0] * instructions

    @property
    def timed(self) -> bool:
        """Whether transfers take time."""
        return self._dram is not None

    def waited(self, pc: int, loads: int, now: int) -> int:
        """Cycles from `now` on that the instruction at `pc` waits for loads (the bits of
        `Program.waits`) before anything else."""
        if self._dram is None or not self._loads:
            return 0
        begin = now
        for each in (FOR_MATRIX, FOR_VECTOR):
            if loads & each and (load := self._loads.pop(each, None)) is not None:
                now = self._dram.wait(load, now)
        if pc >= 0:
            self.cycles[pc] += now - begin
        return now - begin

    def finished(self, now: int) -> int:
        """Cycles that a program which ends at `now` waits for loads under way; kept in `tail`."""
        self.tail = self.waited(-1, FOR_MATRIX | FOR_VECTOR, now)
        return self.tail

    def prefetched(
        self, pc: int, form: HbmFormat, at: Addresses, length: int, now: int, engine: int = 0
    ) -> int:
        """Cycles of a prefetch by the instruction at `pc` that begins at `now`.

        `engine` is FOR_MATRIX or FOR_VECTOR, the SRAM that is filled.
        """
        self.bytes_read[pc] += HBM_LINE * prefetch_line_count(form, at, length)
        if self._dram is None:
            return 0
        lines = prefetch_lines(form, at, length)
        if self.overlaps:
            self._loads[engine] = self._dram.begin(lines, now)
            return 0
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

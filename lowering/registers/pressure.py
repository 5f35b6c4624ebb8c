"""How many registers of each bank are taken where: what it costs to keep a value for longer."""

from __future__ import annotations

from ...dialects import plena
from ...machine.program.range_maximum import RangeMaximum
from .live_ranges import ProgramOrder

MARGIN = 1
"""Registers of each bank that are left free: estimates know nothing of the allocator's copies."""


class Pressure:
    """The values live at each point of a kernel, by bank.

    A snapshot of the kernel as it was, to which values that come to live longer are added; an
    operation that has moved is where it was. Points are those of `live_ranges`.
    """

    def __init__(self, kernel: plena.KernelOp):
        self.order = ProgramOrder(kernel)
        size = 2 * len(self.order.ops) + 2
        changes: dict[type[plena.BankType], list[int]] = {
            bank: [0] * size for bank in (plena.GPType, plena.FPType, plena.AddrType)
        }
        for value in self.order.values:
            change = changes.get(plena.bank(value))
            if change is not None:
                start, end = self.order.span(value)
                change[start] += 1
                change[end] -= 1
        self._live = {bank: RangeMaximum(change) for bank, change in changes.items()}

    def has_room(self, bank: type[plena.BankType], start: int, end: int, values: int = 1) -> bool:
        """Whether so many more values may live from `start` to before `end`."""
        taken = self._live[bank].most(start, end)
        return taken + values + MARGIN <= len(bank.ALLOCATABLE)

    def take(self, bank: type[plena.BankType], start: int, end: int) -> None:
        """One more value lives from `start` to before `end`."""
        self._live[bank].add(start, end, 1)

    def free(self, bank: type[plena.BankType], start: int, end: int) -> None:
        """One value less lives from `start` to before `end`."""
        self._live[bank].add(start, end, -1)

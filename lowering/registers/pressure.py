"""How many registers of each bank are taken where: what it costs to keep a value for longer."""

from __future__ import annotations

from ...dialects import plena
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
        self._live: dict[type[plena.BankType], list[int]] = {}
        for bank in (plena.GPType, plena.FPType, plena.AddrType):
            self._live[bank] = [0] * size
        for value in self.order.values:
            live = self._live.get(plena.bank(value))
            if live is not None:
                for start, end in self.order.range(value):
                    live[start] += 1
                    live[end] -= 1
        for live in self._live.values():
            total = 0
            for point, change in enumerate(live):
                total += change
                live[point] = total

    def has_room(self, bank: type[plena.BankType], start: int, end: int, values: int = 1) -> bool:
        """Whether so many more values may live from `start` to before `end`."""
        taken = max(self._live[bank][start:end], default=0)
        return taken + values + MARGIN <= len(bank.ALLOCATABLE)

    def take(self, bank: type[plena.BankType], start: int, end: int) -> None:
        """One more value lives from `start` to before `end`."""
        live = self._live[bank]
        live[start:end] = [count + 1 for count in live[start:end]]

    def free(self, bank: type[plena.BankType], start: int, end: int) -> None:
        """One value less lives from `start` to before `end`."""
        live = self._live[bank]
        live[start:end] = [count - 1 for count in live[start:end]]

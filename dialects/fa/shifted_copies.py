"""The scratch of Q K^T with M_BTMM on queries as they are: plain arithmetic, no IR."""

from __future__ import annotations

from dataclasses import dataclass

from ...machine.spec.params import Machine


@dataclass(frozen=True)
class ShiftedCopies:
    """The scratch of one product: copies of a block of MLEN query rows, and a write-out's rows."""

    machine: Machine
    rows: int
    panels: int

    @property
    def copies(self) -> int:
        """Copies of each panel: one for each slice; whole blocks of rows are their own last one."""
        return self.machine.broadcast - (self.rows % self.machine.mlen == 0)

    @property
    def written(self) -> int:
        """The first row that a write-out fills."""
        return self.copies * self.panels * self.machine.mlen

    @property
    def scratch_rows(self) -> int:
        """Rows of scratch in all."""
        return self.written + self.machine.broadcast * self.machine.mlen

    def copy(self, panel: int, shift: int) -> int | None:
        """The first row of the copy shifted by `shift` slices; None where the queries are it."""
        first = self.machine.broadcast - self.copies
        if shift < first:
            return None
        return (panel * self.copies + shift - first) * self.machine.mlen

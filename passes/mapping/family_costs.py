"""What the instruction families cost in the inner loops of attention: plain arithmetic, no IR.

Cycles for one row of a tile and one panel of MLEN keys, from the instruction table and what the
emission adds for addresses. They rank families; `machine/cost/cost.py` counts whole programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...machine.cost.figures import Target, table_for
from ...machine.cost.lower_bounds import READ_FIRST
from ...machine.spec.cost_tables import CostTable
from ...machine.spec.params import HBM_LINE, Machine
from ..support.rounding import round_up

PRESSED_PANELS = 5
"""With so many panels of keys and of results the addresses of a tile of ones and of its sums find
no registers beside those of the panels, and are computed in every row."""

PRESSED_ADDRESSES = 11
"""So many, counted on heads of 48 and 64 columns."""


@dataclass(frozen=True)
class FamilyCosts:
    """Costs on a machine by one cost table; `bytes` do not depend on families, so the emulator's
    cycles decide there."""

    machine: Machine
    target: Target

    @cached_property
    def table(self) -> CostTable:
        """The cost table."""
        return table_for(self.target)

    def cycles(self, mnemonic: str) -> int:
        """Cycles of one instruction."""
        return self.table.evaluate(mnemonic, self.machine.cycle_parameters)

    @property
    def step(self) -> int:
        """Cycles of a pointer's step."""
        return self.cycles("S_ADDI_INT")

    def scores(self, family: str, head_dim: int) -> float:
        """Q K^T: one row of queries of `head_dim` columns with one panel of keys."""
        machine = self.machine
        if family == "tmm":
            depth = -(-head_dim // machine.mlen)
            block = depth * (self.cycles("M_TMM") + self.step / 2) + self.cycles("M_MM_WO")
            return block * (machine.mlen // machine.blen) / machine.blen
        chunks = -(-head_dim // machine.hlen)
        if family == "btmv":
            row = chunks * (self.cycles("M_BTMV") + self.step)
            return (row + self.cycles("M_BMV_WO") + 2 * self.step) / machine.broadcast
        rows = machine.broadcast * machine.mlen
        return chunks * self.cycles("M_BTMM") / rows

    def product(self, family: str, value_dim: int, panels: int, rows: int) -> float:
        """P V: one row of P with `panels` panels of keys, for each of those panels.

        `rows` are those of a tile: fewer than share lanes leave some of them idle.
        """
        machine = self.machine
        outputs = -(-value_dim // machine.mlen)
        if family == "mm":
            used = min(value_dim, machine.mlen) if outputs == 1 else outputs * machine.mlen
            blocks = -(-used // machine.blen)
            block = self.cycles("M_MM") + self.step / 2 + self.cycles("M_MM_WO") / panels
            return blocks * block / machine.blen
        if family == "packed":
            # Each row takes a pass through the unit tile, each packed row one through V.
            call, together = self.cycles("M_BTMV") + self.step, min(machine.broadcast, rows)
            written = self.cycles("M_BMV_WO") / together
            passes = machine.broadcast / together * call
            return call + written + outputs * (passes + written / panels)
        shifts = (machine.broadcast - 1) * self.cycles("V_SHFT_V")
        row = machine.broadcast * self.cycles("M_BTMV") + shifts
        return outputs * (row + self.cycles("M_BMV_WO") / panels)

    def packs_results(self, columns: int, rows: int, length: int) -> bool:
        """Whether results of `columns` columns beside their sums are packed before they are stored.

        Tiles have `rows` rows, and there are `length` in all. Padding of a single tile, which loops
        over rows leave out, is no reason to go through it after all.
        """
        machine, streams = self.machine, self.machine.broadcast
        if columns % machine.hlen or rows % streams:
            return False
        if (length if length < streams else round_up(length, streams)) < rows:
            return False
        return self.divided(columns, rows, packed=True) < self.divided(columns, rows)

    def divided(self, columns: int, rows: int, packed: bool = False) -> float:
        """Dividing by sums in columns, and storing: one row of `columns` columns of tiles of
        `rows`."""
        machine, streams = self.machine, self.machine.broadcast
        lines = -(-machine.vector_act.element_bytes(machine.vlen) // HBM_LINE)
        store = (self.cycles("H_STORE_V") + 2 * self.step) / machine.writeback_v
        if self.table.is_timed:
            store += READ_FIRST * lines
        if not packed:
            division = self.cycles("V_RECI_V") + self.cycles("V_SHFT_V") + self.cycles("V_MUL_VV")
            return division + store
        slices = columns // machine.hlen
        group = streams * self.cycles("M_BTMV") + self.cycles("M_BMV_WO") + self.cycles("V_RECI_V")
        group += slices * self.cycles("V_MUL_VV")
        return group / streams + store * self.packed_rows(columns, rows) / rows

    def packed_rows(self, columns: int, rows: int) -> int:
        """Rows that are stored of a tile of `rows` rows whose results are packed."""
        used = rows // self.machine.broadcast * (columns // self.machine.hlen)
        return round_up(used, self.machine.writeback_v)

    def sums(self, family: str, panels: int, outputs: int, packed: int = 0) -> float:
        """Row sums and the division by them: one row with `panels` panels, for each of those.

        `outputs` are the panels of the results; of P `packed` rows share lanes, 0 for none.
        """
        add = self.cycles("V_ADD_VV")
        if family == "ones" and packed:
            row = self.cycles("M_BTMV") + self.cycles("M_BMV_WO")
            row += self.machine.broadcast * panels * add
            return (row / packed + self.cycles("V_RECI_V") + self.step) / panels
        if family == "reduce":
            row = (panels if panels > 1 else 0) * add + self.cycles("V_RED_SUM")
            row += 2 * self.cycles("S_ADD_FP") + self.cycles("S_RECI_FP")
        else:
            row = panels * self.cycles("M_BTMV") + self.cycles("M_BMV_WO")
            row += (self.machine.broadcast - 1) * add + self.cycles("V_RECI_V")
            if panels + outputs >= PRESSED_PANELS:
                row += PRESSED_ADDRESSES * self.step
        return row / panels

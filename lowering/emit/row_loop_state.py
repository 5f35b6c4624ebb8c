"""What the operations of one row loop share: pointers, panels, values of the present rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

from xdsl.ir import Operation, SSAValue

from ...dialects import fa
from .emitter import Emitter
from .row_ops import Rows

WORK_ROW, SUM_ROW = 0, 1
"""Rows of the scratch of a row loop; what write-outs fill lies behind (`ROW_LOOP_SCRATCH`)."""

HELD_PANELS = 4
"""Up to so many panels of a row have a register each; more are walked by an inner loop."""

PanelAddress: TypeAlias = Callable[[int], SSAValue]
"""The address of a panel of the present row, by its number."""


class RowLoop:
    """What the operations of one row loop share: pointers, and values of the present row."""

    def __init__(self, e: Emitter, ops: Sequence[Operation], count: int):
        """`count` rows are done together: operation by operation, each on all of them."""
        self.e = e
        self.count = count
        self.members = set(ops)
        self.starts: dict[int, int] = {}
        """Address of the first row of a tile -> position of its pointer."""
        self.steps: dict[int, int] = {}
        """Address of the first row of a tile -> rows from those done together to the next."""
        self._scratch: dict[int, SSAValue] = {}
        self._pointers: Sequence[SSAValue] = ()
        self._index: SSAValue = e.zero
        self._row = 0
        self._first = 0
        self._panels: dict[tuple[int, int, int], SSAValue] = {}
        self._scalars: dict[tuple[SSAValue, int], SSAValue] = {}
        self._kept: dict[tuple[SSAValue, int], Sequence[SSAValue]] = {}
        self._at: dict[SSAValue, SSAValue] = {}

    def walk(self, value: SSAValue, step: int | None = None) -> Rows:
        """Have a pointer to the rows of a placed tile; `step` are those that it has for the rows
        that are done together, by default as many."""
        rows = Rows.of(self.e, fa.tile(value))
        self.starts.setdefault(rows.address, len(self.starts))
        step = self.count if step is None else step
        assert self.steps.setdefault(rows.address, step) == step
        return rows

    def scratch(self, room: SSAValue | None, row: int) -> SSAValue:
        """The address of a row of the loop's scratch; set before the loop."""
        assert room is not None, "allocate-sram gives scratch to what needs it"
        address = fa.tile(room).placed + row * self.e.machine.vlen
        if address not in self._scratch:
            self._scratch[address] = self.e.constant(address)
        return self._scratch[address]

    def enter(self, pointers: Sequence[SSAValue], index: SSAValue, first: int) -> None:
        """Start with other rows, from the one that `pointers` point to on; it is `first` rows
        behind the `index` that statistics count from."""
        self._pointers, self._index = pointers, index
        self._first = self._row = first
        self._panels.clear()
        self._scalars.clear()
        self._kept.clear()

    def select(self, row: int) -> None:
        """Let the present row be one of those done together. There are not registers enough to
        hold addresses, and statistics that lie in FP_MEM, over several rows."""
        if self.count > 1:
            self._panels.clear()
            self._scalars = {
                key: register
                for key, register in self._scalars.items()
                if fa.tile(key[0]).at is None
            }
        self._row = self._first + row

    def first(self, rows: Rows) -> SSAValue:
        """The pointer to the present row of a tile, first panel."""
        return self.panel(rows, 0)

    def panels(self, rows: Rows) -> tuple[PanelAddress, int]:
        """The panels of the present row of a tile, as `each_panel` takes them."""
        row = self._row
        return lambda panel: self._address(rows, row, panel), rows.panel

    def panel(self, rows: Rows, panel: int) -> SSAValue:
        """The address of one panel of the present row; computed once for a row."""
        return self._address(rows, self._row, panel)

    def _address(self, rows: Rows, row: int, panel: int) -> SSAValue:
        pointer = self._pointers[self.starts[rows.address]]
        offset = (row - self._first) * rows.width + panel * rows.panel
        if offset == 0:
            return pointer
        key = (rows.address, row, panel)
        if key not in self._panels:
            self._panels[key] = self.e.add(pointer, offset)
        return self._panels[key]

    def keep(self, value: SSAValue, panels: Sequence[SSAValue]) -> None:
        """The present row of a tile lies elsewhere: one address for each panel."""
        self._kept[value, self._row] = panels

    def let_lie_at(self, value: SSAValue, other: SSAValue) -> None:
        """The rows of a tile without a place of its own lie where those of another do."""
        self._at[value] = other

    def row(self, value: SSAValue) -> Sequence[SSAValue]:
        """The addresses of the panels of the present row of a tile."""
        value = self._at.get(value, value)
        if (value, self._row) in self._kept:
            return self._kept[value, self._row]
        rows = Rows.of(self.e, fa.tile(value))
        return [self.panel(rows, panel) for panel in range(rows.panels)]

    def inside(self, value: SSAValue) -> bool:
        """Whether a value is made in this loop."""
        return value.owner in self.members

    def leaves(self, value: SSAValue) -> bool:
        """Whether a value is needed outside of this loop."""
        return any(use.operation not in self.members for use in value.uses)

    def scalar(self, value: SSAValue) -> SSAValue:
        """The present row's statistic, in a register."""
        key = (value, self._row)
        if key not in self._scalars:
            place = fa.tile(value).placed + self._row
            self._scalars[key] = self.e.get("S_LD_FP", self._index, place)
        return self._scalars[key]

    def set_scalar(self, value: SSAValue, register: SSAValue) -> None:
        """The present row's statistic is in `register`; it is stored if it is needed later."""
        self._scalars[value, self._row] = register
        if self.leaves(value) or (self.count > 1 and fa.tile(value).at is not None):
            place = fa.tile(value).placed + self._row
            self.e.do("S_ST_FP", register, self._index, place)

    def each_panel(
        self,
        count: int,
        values: Sequence[SSAValue],
        pointers: Sequence[tuple[PanelAddress, int]],
        body: Callable[[Sequence[SSAValue], Sequence[SSAValue]], Sequence[SSAValue]],
    ) -> Sequence[SSAValue]:
        """Run `body` for each of `count` panels; it gets `values` and addresses, returns new ones.

        `pointers` are (address of a panel by its number, step from panel to panel). Few panels are
        done one after another, more by a loop of `HELD_PANELS` each, so that programs do not grow
        with the number of keys.
        """
        if count <= HELD_PANELS:
            for panel in range(count):
                values = body(values, [address(panel) for address, _ in pointers])
            return values
        e, chunks = self.e, count // HELD_PANELS
        starts = [address(0) for address, _ in pointers]
        with e.loop(chunks, *values, *starts) as loop:
            inner, at = loop.carried[: len(values)], list(loop.carried[len(values) :])
            for _ in range(HELD_PANELS):
                inner = body(inner, at)
                at = [e.add(a, step) for a, (_, step) in zip(at, pointers, strict=True)]
            loop.yields(*inner, *at)
        values, at = loop.results[: len(values)], list(loop.results[len(values) :])
        for _ in range(count % HELD_PANELS):
            values = body(values, at)
            at = [e.add(a, step) for a, (_, step) in zip(at, pointers, strict=True)]
        return values


class Part(ABC):
    """One operation of a row loop."""

    def __init__(self, loop: RowLoop, op: Operation):
        self.loop = loop
        self.e = loop.e
        self.op = op

    @abstractmethod
    def prepare(self) -> None:
        """What is done once, in front of the loop: constants, pointers."""

    @abstractmethod
    def emit(self) -> None:
        """The present row."""

    def emit_rows(self) -> None:
        """All rows that are done together."""
        for row in range(self.loop.count):
            self.loop.select(row)
            self.emit()


def kept_in(loop: RowLoop, value: SSAValue) -> bool:
    """Whether the rows of a value never leave the loop's scratch."""
    return loop.inside(value) and isinstance(value.owner, fa.MatmulOp)

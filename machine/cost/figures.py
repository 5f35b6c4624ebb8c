"""The figures by which programs are compared: cycles in all cost tables, and HBM bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..spec.cost_tables import EMULATOR, CostTable, TableError, table_named, table_names

if TYPE_CHECKING:
    from ..spec.isa import Unit

UNITS: tuple[Unit, ...] = ("matrix", "vector", "scalar", "control", "hbm")
"""The units in the order in which they are printed."""


@dataclass(frozen=True)
class Figures:
    """Cycles by the name of a cost table, and HBM bytes, in lines of 64: a program's or a part's.

    Tables in which there are no cycles are left out of `cycles`; None is a number that there is
    not, because the program has an instruction that the table lacks. Those of the emulator take
    instructions one at a time (ISA section 6.1), HBM time included; in the analytic one, which is
    pipelined, HBM bandwidth is a bound of its own and a transfer takes a cycle; in `rtl` a load
    costs what something waits for it.
    """

    cycles: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    hbm_bytes_read: int = 0
    hbm_bytes_written: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycles", {k: v for k, v in self.cycles.items() if v != 0})

    @property
    def emulator_cycles(self) -> int:
        """Cycles in the emulator's table."""
        return self.of("emulator")

    @property
    def analytic_cycles(self) -> int:
        """Cycles in the pipelined table."""
        return self.of("analytic")

    @property
    def rtl_cycles(self) -> int:
        """Cycles in the table measured on RTL; ValueError where it lacks an instruction."""
        return self.of("rtl")

    def __add__(self, other: Figures) -> Figures:
        return self._with(other, 1)

    def __sub__(self, other: Figures) -> Figures:
        return self._with(other, -1)

    def _with(self, other: Figures, sign: int) -> Figures:
        cycles = dict(self.cycles)
        for name, value in other.cycles.items():
            mine = cycles.get(name, 0)
            cycles[name] = None if mine is None or value is None else mine + sign * value
        return Figures(
            cycles,
            self.hbm_bytes_read + sign * other.hbm_bytes_read,
            self.hbm_bytes_written + sign * other.hbm_bytes_written,
        )

    def of(self, target: Target) -> int:
        """What is to be made small for a target: cycles of a table, or bytes read and written.

        Raises ValueError where there is no such target, and where its cycles are not known.
        """
        if target == BYTES:
            return self.hbm_bytes_read + self.hbm_bytes_written
        value = self.cycles.get(target_named(target), 0)
        if value is None:
            raise ValueError(f"the program has instructions that the machine of {target} lacks")
        return value

    def to_json(self) -> dict[str, int | None]:
        """The figures by name: `TABLE_cycles` of every table, and the bytes."""
        cycles = {f"{name}_cycles": self.cycles.get(name, 0) for name in table_names()}
        read, written = self.hbm_bytes_read, self.hbm_bytes_written
        return {**cycles, "hbm_bytes_read": read, "hbm_bytes_written": written}


Target: TypeAlias = str
"""What programs can be optimised for: the name of a cost table, or "bytes" of HBM."""

BYTES: Target = "bytes"


def targets() -> tuple[Target, ...]:
    """The names of all targets."""
    return (*table_names(), BYTES)


TARGETS: tuple[Target, ...] = targets()
"""The targets that the package brings along."""


def table_for(target: Target) -> CostTable:
    """The table by whose cycles choices for a target are made: the emulator's for bytes, which do
    not depend on them."""
    return EMULATOR if target == BYTES else table_named(target)


@dataclass(frozen=True)
class Breakdown:
    """Figures in all, by unit and for moving Q and O."""

    total: Figures
    unit: Mapping[Unit, Figures]
    moving: Figures
    """The transfers between query and output regions and vector SRAM; 0 where none are known."""

    @property
    def without_moving(self) -> Figures:
        """The figures without loading Q and storing O."""
        return self.total - self.moving

    def parts_to_json(self) -> dict[str, Any]:
        """What the total is made of, as JSON values."""
        return {
            "by_unit": {unit: figures.to_json() for unit, figures in self.unit.items()},
            "moving_q_and_o": self.moving.to_json(),
            "without_q_and_o": self.without_moving.to_json(),
        }


def target_named(name: str) -> Target:
    """The target of that name; the path of a table's file names that table, which is added.

    Raises ValueError, whose text lists the names.
    """
    if name == BYTES:
        return BYTES
    try:
        return table_named(name).name
    except TableError as error:
        if name.endswith(".toml"):
            raise
        known = ", ".join(targets())
        raise ValueError(f"nothing is optimised for '{name}'; there are {known}") from error

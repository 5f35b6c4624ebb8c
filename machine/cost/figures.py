"""The figures by which programs are compared: cycles in both cost tables, and HBM bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from ..spec.isa import Unit

UNITS: tuple[Unit, ...] = ("matrix", "vector", "scalar", "control", "hbm")
"""The units in the order in which they are printed."""


@dataclass(frozen=True)
class Figures:
    """Cycles in both tables and HBM bytes, in lines of 64: a program's or a part's.

    `emulator_cycles` takes instructions one at a time (ISA section 6.1), HBM time included;
    `analytic_cycles` is the pipelined table, in which HBM bandwidth is a bound of its own and a
    transfer takes a cycle.
    """

    emulator_cycles: int = 0
    analytic_cycles: int = 0
    hbm_bytes_read: int = 0
    hbm_bytes_written: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.emulator_cycles + other.emulator_cycles,
            self.analytic_cycles + other.analytic_cycles,
            self.hbm_bytes_read + other.hbm_bytes_read,
            self.hbm_bytes_written + other.hbm_bytes_written,
        )

    def __sub__(self, other: Figures) -> Figures:
        return Figures(
            self.emulator_cycles - other.emulator_cycles,
            self.analytic_cycles - other.analytic_cycles,
            self.hbm_bytes_read - other.hbm_bytes_read,
            self.hbm_bytes_written - other.hbm_bytes_written,
        )

    def of(self, target: Target) -> int:
        """What is to be made small for a target: cycles, or bytes read and written."""
        match target:
            case "emulator":
                return self.emulator_cycles
            case "analytic":
                return self.analytic_cycles
            case "bytes":
                return self.hbm_bytes_read + self.hbm_bytes_written

    def to_json(self) -> dict[str, int]:
        """The figures by name."""
        return {name: getattr(self, name) for name in FIGURES}


FIGURES = ("emulator_cycles", "analytic_cycles", "hbm_bytes_read", "hbm_bytes_written")
"""The names of the figures."""

Target: TypeAlias = Literal["emulator", "analytic", "bytes"]

TARGETS: tuple[Target, ...] = get_args(Target)
"""What programs can be optimised for: cycles of one of the tables, or HBM bytes."""


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
    """The target of that name. Raises ValueError, whose text lists the names."""
    for target in TARGETS:
        if target == name:
            return target
    raise ValueError(f"nothing is optimised for '{name}'; there are {', '.join(TARGETS)}")

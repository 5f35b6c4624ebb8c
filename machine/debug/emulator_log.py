"""The time that the machine's own emulator prints at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .emulator_files import EmulatorFilesError

_NANOSECONDS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LATENCY = re.compile(r"\bLatency\s+(\d{1,18}(?:\.\d{1,18})?)\s*(ps|ns|us|µs|μs|ms|s)\b")

TIE = 0.0005
"""Part of a time by which runs of the emulator differ: it orders timers of one instant by their
address in the heap."""

TIE_LEAST = 2
"""Cycles that any transfer may differ by for that reason."""


def latency(text: str) -> float:
    """The nanoseconds of the last `Latency` in a log; one is a cycle. Raises EmulatorFilesError."""
    found = _LATENCY.findall(_COLOURS.sub("", text))
    if not found:
        raise EmulatorFilesError(
            "there is no line 'Simulation completed. Latency ...ns' in the log; the emulator "
            "writes it with RUST_LOG=warn,transactional_emulator=info"
        )
    number, unit = found[-1]
    return float(number) * _NANOSECONDS[unit]


@dataclass(frozen=True)
class Times:
    """Cycles of our run, and of the emulator's by its log."""

    ours: int
    theirs: float

    @property
    def equal(self) -> bool:
        """Whether they differ by no more than the emulator's runs do among themselves."""
        return abs(self.ours - self.theirs) <= max(TIE_LEAST, TIE * self.ours)

    def text(self) -> str:
        """A line that says how they compare."""
        if self.ours == self.theirs:
            return f"time: equal, {self.ours:,} cycles\n"
        apart = abs(self.ours - self.theirs) / max(1, self.ours)
        what = "within what its own runs differ by" if self.equal else "differs"
        return (
            f"time: {what}; {self.ours:,} cycles here, {self.theirs:,.15g} there, "
            f"{100 * apart:.3f} % apart\n"
        )

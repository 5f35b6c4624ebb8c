"""Times of HBM transfers between which the memory comes to rest, looked up where they are known.

When a prefetch has ended, the memory model (`dram.py`) is at rest: only which rows are open is left
of what was before. And its channels, banks and rows are all alike, up to names. So a transfer takes
as long as another one that asks for the same pattern of places, of which the same ones are open;
kernels repeat few patterns. Writes go on for a while after a store, so a transfer soon after a
store is looked up together with it; what came before that is taken to have ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..spec.params import HbmDevice
from .dram import Dram

Lines: TypeAlias = NDArray[np.int64]
"""Byte addresses of 64-byte lines, in the order in which they are asked for."""

_BANKS = 32
"""Banks of four channels. A line lies in four, a half of the usual eight."""

_SOON = 64
"""Cycles after a store in which its writes may still be going on."""

QUIET = 1_000
"""Cycles after which they certainly are not."""


def _places(lines: Lines, channels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The place of each line, half * 32 + bank, and its row (ISA section 6.3)."""
    bits = channels.bit_length() - 1
    rest = lines >> 6 + bits
    column = (rest >> 5 & 7) << 2
    half = ((lines >> 6 ^ column) & channels - 1) >> 2
    column >>= bits
    pseudo, group, bank = rest ^ column, rest >> 1 ^ column >> 1, rest >> 3 ^ column >> 3
    return half << 5 | (pseudo & 1) << 4 | (group & 3) << 2 | bank & 3, rest >> 8


_Key: TypeAlias = tuple[bytes, bool, int, int, HbmDevice]
"""A pattern, whether it is stored, the lines of a store just before, the cycles after it, and the
memory."""


@dataclass(slots=True)
class _Transfer:
    """A transfer to be timed."""

    lines: Lines
    store: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What a transfer takes, and which of its lines' rows is open in each line's place then."""

    cycles: int
    left: NDArray[np.int64]


_KNOWN: dict[_Key, _Known] = {}
"""Times by pattern, for all programs of a process: they are the memory's, whatever the machine."""

_MOST = 20_000
"""Patterns that are kept, of some 500 bytes each."""


class QuietMemory:
    """Which rows are open, and the times of transfers.

    `missed` counts the lines of patterns that this memory had not met, known or not, so that it
    does not depend on what else the process did. The device has four channels at least.
    """

    def __init__(self, device: HbmDevice | None = None) -> None:
        self._device = device or HbmDevice()
        self._banks = self._device.channels // 4 * _BANKS
        self.missed = 0
        self._open = np.full(self._banks, -1, np.int64)
        self._met: set[_Key] = set()
        self._before: _Transfer | None = None
        self._open_before = self._open
        self._dram = Dram(self._device)
        self._now = 0

    def _places(self, lines: Lines) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return _places(lines, self._device.channels)

    def resume(self, wanted: Iterable[Lines], earlier: Iterable[Lines]) -> int:
        """Go to another point of a program, before transfers of `wanted`; how many were looked at.

        `earlier` are the transfers before that point, the latest first. They are taken until it is
        known which row each one left open in the places that will be asked for; where they end
        before that, the place is closed.
        """
        missing = np.zeros(self._banks, np.bool_)
        for lines in wanted:
            missing[self._places(lines)[0]] = True
        opened = np.full(self._banks, -1, np.int64)
        looked_at = 0
        for lines in earlier:
            if not missing.any():
                break
            looked_at += 1
            place, row = self._places(lines)
            left = opened.copy()
            left[place] = row
            opened = np.where(missing, left, opened)
            missing[place] = False
        self._open = self._open_before = opened
        self._before = None
        return looked_at

    def time(self, lines: Lines, store: bool, gap: int) -> int:
        """Cycles of a transfer that begins `gap` cycles after the one before."""
        before = self._before
        if before is not None and before.store and gap < _SOON:
            joint = np.concatenate((before.lines, lines))
            opened, start = self._open_before, len(before.lines)
        else:
            before, joint, opened, start = None, lines, self._open, 0
        place, row = self._places(joint)
        low = joint >> 6 & 3
        names = dict.fromkeys(row.tolist())
        if len(names) == 1:
            label = np.zeros_like(row)
        else:
            found = np.fromiter(names, np.int64, len(names))
            order = np.argsort(found)
            label = order[np.searchsorted(found[order], row)]
        state = opened[place]
        kind = (state == row) + 2 * (state < 0)
        pattern = place ^ place[0] | (low ^ low[0]) << 8 | kind << 10 | label << 12
        text = pattern.tobytes()
        key: _Key = (text, store, start, -1 if before is None else gap, self._device)
        if key not in self._met:
            self._met.add(key)
            self.missed += len(joint)
        known = _KNOWN.get(key)
        if known is None:
            if len(_KNOWN) >= _MOST:
                _KNOWN.clear()
            known = _KNOWN[key] = self._timed(before, _Transfer(lines, store), gap, opened)
        if store:
            self._open_before = self._open.copy()
        mine, rows = place[start:], row[start:]
        self._open[mine] = rows[known.left]
        # At once after another one, the memory's tick of that cycle has been.
        late = gap == 0 and self._before is not None and before is None
        self._before = _Transfer(lines, store)
        return known.cycles + late

    def _timed(
        self,
        before: _Transfer | None,
        transfer: _Transfer,
        gap: int,
        opened: NDArray[np.int64],
    ) -> _Known:
        """Ask the memory model, with these rows open."""
        dram = self._dram
        now = self._now + QUIET
        dram.set_rows(opened.tolist(), now)
        for each in (before, transfer):
            if each is None:
                continue
            wanted = each.lines.tolist()
            start = now
            now = dram.store(wanted, now) if each.store else dram.read(wanted, now)
            took = now - start
            now += gap if each is before else 0
        self._now = now
        rows = dram.rows()
        place, row = self._places(transfer.lines)
        first: dict[tuple[int, int], int] = {}
        pairs: list[tuple[int, int]] = list(zip(place.tolist(), row.tolist(), strict=True))
        for index, pair in enumerate(pairs):
            first.setdefault(pair, index)
        left = [first.get((at, rows[at]), index) for index, (at, _) in enumerate(pairs)]
        return _Known(took, np.array(left, np.int64))

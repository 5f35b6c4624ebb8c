"""Which bytes of HBM a program stores as floating-point numbers, to tell NaNs from other bits.

Bits of a NaN depend on the host (section 4.1), also where a store has put it into HBM; what the
format of a byte is, only the transfers of the program say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cost.transfer_plan import NotLinear, Transfer, known, plan_transfers
from ..cost.transfer_replay import NotReplayed, replay
from ..hbm.transfers import addresses
from ..numerics.bf16 import U8
from ..program.linear_mod32 import at
from ..program.loop_nest import structure_of
from ..program.program import Program
from ..program.run_time_counts import NotCounted, structure_with
from ..spec.formats import FloatType
from ..spec.params import Machine

Addresses = NDArray[np.int64]


@dataclass(frozen=True)
class StoredNumbers:
    """Rows of numbers in HBM: where each begins and ends (bytes), and the number of its type in
    `types`. Rows are in order of their first byte."""

    starts: Addresses
    stops: Addresses
    type_of: NDArray[np.int64]
    types: Sequence[FloatType]

    @classmethod
    def of(cls, words: Iterable[int], machine: Machine, int_mem: Sequence[int]) -> StoredNumbers:
        """The rows that a program stores, where its loops say where; else none.

        `int_mem` is what INT_MEM holds before the program.
        """
        types: dict[FloatType, int] = {}
        rows: dict[int, tuple[int, int]] = {}
        for transfer, numbers in _stores(Program(words, machine), int_mem):
            element = transfer.form.element
            if not isinstance(element, FloatType) or element.bits < 8:
                continue
            number = types.setdefault(element, len(types))
            high, low, offset, scale, step = (at(known(each), numbers) for each in transfer.places)
            where = addresses(
                transfer.form, high << 32 | low, offset, scale, step, transfer.rows
            ).elements
            size = transfer.form.element_bytes(transfer.length)
            rows |= {start: (start + size, number) for start in where if start < 1 << 62}
        ordered = sorted(rows)
        return cls(
            np.array(ordered, np.int64),
            np.array([rows[start][0] for start in ordered], np.int64),
            np.array([rows[start][1] for start in ordered], np.int64),
            list(types),
        )

    def both_nan(self, places: Addresses, ours: U8, theirs: U8) -> NDArray[np.bool_]:
        """Which bytes belong to numbers that are NaN in both of two images: bool [places]."""
        result = np.zeros(places.shape, np.bool_)
        row = np.searchsorted(self.starts, places, "right") - 1
        inside = np.flatnonzero(row >= 0)
        inside = inside[places[inside] < self.stops[row[inside]]]
        for number, element in enumerate(self.types):
            mine = inside[self.type_of[row[inside]] == number]
            size = element.bits // 8
            start = self.starts[row[mine]]
            first = start + (places[mine] - start) // size * size
            whole = first + size <= min(ours.size, theirs.size)
            mine, first = mine[whole], first[whole]
            result[mine] = _nan(ours, first, element) & _nan(theirs, first, element)
        return result


def _stores(program: Program, int_mem: Sequence[int]) -> Iterator[tuple[Transfer, dict[int, int]]]:
    """Every store with the iteration numbers of the loops around it."""
    structure = structure_of(program)
    if structure is None:
        try:
            structure = structure_with(program, int_mem)
        except NotCounted:
            return
    if structure is None:
        return
    try:
        try:
            transfers = plan_transfers(program, structure, int_mem).transfers
            for transfer in transfers:
                if transfer.store:
                    _ = [known(place) for place in transfer.places]
        except NotLinear:
            transfers = replay(program, structure, int_mem).transfers
        for transfer in transfers:
            for index in range(transfer.executed if transfer.store else 0):
                numbers: dict[int, int] = {}
                for loop in reversed(transfer.loops):
                    index, numbers[loop.key] = divmod(index, loop.count)
                yield transfer, numbers
    except (NotLinear, NotReplayed):
        return


def _nan(image: U8, first: Addresses, element: FloatType) -> NDArray[np.bool_]:
    """Whether the numbers that begin at these bytes are NaN."""
    codes = image[first].astype(np.uint32)
    if element.bits == 16:
        codes |= image[first + 1].astype(np.uint32) << np.uint32(8)
    mantissa = codes & np.uint32((1 << element.mantissa) - 1)
    ones = np.uint32((1 << element.exponent) - 1)
    return (codes >> np.uint32(element.mantissa) & ones == ones) & (mantissa != 0)

"""Programs with all that engines derive from them, kept because most are run more than once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..program.loop_nest import Structure, structure_of
from ..program.program import Program
from ..spec.cost_tables import EMULATOR, CostTable
from ..spec.isa import INSTRUCTIONS
from ..spec.params import Machine

_MOST = 16
_cache: OrderedDict[tuple[Machine, CostTable, bytes], Prepared] = OrderedDict()
_lock = Lock()

_ROWS = {instruction.mnemonic: row for row, instruction in enumerate(INSTRUCTIONS)}


class Prepared(Program):
    """A program, not to be changed."""

    @cached_property
    def cycle_array(self) -> NDArray[np.int64]:
        """`cycles` as an array."""
        return np.array(self.cycles, np.int64)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of the instruction table of each instruction; one more than the last for none."""
        return np.array(
            [
                len(INSTRUCTIONS) if d is None else _ROWS[d.instruction.mnemonic]
                for d in self.decoded
            ],
            np.int64,
        )

    @cached_property
    def structure(self) -> Structure | None:
        """The loop nest; None where control flow is unusual."""
        return structure_of(self)

    @cached_property
    def records(self) -> NDArray[np.void]:
        """The program as the native engine takes it; raises Unavailable."""
        from .native.library import library
        from .native.records import records_of

        return records_of(self, library().operands)

    @cached_property
    def mnemonics(self) -> frozenset[str]:
        """Those that occur."""
        return frozenset(d.instruction.mnemonic for d in self.decoded if d is not None)


def prepared(words: Iterable[int], machine: Machine, table: CostTable = EMULATOR) -> Prepared:
    """The program of these words, from the cache if it ran lately."""
    array = np.array(words if isinstance(words, Sequence | np.ndarray) else list(words), np.uint32)
    key = machine, table, array.tobytes()
    with _lock:
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
            return found
    program = Prepared(array.tolist(), machine, table)
    with _lock:
        _cache[key] = program
        if len(_cache) > _MOST:
            _cache.popitem(last=False)
    return program

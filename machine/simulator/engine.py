"""The numpy engine: a program is translated to Python once, then executed.

Programs whose control flow is unusual, and instructions that trap, go to the plain interpreter.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import CodeType
from typing import TypeAlias, cast

import numpy as np

from ..hbm.transfer_timer import TransferUnit
from ..program.loop_nest import Structure, structure_of
from ..program.program import Program
from ..spec.cost_tables import CostTable
from ..spec.params import Machine
from .interpreter import Interpreter
from .prepared import Prepared
from .state import State
from .translate import translate
from .translated_runtime import Kernels, Stopped, stop

Progress = Callable[[int, int | None], None]

_CACHED_PROGRAMS = 8
_Key: TypeAlias = tuple[Machine, CostTable, tuple[int, ...], bool, bool, bool]
_cache: OrderedDict[_Key, tuple[CodeType, Structure]] = OrderedDict()


def execute(
    program: Program, state: State, unit: TransferUnit, progress: Progress | None = None
) -> list[int]:
    """Run `program` on `state`; the execution count of every pc. Raises Trap."""
    interpreter = Interpreter(program, state, unit)
    program.check_load()
    translated = _translated(program, unit, progress is not None)
    if translated is None:
        interpreter.run(progress)
        return interpreter.counts
    code, structure = translated
    total = sum(structure.counts)
    kernels = Kernels(state, interpreter, unit)
    namespace: dict[str, object] = {}
    exec(code, namespace)
    run = cast("Callable[..., None]", namespace["run"])

    def report(executed: int) -> None:
        if progress is not None:
            progress(executed, total)

    try:
        with np.errstate(all="ignore"):
            run(kernels, state, stop, report)
    except Stopped as stopped:
        with np.errstate(all="ignore"):
            interpreter.execute(stopped.pc)
        raise RuntimeError(f"pc {stopped.pc} stopped for no reason") from stopped
    if progress is not None:
        progress(total, total)
    return structure.counts


def _translated(
    program: Program, unit: TransferUnit, progress: bool
) -> tuple[CodeType, Structure] | None:
    """Code and structure of a program, from the cache if it ran lately; None if unusual."""
    timed, overlaps = unit.timed, unit.overlaps
    key = (program.machine, program.table, tuple(program.words), timed, overlaps, progress)
    found = _cache.get(key)
    if found is not None:
        _cache.move_to_end(key)
        return found
    structure = program.structure if isinstance(program, Prepared) else structure_of(program)
    if structure is None:
        return None
    source = translate(program, structure, timed, progress, overlaps=overlaps)
    found = compile(source, "<translated program>", "exec"), structure
    _cache[key] = found
    if len(_cache) > _CACHED_PROGRAMS:
        _cache.popitem(last=False)
    return found

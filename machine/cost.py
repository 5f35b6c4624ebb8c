"""What a program costs, counted from its words without running it.

Loop counts are static, so every instruction's executions are known. Compute cycles and HBM bytes
are exact for programs that keep their transfers on 64-byte lines, as compiled kernels do; the time
of HBM transfers is an estimate, because it depends on which DRAM rows are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .encoding import Decoded, decode
from .formats import HbmFormat
from .isa import Unit
from .params import HBM_LINE, Machine

READ_LATENCY = 20.0
"""Cycles until the first lines of a prefetch are there."""

READ_PER_LINE = 0.65
"""Further cycles for each line of a prefetch: all are requested at once."""

STORE_PER_LINE = 12.5
"""Cycles for each line of a store, which is read before it is written, one after the other."""


class CostError(ValueError):
    """A program whose loops are not closed one inside the other."""


@dataclass(frozen=True)
class Cost:
    """Cycles in both tables, HBM bytes in lines, and both by unit.

    `emulator_cycles` takes instructions one at a time (ISA section 6.1), HBM time included;
    `analytic_cycles` is the pipelined table, in which HBM bandwidth is a bound of its own.
    """

    instructions: int
    emulator_cycles: int
    analytic_cycles: int
    hbm_cycles: int
    hbm_bytes_read: int
    hbm_bytes_written: int
    emulator_by_unit: dict[Unit, int]
    analytic_by_unit: dict[Unit, int]


def program_cost(words: Iterable[int], machine: Machine) -> Cost:
    """The cost of a program on a machine. Raises CostError for loops that are not well nested."""
    decoded = [decode(int(word)) for word in words]
    counts = executions(decoded)
    parameters = machine.cycle_parameters
    emulator: dict[Unit, float] = {}
    analytic: dict[Unit, float] = {}
    read = written = 0
    for item, count in zip(decoded, counts, strict=True):
        if item is None or not count:
            continue
        row = item.instruction
        if row.unit == "hbm":
            lines = transfer_lines(item, machine)
            stores = row.mnemonic == "H_STORE_V"
            read += count * lines * HBM_LINE
            written += count * lines * HBM_LINE if stores else 0
            cycles = STORE_PER_LINE * lines if stores else READ_LATENCY + READ_PER_LINE * lines
        elif row.free_without_destination and item.values[0] == 0:
            cycles = 0
        else:
            cycles = row.transactional.evaluate(parameters)
        emulator[row.unit] = emulator.get(row.unit, 0) + count * cycles
        pipelined = row.analytic.evaluate(parameters)
        analytic[row.unit] = analytic.get(row.unit, 0) + count * pipelined
    return Cost(
        sum(counts),
        round(sum(emulator.values())),
        round(sum(analytic.values())),
        round(emulator.get("hbm", 0)),
        read,
        written,
        {unit: round(cycles) for unit, cycles in emulator.items()},
        {unit: round(cycles) for unit, cycles in analytic.items()},
    )


def executions(decoded: list[Decoded | None]) -> list[int]:
    """How often each instruction runs; raises CostError where loops do not nest."""
    counts: list[int] = []
    factor, open_loops = 1, list[tuple[int, int]]()
    for item in decoded:
        mnemonic = "" if item is None else item.instruction.mnemonic
        if item is not None and mnemonic == "C_LOOP_START":
            counts.append(factor)
            register, count = item.values[:2]
            open_loops.append((register, factor))
            factor *= count
            continue
        counts.append(factor)
        if item is not None and mnemonic == "C_LOOP_END":
            if not open_loops or open_loops[-1][0] != item.values[0]:
                raise CostError("loops that do not nest have no static cost")
            factor = open_loops.pop()[1]
    if open_loops:
        raise CostError("a loop is never closed")
    return counts


def transfer_lines(item: Decoded, machine: Machine) -> int:
    """The 64-byte lines that a transfer touches if its rows start on lines."""
    mnemonic, second = item.instruction.mnemonic, item.values[-1] != 0
    if mnemonic == "H_PREFETCH_M":
        form = machine.matrix_kv if second else machine.matrix_weight
        return machine.prefetch_m * _row_lines(form, machine.mlen)
    form = machine.vector_kv if second else machine.vector_act
    rows = machine.prefetch_v if mnemonic == "H_PREFETCH_V" else machine.writeback_v
    return rows * _row_lines(form, machine.vlen)


def _row_lines(form: HbmFormat, length: int) -> int:
    """Lines of the elements and of the scales of one row."""
    lines = -(-form.element_bytes(length) // HBM_LINE)
    return lines + (1 if form.scale_bytes(length) else 0)

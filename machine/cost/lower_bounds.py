"""Lower bounds on what attention costs on a machine, by unit, for both cost tables.

Plain arithmetic on the problem: whatever the program, if it computes softmax(Q K^T) V with the
machine's instructions, it does at least this.

- Matrix: each multiply-accumulate at the peak of an instruction family, each result written out
  once; Q K^T and P V by the cheapest family each. A row of queries that sees n keys needs whole
  blocks of keys, however rows are grouped.
- Vector: for each row and panel of VLEN keys that it sees a maximum, a subtraction and an
  exponential; for each row of results a multiplication. Where scores are bounded an exponential
  alone.
- Row sums by the cheaper of additions and a column of ones in V: in the total only, because a
  program can do them in the one unit or in the other.
- Scalar: for each row a running maximum that is set, if there must be one; for each row and panel
  an address.
- HBM: Q of rows that see a key, the keys that are seen, and their values read once, O written once,
  in whole lines, by transfers of the machine's fixed amounts; bytes at the memory's peak, and a
  first latency for each transfer.

Loops and address registers are nothing that a program needs: unrolled programs have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, TypeAlias

from ..host.layout import Layout, Storage
from ..spec.formats import E8M0, HbmFormat, IntType, MxFormat, PlainFormat
from ..spec.isa import BY_MNEMONIC, Unit
from ..spec.params import HBM_LINE, Machine
from .figures import UNITS, Breakdown, Figures

Family: TypeAlias = Literal["mm", "bmm", "mv", "bmv"]

FAMILIES: Mapping[Family, tuple[str, str]] = {
    "mm": ("M_MM", "M_MM_WO"),
    "bmm": ("M_BTMM", "M_BMM_WO"),
    "mv": ("M_MV", "M_MV_WO"),
    "bmv": ("M_BTMV", "M_BMV_WO"),
}
"""The instructions that multiply and write out; the transposed forms cost the same."""

READ_FIRST = 11
"""Cycles until the first line of a transfer is there, at best (ISA section 6.3)."""

LINES_PER_CYCLE = 2
"""Lines that all channels together deliver in a cycle, at best."""


@dataclass(frozen=True)
class Problem:
    """One attention: lengths in elements.

    `rows` maps a number of keys to how many rows of queries see so many, over all query heads and
    batches. `keys` is how many keys any query sees, over all KV heads and batches. `bounded` says
    that scores are known to be so small that no row needs its maximum.
    """

    batch: int
    q_heads: int
    kv_heads: int
    q_len: int
    kv_len: int
    head_dim: int
    value_dim: int
    rows: Mapping[int, int]
    keys: int
    bounded: bool = False

    @property
    def pairs(self) -> int:
        """Visible pairs of a query and a key, over all query heads and batches."""
        return sum(keys * rows for keys, rows in self.rows.items())

    @property
    def live_rows(self) -> int:
        """Rows of results that see a key."""
        return sum(rows for keys, rows in self.rows.items() if keys)

    @property
    def keys_of_a_row(self) -> int:
        """How many keys a row sees that sees some, on average, rounded up."""
        return ceil(self.pairs / max(1, self.live_rows))

    def blocks(self, size: int) -> int:
        """Blocks of `size` keys that rows see, each row by itself."""
        return sum(ceil(keys / size) * rows for keys, rows in self.rows.items())


def problem(
    shape: tuple[int, int, int, int, int, int, int], runs: Iterable[Sequence[tuple[int, int]]]
) -> Problem:
    """The problem of a shape, whose fields are the first seven of `Problem`.

    `runs` holds for each batch the keys [first, last) that each query sees, in every head.
    """
    _, q_heads, kv_heads, *_ = shape
    rows: dict[int, int] = {}
    keys = 0
    for batch in runs:
        ends: list[tuple[int, int]] = []
        for first, last in batch:
            seen = max(0, last - first)
            rows[seen] = rows.get(seen, 0) + q_heads
            if seen:
                ends.append((first, last))
        reached = 0
        for first, last in sorted(ends):
            keys += max(0, last - max(first, reached))
            reached = max(reached, last)
    return Problem(*shape, dict(sorted(rows.items())), kv_heads * keys)


@dataclass(frozen=True)
class Formats:
    """How the tensors are stored in HBM."""

    query: HbmFormat
    key: HbmFormat
    value: HbmFormat
    output: HbmFormat

    @classmethod
    def of(cls, machine: Machine) -> Formats:
        """What the machine's transfers expect: activations plain, keys and values as its cache."""
        return cls(machine.vector_act, machine.matrix_kv, machine.matrix_kv, machine.vector_act)

    @classmethod
    def stored(cls, machine: Machine, layout: Layout) -> Formats:
        """What a kernel's regions hold; the machine's own formats where there is no such region."""
        found = {each.kind: _form(each.storage) for each in reversed(layout.regions)}
        usual = cls.of(machine)
        return cls(
            found.get("query", usual.query),
            found.get("key", usual.key),
            found.get("value", usual.value),
            found.get("output", usual.output),
        )


def _form(storage: Storage) -> HbmFormat:
    """A format of the same size: what its codes mean does not matter here."""
    element = IntType(8 * storage.element_bytes)
    return MxFormat(storage.block, element, E8M0) if storage.scaled else PlainFormat(element)


@dataclass(frozen=True)
class Bounds(Breakdown):
    """The least that a problem costs.

    `total` has row sums as well, which `unit` has not. `family` holds the matrix unit's cycles by
    family; `emulator_family` and `analytic_family` are those that Q K^T and P V are cheapest by.
    """

    family: Mapping[Family, Figures]
    emulator_family: tuple[Family, Family]
    analytic_family: tuple[Family, Family]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values, under the keys of a cost."""
        return {
            **self.total.to_json(),
            **self.parts_to_json(),
            "matrix_by_family": {name: each.to_json() for name, each in self.family.items()},
        }


def lower_bounds(
    problem: Problem,
    machine: Machine,
    formats: Formats | None = None,
    families: tuple[Family, Family] | None = None,
) -> Bounds:
    """The bounds of one attention on a machine; with `families`, by these for Q K^T and P V."""
    forms = Formats.of(machine) if formats is None else formats
    scores: dict[Family, Figures] = {name: _scores(problem, machine, name) for name in FAMILIES}
    values: dict[Family, Figures] = {
        name: _values(problem, machine, name, problem.value_dim) for name in FAMILIES
    }
    first, second = families or (_cheapest(scores, True), _cheapest(values, True))
    third, fourth = families or (_cheapest(scores, False), _cheapest(values, False))
    matrix = Figures(
        scores[first].emulator_cycles + values[second].emulator_cycles,
        scores[third].analytic_cycles + values[fourth].analytic_cycles,
    )
    unit: dict[Unit, Figures] = dict.fromkeys(UNITS, Figures())
    unit["matrix"] = matrix
    unit["vector"] = _vector(problem, machine)
    unit["scalar"] = _scalar(problem, machine)
    by_matrix = {
        name: _values(problem, machine, name, problem.value_dim + 1) - values[name]
        for name in (second, fourth)
    }
    sums = _row_sums(problem, machine)
    ones = Figures(
        by_matrix[second].emulator_cycles,
        by_matrix[fourth].analytic_cycles,
    )
    row_sums = Figures(
        min(ones.emulator_cycles, sums.emulator_cycles),
        min(ones.analytic_cycles, sums.analytic_cycles),
    )
    moving = _moving(problem, machine, forms)
    unit["hbm"] = moving + _caches(problem, machine, forms)
    return Bounds(
        sum(unit.values(), row_sums),
        unit,
        moving,
        {name: scores[name] + values[name] for name in FAMILIES},
        (first, second),
        (third, fourth),
    )


def combined(bounds: Sequence[Bounds]) -> Bounds:
    """The bounds of several attentions after one another; the families are those of the first."""
    first = bounds[0]
    return Bounds(
        sum((each.total for each in bounds), Figures()),
        {name: sum((each.unit[name] for each in bounds), Figures()) for name in UNITS},
        sum((each.moving for each in bounds), Figures()),
        {name: sum((each.family[name] for each in bounds), Figures()) for name in FAMILIES},
        first.emulator_family,
        first.analytic_family,
    )


def _cheapest(figures: Mapping[Family, Figures], emulator: bool) -> Family:
    """The family with the least cycles in one of the tables."""
    return min(
        figures,
        key=lambda name: (
            figures[name].emulator_cycles if emulator else figures[name].analytic_cycles
        ),
    )


def _cycles(machine: Machine, mnemonic: str, times: int = 1) -> Figures:
    """So many executions of an instruction."""
    row, parameters = BY_MNEMONIC[mnemonic], machine.cycle_parameters
    return Figures(
        times * row.transactional.evaluate(parameters), times * row.analytic.evaluate(parameters)
    )


def _family(machine: Machine, name: Family, calls: float, results: float) -> Figures:
    """So many multiplications and write-outs, rounded up."""
    multiply, write_out = FAMILIES[name]
    return _cycles(machine, multiply, ceil(calls)) + _cycles(machine, write_out, ceil(results))


def _scores(problem: Problem, machine: Machine, name: Family) -> Figures:
    """Q K^T: a row of queries and a block of keys, over the head dimension."""
    blen, mlen, hlen, heads = machine.blen, machine.mlen, machine.hlen, machine.broadcast
    if name in ("mm", "mv"):
        results = problem.blocks(blen) / (blen if name == "mm" else 1)
        return _family(machine, name, results * ceil(problem.head_dim / mlen), results)
    # A call takes a slice of HLEN lanes for each of `heads` rows, or of `heads` times MLEN.
    at_once = heads * (mlen if name == "bmm" else 1)
    results = problem.blocks(mlen) / at_once
    return _family(machine, name, results * ceil(problem.head_dim / hlen), results)


def _values(problem: Problem, machine: Machine, name: Family, value_dim: int) -> Figures:
    """P V: a row of probabilities and a block of columns, over the keys that the row sees."""
    blen, mlen, hlen, heads = machine.blen, machine.mlen, machine.hlen, machine.broadcast
    if name in ("mm", "mv"):
        at_once = blen if name == "mm" else 1
        columns = ceil(value_dim / blen) / at_once
        return _family(machine, name, problem.blocks(mlen) * columns, problem.live_rows * columns)
    at_once = heads * (mlen if name == "bmm" else 1)
    columns = ceil(value_dim / mlen) / at_once
    return _family(machine, name, problem.blocks(hlen) * columns, problem.live_rows * columns)


def _vector(problem: Problem, machine: Machine) -> Figures:
    """Maximum, subtraction and exponential of scores, and the results' division by row sums."""
    panels = problem.blocks(machine.vlen)
    results = ceil(problem.live_rows * problem.value_dim / machine.vlen)
    names = ("V_EXP_V",) if problem.bounded else ("V_RED_MAX", "V_SUB_VF", "V_EXP_V")
    steps = (_cycles(machine, name, panels) for name in names)
    return sum(steps, _cycles(machine, "V_MUL_VV", results))


def _row_sums(problem: Problem, machine: Machine) -> Figures:
    """Row sums by the vector unit: panels added up, then one reduction for each row; or a reduction
    for each panel where that is cheaper."""
    panels, rows = problem.blocks(machine.vlen), problem.live_rows
    added = _cycles(machine, "V_ADD_VV", panels - rows) + _cycles(machine, "V_RED_SUM", rows)
    reduced = _cycles(machine, "V_RED_SUM", panels)
    return Figures(
        min(added.emulator_cycles, reduced.emulator_cycles),
        min(added.analytic_cycles, reduced.analytic_cycles),
    )


def _scalar(problem: Problem, machine: Machine) -> Figures:
    """A running maximum set for each row that needs one, an address for each row of scores."""
    maxima = 0 if problem.bounded else problem.live_rows
    return _cycles(machine, "S_LD_FP", maxima) + _cycles(
        machine, "S_ADDI_INT", problem.blocks(machine.vlen)
    )


def _moving(problem: Problem, machine: Machine, forms: Formats) -> Figures:
    """Q of rows that see a key read, and O of all rows written, once."""
    rows = problem.batch * problem.q_heads * problem.q_len
    length, live = machine.vlen, problem.live_rows
    queries = _reads(live * problem.head_dim, machine.prefetch_v, length, forms.query)
    stores = ceil(ceil(rows * problem.value_dim / length) / machine.writeback_v)
    lines = stores * machine.writeback_v * _row_lines(forms.output, length, True)
    moved = lines * HBM_LINE
    return queries + Figures(READ_FIRST * lines, stores, moved, moved)


def _caches(problem: Problem, machine: Machine, forms: Formats) -> Figures:
    """The keys that are seen and their values, read once."""
    keys = problem.keys
    return _reads(keys * problem.head_dim, machine.prefetch_m, machine.mlen, forms.key) + _reads(
        keys * problem.value_dim, machine.prefetch_m, machine.mlen, forms.value
    )


def _reads(elements: int, amount: int, length: int, form: HbmFormat) -> Figures:
    """Elements read by transfers of `amount` rows of `length`."""
    transfers = ceil(ceil(elements / length) / amount)
    lines = transfers * amount * _row_lines(form, length, False)
    cycles = transfers * (READ_FIRST - 1) + ceil(lines / LINES_PER_CYCLE)
    return Figures(cycles, transfers, lines * HBM_LINE)


def _row_lines(form: HbmFormat, length: int, store: bool) -> int:
    """The least lines of a row of `length` elements and its scales."""
    lines = ceil(form.element_bytes(length) / HBM_LINE)
    scales = ceil(form.scale_bytes(length) / HBM_LINE)
    return lines + (scales if store else min(scales, 1))

"""Lower bounds on what attention costs on a machine, by unit, for each cost table.

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
  first latency for each transfer. Where loads run beside other work they cost their issue only,
  and all units together take no less than the memory at its peak.

Loops and address registers are nothing that a program needs: unrolled programs have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, TypeAlias

from ..host.layout import Layout, Storage
from ..spec.cost_tables import CostTable, device_of, table_names, tables
from ..spec.formats import E8M0, HbmFormat, IntType, MxFormat, PlainFormat
from ..spec.isa import Unit
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
"""Lines that all channels of the published memory together deliver in a cycle, at best."""


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
    family; `families` are those that Q K^T and P V are cheapest by, by table. `waits` is what
    of the total is the memory's time at its peak beyond all else, where loads run beside it.
    """

    family: Mapping[Family, Figures]
    families: Mapping[str, tuple[Family, Family]]
    waits: Figures

    @property
    def without_moving(self) -> Figures:
        """The figures without loading Q and storing O."""
        return self.total - self.moving - self.waits

    @property
    def emulator_family(self) -> tuple[Family, Family]:
        """Those of the emulator's table."""
        return self.families["emulator"]

    @property
    def analytic_family(self) -> tuple[Family, Family]:
        """Those of the pipelined table."""
        return self.families["analytic"]

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
    chosen = {
        name: families or (_cheapest(scores, name), _cheapest(values, name))
        for name in table_names()
    }
    matrix: dict[str, int | None] = {}
    ones: dict[str, int | None] = {}
    for table, (first, second) in chosen.items():
        matrix[table] = scores[first].of(table) + values[second].of(table)
        wider = _values(problem, machine, second, problem.value_dim + 1)
        ones[table] = (wider - values[second]).of(table)
    unit: dict[Unit, Figures] = dict.fromkeys(UNITS, Figures())
    unit["matrix"] = Figures(matrix)
    unit["vector"] = _vector(problem, machine)
    unit["scalar"] = _scalar(problem, machine)
    row_sums = _least(Figures(ones), _row_sums(problem, machine))
    moving = _moving(problem, machine, forms)
    unit["hbm"] = moving + _caches(problem, machine, forms)
    total = sum(unit.values(), row_sums)
    waits = _waits(total, unit["hbm"], machine)
    return Bounds(
        total + waits,
        unit,
        moving,
        {name: scores[name] + values[name] for name in FAMILIES},
        chosen,
        waits,
    )


def _waits(total: Figures, hbm: Figures, machine: Machine) -> Figures:
    """What `total` lacks of the memory's time at its peak, where loads run beside other work."""
    # Writes are posted, and nothing waits for the last ones.
    lines = hbm.hbm_bytes_read // HBM_LINE
    missing: dict[str, int | None] = {
        table.name: max(0, ceil(lines / _lines_per_cycle(table, machine)) - total.of(table.name))
        for table in tables()
        if table.overlaps
    }
    return Figures(missing)


def _lines_per_cycle(table: CostTable, machine: Machine) -> float:
    """Lines that all channels together deliver in a cycle, at best: 16 bytes each (HBM2)."""
    device = device_of(table, machine)
    return device.channels / 2 / device.column_gap


def combined(bounds: Sequence[Bounds]) -> Bounds:
    """The bounds of several attentions after one another; the families are those of the first."""
    first = bounds[0]
    return Bounds(
        sum((each.total for each in bounds), Figures()),
        {name: sum((each.unit[name] for each in bounds), Figures()) for name in UNITS},
        sum((each.moving for each in bounds), Figures()),
        {name: sum((each.family[name] for each in bounds), Figures()) for name in FAMILIES},
        first.families,
        sum((each.waits for each in bounds), Figures()),
    )


def _cheapest(figures: Mapping[Family, Figures], table: str) -> Family:
    """The family with the least cycles in a table."""
    return min(figures, key=lambda name: figures[name].of(table))


def _least(one: Figures, other: Figures) -> Figures:
    """The lesser of two cycles in each table."""
    return Figures({name: min(one.of(name), other.of(name)) for name in table_names()})


def _cycles(machine: Machine, mnemonic: str, times: int = 1) -> Figures:
    """So many executions of an instruction."""
    parameters = machine.cycle_parameters
    return Figures({each.name: times * each.evaluate(mnemonic, parameters) for each in tables()})


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
    return _least(added, reduced)


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
    queries = _reads(machine, "H_PREFETCH_V", live * problem.head_dim, forms.query)
    stores = ceil(ceil(rows * problem.value_dim / length) / machine.writeback_v)
    lines = stores * machine.writeback_v * _row_lines(forms.output, length, True)
    moved = lines * HBM_LINE
    cycles = {each.name: READ_FIRST * lines for each in tables() if each.is_timed}
    return queries + Figures(cycles, moved, moved) + _cycles(machine, "H_STORE_V", stores)


def _caches(problem: Problem, machine: Machine, forms: Formats) -> Figures:
    """The keys that are seen and their values, read once."""
    keys = problem.keys
    return _reads(machine, "H_PREFETCH_M", keys * problem.head_dim, forms.key) + _reads(
        machine, "H_PREFETCH_M", keys * problem.value_dim, forms.value
    )


def _reads(
    machine: Machine,
    mnemonic: Literal["H_PREFETCH_M", "H_PREFETCH_V"],
    elements: int,
    form: HbmFormat,
) -> Figures:
    """Elements read by transfers of whole rows."""
    amounts = (machine.prefetch_m, machine.mlen), (machine.prefetch_v, machine.vlen)
    amount, length = amounts[mnemonic == "H_PREFETCH_V"]
    transfers = ceil(ceil(elements / length) / amount)
    lines = transfers * amount * _row_lines(form, length, False)
    alone = {
        each.name: transfers * (READ_FIRST - 1) + ceil(lines / _lines_per_cycle(each, machine))
        for each in tables()
        if each.transfers == "timed"
    }
    return Figures(alone, lines * HBM_LINE) + _cycles(machine, mnemonic, transfers)


def _row_lines(form: HbmFormat, length: int, store: bool) -> int:
    """The least lines of a row of `length` elements and its scales."""
    lines = ceil(form.element_bytes(length) / HBM_LINE)
    scales = ceil(form.scale_bytes(length) / HBM_LINE)
    return lines + (scales if store else min(scales, 1))

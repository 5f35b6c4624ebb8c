"""Candidates for the mapping of one attention, ranked by a model: plain arithmetic, no IR.

A candidate is the choice of instruction families for both products and for row sums, and whether
the query heads of a group share tiles. Its cost is predicted from the inner loops (`family_costs`),
what surrounds them, and the traffic that its tiles cause; `machine/cost/cost.py` counts the program
that is made in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import ceil

from ...machine.cost.figures import Target, table_for
from ...machine.cost.lower_bounds import LINES_PER_CYCLE, READ_FIRST, Family, Problem, lower_bounds
from ...machine.spec.params import HBM_LINE, Machine
from ..support.rounding import round_up
from ..tensors.head_grouping import HeadGroup, Rows, group, numbers_of_parts
from ..tiling.tile_sizes import Needs, TileSizeError, choose, fused_rows
from .family_costs import FamilyCosts
from .legality import (
    COLUMNS_BY_MM,
    EMPTY_ROWS,
    constant_tiles,
    why_no_columns,
    why_no_ones,
    why_not_packed,
    why_not_transposed,
)
from .packed_queries import packing_for

TRANSFER_CYCLES = 100.0
"""Cycles of a prefetch of 64 rows on the emulator, for ranking."""

STEP_CYCLES = 12.0
"""Cycles of a row's share in a rescaling beside those of its panels: factors, loads and stores."""


@dataclass(frozen=True)
class Candidate:
    """A mapping with its predicted cost, or with the reason why it is none."""

    grouped: int
    """Parts that the heads of a group share tiles in; 0 where each has its own."""
    qk: str
    pv: str
    sums: str
    cycles: float = 0.0
    """Predicted by the table that is optimised for."""
    bytes: int = 0
    """Predicted HBM traffic, in bytes."""
    rejected: str | None = None

    @property
    def options(self) -> dict[str, str | int]:
        """As the cache keeps it."""
        return {"grouped": self.grouped, "qk": self.qk, "pv": self.pv, "sums": self.sums}

    @property
    def pipeline(self) -> str:
        """The passes that make it."""
        return pipeline(self.options)

    def __str__(self) -> str:
        heads = ("head by head", "heads of a group together")[min(self.grouped, 1)]
        heads += f" in {self.grouped} parts" if self.grouped > 1 else ""
        return f"qk={self.qk} pv={self.pv} sums={self.sums}, {heads}"


def pipeline(options: Mapping[str, str | int]) -> str:
    """The passes of a choice as the cache keeps it."""
    families = " ".join(f"{name}={options[name]}" for name in ("qk", "pv", "sums"))
    parts = int(options["grouped"])
    first = f"group-heads{{parts={parts}}}," if parts else ""
    return f"{first}tile,fuse,map{{{families}}},lower-to-isa"


@dataclass(frozen=True)
class Question:
    """What is to be mapped: a problem on a machine, and by what the answer is measured.

    `alike` says that the heads of a group differ in their queries only.
    """

    machine: Machine
    problem: Problem
    target: Target
    needs: Needs
    alike: bool
    sums_needed: str | None = None
    """Why row sums must be numbers, where they must."""
    empty_rows: bool = False
    """Whether a query may see no key."""


def candidates(question: Question) -> list[Candidate]:
    """All candidates, the best first and those that are rejected last."""
    found = list(_all(question))
    by_bytes = question.target == "bytes"

    def rank(candidate: Candidate) -> tuple[bool, float, float]:
        cost = (candidate.bytes, candidate.cycles) if by_bytes else (candidate.cycles, 0.0)
        return candidate.rejected is not None, cost[0], cost[1]

    return sorted(found, key=rank)


def _all(question: Question) -> Iterator[Candidate]:
    for grouped in (*numbers_of_parts(_rows(question)), 0):
        layout = row_tiles(question, grouped)
        for qk, pv, sums in product(
            ("btmm", "btmv", "tmm"), ("packed", "btmv", "mm"), ("columns", "ones", "reduce")
        ):
            candidate = Candidate(grouped, qk, pv, sums)
            if isinstance(layout, str):
                yield _reject(candidate, layout)
                continue
            reason = _why_not(question, layout, candidate)
            yield (
                _priced(question, layout, candidate)
                if reason is None
                else _reject(candidate, reason)
            )


def _reject(candidate: Candidate, reason: str) -> Candidate:
    return Candidate(candidate.grouped, candidate.qk, candidate.pv, candidate.sums, rejected=reason)


@dataclass(frozen=True)
class RowTiles:
    """The tiles of a candidate: `tile` rows of `keys` keys each, `total` rows for a KV head."""

    tile: int
    total: int
    valid: int
    """Of them those that loops over rows go through: of a single tile the padding is left out."""
    keys: int
    passes: int
    """How often the loops over query tiles and heads go over the keys of a KV head."""


def _rows(question: Question) -> Rows:
    """What the heads of a group have to share tiles."""
    p = question.problem
    return Rows(
        question.machine,
        p.q_heads // p.kv_heads,
        p.q_len,
        p.kv_len,
        p.head_dim,
        p.value_dim,
        question.needs.keeps_statistics,
    )


def row_tiles(question: Question, grouped: int) -> RowTiles | str:
    """The tiles that `tile` will make; the reason where there are none."""
    machine, p = question.machine, question.problem
    heads = p.q_heads // p.kv_heads
    shared: HeadGroup | None = None
    if grouped:
        if not question.alike:
            return "heads differ in more than their queries"
        found = group(_rows(question), grouped)
        if isinstance(found, str):
            return found
        shared = found
    try:
        sizes = choose(
            machine,
            p.q_len if shared is None else shared.rows,
            p.kv_len,
            p.head_dim,
            p.value_dim,
            needs=question.needs,
            grouped_rows=None if shared is None else shared.tile_rows,
        )
    except TileSizeError as error:
        return str(error)
    tiles = sizes.q_len // sizes.q_rows * (1 if grouped else heads)
    panels = (sizes.head_dim + sizes.value_dim) // machine.mlen
    resident = panels * sizes.kv_len // machine.mlen < machine.matrix_tiles
    total = sizes.q_len * (1 if grouped else heads)
    single = not grouped and sizes.q_len == sizes.q_rows
    return RowTiles(
        sizes.q_rows,
        total,
        heads * p.q_len if single else total,
        sizes.kv_rows,
        1 if resident and sizes.kv_rows >= p.kv_len else tiles,
    )


def _why_not(question: Question, rows: RowTiles, candidate: Candidate) -> str | None:
    """The rule that a candidate breaks."""
    machine, p = question.machine, question.problem
    if candidate.qk != "tmm":
        packing = packing_for(machine, rows.tile, p.head_dim, candidate.qk)
        if isinstance(packing, str):
            return packing
        value = round_up(p.value_dim, machine.vlen)
        used = fused_rows(machine, rows.tile, rows.keys, p.kv_len, p.head_dim, value)
        if candidate.grouped > 1 and candidate.pv != "mm" and rows.keys < p.kv_len:
            # Tiles of parts are larger than those of one head: where P V needs no place.
            used -= rows.tile * value // machine.vlen
        if used > machine.vector_sram_rows:
            return (
                f"tiles take {used} rows of vector SRAM, and the machine has "
                f"{machine.vector_sram_rows}"
            )
    padded = round_up(p.value_dim, machine.vlen)
    if candidate.pv != "mm" and (reason := why_not_transposed(machine, padded)) is not None:
        return reason
    # Keys are gone before values come.
    panels = max(round_up(p.head_dim, machine.vlen), padded) // machine.mlen
    tiles = panels * rows.keys // machine.mlen
    if candidate.pv == "packed":
        if (reason := why_not_packed(machine, rows.tile, tiles)) is not None:
            return reason
        tiles += constant_tiles(machine)
    if candidate.sums == "columns" and candidate.pv == "mm":
        return COLUMNS_BY_MM
    if candidate.sums != "reduce" and question.sums_needed is not None:
        return question.sums_needed
    match candidate.sums:
        case "columns" if question.empty_rows:
            return EMPTY_ROWS
        case "columns":
            elements = p.batch * p.kv_heads * p.kv_len * p.value_dim
            return why_no_columns(machine, p.value_dim, elements)
        case "ones":
            return why_no_ones(machine, tiles)
        case _:
            return None


def _priced(question: Question, rows: RowTiles, candidate: Candidate) -> Candidate:
    """The candidate with its predicted cost."""
    machine, p = question.machine, question.problem
    costs = FamilyCosts(machine, question.target)
    heads = p.q_heads // p.kv_heads
    # Padding rows are work as the others are, but in loops over rows that know of them.
    row_panels = p.blocks(machine.vlen) / (heads * p.q_len)
    steps = ceil(p.kv_len / rows.keys)
    # What masks hide of a tile is cut off.
    panels = max(1, ceil(min(rows.keys, p.keys_of_a_row) / machine.vlen))
    columns = candidate.sums == "columns"
    valid = rows.total if candidate.pv == "mm" else rows.valid
    blocks = costs.scores(candidate.qk, p.head_dim)
    panel = costs.step + sum(costs.cycles(name) for name in ("V_RED_MAX", "V_SUB_VF", "V_EXP_V"))
    of_tile = p.q_len * (heads if candidate.grouped else 1)
    weighted = costs.product(candidate.pv, (2 if columns else 1) * p.value_dim, panels, of_tile)
    if candidate.pv == "mm":
        blocks += weighted
    else:
        panel += weighted
    outputs = ceil(p.value_dim / machine.vlen)
    packed = min(machine.broadcast, of_tile) if candidate.pv == "packed" else 0
    if columns:
        panel += (costs.cycles("V_RECI_V") + costs.cycles("V_SHFT_V")) / panels
    else:
        panel += costs.sums(candidate.sums, panels, outputs, packed)
    row = outputs * costs.cycles("V_MUL_VF") + 2 * costs.step
    length, results = rows.total if candidate.grouped else p.q_len, outputs * rows.total
    if columns and packed and costs.packs_results(p.value_dim, rows.tile, length):
        row += costs.divided(p.value_dim, rows.tile, packed=True)
        row -= costs.divided(p.value_dim, rows.tile)
        results = rows.total // rows.tile * costs.packed_rows(p.value_dim, rows.tile)
    if candidate.pv == "mm":
        # P V is divided in a second loop over rows, unless P is in the first one.
        at_once = candidate.sums == "reduce" and steps == 1 and panels <= 2 * outputs
        row += (panels - outputs) * costs.cycles("V_MUL_VF") if at_once else 4 * costs.step
    rescaled = (steps - 1) * (
        STEP_CYCLES + outputs * (costs.cycles("V_MUL_VF") + costs.cycles("V_ADD_VV"))
    )
    all_rows = p.batch * p.kv_heads * valid
    share = p.pairs / max(1, p.batch * p.q_heads * p.q_len * p.kv_len)
    passes = rows.passes * (share if rows.passes > 1 else 1.0)
    loads = p.batch * p.kv_heads * passes * ceil(p.kv_len / machine.prefetch_m)
    loads *= ceil(p.head_dim / machine.mlen) + ceil(p.value_dim / machine.mlen)
    loads += (candidate.sums == "ones") + (candidate.pv == "packed")
    transfer = TRANSFER_CYCLES * machine.prefetch_m / 64
    if not costs.table.is_timed:
        transfer = costs.cycles("H_PREFETCH_M") + 2.0
    cycles = (
        row_panels * (rows.total * blocks + valid * panel)
        + all_rows * (row + rescaled)
        + loads * transfer
        + p.batch * p.kv_heads * rows.total * _moving(question)
    )
    form = machine.matrix_kv
    lines = ceil(form.element_bytes(machine.mlen) / HBM_LINE) + bool(form.scale_bytes(machine.mlen))
    return Candidate(
        candidate.grouped,
        candidate.qk,
        candidate.pv,
        candidate.sums,
        cycles,
        round(loads * machine.prefetch_m * lines * HBM_LINE)
        + p.batch * p.kv_heads * results * _stored_bytes(machine),
    )


BOUNDED_BY: Mapping[str, Family] = {
    "tmm": "mm",
    "mm": "mm",
    "btmm": "bmm",
    "btmv": "bmv",
    "packed": "bmv",
}
"""The family of `machine/cost/lower_bounds.py` that an instruction of a mapping belongs to."""


def least(question: Question, candidate: Candidate) -> int:
    """What no program of a candidate's families falls below, by what is optimised for."""
    families = BOUNDED_BY[candidate.qk], BOUNDED_BY[candidate.pv]
    bounds = lower_bounds(question.problem, question.machine, families=families)
    return bounds.total.of(question.target)


def _stored_bytes(machine: Machine) -> int:
    """Bytes of storing a row, whose lines are read first."""
    return 2 * ceil(machine.vector_act.element_bytes(machine.vlen) / HBM_LINE) * HBM_LINE


def _moving(question: Question) -> float:
    """Cycles of bringing a row of Q and taking one of O away, which padding takes as well."""
    machine, p = question.machine, question.problem
    if not table_for(question.target).is_timed:
        # A cycle for each transfer of several rows.
        return 0.0
    lines = ceil(machine.vector_act.element_bytes(machine.vlen) / HBM_LINE)
    queries, outputs = (ceil(dim / machine.vlen) for dim in (p.head_dim, p.value_dim))
    return lines * (queries / LINES_PER_CYCLE + outputs * READ_FIRST)


def table(
    found: list[Candidate],
    chosen: Mapping[str, str | int],
    target: Target,
    counted: Mapping[Candidate, int],
) -> str:
    """The candidates as lines of a report: predicted cost and, where the program was made, counted
    cost with Q and O; or why one was rejected."""
    unit = "bytes of keys, values and results" if target == "bytes" else f"{target} cycles"
    lines = [f"mappings, by {unit}:", f"  {'predicted':>14} {'counted':>14}"]
    for candidate in found:
        mark = "*" if candidate.options == dict(chosen) else " "
        if candidate.rejected is not None:
            lines.append(f"{mark} {'rejected':>14} {'':>14}  {candidate}: {candidate.rejected}")
            continue
        cost = candidate.bytes if target == "bytes" else round(candidate.cycles)
        real = f"{counted[candidate]:,}" if candidate in counted else ""
        lines.append(f"{mark} {cost:>14,} {real:>14}  {candidate}")
    return "\n".join(lines) + "\n"

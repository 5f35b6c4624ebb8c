"""What the instruction families cost, by the estimates that choose them and by whole kernels.

The first table is `fa.passes.mapping.family_costs`: cycles for one row and one panel of keys. The
second compiles one kernel with every mapping set by hand, and counts cycles without loading Q and
storing O. Nothing is run.

    python bench/mappings.py            print the tables
    python bench/mappings.py --write    put them into docs/mapping.md
    python bench/mappings.py --check    exit with status 1 unless they are there as they are
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import fa
from fa.diagnostics import CompileError
from fa.dialects.fa.mapping_attrs import SCORE_FAMILIES, VALUE_MAPPINGS
from fa.machine import Machine
from fa.passes.mapping.family_costs import FamilyCosts
from page_tables import Page

TABLES = ("emulator", "analytic")
COLUMNS = (("plena-64", 64), ("plena-64", 16), ("plena-128", 128), ("plena-128", 32))
"""Machines and dimensions of heads, of queries and of values."""

PANELS = (1, 4)
"""Panels of keys of a tile, where what is written out once is spread over them."""

KERNELS = (("plena-64", 64, 1, 64), ("plena-64", 64, 4, 16), ("plena-128", 128, 1, 128))
"""Machine, queries and keys, query heads of the one KV head, head dimension; no mask."""

SUMS = ("reduce", "ones", "columns")
"""Ways to sum rows."""


def families() -> str:
    """Cycles for one row and one panel of MLEN keys, emulator / analytic."""
    names = [f"{machine}, d = {dim}" for machine, dim in COLUMNS]
    lines = [
        f"| product | family | keys | {' | '.join(names)} |",
        f"| --- | --- | --- |{' ---: |' * len(names)}",
    ]

    def row(name: str, family: str, keys: str, cost: Callable[[FamilyCosts, int], float]) -> None:
        cells: list[str] = []
        for machine, dim in COLUMNS:
            each = [cost(FamilyCosts(Machine.load(machine), table), dim) for table in TABLES]
            cells.append(" / ".join(f"{cycles:.2f}".rstrip("0").rstrip(".") for cycles in each))
        lines.append(f"| {name} | {family} | {keys} | {' | '.join(cells)} |")

    for family in SCORE_FAMILIES:
        row("Q Kᵀ", family, "any", lambda costs, dim, f=family: costs.scores(f, dim))
    for family, panels in product(VALUE_MAPPINGS, PANELS):
        keys = f"{panels} MLEN"
        row(
            "P V", family, keys, lambda costs, dim, f=family, n=panels: costs.product(f, dim, n, 64)
        )
    for family, panels in product(("reduce", "ones"), PANELS):
        keys = f"{panels} MLEN"
        row("row sums", family, keys, lambda costs, _, f=family, n=panels: costs.sums(f, n, 1))
    for panels in PANELS:
        keys = f"{panels} MLEN"
        row("row sums of packed P", "ones", keys, lambda c, _, n=panels: packed_sums(c, n))
    return "\n".join(lines)


def packed_sums(costs: FamilyCosts, panels: int) -> float:
    """Sums by a tile of ones of rows that share lanes."""
    return costs.sums("ones", panels, 1, costs.machine.broadcast)


def combinations() -> str:
    """Kernels with every mapping set by hand, the heads of a group together."""
    names = [f"{name}, {n}x{n}, {heads}/1, d = {dim}" for name, n, heads, dim in KERNELS]
    lines = [
        f"| qk | pv | sums | {' | '.join(names)} |",
        f"| --- | --- | --- |{' ---: |' * len(names)}",
    ]
    for qk, pv, sums in product(SCORE_FAMILIES, VALUE_MAPPINGS, SUMS):
        if (pv, sums) == ("mm", "columns"):
            # Columns of ones go with transposed values.
            continue
        found = [cycles(qk, pv, sums, *each) for each in KERNELS]
        if any(found):
            cells = [" / ".join(f"{number:,}" for number in pair) or "-" for pair in found]
            lines.append(f"| {qk} | {pv} | {sums} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cycles(
    qk: str, pv: str, sums: str, machine: str, length: int, heads: int, dim: int
) -> Sequence[int]:
    """Cycles of a kernel in both tables, Q and O not moved; none where the mapping is refused."""
    passes = f"group-heads,tile,fuse,map{{qk={qk} pv={pv} sums={sums}}},lower-to-isa"
    source = fa.attention(q_heads=heads, kv_heads=1, q_len=length, kv_len=length, head_dim=dim)
    try:
        figures = fa.cost(fa.compile(source, machine=machine, passes=passes)).without_moving
    except CompileError:
        return ()
    return figures.emulator_cycles, figures.analytic_cycles


if __name__ == "__main__":
    Page("mapping.md", "mappings.py").main(
        "What the instruction families cost.", {"families": families, "combinations": combinations}
    )

"""Executed cycles against the machine's published kernel generator."""

from __future__ import annotations

import fa
import pytest

from ..attentions import Case


@pytest.mark.parametrize(
    ("case", "published"),
    [(Case(64, 64), 40_544), (Case(256, 256, mask="causal"), 412_963)],
    ids=str,
)
def test_no_slower_than_published(case: Case, published: int):
    """The published figures leave out loading Q and storing O, the only uses of these two."""
    kernel = fa.compile(case.module(), machine="plena-64")
    run = kernel.run(*case.arguments())
    transfers = sum(run.per_opcode[name]["cycles"] for name in ("H_PREFETCH_V", "H_STORE_V"))
    rows = case.q_len // kernel.machine.writeback_v
    # Where a mask is in Q K^T, the rows that choose what is hidden are loaded as well.
    assert run.per_opcode["H_PREFETCH_V"]["count"] in (rows, rows + 1)
    assert run.per_opcode["H_STORE_V"]["count"] == rows
    assert 0 < run.cycles - transfers <= published

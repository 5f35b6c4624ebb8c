"""Kernels mean the same to the published assembler."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.machine import assemble, disassemble

from ..attentions import FUSED, UNFUSED, Case

CASES = [
    Case(1, 1),
    Case(64, 64),
    Case(100, 130, 72, 4, 2, "causal", lse=True),
    Case(256, 256, 64, mask="causal"),
    Case(40, 30, 128, mask="causal", causal_offset=-20, lse=True),
    Case(64, 300, 256, 28, 4, batch=2),
    Case(20, 700, 16, value_dim=200),
]


@pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_assemblers_agree(case: Case, passes: str):
    kernel = fa.compile(case.module(), passes=passes)
    np.testing.assert_array_equal(assemble(kernel.asm, compat=True), kernel.words)
    np.testing.assert_array_equal(assemble(disassemble(kernel.words)), kernel.words)

"""The same input gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fa
import pytest
from fa.compiler import KERNEL_FILES

from ..attentions import FUSED, UNFUSED, Case

CASE = Case(100, 130, 72, 4, 2, "causal", lse=True)


@pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])
def test_twice(passes: str):
    module = CASE.module()
    one, other = (fa.compile(module, passes=passes) for _ in range(2))
    assert (one.asm, one.mlir, one.report) == (other.asm, other.mlir, other.report)
    assert one.layout == other.layout


def test_another_process(tmp_path: Path):
    """Hashes of strings differ from process to process; nothing may depend on their order."""
    source = tmp_path / "attention.mlir"
    source.write_text(str(CASE.module()))
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "fa.tools.fa_compile", str(source), "-o", str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
    for name in KERNEL_FILES:
        one, other = ((tmp_path / seed / name).read_bytes() for seed in ("1", "2"))
        assert one == other
        assert one


def test_addresses_from_several_counters():
    """The counters' order in an address is that of the program, not that of a set."""
    module = fa.attention(batch=2, q_heads=6, kv_heads=3, q_len=93, kv_len=1, head_dim=35, lse=True)
    passes = "tile,map{qk=tmm pv=mm}"
    assert len({fa.compile(module, passes=passes).asm for _ in range(6)}) == 1

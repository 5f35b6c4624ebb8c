"""Many keys: whole rows of scores, which vector SRAM cannot hold, are never formed."""

from __future__ import annotations

import fa

from ..attentions import Case, relative_error


def error(keys: int, fuse: str) -> float:
    """Of one query a head, relative to float64 on what is stored."""
    case = Case(1, keys, 64, 4, 1)
    passes = f"tile,{fuse},quantize,allocate-sram,lower-to-isa"
    kernel = fa.compile(case.module(), passes=passes)
    args = case.arguments()
    expected, _ = case.reference(kernel.stored(*args))
    return relative_error(kernel.run(*args, hbm_time="none").outputs[0], expected)


def test_one_pass():
    assert error(4096, "fuse") <= 1.5e-2


def test_parts():
    """The running sum is bf16: one that counts 20,000 keys takes in little of what a tile adds.

    Sums of a sixteenth of the keys take it in.
    """
    assert error(20000, "fuse") > 2.5e-2
    assert error(20000, "fuse{split-kv=16}") <= 1.5e-2

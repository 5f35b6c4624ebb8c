"""Texts that once took for ever or all of memory, or that a pass fell over: errors now, or done."""

from __future__ import annotations

import time

import pytest
from fa.frontends.mlir import module_text, parse_module, run_passes

from .mutations import SOURCES
from .test_mutations import NO_MODULE, outcome

SECONDS = 20
"""For a text of a few lines; each takes less than one."""

HUGE = "4294967296"


def tiled(source: int, old: str, new: str) -> str:
    """A text after `tile`, with a part of it replaced."""
    module = parse_module(SOURCES[source])
    run_passes(module, "tile,fuse")
    text = module_text(module)
    assert old in text
    return text.replace(old, new, 1)


def divided_by_zero() -> str:
    zero, quotient = "%z = arith.constant 0.0 : f32", "%g = arith.divf %s, %z : f32"
    old, new = "%r = arith.subf %s, %f", "%r = arith.subf %g, %f"
    return SOURCES[2].replace(old, "\n".join((zero, quotient, new)))


CASES = {
    "queries on record, without a mask": (tiled(2, "batch = 1", f"batch = {HUGE}"), NO_MODULE),
    "queries on record, with a mask": (tiled(0, "q_len = 9", f"q_len = {HUGE}"), NO_MODULE),
    "batches": (SOURCES[0].replace("<1x", f"<{HUGE}x"), "refused"),
    "keys": (SOURCES[0].replace("x20x", f"x{HUGE}x"), "refused"),
    "queries under a mask": (SOURCES[0].replace("x9", "x99999999"), "refused"),
    "a mask function": (
        SOURCES[5].replace("x9x", "x9999999x").replace("x20x", "x9999999x"), "refused",
    ),
    "a constant": (SOURCES[6].replace("x9x", f"x{HUGE}x"), NO_MODULE),
    "scores divided by 0": (divided_by_zero(), "done"),
    "a sum as the maximum": (
        tiled(0, "%s_masked, %m, %l", "%s_masked, %l, %l"), "done",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_found(name: str):
    text, want = CASES[name]
    start = time.process_time()
    assert outcome(text, ["tile", "fuse", "map", "lower-to-isa"]) == want
    assert time.process_time() - start < SECONDS

"""The size of a program: loops stay loops, but for a bounded amount of unrolling."""

from __future__ import annotations

from itertools import pairwise

import fa
import pytest
from fa.dialects import fa as fa_ops
from fa.frontends.mlir import run_passes
from fa.lowering.cleanup.unroll_loops import UnrollLoops

from .. import attentions
from ..attentions import Case

LARGER_CONSTANTS = 5
"""Addresses beyond 18 bits take two instructions; a few more of them may be needed."""

WIDE = 64
"""Key tiles are as wide as fit, and a last one is cut: of what a tile takes in text, so much may
differ from length to length."""

SMALL_TILES = "tile{kv-tile=64},"
"""Tiles of 64 keys, which are the same for all lengths."""

# What is emitted: unrolling comes on top, and is measured by itself below.
FUSED, UNFUSED = (
    f"{passes}{{clean-up=false}}" for passes in (attentions.FUSED, attentions.UNFUSED)
)
FORMS = pytest.mark.parametrize("passes", [FUSED, UNFUSED], ids=["fused", "unfused"])


def sizes(passes: str, *cases: Case) -> list[int]:
    """Instructions in the text of each program."""
    return [len(fa.compile(case.module(), passes=passes).words) for case in cases]


@FORMS
def test_heads_and_batches(passes: str):
    kv_heads = sizes(passes, *(Case(64, 64, 128, 4 * n, n) for n in (2, 3, 8, 64)))
    assert max(kv_heads) <= kv_heads[0] + LARGER_CONSTANTS
    group = sizes(passes, *(Case(64, 64, 128, n, 1) for n in (2, 3, 8, 64)))
    assert max(group) <= group[0] + LARGER_CONSTANTS
    batch = sizes(passes, *(Case(64, 64, 128, 8, 4, batch=n) for n in (2, 3, 16)))
    assert max(batch) <= batch[0] + LARGER_CONSTANTS


@FORMS
def test_tiles(passes: str):
    """Without a mask; 192 keys or more are several tiles, the last whole, or cut short."""
    small = passes.replace("tile,", SMALL_TILES, 1)
    whole = sizes(small, *(Case(n, m) for n in (192, 512, 1024) for m in (320, 640, 1024)))
    assert max(whole) <= whole[0] + LARGER_CONSTANTS
    # Standard attention does rows of more than 7 panels in parts of equal width (`stream-softmax`):
    # a prime number of panels one by one, so that all have the same copies of a part.
    lengths = (640, 1024, 1280) if passes == FUSED else (704, 832, 1088, 1472, 3008)
    cut = sizes(small, *(Case(n - 3, n - 3) for n in lengths))
    assert max(cut) <= cut[0] + LARGER_CONSTANTS


def test_wide_parts():
    """The softmax of rows in parts has the text of the panels of a part, however many parts.

    Parts are of 1, and of 5, 5, 10, 5 and 7 panels: three copies of a part, or two, in both loops
    of `stream-softmax`. The bound is that of 520 instructions, as measured, for 6 panels more.
    """
    small = UNFUSED.replace("tile,", SMALL_TILES, 1)
    lengths = (704, 640, 960, 1280, 1600, 2240)
    one, *wide = sizes(small, *(Case(n - 3, n - 3) for n in lengths))
    assert max(wide) <= one + 9 * WIDE


def test_wide_tiles():
    """Several tiles of as many keys as fit, the first and a cut last one in copies of their own."""
    wide = sizes(FUSED, *(Case(64, n) for n in (2048, 2688, 8192, 16384)))
    assert max(wide) - min(wide) <= WIDE * 8


def test_long_caches():
    """Keys whose whole rows of scores would not fit vector SRAM."""
    long = sizes(FUSED, *(Case(1, n, 128, 32, 8) for n in (1024, 16384, 131072)))
    assert max(long) <= long[0] + WIDE
    # Standard attention goes over such rows in parts (`stream-softmax`).
    unfused = sizes(UNFUSED, *(Case(1, n, 128, 32, 8) for n in (16384, 131072)))
    assert max(unfused) <= unfused[0] + WIDE


@FORMS
def test_causal(passes: str):
    """At most linear in the number of query tiles: what a tile adds does not grow.

    In standard attention as long as whole rows of scores fit, up to 7 tiles.
    """
    tiles = [2, 4, 8, 12] if passes == FUSED else [2, 3, 4, 5, 6, 7]
    small = passes.replace("tile,", SMALL_TILES, 1)
    counts = sizes(small, *(Case(64 * n, 64 * n, mask="causal") for n in tiles))
    added = [(b - a) / (n - m) for (a, m), (b, n) in pairwise(zip(counts, tiles, strict=True))]
    assert max(added) <= added[0] + (2 * LARGER_CONSTANTS if passes == FUSED else WIDE / 2)


def test_causal_rows_in_parts():
    """Standard attention of more: linear in the tiles of rows that its softmax takes.

    A mask differs from tile to tile of rows, and has a part that it cuts, parts before it and parts
    behind it, in both loops of `stream-softmax`. The longer rows are, the fewer make a tile, so
    that the text grows with the square of the length in the end: a reason to fuse.
    """
    small = UNFUSED.replace("tile,", SMALL_TILES, 1)
    for tiles in (8, 12, 16, 20):
        case = Case(64 * tiles, 64 * tiles, mask="causal")
        module = case.module()
        run_passes(module, SMALL_TILES.rstrip(","))
        (rows,) = {fa_ops.tile(op.result).rows for op in module.walk() if op.name == "fa.softmax"}
        (count,) = sizes(small, case)
        assert count <= 6 * WIDE * -(-case.q_len // rows)


@FORMS
def test_masked_alike(passes: str):
    """A causal mask that hides nothing costs as much as none."""
    plain, shown = sizes(passes, Case(256, 256), Case(256, 256, mask="causal", causal_offset=256))
    assert shown == plain


@FORMS
def test_unrolling(passes: str):
    """Clean-up adds no more than `unroll-loops` may, whatever the lengths."""
    cases = [Case(n, n, mask=mask) for n in (64, 192, 1024) for mask in (None, "causal")]
    emitted = sizes(passes, *cases)
    cleaned = sizes(passes.removesuffix("{clean-up=false}"), *cases)
    added = [after - before for before, after in zip(emitted, cleaned, strict=True)]
    assert max(added) <= UnrollLoops().growth

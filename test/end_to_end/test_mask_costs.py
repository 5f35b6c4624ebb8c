"""What masks save: programs for 4096 tokens, one head of 64 columns, costed without running."""

from __future__ import annotations

from functools import cache

import fa
import pytest

from ..benches import load
from ..mask_functions import CHECKERBOARD, Function, Shape, window


@cache
def compiled(tokens: int, function: Function | None, attribute: str | None) -> fa.Kernel:
    """A program for a mask, in tiles of 64 keys: those of functions are never wider."""
    text = Shape(1, 1, 1, tokens, tokens).module(function, attribute)
    return fa.compile(text, passes="tile{kv-tile=64},fuse,lower-to-isa")


def per_tile(kernel: fa.Kernel) -> tuple[float, float]:
    """Instructions and bytes read, for each tile that is not empty."""
    (count,) = kernel.mask_tiles
    cost = fa.cost(kernel)
    visited = count.full + count.partial
    return cost.instructions / visited, cost.hbm_bytes_read / visited


def test_causal_costs_its_tiles() -> None:
    """2,080 of 4,096 tiles, each at what a tile of full attention costs."""
    causal = compiled(4096, None, "#fa.causal")
    (count,) = causal.mask_tiles
    assert (count.empty, count.full, count.partial) == (2016, 2016, 64)
    for own, full in zip(per_tile(causal), per_tile(compiled(4096, None, None)), strict=True):
        assert own == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize("written", ["attribute", "function"])
def test_a_window_costs_in_proportion(written: str) -> None:
    """A window of 128: its tiles, whatever the number of tokens.

    A query tile costs something however few keys it sees, and two of its three tiles are masked,
    so a tile costs more than one of full attention, in instructions by a fifth at most; in bytes
    by half, for Q is read for three tiles of K and V instead of 64.
    """

    def kernel(tokens: int) -> fa.Kernel:
        if written == "attribute":
            return compiled(tokens, None, "#fa.window<left = 127, right = 0>")
        return compiled(tokens, window(127, 0), None)

    wide = kernel(4096)
    (count,) = wide.mask_tiles
    assert count.full + count.partial == 189
    instructions, bytes_read = per_tile(wide)
    full = per_tile(compiled(4096, None, None))
    assert instructions < 1.2 * full[0]
    assert bytes_read < 1.5 * full[1]
    for large, small in zip(per_tile(wide), per_tile(kernel(2048)), strict=True):
        assert large == pytest.approx(small, rel=0.02)


def shares() -> dict[str, list[float]]:
    """docs/attention.md, by mask: of tiles, instructions and bytes, in per cent.

    Its tables are those of today, by `make check`.
    """
    costs = load("attention_costs")
    page = costs.PAGE
    table = page.parts(page.path.read_text("utf-8"), "masks")[1].splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in table]
    return {
        name.strip("`"): [float(part.rpartition(", ")[2].rstrip("%")) for part in figures]
        for name, _, *figures in cells
    }


def test_wide_tiles_cost_the_same_shares() -> None:
    """By default tiles are 448 keys wide, and cut: the page has the two facts above."""
    found = shares()
    tiles, *causal = found["#fa.causal"]
    assert causal == pytest.approx([tiles, tiles], rel=0.05)
    for keys in (128, 256):
        window = next(
            value for name, value in found.items() if name.startswith(f"window of {keys}")
        )
        # 64 queries see a panel of 64 keys more than the window has; their own cost, Q, O and what
        # is done for each row, is no more than that of one panel and a half.
        assert all(share < 100 * (keys / 64 + 1 + 1.5) / 64 for share in window[1:])


def test_a_window_of_wide_tiles_costs_in_proportion_to_the_length() -> None:
    """Twice as many tokens, twice the cost."""
    mask = "#fa.window<left = 127, right = 0>"
    long, short = (
        fa.cost(fa.compile(Shape(1, 1, 1, n, n).module(None, mask), passes="tile,fuse"))
        for n in (2048, 1024)
    )
    assert long.instructions == pytest.approx(2 * short.instructions, rel=0.1)
    assert long.hbm_bytes_read == pytest.approx(2 * short.hbm_bytes_read, rel=0.1)


def test_tiles_of_a_mask_function_are_narrow() -> None:
    """So nothing of them is cut off."""
    text = Shape(1, 1, 1, 1024, 1024)
    (wide,) = fa.compile(text.module(None, "#fa.causal")).mask_tiles
    (narrow,) = fa.compile(text.module(window(1024, 0))).mask_tiles
    assert wide.cols > narrow.cols == 64


def test_both_ways_to_write_a_window_are_one_program() -> None:
    """At 4096 tokens too."""
    function = compiled(4096, window(127, 0), None)
    assert function.asm == compiled(4096, None, "#fa.window<left = 127, right = 0>").asm


def test_a_checkerboard_reads_its_tile_once() -> None:
    """4,096 partial tiles, all alike: their mask is added from vector SRAM."""
    kernel = compiled(4096, CHECKERBOARD, None)
    plain = compiled(4096, None, None)
    tile = 64 * 64 * 2
    assert fa.cost(kernel).hbm_bytes_read - fa.cost(plain).hbm_bytes_read == tile
    # A row of a tile takes some 30 instructions, and adding what is hidden 3 more.
    assert fa.cost(kernel).instructions < 1.15 * fa.cost(plain).instructions
    # A loop of additions in each of three copies of the body, a load, and addresses.
    assert len(kernel.words) < len(plain.words) + 60

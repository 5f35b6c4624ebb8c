"""`slide-keys`: the same results, and programs that do not grow with a band."""

from __future__ import annotations

from collections.abc import Sequence

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.passes.masks.slide_keys import Reach, Run, runs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects import scf

from ...attentions import after_chains, masked_attention, relative_error

EXACT = 1e-5
"""f32 arithmetic with the keys in another order: sums of some hundred terms, 2^-24 each."""

MOST_TILES = 12
"""Of queries in one case: runs of tiles alike, with others before and behind them."""

STORED = 1.5e-2
"""K and V as E4M3 are compared with what is stored; P and the sums are bf16, 2^-9 each."""


def source(
    mask: str, q_len: int, kv_len: int, heads: tuple[int, int] = (1, 1), dim: int = 16
) -> str:
    """An attention with a mask, as an attribute or a function."""
    q, kv = f"tensor<1x{heads[0]}x{q_len}x{dim}xbf16>", f"tensor<1x{heads[1]}x{kv_len}x{dim}xbf16>"
    return (
        f"func.func @f(%q: {q}, %k: {kv}, %v: {kv}) -> {q} {{\n"
        f"%o = fa.attention %q, %k, %v {mask} : {q}, {kv}, {kv} -> {q}\nfunc.return %o : {q}\n}}"
    )


def arguments(q_len: int, kv_len: int, heads: tuple[int, int], dim: int = 16):
    """Queries, keys and values of few digits, exact in every format on the way."""
    random = np.random.default_rng(q_len * 1009 + kv_len)
    shapes = ((1, heads[0], q_len, dim), (1, heads[1], kv_len, dim), (1, heads[1], kv_len, dim))
    return [random.integers(-6, 7, shape).astype(np.float32) / 4 for shape in shapes]


FUNCTION = """mask_mod {{
^bb0(%b: index, %h: index, %i: index, %j: index):
  %d = arith.subi %i, %j : index
  %left = arith.constant {left} : index
  %right = arith.constant -{right} : index
  %near = arith.cmpi sle, %d, %left : index
  %past = arith.cmpi sge, %d, %right : index
  %seen = arith.andi %near, %past : i1
  fa.yield %seen : i1
}}"""


def seen_by(kind: str, left: int, right: int, q_len: int, kv_len: int) -> NDArray[np.bool_]:
    """What queries see, [q_len, kv_len], and with windows from the end of the keys."""
    i, j = np.ogrid[:q_len, :kv_len]
    if kind == "function":
        return (i - j <= left) & (i - j >= -right)
    i = i + kv_len - q_len
    if kind == "chunked":
        return (j // left) == (i // left)
    return (i - j <= left) & (j - i <= right)


MASKS = {
    "window": "{{mask = #fa.window<left = {left}, right = {right}>}}",
    "chunked": "{{mask = #fa.chunked<size = {left}>}}",
    "function": FUNCTION,
}


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(MASKS)),
    st.integers(1, 150),
    st.integers(0, 70),
    st.integers(1, 500),
    st.integers(130, 700),
    st.sampled_from([64, 128, 192]),
    st.sampled_from([4, 16, 64]),
)
def test_meaning(
    kind: str, left: int, right: int, q_len: int, kv_len: int, kv_tile: int, q_tile: int
) -> None:
    """Before and after, unrounded, against float64."""
    q_len = min(q_len, MOST_TILES * q_tile)
    mask = MASKS[kind].format(left=left, right=right)
    args = arguments(q_len, kv_len, (1, 1))
    expected, _ = masked_attention(
        *(np.asarray(arg, np.float64) for arg in args),
        16**-0.5,
        seen_by(kind, left, right, q_len, kv_len),
    )
    fused = f"tile{{q-tile={q_tile} kv-tile={kv_tile}}},fuse"
    slid = f"{fused},slide-keys"
    chains = (fused, slid, f"{slid},specialize-masks,trim-tiles,schedule-rows")
    for module in after_chains(source(mask, q_len, kv_len), chains):
        (out,) = fa.interpret(module, args, round=False)
        np.testing.assert_allclose(out, expected, rtol=0, atol=EXACT * np.abs(args[2]).max())


@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from(["window", "chunked"]),
    st.sampled_from([17, 64, 127, 200]),
    st.sampled_from([0, 40]),
    st.integers(140, 300),
    st.integers(200, 500),
    st.sampled_from([(1, 1), (4, 2), (4, 1)]),
)
def test_assembly(
    kind: str, left: int, right: int, q_len: int, kv_len: int, heads: tuple[int, int]
) -> None:
    """With the default mapping, heads of a group as rows of one tile."""
    mask = MASKS[kind].format(left=left, right=right)
    kernel = fa.compile(source(mask, q_len, kv_len, heads))
    args = arguments(q_len, kv_len, heads)
    seen = seen_by(kind, left, right, q_len, kv_len)
    run = kernel.run(*args, hbm_time="none")
    stored = [np.asarray(arg, np.float64) for arg in kernel.stored(*args)]
    expected, _ = masked_attention(stored[0], stored[1], stored[2], 16**-0.5, seen)
    assert relative_error(run.outputs[0], expected) < STORED
    cost = fa.cost(kernel)
    assert cost.emulator_cycles - cost.hbm_cycles == run.cycles
    assert (cost.hbm_bytes_read, cost.hbm_bytes_written) == (
        run.hbm_bytes_read,
        run.hbm_bytes_written,
    )


def words(mask: str, length: int, heads: tuple[int, int] = (1, 1)) -> int:
    return len(fa.compile(source(mask, length, length, heads, 64)).words)


@pytest.mark.parametrize(
    ("kind", "left", "right", "heads"),
    [
        ("window", 127, 0, (1, 1)),
        ("window", 128, 64, (1, 1)),
        ("window", 600, 0, (1, 1)),
        ("window", 127, 0, (4, 1)),
        ("chunked", 256, 0, (1, 1)),
        ("function", 127, 0, (1, 1)),
    ],
)
def test_programs_do_not_grow(kind: str, left: int, right: int, heads: tuple[int, int]) -> None:
    """Twice as many tokens, and no more instructions than constants take."""
    mask = MASKS[kind].format(left=left, right=right)
    short, long = words(mask, 2048, heads), words(mask, 4096, heads)
    assert long <= 1.05 * short


def test_masks_are_counted_as_they_were() -> None:
    """The tiles of the grid that `tile` made, most of which are not visited any more."""
    mask = MASKS["window"].format(left=127, right=0)
    module = parse_module(source(mask, 1024, 1024))
    run_passes(module, "tile{kv-tile=64},fuse,slide-keys,specialize-masks", None)
    (count,) = fa.compile(module).mask_tiles
    assert (count.empty, count.full, count.partial) == (256 - 45, 15, 30)


@pytest.mark.parametrize(
    "mask",
    [
        "{mask = #fa.causal<>}",
        "{mask = #fa.prefix<length = 100>}",
        "",
    ],
)
def test_what_stays(mask: str) -> None:
    """Keys that all begin at the first: nothing slides."""
    module, other = (parse_module(source(mask, 512, 512)) for _ in range(2))
    run_passes(module, "tile{kv-tile=64},fuse", None)
    run_passes(other, "tile{kv-tile=64},fuse,slide-keys", None)
    assert module.is_structurally_equivalent(other)


def test_one_loop_for_all_alike() -> None:
    mask = MASKS["window"].format(left=127, right=0)
    module = parse_module(source(mask, 4096, 4096))
    run_passes(module, "tile{kv-tile=64},fuse,slide-keys,specialize-masks", None)
    loops = [op for op in module.walk() if isinstance(op, scf.ForOp)]
    assert len(loops) < 6


def reaches(starts: Sequence[int]) -> list[Reach]:
    return [Reach(start, 1, (0, 64)) for start in starts]


@given(st.lists(st.integers(0, 3).map(lambda x: 64 * x), min_size=1, max_size=40), st.data())
def test_runs_cover_everything(starts: list[int], data: st.DataObject) -> None:
    """In order, once each; what a run says of its tiles is so."""
    found = reaches(starts)
    position = 0
    for run in runs(found):
        assert run.first == position
        position += run.period * run.times
        for tile in range(run.first, position):
            times, rest = divmod(tile - run.first, run.period)
            assert found[tile].start == found[run.first + rest].start + times * run.step
    assert position == len(found)


def test_runs_of_periods() -> None:
    """Two tiles of queries that begin at one key, then the next two."""
    assert list(runs(reaches([0, 64, 128, 192]))) == [Run(0, 1, 4, 64)]
    assert list(runs(reaches([0, 0, 64, 64, 128, 128, 192, 192]))) == [Run(0, 2, 4, 64)]
    assert list(runs(reaches([64, 0]))) == [Run(0), Run(1)]

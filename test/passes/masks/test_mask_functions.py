"""`mask_mod`: its meaning at every level, how its tiles are classified, what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.passes.masks.mask_counts import MaskTiles
from fa.passes.masks.mask_functions import MaskFunction, Shown, tile_of
from fa.passes.masks.tile_mask import MaskClass, TileMask
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from ...attentions import relative_error
from ...mask_functions import (
    CHECKERBOARD,
    DEAD_ROWS,
    DOCUMENTS,
    FUNCTIONS,
    HASH,
    HEADS,
    NOTHING,
    SLOPES,
    SQUARES,
    Bits,
    Function,
    Shape,
    reference,
    window,
)

TOLERANCE = 1e-5
"""f32 arithmetic on numbers of few digits: sums of up to 150 terms, off by 2^-24 each."""

STORED_P = 8e-3
"""P and the statistics are bf16 on the machine, 2^-9 each; K and V are exact here."""

CHAINS = {
    "tensors": "dce",
    "standard": "tile",
    "fused": "tile,fuse",
    "specialized": "tile,fuse,specialize-masks",
    "placed": "tile,fuse,quantize,allocate-sram",
    "cleaned": "tile,fuse,specialize-masks,cse,canonicalize,quantize,cse,canonicalize,"
    "allocate-sram,cse,canonicalize,dce",
    "standard, placed": "tile,specialize-masks,quantize,allocate-sram",
    "split": "tile,fuse{split-kv=2},specialize-masks,allocate-sram",
    "keys outside": "tile,fuse{order=keys},specialize-masks,allocate-sram",
}

SHAPE = Shape(2, 4, 2, 100, 150)
SMALL = Shape(2, 2, 1, 100, 150)


def ids(function: Function) -> str:
    """The name of a test."""
    return function.name


@pytest.mark.parametrize("function", FUNCTIONS, ids=ids)
@pytest.mark.parametrize("level", CHAINS)
def test_meaning(function: Function, level: str) -> None:
    """Every level gives masked attention, with 0 and -inf where nothing is seen."""
    module = parse_module(SHAPE.module(function, lse=True))
    run_passes(module, CHAINS[level])
    args = SHAPE.arguments()
    expected, lse = reference(args, function.seen(2, 4, 100, 150))
    out, line = fa.interpret(module, args, round=False)
    np.testing.assert_allclose(out, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(line, lse, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("function", FUNCTIONS, ids=ids)
@pytest.mark.parametrize("passes", ["tile,fuse", "tile"])
def test_simulated(function: Function, passes: str) -> None:
    """So does the program."""
    kernel = fa.compile(SMALL.module(function, lse=True), passes=passes)
    args = SMALL.arguments()
    expected, lse = reference(args, function.seen(2, 2, 100, 150))
    out, line = kernel.run(*args, hbm_time="none").outputs
    dead = np.isneginf(lse)
    assert not out[dead].any()
    assert np.isneginf(line[dead]).all()
    if not dead.all():
        assert relative_error(out, expected) < STORED_P
        # m, ln l and their sum are about 3 to 7, where bf16 values are up to 2^-5 apart.
        np.testing.assert_allclose(line[~dead], lse[~dead], rtol=0, atol=0.05)


@pytest.mark.parametrize("machine", ["plena-64-stock", "plena-64-mx32", "plena-64-bf16"])
def test_mask_tiles_have_the_format_of_the_machine(machine: str) -> None:
    """0 and HIDDEN are exact in block formats too."""
    kernel = fa.compile(SMALL.module(HEADS), machine=machine)
    args = SMALL.arguments()
    expected, _ = reference(args, HEADS.seen(2, 2, 100, 150))
    # The stock machine stores Q and O as E4M3 (docs/formats.md).
    bound = 4e-2 if machine == "plena-64-stock" else STORED_P
    assert relative_error(kernel.run(*args, hbm_time="none").outputs[0], expected) < bound


def test_policy_of_quantize_holds_for_masks() -> None:
    """Mask tiles made after `quantize` are stored by its policy."""
    passes = "tile,fuse,quantize{policy=bf16},allocate-sram"
    kernel = fa.compile(SMALL.module(HASH), machine="plena-64-bf16", passes=passes)
    formats = {region.kind: region.storage.element for region in kernel.layout.regions}
    kinds = ("weight", "mask", "query", "key", "value", "output")
    assert formats == dict.fromkeys(kinds, "bf16")


@pytest.mark.parametrize("function", [HASH, DOCUMENTS, DEAD_ROWS], ids=ids)
def test_beside_an_attribute(function: Function) -> None:
    """Both must show a key."""
    module = SMALL.module(function, "#fa.window<left = 60, right = 0>", lse=True)
    args = SMALL.arguments()
    i, j = np.ogrid[:100, :150]
    seen = function.seen(2, 2, 100, 150) & (j <= i + 50) & (j >= i - 10)
    expected, lse = reference(args, seen)
    out, line = fa.interpret(module, args, round=False)
    np.testing.assert_allclose(out, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(line, lse, rtol=TOLERANCE, atol=TOLERANCE)
    out, line = fa.compile(module).run(*args, hbm_time="none").outputs
    assert relative_error(out, expected) < STORED_P
    np.testing.assert_array_equal(np.isneginf(line), np.isneginf(lse))


@given(arrays(np.bool_, (6, 8)))
def test_tile_of(seen: NDArray[np.bool_]) -> None:
    """Runs where each row has one, else the bits themselves."""
    tile = tile_of(seen)
    if tile.pattern:
        bits = np.unpackbits(np.frombuffer(tile.pattern, np.uint8), count=seen.size)
        np.testing.assert_array_equal(bits.reshape(seen.shape) != 0, seen)
        assert tile.kind is MaskClass.PARTIAL
    else:
        columns = np.arange(8)
        for row, (first, last) in zip(seen, tile.runs, strict=True):
            np.testing.assert_array_equal((columns >= first) & (columns < last), row)
    one_run = all(np.count_nonzero(np.diff(np.pad(row.astype(int), 1))) <= 2 for row in seen)
    assert one_run == (not tile.pattern)


def mask_function(function: Function) -> MaskFunction:
    """The function as passes have it."""
    module = parse_module(Shape(1, 1, 1, 4, 4).module(function))
    attention = next(op for op in module.walk() if isinstance(op, fa_attention()))
    assert attention.mask_mod is not None
    return MaskFunction.of(attention.mask_mod)


def fa_attention():
    """The class of attention."""
    from fa.dialects.fa import AttentionOp

    return AttentionOp


@settings(deadline=None)
@given(
    st.sampled_from(FUNCTIONS),
    st.integers(0, 1),
    st.integers(0, 3),
    st.integers(0, 100),
    st.integers(1, 200),
    st.integers(1, 9),
)
def test_stretches_are_the_tiles(
    function: Function, batch: int, head: int, row: int, kv_len: int, tiles: int
) -> None:
    """Stretches of tiles agree with each tile on its own, from the meaning of the function."""
    rows, cols = 12, 24
    shown = Shown(kv_len, None, mask_function(function))
    starts = range(0, tiles * cols, cols)
    found = shown.stretches(batch, head, row, rows, cols, starts)
    seen = function.seen(batch + 1, head + 1, row + rows, tiles * cols)[batch, head, row:]
    seen = seen & (np.arange(tiles * cols) < kv_len)
    each = [mask for length, mask in found for _ in range(length)]
    assert each == [tile_of(seen[:, start : start + cols]) for start in starts]
    whole = function.seen(batch + 1, head + 1, row + rows, kv_len)[batch, head, row:]
    assert shown.every_row_sees(batch, head, row, rows) == whole.any(1).all()


def test_blocks_of_keys_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is evaluated in several blocks is what is evaluated at once."""
    shown = Shown(190, None, mask_function(HASH))
    whole = shown.stretches(0, 0, 5, 8, 16, range(0, 192, 16))
    monkeypatch.setattr("fa.passes.masks.mask_functions.BLOCK_ELEMENTS", 300)
    assert shown.stretches(0, 0, 5, 8, 16, range(0, 192, 16)) == whole


def brute_force(seen: Bits, rows: int, cols: int) -> tuple[int, int, int, int, int]:
    """Tiles that are empty, full, partial, distinct partial ones, and those of several runs."""
    empty = full = partial = 0
    distinct: dict[bytes, bool] = {}
    for tile in cut(seen, rows, cols):
        if not tile.any():
            empty += 1
        elif tile.all():
            full += 1
        else:
            partial += 1
            edges = np.diff(np.pad(tile.astype(np.int8), ((0, 0), (1, 1))), axis=1)
            distinct[tile.tobytes()] = bool((np.count_nonzero(edges, axis=1) > 2).any())
    return empty, full, partial, len(distinct), sum(distinct.values())


def cut(seen: Bits, rows: int, cols: int) -> Iterator[Bits]:
    """The tiles of every batch and head."""
    for matrix in seen.reshape(-1, *seen.shape[2:]):
        for row in range(0, len(matrix), rows):
            for col in range(0, matrix.shape[1], cols):
                yield matrix[row : row + rows, col : col + cols]


def counts(count: MaskTiles) -> tuple[int, int, int, int, int]:
    """The numbers of a count."""
    return count.empty, count.full, count.partial, count.distinct, count.stored


@pytest.mark.parametrize("function", FUNCTIONS, ids=ids)
@pytest.mark.parametrize("split", [1, 2])
def test_counts(function: Function, split: int) -> None:
    """Counts of tiles against every element of the mask, padding of the keys hidden."""
    shape = Shape(2, 4, 2, 104, 150)
    module = parse_module(shape.module(function))
    run_passes(module, f"tile,fuse{{split-kv={split}}},specialize-masks")
    (count,) = tiles_of(module)
    seen = function.seen(2, 4, 104, 192) & (np.arange(192) < 150)
    assert (count.rows, count.cols) == (52, 64)
    assert counts(count) == brute_force(seen, 52, 64)
    assert count.tiles == 2 * 4 * 2 * 3


def tiles_of(module: ModuleOp) -> tuple[MaskTiles, ...]:
    """The counts that the only function carries."""
    from fa.passes.masks.mask_counts import mask_tiles

    return mask_tiles(next(op for op in module.ops if isinstance(op, func.FuncOp)))


def test_counts_are_per_attention_and_reported(tmp_path) -> None:
    """In the order of the program, in the kernel, its report and its directory."""
    q = "tensor<1x1x128x64xbf16>"
    kernel = fa.compile(f"""func.func @f(%q: {q}, %k: {q}) -> ({q}, {q}) {{
%o = fa.attention %q, %k, %k {{mask = #fa.causal}} : {q}, {q}, {q} -> {q}
%p = fa.attention %k, %q, %q : {q}, {q}, {q} -> {q}
func.return %o, %p : {q}, {q}
}}""")
    # A tile takes in all 128 keys.
    assert [counts(count) for count in kernel.mask_tiles] == [(0, 0, 2, 2, 0), (0, 2, 0, 0, 0)]
    assert [count.where for count in kernel.mask_tiles] == ["<string>:2:6", "<string>:3:6"]
    text = "of 2 tiles of scores (64x128) 0 are empty, 0 full and 2 partial, with 2 distinct masks"
    assert text in kernel.report
    kernel.save(tmp_path)
    assert fa.Kernel.load(tmp_path).mask_tiles == kernel.mask_tiles


def test_remark(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    """`fa-compile` says what it skips, where something is hidden."""
    from fa.tools import fa_compile

    source = tmp_path / "x.mlir"
    source.write_text(Shape(1, 1, 1, 64, 64).module(CHECKERBOARD))
    assert fa_compile.main([str(source), "-o", str(tmp_path / "out")]) == 0
    remark = "x.mlir:2:6: remark: of 1 tiles of scores (64x64) 0 are empty, 0 full and 1 partial"
    assert remark in capsys.readouterr().err
    source.write_text(Shape(1, 1, 1, 64, 64).module(None))
    assert fa_compile.main([str(source), "-o", str(tmp_path / "out")]) == 0
    assert not capsys.readouterr().err


def test_unsupported_operations_are_named_where_they_stand() -> None:
    """By the compiler and by the interpreter."""
    function = Function(
        "popcount",
        "%x = arith.index_cast %i : index to i32\n%n = math.ctpop %x : i32\n"
        "%zero = arith.constant 0 : i32\n%seen = arith.cmpi eq, %n, %zero : i32",
        lambda b, h, i, j: j < 0,
    )
    shape = Shape(1, 1, 1, 4, 4)
    message = r"^<string>:5:6: error: math.ctpop cannot stand in a function; there are arith.addf"
    with pytest.raises(fa.CompileError, match=message):
        fa.compile(shape.module(function))
    with pytest.raises(fa.CompileError, match=message):
        fa.interpret(shape.module(function), shape.arguments())


def test_equal_tiles_are_stored_once() -> None:
    """A region for all mask tiles, over heads and query tiles."""

    def masks(kernel: fa.Kernel) -> list[tuple[int, ...]]:
        return [region.shape for region in kernel.layout.constants() if region.kind == "mask"]

    assert masks(fa.compile(Shape(1, 2, 1, 256, 256).module(CHECKERBOARD))) == [(1, 64, 64)]
    assert masks(fa.compile(Shape(1, 2, 1, 128, 128).module(HEADS))) == [(8, 64, 64)]


def static(kernel: fa.Kernel) -> int:
    """Instructions of the program."""
    return len(kernel.words)


def test_loops_stay_where_only_the_loaded_tile_differs() -> None:
    """Sixteen times the tiles, as many instructions."""
    small = fa.compile(Shape(1, 1, 1, 256, 256).module(HASH))
    large = fa.compile(Shape(1, 1, 1, 1024, 1024).module(HASH))
    # Constants beyond what an immediate holds take an instruction more.
    assert static(large) <= static(small) + 8


@pytest.mark.parametrize("left", [30, 64])
def test_a_window_costs_what_the_attribute_costs(left: int) -> None:
    """The same program, whichever way the mask is written; also with dead and padded rows.

    With equal tiles: those of functions are never wide.
    """
    passes = "tile{kv-tile=64},fuse,lower-to-isa"
    for q_len, kv_len in ((256, 256), (100, 150), (150, 100)):
        shape = Shape(1, 2, 1, q_len, kv_len)
        function = shape.module(window(left, kv_len - q_len), lse=True)
        attribute = shape.module(None, f"#fa.window<left = {left}, right = 0>", lse=True)
        programs = [fa.compile(text, passes=passes).asm for text in (function, attribute)]
        assert programs[0] == programs[1]


def test_heads_that_mask_alike_stay_a_loop() -> None:
    """Per-head windows cut the loop over heads, equal heads do not."""
    shape = Shape(1, 8, 8, 64, 64)
    one = static(fa.compile(Shape(1, 1, 1, 64, 64).module(DOCUMENTS)))
    assert static(fa.compile(shape.module(DOCUMENTS))) < 1.2 * one
    assert static(fa.compile(shape.module(SQUARES))) < 1.2 * one
    # Windows of 40, 80, ... keys in 64: two kinds of heads.
    assert static(fa.compile(shape.module(SLOPES))) < 2.4 * one


def test_a_row_without_keys_at_all() -> None:
    """No tile is loaded; the result is 0."""
    kernel = fa.compile(Shape(1, 1, 1, 64, 64).module(NOTHING))
    assert kernel.mask_tiles[0].empty == 1
    run = kernel.run(*Shape(1, 1, 1, 64, 64).arguments())
    assert not run.outputs[0].any()
    assert "M_TMM" not in run.per_opcode


def test_tile_masks_are_values() -> None:
    """What tiles are compared by."""
    assert TileMask(8, ((0, 3),)) == TileMask(8, ((0, 3),)) != TileMask(8, (), b"\x07")

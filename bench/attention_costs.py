"""What variants of attention, masks and loop orders cost on plena-64: the tables of the docs.

Cycles and HBM bytes are those of the cost model (`fa.cost`), counted without running anything.

    python bench/attention_costs.py            print the tables
    python bench/attention_costs.py --write    put them into docs/attention.md
    python bench/attention_costs.py --check    exit with status 1 unless they are there as they are
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import fa
from fa.machine.cost.cost import Cost
from page_tables import Page

PAGE = Page("attention.md", "attention_costs.py")

BATCH, HEADS, KV_HEADS, QUERIES, KEYS, DIM = 1, 4, 2, 256, 256, 64
"""The attention of which every variant is one."""

WIDTH, LINE, MATRIX_ROW = 64, 64, 128
"""Elements of a panel, bytes of an HBM access, bytes of a panel's row of K or V with its scales."""


@dataclass(frozen=True)
class Variant:
    """One row: what is written beside the plain attention, and what it means.

    `mlir` stands in the attribute dictionary, `region` behind it; `operand` is the type of an
    operand `word(%x)`, `result` that of a further result.
    """

    name: str
    mlir: str
    meaning: str
    word: str = ""
    operand: str = ""
    result: str = ""
    region: str = ""
    passes: str = "tile,fuse"
    batch: int = BATCH

    def module(self) -> str:
        """The variant's MLIR."""
        q = f"tensor<{self.batch}x{HEADS}x{QUERIES}x{DIM}xbf16>"
        kv = f"tensor<{self.batch}x{KV_HEADS}x{KEYS}x{DIM}xbf16>"
        operand = f", {self.operand}" if self.word else ""
        given = f", %x: {self.operand}" if self.word else ""
        results = ", ".join([q, *([self.result] if self.result else [])])
        names = "%o, %more" if self.result else "%o"
        return f"""func.func @variant(%q: {q}, %k: {kv}, %v: {kv}{given}) -> ({results}) {{
  {names} = fa.attention %q, %k, %v {f"{self.word}(%x)" if self.word else ""} {{{self.mlir}}}
      {self.region} : {q}, {kv}, {kv}{operand} -> {results}
  func.return {names} : {results}
}}"""

    @property
    def shown(self) -> str:
        """What a user writes."""
        if self.passes != "tile,fuse":
            return f"`{self.passes}`"
        if self.word:
            return f"`{self.word}(%x)`, %x {self.operand.removeprefix('tensor').strip('<>')}"
        if self.region:
            return f"`{self.region.split()[0]} {{ ... }}`"
        return f"`{self.mlir}`" if self.mlir else ""


def function(word: str, *lines: str) -> str:
    """A score or probability function of %s."""
    arguments = "%s: f32, %b: index, %h: index, %i: index, %j: index"
    return f"{word} {{\n ^bb0({arguments}):\n" + "\n".join((*lines, "fa.yield %y : f32")) + "\n}"


def mask_function(*lines: str) -> str:
    """A mask function."""
    arguments = "%b: index, %h: index, %i: index, %j: index"
    body = "\n".join((*lines, "fa.yield %y : i1"))
    return f"mask_mod {{\n ^bb0({arguments}):\n{body}\n}}"


SCORES = f"tensor<{BATCH}x{HEADS}x{QUERIES}x{KEYS}xbf16>"

HALF = "%c = arith.constant 0.5 : f32"

CHECKERBOARD = mask_function(
    "%t = arith.addi %i, %j : index",
    "%c = arith.constant 2 : index",
    "%z = arith.constant 0 : index",
    "%m = arith.remui %t, %c : index",
    "%y = arith.cmpi eq, %m, %z : index",
)

VARIANTS = (
    Variant("plain", "", "O = softmax(c Q K^T) V"),
    Variant("scale", "scale = 0.0625 : f32", "c = 0.0625"),
    Variant("logsumexp", "lse", "L_i = ln sum_j exp(s_ij)", result="tensor<1x4x256xf32>"),
    Variant("soft cap", "softcap = 50.0 : f32", "s -> 50 tanh(s / 50)"),
    Variant("bound of scores", "score_bound = 60.0 : f32", "abs(s) <= 60 is known"),
    Variant(
        "score function, s / 2",
        "",
        "s -> f(s)",
        region=function("score_mod", HALF, "%y = arith.mulf %s, %c : f32"),
    ),
    Variant(
        "score function, s (1 + abs(s))",
        "",
        "s -> f(s)",
        region=function(
            "score_mod",
            "%c = arith.constant 1.0 : f32",
            "%a = math.absf %s : f32",
            "%p = arith.addf %a, %c : f32",
            "%y = arith.mulf %s, %p : f32",
        ),
    ),
    Variant(
        "score function of indices (ALiBi)",
        "",
        "s -> s + (j - i) / 8",
        region=function(
            "score_mod",
            "%d = arith.subi %j, %i : index",
            "%w = arith.index_cast %d : index to i64",
            "%n = arith.sitofp %w : i64 to f32",
            "%c = arith.constant 0.125 : f32",
            "%t = arith.mulf %n, %c : f32",
            "%y = arith.addf %s, %t : f32",
        ),
    ),
    Variant("bias", "", "s_ij -> s_ij + b_ij", word="bias", operand=SCORES),
    Variant("sinks", "", "one more score, b_h, without a value", "sinks", "tensor<4xbf16>"),
    Variant("scores as a result", 'qk = "raw"', "S = c Q K^T", result=SCORES),
    Variant("probabilities as a result", 'qk = "softmax"', "P", result=SCORES),
    Variant(
        "function of probabilities",
        "",
        "P -> f(P)",
        region=function("prob_mod", HALF, "%y = arith.mulf %s, %c : f32"),
    ),
    Variant("causal", "mask = #fa.causal", "j <= p"),
    Variant("causal with an offset", "mask = #fa.causal<offset = 100>", "j <= i + 100"),
    Variant("window", "mask = #fa.window<left = 63, right = 0>", "p - 63 <= j <= p"),
    Variant(
        "window to both sides", "mask = #fa.window<left = 32, right = 32>", "p - 32 <= j <= p + 32"
    ),
    Variant("chunks", "mask = #fa.chunked<size = 64>", "floor(j / 64) = floor(p / 64)"),
    Variant("prefix", "mask = #fa.prefix<length = 100>", "j < 100 or j <= p"),
    Variant(
        "documents", "mask = #fa.documents<[100, 28, 128]>", "j and p are in the same document"
    ),
    Variant(
        "several masks",
        "mask = #fa.all_of<[#fa.chunked<size = 64>, #fa.causal]>",
        "all of them say so",
    ),
    Variant("mask function", "", "(i + j) mod 2 = 0", region=CHECKERBOARD),
    Variant(
        "ragged lengths", "mask = #fa.ragged<[150, 64]>", "j below the batch's length", batch=2
    ),
)


def cost(text: str, passes: str) -> Cost | None:
    """What the program of some MLIR costs; None where it has no lowering."""
    try:
        return fa.cost(fa.compile(text, machine="plena-64", passes=passes))
    except fa.CompileError:
        return None


def variants() -> str:
    """The table of variants."""
    lines = [
        "| variant | in MLIR | meaning | cycles | of plain | HBM read | HBM written |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    plain: dict[int, Cost] = {}
    for variant in VARIANTS:
        found = cost(variant.module(), variant.passes)
        if variant.batch not in plain:
            base = Variant("", "", "", batch=variant.batch)
            first = cost(base.module(), base.passes)
            assert first is not None
            plain[variant.batch] = first
        if found is None:
            figures = "interpreter only | | |"
        else:
            share = found.emulator_cycles / plain[variant.batch].emulator_cycles
            figures = (
                f"{found.emulator_cycles:,} | {share:.2f} | {found.hbm_bytes_read:,} "
                f"| {found.hbm_bytes_written:,} |"
            )
        lines.append(f"| {variant.name} | {variant.shown} | {variant.meaning} | {figures}")
    return "\n".join(lines)


TOKENS = 4096
"""Queries and keys of the table of masks, one head of 64 columns."""

MASKS = {
    "none": "",
    "`#fa.causal`": "{mask = #fa.causal}",
    **{
        f"window of {keys}, `#fa.window<left = {keys - 1}, right = 0>`": (
            f"{{mask = #fa.window<left = {keys - 1}, right = 0>}}"
        )
        for keys in (128, 256)
    },
    "checkerboard of single keys, a function": CHECKERBOARD,
}


def masked(tokens: int, mask: str) -> str:
    """One attention with a mask, in MLIR."""
    kind = f"tensor<1x1x{tokens}x64xbf16>"
    return f"""func.func @masked(%q: {kind}, %k: {kind}, %v: {kind}) -> {kind} {{
  %o = fa.attention %q, %k, %v {mask} : {kind}, {kind}, {kind} -> {kind}
  func.return %o : {kind}
}}"""


def masks() -> str:
    """The table of what masks save; shares are of all tiles, and of the program without a mask."""
    lines = [
        "| mask | tile | not empty | instructions | HBM bytes |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    whole = None
    for name, mask in MASKS.items():
        kernel = fa.compile(masked(TOKENS, mask), machine="plena-64", passes="tile,fuse")
        (count,), found = kernel.mask_tiles, fa.cost(kernel)
        moved = found.hbm_bytes_read + found.hbm_bytes_written
        whole = whole or (found.instructions, moved)
        visited = count.full + count.partial
        lines.append(
            f"| {name} | {count.rows} x {count.cols} | {visited:,} of {count.tiles:,}, "
            f"{visited / count.tiles:.1%} | {found.instructions:,}, "
            f"{found.instructions / whole[0]:.1%} | {moved:,}, {moved / whole[1]:.1%} |"
        )
    return "\n".join(lines)


TILES = "tile{q-tile=64 kv-tile=64}"
"""Tiles of the sizes that the formulas are worked out for."""

ORDERS = {
    "standard attention": f"{TILES}",
    "queries outside": f"{TILES},fuse",
    "keys outside": f"{TILES},fuse{{order=keys}}",
    "4 parts of the keys": f"{TILES},fuse{{split-kv=4}}",
    "queries outside, tiles by default": "tile,fuse",
}
LENGTHS = (256, 1024)


def formula(order: str, n: int, rows: int = 64, cols: int = 64) -> int:
    """HBM bytes of one head with N = M = `n` and 64 columns, tiles of `rows` queries, `cols` keys.

    A row of K or V is a line of elements and one of scales; a row in bf16 is two lines to load, and
    four to store, since each line is read before it is written.
    """
    load, store = 2 * LINE, 4 * LINE
    kv = 2 * n * MATRIX_ROW
    if order == "keys outside":
        # The state of a row: accumulator, maximum and sum, a panel each. The end needs no maximum.
        state = 3
        init = n * state * store
        each = n * (load + state * load + state * store)
        finish = n * ((state - 1) * load + store)
        return kv + init + ceil(n / cols) * each + finish
    passes = ceil(n / rows) * kv
    q_and_o = n * (load + store)
    if order == "standard attention":
        # S and P, stored and loaded, a panel for each 64 keys.
        return passes + q_and_o + 2 * n * ceil(n / WIDTH) * (load + store)
    return passes + q_and_o


SCALING = {
    "standard attention": "Θ(N d + N² + N² d / B)",
    "queries outside": "Θ(N² d / B)",
    "keys outside": "Θ(N d + N² d / B)",
    "4 parts of the keys": "Θ(N² d / B)",
    "queries outside, tiles by default": "Θ(N² d / B)",
}


def orders() -> str:
    """The table of loop orders."""
    heads = " | ".join(f"cycles, N = {n} | HBM bytes | by the formula" for n in LENGTHS)
    lines = [f"| order | traffic | {heads} |", "| --- | --- |" + " ---: |" * 3 * len(LENGTHS)]
    for order, passes in ORDERS.items():
        cells: list[str] = []
        for n in LENGTHS:
            module = fa.attention(q_heads=1, kv_heads=1, q_len=n, kv_len=n, head_dim=64)
            found = fa.cost(fa.compile(module, machine="plena-64", passes=passes))
            moved = found.hbm_bytes_read + found.hbm_bytes_written
            expected = f"{formula(order, n):,}" if passes.startswith(TILES) else ""
            cells.append(f"{found.emulator_cycles:,} | {moved:,} | {expected}")
        lines.append(f"| {order} | {SCALING[order]} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {"masks": masks, "variants": variants, "orders": orders}


if __name__ == "__main__":
    PAGE.main(__doc__ or "", TABLES)

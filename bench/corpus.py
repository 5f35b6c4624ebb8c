"""A corpus of kernels whose programs must not change when the compiler is reorganised.

Each case is compiled as a user would, without the tuning cache. `bench/corpus.json` holds what
came out: the number of words and a hash of them, cycles in both cost tables, HBM bytes, and a hash
of the layout; of what is refused, the reason.

    python bench/corpus.py [--only TEXT] [-j N]    compare with what is recorded
    python bench/corpus.py --write                 record
    python bench/corpus.py --run [--only TEXT]     simulate, and compare with the tensor level

The exit status is 1 where something is worse: more cycles in the table that a case is compiled for
(more HBM bytes, if it is for bytes), an error, or with `--run` a result that is too far off.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fa
import numpy as np
from fa.machine import mx
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).with_suffix(".json")

Source = str | Path | Callable[[], ModuleOp]
"""MLIR text, a file of it, or what builds a module."""

Figures = dict[str, int | str]
"""What is recorded of a case: `words`, `sha256`, `emulator`, `analytic`, `bytes`, `layout`; or
`refused`, the reason; or `error`, which is never written."""


@dataclass(frozen=True)
class Case:
    """One kernel, by the arguments of `fa.compile`; `bound` is the most that a run may be off."""

    name: str
    source: Source
    passes: str | None = None
    machine: str | None = None
    optimize_for: str | None = None
    bound: float = 2e-2

    def given(self) -> str | Path | ModuleOp:
        """The source as `fa.compile` and `fa.interpret` take it."""
        return self.source() if callable(self.source) else self.source

    def kernel(self) -> fa.Kernel:
        """The compiled kernel, whatever was tuned before."""
        with untuned():
            return fa.compile(
                self.given(),
                machine=self.machine,
                passes=self.passes,
                optimize_for=self.optimize_for,
            )

    @property
    def target(self) -> str:
        """The figure that the kernel is compiled for."""
        return self.optimize_for or "emulator"


@contextmanager
def untuned() -> Iterator[None]:
    """FA_CACHE=0 for a while."""
    before = os.environ.get("FA_CACHE")
    os.environ["FA_CACHE"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["FA_CACHE"]
        else:
            os.environ["FA_CACHE"] = before


def built(q_len: int, kv_len: int, heads: int = 1, kv_heads: int = 1, dim: int = 64, **more: Any):
    """What builds an attention by the arguments of `fa.attention`."""
    return partial(
        fa.attention,
        q_heads=heads, kv_heads=kv_heads, q_len=q_len, kv_len=kv_len, head_dim=dim, **more,
    )  # fmt: skip


def written(
    attributes: str = "",
    *,
    region: str = "",
    word: str = "",
    operand: str = "",
    results: Sequence[str] = (),
    body: str = "",
    batch: int = 1,
    heads: tuple[int, int] = (2, 1),
    lengths: tuple[int, int] = (100, 130),
    dim: int = 64,
    element: str = "bf16",
) -> str:
    """The MLIR of an attention.

    `attributes` stand in its dictionary, `region` behind it; `operand` is the type of an operand
    `word(%x)`, an argument unless `body` defines it; `results` are the types of further results.
    """
    q = f"tensor<{batch}x{heads[0]}x{lengths[0]}x{dim}x{element}>"
    kv = f"tensor<{batch}x{heads[1]}x{lengths[1]}x{dim}x{element}>"
    types = ", ".join((q, *results))
    names = ", ".join(f"%r{index}" for index in range(1 + len(results)))
    extra = f", %x: {operand}" if word and not body else ""
    return f"""func.func @f(%q: {q}, %k: {kv}, %v: {kv}{extra}) -> ({types}) {{
  {body}
  {names} = fa.attention %q, %k, %v {f"{word}(%x)" if word else ""} {{{attributes}}} {region}
      : {q}, {kv}, {kv}{f", {operand}" if word else ""} -> {types}
  func.return {names} : {types}
}}"""


def nest(depth: int) -> str:
    """Tiles by hand: a tensor is doubled in `depth` loops, whose counters take a register each."""
    tensor = "x".join(["2"] * depth + ["4x64xbf16"])
    tile = "!fa.tile<4x64xbf16, vector>"
    loops = "".join(f"scf.for %i{n} = %c0 to %c2 step %c1 {{\n" for n in range(depth))
    place = ", ".join([*(f"%i{n}" for n in range(depth)), "%c0", "%c0"])
    return f"""func.func @nest(%x: tensor<{tensor}>) -> tensor<{tensor}> {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %out = memref.alloc() : memref<{tensor}, #fa.hbm>
  {loops}
  %a = fa.load %x[{place}] : tensor<{tensor}> -> {tile}
  %b = fa.scale %a by 2.0 : f32 : {tile} -> {tile}
  fa.store %b, %out[{place}] : {tile}, memref<{tensor}, #fa.hbm>
  {"}" * depth}
  %o = fa.result %out : memref<{tensor}, #fa.hbm> -> tensor<{tensor}>
  func.return %o : tensor<{tensor}>
}}"""


def score_function(*lines: str, word: str = "score_mod") -> str:
    """A function of a score %s, or with another word of a probability."""
    arguments = "%s: f32, %b: index, %h: index, %i: index, %j: index"
    return f"{word} {{\n^bb0({arguments}):\n" + "\n".join((*lines, "fa.yield %y : f32")) + "\n}"


def mask_function(*lines: str) -> str:
    """A mask as a function of the indices."""
    arguments = "%b: index, %h: index, %i: index, %j: index"
    return f"mask_mod {{\n^bb0({arguments}):\n" + "\n".join((*lines, "fa.yield %y : i1")) + "\n}"


ALIBI = score_function(
    "%d = arith.subi %j, %i : index",
    "%w = arith.index_cast %d : index to i64",
    "%n = arith.sitofp %w : i64 to f32",
    "%m = arith.index_cast %h : index to i64",
    "%f = arith.sitofp %m : i64 to f32",
    "%one = arith.constant -1.0 : f32",
    "%e = arith.subf %one, %f : f32",
    "%slope = math.exp2 %e : f32",
    "%t = arith.mulf %n, %slope : f32",
    "%y = arith.addf %s, %t : f32",
)
"""The slope 2^-(h + 1) times key - query."""

RELATIVE = score_function(
    "%d = arith.subi %j, %i : index",
    "%w = arith.index_cast %d : index to i64",
    "%n = arith.sitofp %w : i64 to f32",
    "%c = arith.constant 0.03125 : f32",
    "%t = arith.mulf %n, %c : f32",
    "%y = arith.addf %s, %t : f32",
)

ARITHMETIC = score_function(
    "%half = arith.constant 0.5 : f32",
    "%p = arith.mulf %s, %half : f32",
    "%a = math.absf %p : f32",
    "%e = math.exp %p : f32",
    "%n = arith.minimumf %a, %e : f32",
    "%r = arith.divf %n, %e : f32",
    "%y = arith.subf %r, %s : f32",
)

ROOTS = score_function(
    "%one = arith.constant 1.0 : f32",
    "%p = arith.mulf %s, %s : f32",
    "%n = arith.addf %p, %one : f32",
    "%y = math.sqrt %n : f32",
)

SELECTED = score_function(
    "%c = arith.constant 50 : index",
    "%near = arith.cmpi slt, %j, %c : index",
    "%half = arith.constant 0.5 : f32",
    "%t = arith.mulf %s, %half : f32",
    "%y = arith.select %near, %t, %s : f32",
)

HALVED = ("%c = arith.constant 0.5 : f32", "%y = arith.mulf %s, %c : f32")

CHECKERBOARD = mask_function(
    "%t = arith.addi %i, %j : index",
    "%c = arith.constant 2 : index",
    "%z = arith.constant 0 : index",
    "%m = arith.remui %t, %c : index",
    "%y = arith.cmpi eq, %m, %z : index",
)

SLOPES = mask_function(
    "%one = arith.constant 1 : index",
    "%n = arith.addi %h, %one : index",
    "%forty = arith.constant 40 : index",
    "%left = arith.muli %n, %forty : index",
    "%d = arith.subi %i, %j : index",
    "%zero = arith.constant 0 : index",
    "%past = arith.cmpi sge, %d, %zero : index",
    "%near = arith.cmpi slt, %d, %left : index",
    "%y = arith.andi %past, %near : i1",
)
"""A window of another length for each head."""

SQUARES = mask_function(
    "%side = arith.constant 64 : index",
    "%r = arith.divui %i, %side : index",
    "%c = arith.divui %j, %side : index",
    "%t = arith.addi %r, %c : index",
    "%two = arith.constant 2 : index",
    "%m = arith.remui %t, %two : index",
    "%zero = arith.constant 0 : index",
    "%y = arith.cmpi eq, %m, %zero : index",
)

ENDS = "quantize,allocate-sram,lower-to-isa"
FUSED = f"tile,fuse,{ENDS}"
UNFUSED = f"tile,{ENDS}"
BY_HAND = (
    "group-heads,tile{q-tile=64 kv-tile=64 fold-scale=false},fuse,stream-softmax,tabulate,"
    "map{qk=btmv pv=mm sums=reduce unroll-rows=2},slide-keys,specialize-masks,quantize,"
    "trim-tiles,schedule-rows,allocate-sram,lower-to-isa"
)
"""Every pass of the chain, with its options."""


def _quantized(options: str) -> str:
    return f"tile,fuse,quantize{{{options}}},allocate-sram,lower-to-isa"


def _mapped(options: str, first: str = "") -> str:
    return f"{first}tile,fuse,map{{{options}}},{ENDS}"


SMALL = ROOT / "examples" / "small.mlir"
PREFILL = ROOT / "examples" / "llama_prefill.mlir"
DECODE = ROOT / "examples" / "llama_decode.mlir"

PRESETS = ("plena-64", "plena-64-bf16", "plena-64-mx32", "plena-64-stock", "plena-128")

MASKS = {
    "causal-offset": "#fa.causal<offset = 17>",
    "causal-dead-rows": "#fa.causal<offset = -20>",
    "window": "#fa.window<left = 40, right = 0>",
    "window-both": "#fa.window<left = 10, right = 13>",
    "window-open": "#fa.window<left = 3, offset = -20>",
    "chunked": "#fa.chunked<size = 48>",
    "chunked-causal": "#fa.all_of<[#fa.chunked<size = 48>, #fa.causal]>",
    "prefix": "#fa.prefix<length = 70>",
    "documents": "#fa.documents<[60, 28, 42]>",
}
RAGGED = {
    "ragged": "#fa.ragged<[130, 64]>",
    "ragged-causal": "#fa.ragged<[130, 3], #fa.causal>",
    "ragged-empty": "#fa.ragged<[0, 64], #fa.causal>",
}

SCORES = "tensor<1x2x100x130xbf16>"
DENSE = "dense<[[[[0.5]], [[-0.25]]]]> : tensor<1x2x1x1xf32>"

CASES: tuple[Case, ...] = (
    # Files, and what a model asks for.
    Case("example/small", SMALL),
    Case("example/small-chain", SMALL, "fa-to-plena"),
    Case("example/small-mlir-passes", SMALL, f"tile,cse,fuse,canonicalize,{ENDS}"),
    Case("example/prefill", PREFILL),
    Case("example/prefill-analytic", PREFILL, optimize_for="analytic"),
    Case("example/prefill-fused", PREFILL, FUSED),
    Case("example/decode", DECODE),
    Case("example/decode-bytes", DECODE, optimize_for="bytes"),
    Case("example/decode-split", DECODE, f"tile,fuse{{split-kv=2}},{ENDS}"),
    # Every machine, chosen and by hand.
    *(Case(f"machine/{name}", built(100, 130, 4, 2, mask="causal"), machine=name)
      for name in PRESETS[:3]),
    Case("machine/plena-64-stock", built(100, 130, 4, 2, mask="causal"),
         machine="plena-64-stock", bound=4e-2),
    Case("machine/plena-128", built(150, 260, 4, 1, 128, mask="causal"), machine="plena-128"),
    Case("machine/plena-128-narrow", built(128, 128, 4, 1, 32), machine="plena-128"),
    Case("machine/plena-128-fused", built(70, 140, 2, 2, 80), FUSED, "plena-128"),
    Case("machine/plena-64-stock-loops", built(512, 512), FUSED, "plena-64-stock", bound=4e-2),
    # What the search finds, by target and shape.
    *(Case(f"search/square-{target}", built(256, 256), optimize_for=target)
      for target in ("emulator", "analytic", "bytes")),
    *(Case(f"search/group-causal-{target}", built(64, 64, 4, 1, 16, mask="causal"),
           optimize_for=target) for target in ("emulator", "analytic")),
    Case("search/causal-512", built(512, 512, mask="causal")),
    Case("search/causal-2048", built(2048, 2048, mask="causal"), optimize_for="analytic"),
    Case("search/decode-4096", built(1, 4096, 32, 8, 128)),
    Case("search/one-query", built(1, 1024)),
    Case("search/one-query-heads", built(1, 700, 8, 2), optimize_for="analytic"),
    Case("search/one-query-latent", built(1, 200, 16, 1, 96, value_dim=64)),
    Case("search/few-queries", built(5, 300, 8, 2, mask="causal")),
    Case("search/wide-values", built(70, 90, 2, 1, 64, value_dim=160)),
    Case("search/odd-dim", built(37, 191, 3, 1, 72)),
    Case("search/batches", built(40, 50, 4, 2, 32, batch=3, mask="causal")),
    Case("search/one-key", built(93, 1, 6, 3, 35, batch=2, lse=True)),
    # Masks.
    *(Case(f"mask/{name}", built(100, 130, 2, 1, mask=mask)) for name, mask in MASKS.items()),
    *(Case(f"mask/{name}", built(100, 130, 2, 1, mask=mask, batch=2))
      for name, mask in RAGGED.items()),
    Case("mask/window-long", built(1024, 1024, mask="#fa.window<left = 127, right = 0>")),
    Case("mask/function-checkerboard", written(region=CHECKERBOARD)),
    Case("mask/function-heads", written(region=SLOPES, lengths=(130, 130), heads=(3, 1))),
    Case("mask/function-squares", written("mask = #fa.causal", region=SQUARES,
                                          lengths=(256, 256))),
    Case("mask/lse-dead-rows", built(70, 50, mask="causal", causal_offset=-20, lse=True), FUSED),
    # Loop orders.
    Case("order/keys", built(100, 200, 2, 1, mask="causal"), f"tile,fuse{{order=keys}},{ENDS}"),
    Case("order/keys-lse", built(70, 130, lse=True),
         f"tile{{kv-tile=64}},fuse{{order=keys}},{ENDS}"),
    Case("order/split-4", built(64, 1024, 2, 1), f"tile,fuse{{split-kv=4}},{ENDS}"),
    Case("order/split-3-causal", built(100, 200, mask="causal", lse=True),
         f"tile{{kv-tile=64}},fuse{{split-kv=3}},{ENDS}"),
    Case("order/split-decode", built(1, 1024, 4, 1), f"group-heads,tile,fuse{{split-kv=4}},{ENDS}"),
    Case("order/kv-tile", built(1, 1000), f"tile{{kv-tile=256}},fuse,{ENDS}"),
    Case("order/q-tile", built(150, 150, mask="causal"), f"tile{{q-tile=20}},fuse,{ENDS}"),
    Case("order/standard", built(100, 130, 4, 2), UNFUSED),
    Case("order/standard-causal", built(200, 200, mask="causal", lse=True), UNFUSED),
    Case("order/standard-window", built(100, 130, mask=MASKS["window"]), UNFUSED),
    Case("order/standard-streamed", built(4, 20_000), UNFUSED, bound=4e-2),
    Case("order/standard-plena-128", built(100, 300, 2, 1, 128), UNFUSED, "plena-128"),
    # Storage formats, and what helps them.
    Case("format/mxfp8", built(100, 130, 4, 2, mask="causal"), _quantized("policy=mxfp8"),
         "plena-64-mx32"),
    Case("format/bf16", built(100, 130, 4, 2, mask="causal"), _quantized("policy=bf16"),
         "plena-64-bf16"),
    Case("format/roles", SMALL, _quantized("k=mxfp8-e4m3:8 v=plena q=bf16 o=bf16")),
    Case("format/store-rounding", SMALL, _quantized("rounding=store rule=floor")),
    Case("format/even", SMALL, _quantized("rule=even"), "plena-64-mx32"),
    Case("format/storage", built(70, 90, 2, 1, mask="causal"), _quantized("boundary=storage")),
    Case("format/storage-ones", built(64, 256),
         "tile,fuse,map{sums=ones boundary=storage},quantize{boundary=storage},lower-to-isa"),
    Case("format/storage-stock", SMALL, _quantized("boundary=storage"), "plena-64-stock",
         bound=4e-2),
    Case("format/mxfp4-kv", SMALL, _quantized("policy=mxfp4-kv")),
    Case("format/nvfp4-kv", SMALL, _quantized("policy=nvfp4-kv")),
    Case("format/bf16-refused", SMALL, _quantized("policy=bf16")),
    Case("format/smooth-keys", built(100, 90, 4, 2, 128, mask="causal"), f"smooth-keys,{FUSED}"),
    Case("format/rotate", built(100, 90, 4, 2, 128), f"rotate{{seed=7}},{FUSED}"),
    Case("format/smooth-rotate", built(64, 200, 2, 1),
         f"smooth-keys,rotate,group-heads,{_quantized('policy=mxfp8')}", "plena-64-mx32"),
    Case("format/f32", built(64, 100, dtype="f32")),
    Case("format/f16", built(64, 100, dtype="f16"), FUSED),
    # Score functions and what else there is to an attention.
    Case("score/softcap", built(100, 130, 2, 1, mask="causal", softcap=50.0)),
    Case("score/softcap-small", built(64, 64, softcap=1.5), UNFUSED),
    Case("score/scale", built(64, 130, scale=0.3)),
    Case("score/sinks", built(100, 130, 4, 2, mask="causal", sinks=True)),
    Case("score/sinks-decode", built(1, 300, 8, 2, sinks=True, softcap=30.0)),
    Case("score/sinks-split", built(70, 256, sinks=True), f"tile,fuse{{split-kv=2}},{ENDS}"),
    Case("score/lse", built(100, 130, 2, 1, lse=True)),
    Case("score/alibi", written("mask = #fa.causal", region=ALIBI), bound=3e-2),
    Case("score/relative", written(region=RELATIVE, lengths=(70, 130)), UNFUSED, bound=3e-2),
    Case("score/arithmetic", written(region=ARITHMETIC), bound=3e-2),
    Case("score/roots", written(region=ROOTS, lengths=(64, 64)), FUSED, bound=3e-2),
    Case("score/selected", written(region=SELECTED), FUSED),
    Case("score/bias", written(word="bias", operand=SCORES)),
    Case("score/bias-broadcast", written("mask = #fa.causal", word="bias",
                                         operand="tensor<1x1x100x130xbf16>"), FUSED),
    Case("score/bias-constant", written(word="bias", operand="tensor<1x2x1x1xf32>",
                                        body=f"%x = arith.constant {DENSE}"), FUSED),
    Case("score/raw-result", written('qk = "raw"', results=(SCORES,))),
    Case("score/masked-result", written('mask = #fa.causal, softcap = 2.0 : f32, qk = "masked"',
                                        results=(SCORES,))),
    Case("score/softmax-result", written('qk = "softmax"', results=(SCORES,))),
    Case("score/probabilities", written(region=score_function(*HALVED, word="prob_mod"))),
    # Mappings by hand.
    *(Case(f"map/{qk}-{pv}-{sums}", built(64, 64), _mapped(f"qk={qk} pv={pv} sums={sums}"))
      for qk, pv, sums in (("tmm", "mm", "reduce"), ("tmm", "btmv", "ones"),
                           ("btmm", "mm", "ones"), ("btmv", "btmv", "reduce"))),
    Case("map/btmm-columns", built(64, 64, 4, 1, 16, mask="causal"),
         _mapped("qk=btmm pv=btmv sums=columns", "group-heads,")),
    Case("map/btmv-columns", built(30, 70, 4, 1, 32),
         _mapped("qk=btmv pv=btmv sums=columns unroll-rows=1")),
    Case("map/unrolled", built(64, 512), _mapped("qk=tmm pv=mm sums=reduce unroll-rows=8")),
    Case("map/grouped-decode", built(1, 200, 8, 2), _mapped("qk=btmv", "group-heads,")),
    Case("map/two-panels", built(64, 300, 1, 1, 128), _mapped("qk=btmv pv=btmv sums=ones")),
    Case("map/before-tile", SMALL, f"map{{qk=btmv pv=mm unroll-rows=4}},{FUSED}"),
    Case("map/plena-128", built(128, 128, 4, 1, 32), _mapped("qk=btmv pv=mm", "group-heads,"),
         "plena-128", "analytic"),
    Case("map/refused", SMALL, _mapped("sums=columns")),
    # Long pipelines, and the clean-up.
    Case("chain/by-hand", built(70, 200, 4, 2, mask="causal"), BY_HAND),
    Case("chain/window", built(256, 256, mask="#fa.window<left = 63, right = 0>"), BY_HAND),
    Case("chain/default", built(100, 130, 4, 2, mask="causal"), "fa-to-plena"),
    Case("chain/default-plena-128", built(1, 200, 4, 1), "fa-to-plena", "plena-128", "analytic"),
    Case("chain/unfinished", built(70, 130, mask="causal"), "tile,fuse"),
    Case("chain/not-cleaned-up", built(100, 130, 4, 2, mask="causal"),
         f"{FUSED}{{clean-up=false}}"),
    Case("chain/spilled", nest(9)),
    Case("chain/loop-limit", built(256, 256, 8, 2, 128), _mapped("qk=tmm pv=mm sums=reduce"),
         "plena-64-stock", bound=4e-2),
    Case("chain/not-cleaned-up-standard", SMALL, f"{UNFUSED}{{clean-up=false}}"),
)  # fmt: skip


def digest(data: bytes) -> str:
    """The first 16 digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


def measure(case: Case) -> Figures:
    """What is recorded of a case."""
    try:
        kernel = case.kernel()
        total = fa.cost(kernel).total
    except fa.CompileError as error:
        return {"refused": error.message}
    except Exception as error:  # A crash of the compiler is a finding, whatever it is.
        return {"error": f"{type(error).__name__}: {error}"}
    layout = kernel.layout.to_json()
    del layout["version"]
    return {
        "words": len(kernel.words),
        "sha256": digest(kernel.words.astype("<u4").tobytes()),
        "emulator": total.emulator_cycles,
        "analytic": total.analytic_cycles,
        "bytes": total.hbm_bytes_read + total.hbm_bytes_written,
        "layout": digest(json.dumps(layout, sort_keys=True).encode()),
    }


def compare(case: Case, was: Figures | None, now: Figures) -> tuple[str, bool]:
    """What is different from the record, and whether it is for the worse."""
    if "error" in now:
        return f"error: {now['error']}", True
    if was is None:
        return "not recorded", True
    if "refused" in now or "refused" in was:
        if was == now:
            return "equal", False
        if "refused" not in now:
            return f"compiles; was refused: {was['refused']}", False
        if "refused" not in was:
            return f"error: {now['refused']}", True
        return f"refusal differs: {was['refused']} -> {now['refused']}", False
    found: list[str] = []
    if (was["words"], was["sha256"]) != (now["words"], now["sha256"]):
        cycles = (f"{table} {was[table]} -> {now[table]}" for table in ("emulator", "analytic"))
        found.append(f"words differ: cycles {', '.join(cycles)}")
        for name in ("words", "bytes"):
            if was[name] != now[name]:
                found.append(f"{name} {was[name]} -> {now[name]}")
    elif figures := [f for f in ("emulator", "analytic", "bytes") if was[f] != now[f]]:
        found.append("costs differ: " + ", ".join(f"{f} {was[f]} -> {now[f]}" for f in figures))
    if was["layout"] != now["layout"]:
        found.append("layout differs")
    return "; ".join(found) or "equal", int(now[case.target]) > int(was[case.target])


def arguments(kernel: fa.Kernel) -> list[Any]:
    """Standard normal arguments, in blocks where the kernel takes them so."""
    random = np.random.default_rng(2026)
    args: list[Any] = []
    for tensor in kernel.layout.signature:
        values = random.standard_normal(tensor.shape).astype(np.float32)
        form = tensor.storage
        if form is None:
            args.append(values)
            continue
        how = {"scale": form.scale, "variant": form.variant, "rule": form.rule}
        args.append(mx.quantize(values, form.element, form.block, **how, rounding=form.rounding))
    return args


def off(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """The relative L2 error; inf where other values are infinite."""
    hidden = np.isneginf(expected)
    if not np.array_equal(hidden, np.isneginf(actual)) or not np.isfinite(actual[~hidden]).all():
        return float("inf")
    norm = np.linalg.norm(expected[~hidden])
    return float(np.linalg.norm(actual[~hidden] - expected[~hidden]) / (norm or 1.0))


def error(case: Case) -> float | str:
    """How far a simulated run is from the tensor level on the arguments as stored, the worst of the
    results; or why there is no kernel."""
    try:
        kernel = case.kernel()
    except fa.CompileError as refusal:
        return refusal.message
    args = arguments(kernel)
    outputs = kernel.run(*args, hbm_time="none").outputs
    expected = fa.interpret(case.given(), kernel.stored(*args), round=False)
    return max(off(one, other) for one, other in zip(outputs, expected, strict=True))


def named(name: str) -> Case:
    """The case of that name."""
    return next(case for case in CASES if case.name == name)


def timed(what: Callable[[Case], Any], name: str) -> tuple[str, Any, float]:
    """What a function gives for the case of that name, and the seconds it takes."""
    start = time.perf_counter()
    result = what(named(name))
    return name, result, time.perf_counter() - start


def every(
    what: Callable[[Case], Any], cases: Sequence[Case], processes: int
) -> Iterator[tuple[str, Any, float]]:
    """What a function gives for cases, in order. Cases are sent to processes by name."""
    names = [case.name for case in cases]
    if processes == 1:
        yield from map(partial(timed, what), names)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(timed, what), names)


def recorded() -> dict[str, Figures]:
    """What is recorded, by the names of cases."""
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def as_text(figures: Mapping[str, Figures]) -> str:
    """The record: one line for each case, sorted."""
    lines = (f"{json.dumps(name)}: {json.dumps(figures[name])}" for name in sorted(figures))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check(cases: Sequence[Case], processes: int) -> bool:
    """Print how each case compares with the record; whether none is worse."""
    known, good = recorded(), True
    for name, now, seconds in every(measure, cases, processes):
        text, worse = compare(named(name), known.get(name), now)
        good = good and not worse
        print(f"{name:<32}{seconds:>7.2f} s  {text}{' (worse)' * worse}", flush=True)
    gone = set(known) - {case.name for case in CASES}
    for name in sorted(gone):
        print(f"{name:<32}{'':>9}  error: recorded, and no case (worse)")
    return good and not gone


def record(processes: int) -> bool:
    """Write the record; whether no case failed."""
    found: dict[str, Figures] = {}
    for name, now, _ in every(measure, CASES, processes):
        if "error" in now:
            print(f"{name:<32}error: {now['error']}")
        else:
            found[name] = now
    if len(found) < len(CASES):
        return False
    RECORD.write_text(as_text(found), "utf-8")
    refused = sum("refused" in each for each in found.values())
    print(f"{len(found)} cases in {RECORD.name}, {refused} of them refused")
    return True


def run(cases: Sequence[Case], processes: int) -> bool:
    """Print how far each case is from the tensor level; whether none is too far."""
    good = True
    for name, found, seconds in every(error, cases, processes):
        if isinstance(found, str):
            print(f"{name:<32}{seconds:>7.2f} s  refused: {found}", flush=True)
            continue
        far = not found <= named(name).bound
        good = good and not far
        print(f"{name:<32}{seconds:>7.2f} s  {found:.1e}{' (too far off)' * far}", flush=True)
    return good


def main() -> int:
    """Compare, record or run; the exit status."""
    parser = argparse.ArgumentParser(description="Kernels whose programs must not change.")
    parser.add_argument("--write", action="store_true", help=f"into bench/{RECORD.name}")
    parser.add_argument("--run", action="store_true", help="simulate, and print errors")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("-j", type=int, default=2, dest="processes", help="processes")
    args = parser.parse_args()
    if args.write and (args.only or args.run):
        parser.error("--write takes all cases, and runs none")
    cases = [case for case in CASES if args.only in case.name]
    if not cases:
        parser.error(f"no case has '{args.only}' in its name")
    if args.write:
        return int(not record(args.processes))
    return int(not (run if args.run else check)(cases, args.processes))


if __name__ == "__main__":
    raise SystemExit(main())

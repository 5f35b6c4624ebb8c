"""Masks as functions that tests compile: as MLIR and in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .attentions import masked_attention

Bits = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Function:
    """A mask of (b, h, i, j): the body of the region, and what it means on integer arrays."""

    name: str
    body: str
    meaning: Callable[[Ints, Ints, Ints, Ints], Bits]

    def region(self) -> str:
        """The region, in MLIR."""
        return (
            "mask_mod {\n^bb0(%b: index, %h: index, %i: index, %j: index):\n"
            f"{self.body}\nfa.yield %seen : i1\n}}"
        )

    def seen(self, batch: int, heads: int, rows: int, cols: int) -> Bits:
        """What is seen, [batch, heads, rows, cols]."""
        b, h, i, j = np.ogrid[:batch, :heads, :rows, :cols]
        return np.broadcast_to(self.meaning(b, h, i, j), (batch, heads, rows, cols))


def window(left: int, offset: int) -> Function:
    """The last `left` keys before a query, and itself."""
    return Function(
        f"window{left}",
        f"""%left = arith.constant {left} : index
%offset = arith.constant {offset} : index
%p = arith.addi %i, %offset : index
%past = arith.cmpi sle, %j, %p : index
%from = arith.subi %p, %left : index
%near = arith.cmpi sge, %j, %from : index
%seen = arith.andi %past, %near : i1""",
        lambda b, h, i, j: (j <= i + offset) & (j >= i + offset - left),
    )


def _hash(i: Ints, j: Ints, h: Ints) -> Ints:
    words = (i * 977 + j * 31 + h * 7919).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (words >> np.uint64(60)).astype(np.int64)


def _hash_body(per_head: bool) -> str:
    return f"""%ci = arith.constant 977 : index
%cj = arith.constant 31 : index
%ch = arith.constant {7919 if per_head else 0} : index
%a = arith.muli %i, %ci : index
%c = arith.muli %j, %cj : index
%d = arith.muli %h, %ch : index
%e = arith.addi %a, %c : index
%f = arith.addi %e, %d : index
%word = arith.index_cast %f : index to i64
%golden = arith.constant 0x9E3779B97F4A7C15 : i64
%mixed = arith.muli %word, %golden : i64
%sixty = arith.constant 60 : i64
%top = arith.shrui %mixed, %sixty : i64
%limit = arith.constant 6 : i64
%seen = arith.cmpi ult, %top, %limit : i64"""


CHECKERBOARD = Function(
    "checkerboard",
    """%s = arith.addi %i, %j : index
%one = arith.constant 1 : index
%bit = arith.andi %s, %one : index
%zero = arith.constant 0 : index
%seen = arith.cmpi eq, %bit, %zero : index""",
    lambda b, h, i, j: (i + j) % 2 == 0,
)
SQUARES = Function(
    "squares",
    """%side = arith.constant 64 : index
%r = arith.divui %i, %side : index
%c = arith.divui %j, %side : index
%s = arith.addi %r, %c : index
%two = arith.constant 2 : index
%m = arith.remui %s, %two : index
%zero = arith.constant 0 : index
%seen = arith.cmpi eq, %m, %zero : index""",
    lambda b, h, i, j: (i // 64 + j // 64) % 2 == 0,
)
HASH = Function("hash", _hash_body(False), lambda b, h, i, j: _hash(i, j, h * 0) < 6)
HEADS = Function("heads", _hash_body(True), lambda b, h, i, j: _hash(i, j, h) < 6)
"""A random mask for each head."""
SLOPES = Function(
    "slopes",
    """%one = arith.constant 1 : index
%n = arith.addi %h, %one : index
%forty = arith.constant 40 : index
%left = arith.muli %n, %forty : index
%d = arith.subi %i, %j : index
%zero = arith.constant 0 : index
%past = arith.cmpi sge, %d, %zero : index
%near = arith.cmpi slt, %d, %left : index
%seen = arith.andi %past, %near : i1""",
    lambda b, h, i, j: (i >= j) & (i - j < 40 * (h + 1)),
)
"""A window of another length for each head."""
BATCHES = Function(
    "batches",
    """%size = arith.constant 50 : index
%n = arith.addi %b, %b : index
%m = arith.muli %n, %size : index
%limit = arith.addi %m, %size : index
%seen = arith.cmpi slt, %j, %limit : index""",
    lambda b, h, i, j: j < 100 * b + 50,
)
DOCUMENTS = Function(
    "documents",
    """%size = arith.constant 37 : index
%r = arith.floordivsi %i, %size : index
%c = arith.floordivsi %j, %size : index
%seen = arith.cmpi eq, %r, %c : index""",
    lambda b, h, i, j: i // 37 == j // 37,
)
DEAD_ROWS = Function(
    "dead rows",
    """%three = arith.constant 3 : index
%r = arith.remui %i, %three : index
%one = arith.constant 1 : index
%alive = arith.cmpi ne, %r, %one : index
%s = arith.addi %i, %j : index
%bit = arith.andi %s, %one : index
%odd = arith.cmpi eq, %bit, %one : index
%seen = arith.andi %alive, %odd : i1""",
    lambda b, h, i, j: (i % 3 != 1) & ((i + j) % 2 == 1),
)
"""Every third query sees nothing."""
FLOATS = Function(
    "floats",
    """%x = arith.index_cast %i : index to i32
%y = arith.index_cast %j : index to i32
%fx = arith.sitofp %x : i32 to f32
%fy = arith.sitofp %y : i32 to f32
%xx = arith.mulf %fx, %fx : f32
%yy = arith.mulf %fy, %fy : f32
%rr = arith.addf %xx, %yy : f32
%limit = arith.constant 10000.0 : f32
%seen = arith.cmpf olt, %rr, %limit : f32""",
    lambda b, h, i, j: i * i + j * j < 10000,
)
"""A quarter of a circle: later queries see nothing."""
NOTHING = Function(
    "nothing", "%seen = arith.constant false", lambda b, h, i, j: (b + h + i + j) < 0
)

FUNCTIONS = (
    window(30, 0), CHECKERBOARD, SQUARES, HASH, HEADS, SLOPES, BATCHES, DOCUMENTS, DEAD_ROWS,
    FLOATS, NOTHING,
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Sizes of an attention of 64 columns."""

    batch: int
    q_heads: int
    kv_heads: int
    q_len: int
    kv_len: int

    def module(
        self, function: Function | None, attribute: str | None = None, lse: bool = False
    ) -> str:
        """A function with one attention, in MLIR."""
        q = f"tensor<{self.batch}x{self.q_heads}x{self.q_len}x64xbf16>"
        k = f"tensor<{self.batch}x{self.kv_heads}x{self.kv_len}x64xbf16>"
        extra = f"tensor<{self.batch}x{self.q_heads}x{self.q_len}xf32>"
        results = f"{q}, {extra}" if lse else q
        words = [
            word
            for word in ("lse" if lse else "", f"mask = {attribute}" if attribute else "")
            if word
        ]
        names = "%o, %l" if lse else "%o"
        return f"""func.func @f(%q: {q}, %k: {k}, %v: {k}) -> ({results}) {{
{names} = fa.attention %q, %k, %v {{{", ".join(words)}}} {function.region() if function else ""}
: {q}, {k}, {k} -> {results}
func.return {names} : {results}
}}"""

    def arguments(self, seed: int = 0) -> list[NDArray[np.float32]]:
        """q, k and v: quarters, which every format holds."""
        random = np.random.default_rng(seed)
        kv = (self.batch, self.kv_heads, self.kv_len, 64)
        shapes = ((self.batch, self.q_heads, self.q_len, 64), kv, kv)
        return [random.integers(-4, 5, shape).astype(np.float32) / 4 for shape in shapes]


def reference(
    args: list[NDArray[np.float32]], seen: Bits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Masked attention and its logsumexp in float64; 0 and -inf where nothing is seen."""
    q, k, v = (arg.astype(np.float64) for arg in args)
    return masked_attention(q, k, v, 1 / 8, seen)

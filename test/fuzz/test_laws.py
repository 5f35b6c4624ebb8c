"""What attention does not see, and what says the same in other words: no reference is needed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fa
import numpy as np
import pytest
from numpy.typing import NDArray

from .case import Case
from .counts import share
from .masks import sees

Array = NDArray[np.float32]

BF16_LAW = 2.5e-2
"""Two programs of bf16 differ by their roundings, about 8e-3 each, and biases near 8 add 2e-2."""
EXACT_LAW = 2e-5
"""Without rounding they are sums of f32 in another order."""

MACHINE = "plena-64-bf16"
"""Nothing is stored in blocks: what hides a key would take digits from the others."""

KINDS = {
    "causal": lambda r, q, k: ["causal", {"offset": r.randrange(-2, k)}],
    "window": lambda r, q, k: ["window", {"left": r.randrange(k), "right": r.randrange(3)}],
    "chunked": lambda r, q, k: ["chunked", {"size": r.randrange(1, k + 1)}],
    "prefix": lambda r, q, k: ["prefix", {"length": r.randrange(k)}],
}
HIDES: dict[str, Callable[[dict[str, int]], str]] = {
    "causal": lambda given: "%shown = arith.cmpi sle, %j, %p : index",
    "window": lambda given: (
        f"""%left = arith.constant {given["left"]} : index
    %first = arith.subi %p, %left : index
    %right = arith.constant {given["right"]} : index
    %last = arith.addi %p, %right : index
    %above = arith.cmpi sge, %j, %first : index
    %below = arith.cmpi sle, %j, %last : index
    %shown = arith.andi %above, %below : i1"""
    ),
    "chunked": lambda given: (
        f"""%size = arith.constant {given["size"]} : index
    %own = arith.floordivsi %p, %size : index
    %other = arith.floordivsi %j, %size : index
    %shown = arith.cmpi eq, %own, %other : index"""
    ),
    "prefix": lambda given: (
        f"""%length = arith.constant {given["length"]} : index
    %early = arith.cmpi slt, %j, %length : index
    %causal = arith.cmpi sle, %j, %p : index
    %shown = arith.ori %early, %causal : i1"""
    ),
}


def drawn(random_: random.Random) -> Case:
    """A case without anything that a law would not allow."""
    q_heads, kv_heads = random_.choice([(1, 1), (2, 1), (4, 2)])
    q_len, kv_len = random_.choice([1, 9, 70]), random_.choice([2, 17, 64, 65, 130, 200])
    dim = random_.choice([8, 16, 64, 80])
    return Case(1, q_heads, kv_heads, q_len, kv_len, dim, dim, machine=MACHINE)


def function(case: Case) -> str:
    """The case's attention with its mask as a function of the place."""
    assert case.mask is not None
    kind, given = case.mask
    offset = given.get("offset", case.kv_len - case.q_len)
    region = f"""mask_mod {{
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %offset = arith.constant {offset} : index
    %p = arith.addi %i, %offset : index
    {HIDES[kind](given)}
    fa.yield %shown : i1
  }}"""
    return replace(case, mask=None).mlir().replace("%v {}", f"%v {{}} {region}")


def agree(
    one: str, others: list[tuple[str, list[Array], NDArray[np.intp] | None]], args: list[Array]
) -> None:
    """Texts with their arguments give one result, without rounding and on the machine."""
    passes = "tile,fuse,lower-to-isa"
    exact = fa.interpret(one, args, round=False)[0]
    ran = fa.compile(one, MACHINE, passes).run(*args, hbm_time="none").outputs[0]
    for text, given, order in others:
        for have, want, most in (
            (fa.interpret(text, given, round=False)[0], exact, EXACT_LAW),
            (
                fa.compile(text, MACHINE, passes).run(*given, hbm_time="none").outputs[0],
                ran,
                BF16_LAW,
            ),
        ):
            again = have if order is None else have[:, :, order]
            norm = float(np.linalg.norm(want))
            off = float(np.linalg.norm(again - want))
            assert off <= most * norm if norm else not again.any(), (text, off / (norm or 1))


SHARDS = range(share(12, 2))


@pytest.mark.parametrize("seed", SHARDS)
def test_a_mask_in_three_words(seed: int, tmp_path: Path):
    """An attribute, a function and a bias of 0 and -inf; rows that see nothing are 0 in all."""
    random_ = random.Random(seed)
    case = drawn(random_)
    kind = random_.choice(list(KINDS))
    case = replace(case, seed=seed, mask=KINDS[kind](random_, case.q_len, case.kv_len))
    args = case.arguments()
    seen = sees(case.mask, 1, case.q_len, case.kv_len)[:, None]
    bias = np.where(seen, np.float32(0), np.float32(-np.inf))
    biased = replace(case, mask=None, bias=[1, 1, case.q_len, case.kv_len])
    agree(case.mlir(), [(function(case), args, None), (biased.mlir(), [*args, bias], None)], args)


@pytest.mark.parametrize("seed", SHARDS)
def test_scores_shifted(seed: int):
    """A number added to all scores of a row: each row its own, exact in bf16."""
    random_ = random.Random(seed)
    case = replace(drawn(random_), seed=seed)
    shifts = np.random.default_rng(seed).integers(-8, 8, (1, 1, case.q_len, 1))
    biased = replace(case, bias=[1, 1, case.q_len, 1])
    args = case.arguments()
    agree(case.mlir(), [(biased.mlir(), [*args, shifts.astype(np.float32)], None)], args)


@pytest.mark.parametrize("seed", SHARDS)
def test_keys_and_queries_in_another_order(seed: int):
    random_ = random.Random(seed)
    case = replace(drawn(random_), seed=seed)
    q, k, v = case.arguments()
    rows, keys = (np.random.default_rng(seed).permutation(n) for n in (case.q_len, case.kv_len))
    text = case.mlir()
    agree(
        text,
        [
            (text, [q, k[:, :, keys], v[:, :, keys]], None),
            (text, [q[:, :, rows], k, v], np.argsort(rows)),
        ],
        [q, k, v],
    )

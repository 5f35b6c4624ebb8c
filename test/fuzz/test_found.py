"""What the fuzzer found: cases that went wrong once, by what was wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .case import Case
from .check import RUINED, check

CAUSAL = ["causal", {"offset": -3}]

FOUND = {
    "-inf in the blocks of a block-scaled logsumexp": Case(
        q_len=7, kv_len=4, mask=CAUSAL, lse=True, settings={"act": "e4m3:8", "kv": "bf16"}
    ),
    "-inf in the blocks of block-scaled scores": Case(
        q_len=7, kv_len=4, mask=CAUSAL, qk="masked", settings={"act": "e4m3:8", "kv": "bf16"}
    ),
    "padding rows without a key in the blocks of a logsumexp": Case(
        q_len=3,
        kv_len=20,
        mask=["chunked", {"size": 1, "offset": 16}],
        lse=True,
        settings={"act": "e4m3:16", "kv": "bf16"},
    ),
    "what lies behind the rows of a tile in the blocks of a logsumexp": Case(
        q_len=20, lse=True, settings={"act": "e4m3:16", "kv": "bf16"}
    ),
    "blocks of a bias that hold -inf and nothing else, read as NaN": Case(
        q_heads=4, q_len=20, kv_len=3, bias=[1, 4, 20, 1], machine="plena-64-stock", seed=3
    ),
    "a first step with scratch, whose types could not be parsed": Case(
        q_len=32,
        kv_len=21,
        head_dim=31,
        map="qk=btmm",
        settings={
            "MLEN": 16,
            "VLEN": 16,
            "HLEN": 16,
            "BROADCAST_AMOUNT": 1,
            "HBM_M_Prefetch_Amount": 32,
            "kv": "e5m2:16",
        },
    ),
    "an accumulator and a sum that cse makes one, and the division uses up": Case(
        q_heads=28, hide=["ne", ["index", "i"], ["index", "i"]], map="qk=btmv", clean=True
    ),
    "the cost of a program that spills loop counters": Case(
        q_heads=6, kv_heads=3, map="", settings={"HLEN": 4, "BROADCAST_AMOUNT": 16, "kv": "bf16"}
    ),
    "columns of ones for rows that see no key, taken for possible": Case(
        q_heads=4, kv_heads=2, q_len=7, kv_len=5, mask=CAUSAL, search="emulator"
    ),
    "lanes that nobody reads, divided lane by lane": Case(
        q_heads=3, q_len=51, kv_len=51, fuse="split-kv=2", map="pv=mm sums=ones"
    ),
    "rows after one that sees all keys of a tile, not masked": Case(
        q_heads=2, q_len=6, kv_len=64, mask=["window", {"left": 0, "offset": 0}]
    ),
    "parts of the keys of which a row sees nothing, combined with each other": Case(
        kv_len=520,
        head_dim=64,
        mask=["window", {"left": 40, "right": 0}],
        lse=True,
        tile="kv-tile=64",
        fuse="split-kv=8",
    ),
    "one score, which is no average of roundings": Case(
        head_dim=32, value_dim=32, qk="capped", machine="plena-64-mx32", fuse="order=keys", seed=3
    ),
}

REFUSED = {
    RUINED: Case(q_len=7, kv_len=4, mask=CAUSAL, lse=True, machine="plena-64-stock"),
}
"""What has to be refused, by the kind of refusal."""


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str, tmp_path: Path):
    assert check(FOUND[name], tmp_path) == ""


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str, tmp_path: Path):
    assert check(REFUSED[kind], tmp_path) == kind

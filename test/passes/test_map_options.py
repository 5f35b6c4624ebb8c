"""Every family that `map` can name, at every level: float64 by the interpreter and on the machine.

What cannot be taken is refused with a reason; everything else must be attention.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import product
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.source import run_passes
from fa.machine.params import PRESETS

from ..attentions import Case, relative_error

QK, PV, SUMS = ("tmm", "btmm", "btmv"), ("mm", "btmv"), ("reduce", "ones")
STAGES = ("map", "specialize-masks", "trim-tiles", "schedule-rows", "quantize", "allocate-sram")

INTERPRETED = 3e-6
"""f32 sums of up to 300 terms without rounding: a small multiple of 2^-24."""

SIMULATED = 8e-3
"""bf16 scores, probabilities and accumulators, pooled over at least 64 rows (test_accuracy)."""

FEW_ROWS = 1.5e-2

FAMILY_OF = {
    "tmm": "M_TMM", "btmm": "M_BTMM", "btmv": "M_BTMV", "mm": "M_MM",
}  # fmt: skip


def cases() -> list[tuple[Case, str, str, str]]:
    """Each choice on two random shapes; M_BTMM wants 256 rows at once."""
    rng = random.Random(11)
    found: list[tuple[Case, str, str, str]] = []
    for qk, pv, sums in product(QK, PV, SUMS):
        for _ in range(2):
            kv_heads, group = rng.choice([(1, 1), (1, 2), (2, 1)])
            causal = rng.random() < 0.5
            case = Case(
                rng.randint(193, 256) if qk == "btmm" else rng.randint(1, 100),
                rng.randint(1, 300),
                head_dim=rng.choice([16, 40, 64, 72]),
                value_dim=rng.choice([None, 16, 64, 128]),
                q_heads=kv_heads * group,
                kv_heads=kv_heads,
                mask="causal" if causal else None,
                causal_offset=rng.choice([None, -9, 30]) if causal else None,
            )
            found.append((case, qk, pv, sums))
    return found


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A machine that holds tiles of 256 queries, which M_BTMM takes."""
    text = (PRESETS / "plena-64.toml").read_text()
    for key, value in (("VECTOR_SRAM_SIZE", 4096), ("FP_SRAM_DEPTH", 1024)):
        text, count = re.subn(
            rf"(\[TRANSACTIONAL\.CONFIG\.{key}\][^=]*= )\d+", rf"\g<1>{value}", text, count=1
        )
        assert count == 1
    path: Path = tmp_path_factory.mktemp("machine") / "large.toml"
    path.write_text(text)
    return str(path)


def expect_attention(outputs: list[np.ndarray], case: Case, args: list, bound: float) -> None:
    expected, lse = case.reference(args)
    live = np.isfinite(lse)
    assert not outputs[0][~live].any()
    if live.any():
        assert relative_error(outputs[0][live], expected[live]) <= bound


@pytest.mark.parametrize(("case", "qk", "pv", "sums"), cases(), ids=str)
def test_families(case: Case, qk: str, pv: str, sums: str, large: str) -> None:
    """Interpreted after each pass and simulated; the program has the instructions asked for."""
    machine, tile = (large, "tile{q-tile=256}") if qk == "btmm" else ("plena-64", "tile")
    chain = f"{tile},fuse,map{{qk={qk} pv={pv} sums={sums}}}"
    module, args = case.module(), case.arguments()
    for passes in (chain, *STAGES[1:]):
        run_passes(module, passes, machine)
        expect_attention(fa.interpret(module, args, round=False), case, args, INTERPRETED)
    kernel = fa.compile(case.module(), machine=machine, passes=f"{chain},lower-to-isa")
    run = kernel.run(*args, hbm_time="none")
    bound = SIMULATED if case.live_rows >= 64 else FEW_ROWS
    expect_attention(run.outputs, case, kernel.stored(*args), bound)
    if case.live_rows:
        done = Counter(run.per_opcode)
        assert done[FAMILY_OF[qk]]
        assert done[FAMILY_OF[pv]]
        assert bool(done["V_RED_SUM"]) == (sums == "reduce")


@pytest.mark.parametrize("unroll", [1, 3, 8])
@pytest.mark.parametrize("pv", PV)
def test_unrolled_rows(unroll: int, pv: str) -> None:
    """However many rows make an iteration, the result is the same bit for bit."""
    case = Case(21, 100, 72, mask="causal", value_dim=128)
    args = case.arguments()
    outputs: list[np.ndarray] = []
    for rows in (1, unroll):
        passes = (
            f"tile,fuse,map{{pv={pv}}},specialize-masks,trim-tiles,"
            f"schedule-rows{{unroll-rows={rows}}},lower-to-isa"
        )
        kernel = fa.compile(case.module(), passes=passes)
        outputs.append(kernel.run(*args, hbm_time="none").outputs[0])
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert relative_error(outputs[0], case.reference(kernel.stored(*args))[0]) <= FEW_ROWS


@pytest.mark.parametrize("clean_up", ["true", "false"])
def test_registers_suffice(clean_up: str) -> None:
    """Wide tiles, many panels, all rows of a loop in one iteration: more than 15 pointers."""
    case = Case(16, 256, 256, value_dim=256, mask="causal", lse=True)
    passes = (
        "tile,fuse,map{qk=btmv pv=btmv},specialize-masks,trim-tiles,"
        f"schedule-rows{{unroll-rows=16}},lower-to-isa{{clean-up={clean_up}}}"
    )
    kernel = fa.compile(case.module(), passes=passes)
    args = case.arguments()
    outputs = kernel.run(*args, hbm_time="none").outputs
    expect_attention(outputs, case, kernel.stored(*args), FEW_ROWS)


def test_the_default_chain_maps_as_the_written_one() -> None:
    """`fa-to-plena` decides before masks copy loops, as the passes one by one do."""
    case = Case(64, 256, 128, mask="causal", causal_offset=200)
    chain = "tile,fuse,quantize,allocate-sram,lower-to-isa"
    default, written = (fa.compile(case.module(), passes=p) for p in ("fa-to-plena", chain))
    assert default.asm == written.asm


def test_ones_are_stored_as_the_caller_stores_keys() -> None:
    """With boundary=storage no `mx.quantize` says what matrix memory can load."""
    case = Case(8, 40)
    kernel = fa.compile(
        case.module(), passes="tile,fuse,quantize{boundary=storage},map{sums=ones},lower-to-isa"
    )
    formats = {region.kind: region.storage for region in kernel.layout.regions}
    assert formats["weight"] == formats["key"]

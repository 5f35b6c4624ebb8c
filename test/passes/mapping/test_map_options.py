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
from fa.frontends.mlir import parse_module, run_passes
from fa.machine.spec.params import PRESETS

from ...attentions import Case, relative_error

QK, PV = ("tmm", "btmm", "btmv"), ("mm", "btmv")
PV_AND_SUMS = (*product(PV, ("reduce", "ones")), ("btmv", "columns"))
"""Columns of ones stand in transposed values."""

STAGES = ("specialize-masks", "trim-tiles", "schedule-rows", "quantize", "allocate-sram")
"""What follows `map`, pass by pass."""

INTERPRETED = 3e-6
"""f32 sums of up to 300 terms without rounding: a small multiple of 2^-24."""

SIMULATED = 8e-3
"""bf16 scores, probabilities and accumulators, pooled over at least 64 rows (test_accuracy)."""

FEW_ROWS = 1.5e-2

LSE = {INTERPRETED: 1e-5, SIMULATED: 0.05, FEW_ROWS: 0.05}
"""Logsumexps of up to 10: f32 sums and a logarithm; a bf16 maximum, sum and result."""

FAMILY_OF = {
    "tmm": "M_TMM", "btmm": "M_BTMM", "btmv": "M_BTMV", "mm": "M_MM",
}  # fmt: skip


def cases() -> list[tuple[Case, str, str, str]]:
    """Each choice on two random shapes; M_BTMM wants 256 rows at once.

    Logsumexps take sums as numbers, so only `reduce` has them. Columns of ones need narrow values
    and rows that all see a key.
    """
    rng = random.Random(11)
    found: list[tuple[Case, str, str, str]] = []
    for qk, (pv, sums) in product(QK, PV_AND_SUMS):
        narrow = sums == "columns"
        for turn in range(2):
            kv_heads, group = rng.choice([(1, 1), (1, 2), (2, 1)])
            causal = rng.random() < 0.5
            case = Case(
                rng.randint(193, 256) if qk == "btmm" else rng.randint(1, 100),
                rng.randint(1, 300),
                head_dim=rng.choice([16, 40, 64, 72]),
                value_dim=rng.choice([16, 24, 32] if narrow else [None, 16, 64, 128]),
                q_heads=kv_heads * group,
                kv_heads=kv_heads,
                mask="causal" if causal else None,
                causal_offset=rng.choice([0, 30] if narrow else [None, -9, 30]) if causal else None,
                lse=sums == "reduce" and turn == 0,
            )
            found.append((case, qk, pv, sums))
    return found


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A machine that holds tiles of 256 queries, which M_BTMM takes."""
    return written(tmp_path_factory.mktemp("machine"), VECTOR_SRAM_SIZE=4096, FP_SRAM_DEPTH=1024)


def written(folder: Path, **settings: int) -> str:
    """A file for plena-64 with other settings."""
    text = (PRESETS / "plena-64.toml").read_text()
    for key, value in settings.items():
        text, count = re.subn(
            rf"(\[TRANSACTIONAL\.CONFIG\.{key}\][^=]*= )\d+", rf"\g<1>{value}", text, count=1
        )
        assert count == 1
    path = folder / "machine.toml"
    path.write_text(text)
    return str(path)


def expect_attention(outputs: list[np.ndarray], case: Case, args: list, bound: float) -> None:
    expected, lse = case.reference(args)
    live = np.isfinite(lse)
    assert len(outputs) == 1 + case.lse
    assert not outputs[0][~live].any()
    if live.any():
        assert relative_error(outputs[0][live], expected[live]) <= bound
    if case.lse:
        np.testing.assert_allclose(outputs[1], lse, rtol=0, atol=LSE[bound])


@pytest.mark.parametrize(("case", "qk", "pv", "sums"), cases(), ids=str)
def test_families(case: Case, qk: str, pv: str, sums: str, large: str) -> None:
    """Interpreted after each pass and simulated; the program has the instructions asked for."""
    machine, tile = (large, "tile{q-tile=256}") if qk == "btmm" else ("plena-64", "tile")
    chain = f"{tile},fuse,map{{qk={qk} pv={pv} sums={sums}}}"
    module, args = case.module(), case.arguments()
    for passes in (chain, *STAGES):
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
    """The tile of ones is stored as matrix memory can load it."""
    case = Case(8, 40)
    kernel = fa.compile(
        case.module(),
        passes="tile,fuse,map{sums=ones boundary=storage},quantize{boundary=storage}",
    )
    formats = {region.kind: region.storage for region in kernel.layout.regions}
    assert formats["weight"] == formats["key"]


REFUSED = {
    "pv=mm sums=columns": (Case(40, 100, value_dim=16), "columns of ones in V go with pv=btmv"),
    "sums=columns": (Case(40, 100), "ones beside 64 value columns do not fit a row of 64"),
    "pv=btmv sums=columns": (
        Case(40, 100, value_dim=12),
        "12 columns are not whole blocks of storage",
    ),
    "qk=tmm sums=columns": (
        Case(40, 100, value_dim=16, mask="causal", causal_offset=-3),
        "rows may see no key",
    ),
    "qk=btmm sums=columns": (
        Case(40, 100, value_dim=16, lse=True),
        "something else needs the sums",
    ),
    "sums=ones": (Case(40, 100, lse=True), "fa.logsumexp takes sums as numbers"),
    "pv=mm sums=ones": (
        Case(40, 100, value_dim=1000),
        "a tile of ones needs room in matrix SRAM beside 16 tiles",
    ),
    "qk=btmv": (
        Case(5, 100),
        "btmv takes 16 blocks of 1 rows at a time, and query tiles have 8 rows",
    ),
}
"""Options, an attention, and why it cannot have what the last of them says."""


@pytest.mark.parametrize("options", REFUSED)
def test_refused(options: str, tmp_path: Path) -> None:
    """The message has a place, the choice, the reason, and the nearest choice, which is taken."""
    case, reason = REFUSED[options]
    wide = {"HLEN": 4, "BROADCAST_AMOUNT": 16} if options == "qk=btmv" else {}
    machine = written(tmp_path, **wide)
    text = str(case.module())
    place = next(
        f"fa.mlir:{number}:{line.index('fa.attention') + 1}"
        for number, line in enumerate(text.splitlines(), 1)
        if "fa.attention" in line
    )
    choice = options.split()[-1]

    def mapped(options: str) -> None:
        run_passes(parse_module(text, "fa.mlir"), f"tile,fuse,map{{{options}}}", machine)

    with pytest.raises(fa.CompileError) as refused:
        mapped(options)
    message = re.fullmatch(
        rf"{choice} is not possible here: {re.escape(reason)}; (\w+=\w+) is", refused.value.message
    )
    assert message is not None, refused.value.message
    assert refused.value.location == place
    mapped(" ".join([*options.split()[:-1], message[1]]))


def test_standard_attention_sums_whole_rows() -> None:
    with pytest.raises(fa.CompileError, match="standard attention sums whole rows; sums=reduce is"):
        fa.compile(Case(64, 64).module(), passes="tile,map{sums=ones}")

"""The fuzzer: random attentions, machines and pipelines, every level against float64.

FA_FUZZ is the number of cases (`make fuzz` sets 2000; a short run belongs to the tests), seeded, so
that two runs see the same ones. A case that fails is made as small as possible and written to
build/fuzz as MLIR whose first lines say all that is needed to run it again, alone:
`make fuzz FILE=build/fuzz/...mlir`.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .case import Case
from .check import check
from .conftest import CHECKED, PROPERTY
from .counts import COUNT
from .strategies import cases

SHARD = 12
FLOOR = 6
"""At least one case in so many has to be compiled and checked, in every shard; of all it is two in
three, and of 167 shards of twelve the worst had three."""

FILE = os.environ.get("FA_FUZZ_FILE", "")
BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"


def written(case: Case, message: str) -> Path:
    """The case as a file that fa-opt reads and that this test runs again."""
    BUILD.mkdir(parents=True, exist_ok=True)
    name = sha256(case.to_json().encode()).hexdigest()[:10]
    path = BUILD / f"{name}.mlir"
    machine = case.machine
    if case.settings_text is not None:
        toml = BUILD / f"{name}.toml"
        toml.write_text(case.settings_text)
        machine = str(toml)
    path.write_text(
        f"// {message.splitlines()[0] if message else 'fails'}\n"
        f"// make fuzz FILE={path}\n"
        f"// fa-opt --machine {machine} -p '{case.pipeline}' {path}\n"
        f"// case: {case.to_json()}\n{case.mlir()}"
    )
    return path


def attempt(case: Case) -> str:
    """Check a case; where it fails, write it down and say how to run it again."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return check(case, Path(folder))
        except Exception as error:
            path = written(case, f"{type(error).__name__}: {error}")
            error.add_note(f"the case: {path}; again: make fuzz FILE={path}")
            raise


@pytest.mark.parametrize("shard", range(-(-COUNT // SHARD)))
def test_random_cases(shard: int, record_property: Callable[[str, object], None]):
    if FILE:
        pytest.skip("one case was asked for")
    counts = Counter[str]()

    @seed(shard)
    @settings(
        max_examples=min(SHARD, COUNT - shard * SHARD),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases())
    def run(case: Case) -> None:
        counts[attempt(case) or CHECKED] += 1

    run()
    record_property(PROPERTY, dict(counts))
    # Where most is refused nothing is found.
    assert counts[CHECKED] >= counts.total() // FLOOR, f"too few were compiled: {dict(counts)}"


@pytest.mark.skipif(not FILE, reason="FA_FUZZ_FILE names the case to run again")
def test_one_case():
    lines = Path(FILE).read_text().splitlines()
    text = next(line for line in lines if line.startswith("// case: "))
    attempt(Case.from_json(text.removeprefix("// case: ")))

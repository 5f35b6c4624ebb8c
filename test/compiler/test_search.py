"""The choice of a mapping: candidates and their reasons, the model against what is counted."""

from __future__ import annotations

from pathlib import Path

import fa
import pytest
from fa.machine.figures import TARGETS, Target
from fa.machine.params import Machine
from fa.passes.mapping_search import candidates, pipeline
from fa.search import question_of

from ..attentions import Case

CASES = [
    Case(64, 64),
    Case(64, 64, 16, 4, 1, "causal"),
    Case(1, 700, 64, 8, 2),
    Case(100, 130, 80, 2, 2),
]


def figures(case: Case, passes: str | None, target: Target) -> int:
    """What is optimised for, of the program that a pipeline makes."""
    return fa.cost(fa.compile(case.module(), passes=passes, optimize_for=target)).total.of(target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_model_finds_nearly_the_best(case: Case, target: Target) -> None:
    question = question_of(case.module(), None)
    assert question is not None
    legal = [c for c in candidates(question) if c.rejected is None]
    assert len(legal) > 1
    best = min(figures(case, candidate.pipeline, target) for candidate in legal)
    # It ranks by the inner loops, which leaves candidates within a few per cent in any order.
    assert figures(case, None, target) <= 1.1 * best


def test_reasons_name_rule_and_size() -> None:
    case = Case(64, 64, 64, 4, 1, lse=True)
    question = question_of(case.module(), None)
    assert question is not None
    reasons = {c.rejected for c in candidates(question) if c.rejected is not None}
    assert "columns of ones in V go with pv=btmv" in reasons
    assert "logsumexps need the sums as numbers" in reasons
    assert any("blocks of 64 rows at a time" in reason for reason in reasons)


def test_the_report_lists_candidates() -> None:
    kernel = fa.compile(Case(64, 64, 16).module())
    assert "mapping chosen by the model (*)" in kernel.report
    assert kernel.report.count("\n* ") == 1
    assert "rejected  qk=" in kernel.report
    assert "mapping chosen" not in fa.compile(Case(64, 64).module(), passes="tile,fuse").report


def test_tuning_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("FA_CACHE", "1")
    module = Case(8, 64, 16).module()
    tuned = fa.compile(module, tune=True)
    assert "chosen by the simulator" in tuned.report
    assert len(list(tmp_path.iterdir())) == 1
    again = fa.compile(module)
    assert "chosen as remembered" in again.report
    assert again.asm == tuned.asm
    (entry,) = tmp_path.iterdir()
    entry.write_text("{")
    assert "chosen by the model" in fa.compile(module).report


@pytest.mark.parametrize("target", ["analytic", "bytes"])
def test_what_is_counted_is_not_simulated(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CACHE", "0")
    monkeypatch.delattr(fa.Kernel, "run")
    module = Case(8, 64, 16).module()
    kernel = fa.compile(module, optimize_for=target, tune=True)
    assert "chosen by the cost of the programs" in kernel.report


def test_choices_are_pipelines_of_public_passes() -> None:
    options = {"grouped": 1, "qk": "btmv", "pv": "mm", "sums": "reduce"}
    passes = pipeline(options)
    assert passes.startswith("group-heads,tile,fuse,map{qk=btmv pv=mm sums=reduce}")
    case = Case(4, 64, 64, 4, 1)
    assert fa.compile(case.module(), passes=passes).words.size
    assert Machine.load("plena-64").mlen == 64


def test_the_same_again_is_a_kernel_of_its_own() -> None:
    module = Case(12, 64, 16).module()
    first, second = fa.compile(module), fa.compile(module)
    assert first is not second
    assert (first.asm, first.report, first.mlir) == (second.asm, second.report, second.mlir)
    first.words[:] = 0
    assert second.words.any()
    assert fa.compile(module).words.any()
    assert fa.compile(module, optimize_for="analytic").asm != first.asm

"""The choice of a mapping: candidates and their reasons, the model against what is counted."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import fa
import pytest
from fa.dialects import fa as fa_dialect
from fa.frontends.mlir import module_text, parse_module, run_passes
from fa.machine.cost.figures import TARGETS, Target
from fa.machine.spec.params import Machine
from fa.passes.mapping.candidates import RowTiles, candidates, least, pipeline, row_tiles
from fa.search import choose, question_of

from ..attentions import Case

CASES = [
    Case(64, 64),
    Case(64, 64, 16, 4, 1, "causal"),
    Case(1, 700, 64, 8, 2),
    Case(100, 130, 80, 2, 2),
    # Tiles of keys one after the other for one query, and registers that are wanted everywhere.
    Case(1, 568, 32, 2, 2),
    Case(37, 191, 48, 3, 1),
]


def figures(case: Case, passes: str | None, target: Target) -> int:
    """What is optimised for, of the program that a pipeline makes."""
    return fa.cost(fa.compile(case.module(), passes=passes, optimize_for=target)).total.of(target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_search_finds_nearly_the_best(case: Case, target: Target) -> None:
    question = question_of(case.module(), None)
    assert question is not None
    question = replace(question, target=target)
    legal = [c for c in candidates(question) if c.rejected is None]
    assert len(legal) > 1
    chosen = figures(case, None, target)
    # What cannot be better, or is far from it by the model, need not be compiled here either.
    near = [c for c in legal if least(question, c) <= chosen and c.cycles <= 2 * legal[0].cycles]
    best = min(figures(case, candidate.pipeline, target) for candidate in near)
    assert chosen <= 1.05 * best


def test_reasons_name_rule_and_size() -> None:
    case = Case(64, 64, 64, 4, 1, lse=True)
    question = question_of(case.module(), None)
    assert question is not None
    reasons = {c.rejected for c in candidates(question) if c.rejected is not None}
    assert "columns of ones in V go with pv=btmv" in reasons
    assert "logsumexps need the sums as numbers" in reasons
    assert any("blocks of 64 rows at a time" in reason for reason in reasons)


TILED = {
    "plain": "%q, %k, %v :",
    "masked": "%q, %k, %v {mask = #fa.causal<>} :",
    "logsumexp": "%q, %k, %v {lse} :",
    "sinks": "%q, %k, %v sinks(%s) {mask = #fa.window<left = 99, right = 0>} :",
    "bias": "%q, %k, %v bias(%b) :",
    "mask_mod": "%q, %k, %v mask_mod {\n^bb0(%x: index, %h: index, %i: index, %j: index):\n"
    "%seen = arith.cmpi ule, %j, %i : index\nfa.yield %seen : i1\n} :",
    "score_mod": "%q, %k, %v score_mod {\n^bb0(%x: f32, %z: index, %h: index, %i: index, "
    "%j: index):\n%d = arith.subi %i, %j : index\n%w = arith.index_cast %d : index to i64\n"
    "%f = arith.sitofp %w : i64 to f32\n%y = arith.addf %x, %f : f32\nfa.yield %y : f32\n} :",
    "softcap": "%q, %k, %v {softcap = 20.0 : f32} :",
}


@pytest.mark.parametrize("grouped", [False, True], ids=["apart", "grouped"])
@pytest.mark.parametrize("kind", TILED)
@pytest.mark.parametrize(("q_len", "kv_len"), [(200, 600), (1, 900)])
def test_tiles_are_those_that_are_made(kind: str, grouped: bool, q_len: int, kv_len: int) -> None:
    """The model prices the tiles that `tile` makes."""
    q, kv = f"tensor<1x4x{q_len}x64xbf16>", f"tensor<1x2x{kv_len}x64xbf16>"
    sinks, bias, lse = "tensor<4xbf16>", f"tensor<1x1x1x{kv_len}xbf16>", f"tensor<1x4x{q_len}xf32>"
    operands = [q, kv, kv] + [t for n, t in (("sinks", sinks), ("bias", bias)) if n == kind]
    results = [q, lse] if kind == "logsumexp" else [q]
    values, types = "%o, %l" if kind == "logsumexp" else "%o", ", ".join(results)
    module = parse_module(
        f"func.func @f(%q: {q}, %k: {kv}, %v: {kv}, %s: {sinks}, %b: {bias}) -> ({types}) {{\n"
        f"{values} = fa.attention {TILED[kind]} {', '.join(operands)} -> {types}\n"
        f"func.return {values} : {types}\n}}"
    )
    question = question_of(module, None)
    assert question is not None
    assert question.alike == (kind in ("plain", "masked", "logsumexp", "softcap"))
    tiles = row_tiles(question, grouped)
    if grouped and not question.alike:
        assert tiles == "heads differ in more than their queries"
        return
    assert isinstance(tiles, RowTiles)
    run_passes(module, "group-heads,tile" if grouped else "tile", None)
    (scores,) = (op for op in module.walk() if isinstance(op, fa_dialect.ScoresOp))
    made = fa_dialect.tile(scores.query).rows, fa_dialect.tile(scores.key).rows
    assert made == (tiles.tile, tiles.keys)


def test_the_report_lists_candidates() -> None:
    kernel = fa.compile(Case(64, 64, 16).module())
    assert "mapping chosen by the cost of the programs (*)" in kernel.report
    assert kernel.report.count("\n* ") == 1
    assert re.search(r"rejected +qk=", kernel.report)
    # Predicted and counted, for what was compiled.
    assert re.search(r"\* +[\d,]+ +[\d,]+  qk=", kernel.report)
    assert "mapping chosen" not in fa.compile(Case(64, 64).module(), passes="tile,fuse").report


def test_tuning_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("FA_CACHE", "1")
    module = Case(8, 64, 16).module()
    tuned = fa.compile(module, tune=True)
    assert "chosen by the simulator" in tuned.report
    assert len(list(tmp_path.iterdir())) == 1
    again = fa.compile(module)
    assert "chosen as remembered" in again.report
    assert again.asm == tuned.asm
    # By what is computed, whatever it is called, and whether the default is named or not.
    text = module_text(module).replace("@attention", "@other").replace("%k", "%keys")
    renamed = fa.compile(text, optimize_for="emulator")
    assert "chosen as remembered" in renamed.report
    (entry,) = tmp_path.iterdir()
    entry.write_text(entry.read_text().replace('"qk": "', '"qk": "x'))
    capsys.readouterr()
    assert "chosen by the cost of the programs" in fa.compile(module).report
    assert "is ignored: what it names is no mapping here" in capsys.readouterr().err
    entry.write_text("{")
    assert "chosen by the cost of the programs" in fa.compile(module).report
    assert "is ignored: it is damaged" in capsys.readouterr().err


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
    assert passes.startswith("group-heads{parts=1},tile,fuse,map{qk=btmv pv=mm sums=reduce}")
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


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_a_bound_is_below_what_a_candidate_costs(case: Case, target: Target) -> None:
    question = question_of(case.module(), None)
    assert question is not None
    question = replace(question, target=target)
    bounds = set[int]()
    for candidate in candidates(question):
        if candidate.rejected is None:
            bounds.add(least(question, candidate))
            assert least(question, candidate) <= figures(case, candidate.pipeline, target)
    assert (len(bounds) > 1) == (target != "bytes")


def test_what_cannot_be_better_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CACHE", "0")
    measured: list[str] = []

    def measure(pipeline: str, cycles: int) -> tuple[int, int]:
        measured.append(pipeline)
        return cycles, 100

    for cycles, count in ((1, 1), (10**9, 4)):
        measured.clear()
        choice = choose(
            Case(64, 64).module(), None, True, lambda text, _, c=cycles: measure(text, c)
        )
        assert choice is not None
        assert len(measured) == count


def test_a_mapping_set_by_hand_is_not_tuned() -> None:
    module = Case(64, 64).module()
    run_passes(module, "map{qk=btmm}", None)
    with pytest.raises(fa.CompileError, match=r"fa\.mapping has one set by hand"):
        fa.compile(module, tune=True)
    assert "M_BTMM" in fa.compile(module).asm

"""The choice of a mapping for a module: by the model and the count of programs, or as remembered.

The model ranks; the best few are compiled and counted. `tune` measures more of them, runs them in
the simulator, and remembers what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO

from fa.diagnostics import CompileError, OpError
from fa.dialects import fa
from fa.dialects.fa.discardable_attrs import MAPPING
from fa.dialects.machine_attr import machine_of
from fa.dialects.target_attr import target_of
from fa.machine.cost.figures import BYTES, Target, table_for
from fa.passes.mapping.candidates import Candidate, Question, candidates, least, pipeline, table
from fa.passes.mapping.tuning_cache import Key, TuningCache
from fa.passes.masks.problem_size import problem_of
from fa.passes.tiling.tile import may_see_nothing, needs_of
from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

CONFIRMED = 4
"""The best candidates that `tune` measures."""

COUNTED = 3
"""The best candidates whose programs are counted without `tune`."""

NEAR = 1.3
"""Only candidates that the model puts within this factor of the best are counted: it is off by less
for what it compares."""

MOST_WORDS = 6_000
"""Words of programs that are compiled for the choice; where programs are long, fewer are."""

Measure = Callable[[str, bool], tuple[int, int]]
"""The cost of the program that a pipeline makes, by what is optimised for, and its words; counted,
or if true measured. CompileError where it makes none."""


@dataclass(frozen=True)
class Choice:
    """A pipeline, and what there was to choose from as lines of a report."""

    pipeline: str
    report: str


def choose(module: ModuleOp, machine: str | None, tune: bool, measure: Measure) -> Choice | None:
    """The mapping of a module with one attention on tensors; None for any other module.

    The best few by the model are compiled and counted. With `tune` they are measured, and the
    result is remembered; without, what was remembered is taken. Raises OpError where a mapping that
    is to be tuned is set by hand.
    """
    by_hand = next((op for op in module.ops if MAPPING in op.attributes), None)
    if tune and by_hand is not None:
        raise OpError(by_hand, f"tune chooses the mapping itself; {MAPPING} has one set by hand")
    question = question_of(module, machine)
    if question is None:
        return None
    target, found = question.target, candidates(question)
    legal = [candidate for candidate in found if candidate.rejected is None]
    if not legal:
        return None
    cache = TuningCache.user()
    key = Key.of(_problem_text(module), question.machine, target, repr(table_for(target).digest))
    known = cache.get(key)
    if known is not None:
        if any(candidate.options == known for candidate in legal):
            return Choice(pipeline(known), _report(found, known, target, "as remembered"))
        cache.refuse(key, "what it names is no mapping here")
    counted = _counted(question, legal, measure, tune)
    if not counted:
        return None
    best = min(counted, key=lambda candidate: counted[candidate]).options
    how = "by the cost of the programs"
    if tune:
        cache.put(key, best)
        simulated = target != BYTES and table_for(target).is_timed
        how = "by the simulator" if simulated else how
    return Choice(pipeline(best), _report(found, best, target, how, counted))


def question_of(module: ModuleOp, machine: str | None) -> Question | None:
    """What is to be mapped in a module with one attention on tensors; None for any other module,
    where a mapping is set by hand, and where probabilities are more than what values are multiplied
    by."""
    attentions = [op for op in module.walk() if isinstance(op, fa.AttentionOp)]
    if len(attentions) != 1 or any(MAPPING in op.attributes for op in module.ops):
        return None
    op = attentions[0]
    if op.prob_mod is not None or op.stage == "softmax":
        return None
    target_machine = machine_of(module, machine)
    return Question(
        target_machine,
        problem_of(op),
        target_of(module),
        needs_of(op),
        op.heads_alike,
        _sums_needed(op),
        may_see_nothing(op, target_machine.mlen),
    )


def _problem_text(module: ModuleOp) -> str:
    """The attention of a module, whatever it and its values are called."""
    (op,) = (op for op in module.walk() if isinstance(op, fa.AttentionOp))
    text = StringIO()
    printer = Printer(text)
    printer.print_list((*op.operand_types, *op.result_types), printer.print_attribute)
    for name, value in sorted(op.properties.items()):
        text.write(f" {name} = {value}")
    for region in op.regions:
        printer.print_region(region)
    return text.getvalue()


def _sums_needed(op: fa.AttentionOp) -> str | None:
    """Why row sums must be numbers, where they must."""
    if op.sinks is not None:
        return "sums that start from sinks are numbers"
    return None if op.lse is None else "logsumexps need the sums as numbers"


def _counted(
    question: Question, legal: list[Candidate], measure: Measure, tune: bool
) -> dict[Candidate, int]:
    """The best few candidates with what their programs cost, in the order of the model.

    One that cannot cost less than what has been measured is not compiled. Without `tune` few are,
    and only those that the model puts near the best.
    """
    results: dict[Candidate, int] = {}
    words = 0
    for candidate in legal:
        if len(results) == (CONFIRMED if tune else COUNTED):
            break
        if results and least(question, candidate) > min(results.values()):
            continue
        if (
            results
            and not tune
            and (words > MOST_WORDS or not _near(question, legal[0], candidate))
        ):
            break
        try:
            results[candidate], size = measure(candidate.pipeline, tune)
        except CompileError:
            continue
        words += size
    return results


def _near(question: Question, best: Candidate, candidate: Candidate) -> bool:
    """Whether a candidate may be better than what the model takes for the best."""
    if question.target == "bytes":
        return candidate.bytes <= NEAR * best.bytes
    return candidate.cycles <= NEAR * best.cycles


def _report(
    found: list[Candidate],
    chosen: Mapping[str, str | int],
    target: Target,
    how: str,
    counted: Mapping[Candidate, int] | None = None,
) -> str:
    return f"mapping chosen {how} (*)\n{table(found, chosen, target, counted or {})}"

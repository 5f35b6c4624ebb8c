"""Texts of every level, changed at random, through random passes: no exception but CompileError.

What still parses and compiles may mean something else than before; that it comes back as text, and
that its words come back from IR, is checked all the same.
"""

from __future__ import annotations

import random
from collections import Counter

import fa
import pytest
from fa.compiler import kernel_of
from fa.dialects import plena
from fa.frontends.mlir import module_text, parse_module, run_passes

from .counts import share
from .mutations import a_pass, mutated

NO_MODULE = "no module"


def attempt(seed: int) -> str:
    """What became of a case; whatever is no CompileError is raised."""
    random_ = random.Random(seed)
    text = mutated(random_)
    passes = [a_pass(random_) for _ in range(random_.randrange(1, 5))]
    return outcome(text, passes)


def outcome(text: str, passes: list[str]) -> str:
    """What passes make of a text."""
    try:
        module = parse_module(text, "mutated.mlir")
    except fa.CompileError:
        return NO_MODULE
    printed = module_text(module)
    assert module_text(parse_module(printed)) == printed
    try:
        for step in passes:
            run_passes(module, step)
        if any(isinstance(op, plena.KernelOp) for op in module.ops):
            kernel_of(module)
    except fa.CompileError as error:
        ours = "defect of the compiler" in error.message or error.message.startswith("after pass")
        if ours:
            raise AssertionError(error.message) from error
        return "refused"
    return "done"


@pytest.mark.parametrize("shard", range(share(12)))
def test_texts(shard: int):
    counts = Counter[str]()
    for seed in range(shard * 12, shard * 12 + 12):
        try:
            counts[attempt(seed)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    # Where most is no module, no pass is tried.
    assert counts[NO_MODULE] <= 9, counts

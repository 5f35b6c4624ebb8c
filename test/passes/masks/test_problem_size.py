"""What an attention has to compute: counted by its mask, or by its function."""

from __future__ import annotations

import fa
import pytest
from fa.dialects.fa import AttentionOp
from fa.dialects.fa.problem_attr import problems_of
from fa.frontends.mlir import parse_module
from fa.passes.masks.problem_size import problem_of
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from ...mask_functions import CHECKERBOARD, FUNCTIONS, HEADS, Function, Shape


def attention(module: ModuleOp) -> AttentionOp:
    """The one attention of a module."""
    (op,) = (op for op in module.walk() if isinstance(op, AttentionOp))
    return op


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(FUNCTIONS),
    st.integers(1, 2),
    st.sampled_from([(1, 1), (4, 2), (3, 1), (2, 2)]),
    st.integers(1, 150),
    st.integers(1, 90),
    st.booleans(),
)
def test_functions_are_counted(
    function: Function, batch: int, heads: tuple[int, int], rows: int, keys: int, windowed: bool
) -> None:
    """The counts are those of the mask itself, [batch, heads, rows, keys]."""
    shape = Shape(batch, *heads, rows, keys)
    seen = function.seen(batch, heads[0], rows, keys).copy()
    if windowed:
        for row in range(rows):
            seen[:, :, row, row + 1 :] = False
    mask = "#fa.causal<offset = 0>" if windowed else None
    problem = problem_of(attention(parse_module(shape.module(function, mask))))
    assert problem.pairs == seen.sum()
    assert problem.live_rows == seen.any(3).sum()
    assert problem.blocks(7) == (-(-seen.sum(3) // 7)).sum()
    assert sum(problem.rows.values()) == batch * heads[0] * rows
    groups = seen.reshape(batch, heads[1], -1, rows, keys)
    assert problem.keys == groups.any((2, 3)).sum()


@pytest.mark.parametrize("function", [CHECKERBOARD, HEADS], ids=lambda each: each.name)
def test_functions_are_on_record(function: Function) -> None:
    """A kernel and what is read from its text know what the function shows, and bounds it."""
    shape = Shape(1, 4, 2, 128, 128)
    kernel = fa.compile(shape.module(function))
    assert kernel.problems == (problem_of(attention(parse_module(shape.module(function)))),)
    bounds = kernel.bounds
    whole = fa.compile(shape.module(None)).bounds
    assert bounds is not None
    assert whole is not None
    assert bounds.total.emulator_cycles < whole.total.emulator_cycles
    assert bounds.total.emulator_cycles < fa.cost(kernel).emulator_cycles
    assert fa.compile(kernel.mlir).problems == kernel.problems


@pytest.mark.parametrize(
    "entry",
    [
        "1 : i64",
        "{batch = 1 : i64}",
        "{@extents, q_heads = 0 : i64}",
        "{@extents, mask = unit}",
        "{@extents, mask = #fa.ragged<[1, 2]>}",
        "{@extents, seen = 3 : i64}",
        "{@extents, seen = array<i64: 1>, rows = array<i64: 1, 2>, keys = 3 : i64}",
        "{@extents, seen = array<i64: 1>, rows = array<i64: -1>, keys = 3 : i64}",
        "{@extents, seen = array<i64: 1>, rows = array<i64: 4>}",
        "{@extents, kv_len = dense<1> : tensor<2xi64>}",
    ],
)
def test_what_is_no_problem(entry: str) -> None:
    """Whatever stands there by hand: it is a problem, or the module is none."""
    names = ("batch", "q_heads", "kv_heads", "q_len", "kv_len", "head_dim", "value_dim")
    given = [name for name in names if f"{name} =" not in entry]
    extents = ", ".join(f"{name} = 4 : i64" for name in given)
    text = entry.replace("@extents", extents)
    with pytest.raises(fa.CompileError):
        parse_module(f"module attributes {{fa.problem = [{text}]}} {{}}")


def test_an_offset_that_is_not_written_out() -> None:
    """It follows from the lengths, as in `fa.attention`."""
    extents = ", ".join(
        f"{name} = {extent} : i64"
        for name, extent in {
            "batch": 1, "q_heads": 1, "kv_heads": 1, "q_len": 2, "kv_len": 5,
            "head_dim": 8, "value_dim": 8,
        }.items()
    )  # fmt: skip
    (problem,) = problems_of(
        parse_module(
            f"module attributes {{fa.problem = [{{{extents}, mask = #fa.causal<>}}]}} {{}}"
        )
    )
    assert problem.pairs == 4 + 5

"""Score functions of places: every form against the tensor level, and on the machine."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module
from fa.passes.score_functions.index_dependence import IndexValues
from fa.passes.score_functions.value_ranges import may_hide
from numpy.typing import NDArray
from xdsl.ir import Region

from ...attentions import after_chains, relative_error


def number(name: str, index: str) -> str:
    """An index as a float."""
    return f"""
    %{name}_i = arith.index_cast %{index} : index to i64
    %{name} = arith.sitofp %{name}_i : i64 to f32"""


ONE = "\n    %one = arith.constant 1.0 : f32"
DISTANCE = "\n    %d = arith.subi %i, %j : index" + number("far", "d")
"""Query minus key."""

FUNCTIONS = {
    # 2^-2(h+1) for each query that the key lies before.
    "alibi": ONE
    + DISTANCE
    + number("h", "head")
    + """
    %h1 = arith.addf %h, %one : f32
    %two = arith.constant -2.0 : f32
    %h2 = arith.mulf %h1, %two : f32
    %slope = math.exp2 %h2 : f32
    %apart = math.absf %far : f32
    %fall = arith.negf %apart : f32
    %bias = arith.mulf %fall, %slope : f32
    %y = arith.addf %x, %bias : f32""",
    # Buckets of distances, as T5 has them.
    "buckets": """
    %d = arith.subi %i, %j : index
    %eight = arith.constant 8 : index
    %b = arith.floordivsi %d, %eight : index
    %most = arith.constant 3 : index
    %least = arith.constant -3 : index
    %b1 = arith.minsi %b, %most : index
    %b2 = arith.maxsi %b1, %least : index"""
    + number("bucket", "b2")
    + """
    %bias = math.cos %bucket : f32
    %y = arith.addf %x, %bias : f32""",
    "temperature of the distance": ONE
    + DISTANCE
    + """
    %apart = math.absf %far : f32
    %a = arith.addf %apart, %one : f32
    %l = math.log %a : f32
    %t = arith.addf %l, %one : f32
    %y = arith.divf %x, %t : f32""",
    "scale of the head": ONE
    + number("h", "head")
    + """
    %t = arith.addf %h, %one : f32
    %y = arith.divf %x, %t : f32""",
    "scale of query and batch": ONE
    + number("n", "i")
    + number("b", "batch")
    + """
    %m = arith.addf %n, %b : f32
    %t = arith.addf %m, %one : f32
    %u = math.log %t : f32
    %y = arith.mulf %x, %u : f32""",
    "bias of the key": number("n", "j")
    + """
    %bias = math.sin %n : f32
    %y = arith.addf %x, %bias : f32""",
    "a mask": """
    %none = arith.constant 0xff800000 : f32
    %twenty = arith.constant 20 : index
    %later = arith.addi %j, %twenty : index
    %sees = arith.cmpi sge, %i, %later : index
    %y = arith.select %sees, %x, %none : f32""",
    "every third key at half": """
    %half = arith.constant 0.5 : f32
    %three = arith.constant 3 : index
    %zero = arith.constant 0 : index
    %r = arith.remsi %j, %three : index
    %c = arith.cmpi eq, %r, %zero : index
    %h = arith.mulf %x, %half : f32
    %y = arith.select %c, %h, %x : f32""",
    "a number in the place of scores": """
    %third = arith.constant 0.25 : f32
    %c = arith.cmpi eq, %i, %j : index
    %y = arith.select %c, %third, %x : f32""",
    "no score at all": DISTANCE
    + """
    %y = math.cos %far : f32""",
    "soft plus and roots": ONE
    + """
    %e = math.exp %x : f32
    %a = math.log1p %e : f32
    %b = math.sqrt %a : f32
    %c = math.log %e : f32
    %d = math.log2 %e : f32
    %g = math.rsqrt %e : f32
    %h = arith.addf %b, %c : f32
    %k1 = arith.subf %h, %d : f32
    %y = arith.addf %k1, %g : f32""",
    "sigmoid": ONE
    + """
    %n = arith.negf %x : f32
    %e = math.exp %n : f32
    %s = arith.addf %e, %one : f32
    %y = arith.divf %one, %s : f32""",
}

CHAINS = (
    "tile",
    "tile,fuse",
    "tile,fuse,tabulate",
    "tile,tabulate",
    "tile,fuse{order=keys},tabulate,specialize-masks",
    "tile,fuse{split-kv=2},specialize-masks,tabulate,allocate-sram",
)


def attention(
    body: str,
    q_len: int,
    kv_len: int,
    attributes: str = "",
    where: str = "score_mod",
    batch: int = 2,
) -> str:
    """Four heads on two, 32 columns."""
    q, kv = f"tensor<{batch}x4x{q_len}x32xf32>", f"tensor<{batch}x2x{kv_len}x32xf32>"
    lse = f"tensor<{batch}x4x{q_len}xf32>"
    return f"""
    func.func @f(%q: {q}, %k: {kv}, %v: {kv}) -> ({q}, {lse}) {{
      %o, %lse = fa.attention %q, %k, %v {{lse{attributes}}} {where} {{
      ^bb0(%x: f32, %batch: index, %head: index, %i: index, %j: index):{body}
        fa.yield %y : f32
      }} : {q}, {kv}, {kv} -> {q}, {lse}
      func.return %o, %lse : {q}, {lse}
    }}"""


def arguments(text: str) -> list[NDArray[np.float32]]:
    """Standard normal."""
    random = np.random.default_rng(11)
    (function,) = parse_module(text).ops
    shapes = [kind.get_shape() for kind in function.function_type.inputs]
    return [random.standard_normal(shape).astype(np.float32) for shape in shapes]


def region(body: str) -> Region:
    """The score function of an attention."""
    (function,) = parse_module(attention(body, 8, 8)).ops
    return next(op.score_mod for op in function.walk() if op.name == "fa.attention")


PLACELESS = {"soft plus and roots", "sigmoid"}
"""Functions of the score alone, which are the same in every tile of every length."""


@pytest.mark.parametrize(
    ("lengths", "name"),
    [
        (lengths, name)
        for lengths in ((70, 130), (192, 128), (1, 200))
        for name in FUNCTIONS
        if name not in PLACELESS or lengths == (70, 130)
    ],
    ids=lambda value: value if isinstance(value, str) else "x".join(map(str, value)),
)
def test_functions_of_places(name: str, lengths: tuple[int, int]):
    """Tiles that slide along a band of distances, that do not, and one query."""
    mask = ", mask = #fa.causal" if "scale" in name else ""
    batch = 2 if "%batch" in FUNCTIONS[name] else 1
    text = attention(FUNCTIONS[name], *lengths, mask, batch=batch)
    args = arguments(text)
    expected = fa.interpret(parse_module(text), args, round=False)
    for module in after_chains(text, CHAINS):
        for got, want in zip(fa.interpret(module, args, round=False), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)
    first = {70: "tile", 192: "tile,fuse", 1: "tile,fuse{split-kv=2}"}[lengths[0]]
    kernel = fa.compile(text, passes=f"{first},lower-to-isa")
    run = kernel.run(*args, hbm_time="none")
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)
    unseen = np.isneginf(expected[1])
    np.testing.assert_array_equal(np.isneginf(run.outputs[1]), unseen)
    assert not run.outputs[0][unseen].any()
    if not unseen.all():
        # Up to five roundings to bf16 on the way to each score, one of them of a quotient; with
        # logarithms, of which each is good to half a percent, eight.
        bound = 2e-2 if "roots" in name else 1.2e-2
        assert relative_error(run.outputs[0], expected[0]) <= bound


DEPENDENCE = {
    "alibi": [{"distance", "head"}],
    "buckets": [{"distance"}],
    "temperature of the distance": [{"distance"}],
    "scale of the head": [{"head"}],
    "scale of query and batch": [{"query", "batch"}],
    "bias of the key": [{"key"}],
    "a mask": [{"distance"}],
    "every third key at half": [{"key"}],
    "no score at all": [{"distance"}],
    "sigmoid": [],
}


@pytest.mark.parametrize("name", DEPENDENCE)
def test_what_values_depend_on(name: str):
    index = IndexValues(region(FUNCTIONS[name]))
    assert [set(index.depends[value]) for value in index.wanted] == DEPENDENCE[name]


def test_linear_forms():
    """Key minus query by another way; and what is none."""
    same = (
        number("n", "i")
        + number("m", "j")
        + """
    %t = arith.constant 0.5 : f32
    %a = arith.mulf %n, %t : f32
    %b = arith.mulf %t, %m : f32
    %c = arith.negf %a : f32
    %d = arith.addf %c, %b : f32
    %y = arith.addf %x, %d : f32"""
    )
    for body, depends in (
        (same, {"distance"}),
        (same.replace("arith.addf %c, %b", "arith.subf %c, %b"), {"query", "key"}),
        (same.replace("arith.mulf %t, %m", "arith.mulf %m, %m"), {"query", "key"}),
    ):
        index = IndexValues(region(body))
        assert [set(index.depends[value]) for value in index.wanted] == [depends]


def test_which_functions_may_hide():
    assert may_hide(region(FUNCTIONS["a mask"]))
    assert not may_hide(region(FUNCTIONS["alibi"]))


def tables(text: str, passes: str = "tile,fuse,lower-to-isa") -> list[tuple[int, ...]]:
    """The shapes of the constant tensors of a kernel, without tiles for the matrix unit."""
    layout = fa.compile(text, passes=passes).layout
    constants = [region for region in layout.regions if region.role == "constant"]
    return sorted(region.shape for region in constants if region.kind != "weight")


def test_tables_are_as_small_as_what_they_depend_on():
    """4 rows of 64 for a number, for distances a band: never heads x queries x keys."""
    expected = {
        "alibi": [(1, 1, 64, 320), (1, 4, 4, 64)],
        "buckets": [(1, 1, 64, 320)],
        "scale of the head": [(1, 4, 4, 64)],
        "scale of query and batch": [(2, 1, 192, 64)],
        "bias of the key": [(1, 1, 4, 128)],
        "sigmoid": [],
    }
    for name, shapes in expected.items():
        assert tables(attention(FUNCTIONS[name], 192, 128)) == shapes, name


def test_equal_tables_are_one():
    """A function in the scores and in the probabilities; copies that masks call for."""
    body = FUNCTIONS["buckets"]
    text = attention(body, 192, 128, ", mask = #fa.causal<offset = 0>")
    assert tables(text, "tile,fuse,specialize-masks,lower-to-isa") == [(1, 1, 64, 320)]


def test_functions_of_probabilities():
    text = attention(FUNCTIONS["scale of the head"], 20, 70, "", "prob_mod")
    args = arguments(text)
    kernel = fa.compile(text)
    run = kernel.run(*args, hbm_time="none")
    expected = fa.interpret(parse_module(text), kernel.stored(*args), round=False)
    assert relative_error(run.outputs[0], expected[0]) <= 8e-3


def fails(body: str) -> str:
    with pytest.raises(fa.CompileError) as caught:
        fa.compile(attention(body, 8, 8))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_refusals_name_operation_and_place():
    message = fails("\n    %r = math.sin %x : f32\n    %y = arith.addf %r, %x : f32")
    assert message.startswith("<string>:5:")
    assert "math.sin has no form in vector instructions; on scores there are" in message
    message = fails(
        "\n    %w = math.ctpop %i : index" + number("n", "w") + "\n    %y = arith.addf %x, %n : f32"
    )
    assert message.startswith("<string>:5:")
    assert "math.ctpop" in message


LOGARITHM = """
!T = !fa.tile<4x64xbf16, vector>
func.func @f(%x: tensor<4x64xbf16>) -> tensor<4x64xbf16> {
  %c0 = arith.constant 0 : index
  %out = memref.alloc() : memref<4x64xbf16, #fa.hbm>
  %a = fa.load %x[%c0, %c0] : tensor<4x64xbf16> -> !T
  %b = fa.map %a at [%c0, %c0, %c0, %c0] {
  ^bb0(%v: f32, %n: index, %h: index, %r: index, %c: index):
    %y = math.log %v : f32
    fa.yield %y : f32
  } : !T -> !T
  fa.store %b, %out[%c0, %c0] : !T, memref<4x64xbf16, #fa.hbm>
  %o = fa.result %out : memref<4x64xbf16, #fa.hbm> -> tensor<4x64xbf16>
  func.return %o : tensor<4x64xbf16>
}"""


def test_logarithm():
    """From exp(-86) to exp(86), and of 0."""
    x = np.exp(np.linspace(-86, 86, 256)).reshape(4, 64).astype(np.float32)
    x[0, 0] = 0
    kernel = fa.compile(LOGARITHM)
    (result,) = kernel.run(x).outputs
    assert np.isneginf(result[0, 0])
    with np.errstate(divide="ignore"):
        expected = np.log(kernel.stored(x)[0])
    result[0, 0] = expected[0, 0] = 0
    # exp y is bf16, which is good to 2^-8 or so of y; so is y.
    error = np.abs(result - expected) / np.maximum(np.abs(expected), 1)
    assert error.max() <= 2**-7

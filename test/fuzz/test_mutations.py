"""Texts of every level, changed at random, through random passes: no exception but CompileError.

What still parses and compiles may mean something else than before; that it comes back as text, and
that its words come back from IR, is checked all the same.
"""

from __future__ import annotations

import random
import re

import fa
import pytest
from fa.compiler import kernel_of
from fa.dialects import plena
from fa.frontends.mlir import module_text, parse_module, run_passes

from .counts import share

Q, K = "tensor<1x2x9x16xbf16>", "tensor<1x1x20x16xbf16>"
FUNCTION = """score_mod {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 3 : index
    %x = arith.shrsi %i, %c : index
    %w = arith.index_cast %x : index to i64
    %f = arith.sitofp %w : i64 to f32
    %r = arith.subf %s, %f : f32
    fa.yield %r : f32
  }"""


def attention(attributes: str = "", region: str = "") -> str:
    return f"""func.func @f(%q: {Q}, %k: {K}, %v: {K}) -> {Q} {{
  %o = fa.attention %q, %k, %v {{{attributes}}} {region} : {Q}, {K}, {K} -> {Q}
  func.return %o : {Q}
}}
"""


SOURCES = (
    attention("mask = #fa.causal"),
    attention("mask = #fa.all_of<[#fa.window<left = 4, right = 1>, #fa.documents<[7, 13]>]>"),
    attention("softcap = 2.0 : f32, scale = 0.3 : f32", FUNCTION),
    attention("", FUNCTION.replace("score_mod", "prob_mod")),
)
PASSES = (
    "group-heads", "tile", "tile{kv-tile=64}", "fuse", "fuse{order=keys}", "fuse{split-kv=3}",
    "stream-softmax", "tabulate", "map", "map{qk=btmm pv=mm}", "slide-keys", "specialize-masks",
    "trim-tiles", "schedule-rows", "quantize", "quantize{boundary=storage}", "allocate-sram",
    "lower-to-isa", "smooth-keys", "rotate", "lower-mx", "cse", "canonicalize", "dce",
)  # fmt: skip
LEVELS = ("", "tile", "tile,fuse", "tile,fuse,map,quantize", "tile,fuse,allocate-sram")
TOKEN = re.compile(r"%[\w#]+|@\w+|#?[A-Za-z_][\w.$-]*|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\s+|.", re.S)
NUMBERS = ("0", "1", "-1", "2", "7", "63", "64", "65", "1000", "4294967296", "1.0e39", "0.0")

_LEVELS: dict[tuple[int, str], list[str]] = {}


def tokens(random_: random.Random) -> list[str]:
    """The tokens of a source at a level."""
    key = random_.randrange(len(SOURCES)), random_.choice(LEVELS)
    if key not in _LEVELS:
        module = parse_module(SOURCES[key[0]])
        run_passes(module, key[1])
        _LEVELS[key] = TOKEN.findall(module_text(module))
    return list(_LEVELS[key])


def mutated(random_: random.Random) -> str:
    """A text in which numbers and names are others, and now and then tokens or lines are gone."""
    text = tokens(random_)
    # An extent that is another makes a type that seldom fits.
    digits = [i for i, token in enumerate(text) if token[:1].isdigit()]
    places = [i for i in digits if text[i + 1][:1] != "x"] or digits
    names = [i for i, token in enumerate(text) if token.startswith("%")]
    lines = [i for i, token in enumerate(text) if "\n" in token]
    for _ in range(random_.choice((1, 1, 2))):
        at, other = random_.randrange(len(text)), random_.randrange(len(text))
        match random_.choice("nnnnnnvvvvlst"):
            case "n":
                text[random_.choice(places)] = random_.choice(NUMBERS)
            case "v":
                text[random_.choice(names)] = text[random_.choice(names)]
            case "l":
                start = random_.randrange(len(lines) - 1)
                first, last = lines[start], lines[start + 1]
                text[first:last] = [""] * (last - first)
            case "s":
                text[at] = text[other]
            case _:
                text[at] *= random_.choice((0, 2))
    return "".join(text)


def attempt(seed: int) -> str:
    """What became of a case; whatever is no CompileError is raised."""
    random_ = random.Random(seed)
    text = mutated(random_)
    try:
        module = parse_module(text, "mutated.mlir")
    except fa.CompileError:
        return "no module"
    printed = module_text(module)
    assert module_text(parse_module(printed)) == printed
    try:
        for step in random_.choices(PASSES, k=random_.randrange(1, 5)):
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
    for seed in range(shard * 12, shard * 12 + 12):
        try:
            attempt(seed)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise

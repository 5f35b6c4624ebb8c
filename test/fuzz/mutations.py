"""Modules of every level changed at random so that most of them still parse."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from fa.frontends.mlir import module_text, parse_module, run_passes

Q, K, HALF = "tensor<1x2x9x16xbf16>", "tensor<1x1x20x16xbf16>", "tensor<1x2x9xf32>"
FUNCTION = """score_mod {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 3 : index
    %x = arith.shrsi %i, %c : index
    %w = arith.index_cast %x : index to i64
    %f = arith.sitofp %w : i64 to f32
    %r = arith.subf %s, %f : f32
    fa.yield %r : f32
  }"""
PREDICATE = """mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 2 : index
    %x = arith.muli %i, %c : index
    %y = arith.addi %x, %h : index
    %r = arith.cmpi sle, %j, %y : index
    fa.yield %r : i1
  }"""


def attention(attributes: str = "", region: str = "", lse: bool = False) -> str:
    """Two query heads on one of keys."""
    kinds = f"{Q}, {HALF}" if lse else Q
    names = "%o, %lse" if lse else "%o"
    return f"""func.func @f(%q: {Q}, %k: {K}, %v: {K}) -> ({kinds}) {{
  {names} = fa.attention %q, %k, %v {{{attributes}}} {region} : {Q}, {K}, {K} -> {kinds}
  func.return {names} : {kinds}
}}
"""


BIASED = f"""func.func @f(%q: {Q}, %k: {K}, %v: {K}, %s: tensor<2xbf16>) -> {Q} {{
  %bias = arith.constant dense<1.500000e+00> : tensor<1x1x9x20xbf16>
  %o = fa.attention %q, %k, %v bias(%bias) sinks(%s) {{mask = #fa.prefix<length = 3>}}
    : {Q}, {K}, {K}, tensor<1x1x9x20xbf16>, tensor<2xbf16> -> {Q}
  func.return %o : {Q}
}}
"""
SOURCES = (
    attention("mask = #fa.causal, lse", lse=True),
    attention("mask = #fa.all_of<[#fa.window<left = 4, right = 1>, #fa.documents<[7, 13]>]>"),
    attention("softcap = 2.0 : f32, scale = 0.3 : f32", FUNCTION),
    attention("score_bound = 60.0 : f32, mask = #fa.causal"),
    attention("mask = #fa.ragged<[17]>", FUNCTION.replace("score_mod", "prob_mod")),
    attention("", PREDICATE),
    BIASED,
)
LEVELS = (
    "", "group-heads", "tile", "tile,fuse", "tile,fuse,map,quantize", "tile,fuse,allocate-sram",
    "tile,fuse{split-kv=2}", "tile,fuse,lower-to-isa",
)  # fmt: skip

OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "group-heads": {},
    "tile": {"kv-tile": ("64", "128", "7"), "q-tile": ("4", "64", "5"), "bounded": ("false",)},
    "fuse": {"order": ("keys", "queries"), "split-kv": ("2", "3", "20", "99999999999")},
    "stream-softmax": {},
    "tabulate": {},
    "map": {
        "qk": ("btmm", "tmm", "btmv"), "pv": ("mm", "btmv", "packed"), "unroll-rows": ("1", "3"),
        "sums": ("ones", "columns", "reduce"), "boundary": ("storage",),
    },
    "slide-keys": {},
    "specialize-masks": {},
    "trim-tiles": {},
    "schedule-rows": {"unroll-rows": ("1", "4", "1000000")},
    "quantize": {
        "policy": ("mxfp8", "mxfp4-kv", "bf16"), "rule": ("even", "floor"), "k": ("mxfp8-e4m3:8",),
        "boundary": ("storage", "values"), "rounding": ("store",),
    },
    "allocate-sram": {},
    "lower-to-isa": {"clean-up": ("false", "true")},
    "smooth-keys": {},
    "rotate": {"seed": ("3", "-1", "18446744073709551616")},
    "lower-mx": {},
    "cse": {},
    "canonicalize": {},
    "dce": {},
}  # fmt: skip
"""What passes are run with, and now and then something of another option."""

WHOLE = ("0", "1", "-1", "2", "7", "63", "64", "65", "1000", "4294967296", "9223372036854775807")
REAL = ("0.0", "1.0", "-1.0", "1.0e39", "1.0e-42", "0.3", "-0.0")
INTEGERS = ("addi", "subi", "muli", "divsi", "remui", "floordivsi", "shrsi", "shli", "andi", "ori")
FAMILIES = (
    tuple(f"arith.{name}" for name in (*INTEGERS, "xori", "maxsi")),
    ("arith.addf", "arith.subf", "arith.mulf", "arith.divf", "arith.maximumf", "arith.minimumf"),
    ("sle", "slt", "eq", "ne", "uge"),
    ("V_ADD_VV", "V_SUB_VV", "V_MUL_VV"),
)
MASKS = ("#fa.causal", "#fa.window<left = 4, right = 1>", "#fa.chunked<size = 3>")
MASKS += ("#fa.prefix<length = 30>", "#fa.documents<[7, 13]>", "#fa.causal<offset = -30>")
MASKS += ("#fa.ragged<[0]>", "#fa.window<left = 0>", "#fa.causal<offset = 9223372036854775807>")

NAME = r"%[A-Za-z_][\w]*|%\d+"
NUMBER = re.compile(r"(?<![\w.%#@])-?\d+(?:\.\d+(?:e[-+]?\d+)?)?(?![\w.])")
TYPE = re.compile(r"(?:tensor|memref|!fa\.tile)<[^<>]*(?:<[^<>]*>)?[^<>]*>")
WORD = re.compile(rf"{NAME}|@\w+|#?[A-Za-z_][\w.$-]*|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\s+|.", re.S)

_LEVELS: dict[tuple[int, int], str] = {}


def source(random_: random.Random) -> str:
    """A module at a level."""
    key = random_.randrange(len(SOURCES)), random_.randrange(len(LEVELS))
    if key not in _LEVELS:
        module = parse_module(SOURCES[key[0]])
        run_passes(module, LEVELS[key[1]])
        _LEVELS[key] = module_text(module)
    return _LEVELS[key]


def _instead(text: str, place: re.Match[str], new: str) -> str:
    return text[: place.start()] + new + text[place.end() :]


def a_number(text: str, random_: random.Random) -> str:
    """One number, of no type, is another of its kind, often one that occurs."""
    found = list(NUMBER.finditer(text))
    if not found:
        return anything(text, random_)
    place = random_.choice(found)
    real = "." in place[0]
    others = [each[0] for each in found if ("." in each[0]) == real]
    new = random_.choice([random_.choice(others), random_.choice(REAL if real else WHOLE)])
    return _instead(text, place, new)


def an_extent(text: str, random_: random.Random) -> str:
    """An extent of shapes is another, in all of them and in attributes that say it."""
    extents = sorted(set(re.findall(r"(?<=[<x])\d+(?=x)", text)))
    if not extents:
        return a_number(text, random_)
    old = random_.choice(extents)
    new = random_.choice([*extents, "1", "2", "33", "128", "100000", "4294967296"])
    text = re.sub(rf"(?<=[<x]){old}(?=x)", new, text)
    return re.sub(rf"(?<=(?:_len|_dim) = ){old}\b", new, text)


def an_element(text: str, random_: random.Random) -> str:
    """Another element type, everywhere or in one type."""
    old, new = random_.sample(("bf16", "f16", "f32"), 2)
    if random_.random() < 0.7:
        return re.sub(rf"(?<=x){old}\b", new, text)
    found = list(re.finditer(rf"(?<=x){old}\b", text))
    return _instead(text, random_.choice(found), new) if found else text


def a_type(text: str, random_: random.Random) -> str:
    """A type is another one of the text, everywhere."""
    types = sorted(set(TYPE.findall(text)))
    if len(types) < 2:
        return a_number(text, random_)
    old, new = random_.sample(types, 2)
    return text.replace(old, new)


def _kinds(text: str) -> dict[str, str]:
    """What is known of the types of values, by the line that defines them."""
    kinds: dict[str, str] = {}
    for line in text.split("\n"):
        if match := re.match(rf"\s*({NAME}) = (.*)", line):
            kinds[match[1]] = re.split(r"->|:", match[2])[-1].strip()
        for name, kind in re.findall(rf"({NAME}): ((?:tensor|memref)<[^>]*>|index|f32)", line):
            kinds[name] = kind
        if match := re.search(rf"scf\.for ({NAME}) ", line):
            kinds[match[1]] = "index"
    return kinds


def an_operand(text: str, random_: random.Random) -> str:
    """An operand is another value, as a rule of its type and named above it."""
    kinds = _kinds(text)
    uses = [
        use for use in re.finditer(NAME, text) if not re.match(r"(:| =|,.*=)", text[use.end() :])
    ]
    if not uses:
        return a_number(text, random_)
    use = random_.choice(uses)
    above = sorted(set(re.findall(NAME, text[: use.start()])))
    if use[0] not in kinds:
        return an_element(text, random_)
    alike = [name for name in above if name != use[0] and kinds.get(name) == kinds.get(use[0])]
    anything = not alike or random_.random() < 0.05
    return _instead(text, use, random_.choice(above if anything and above else alike or [use[0]]))


def an_operation(text: str, random_: random.Random) -> str:
    """An operation or a comparison is another of its family."""
    found = [
        (place, family)
        for family in FAMILIES
        for place in re.finditer(rf"\b(?:{'|'.join(map(re.escape, family))})\b", text)
    ]
    if not found:
        return an_attribute(text, random_)
    place, family = random_.choice(found)
    return _instead(text, place, random_.choice(family))


def an_attribute(text: str, random_: random.Random) -> str:
    """A mask is another, an attribute has the value of another one, or is gone."""
    masks = list(
        re.finditer(
            r"#fa\.(?:causal|window|chunked|prefix|documents|ragged|all_of)"
            r"(?:<(?:[^<>]|<[^<>]*>)*>)?",
            text,
        )
    )
    if masks and random_.random() < 0.6:
        return _instead(text, random_.choice(masks), random_.choice(MASKS))
    pairs = list(re.finditer(r"(?<=[{ ])(\w+) = (-?[\d.]+(?: : \w+)?|\"\w*\"|\[[^\]]*\])", text))
    if not pairs:
        return a_number(text, random_)
    place, other = random_.choice(pairs), random_.choice(pairs)
    if random_.random() < 0.15:
        gone = re.compile(re.escape(place[0]) + ", |, " + re.escape(place[0]))
        return gone.sub("", text, count=1)
    kind = [pair[2] for pair in pairs if pair[2][0].isdigit() == place[2][0].isdigit()]
    return _instead(text, place, f"{place[1]} = {random_.choice([*kind, other[2]])}")


def a_line(text: str, random_: random.Random) -> str:
    """A line that defines nothing that is needed is gone or there twice, or two change places."""
    lines = text.split("\n")
    inner = [
        i
        for i, line in enumerate(lines)
        if line and line[-1] not in "{}" and not re.search(r"\^|return|yield", line)
    ]
    if len(inner) < 2:
        return a_number(text, random_)
    defined = {
        i: re.findall(NAME, lines[i].split(" = ")[0]) if " = " in lines[i] else [] for i in inner
    }
    free = [
        i for i in inner if not any(len(re.findall(rf"{name}\b", text)) > 1 for name in defined[i])
    ]
    pairs = [
        i
        for i in inner
        if i + 1 in defined
        and not any(re.search(rf"{name}\b", lines[i + 1]) for name in defined[i])
        and not re.search(r"return|yield", lines[i + 1])
    ]
    how = random_.random()
    if how < 0.5 and pairs:
        at = random_.choice(pairs)
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif free and how < 0.75:
        del lines[random_.choice(free)]
    else:
        at = random_.choice(inner)
        # Named anew, where the line defines something.
        again = lines[at]
        for name in defined[at]:
            again = again.replace(name, f"{name}_again", 1)
        lines.insert(at + 1, again)
    return "\n".join(lines)


def anything(text: str, random_: random.Random) -> str:
    """A word is gone, twice there, or another."""
    words = WORD.findall(text)
    at, other = random_.randrange(len(words)), random_.randrange(len(words))
    words[at] = random_.choice(["", 2 * words[at], words[other]])
    return "".join(words)


CHANGES: dict[Callable[[str, random.Random], str], int] = {
    a_number: 5, an_extent: 4, an_element: 1, a_type: 1, an_operand: 5, an_operation: 3,
    an_attribute: 4, a_line: 4, anything: 1,
}  # fmt: skip
"""And how often each is made."""


def mutated(random_: random.Random) -> str:
    """A text with one or two changes."""
    text = source(random_)
    for change in random_.choices(
        list(CHANGES), list(CHANGES.values()), k=random_.choice((1, 1, 1, 2))
    ):
        text = change(text, random_)
    return text


def a_pass(random_: random.Random) -> str:
    """A pass, often with options, now and then with one that it has not or cannot have."""
    name = random_.choice(list(OPTIONS))
    options = {
        key: random_.choice(values)
        for key, values in OPTIONS[name].items()
        if random_.random() < 0.3
    }
    if random_.random() < 0.05:
        other = OPTIONS[random_.choice(list(OPTIONS))] or {"x": ("1",)}
        key = random_.choice(list(other))
        options[key] = random_.choice(other[key])
    if options and random_.random() < 0.1:
        options[random_.choice(list(options))] = random_.choice([*WHOLE, *REAL, "", '"x"', "true"])
    text = " ".join(f"{key}={value}" for key, value in options.items())
    return f"{name}{{{text}}}" if text else name

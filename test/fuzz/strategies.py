"""Random cases: shapes, masks, score functions, machines, loop orders."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from fa.machine.cost.figures import TARGETS
from hypothesis import strategies as st

from .case import FORMATS, Case

WORK = 60_000
"""Scores of a common case, all heads; one in sixteen may have eight times as many."""

HEADS = [(1, 1), (2, 1), (2, 2), (4, 2), (3, 1), (6, 3), (7, 1), (8, 2), (28, 4), (71, 1)]
DIMS = [8, 16, 32, 64, 72, 80, 96, 128, 192, 256, 576]
KINDS = ["linear", "affine", "clip", "abs", "leaky", "soft", "ratio", "exp", "exp2", "sum"]
KINDS += ["position", "head"]
LENGTHS = [1, 2, 63, 64, 65, 127, 128, 129, 192, 256]


def lengths() -> st.SearchStrategy[int]:
    """Numbers of queries or keys."""
    return st.one_of(st.integers(1, 20), st.integers(1, 200), st.sampled_from(LENGTHS))


def dims() -> st.SearchStrategy[int]:
    """Head dimensions, of any residue."""
    return st.one_of(st.sampled_from(DIMS), st.integers(8, 150))


@st.composite
def offsets(draw: st.DrawFn, q_len: int, kv_len: int) -> dict[str, int]:
    """An offset or none; some leave rows without a key."""
    if draw(st.booleans()):
        return {}
    return {"offset": draw(st.integers(-q_len - 2, kv_len + 2))}


@st.composite
def positioned(draw: st.DrawFn, q_len: int, kv_len: int) -> list[Any]:
    """A mask that is not made of others."""
    kind = draw(st.sampled_from(["causal", "window", "chunked", "prefix", "documents"]))
    reach = st.integers(0, kv_len + 2)
    given: dict[str, Any] = {}
    if kind == "window":
        for side in draw(st.sampled_from([("left", "right"), ("left",), ("right",)])):
            given[side] = draw(reach)
    elif kind == "chunked":
        given["size"] = draw(st.integers(1, kv_len + 2))
    elif kind == "prefix":
        given["length"] = draw(reach)
    elif kind == "documents":
        ends = draw(st.sets(st.integers(1, kv_len), max_size=3)) | {kv_len}
        given["lengths"] = [b - a for a, b in pairwise([0, *sorted(ends)])]
    return [kind, {**given, **draw(offsets(q_len, kv_len))}]


@st.composite
def masks(draw: st.DrawFn, batch: int, q_len: int, kv_len: int) -> list[Any] | None:
    """No mask, one, the intersection of some, ragged ones with any of them inside."""
    one = positioned(q_len, kv_len)
    kind = draw(st.sampled_from(["none", "one", "causal", "all_of", "ragged"]))
    if kind == "none":
        return None
    if kind == "causal":
        return ["causal", draw(offsets(q_len, kv_len))]
    if kind == "one":
        return draw(one)
    if kind == "all_of":
        return ["all_of", {"masks": draw(st.lists(one, min_size=1, max_size=3))}]
    lengths = draw(st.lists(st.integers(0, kv_len), min_size=batch, max_size=batch))
    count = draw(st.sampled_from([0, 1, batch]))
    ragged = ["ragged", {"lengths": lengths, "masks": [draw(one) for _ in range(count)]}]
    if draw(st.integers(0, 3)) == 3:
        return ["all_of", {"masks": [ragged, draw(one)]}]
    return ragged


def numbers() -> st.SearchStrategy[float]:
    """Constants of functions; few of them are exact in bf16."""
    return st.sampled_from([0.5, 1.0, -1.0, 2.0, 0.1, -0.3, 1.7, 3.0])


@st.composite
def functions(draw: st.DrawFn, depth: int = 2) -> list[Any]:
    """A function of the score that does not amplify it much: its errors stay those of bf16."""
    if depth == 0:
        return ["x"]
    inner = functions(depth - 1)
    x = draw(inner)
    constant = ["constant", draw(numbers())]
    kind = draw(st.sampled_from(KINDS))
    match kind:
        case "linear":
            return ["mul", x, constant]
        case "affine":
            return [draw(st.sampled_from(["add", "sub"])), *draw(st.permutations([x, constant]))]
        case "clip":
            low, high = ["constant", -1.5], ["constant", draw(st.sampled_from([0.5, 1.5]))]
            return ["max", ["min", x, high], low]
        case "abs":
            return draw(st.sampled_from([["abs", x], ["neg", x]]))
        case "leaky":
            return [draw(st.sampled_from(["max", "min"])), x, ["mul", x, ["constant", 0.1]]]
        case "soft":
            return ["tanh", x]
        case "ratio":
            return ["div", x, ["add", ["abs", x], ["constant", 1.0]]]
        case "exp" | "exp2":
            return [kind, ["min", x, ["constant", 1.0]]]
        case "sum":
            return [draw(st.sampled_from(["add", "sub", "max", "min"])), x, draw(inner)]
        case "position":
            distance = ["sub", ["index", "i"], ["index", "j"]]
            return ["add", x, ["mul", distance, ["constant", 0.01]]]
        case _:
            slope = ["add", ["index", "h"], ["constant", 1.0]]
            return ["div", x, slope]


@st.composite
def settings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A preset machine, or one with other sizes, amounts and formats."""
    presets = ["plena-64", "plena-64-bf16", "plena-64-mx32", "plena-64-stock"]
    preset = draw(st.sampled_from(presets))
    if draw(st.booleans()):
        return preset, {}
    mlen = draw(st.sampled_from([64, 16, 32, 128]))
    hlen = draw(st.sampled_from([n for n in (4, 8, 16, 32, 64) if n <= mlen]))
    blocks = [form for form in FORMATS if form == "bf16" or int(form.split(":")[1]) <= mlen]
    changes: dict[str, Any] = {
        "MLEN": mlen,
        "VLEN": mlen,
        "HLEN": hlen,
        "BROADCAST_AMOUNT": mlen // hlen,
        "BLEN": draw(st.sampled_from([4, 2, 8, 16])),
        "HBM_M_Prefetch_Amount": mlen * draw(st.sampled_from([1, 1, 2, 4])),
        "HBM_V_Prefetch_Amount": draw(st.sampled_from([4, 1, 2, 8, 16])),
        "HBM_V_Writeback_Amount": draw(st.sampled_from([4, 1, 2, 8])),
        "MATRIX_SRAM_SIZE": mlen * draw(st.sampled_from([40, 16, 8])),
        "VECTOR_SRAM_SIZE": draw(st.sampled_from([1024, 2048, 512])),
        "FP_SRAM_DEPTH": draw(st.sampled_from([512, 1024, 128])),
        "MAX_LOOP_INSTRUCTIONS": draw(st.sampled_from([1_000_000_000, 20_000, 3_000])),
        "SYSTOLIC_PROCESSING_OVERHEAD": draw(st.sampled_from([0, 0, 7])),
        "kv": draw(st.sampled_from(blocks)),
        "act": draw(st.sampled_from(["bf16", "bf16", *blocks])),
    }
    return preset, changes


@st.composite
def tilings(draw: st.DrawFn, prefetch: int, narrow: bool) -> str:
    """Wishes for tile sizes, or none; `prefetch` rows come into matrix SRAM at a time.

    One wish in sixteen is for any number; where the memories are small (not `narrow`) there are
    none else, for they seldom hold them.
    """
    wishes: dict[str, int] = {}
    odd = draw(st.integers(0, 15)) == 15
    if (narrow and draw(st.integers(0, 2)) == 2) or odd:
        wishes["q-tile"] = 16 * draw(st.integers(1, 5))
    if (narrow and draw(st.integers(0, 2)) == 2) or odd:
        unit = draw(st.sampled_from([16, 48])) if odd else prefetch
        wishes["kv-tile"] = unit * draw(st.integers(1, 2))
    return " ".join(f"{key}={value}" for key, value in wishes.items())


def orders(wide: bool, kv_len: int) -> st.SearchStrategy[str | None]:
    """Options of `fuse`; None for standard attention.

    Where the machine does not store bf16, only what keeps scores and statistics on chip.
    """
    split = st.integers(2, min(9, kv_len)).map(lambda parts: f"split-kv={parts}")
    if kv_len < 2:
        split = st.just("")
    others = [st.none(), st.just("order=keys")] if wide else []
    return st.one_of(st.just(""), split, *others)


@st.composite
def mappings(draw: st.DrawFn) -> str | None:
    """Options of `map`; None leaves the pass to `allocate-sram`."""
    if draw(st.booleans()):
        return None
    # What seldom fits is wished for seldom.
    options = {"qk": draw(st.sampled_from(["", "tmm", "btmm", "btmm", "btmv"]))}
    options["pv"] = draw(st.sampled_from(["", "mm", "btmv", "packed", "packed"]))
    options["sums"] = draw(st.sampled_from(["", "", "", "reduce", "reduce", "ones", "columns"]))
    options["unroll-rows"] = draw(st.sampled_from(["", "", "1", "3", "8"]))
    return " ".join(f"{key}={value}" for key, value in options.items() if value)


@st.composite
def schedules(draw: st.DrawFn) -> str | None:
    """Options of `schedule-rows`; None leaves the pass to `allocate-sram`."""
    rows = draw(st.sampled_from([None, None, 1, 2, 4, 8]))
    return None if rows is None else f"unroll-rows={rows}"


@st.composite
def preparations(draw: st.DrawFn, shifts: bool) -> str:
    """Passes that prepare queries and keys, or none; `shifts`: all scores of a row may shift."""
    keys = "smooth-keys" if draw(st.integers(0, 15)) == 15 or shifts else ""
    turn = draw(st.sampled_from(["rotate", "rotate{seed=3}"]))
    both = [keys, turn] if draw(st.booleans()) else [turn, keys]
    kept = draw(st.sampled_from([[], [], [], [keys], [turn], both]))
    return ",".join(name for name in kept if name)


@st.composite
def predicates(draw: st.DrawFn, depth: int = 1) -> list[Any]:
    """A mask function."""
    if depth and draw(st.booleans()):
        inner = predicates(depth - 1)
        return [draw(st.sampled_from(["andi", "ori", "xori"])), draw(inner), draw(inner)]
    small = st.integers(1, 80).map(lambda n: ["constant", n])
    i, j = ["index", "i"], ["index", "j"]
    compare = draw(st.sampled_from(["slt", "sle", "sgt", "sge", "eq", "ne"]))
    match draw(st.sampled_from(["causal", "distance", "stripes", "blocks", "heads", "batches"])):
        case "causal":
            return [compare, j, ["addi", i, draw(small)]]
        case "distance":
            return [compare, ["subi", i, j], draw(small)]
        case "stripes":
            period = draw(st.integers(2, 70))
            total = ["addi", i, ["muli", j, draw(small)]]
            return [compare, ["remui", total, ["constant", period]], draw(small)]
        case "blocks":
            size = draw(small)
            return [compare, ["divui", i, size], ["divui", j, size]]
        case "heads":
            return [compare, ["muli", ["addi", ["index", "h"], ["constant", 1]], draw(small)], j]
        case _:
            return [compare, ["addi", ["muli", ["index", "b"], draw(small)], i], j]


MOST = 60.0
"""A bound that all numbers of keys go with, and what blocks of 4 bits do to scores."""


def _bounded(case: Case, beyond: float | None) -> Case:
    """The case with a promise that scores keep, however queries and keys are stored; as it is where
    there can be none."""
    functions = (case.score, case.prob, case.bias)
    others = case.lse or case.sinks or case.qk == "softmax" or case.constants or case.dtype == "f16"
    if beyond is None or others or case.data == "large" or any(f is not None for f in functions):
        return case
    bound = round(beyond * case.reach + 1, 2)
    return replace(case, score_bound=bound) if bound <= MOST else case


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any of it, together."""
    batch = draw(st.sampled_from([1, 1, 1, 2, 3]))
    q_heads, kv_heads = draw(st.sampled_from(HEADS))
    budget = WORK * (8 if draw(st.integers(0, 15)) == 15 else 1) // (batch * q_heads)
    kv_len = min(draw(lengths()), max(8, budget))
    if batch * q_heads < 8 and draw(st.integers(0, 15)) == 15:
        kv_len = draw(st.integers(200, 1100))
    q_len = max(1, min(draw(lengths()), budget // kv_len))
    if batch * q_heads <= 2 and draw(st.integers(0, 31)) == 31:
        kv_len, q_len = draw(st.integers(1100, 2100)), draw(st.integers(1, 40))
    machine, changes = draw(settings())
    # Matrix SRAM holds a few panels of the rows of one prefetch; one case in sixteen may need more.
    mlen, rows = changes.get("MLEN", 64), changes.get("HBM_M_Prefetch_Amount", 64)
    panels = changes.get("MATRIX_SRAM_SIZE", 40 * 64) // (3 * rows)
    most = 576 if draw(st.integers(0, 15)) == 15 else max(8, mlen * panels)
    head_dim = min(draw(dims()), most)
    # One in sixteen asks for what such a machine has to refuse.
    wide = changes.get("act", "" if machine == "plena-64-stock" else "bf16") == "bf16"
    wide = wide or draw(st.integers(0, 15)) == 15
    case = Case(
        batch,
        q_heads,
        kv_heads,
        q_len,
        kv_len,
        head_dim,
        head_dim if draw(st.booleans()) else min(draw(dims()), most),
        draw(st.sampled_from(["bf16", "bf16", "f16", "f32"])),
        draw(masks(batch, q_len, kv_len)),
        scale=draw(st.sampled_from([None, None, 1 / head_dim, 0.3 * head_dim**-0.5])),
        softcap=draw(st.sampled_from([None, None, None, 1.5, 50.0])),
        sinks=draw(st.integers(0, 7)) == 7,
        lse=draw(st.booleans()) and wide,
        grouped=q_heads > kv_heads and draw(st.booleans()),
        search=draw(st.sampled_from([None] * 9 + list(TARGETS))),
        machine=machine,
        settings=changes,
        tile=draw(tilings(rows, mlen * panels >= 2 * head_dim)),
        fuse=draw(orders(wide, kv_len)),
        map=draw(mappings()),
        slide=draw(st.booleans()),
        schedule=draw(schedules()),
        lower=draw(st.sampled_from(["", "", "", "clean-up=false"])),
        quantize=draw(st.sampled_from(["", "", "rule=even", "rule=floor rounding=store"])),
        clean=draw(st.integers(0, 3)) == 3,
        data=draw(st.sampled_from(["normal"] * 5 + ["equal rows", "denormals", "large", "zeros"])),
        trim=draw(st.integers(0, 3)) == 3,
        stream=draw(st.integers(0, 3)) == 3,
        tabulate=draw(st.integers(0, 3)) == 3,
        seed=draw(st.integers(0, 3)),
    )
    if case.grouped and q_heads >= 4 * kv_heads and draw(st.integers(0, 3)) == 3:
        case = replace(case, parts=draw(st.integers(1, q_heads // kv_heads // 2)))
    extra = draw(st.sampled_from(["", "", "score", "bias", "qk", "prob", "hide"]))
    if extra == "hide":
        case = replace(case, hide=draw(predicates()))
    elif extra == "score":
        case = replace(case, score=draw(functions()))
    elif extra == "prob":
        # Probabilities are at most 1, and f(0) = 0: what is hidden stays hidden.
        factor = ["constant", draw(numbers())]
        case = replace(case, prob=draw(st.sampled_from([["mul", ["x"], factor], ["tanh", ["x"]]])))
    elif extra == "qk":
        case = replace(case, qk=draw(st.sampled_from(["raw", "capped", "masked", "softmax"])))
    elif extra == "bias":
        full = (batch, q_heads, q_len, kv_len)
        case = replace(case, bias=[draw(st.sampled_from([n, 1])) for n in full])
        if draw(st.booleans()):
            case = replace(case, data="biases")
    seen = case.lse or case.sinks or case.softcap or case.score or case.qk not in (None, "softmax")
    prepared = draw(preparations(not seen))
    if case.softcap == 50.0 and case.data == "large":
        # exp(50) beside values of 1e30: refused, unless maxima are kept.
        if case.search:
            case = replace(case, data="normal")
        else:
            case = replace(case, tile=f"{case.tile} bounded=false".strip())
    if case.data == "normal" and not prepared and draw(st.integers(0, 7)) == 7:
        names = [name for name in case.names[1:] if draw(st.booleans())]
        if not (case.sinks and "sinks" in names):
            case = replace(case, constants=names)
    beyond = draw(st.sampled_from([None, None, 1.25, 4.0]))
    case = _bounded(case, None if "smooth-keys" in prepared else beyond)
    if not case.search and "bounded" not in case.tile and draw(st.integers(0, 7)) == 7:
        case = replace(case, tile=f"{case.tile} bounded=false".strip())
    if case.search:
        return case
    prepare, rarely = prepared, st.integers(0, 3).map(lambda n: n == 3)
    # What the host prepares or arranges it quantizes as well; asking for something else is refused.
    if draw(rarely) and (not prepare or draw(rarely)) and not case.constants:
        case = replace(case, quantize=f"{case.quantize} boundary=storage".strip())
        if draw(st.integers(0, 7)) < 7:
            case = replace(case, grouped=False, map=None)
    elif draw(st.integers(0, 31)) == 31:
        # No machine loads them: what comes before is interpreted.
        four = draw(
            st.sampled_from(["policy=mxfp4-kv", "policy=nvfp4-kv", "k=mxfp4:16", "v=nvfp4"])
        )
        case = replace(case, quantize=f"{case.quantize} {four}".strip())
    return replace(case, prepare=prepare, late=bool(prepare) and draw(st.booleans()))

"""The one order of passes: what is inserted, what is refused, and that passes may run twice."""

from __future__ import annotations

import fa
import pytest
from fa.diagnostics import CompileError
from fa.frontends.mlir import apply_passes, everything, make_context, module_text, run_passes
from fa.frontends.pipeline_text import build_passes
from fa.passes.pipelines import CLEAN_UP, GROUPS, PASSES, REGISTERS, WrongOrderError, complete
from fa.universe import pass_class
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

TAIL = [*CLEAN_UP, *REGISTERS]
SETTLED = ["stream-softmax", "tabulate", "map", "slide-keys", "specialize-masks", "quantize"]
PLACED = [
    *SETTLED,
    "trim-tiles",
    "schedule-rows",
    "fold-masks",
    "allocate-sram",
    "emit-instructions",
]


def texts(*written: str, done: tuple[str, ...] = (), clean_up: bool = True) -> list[str]:
    return [step.text for step in complete(written, done, clean_up)]


def test_the_whole_chain():
    assert texts("fa-to-plena") == ["group-heads", "tile", "fuse", *PLACED, *TAIL]
    assert texts("lower-to-isa") == ["tile", *PLACED, *TAIL]
    assert texts("lower-to-isa", clean_up=False) == ["tile", *PLACED, *REGISTERS]


@pytest.mark.parametrize(
    "written",
    [
        "tile lower-to-isa",
        "tile fuse lower-to-isa",
        "tile fuse quantize allocate-sram lower-to-isa",
    ],
)
def test_sequences_of_the_command_line(written: str):
    """Those that users script against: what is missing comes where it belongs, the rest stays."""
    names = written.split()
    steps = texts(*names)
    first = [name for name in ("tile", "fuse") if name in names]
    assert steps == [*first, *PLACED, *TAIL]


def test_what_is_written_stays_in_its_place():
    steps = texts("tile", "cse", "fuse", "map", "canonicalize", "quantize", "dce", "lower-to-isa")
    assert steps[:7] == ["tile", "cse", "fuse", "stream-softmax", "tabulate", "map", "canonicalize"]
    assert steps.index("dce") == steps.index("quantize") + 1


def test_what_a_module_has_is_not_done_again():
    assert texts("lower-to-isa", done=("emit-instructions",)) == []
    assert "map" not in texts("quantize", done=("tile", "map"))
    assert texts("fa-to-plena", done=("tile",))[0] == "fuse"


def test_an_inserted_step_knows_for_whom():
    steps = complete(["tile", "quantize", "lower-to-isa"])
    by_name = {step.name: step for step in steps}
    assert by_name["map"].inserted
    assert by_name["map"].written == 1
    assert by_name["emit-instructions"].written == 2
    assert not by_name["tile"].inserted


WRONG = {
    "tile map fuse": "fuse comes before map; the right order is tile,fuse,map",
    "fuse tile": "tile comes before fuse; the right order is tile,fuse",
    "tile specialize-masks fuse": "fuse comes before specialize-masks; the right order is "
    "tile,fuse,specialize-masks",
    "tile fuse quantize map": "map comes before quantize; the right order is "
    "tile,fuse,map,quantize",
    "tile fuse map rotate": "rotate comes before map; the right order is rotate,tile,fuse,map",
    "tile group-heads": "group-heads comes before tile; the right order is group-heads,tile",
    "lower-to-isa tile": "tile comes before stream-softmax; the right order is tile,lower-to-isa",
    "tile schedule-rows cse trim-tiles": "trim-tiles comes before schedule-rows; the right order "
    "is tile,trim-tiles,schedule-rows",
}


@pytest.mark.parametrize("written", WRONG)
def test_wrong_orders(written: str):
    with pytest.raises(WrongOrderError) as error:
        complete(written.split())
    assert str(error.value) == f"wrong order: {WRONG[written]}"


def test_the_right_order_is_taken():
    for message in WRONG.values():
        complete(message.rpartition(" is ")[2].split(","))


def test_an_order_that_an_earlier_command_made_wrong():
    with pytest.raises(
        WrongOrderError, match="fuse comes before map, which this module has behind"
    ):
        complete(["fuse"], done=("tile", "map"))


def test_a_mapping_may_be_wished_for_before_there_are_tiles():
    steps = texts("map", "tile", "fuse", "lower-to-isa")
    assert steps[0] == "map"
    assert steps.count("map") == 2
    assert steps.index("tile") < steps.index("map", 1)


def test_the_data():
    """Names are those of the classes, what is required comes before, and limits come behind."""
    places = {entry.name: place for place, entry in enumerate(PASSES)}
    for entry in PASSES:
        assert pass_class(entry.name, entry.name).name == entry.name
        assert all(places[name] < places[entry.name] for name in entry.requires)
        assert entry.until is None or places[entry.until] > places[entry.name]
    assert set(GROUPS) <= set(places)


def attention() -> ModuleOp:
    return fa.attention(
        q_heads=4, kv_heads=2, q_len=40, kv_len=150, head_dim=64, mask="causal", softcap=5.0
    )


def observed(passes: str, machine: str | None = None) -> list[str]:
    """The passes that a pipeline runs, as an observer sees them."""
    module, seen = attention(), list[str]()

    def observe(before: ModulePass | None, _: ModuleOp, after: ModulePass | None) -> None:
        if after is not None:
            seen.append(str(after))

    built = build_passes(passes, everything().all_passes)
    apply_passes(make_context(), module, built, machine=machine, observe=observe)
    return seen


def test_every_step_is_seen_once():
    assert [text.partition("{")[0] for text in observed("fa-to-plena")] == [
        text.partition("{")[0] for text in texts("fa-to-plena")
    ]


def test_inserted_steps_take_the_machine_and_the_boundary():
    machine = 'machine="plena-64-bf16"'
    seen = observed(f"tile{{{machine}}},quantize{{{machine} boundary=storage}}")
    (mapped,) = [text for text in seen if text.startswith("map")]
    assert machine in mapped
    assert 'boundary="storage"' in mapped


def test_a_wrong_order_is_an_error_of_the_module():
    with pytest.raises(CompileError, match="wrong order: fuse comes before map"):
        run_passes(attention(), "tile,map,fuse")


FUSED = ("smooth-keys", "rotate", "group-heads", "tile", "fuse", *PLACED)
UNFUSED = ("tile", *PLACED)


@pytest.mark.parametrize("chain", [FUSED, UNFUSED], ids=["fused", "unfused"])
def test_every_pass_may_run_twice(chain: tuple[str, ...]):
    """The second time it changes nothing: a module can go through tools that insert it again.

    The clean-up is not inserted twice. Some of its passes find more in a second run, unrolling for
    one, which has so many instructions to spend: what they compute stays (`test_clean_up`).
    """
    module = fa.attention(q_heads=4, kv_heads=2, q_len=40, kv_len=150, head_dim=64, mask="causal")
    context = make_context()
    for text in (*chain, *REGISTERS):
        (step,) = build_passes(text, everything().all_passes)
        step.apply(context, module)
        once = module_text(module)
        step.apply(context, module)
        assert module_text(module) == once, text

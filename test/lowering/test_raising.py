"""Programs raised to IR: loops with carried values, the same words back, what has no form."""

import sys

import pytest
from fa.diagnostics import CompileError, OpError
from fa.dialects import plena
from fa.frontends.mlir import module_text, parse_module, verify_module
from fa.lowering.assembly import assembly, the_kernel
from fa.lowering.raising import raise_words
from fa.lowering.registers.verify import check_registers
from fa.machine import assemble
from fa.machine.program.mem_file import LocatedWord
from fa.machine.spec.encoding import encode
from fa.machine.spec.isa import INSTRUCTIONS
from hypothesis import given
from hypothesis import strategies as st

from ..benches import load
from ..recordings import read_recordings


def located(words):
    return [LocatedWord(int(word), at, 1) for at, word in enumerate(words, 1)]


def raised(text):
    """The module for assembly `text`, verified, its registers checked."""
    module = raise_words(located(assemble(text)), "p.mem", "p")
    verify_module(module)
    check_registers(the_kernel(module))
    return module


def test_loops_carry_what_later_iterations_and_later_code_read():
    text = """
S_ADDI_INT gp1, gp0, 64
S_ADDI_INT gp2, gp0, 0
C_LOOP_START gp3, 4
  S_ADDI_INT gp4, gp1, 8
  S_ADD_INT gp2, gp2, gp4
  S_ADDI_INT gp1, gp1, 64
C_LOOP_END gp3
S_ST_INT gp2, gp0, 0
"""
    module = raised(text)
    (loop,) = [op for op in module.walk() if isinstance(op, plena.LoopOp)]
    assert loop.iterations == 4
    # gp4 is written before it is read in each iteration, and not read afterwards.
    assert [plena.register_type(value).text for value in loop.carried] == ["gp1", "gp2"]
    assert plena.register_type(loop.counter).text == "gp3"
    assert assembly(the_kernel(module)).split() == text.split()


def test_the_text_of_the_ir_reads_back():
    module = raised("C_LOOP_START gp1, 3\nV_RED_SUM f2, gp0\nC_LOOP_END gp1\nS_ST_FP f2, gp0, 0")
    again = parse_module(module_text(module))
    assert assembly(the_kernel(again)) == assembly(the_kernel(module))


def test_registers_that_nothing_has_written_are_read_at_the_start():
    module = raised("C_LOOP_START gp1, 2\nS_ADDI_INT gp2, gp2, 1\nC_LOOP_END gp1\nM_MM 0, gp5, gp2")
    started = [op.result.type for op in module.walk() if isinstance(op, plena.GetRegisterOp)]
    assert {"gp2", "gp5"} <= {kind.text for kind in started}


def test_a_counter_may_be_spilled_and_copied_in_its_loop():
    raised(
        "C_LOOP_START gp1, 2\nS_ST_INT gp1, gp0, 7\nS_ADDI_INT gp1, gp0, 5\nM_MM 0, gp1, gp1\n"
        "S_LD_INT gp1, gp0, 7\nC_LOOP_END gp1"
    )
    raised(
        "C_LOOP_START gp1, 2\nS_ADDI_INT gp2, gp1, 0\nS_ADDI_INT gp1, gp0, 5\nM_MM 0, gp1, gp1\n"
        "S_ADDI_INT gp1, gp2, 0\nC_LOOP_END gp1"
    )


def test_loops_in_turn_share_a_counter_that_is_kept_in_memory():
    text = """
C_LOOP_START gp1, 3
  S_ST_INT gp1, gp0, 7
  C_LOOP_START gp1, 2
    S_ST_INT gp1, gp0, 8
    C_LOOP_START gp1, 5
      S_ST_INT gp2, gp0, 9
    C_LOOP_END gp1
    S_LD_INT gp1, gp0, 8
  C_LOOP_END gp1
  S_LD_INT gp1, gp0, 7
C_LOOP_END gp1
"""
    assert assembly(the_kernel(raised(text))).split() == text.split()


@pytest.mark.parametrize(
    "body",
    [
        "S_ADDI_INT gp1, gp2, 1",
        "S_SUB_INT gp1, gp1, gp2",
        # The slot that it is kept in is overwritten in between.
        "S_ST_INT gp1, gp0, 7\nS_ST_INT gp0, gp2, 0\nS_LD_INT gp1, gp0, 7",
        "S_ST_INT gp1, gp0, 7\nC_LOOP_START gp1, 2\nS_ST_INT gp2, gp0, 7\nC_LOOP_END gp1\n"
        "S_LD_INT gp1, gp0, 7",
    ],
)
def test_a_loop_that_writes_its_counter_counts_at_run_time(body: str):
    text = f"C_LOOP_START gp1, 9\n{body}\nC_LOOP_END gp1\n"
    kernel = the_kernel(raised(text))
    (loop, *_) = [op for op in kernel.body.ops if isinstance(op, plena.LoopOp)]
    assert (loop.at_run_time, loop.iterations) == (True, 9)
    assert assembly(kernel).split() == text.split()


REFUSED = [
    ("C_LOOP_START gp1, 2", 1, "the loop of gp1 is never closed"),
    ("C_LOOP_END gp1", 1, "no loop with the counter gp1 is open"),
    ("C_LOOP_START gp1, 0\nC_LOOP_END gp1", 1, "a loop cannot have a count of 0"),
    (
        "C_LOOP_START gp1, 2\nC_LOOP_START gp2, 2\nC_LOOP_END gp1\nC_LOOP_END gp2",
        3,
        "closes the loop of gp1 while that of gp2 from pc 1 is open",
    ),
    (
        # The inner loop spends the counter of the outer one.
        "C_LOOP_START gp1, 2\nC_LOOP_START gp1, 2\nC_LOOP_END gp1\nC_LOOP_END gp1",
        4,
        "reads gp1, the spent counter of a loop",
    ),
    ("C_LOOP_START gp1, 2\nC_BREAK\nC_LOOP_END gp1", 2, "C_BREAK has no form"),
    ("C_LOOP_START gp1, 2\nC_LOOP_END gp1\nM_MM 0, gp1, gp1", 3, "the spent counter of a loop"),
    ("S_ADDI_INT gp0, gp0, 1", 1, "S_ADDI_INT writes gp0, which the IR takes for 0"),
    ("V_RED_SUM f0, gp1", 1, "V_RED_SUM writes f0"),
    ("M_MM gp3, gp1, gp1", 1, "the first operand of M_MM must be 0, got 3"),
    ("M_BMV gp1, gp2, gp3", 1, "M_BMV always traps"),
    ("V_PS_V gp1, gp2, gp3", 1, "0x0000C871 has no opcode of the machine"),
    (".word 0xFFFFFFFF", 1, "0xFFFFFFFF has no opcode of the machine"),
    (".word 0x80000034", 1, "C_BREAK"),
    (".word 0x80010801", 1, "0x80010801 sets bits that M_MM ignores"),
    ("S_ADD_FP f1, f9, f1", 1, "there is no register f9"),
    (
        "C_LOOP_START gp1, 2\nC_SET_ADDR_REG a1, gp0, gp1\nC_LOOP_END gp1\n"
        "H_STORE_V gp0, gp0, a1, 0, 0",
        1,
        "the loop hands a1 on, and address registers cannot be carried",
    ),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_has_no_form_is_refused_where_it_stands(text, line, message):
    with pytest.raises(CompileError) as raised_error:
        raise_words(located(assemble(text)), "p.mem", "p")
    assert raised_error.value.location == f"p.mem:{line}:1"
    assert message in raised_error.value.message


STRUCTURED = ("C_LOOP_START", "C_LOOP_END", "C_BREAK")
SIMPLE = [
    row for row in INSTRUCTIONS if row.status == "implemented" and row.mnemonic not in STRUCTURED
]


@st.composite
def simple_words(draw):
    """An instruction that writes no counter (gp12 up), no a register, neither gp0 nor f0."""
    row = draw(st.sampled_from([row for row in SIMPLE if row.mnemonic != "C_SET_ADDR_REG"]))
    values = []
    for operand in row.operands:
        if operand.bank in ("dummy", "mask") or (operand.name == "offset" and "WO" in row.mnemonic):
            values.append(0)
        elif operand.writes:
            values.append(draw(st.integers(1, 7)))
        elif operand.is_register:
            values.append(draw(st.integers(0, 7)))
        else:
            values.append(draw(st.integers(0, min(operand.limit, 1000) - 1)))
    return [encode(row, tuple(values))]


def loop_words(depth):
    start, end = f"C_LOOP_START gp{12 + depth}, ", f"C_LOOP_END gp{12 + depth}"
    body = st.lists(nested(depth + 1) if depth < 2 else simple_words(), max_size=4)
    return st.builds(
        lambda count, parts: [
            int(assemble(f"{start}{count}")[0]),
            *(word for part in parts for word in part),
            int(assemble(end)[0]),
        ],
        st.integers(1, 4),
        body,
    )


def nested(depth):
    return st.one_of(simple_words(), st.deferred(lambda: loop_words(depth)))


@given(st.lists(nested(0), max_size=8))
def test_any_structured_program_comes_back(parts):
    words = [word for part in parts for word in part]
    module = raise_words(located(words), "p.mem", "p")
    verify_module(module)
    kernel = the_kernel(module)
    check_registers(kernel)
    assert assemble(assembly(kernel)).tolist() == words
    again = parse_module(module_text(module))
    assert assembly(the_kernel(again)) == assembly(kernel)


def why_refused(words):
    """Why a program has no form, or no published text; None if it comes back."""
    try:
        kernel = the_kernel(raise_words(located(words), "p.mem", "p"))
        check_registers(kernel)
        text = assembly(kernel)
    except (CompileError, OpError) as error:
        return error
    assert assemble(text).tolist() == words
    return None


def test_recorded_programs_come_back():
    """Every recorded program is raised and comes back, or is refused with its place."""
    back: dict[str, int] = {}
    refused = 0
    for category in ("matrix", "memory", "control", "random", "kernels_own", "attention"):
        back[category] = 0
        for case in read_recordings(category)["cases"]:
            words = case["words"]
            if not words or case["final"]["status"] != "ok":
                continue
            refusal = why_refused(words)
            if refusal is None:
                back[category] += 1
                continue
            refused += 1
            # What hand-written kernels and random programs do has a form.
            assert category in ("matrix", "control"), f"{case['name']}: {refusal}"
    print(f"{back} programs come back, {refused} are refused", file=sys.stderr)
    assert all(back.values())


CORPUS = load("corpus")
COMPILED = (
    "mask/causal-offset", "mask/window", "order/keys", "order/standard", "order/split-3-causal",
    "score/roots", "score/lse", "map/btmm-columns", "chain/spilled", "chain/by-hand",
    "chain/not-cleaned-up", "format/mxfp8",
)  # fmt: skip
"""A case of each kind; the fuzzer raises every program that it compiles."""


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_programs_come_back(name):
    assert why_refused([int(word) for word in CORPUS.named(name).kernel().words]) is None

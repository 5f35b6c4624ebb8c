"""Assembling and disassembling: words worked out by hand from the field positions, and errors."""

import pytest
from fa.machine import AssemblyError, assemble, disassemble
from fa.machine.program.assembler import assemble_lines
from fa.machine.program.loop_lint import check_loops
from fa.machine.program.mem_file import read_mem, write_mem

# opcode + rd<<6 + rs1<<10 + rs2<<14 + r3<<18 + fn<<22, or the immediate at bit 14 or 10.
WORDS = [
    ("M_MM 0, gp2, gp4", 0x01 | 2 << 10 | 4 << 14),
    ("M_MM gp6, gp2, gp4", 0x01 | 6 << 6 | 2 << 10 | 4 << 14),
    ("M_MM_WO gp1, gp5, 8", 0x06 | 1 << 6 | 5 << 10 | 8 << 14),
    ("M_BTMV gp6, gp2, gp4", 0x0A | 6 << 6 | 2 << 10 | 4 << 14),
    ("V_ADD_VV gp3, gp1, gp2, 1", 0x0D | 3 << 6 | 1 << 10 | 2 << 14 | 1 << 18),
    ("V_SUB_VF gp3, gp1, f2, 0, 1", 0x10 | 3 << 6 | 1 << 10 | 2 << 14 | 1 << 22),
    ("V_RED_SUM f3, gp1, 0", 0x15 | 3 << 6 | 1 << 10),
    ("S_ADD_FP f1, f2, f3", 0x17 | 1 << 6 | 2 << 10 | 3 << 14),
    ("S_EXP_FP f1, f2", 0x1B | 1 << 6 | 2 << 10),
    ("S_LD_FP f1, gp2, 3", 0x1E | 1 << 6 | 2 << 10 | 3 << 14),
    ("S_ADDI_INT gp1, gp0, 262143", 0x22 | 1 << 6 | 262143 << 14),
    ("S_LUI_INT gp1, 4194303", 0x25 | 1 << 6 | 4194303 << 10),
    ("H_PREFETCH_M gp2, gp3, a1, 1, 0", 0x28 | 2 << 6 | 3 << 10 | 1 << 14 | 1 << 18),
    ("C_SET_ADDR_REG a1, gp0, gp1", 0x2B | 1 << 6 | 1 << 14),
    ("C_LOOP_START gp4, 8", 0x2F | 4 << 6 | 8 << 10),
    ("C_LOOP_END gp4", 0x30 | 4 << 6),
    ("C_BREAK", 0x34),
]


@pytest.mark.parametrize(("text", "word"), WORDS)
def test_words(text, word):
    assert assemble(text).tolist() == [word]
    assert assemble(text, compat=True).tolist() == [word]
    assert assemble(disassemble([word])).tolist() == [word]


# Text, the word that the machine needs, the word of the published assembler.
CORRECTED = [
    ("V_EXP_V gp3, gp1, 1", 0x13 | 3 << 6 | 1 << 10 | 1 << 18, 0x13 | 3 << 6 | 1 << 10 | 1 << 14),
    ("V_RED_SUM f3, gp1, 1", 0x15 | 3 << 6 | 1 << 10 | 1 << 18, 0x15 | 3 << 6 | 1 << 10),
    ("V_RED_MAX f3, gp1, 1", 0x16 | 3 << 6 | 1 << 10 | 1 << 18, 0x16 | 3 << 6 | 1 << 10 | 1 << 14),
    ("M_BMM_WO gp3, 64", 0x05 | 3 << 6 | 64 << 14, 0x05 | 3 << 6 | 64 << 10),
    ("M_MV_WO gp3, 64", 0x0B | 3 << 6 | 64 << 14, 0x0B | 3 << 6 | 64 << 10),
]


@pytest.mark.parametrize(("text", "right", "published"), CORRECTED)
def test_operands_that_the_published_assembler_misplaces(text, right, published):
    assert assemble(text).tolist() == [right]
    assert assemble(text, compat=True).tolist() == [published]
    assert disassemble([right]) == text + "\n"
    assert assemble(disassemble([published])).tolist() == [published]
    assert assemble(disassemble([published], compat=True), compat=True).tolist() == [published]


def test_numbers_comments_and_blanks():
    text = "\n  S_ADDI_INT gp1,gp0 , 0x10 ; sixteen\n// nothing\n\tC_LOOP_END gp1, 0\n"
    assert assemble(text).tolist() == [0x22 | 1 << 6 | 16 << 14, 0x30 | 1 << 6]


def test_published_assembler_carries_registers_into_the_next_field():
    text = "S_ADDI_INT gp16, gp0, 1"
    assert assemble(text, compat=True).tolist() == [0x00004422]


ERRORS = [
    ("S_ADDI_INT gp16, gp0, 1", 12, "no register gp16"),
    ("V_ADD_VV gp1, gp2", 1, "needs 3 operands"),
    ("V_ADD_VV gp1, gp2, gp3, 16", 25, "rmask of V_ADD_VV is 16, the most is 15"),
    ("S_ADDI_INT gp1, gp0, -1", 22, "unsigned"),
    ("S_ADDI_INT gp1, gp0, 262144", 22, "the most is 262143"),
    ("S_ADD_INT f1, gp2, gp3", 11, "gp0 to gp15, not 'f1'"),
    ("H_STORE_V gp1, gp2, gp3, 0, 0", 21, "a0 to a15"),
    ("s_add_int gp1, gp2, gp3", 1, "did you mean S_ADD_INT?"),
    ("label: S_ADD_INT gp1, gp2, gp3", 1, "unknown instruction 'label:'"),
    ("S_ADD_INT gp1, gp2, gp3, 1", 26, "one too many"),
    ("V_EXP_V gp1, gp2", 1, "needs 3 operands"),
    ("S_LUI_INT gp1, x", 16, "is a number"),
    ("M_MM x, gp1, gp2", 6, "write 0"),
    (".word 0x100000000", 7, "32 bits"),
]


@pytest.mark.parametrize(("line", "column", "text"), ERRORS)
def test_errors_say_where_and_what(line, column, text):
    with pytest.raises(AssemblyError) as caught:
        assemble("C_BREAK\n" + line + "\n")
    assert (caught.value.line, caught.value.column) == (2, column)
    assert text in caught.value.message


@pytest.mark.parametrize(
    "line",
    ["S_ADDI_INT gp1, gp0, -1", "FOO gp1", "M_MM gp2, gp4", "S_ADDI_INT gpx, gp0, 1", ".word 1"],
)
def test_compat_refuses_what_the_published_assembler_cannot_put_into_a_word(line):
    with pytest.raises(AssemblyError):
        assemble(line, compat=True)


LOOPS = [
    ("C_LOOP_START gp1, 0\nC_LOOP_END gp1", 1, "count of 0"),
    ("C_BREAK\n  C_LOOP_START gp1, 0", 2, "count of 0"),
    ("C_LOOP_END gp1", 1, "no loop with the counter gp1"),
    ("C_LOOP_START gp1, 2\nC_LOOP_START gp2, 2\nC_LOOP_END gp1", 3, "from line 2"),
    ("C_LOOP_START gp1, 2\nC_LOOP_END gp2", 2, "counter gp2"),
    ("S_ADDI_INT gp2, gp0, 1\n\tC_LOOP_START gp1, 2\n", 2, "never closed"),
]


@pytest.mark.parametrize(("text", "line", "message"), LOOPS)
def test_bad_loops(text, line, message):
    with pytest.raises(AssemblyError, match=message) as caught:
        check_loops(assemble_lines(text), text)
    assert caught.value.line == line
    assert text.split("\n")[line - 1][caught.value.column - 1 :].startswith("C_LOOP")


def test_good_loops():
    text = "C_LOOP_START gp1, 2\nC_LOOP_START gp1, 2\nC_LOOP_END gp1\nC_LOOP_END gp1\n"
    check_loops(assemble_lines(text), text)
    text = "C_LOOP_START gp1, 2\nC_BREAK\nC_LOOP_END gp1\n"
    check_loops(assemble_lines(text), text)


def test_words_without_assembly_form():
    words = [0x3F, 0x00000034 | 1 << 20, 0xFFFFFFFF]
    text = disassemble(words)
    assert text.splitlines()[0] == ".word 0x0000003F"
    assert assemble(text).tolist() == words


def test_program_files():
    assert write_mem([0x200062, 0x34]) == "0x00200062\n0x00000034\n"
    assert read_mem("0x00200062 00000034\n\n0x0x00000034") == [0x200062, 0x34, 0x34]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("0x00000001\n 0Y2", 2, 2),
        ("0X00000001", 1, 1),
        ("00000001 0x", 1, 10),
        ("0x1FFFFFFFF", 1, 1),
        ("0x0020006\n0x00000034", 1, 1),  # a digit is missing
        ("0x00000034\n0x0020006", 2, 1),
        ("-1", 1, 1),
    ],
)
def test_bad_program_files(text, line, column):
    with pytest.raises(AssemblyError) as caught:
        read_mem(text)
    assert (caught.value.line, caught.value.column) == (line, column)

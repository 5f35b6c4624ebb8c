"""The instruction table: complete, consistent, cheap to import, and what the page shows."""

import subprocess
import sys

import pytest
from fa.machine.spec.isa import BANK_SIZE, BY_MNEMONIC, BY_OPCODE, FIELD_BITS, INSTRUCTIONS
from fa.machine.spec.isa_page import PAGE, page
from fa.machine.spec.params import Machine


def test_every_opcode_once():
    assert [i.opcode for i in INSTRUCTIONS] == list(range(0x38))
    assert len(BY_MNEMONIC) == len(BY_OPCODE) == len(INSTRUCTIONS)


def test_fields_do_not_overlap():
    for instruction in INSTRUCTIONS:
        used = 0x3F
        for operand in instruction.operands:
            shift, width = FIELD_BITS[operand.field]
            bits = ((1 << width) - 1) << shift
            assert not used & bits, instruction.mnemonic
            used |= bits


def test_registers_are_read_or_written():
    for instruction in INSTRUCTIONS:
        for operand in instruction.operands:
            touched = operand.reads or operand.writes
            assert touched == (operand.bank in BANK_SIZE), instruction.mnemonic


def test_instructions_that_the_published_assembler_encodes_wrongly():
    wrong = {i.mnemonic for i in INSTRUCTIONS if i.published_encoding_differs}
    assert wrong == {
        "M_BMM_WO",
        "M_MV_WO",
        "M_BMV_WO",
        "V_EXP_V",
        "V_RECI_V",
        "V_RED_SUM",
        "V_RED_MAX",
    }


@pytest.mark.parametrize(
    ("mnemonic", "transactional", "analytic"),
    [
        ("M_MM", 64, 4),
        ("M_BTMM", 64, 1024),
        ("M_MV", 64, 5),
        ("M_BTMV", 1, 5),
        ("M_MM_WO", 1, 1),
        ("V_ADD_VV", 1, 1),
        ("V_RECI_V", 2, 2),
        ("V_RED_SUM", 8, 8),
        ("V_RED_MAX", 4, 5),
        ("V_SHFT_V", 1, 1),
        ("V_MAX_VF", 4, 1),
        ("S_MAP_V_FP", 128, 1),
        ("H_PREFETCH_M", 0, 1),
        ("C_LOOP_END", 1, 1),
    ],
)
def test_cycles_of_the_preset(mnemonic, transactional, analytic):
    parameters = Machine.load("plena-64").cycle_parameters
    instruction = BY_MNEMONIC[mnemonic]
    assert instruction.transactional.evaluate(parameters) == transactional
    assert instruction.analytic.evaluate(parameters) == analytic


def test_table_and_parameters_do_not_load_numpy():
    code = (
        "import sys, fa.machine.spec.isa\n"
        "import fa.machine.program.assembler, fa.machine.program.disassembler\n"
        "from fa.machine import Machine\n"
        "Machine.load('plena-64')\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_page_is_current():
    assert PAGE.read_text("utf-8") == page()

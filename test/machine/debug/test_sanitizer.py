"""What `--strict` reports, one small program for each thing, and what it must not report."""

from dataclasses import replace

import fa
import numpy as np
import pytest
from fa.machine import Simulator, assemble
from fa.machine.debug.sanitizer import HbmRange, Initial, check_program
from fa.machine.host.hbm_image import read_bytes, unpack, unpack_blocks

from ...recordings import read_recordings

HBM = (
    HbmRange("q", 0, 1024, writable=False),
    HbmRange("out", 1024, 2048, writable=True),
)
# Row step 16 and scales 512 bytes behind the elements, all in q; a1 is q, a2 is out.
READY = """
S_ADDI_INT gp15, gp0, 512
C_SET_SCALE_REG gp15
S_ADDI_INT gp15, gp0, 64
C_SET_STRIDE_REG gp15
C_SET_ADDR_REG a1, gp0, gp0
S_ADDI_INT gp15, gp0, 1024
C_SET_ADDR_REG a2, gp0, gp15
"""
START = 7


def found(machine, text, ready=True, fp=0, ints=0):
    """(pc from the end of READY, kind, message) of each finding."""
    words = assemble((READY if ready else "") + text)
    first = START if ready else 0
    Simulator(machine).run(words)
    findings = check_program(words, Simulator(machine), Initial(fp, ints, HBM))
    return [(each.pc - first, each.kind, each.message) for each in findings]


PROBLEMS = [
    ("M_MM_WO gp3, gp0, 0", 0, "register", "reads gp3, which nothing has written"),
    ("S_ADD_FP f1, f2, f3", 0, "register", "reads f2, f3, which nothing has written"),
    ("V_RED_MAX f1, gp0, 0", 0, "register", "reads f1, which nothing has written"),
    ("H_PREFETCH_V gp0, gp0, a3, 0, 0", 0, "register", "reads a3, which nothing has written"),
    ("V_EXP_V gp0, gp0, 0", 0, "memory", "reads row 0 of vector SRAM (address 0), never written"),
    (
        "M_MM_WO gp0, gp0, 4\nV_RED_MAX f1, gp0, 0",
        1,
        "memory",
        "reads row 0 of vector SRAM (address 0), 12 lanes from lane 0, never written",
    ),
    # Lanes that hold nothing stay so through operations lane by lane, until something takes them.
    (
        "M_MM_WO gp0, gp0, 0\nV_ADD_VF gp0, gp0, f0, 0\nV_RED_SUM f1, gp0",
        2,
        "memory",
        "reads row 0 of vector SRAM (address 0), 12 lanes from lane 4, never written",
    ),
    ("H_PREFETCH_V gp0, gp0, a1, 0, 0\nM_MM 0, gp0, gp0", 1, "memory", "reads tile 0 of matrix"),
    ("S_LD_FP f1, gp0, 5", 0, "memory", "reads FP_MEM[5], never written"),
    ("S_MAP_V_FP gp0, gp0, 5", 0, "memory", "reads FP_MEM[5], never written"),
    # Entries that hold nothing become lanes that hold nothing.
    (
        "S_ST_FP f0, gp0, 5\nS_MAP_V_FP gp0, gp0, 5\nV_RED_SUM f1, gp0",
        2,
        "memory",
        "reads row 0 of vector SRAM (address 0), 15 lanes from lane 1, never written",
    ),
    ("S_LD_INT gp1, gp0, 9", 0, "memory", "reads INT_MEM[9], never written"),
    ("H_STORE_V gp0, gp0, a2, 0, 0", 0, "memory", "reads row 0 of vector SRAM"),
    (
        "S_ADDI_INT gp1, gp0, 4096\nH_PREFETCH_V gp0, gp1, a1, 0, 0",
        1,
        "hbm-read",
        "reads byte 0x1000 of HBM, outside every argument",
    ),
    (
        "H_PREFETCH_V gp0, gp0, a2, 0, 0",
        0,
        "hbm-read",
        "reads byte 0x400 of HBM, in out, where nothing was stored",
    ),
    (
        "S_ADDI_INT gp1, gp0, 575\nC_SET_SCALE_REG gp1\nH_PREFETCH_V gp0, gp0, a1, 0, 1",
        2,
        "hbm-read",
        "the 2 scale bytes of a row cross a 64-byte line",
    ),
    (
        "H_PREFETCH_V gp0, gp0, a1, 0, 0\nH_STORE_V gp0, gp0, a1, 0, 0",
        1,
        "hbm-write",
        "writes byte 0x0 of HBM, in q, an argument",
    ),
    (
        "H_PREFETCH_M gp0, gp0, a1, 0, 0\nH_PREFETCH_V gp0, gp0, a1, 0, 0\n"
        "M_MM 0, gp0, gp0\nH_PREFETCH_M gp0, gp0, a1, 0, 0",
        3,
        "hazard",
        "may overwrite tile 0 of matrix SRAM while pc 9 (M_MM 0, gp0, gp0) still reads it",
    ),
    (
        "H_PREFETCH_V gp0, gp0, a1, 0, 0\nV_RED_SUM f0, gp0\nS_ADD_FP f1, f0, f0\n"
        "V_RED_SUM f1, gp0\nH_PREFETCH_V gp0, gp0, a1, 0, 0",
        4,
        "hazard",
        "may overwrite row 0 of vector SRAM while pc 10 (V_RED_SUM f1, gp0, 0) still reads it",
    ),
]


@pytest.mark.parametrize(("text", "pc", "kind", "message"), PROBLEMS)
def test_each_problem(small, text, pc, kind, message):
    matching = [each for each in found(small, text) if each[:2] == (pc, kind)]
    assert matching, found(small, text)
    assert message in matching[0][2]


CLEAN = [
    # Operations lane by lane on rows of which only some lanes hold something.
    "M_MM_WO gp0, gp0, 0\nV_ADD_VF gp0, gp0, f0, 0\nV_MUL_VV gp0, gp0, gp0, 0",
    # gp0 and f0 are zero without being written; entries that the host has written may be read.
    "S_ADD_FP f1, f0, f0\nS_ADD_INT gp1, gp0, gp0\nS_LD_FP f2, gp0, 3\nS_LD_INT gp2, gp0, 1",
    # A shift by VLEN clears a row whatever was there.
    "S_ADDI_INT gp1, gp0, 16\nV_SHFT_V gp0, gp0, gp1\nV_EXP_V gp0, gp0, 0",
    # A whole row in blocks.
    "M_MM_WO gp0, gp0, 0\nM_MM_WO gp0, gp0, 4\nM_MM_WO gp0, gp0, 8\nM_MM_WO gp0, gp0, 12\n"
    "V_EXP_V gp0, gp0, 0",
    # What was stored may be fetched again.
    "H_PREFETCH_V gp0, gp0, a1, 0, 0\nH_STORE_V gp0, gp0, a2, 0, 0\n"
    "H_PREFETCH_V gp0, gp0, a2, 0, 0",
    # Reductions into f0 do nothing and read nothing.
    "V_RED_SUM f0, gp0\nV_RED_MAX f0, gp0, 0",
    # The write-out waits for the product, and the prefetch comes after it.
    "H_PREFETCH_M gp0, gp0, a1, 0, 0\nH_PREFETCH_V gp0, gp0, a1, 0, 0\nM_MM 0, gp0, gp0\n"
    "M_MM_WO gp0, gp0, 0\nH_PREFETCH_M gp0, gp0, a1, 0, 0",
    # Long after the reader, so that it is done.
    "H_PREFETCH_M gp0, gp0, a1, 0, 0\nH_PREFETCH_V gp0, gp0, a1, 0, 0\nM_MM 0, gp0, gp0\n"
    "C_LOOP_START gp1, 16\nS_ADDI_INT gp2, gp0, 0\nC_LOOP_END gp1\n"
    "H_PREFETCH_M gp0, gp0, a1, 0, 0",
]


@pytest.mark.parametrize("text", CLEAN)
def test_nothing_to_find(small, text):
    assert found(small, text, fp=4, ints=4) == []


def test_what_nobody_reads_may_hold_nothing(small):
    """Rows and lanes of padding are stored with the others."""
    text = "M_MM_WO gp0, gp0, 0\nV_ADD_VF gp0, gp0, f0, 0\nH_STORE_V gp0, gp0, a2, 0, 0\n"
    size = small.vector_act.element_bytes(small.vlen) // small.vlen

    def findings(text: str, lanes: int) -> list[tuple[str, str]]:
        read = np.zeros(2048, np.bool_)
        read[1024 : 1024 + lanes * size] = True
        ranges = (HBM[0], replace(HBM[1], read=read))
        found = check_program(assemble(READY + text), Simulator(small), Initial(0, 0, ranges))
        return [(each.kind, each.message) for each in found]

    # M_MM_WO writes four lanes of a row.
    assert findings(text, 4) == []
    ((kind, message),) = findings(text, 5)
    assert (kind, message.split(" of ")[0]) == ("memory", "reads row 0")
    again = findings(text + "H_PREFETCH_V gp0, gp0, a2, 0, 0", 4)
    assert [kind for kind, _ in again] == ["hbm-read"]
    assert "where nothing was stored" in again[0][1]


@pytest.mark.parametrize("machine", ["plena-64", "plena-64-stock"])
def test_results_are_read_without_their_padding(machine):
    """The bytes that the host reads are those that change what it reads."""
    plain = machine == "plena-64"
    module = fa.attention(q_heads=2, kv_heads=1, q_len=3, kv_len=20, head_dim=40, lse=plain)
    layout = fa.compile(module, machine=machine).layout
    for region in (each for each in layout.regions if each.role == "result"):
        read, image = read_bytes(region, layout.hbm_bytes), np.zeros(layout.hbm_bytes, np.uint8)

        def elements(region=region, image=image):
            return unpack(region, image) if plain else unpack_blocks(region, image).codes

        before = elements()
        assert 0 < read.sum() < region.element_bytes
        padding = np.arange(layout.hbm_bytes) < region.base + region.element_bytes
        image[padding & ~read] = 56
        np.testing.assert_array_equal(elements(), before)
        image[read] = 56
        assert (elements() != before).all()


def test_csrs_must_be_set(small):
    text = (
        "S_ADDI_INT gp1, gp0, 0\nC_SET_ADDR_REG a1, gp0, gp1\nH_PREFETCH_V gp0, gp0, a1, 1, 1\n"
        "V_ADD_VV gp0, gp0, gp0, 1"
    )
    messages = [
        message for _, kind, message in found(small, text, ready=False) if kind == "register"
    ]
    assert messages == [
        "reads SCALE, STRIDE, which nothing has written",
        "reads V_MASK, which nothing has written",
    ]


def test_a_finding_counts_its_repetitions(small):
    words = assemble(
        "C_LOOP_START gp1, 5\nV_EXP_V gp0, gp0, 0\nV_SHFT_V gp0, gp0, gp0\nC_LOOP_END gp1"
    )
    (finding,) = check_program(words, Simulator(small), Initial(0, 0, ()))
    assert (finding.pc, finding.count) == (1, 1)  # the row is written from then on
    words = assemble(
        "C_LOOP_START gp1, 5\nS_ADDI_INT gp2, gp0, 16\nV_MUL_VV gp0, gp2, gp2\nC_LOOP_END gp1"
    )
    (finding,) = check_program(words, Simulator(small), Initial(0, 0, ()))
    assert (finding.pc, finding.count) == (2, 5)


def test_addresses_from_top_k_are_followed(small):
    """V_TOPK leaves data where addresses may come from: then data is computed too."""
    text = (
        "H_PREFETCH_V gp0, gp0, a1, 0, 0\nV_TOPK gp0, gp0, gp0, 0\nS_LD_INT gp1, gp0, 3\n"
        "S_ADDI_INT gp2, gp0, 16\nS_MUL_INT gp1, gp1, gp2\nV_ADD_VV gp1, gp0, gp0"
    )
    # Zeros: the indices are 0 to 3, so row 3 is written.
    assert found(small, text) == []
    after = found(small, text + "\nS_ADDI_INT gp3, gp0, 64\nV_EXP_V gp3, gp3, 0")
    assert [each[1] for each in after] == ["memory"]


def test_recorded_kernels_are_followed_to_their_end(plena64):
    """Kernels written by hand, of which the recordings give the initial memories."""
    for case in read_recordings("attention")["cases"]:
        state = Simulator(plena64)
        everything = [HbmRange("image", 0, 1 << 20, writable=True, filled=True)]
        kinds = {
            each.kind
            for each in check_program(case["words"], state, Initial(1024, 1024, everything))
        }
        assert kinds <= {"memory", "register", "hazard", "hbm-read"}

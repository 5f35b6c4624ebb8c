"""Random programs run alike in all engines.

gp1 to gp3 hold row addresses, gp4 a tile's, gp5 a head's within a tile, gp6 and gp7 anything small;
gp8 to gp10 count loops. Programs are valid, or trap at the same place for the same reason.
"""

from itertools import chain

import numpy as np
import pytest
from fa.machine import Simulator, Trap, assemble
from fa.machine.numerics.bf16 import f32_to_bf16
from fa.machine.simulator.engines import engines_here
from hypothesis import given, settings
from hypothesis import strategies as st

from ...fuzz.counts import COUNT

ROW = st.sampled_from(["gp1", "gp2", "gp3"])
SMALL = st.sampled_from(["gp6", "gp7"])
FP = st.sampled_from([f"f{i}" for i in range(8)])
MASK = st.sampled_from(["0", "0", "0", "1"])


def line(template, **operands):
    """A strategy for instructions: `template` with an operand drawn for each name."""
    return st.builds(lambda **drawn: template.format(**drawn), **operands)


def vector_lines():
    rows = {"d": ROW, "a": ROW, "b": ROW, "m": MASK, "f": FP}
    pick = lambda *names: {name: rows[name] for name in names}  # noqa: E731
    two_rows = st.sampled_from(["V_ADD_VV", "V_SUB_VV", "V_MUL_VV"])
    with_f = st.sampled_from(["V_ADD_VF", "V_MUL_VF", "V_MAX_VF", "V_MIN_VF"])
    return st.one_of(
        line("{i} {d}, {a}, {b}, {m}", i=two_rows, **pick("d", "a", "b", "m")),
        line("{i} {d}, {a}, {f}, {m}", i=with_f, **pick("d", "a", "f", "m")),
        line(
            "V_SUB_VF {d}, {a}, {f}, {m}, {o}",
            o=st.sampled_from(["0", "1"]),
            **pick("d", "a", "f", "m"),
        ),
        line(
            "{i} {d}, {a}, {m}", i=st.sampled_from(["V_EXP_V", "V_RECI_V"]), **pick("d", "a", "m")
        ),
        line(
            "{i} {f}, {a}, {m}",
            i=st.sampled_from(["V_RED_SUM", "V_RED_MAX"]),
            **pick("f", "a", "m"),
        ),
        line("V_SHFT_V {d}, {a}, {n}", n=SMALL, **pick("d", "a")),
        line("V_TOPK {n}, {a}, {n}, {p}", n=SMALL, p=st.sampled_from(["0", "1"]), **pick("a")),
    )


def matrix_lines():
    return st.one_of(
        line("M_MM 0, gp4, {a}", a=ROW),
        line("M_TMM 0, {a}, gp4", a=ROW),
        line("M_BMM 0, gp5, gp1"),
        line("M_BTMM 0, gp5, gp1"),
        line("M_MV 0, gp5, {a}", a=ROW),
        line("M_TMV 0, gp4, {a}", a=ROW),
        line("M_BTMV gp0, gp5, {a}", a=ROW),
        line("M_MM_WO {d}, {s}, {c}", d=ROW, s=st.sampled_from(["gp0", "gp6"]), c=columns()),
        line("M_MV_WO {d}, {c}", d=ROW, c=columns()),
        line("M_BMV_WO {d}, 0", d=ROW),
        line("M_BMM_WO gp1, 0"),
    )


def columns():
    return st.sampled_from(["0", "4", "8", "12"])


def scalar_lines():
    binary = st.sampled_from(["S_ADD_FP", "S_SUB_FP", "S_MAX_FP", "S_MUL_FP"])
    unary = st.sampled_from(["S_EXP_FP", "S_RECI_FP", "S_SQRT_FP"])
    memory = st.sampled_from(["S_LD_FP", "S_ST_FP"])
    number = st.integers(0, 40).map(str)
    integer = st.sampled_from(["S_ADD_INT", "S_SUB_INT", "S_MUL_INT"])
    return st.one_of(
        line("{i} {d}, {a}, {b}", i=binary, d=FP, a=FP, b=FP),
        line("{i} {d}, {a}", i=unary, d=FP, a=FP),
        line("{i} {f}, {n}, {k}", i=memory, f=FP, n=SMALL, k=number),
        line("S_MAP_V_FP {d}, {n}, {k}", d=ROW, n=SMALL, k=number),
        line("{i} gp11, {a}, {b}", i=integer, a=SMALL, b=ROW),
        line("S_ADDI_INT {n}, {n}, {k}", n=SMALL, k=st.integers(0, 3).map(str)),
        line("S_ADDI_INT {a}, {a}, 16", a=ROW),
        line("S_ST_INT {a}, {n}, {k}", a=ROW, n=SMALL, k=number),
        line("S_LD_INT gp12, {n}, {k}", n=SMALL, k=number),
        line("S_LUI_INT gp11, {k}", k=number),
        line("C_SET_V_MASK_REG {n}", n=SMALL),
    )


def memory_lines():
    flag = st.sampled_from(["0", "1"])
    return st.one_of(
        line("H_PREFETCH_M gp4, gp14, a1, {s}, {p}", s=flag, p=flag),
        line("H_PREFETCH_V {d}, gp14, a1, {s}, {p}", d=ROW, s=flag, p=flag),
        # Stored rows are only read back as bf16: as MX codes a NaN's unspecified sign would count.
        line("H_STORE_V gp1, gp14, a2, {s}, {p}", s=flag, p=flag),
        line("H_PREFETCH_V {d}, gp14, a2, {s}, 0", d=ROW, s=flag),
        line("C_SET_STRIDE_REG gp15"),
        line("S_ADDI_INT gp14, gp14, 64"),
    )


STRAIGHT = st.lists(
    st.one_of(vector_lines(), vector_lines(), matrix_lines(), scalar_lines(), memory_lines()),
    min_size=1,
    max_size=8,
)


def loop(bodies, register):
    return st.builds(
        lambda body, count: [f"C_LOOP_START {register}, {count}", *body, f"C_LOOP_END {register}"],
        bodies,
        st.integers(1, 3),
    )


def concatenated(pieces):
    return st.lists(pieces, min_size=1, max_size=4).map(lambda parts: list(chain(*parts)))


INNER = concatenated(st.one_of(STRAIGHT, loop(STRAIGHT, "gp8")))
PROGRAMS = concatenated(
    st.one_of(
        STRAIGHT,
        loop(INNER, "gp9"),
        # Unusual control flow, which the numpy engine leaves to the interpreter.
        st.just(["C_LOOP_START gp10, 2", "C_BREAK"]),
    )
)


def prepared(machine, seed):
    """A simulator with plausible addresses in its registers and random memories."""
    rng = np.random.default_rng(seed)
    simulator = Simulator(machine)
    spread = rng.standard_normal(simulator.vector.shape) * np.exp(
        rng.uniform(-3, 3, simulator.vector.shape)
    )
    simulator.vector[:] = f32_to_bf16(spread.astype(np.float32))
    odd = rng.random(simulator.vector.shape) < 0.003
    specials = np.array([0x7F80, 0xFF80, 0x7FC0, 0x8000, 0x0001], np.uint16)
    simulator.vector[odd] = rng.choice(specials, odd.sum())
    simulator.fp[:] = f32_to_bf16(rng.standard_normal(1024).astype(np.float32))
    simulator.matrix[:] = rng.standard_normal(simulator.matrix.shape)
    simulator.int[:] = rng.integers(0, 100, 1024)
    simulator.hbm[:] = rng.integers(0, 256, simulator.hbm.size)
    simulator.f[:] = f32_to_bf16(rng.standard_normal(8).astype(np.float32))
    simulator.gp[1:8] = [0, 16 * 20, 16 * 40, 256, 256 + 4, 3, 7]
    simulator.gp[14:] = [64, 128]
    simulator.a[1:3] = [1024, 32768]
    simulator.scale = 8192
    return simulator


def state_of(simulator):
    """Everything in a machine, NaNs made alike: which one an operation gives is not specified."""
    arrays = {}
    for name in ("vector32", "fp32", "f32", "matrix", "m_accum", "hm_accum", "v_accum", "hv_accum"):
        values = getattr(simulator, name)
        arrays[name] = np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32)
    # Whole bf16 rows are stored as they are, at even addresses.
    halves = simulator.hbm.view(np.uint16)
    arrays["hbm"] = np.where((halves & 0x7FFF) > 0x7F80, 0x7FC0, halves)
    for name in ("int", "gp", "a"):
        arrays[name] = getattr(simulator, name)
    for name in ("scale", "stride", "mask"):
        arrays[name] = np.array(getattr(simulator, name))
    return arrays


SUMS = {
    "M_MM": "M_MM 0, gp4, gp1\nM_MM_WO gp1, gp0, 0",
    "M_MV": "M_MV 0, gp5, gp1\nM_MV_WO gp1, 0",
    "M_BTMV": "M_BTMV gp0, gp5, gp1\nM_BMV_WO gp1, 0",
    "M_BTMM": "M_BTMM 0, gp5, gp1\nM_BMM_WO gp1, 0",
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_that_are_no_numbers_are_stored_alike(small, name):
    """In 8 bits a NaN has a sign, which must not be that of the order of adding."""
    load, store = "H_PREFETCH_M gp4, gp14, a1, 0, 0", "H_STORE_V gp1, gp14, a2, 1, 0"
    words = assemble("\n".join((load, SUMS[name], store)))
    images = []
    for engine in engines_here():
        simulator = prepared(small, 0)
        simulator.run(words, engine=engine)
        images.append(simulator.hbm.copy())
        assert np.isnan(simulator.vector32).any()
    assert all(np.array_equal(images[0], image) for image in images[1:])


@given(PROGRAMS, st.integers(0, 99))
@settings(max_examples=max(120, COUNT // 4), deadline=None)
def test_engines_agree(small, program, seed):
    words = assemble("\n".join(program))
    outcomes = []
    for engine in reversed(engines_here()):
        simulator = prepared(small, seed)
        try:
            outcome = simulator.run(words, engine=engine)
        except Trap as trap:
            outcomes.append((str(trap), simulator.gp.tolist()))
            continue
        outcomes.append((outcome, state_of(simulator)))
    plain, *others = outcomes
    for other in others:
        if isinstance(plain[0], str):
            assert plain == other
            continue
        for name, want in plain[1].items():
            assert np.array_equal(want, other[1][name]), name
        for name in ("pc_counts", "pc_cycles", "pc_hbm_bytes"):
            assert getattr(plain[0], name).tolist() == getattr(other[0], name).tolist()
        for name in ("cycles", "compute_cycles", "hbm_cycles", "instructions", "per_opcode"):
            assert getattr(plain[0], name) == getattr(other[0], name)

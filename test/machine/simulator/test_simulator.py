"""Small programs whose effects and cycles are worked out by hand from the instruction set."""

import numpy as np
import pytest
from fa.machine import Simulator, Trap, assemble
from fa.machine.numerics.bf16 import bf16_to_f32, f32_to_bf16
from fa.machine.simulator.engines import engines_here


@pytest.fixture(params=engines_here())
def engine(request):
    return request.param


def bf16(values):
    return f32_to_bf16(np.asarray(values, np.float32))


def run(simulator, text, engine, **options):
    return simulator.run(assemble(text), engine=engine, **options)


def values(simulator, row):
    return bf16_to_f32(simulator.vector[row])


def test_state_is_arrays(small):
    simulator = Simulator(small)
    assert (simulator.vector.shape, simulator.vector.dtype) == ((64, 16), np.uint16)
    assert (simulator.fp.shape, simulator.fp.dtype) == ((1024,), np.uint16)
    assert (simulator.matrix.shape, simulator.matrix.dtype) == ((4, 16, 16), np.float32)
    assert (simulator.int.shape, simulator.int.dtype) == ((1024,), np.uint32)
    assert (simulator.hbm.shape, simulator.hbm.dtype) == ((1 << 16,), np.uint8)
    assert (simulator.gp.shape, simulator.gp.dtype) == ((16,), np.uint32)
    assert (simulator.f.shape, simulator.f.dtype) == ((8,), np.uint16)
    assert (simulator.a.shape, simulator.a.dtype) == ((16,), np.uint64)


def test_stock_memories_take_no_memory_until_used():
    from fa.machine import Machine

    simulator = Simulator(Machine.load("plena-64-stock"))
    assert simulator.hbm.size == 1 << 34
    simulator.hbm[-1] = 1
    assert simulator.vector.shape == (4194304, 64)


def test_integers_wrap_and_gp0_is_a_register(small, engine):
    simulator = Simulator(small)
    text = """
        S_ADDI_INT gp0, gp0, 7
        S_LUI_INT gp1, 4194303
        S_ADDI_INT gp2, gp1, 4096
        S_SUB_INT gp3, gp2, gp0
        S_MUL_INT gp4, gp1, gp1
        S_ST_INT gp3, gp2, 5
        S_LD_INT gp5, gp3, 12
    """
    result = run(simulator, text, engine)
    # 4194303 << 12 loses its two top bits; gp3 + 12 wraps to 5.
    assert simulator.gp[:6].tolist() == [7, 0xFFFFF000, 0, 0xFFFFFFF9, 0x1000000, 0xFFFFFFF9]
    assert simulator.int[5] == 0xFFFFFFF9
    assert (result.instructions, result.cycles) == (7, 7)


def test_scalar_floats(small, engine):
    simulator = Simulator(small)
    simulator.fp[:4] = bf16([3, -0.5, 256, 1])
    text = """
        S_LD_FP f1, gp0, 0
        S_LD_FP f2, gp0, 1
        S_LD_FP f3, gp0, 2
        S_LD_FP f0, gp0, 3
        S_ADD_FP f4, f3, f0
        S_MUL_FP f5, f1, f2
        S_MAX_FP f6, f1, f2
        S_SQRT_FP f7, f3
        S_RECI_FP f3, f2
        S_SUB_FP f0, f1, f1
        S_ST_FP f4, gp0, 9
    """
    result = run(simulator, text, engine)
    # 257 is a tie and goes to 256; arithmetic with f0 as destination does nothing, in no time.
    assert bf16_to_f32(simulator.f).tolist() == [1, 3, -0.5, -2, 256, -1.5, 3, 16]
    assert simulator.fp[9] == bf16(256)
    assert result.cycles == 10
    assert result.per_opcode["S_SUB_FP"] == {"count": 1, "cycles": 0, "hbm_bytes": 0}


def test_vector_arithmetic_and_masks(small, engine):
    simulator = Simulator(small)
    simulator.vector[0] = bf16(np.arange(16))
    simulator.vector[1] = bf16(np.full(16, 2))
    simulator.f[1] = bf16(10)
    text = """
        S_ADDI_INT gp1, gp0, 16
        S_ADDI_INT gp2, gp0, 32
        V_SUB_VV gp2, gp0, gp1
        S_ADDI_INT gp3, gp0, 5
        C_SET_V_MASK_REG gp3
        S_ADDI_INT gp4, gp0, 48
        V_ADD_VF gp4, gp0, f1, 1
        S_ADDI_INT gp5, gp0, 64
        V_SUB_VF gp5, gp0, f1, 0, 1
        S_ADDI_INT gp6, gp0, 80
        V_SHFT_V gp6, gp0, gp3
        S_ADDI_INT gp7, gp0, 96
        V_MAX_VF gp7, gp0, f1
        S_ADDI_INT gp8, gp0, 112
        V_MIN_VF gp8, gp0, f1, 0
    """
    run(simulator, text, engine)
    lanes = np.arange(16)
    assert values(simulator, 2).tolist() == (lanes - 2).tolist()
    # Mask 0b101 of 4-lane heads; other lanes are copies.
    assert values(simulator, 3).tolist() == np.where(lanes // 4 % 2, lanes, lanes + 10).tolist()
    assert values(simulator, 4).tolist() == (10 - lanes).tolist()
    assert np.signbit(values(simulator, 4)[10])
    assert values(simulator, 5).tolist() == [0] * 5 + list(range(11))
    assert values(simulator, 6).tolist() == np.maximum(lanes, 10).tolist()
    assert values(simulator, 7).tolist() == np.minimum(lanes, 10).tolist()


def test_exponential_and_reciprocal(small, engine):
    simulator = Simulator(small)
    simulator.vector[0] = bf16([0, 1, -1, 100, -100, np.inf, -np.inf, 0.5] * 2)
    simulator.vector[1] = bf16([1, 2, -4, np.inf, -np.inf, 0, -0.0, 3] * 2)
    text = """
        S_ADDI_INT gp1, gp0, 16
        V_EXP_V gp0, gp0, 0
        V_RECI_V gp1, gp1, 0
    """
    result = run(simulator, text, engine)
    assert simulator.vector[0, :7].tolist() == [
        *(0x3F80, 0x402E, 0x3EBC),
        *(0x7EF9, 0x0042, 0x7EF9, 0x0042),
    ]
    assert simulator.vector[1, :8].tolist() == [
        *(0x3F80, 0x3F00, 0xBE80, 0x0000, 0x8000, 0x7F80, 0xFF80, 0x3EAB),
    ]
    assert result.cycles == 1 + 1 + 2


def test_reductions(small, engine):
    simulator = Simulator(small)
    simulator.vector[0] = bf16(np.arange(16))
    simulator.f[1] = simulator.f[2] = bf16(5)
    simulator.f[3] = bf16(100)
    text = """
        V_RED_SUM f1, gp0
        V_RED_MAX f2, gp0, 0
        V_RED_MAX f3, gp0, 0
        V_RED_SUM f0, gp0
        S_ADDI_INT gp3, gp0, 5
        C_SET_V_MASK_REG gp3
        V_RED_SUM f4, gp0, 1
    """
    result = run(simulator, text, engine)
    # 120 + 5; a masked sum is the sum of the row with heads 0 and 2 replaced by their sums:
    # 4·6 + 22 + 4·38 + 54.
    assert bf16_to_f32(simulator.f[1:5]).tolist() == [125, 15, 100, 252]
    assert result.per_opcode["V_RED_SUM"] == {"count": 3, "cycles": 16, "hbm_bytes": 0}


def test_matrix_products(small, engine):
    simulator = Simulator(small)
    rng = np.random.default_rng(5)
    x = rng.integers(-4, 5, (16, 16)).astype(np.float32)
    w = rng.integers(-4, 5, (16, 16)).astype(np.float32)
    simulator.vector[:16] = bf16(x)
    simulator.matrix[1] = w
    text = """
        S_ADDI_INT gp1, gp0, 384
        S_ADDI_INT gp2, gp0, 64
        S_ADDI_INT gp3, gp0, 320
        M_MM 0, gp1, gp2
        M_MM 0, gp1, gp2
        M_MM_WO gp3, gp0, 8
        M_MM_WO gp3, gp0, 12
        S_ADDI_INT gp4, gp0, 3
        S_ADDI_INT gp5, gp0, 512
        M_TMM 0, gp2, gp1
        M_MM_WO gp5, gp4, 4
    """
    result = run(simulator, text, engine)
    # Address 384 = 256 + 128: tile 1, columns (or rows) 8 to 11. Vector rows 4 to 7.
    block = x[4:8] @ w[:, 8:12]
    out = bf16_to_f32(simulator.vector)
    assert np.array_equal(out[20:24, 8:12], 2 * block)
    assert not out[20:24, 12:16].any()
    assert np.array_equal(out[[32, 35, 38, 41], 4:8], x[4:8] @ w[8:12].T)
    assert result.per_opcode["M_MM"]["cycles"] == 32


def test_batched_products(small, engine):
    simulator = Simulator(small)
    rng = np.random.default_rng(6)
    x = rng.integers(-4, 5, (16, 16)).astype(np.float32)
    w = rng.integers(-4, 5, (16, 16)).astype(np.float32)
    simulator.vector[:16] = bf16(x)
    simulator.matrix[0] = w
    text = """
        S_ADDI_INT gp1, gp0, 4
        S_ADDI_INT gp2, gp0, 0
        M_BTMM 0, gp1, gp2
        S_ADDI_INT gp3, gp0, 0
        S_ADDI_INT gp4, gp0, 16
        M_BTMV gp1, gp3, gp4
        M_MV 0, gp1, gp4
        S_ADDI_INT gp5, gp0, 256
        M_BMV_WO gp5, 16
        M_MV_WO gp5, 8
        M_BMM_WO gp3, 0
    """
    run(simulator, text, engine)
    out = bf16_to_f32(simulator.vector)
    scores = [0.25 * x[:, 4 * h : 4 * h + 4] @ w[:, 4:8].T for h in range(4)]
    # Rows 16 to 20 are written before M_BMM_WO takes rows 0 to 63.
    assert np.array_equal(out, bf16_to_f32(bf16(np.concatenate(scores))))
    text = text.replace("M_BMM_WO gp3, 0", "C_LOOP_START gp9, 1\nC_LOOP_END gp9")
    simulator = Simulator(small)
    simulator.vector[:16] = bf16(x)
    simulator.matrix[0] = w
    run(simulator, text, engine)
    out = bf16_to_f32(simulator.vector)
    heads = np.stack([0.25 * x[1, 4 * h : 4 * h + 4] @ w[:, 4:8].T for h in range(4)])
    assert np.array_equal(out[17:21], heads)
    assert np.array_equal(out[16, 8:12], x[1] @ w[:, 4:8])


def test_topk(make_machine, engine):
    simulator = Simulator(make_machine())
    simulator.vector[0, :32] = bf16(np.zeros(32))
    simulator.vector[0, [3, 9, 20]] = bf16([1, 2, 1])
    text = """
        S_ADDI_INT gp1, gp0, 100
        S_ADDI_INT gp2, gp0, 200
        V_TOPK gp1, gp0, gp2, 0
    """
    result = run(simulator, text, engine)
    assert simulator.int[200:204].tolist() == [9, 3, 20, 0]
    powers = np.exp([0, -1, -1, -2])
    assert np.abs(bf16_to_f32(simulator.fp[100:104]) - powers / powers.sum()).max() < 2e-3
    assert result.per_opcode["V_TOPK"]["cycles"] == 4 * 32


def test_transfers(plena64, engine):
    """MX into a tile, bf16 rows with a stride, and an MX store, all laid out by hand."""
    simulator = Simulator(plena64)
    codes = np.arange(64 * 64) % 64
    simulator.hbm[:4096] = codes
    simulator.hbm[4096:4608] = 128
    simulator.hbm[8192 : 8192 + 1024] = bf16(np.arange(512) / 2).view(np.uint8)
    text = """
        S_ADDI_INT gp1, gp0, 4096
        C_SET_SCALE_REG gp1
        H_PREFETCH_M gp1, gp0, a0, 0, 1
        S_ADDI_INT gp2, gp0, 128
        C_SET_STRIDE_REG gp2
        S_ADDI_INT gp3, gp0, 8192
        S_ADDI_INT gp4, gp0, 64
        H_PREFETCH_V gp4, gp3, a0, 1, 0
        S_ADDI_INT gp5, gp0, 16384
        C_SET_ADDR_REG a1, gp0, gp5
        H_STORE_V gp4, gp0, a1, 0, 1
    """
    result = run(simulator, text, engine)
    e4m3 = np.where(codes < 8, codes / 8 * 2**-7, (1 + codes % 8 / 8) * 2.0 ** (codes // 8 - 7))
    assert np.array_equal(simulator.matrix[1], 2 * e4m3.reshape(64, 64))
    assert values(simulator, 1).tolist() == (np.arange(64) / 2).tolist()
    assert values(simulator, 4)[0] == 96
    # The store's first block: 0, 0.5 … 3.5 with the scale 2^1.
    assert simulator.hbm[16384 : 16384 + 8].tolist() == [
        *(0x00, 0x28, 0x30, 0x34, 0x38, 0x3A, 0x3C, 0x3E),
    ]
    assert simulator.hbm[16384 + 4096] == 128
    # 64 rows of one line and as many scale lines; 4 rows of two lines; 4 rows and 4 scale lines
    # read and written.
    assert (result.hbm_bytes_read, result.hbm_bytes_written) == (64 * (128 + 8 + 8), 64 * 8)
    assert result.per_opcode["H_STORE_V"]["hbm_bytes"] == 1024
    assert result.cycles == result.compute_cycles + result.hbm_cycles
    assert result.compute_cycles == 8


def test_hbm_time_none(plena64, engine):
    simulator = Simulator(plena64)
    result = run(simulator, "H_PREFETCH_M gp0, gp0, a0, 0, 0", engine, hbm_time="none")
    assert result.cycles == 0
    assert result.hbm_bytes_read == 64 * 128
    with pytest.raises(ValueError, match="exact"):
        run(simulator, "C_BREAK", engine, hbm_time="approximate")


def test_loops_count_down(small, engine):
    simulator = Simulator(small)
    text = """
        C_LOOP_START gp1, 3
        S_ADD_INT gp3, gp3, gp1
        C_LOOP_START gp2, 2
        S_ADDI_INT gp4, gp4, 1
        C_LOOP_END gp2
        C_LOOP_END gp1
    """
    result = run(simulator, text, engine)
    assert simulator.gp[1:5].tolist() == [0, 0, 6, 6]
    assert result.instructions == result.cycles == 1 + 3 * (1 + 1 + 2 * 2 + 1)
    assert result.pc_counts.tolist() == [1, 3, 3, 6, 6, 3]


def test_unusual_loops(small, engine):
    """A body that ends its loop, a break, and a loop that is never closed."""
    simulator = Simulator(small)
    text = """
        C_LOOP_START gp1, 100
        S_ADDI_INT gp1, gp0, 1
        C_LOOP_END gp1
        C_LOOP_START gp2, 5
        S_ADDI_INT gp3, gp3, 1
        C_BREAK
        C_LOOP_START gp4, 9
    """
    result = run(simulator, text, engine)
    assert simulator.gp[:5].tolist() == [0, 0, 0, 1, 9]
    assert result.instructions == 7


@pytest.mark.parametrize(
    ("text", "pc", "reason"),
    [
        ("S_ADDI_INT gp1, gp0, 8\nV_ADD_VV gp1, gp0, gp0, 0", 1, "8 is not a multiple of VLEN"),
        ("S_ADDI_INT gp1, gp0, 1024\nV_EXP_V gp0, gp1, 0", 1, "beyond the last row"),
        ("S_ADDI_INT gp1, gp0, 4\nM_MM 0, gp1, gp0", 1, "multiple of BLEN·MLEN"),
        ("S_ADDI_INT gp1, gp0, 1024\nM_TMM 0, gp0, gp1", 1, "beyond the last tile"),
        ("S_ADDI_INT gp1, gp0, 2\nM_BTMM 0, gp1, gp0", 1, "multiple of HLEN"),
        ("M_BMV gp0, gp0, gp0", 0, "always stops"),
        ("M_BMM gp1, gp0, gp0", 0, "not loaded"),
        ("M_MM_WO gp0, gp0, 2", 0, "multiple of 4 in its row"),
        ("S_LD_FP f1, gp0, 1024", 0, "FP_MEM has 1024 entries"),
        ("S_ST_INT gp1, gp0, 2000", 0, "INT_MEM has 1024 entries"),
        ("S_MAP_V_FP gp0, gp0, 1009", 0, "FP_MEM has 1024 entries"),
        ("S_ADD_FP f9, f1, f1", 0, "no register f9"),
        ("V_TOPK gp0, gp0, gp0, 2", 0, "no policy 2"),
        ("V_PS_V gp0, gp0, gp0", 0, "no such opcode"),
        (".word 0x3F", 0, "no such opcode"),
        ("C_LOOP_START gp1, 0", 0, "count of 0"),
        ("C_LOOP_END gp1", 0, "no loop with the counter gp1"),
        ("C_BREAK", 0, "no loop is open"),
        ("S_ADDI_INT gp1, gp0, 16\nH_PREFETCH_M gp1, gp0, a0, 0, 0", 1, "multiple of MLEN²"),
        ("S_LUI_INT gp1, 16\nH_STORE_V gp0, gp1, a0, 0, 0", 1, "writes HBM bytes 65536"),
    ],
)
def test_traps(small, engine, text, pc, reason):
    with pytest.raises(Trap, match=f"pc {pc}: ") as caught:
        run(Simulator(small), text, engine)
    assert caught.value.pc == pc
    assert reason in caught.value.reason
    assert caught.value.instruction in text.replace(".word 0x3F", ".word 0x0000003F")


def test_trap_within_a_loop_leaves_the_registers(small, engine):
    simulator = Simulator(small)
    text = """
        C_LOOP_START gp1, 100
        V_EXP_V gp2, gp2, 0
        S_ADDI_INT gp2, gp2, 16
        C_LOOP_END gp1
    """
    with pytest.raises(Trap) as caught:
        run(simulator, text, engine)
    assert caught.value.pc == 1
    assert simulator.gp[1:3].tolist() == [100 - 64, 1024]


def test_watchdog(make_machine, engine):
    machine = make_machine(MAX_LOOP_INSTRUCTIONS=20)
    body = "S_ADDI_INT gp2, gp2, 1\n"
    for inner, fits in ((19, True), (20, False)):
        text = "C_LOOP_START gp1, 3\n" + body * inner + "C_LOOP_END gp1\n"
        if fits:
            run(Simulator(machine), text, engine)
            continue
        with pytest.raises(Trap, match="MAX_LOOP_INSTRUCTIONS = 20") as caught:
            run(Simulator(machine), text, engine)
        assert caught.value.pc == 21


def test_runs_continue_on_the_state(small, engine):
    simulator = Simulator(small)
    for expected in (1, 2, 3):
        run(simulator, "S_ADDI_INT gp1, gp1, 1", engine)
        assert simulator.gp[1] == expected


@pytest.mark.parametrize("engine", [name for name in engines_here() if name != "plain"])
def test_progress(small, engine):
    seen = []
    text = "C_LOOP_START gp1, 50\n" + "S_ADDI_INT gp2, gp2, 1\n" * 30_000 + "C_LOOP_END gp1\n"
    simulator = Simulator(small)
    result = simulator.run(
        assemble(text), progress=lambda done, total: seen.append((done, total)), engine=engine
    )
    # After a slice of a million or after each iteration, and at the end.
    assert seen[-1] == (result.instructions, result.instructions)
    assert len(seen) == {"native": 2, "numpy": 51}[engine]
    assert simulator.gp[2] == 1_500_000

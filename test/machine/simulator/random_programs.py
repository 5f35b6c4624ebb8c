"""Random programs of every opcode on odd little machines, and what engines make of them.

`python test/machine/simulator/random_programs.py INSTRUCTIONS [SEED]` runs programs until so many
instructions have been executed in each engine and compares all memories; with `mutate` as a third
argument a few bits of every program are changed, so that nearly all of them trap.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from functools import cache

import numpy as np
from fa.machine import Machine, Simulator, Trap
from fa.machine.numerics.bf16 import f32_to_bf16
from fa.machine.simulator import interpreter
from fa.machine.simulator.native import session
from fa.machine.spec.encoding import encode
from fa.machine.spec.isa import BY_MNEMONIC, INSTRUCTIONS
from fa.machine.spec.params import PRESETS

EXECUTED = [i.mnemonic for i in INSTRUCTIONS if i.status == "implemented"]
STRAIGHT = [m for m in EXECUTED if m not in ("C_LOOP_START", "C_LOOP_END", "C_BREAK")]

MX8 = {
    "format": "Mx",
    "block": 8,
    "ELEM": {"type": "Fp", "sign": True, "exponent": 4, "mantissa": 3},
    "SCALE": {"type": "Fp", "sign": False, "exponent": 8, "mantissa": 0},
}
E5M2 = {**MX8, "block": 4, "ELEM": {"type": "Fp", "sign": True, "exponent": 5, "mantissa": 2}}
UE4M4 = {**MX8, "block": 16, "ELEM": {"type": "Fp", "sign": False, "exponent": 4, "mantissa": 4}}
INT8 = {**MX8, "ELEM": {"type": "Int", "width": 8}}
E2M1 = {**MX8, "ELEM": {"type": "Fp", "sign": True, "exponent": 2, "mantissa": 1}}
MX16 = {**MX8, "ELEM": {"type": "Fp", "sign": True, "exponent": 5, "mantissa": 10}}


def plain(kind, **fields):
    return {"format": "Plain", "DATA_TYPE": {"type": kind, **fields}}


BF16 = plain("Fp", sign=True, exponent=8, mantissa=7)
FP16 = plain("Fp", sign=True, exponent=5, mantissa=10)
FP8 = plain("Fp", sign=True, exponent=4, mantissa=3)
PLAIN_INT = plain("Int", width=16)

SMALL = {
    **{"MLEN": 16, "VLEN": 16, "BLEN": 4, "HLEN": 4, "BROADCAST_AMOUNT": 4, "HBM_SIZE": 1 << 16},
    **{"MATRIX_SRAM_SIZE": 64, "VECTOR_SRAM_SIZE": 160, "HBM_M_Prefetch_Amount": 16},
    **{"HBM_V_Prefetch_Amount": 4, "HBM_V_Writeback_Amount": 3, "MAX_LOOP_INSTRUCTIONS": 400},
}

# Configuration, weights, keys and values, activations; what is stored as keys is always bf16.
MACHINES = (
    (SMALL, MX8, INT8, MX8),
    ({**SMALL, "BLEN": 8, "HLEN": 8, "BROADCAST_AMOUNT": 2}, E5M2, MX8, E5M2),
    (
        {
            **SMALL,
            **{"MLEN": 48, "VLEN": 48, "BLEN": 6, "HLEN": 12, "HBM_SIZE": 1 << 17},
            **{"MATRIX_SRAM_SIZE": 96, "VECTOR_SRAM_SIZE": 260, "HBM_M_Prefetch_Amount": 96},
        },
        *(FP16, BF16, {**UE4M4, "block": 12}),
    ),
    (
        {**SMALL, "MLEN": 64, "VLEN": 64, "HLEN": 16, "MATRIX_SRAM_SIZE": 256,
         "VECTOR_SRAM_SIZE": 300, "HBM_M_Prefetch_Amount": 64, "HBM_SIZE": 1 << 17},
        *(MX8, MX8, MX8),
    ),
    ({**SMALL, "BLEN": 2, "HLEN": 2, "BROADCAST_AMOUNT": 8}, UE4M4, FP8, PLAIN_INT),
    # Batched instructions and prefetches of activations trap here.
    ({**SMALL, "BLEN": 16, "BROADCAST_AMOUNT": 2}, MX16, FP8, E2M1),
    # All matrix instructions trap here.
    ({**SMALL, "VLEN": 32, "HLEN": 4}, MX8, PLAIN_INT, MX16),
)  # fmt: skip


@cache
def machine(number):
    """One of `MACHINES`."""
    config, weight, kv, act = MACHINES[number]
    tables = tomllib.loads((PRESETS / "plena-64.toml").read_text())["TRANSACTIONAL"]
    tables = {**tables, "CONFIG": {**tables["CONFIG"]}, "PRECISION": {**tables["PRECISION"]}}
    for key, value in config.items():
        tables["CONFIG"][key] = {"value": value}
    forms = {"HBM_M_WEIGHT_TYPE": weight, "HBM_M_KV_TYPE": kv, "HBM_V_ACT_TYPE": act}
    tables["PRECISION"].update(forms | {"HBM_V_KV_TYPE": BF16})
    return Machine.from_settings({"TRANSACTIONAL": tables}, f"odd {number}")


class Writer:
    """Writes one program. gp0 stays 0; addresses are put into gp1 to gp7 before they are used.

    With `wrong` probability an operand is one that may trap.
    """

    def __init__(self, rng, m, wrong):
        self.rng, self.machine, self.wrong = rng, m, wrong
        self.words = []
        self.free = 1

    def emit(self, mnemonic, **operands):
        instruction = BY_MNEMONIC[mnemonic]
        values = [operands.get(operand.name, 0) for operand in instruction.operands]
        self.words.append(encode(instruction, tuple(values)))

    def number(self, below):
        return int(self.rng.integers(below))

    def register(self, value):
        """A register with a value in it."""
        self.free = self.free % 6 + 1
        value &= 0xFFFF_FFFF
        if value >= 1 << 18:
            self.emit("S_LUI_INT", dest=self.free, value=value >> 12)
            self.emit("S_ADDI_INT", dest=self.free, src=self.free, value=value & 0xFFF)
        else:
            self.emit("S_ADDI_INT", dest=self.free, src=0, value=value)
        return self.free

    def bad(self):
        return self.rng.random() < self.wrong

    def row(self, count=1):
        m = self.machine
        rows = m.vector_sram_rows
        if self.bad():
            wrong = (self.number(rows * m.vlen), (rows - self.number(count + 2)) * m.vlen)
            return self.register((*wrong, 0xFFFF_FFF0, 1 << 31)[self.number(4)])
        # Few rows, so that results are used again.
        few = min(rows - count, 12)
        return self.register(m.vlen * (self.number(few) if few > 0 else 0))

    def tile(self, offset):
        m = self.machine
        area = m.mlen**2
        if self.bad():
            return self.register((self.number(area * m.matrix_tiles), area * 999)[self.number(2)])
        return self.register(self.number(m.matrix_tiles) * area + offset)

    def instruction(self, name):
        """One instruction of this name, and what sets up its registers."""
        m = self.machine
        fp = lambda: self.number(8) if not self.bad() else self.number(16)  # noqa: E731
        mask = self.number(2) if "rmask" in {o.name for o in BY_MNEMONIC[name].operands} else 0
        match name.split("_"):
            case ["M", "MM" | "TMM"]:
                offset = self.number(m.mlen // m.blen) * m.mlen * m.blen
                self.emit(name, vector=self.row(m.blen), matrix=self.tile(offset))
            case ["M", "BMM" | "BTMM"]:
                offset = self.number(m.mlen // m.hlen) * m.hlen
                self.emit(name, vector=self.row(m.mlen), matrix=self.tile(offset))
            case ["M", "MV"]:
                offset = self.number(m.mlen // m.blen) * m.blen
                self.emit(name, vector=self.row(), matrix=self.tile(offset))
            case ["M", "TMV"]:
                self.emit(name, vector=self.row(), matrix=self.tile(0))
            case ["M", "BTMV"]:
                offset = self.number(m.mlen // m.hlen) * m.hlen
                self.emit(
                    name,
                    vector=self.row(),
                    matrix=self.tile(0),
                    matrix_offset=self.register(offset),
                )
            case ["M", "MM", "WO"]:
                column = self.number(m.mlen // m.blen) * m.blen
                # A stride of 2^32 / MLEN rows comes back to the same one.
                step = (0, 1, 2, (1 << 32) // m.mlen)[self.number(4)]
                stride = self.register(step) if self.number(2) else 0
                dest = self.row(2 * m.blen)
                self.emit(name, dest=dest, stride=stride, offset=column + self.bad())
            case ["M", "MV", "WO"]:
                column = self.number(m.mlen // m.blen) * m.blen
                self.emit(name, dest=self.row(), offset=column + self.bad())
            case ["M", "BMM", "WO"]:
                self.emit(name, dest=self.row(m.broadcast * m.mlen), offset=self.bad())
            case ["M", "BMV", "WO"]:
                self.emit(name, dest=self.row(m.broadcast), offset=self.bad())
            case ["V", "TOPK"]:
                policy = self.number(2) if not self.bad() else self.number(16)
                places = {key: self.register(self.number(900)) for key in ("weights", "indices")}
                self.emit(name, src=self.row(128 // m.vlen + 1), policy=policy, **places)
            case ["V", "SHFT", "V"]:
                amount = self.register(self.number(m.vlen + 9))
                self.emit(name, dest=self.row(), src=self.row(), amount=amount)
            case ["V", "RED", _]:
                self.emit(name, total=fp(), src=self.row(), rmask=mask)
            case ["V", *_, "VV"]:
                self.emit(name, dest=self.row(), lhs=self.row(), rhs=self.row(), rmask=mask)
            case ["V", *_]:
                order = self.number(2) if name == "V_SUB_VF" else 0
                self.emit(
                    *(name,),
                    **{
                        "dest": self.row(),
                        "src": self.row(),
                        "scalar": fp(),
                        "rmask": mask,
                        "order": order,
                    },
                )
            case ["S", _, "FP"] if name not in ("S_LD_FP", "S_ST_FP"):
                self.emit(name, dest=fp(), lhs=fp(), rhs=fp(), src=fp())
            case ["S", "LD" | "ST", "FP" | "INT"]:
                index = self.number(40) if not self.bad() else self.number(1 << 18)
                base = self.register(-3 & 0xFFFF_FFFF) if self.number(4) == 0 else 0
                # Loaded integers go where they harm nobody.
                here = fp() if name.endswith("FP") else 11 + self.number(3)
                self.emit(name, dest=here, value=here, base=base, offset=index + 3 * (base > 0))
            case ["S", "MAP", *_]:
                index = self.number(1025 - m.vlen) + 9 * self.bad()
                self.emit(name, dest=self.row(), base=0, offset=index)
            case ["S", *_]:
                value = self.number(1 << 18)
                sources = {key: self.number(16) for key in ("lhs", "rhs", "src")}
                self.emit(name, dest=11 + self.number(3), value=value, **sources)
            case ["H", *_]:
                self.transfer(name)
            case ["C", "SET", "ADDR", _]:
                # a1 and a2 are regions of the memory, see `prepare`.
                self.emit(name, dest=3 + self.number(13), high=self.number(16), low=self.number(16))
            case ["C", "SET", kind, *_]:
                # Multiples of 2, so that bf16 numbers stay at even addresses.
                scale = m.hbm_size // 4 + 2 * self.number(40)
                stride = (m.vlen, 2 * m.vlen, 2 * self.number(200), 0)[self.number(4)]
                value = {"SCALE": scale, "STRIDE": stride, "V": self.number(1 << 9)}[kind]
                self.emit(name, src=self.register(value))
            case _:
                raise AssertionError(name)

    def transfer(self, name):
        m = self.machine
        precision = self.number(2)
        offset = self.register(2 * self.number(60))
        base = 2 if precision and name != "H_PREFETCH_M" else 1
        if self.bad():
            base = (1, 3 + self.number(13))[name != "H_STORE_V"]
            offset = self.register(m.hbm_size - 2 * self.number(300))
        operands = {
            "offset": offset,
            "base": base,
            "precision": precision,
            "rstride": self.number(3),
        }
        if name == "H_PREFETCH_M":
            first = self.number(m.matrix_tiles - m.prefetch_m // m.mlen + 1) * m.mlen**2
            self.emit(name, dest=self.register(first + 8 * self.bad()), **operands)
        else:
            row = self.row(m.writeback_v)
            self.emit(name, dest=row, src=row, **operands)

    def block(self, depth):
        for _ in range(1 + self.number(6)):
            if depth < 3 and self.number(3) == 0:
                self.loop(depth)
            else:
                self.instruction(STRAIGHT[self.number(len(STRAIGHT))])

    def loop(self, depth):
        counter = 8 + self.number(3) if self.bad() else 8 + depth
        self.emit("C_LOOP_START", counter=counter, count=1 + self.number(3) - self.bad())
        self.block(depth + 1)
        odd = self.number(12)
        if odd == 0:
            self.emit("C_BREAK")
            if self.number(2):
                return
            self.emit("C_LOOP_START", counter=counter, count=2)
        if odd == 1:
            # The body ends its own loop.
            self.emit("S_ADDI_INT", dest=counter, src=0, value=self.number(2))
        if odd == 2 and self.bad():
            return
        self.emit("C_LOOP_END", counter=counter)


def program(rng, m, wrong):
    """Words of a program."""
    writer = Writer(rng, m, wrong)
    for _ in range(1 + writer.number(8)):
        writer.block(0)
    return np.array(writer.words, np.uint32)


def mutated(rng, words):
    """A few bits of a program changed; counts of loops stay small."""
    words = words.copy()
    for _ in range(1 + int(rng.integers(4))):
        words[rng.integers(words.size)] ^= np.uint32(1 << int(rng.integers(32)))
    loops = words & 0x3F == BY_MNEMONIC["C_LOOP_START"].opcode
    words[loops] &= 0x1FFF
    return words


SPECIALS = np.array(
    [0x7F80, 0xFF80, 0x7FC0, 0xFFC1, 0x7F81, 0x8000, 0x0000, 0x0001, 0x807F, 0x7F7F], np.uint16
)


def numbers(rng, shape):
    """bf16 patterns: most of them near 1, some tiny, huge, infinite or none."""
    values = rng.standard_normal(shape) * np.exp(rng.uniform(-9, 9, shape))
    bits = f32_to_bf16(values.astype(np.float32))
    odd = rng.random(shape) < 0.02
    bits[odd] = rng.choice(SPECIALS, int(odd.sum()))
    wild = rng.random(shape) < 0.01
    bits[wild] = rng.integers(0, 1 << 16, int(wild.sum()))
    # Patterns with a NaN's quiet bit clear become quiet in arithmetic and stay in copies.
    return bits


def prepare(m, seed):
    """A simulator with random memories; a1 is a region of any bytes, a2 one of bf16 numbers."""
    rng = np.random.default_rng(seed)
    simulator = Simulator(m)
    simulator.vector[:] = numbers(rng, simulator.vector.shape)
    simulator.fp[:] = numbers(rng, 1024)
    simulator.f[:] = numbers(rng, 8)
    matrix = np.zeros(simulator.matrix.shape, np.uint32)
    matrix[:] = numbers(rng, matrix.shape).astype(np.uint32) << 16
    simulator.matrix[:] = matrix.view(np.float32)
    simulator.int[:] = rng.integers(0, 1 << 32, 1024)
    half = m.hbm_size // 2
    simulator.hbm[:half] = rng.integers(0, 256, half)
    simulator.hbm[half:] = numbers(rng, half // 2).view(np.uint8)
    simulator.a[1:3] = [0, half]
    return simulator


def state_of(simulator):
    """Everything in a machine, NaNs made alike: which one an operation gives is not specified."""
    arrays = {}
    for name in ("vector32", "fp32", "f32", "matrix", "m_accum", "hm_accum", "v_accum", "hv_accum"):
        values = getattr(simulator, name)
        arrays[name] = np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32)
    # bf16 numbers are stored at even addresses.
    halves = simulator.hbm.view(np.uint16)
    arrays["hbm"] = np.where((halves & 0x7FFF) > 0x7F80, 0x7FC0, halves)
    for name in ("int", "gp", "a"):
        arrays[name] = getattr(simulator, name).copy()
    for name in ("scale", "stride", "mask"):
        arrays[name] = np.array(getattr(simulator, name))
    return arrays


def outcome(m, seed, words, engine, hbm_time="exact"):
    """The trap's text, or the result; and the state."""
    simulator = prepare(m, seed)
    try:
        result = simulator.run(words, hbm_time, engine=engine)
    except Trap as trap:
        return str(trap), None, state_of(simulator)
    return "", result, state_of(simulator)


def differences(want, got, whole=True):
    """What differs between two outcomes; after a trap all of the state only where `whole`."""
    if want[0] != got[0]:
        return [f"trap: {want[0]!r} and {got[0]!r}"]
    names = list(want[2]) if whole or not want[0] else ["gp"]
    found = [name for name in names if not np.array_equal(want[2][name], got[2][name])]
    if not want[0]:
        left, right = want[1], got[1]
        for name in ("pc_counts", "pc_cycles", "pc_hbm_bytes"):
            if getattr(left, name).tolist() != getattr(right, name).tolist():
                found.append(name)
        for name in (
            *("cycles", "compute_cycles", "hbm_cycles", "instructions", "per_opcode"),
            *("hbm_bytes_read", "hbm_bytes_written"),
        ):
            if getattr(left, name) != getattr(right, name):
                found.append(name)
    return found


def compare(number, seed, mutate=False, engines=("native", "numpy"), wrong=0.002):
    """Run one program everywhere; the result of the plain interpreter (None after a trap)."""
    rng = np.random.default_rng(seed)
    m = machine(number)
    words = program(rng, m, wrong)
    if mutate:
        words = mutated(rng, words)
    want = outcome(m, seed, words, "plain")
    for engine in engines:
        got = outcome(m, seed, words, engine)
        found = differences(want, got, whole=engine == "native")
        assert not found, f"machine {number}, seed {seed}, mutate {mutate}, {engine}: {found}"
    return want


def soon_stuck():
    """Let a loop whose counter does not go down count as endless soon; only messages differ."""
    for module in (interpreter, session):
        module.STUCK_ITERATIONS = 50


def main():
    soon_stuck()
    wanted, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    mutate = "mutate" in sys.argv
    engines = ("native",) if "native" in sys.argv else ("native", "numpy")
    executed, programs, traps, counts = 0, 0, Counter(), Counter()
    while executed < wanted:
        trap, result, _ = compare((programs + seed) % len(MACHINES), seed, mutate, engines)
        programs += 1
        seed += 1
        if trap:
            traps[trap.split(": ")[-1].split(" ")[0]] += 1
            executed += 1 if mutate else 0
            continue
        executed += result.instructions
        for name, row in result.per_opcode.items():
            counts[name] += row["count"]
    least = min(EXECUTED, key=lambda name: counts[name])
    print(
        f"{programs} programs, {executed:,} instructions, {traps.total()} traps; of every opcode "
        f"at least {counts[least]:,} ({least}); all equal"
    )


if __name__ == "__main__":
    main()

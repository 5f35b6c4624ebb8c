"""The instruction table: everything said about an instruction is said here, once.

The assembler, disassembler, simulator, cost model, IR dialect and ISA page all read `INSTRUCTIONS`.
This module imports nothing heavy, so tools that only need mnemonics start quickly.

Section numbers in `section` and in comments are those of `docs/isa.md`'s source, the machine's
instruction set reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cycle_expression import CycleExpression, constant, parameter

Bank = Literal["gp", "fp", "addr", "imm", "mask", "flag", "dummy"]
Field = Literal["rd", "rs1", "rs2", "r3", "fn", "imm18", "imm22"]
Encoding = Literal["R0", "R1", "R2", "R3", "R4", "R5", "I18", "I22"]
Unit = Literal["matrix", "vector", "scalar", "control", "hbm"]
Status = Literal["implemented", "panics", "undefined"]
Resource = Literal[
    "vector",
    "matrix",
    "fp_mem",
    "int_mem",
    "hbm",
    "m_accum",
    "hm_accum",
    "v_accum",
    "hv_accum",
    "scale",
    "stride",
    "mask",
    "loop",
]

OPCODE_BITS = 6
FIELD_BITS: dict[Field, tuple[int, int]] = {
    "rd": (6, 4),
    "rs1": (10, 4),
    "rs2": (14, 4),
    "r3": (18, 4),
    "fn": (22, 4),
    "imm18": (14, 18),
    "imm22": (10, 22),
}
"""Lowest bit and width of each field of the 32-bit word (section 3.1)."""

ENCODING_FIELDS: dict[Encoding, tuple[Field, ...]] = {
    "R0": (),
    "R1": ("rd",),
    "R2": ("rd", "rs1"),
    "R3": ("rd", "rs1", "rs2"),
    "R4": ("rd", "rs1", "rs2", "r3"),
    "R5": ("rd", "rs1", "rs2", "r3", "fn"),
    "I18": ("rd", "rs1", "imm18"),
    "I22": ("rd", "imm22"),
}
"""Fields that the published assembler fills for each group (section 3.5)."""

BANK_PREFIX: dict[Bank, str] = {"gp": "gp", "fp": "f", "addr": "a"}
"""Register name prefixes; the other banks are written as numbers."""

BANK_SIZE: dict[Bank, int] = {"gp": 16, "fp": 8, "addr": 16}
"""Registers in each bank."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One assembly operand.

    `field` is where the machine decodes it. `reads`/`writes` say what happens to the register
    itself: the address register of a vector result is read, not written. `zero_is_none` marks a
    register operand that with index 0 names no register at all (the row stride of M_MM_WO).
    `optional` operands may be left out and are then 0.
    """

    name: str
    bank: Bank
    field: Field
    reads: bool = False
    writes: bool = False
    zero_is_none: bool = False
    optional: bool = False

    @property
    def is_register(self) -> bool:
        """Whether this names a register of one of the three banks."""
        return self.bank in BANK_PREFIX

    @property
    def width(self) -> int:
        """Bits of the field."""
        return FIELD_BITS[self.field][1]

    @property
    def limit(self) -> int:
        """One more than the largest value the operand may have."""
        return BANK_SIZE.get(self.bank, 1 << self.width)


@dataclass(frozen=True, slots=True)
class Effects:
    """What an instruction touches besides the registers its operands name."""

    reads: tuple[Resource, ...] = ()
    writes: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Instruction:
    """One row of the table.

    `operands` are in assembly order. `encoding` is the group by which the published assembler packs
    the word; for the instructions where `published_encoding_differs` it puts an operand where the
    machine does not look for it, and `Operand.field` is what the machine decodes.
    `transactional` and `analytic` are cycles in the two cost tables, without HBM time;
    `free_without_destination` says that a zero destination register makes the instruction a no-op
    of 0 transactional cycles.
    """

    mnemonic: str
    opcode: int
    encoding: Encoding
    operands: tuple[Operand, ...]
    effects: Effects
    unit: Unit
    status: Status
    transactional: CycleExpression
    analytic: CycleExpression
    doc: str
    section: str
    free_without_destination: bool = False

    def operand(self, name: str) -> Operand:
        """The operand called `name`; KeyError if there is none."""
        for operand in self.operands:
            if operand.name == name:
                return operand
        raise KeyError(name)

    @property
    def published_encoding_differs(self) -> bool:
        """Whether the published assembler puts some operand into a field not decoded for it."""
        published = ENCODING_FIELDS[self.encoding]
        return any(operand.field not in published for operand in self.operands)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the register operands whose register is read."""
        return tuple(operand.name for operand in self.operands if operand.reads)

    @property
    def writes(self) -> tuple[str, ...]:
        """Names of the register operands whose register is written."""
        return tuple(operand.name for operand in self.operands if operand.writes)


MLEN = parameter("MLEN")
VLEN = parameter("VLEN")
BLEN = parameter("BLEN")
SYSTOLIC = parameter("SYSTOLIC_PROCESSING_OVERHEAD")
VECTOR_ADD = parameter("VECTOR_ADD_CYCLES")
VECTOR_MUL = parameter("VECTOR_MUL_CYCLES")
VECTOR_EXP = parameter("VECTOR_EXP_CYCLES")
VECTOR_RECI = parameter("VECTOR_RECI_CYCLES")
VECTOR_MAX = parameter("VECTOR_MAX_CYCLES")
VECTOR_SUM = parameter("VECTOR_SUM_CYCLES")
VECTOR_BASIC = parameter("VECTOR_BASIC_CYCLES")
FP_BASIC = parameter("SCALAR_FP_BASIC_CYCLES")
FP_EXP = parameter("SCALAR_FP_EXP_CYCLES")
FP_SQRT = parameter("SCALAR_FP_SQRT_CYCLES")
FP_RECI = parameter("SCALAR_FP_RECI_CYCLES")
INT_BASIC = parameter("SCALAR_INT_BASIC_CYCLES")
ONE = constant(1)
ZERO = constant(0)
BATCHED = (MLEN // BLEN) * (MLEN // BLEN) * BLEN


def _gp(name: str, field: Field, **flags: bool) -> Operand:
    """A gp register that is read."""
    return Operand(name, "gp", field, reads=True, **flags)


def _gp_out(name: str, field: Field) -> Operand:
    return Operand(name, "gp", field, writes=True)


def _fp(name: str, field: Field) -> Operand:
    return Operand(name, "fp", field, reads=True)


def _fp_out(name: str, field: Field) -> Operand:
    return Operand(name, "fp", field, writes=True)


_DUMMY = Operand("dummy", "dummy", "rd")
_MASK = Operand("rmask", "mask", "r3")
_OPTIONAL_MASK = Operand("rmask", "mask", "r3", optional=True)
_OFFSET18 = Operand("offset", "imm", "imm18")
_DEST = _gp("dest", "rd")


def _multiply(
    mnemonic: str,
    opcode: int,
    operands: tuple[Operand, ...],
    accumulator: Resource,
    transactional: CycleExpression,
    analytic: CycleExpression,
    doc: str,
    status: Status = "implemented",
) -> Instruction:
    """A matrix instruction that adds a product into `accumulator`."""
    return Instruction(
        mnemonic,
        opcode,
        "R3",
        operands,
        Effects(("vector", "matrix", accumulator), (accumulator,)),
        "matrix",
        status,
        transactional,
        analytic,
        doc,
        "4.2",
    )


def _write_out(
    mnemonic: str,
    opcode: int,
    encoding: Encoding,
    operands: tuple[Operand, ...],
    accumulator: Resource,
    partial_row: bool,
    doc: str,
) -> Instruction:
    """Drain `accumulator` into vector SRAM and clear it."""
    reads: tuple[Resource, ...] = (accumulator, "vector") if partial_row else (accumulator,)
    return Instruction(
        mnemonic,
        opcode,
        encoding,
        operands,
        Effects(reads, ("vector", accumulator)),
        "matrix",
        "implemented",
        ONE,
        ONE,
        doc,
        "4.2",
    )


def _vector(
    mnemonic: str,
    opcode: int,
    encoding: Encoding,
    operands: tuple[Operand, ...],
    transactional: CycleExpression,
    analytic: CycleExpression,
    doc: str,
    masked: bool = True,
) -> Instruction:
    """A vector instruction from rows of vector SRAM to a row of vector SRAM."""
    reads: tuple[Resource, ...] = ("vector", "mask") if masked else ("vector",)
    return Instruction(
        mnemonic,
        opcode,
        encoding,
        operands,
        Effects(reads, ("vector",)),
        "vector",
        "implemented",
        transactional,
        analytic,
        doc,
        "4.3",
    )


def _vector_vv(mnemonic: str, opcode: int, cycles: CycleExpression, doc: str) -> Instruction:
    operands = (_DEST, _gp("lhs", "rs1"), _gp("rhs", "rs2"), _OPTIONAL_MASK)
    return _vector(mnemonic, opcode, "R4", operands, cycles, cycles, doc)


def _vector_vf(
    mnemonic: str,
    opcode: int,
    transactional: CycleExpression,
    analytic: CycleExpression,
    doc: str,
) -> Instruction:
    operands = (_DEST, _gp("src", "rs1"), _fp("scalar", "rs2"), _OPTIONAL_MASK)
    return _vector(mnemonic, opcode, "R4", operands, transactional, analytic, doc)


def _reduction(
    mnemonic: str,
    opcode: int,
    encoding: Encoding,
    mask: Operand,
    transactional: CycleExpression,
    analytic: CycleExpression,
    doc: str,
) -> Instruction:
    """A reduction of one row into an f register, which is both read and written."""
    total = Operand("total", "fp", "rd", reads=True, writes=True)
    return Instruction(
        mnemonic,
        opcode,
        encoding,
        (total, _gp("src", "rs1"), mask),
        Effects(("vector", "mask"), ()),
        "vector",
        "implemented",
        transactional,
        analytic,
        doc,
        "4.3",
        free_without_destination=True,
    )


def _scalar_fp(
    mnemonic: str, opcode: int, sources: tuple[str, ...], cycles: CycleExpression, doc: str
) -> Instruction:
    fields: tuple[Field, ...] = ("rs1", "rs2")
    inputs = tuple(_fp(name, field) for name, field in zip(sources, fields, strict=False))
    return Instruction(
        mnemonic,
        opcode,
        "R3" if len(sources) == 2 else "R2",
        (_fp_out("dest", "rd"), *inputs),
        Effects(),
        "scalar",
        "implemented",
        cycles,
        cycles,
        doc,
        "4.5",
        free_without_destination=True,
    )


def _scalar_int(mnemonic: str, opcode: int, doc: str) -> Instruction:
    operands = (_gp_out("dest", "rd"), _gp("lhs", "rs1"), _gp("rhs", "rs2"))
    return _scalar(mnemonic, opcode, "R3", operands, Effects(), INT_BASIC, INT_BASIC, doc, "4.6")


def _scalar(
    mnemonic: str,
    opcode: int,
    encoding: Encoding,
    operands: tuple[Operand, ...],
    effects: Effects,
    transactional: CycleExpression,
    analytic: CycleExpression,
    doc: str,
    section: str,
) -> Instruction:
    return Instruction(
        mnemonic,
        opcode,
        encoding,
        operands,
        effects,
        "scalar",
        "implemented",
        transactional,
        analytic,
        doc,
        section,
    )


def _transfer(mnemonic: str, opcode: int, onchip: Operand, effects: Effects, doc: str):
    """An HBM transfer. Its transactional time is the memory model's, hence 0 here."""
    operands = (
        onchip,
        _gp("offset", "rs1"),
        Operand("base", "addr", "rs2", reads=True),
        Operand("rstride", "flag", "r3"),
        Operand("precision", "flag", "fn"),
    )
    return Instruction(
        mnemonic, opcode, "R5", operands, effects, "hbm", "implemented", ZERO, ONE, doc, "4.7"
    )


def _control(
    mnemonic: str,
    opcode: int,
    encoding: Encoding,
    operands: tuple[Operand, ...],
    effects: Effects,
    doc: str,
) -> Instruction:
    return Instruction(
        mnemonic,
        opcode,
        encoding,
        operands,
        effects,
        "control",
        "implemented",
        ONE,
        ONE,
        doc,
        "4.8",
    )


def _undefined(mnemonic: str, opcode: int, unit: Unit) -> Instruction:
    """An opcode that the published assembler knows and the machine does not decode."""
    operands = (_DEST, _gp("src1", "rs1"), _gp("src2", "rs2"))
    doc = "Assembles, but the machine has no such opcode and traps when it is reached."
    return Instruction(
        mnemonic, opcode, "R3", operands, Effects(), unit, "undefined", ZERO, ZERO, doc, "3.2"
    )


INSTRUCTIONS: tuple[Instruction, ...] = (
    _undefined("INVALID_OPCODE", 0x00, "control"),
    _multiply(
        "M_MM",
        0x01,
        (_DUMMY, _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "m_accum",
        SYSTOLIC + MLEN,
        BLEN,
        "m_accum += X·W: X is BLEN rows MLEN elements apart, W a BLEN-wide column block of a tile.",
    ),
    _multiply(
        "M_TMM",
        0x02,
        (_DUMMY, _gp("vector", "rs1"), _gp("matrix", "rs2")),
        "m_accum",
        SYSTOLIC + MLEN,
        BLEN,
        "m_accum += X·Wᵀ: X is BLEN rows MLEN elements apart, W is BLEN rows of a tile.",
    ),
    _multiply(
        "M_BMM",
        0x03,
        (_DUMMY, _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "hm_accum",
        SYSTOLIC + MLEN,
        BATCHED,
        "hm_accum[h] += 0.25·Q_h·K for all heads h; Q_h takes elements h, h+B, h+2B… of MLEN rows.",
    ),
    _multiply(
        "M_BTMM",
        0x04,
        (_DUMMY, _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "hm_accum",
        SYSTOLIC + MLEN,
        BATCHED,
        "hm_accum[h] += 0.25·Q_h·Kᵀ for all heads h; Q_h is the h-th HLEN-wide slice of MLEN rows.",
    ),
    _write_out(
        "M_BMM_WO",
        0x05,
        "I22",
        (_DEST, _OFFSET18),
        "hm_accum",
        False,
        "Write BROADCAST·MLEN dense rows from hm_accum and clear it.",
    ),
    _write_out(
        "M_MM_WO",
        0x06,
        "I18",
        (_DEST, _gp("stride", "rs1", zero_is_none=True), _OFFSET18),
        "m_accum",
        True,
        "Write BLEN x BLEN results into BLEN rows, `stride` rows apart (field 0: 1), and clear.",
    ),
    _multiply(
        "M_MV",
        0x07,
        (_DUMMY, _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "v_accum",
        MLEN,
        1 + BLEN,
        "v_accum += row·W, W a BLEN-wide column block; the tile offset is the column.",
    ),
    _multiply(
        "M_TMV",
        0x08,
        (_DUMMY, _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "v_accum",
        MLEN,
        1 + BLEN,
        "v_accum += row·Wᵀ, W the first BLEN rows of a tile.",
    ),
    _multiply(
        "M_BMV",
        0x09,
        (_gp("matrix_offset", "rd"), _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "hv_accum",
        SYSTOLIC + 1,
        1 + BLEN,
        "Always traps (the machine adds tensors of different shapes).",
        "panics",
    ),
    _multiply(
        "M_BTMV",
        0x0A,
        (_gp("matrix_offset", "rd"), _gp("matrix", "rs1"), _gp("vector", "rs2")),
        "hv_accum",
        SYSTOLIC + 1,
        1 + BLEN,
        "hv_accum[h] += 0.25·q_h·Kᵀ for all heads h; the matrix address is a sum of two registers.",
    ),
    _write_out(
        "M_MV_WO",
        0x0B,
        "I22",
        (_DEST, _OFFSET18),
        "v_accum",
        True,
        "Write BLEN results into one row and clear v_accum.",
    ),
    _write_out(
        "M_BMV_WO",
        0x0C,
        "I22",
        (_DEST, _OFFSET18),
        "hv_accum",
        False,
        "Write BROADCAST dense rows from hv_accum and clear it.",
    ),
    _vector_vv("V_ADD_VV", 0x0D, VECTOR_ADD, "V[dest] = V[lhs] + V[rhs]."),
    _vector_vf("V_ADD_VF", 0x0E, VECTOR_ADD, VECTOR_ADD, "V[dest] = V[src] + scalar."),
    _vector_vv("V_SUB_VV", 0x0F, VECTOR_ADD, "V[dest] = V[lhs] - V[rhs]."),
    _vector(
        "V_SUB_VF",
        0x10,
        "R5",
        (
            _DEST,
            _gp("src", "rs1"),
            _fp("scalar", "rs2"),
            _MASK,
            Operand("order", "flag", "fn"),
        ),
        VECTOR_ADD,
        VECTOR_ADD,
        "V[dest] = V[src] - scalar; with a non-zero order its negation.",
    ),
    _vector_vv("V_MUL_VV", 0x11, VECTOR_MUL, "V[dest] = V[lhs] * V[rhs]."),
    _vector_vf("V_MUL_VF", 0x12, VECTOR_MUL, VECTOR_MUL, "V[dest] = V[src] * scalar."),
    _vector(
        "V_EXP_V",
        0x13,
        "I18",
        (_DEST, _gp("src", "rs1"), _MASK),
        VECTOR_EXP,
        1 + VECTOR_EXP,
        "V[dest] = exp(clamp(V[src], -88, 88)); unselected lanes are clamped too.",
    ),
    _vector(
        "V_RECI_V",
        0x14,
        "I18",
        (_DEST, _gp("src", "rs1"), _MASK),
        VECTOR_RECI,
        1 + VECTOR_EXP,
        "V[dest] = 1 / V[src].",
    ),
    _reduction(
        "V_RED_SUM",
        0x15,
        "R2",
        _OPTIONAL_MASK,
        VECTOR_SUM,
        VECTOR_SUM,
        "total += sum of V[src]; total f0: nothing. A mask does not make a masked sum.",
    ),
    _reduction(
        "V_RED_MAX",
        0x16,
        "I18",
        _MASK,
        VECTOR_MAX,
        1 + VECTOR_MAX,
        "total = max(total, maximum of V[src]); total f0: nothing. A mask has no effect.",
    ),
    _scalar_fp("S_ADD_FP", 0x17, ("lhs", "rhs"), FP_BASIC, "dest = lhs + rhs; f0: nothing."),
    _scalar_fp("S_SUB_FP", 0x18, ("lhs", "rhs"), FP_BASIC, "dest = lhs - rhs; f0: nothing."),
    _scalar_fp("S_MAX_FP", 0x19, ("lhs", "rhs"), FP_BASIC, "dest = max(lhs, rhs); f0: nothing."),
    _scalar_fp("S_MUL_FP", 0x1A, ("lhs", "rhs"), FP_BASIC, "dest = lhs * rhs; f0: nothing."),
    _scalar_fp("S_EXP_FP", 0x1B, ("src",), FP_EXP, "dest = exp(clamp(src, -88, 88)); f0: nothing."),
    _scalar_fp("S_RECI_FP", 0x1C, ("src",), FP_RECI, "dest = 1 / src; f0: nothing."),
    _scalar_fp("S_SQRT_FP", 0x1D, ("src",), FP_SQRT, "dest = square root of src; f0: nothing."),
    _scalar(
        "S_LD_FP",
        0x1E,
        "I18",
        (_fp_out("dest", "rd"), _gp("base", "rs1"), _OFFSET18),
        Effects(("fp_mem",), ()),
        ONE,
        ONE,
        "dest = FP_MEM[base + offset]; writes f0 too.",
        "4.5",
    ),
    _scalar(
        "S_ST_FP",
        0x1F,
        "I18",
        (_fp("value", "rd"), _gp("base", "rs1"), _OFFSET18),
        Effects((), ("fp_mem",)),
        ONE,
        ONE,
        "FP_MEM[base + offset] = value.",
        "4.5",
    ),
    _scalar(
        "S_MAP_V_FP",
        0x20,
        "I18",
        (_DEST, _gp("base", "rs1"), _OFFSET18),
        Effects(("fp_mem",), ("vector",)),
        2 * VLEN,
        ONE,
        "V[dest] = FP_MEM[base + offset … + VLEN).",
        "4.5",
    ),
    _scalar_int("S_ADD_INT", 0x21, "dest = lhs + rhs mod 2^32."),
    _scalar(
        "S_ADDI_INT",
        0x22,
        "I18",
        (_gp_out("dest", "rd"), _gp("src", "rs1"), Operand("value", "imm", "imm18")),
        Effects(),
        INT_BASIC,
        INT_BASIC,
        "dest = src + value mod 2^32, the value unsigned.",
        "4.6",
    ),
    _scalar_int("S_SUB_INT", 0x23, "dest = lhs - rhs mod 2^32."),
    _scalar_int("S_MUL_INT", 0x24, "dest = low 32 bits of lhs * rhs."),
    _scalar(
        "S_LUI_INT",
        0x25,
        "I22",
        (_gp_out("dest", "rd"), Operand("value", "imm", "imm22")),
        Effects(),
        INT_BASIC,
        INT_BASIC,
        "dest = value << 12 mod 2^32.",
        "4.6",
    ),
    _scalar(
        "S_LD_INT",
        0x26,
        "I18",
        (_gp_out("dest", "rd"), _gp("base", "rs1"), _OFFSET18),
        Effects(("int_mem",), ()),
        INT_BASIC,
        INT_BASIC,
        "dest = INT_MEM[base + offset].",
        "4.6",
    ),
    _scalar(
        "S_ST_INT",
        0x27,
        "I18",
        (_gp("value", "rd"), _gp("base", "rs1"), _OFFSET18),
        Effects((), ("int_mem",)),
        INT_BASIC,
        INT_BASIC,
        "INT_MEM[base + offset] = value.",
        "4.6",
    ),
    _transfer(
        "H_PREFETCH_M",
        0x28,
        _DEST,
        Effects(("hbm", "scale", "stride"), ("matrix",)),
        "Fetch M_Prefetch rows of MLEN elements from HBM into consecutive tiles.",
    ),
    _transfer(
        "H_PREFETCH_V",
        0x29,
        _DEST,
        Effects(("hbm", "scale", "stride"), ("vector",)),
        "Fetch V_Prefetch rows of VLEN elements from HBM into vector SRAM.",
    ),
    _transfer(
        "H_STORE_V",
        0x2A,
        _gp("src", "rd"),
        Effects(("vector", "hbm", "scale", "stride"), ("hbm",)),
        "Store V_Writeback rows of VLEN elements of vector SRAM to HBM.",
    ),
    _control(
        "C_SET_ADDR_REG",
        0x2B,
        "R3",
        (Operand("dest", "addr", "rd", writes=True), _gp("high", "rs1"), _gp("low", "rs2")),
        Effects(),
        "dest = high << 32 | low: a byte address in HBM.",
    ),
    _control(
        "C_SET_SCALE_REG",
        0x2C,
        "R1",
        (_gp("src", "rd"),),
        Effects((), ("scale",)),
        "SCALE = src: bytes from a tensor's base to its scales.",
    ),
    _control(
        "C_SET_STRIDE_REG",
        0x2D,
        "R1",
        (_gp("src", "rd"),),
        Effects((), ("stride",)),
        "STRIDE = src: bytes from row to row of a transfer with rstride 1.",
    ),
    _control(
        "C_SET_V_MASK_REG",
        0x2E,
        "R1",
        (_gp("src", "rd"),),
        Effects((), ("mask",)),
        "V_MASK = src: bit h selects lanes h·HLEN … h·HLEN+HLEN-1.",
    ),
    _control(
        "C_LOOP_START",
        0x2F,
        "I22",
        (_gp_out("counter", "rd"), Operand("count", "imm", "imm22")),
        Effects(("loop",), ("loop",)),
        "counter = count (at least 1) and open a loop; the counter runs count … 1, then 0.",
    ),
    _control(
        "C_LOOP_END",
        0x30,
        "R1",
        (Operand("counter", "gp", "rd", reads=True, writes=True),),
        Effects(("loop",), ("loop",)),
        "If counter > 1, decrement it and repeat the body; otherwise counter = 0 and go on.",
    ),
    _undefined("V_PS_V", 0x31, "vector"),
    _vector(
        "V_SHFT_V",
        0x32,
        "R3",
        (_DEST, _gp("src", "rs1"), _gp("amount", "rs2")),
        VECTOR_MUL,
        VECTOR_BASIC,
        "V[dest] = V[src] moved `amount` lanes towards higher indices, zeros below.",
        masked=False,
    ),
    _undefined("C_HADAMARD_TRANSFORM", 0x33, "control"),
    _control(
        "C_BREAK",
        0x34,
        "R0",
        (),
        Effects(("loop",), ("loop",)),
        "Drop the innermost loop, set its counter to 0 and go on with the next instruction.",
    ),
    _vector_vf("V_MAX_VF", 0x35, VECTOR_MAX, VECTOR_BASIC, "V[dest] = max(V[src], scalar)."),
    _vector_vf("V_MIN_VF", 0x36, VECTOR_MAX, VECTOR_BASIC, "V[dest] = min(V[src], scalar)."),
    Instruction(
        "V_TOPK",
        0x37,
        "R4",
        (
            _gp("weights", "rd"),
            _gp("src", "rs1"),
            _gp("indices", "rs2"),
            Operand("policy", "flag", "r3", optional=True),
        ),
        Effects(("vector",), ("fp_mem", "int_mem")),
        "vector",
        "implemented",
        VECTOR_MAX * parameter("TOPK_ELEMENTS"),
        1 + VECTOR_MAX,
        "Indices and softmax weights of the 4 largest of 32 (policy 0) or 8 of 128 (policy 1).",
        "4.4",
    ),
)
"""All opcodes in order of their number; 0x38 … 0x3F have no meaning at all."""

TOPK_POLICIES: dict[int, tuple[int, int]] = {0: (32, 4), 1: (128, 8)}
"""V_TOPK policy -> (elements ranked, elements kept); other policies trap (section 4.4)."""

BY_MNEMONIC: dict[str, Instruction] = {i.mnemonic: i for i in INSTRUCTIONS}
BY_OPCODE: dict[int, Instruction] = {i.opcode: i for i in INSTRUCTIONS}

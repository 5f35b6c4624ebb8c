"""The `plena` dialect: the machine's instruction set as IR.

One operation for each instruction (`instructions`, generated from the instruction table),
register types for each bank (`registers`), kernels, structured hardware loops and register
moves (`structure`). A kernel prints as assembly once registers are allocated.

    plena.kernel @double attributes {plena.int_mem_used = 2 : i64} {
      %zero = plena.get_register : !plena.gp<gp0>
      %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
      %end = plena.loop 16 (%i : !plena.gp, %row = %start : !plena.gp) {
        plena.v_add_vv %row, %row, %row, 0 : (!plena.gp, !plena.gp, !plena.gp) -> ()
        %next = plena.s_addi_int %row, 64 : (!plena.gp) -> !plena.gp
        plena.yield %i, %next : !plena.gp, !plena.gp
      }
    }
"""

from __future__ import annotations

from xdsl.ir import Dialect

from .effects import MachineResource, RegisterEffects
from .instructions import (
    IMMEDIATE,
    INSTRUCTION_OPS,
    WORD,
    Emitting,
    Instruction,
    constant,
    constant_cost,
    instruction,
    integer,
)
from .registers import (
    BANKS,
    INT_MEM_ENTRIES,
    UNALLOCATED,
    AddrType,
    BankType,
    FPType,
    GPType,
    SlotType,
    bank,
    register_type,
)
from .structure import (
    EMITTING,
    LOOP_COUNT_LIMIT,
    CopyOp,
    GetRegisterOp,
    KernelOp,
    LoopOp,
    ReloadOp,
    SpillOp,
    YieldOp,
    kernels_in,
    zero_register,
)

__all__ = [
    "BANKS",
    "EMITTING",
    "IMMEDIATE",
    "INSTRUCTION_OPS",
    "INT_MEM_ENTRIES",
    "LOOP_COUNT_LIMIT",
    "PLENA",
    "UNALLOCATED",
    "WORD",
    "AddrType",
    "BankType",
    "CopyOp",
    "Emitting",
    "FPType",
    "GPType",
    "GetRegisterOp",
    "Instruction",
    "KernelOp",
    "LoopOp",
    "MachineResource",
    "RegisterEffects",
    "ReloadOp",
    "SlotType",
    "SpillOp",
    "YieldOp",
    "bank",
    "constant",
    "constant_cost",
    "instruction",
    "integer",
    "kernels_in",
    "register_type",
    "zero_register",
]

PLENA = Dialect(
    "plena",
    [
        KernelOp,
        GetRegisterOp,
        CopyOp,
        SpillOp,
        ReloadOp,
        LoopOp,
        YieldOp,
        *INSTRUCTION_OPS.values(),
    ],
    [GPType, FPType, AddrType, SlotType],
)

"""The HBM transfers of a program whose addresses are no linear functions of its loops.

Runs the integer instructions alone, one after another: for programs from elsewhere, and bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..program.linear_mod32 import WRAP
from ..program.loop_nest import Loop as LoopNode
from ..program.loop_nest import Node, Structure, size
from ..program.program import Program
from ..spec.encoding import Decoded
from ..spec.formats import MxFormat
from ..spec.isa import TOPK_POLICIES
from ..spec.params import INT_MEM_ENTRIES
from .transfer_plan import Transfer, transfer_shape

MOST_INSTRUCTIONS = 2_000_000
"""Executed instructions beyond which a replay would take too long (seconds)."""


class NotReplayed(ValueError):
    """A program that is too long to replay, or whose integers depend on data."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The transfers of a program, one entry for each execution."""

    transfers: list[Transfer]

    @property
    def total(self) -> int:
        """How many transfers the program makes."""
        return len(self.transfers)

    def execution(self, number: int) -> tuple[Transfer, dict[int, int], int]:
        """The transfer that is made as `number`-th, no iteration numbers, and the compute cycles
        before it."""
        transfer = self.transfers[number]
        return transfer, {}, transfer.start

    def number(self, transfer: Transfer, index: int) -> int:
        """The number, among all transfers, of one transfer's `index`-th execution."""
        return transfer.first + index


def replay(program: Program, structure: Structure, int_mem: Sequence[int] = ()) -> Replay:
    """The transfers of a program; `int_mem` is as for `plan_transfers`. Raises NotReplayed."""
    if sum(map(size, structure.nodes)) > MOST_INSTRUCTIONS:
        raise NotReplayed(
            "addresses that are no linear functions of loop counters are followed for at most "
            f"{MOST_INSTRUCTIONS:,} instructions"
        )
    walk = _Replay(program, int_mem)
    walk.nodes(structure.nodes)
    return Replay(walk.transfers)


class _Replay:
    """The integer state of a machine while a program runs."""

    def __init__(self, program: Program, int_mem: Sequence[int]) -> None:
        self.program = program
        self.gp = [0] * 16
        self.a = [0] * 16
        self.scale, self.stride, self.now = 0, 1, 0
        self.memory: list[int | None] = [*int_mem, *[0] * (INT_MEM_ENTRIES - len(int_mem))]
        self.transfers: list[Transfer] = []

    def nodes(self, nodes: Sequence[Node]) -> None:
        """Run `nodes` once."""
        cycles = self.program.cycles
        for node in nodes:
            if isinstance(node, LoopNode):
                self.now += cycles[node.start]
                for counter in range(node.count, 0, -1):
                    self.gp[node.register] = counter
                    self.nodes(node.body)
                    self.now += cycles[node.end]
                self.gp[node.register] = 0
            else:
                decoded = self.program.decoded[node]
                assert decoded is not None
                self._instruction(node, decoded)
                self.now += cycles[node]

    def _instruction(self, pc: int, decoded: Decoded) -> None:
        gp, values = self.gp, decoded.values
        match decoded.instruction.mnemonic:
            case "S_ADDI_INT":
                gp[values[0]] = gp[values[1]] + values[2] & WRAP
            case "S_ADD_INT":
                gp[values[0]] = gp[values[1]] + gp[values[2]] & WRAP
            case "S_SUB_INT":
                gp[values[0]] = gp[values[1]] - gp[values[2]] & WRAP
            case "S_MUL_INT":
                gp[values[0]] = gp[values[1]] * gp[values[2]] & WRAP
            case "S_LUI_INT":
                gp[values[0]] = values[1] << 12 & WRAP
            case "S_LD_INT":
                loaded = self.memory[self._entry(gp[values[1]] + values[2] & WRAP)]
                if loaded is None:
                    raise NotReplayed("integers depend on what V_TOPK finds in data")
                gp[values[0]] = loaded
            case "S_ST_INT":
                self.memory[self._entry(gp[values[1]] + values[2] & WRAP)] = gp[values[0]]
            case "V_TOPK":
                kept = TOPK_POLICIES.get(decoded.value("policy"), (0, 0))[1]
                first = gp[decoded.value("indices")]
                for entry in range(first, first + kept):
                    self.memory[self._entry(entry & WRAP)] = None
            case "C_SET_ADDR_REG":
                self.a[values[0]] = gp[values[1]] << 32 | gp[values[2]]
            case "C_SET_SCALE_REG":
                self.scale = gp[values[0]]
            case "C_SET_STRIDE_REG":
                self.stride = gp[values[0]]
            case "C_LOOP_START":
                # Of a loop whose iterations stand one after another.
                gp[values[0]] = values[1]
            case "C_LOOP_END":
                gp[values[0]] = max(gp[values[0]] - 1, 0)
            case "H_PREFETCH_M" | "H_PREFETCH_V" | "H_STORE_V":
                self._transfer(pc, decoded)
            case _:
                pass

    def _entry(self, index: int) -> int:
        if index >= INT_MEM_ENTRIES:
            raise NotReplayed(f"INT_MEM has {INT_MEM_ENTRIES} entries, not entry {index}")
        return index

    def _transfer(self, pc: int, decoded: Decoded) -> None:
        form, rows, length = transfer_shape(decoded, self.program.machine)
        _, offset, base, rstride, _ = decoded.values
        self.transfers.append(
            Transfer(
                pc,
                decoded.instruction.mnemonic,
                form,
                rows,
                length,
                self.a[base] >> 32,
                self.a[base] & WRAP,
                self.gp[offset],
                self.scale if isinstance(form, MxFormat) else 0,
                self.stride if rstride == 1 else length,
                (),
                self.now,
                len(self.transfers),
                1,
            )
        )

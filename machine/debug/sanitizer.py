"""What a program does that the machine allows and nobody can want.

The emulator starts with zeros everywhere and finishes each instruction before the next; hardware
may do neither. The checks follow a program's addresses, without its data, and report

* `register`: a register or CSR is read before anything has written it (gp0 and f0 are zero);
* `memory`: on-chip memory is read that nothing has written; where only some lanes of a row hold
  something, what is made of them lane by lane does so in the same lanes, and is no finding, and
  neither is a store of them to where nobody reads, which leaves bytes that hold nothing;
* `hbm-read`: a transfer reads bytes that belong to no argument and were never stored, or scales
  beyond the end of a 64-byte line, which count as 0 (section 4.7);
* `hbm-write`: a store writes bytes outside results and buffers;
* `hazard`: a prefetch may overwrite what an instruction still reads, were transfers asynchronous.

The machine of the last check issues one instruction a cycle in order. Each unit executes one at a
time for its transactional cycles, and an instruction waits until its unit is free; the HBM unit
needs a cycle for each 128 bytes, its peak (section 6.3). It waits for nothing else: so a prefetch
overtakes an instruction of another unit that has begun before it and is not finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..hbm.transfer_timer import TransferUnit
from ..hbm.transfers import Addresses, prefetch_lines, store_lines
from ..host.hbm_image import read_bytes
from ..host.layout import Layout
from ..program.program import Program
from ..simulator.interpreter import Interpreter
from ..simulator.state import State
from ..spec.encoding import Decoded
from ..spec.formats import HbmFormat, MxFormat
from ..spec.isa import TOPK_POLICIES
from ..spec.params import HBM_LINE

FIRST_BIT = {"gp": 0, "fp": 16, "addr": 32}
CSR_BITS = {"SCALE": 48, "STRIDE": 49, "V_MASK": 50}
NAMES = (
    *(f"gp{i}" for i in range(16)),
    *(f"f{i}" for i in range(16)),
    *(f"a{i}" for i in range(16)),
    *CSR_BITS,
)
"""Registers by their bits in a set of registers."""

PEAK = 128
"""Bytes that the HBM moves in a cycle at most."""


@dataclass(frozen=True, slots=True)
class HbmRange:
    """Bytes from `start` up to `stop` that a program may use.

    Those that are not `writable`, or `filled`, hold data before the run. `read` says which bytes of
    HBM the host reads after it, and so does the program; None for any.
    """

    name: str
    start: int
    stop: int
    writable: bool
    filled: bool = False
    read: NDArray[np.bool_] | None = None


@dataclass(slots=True)
class Finding:
    """Something found at an instruction, and how often; the message is that of the first time."""

    pc: int
    instruction: str
    kind: str
    message: str
    count: int = 1


@dataclass(frozen=True)
class Initial:
    """What the host has prepared: entries of FP_MEM and INT_MEM from 0 on, and HBM."""

    fp_entries: int
    int_entries: int
    hbm: Sequence[HbmRange]

    @classmethod
    def of(cls, layout: Layout) -> Initial:
        """What the host prepares for a compiled kernel."""
        ranges: list[HbmRange] = []
        for region in layout.regions:
            read = read_bytes(region, layout.hbm_bytes) if region.role == "result" else None
            own = region.role in ("result", "buffer")
            ranges.append(HbmRange(region.name, region.base, region.stop, own, read=read))
        return cls(len(layout.fp_mem), len(layout.integers({})), ranges)


def check_program(
    words: Iterable[int],
    state: State,
    initial: Initial,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Finding]:
    """Follow a program that runs without a trap, on a `state` as before the run.

    Findings are in the order of the program, one for each instruction and kind. `state` is
    unspecified afterwards.
    """
    checker = _Checker(Program(words, state.machine), state, initial)
    checker.run(progress)
    return sorted(checker.findings.values(), key=lambda finding: (finding.pc, finding.kind))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of an instruction before the run.

    Sets of registers are bits; rows are (gp register with the address, number of rows).
    """

    unit: str
    cycles: int
    needs: int
    gives: int
    rows_read: tuple[tuple[int, int], ...]
    rows_written: tuple[tuple[int, int], ...]
    special: Callable[[int, Decoded], None] | None
    runs: bool
    lanewise: bool


@dataclass(slots=True)
class _Flight:
    """The latest instruction of a unit: when it ends, and what it reads."""

    end: int = 0
    pc: int = -1
    rows: list[range] = field(default_factory=list[range])
    tile: int = -1


class _Checker(Interpreter):
    """Executes integer and control instructions, and of the others only what they touch."""

    def __init__(self, program: Program, state: State, initial: Initial) -> None:
        super().__init__(program, state, TransferUnit(len(program.words), "none"))
        self.findings: dict[tuple[int, str], Finding] = {}
        # When each was reported last, in executed instructions: once an execution is enough.
        self._reported: dict[tuple[int, str], int] = {}
        self._defined = 1 << FIRST_BIT["gp"] | 1 << FIRST_BIT["fp"]
        self._full = (1 << self.machine.vlen) - 1
        self._written: dict[int, int] = {}
        # Of rows that the present instruction writes in part.
        self._partly: dict[int, int] = {}
        self._tiles: set[int] = set()
        self._fp_written = bytearray(b"\1" * initial.fp_entries).ljust(state.fp.size, b"\0")
        self._int_written = bytearray(b"\1" * initial.int_entries).ljust(state.int.size, b"\0")
        self._hbm = _HbmMap(initial.hbm)
        self._now = 0
        self._flights = {
            unit: _Flight() for unit in ("matrix", "vector", "scalar", "control", "hbm")
        }
        mnemonics = {d.instruction.mnemonic for d in program.decoded if d is not None}
        # V_TOPK puts data where addresses may come from.
        self._all_data = "V_TOPK" in mnemonics
        self._plans = [
            None if decoded is None else self._plan(pc, decoded)
            for pc, decoded in enumerate(program.decoded)
        ]

    def execute(self, pc: int) -> None:
        plan, decoded = self._plans[pc], self.program.decoded[pc]
        if plan is None or decoded is None:
            super().execute(pc)
            return
        if missing := plan.needs & ~self._defined:
            names = ", ".join(name for bit, name in enumerate(NAMES) if missing >> bit & 1)
            self._report(pc, "register", f"reads {names}, which nothing has written")
            self._defined |= missing
        flight = self._flights[plan.unit]
        start = max(self._now, flight.end)
        self._now = start + 1
        flight.end, flight.pc, flight.tile = start + plan.cycles, pc, -1
        flight.rows.clear()
        gp, vlen = self.state.gp, self.machine.vlen
        lanes = self._full
        for register, count in plan.rows_read:
            first = int(gp[register]) // vlen
            if plan.lanewise and (written := self._written.get(first, 0)):
                # Lanes that hold nothing give lanes that hold nothing.
                flight.rows.append(range(first, first + 1))
                lanes &= written
            else:
                self._read_rows(pc, first, count, flight)
        if plan.special is not None:
            plan.special(pc, decoded)
        for register, count in plan.rows_written:
            first = int(gp[register]) // vlen
            for row in range(first, first + count):
                self._written[row] = self._partly.pop(row, lanes)
        self._defined |= plan.gives
        if plan.runs:
            super().execute(pc)
        else:
            self.pc = pc + 1

    def _report(self, pc: int, kind: str, message: str) -> None:
        known = self.findings.get((pc, kind))
        if known is None:
            self.findings[pc, kind] = Finding(pc, self.program.text(pc), kind, message)
        elif self._reported[pc, kind] != self.executed:
            known.count += 1
        self._reported[pc, kind] = self.executed

    # Before the run

    def _plan(self, pc: int, decoded: Decoded) -> _Plan:
        row = decoded.instruction
        name, unit = row.mnemonic, row.unit
        needs = gives = 0
        for operand, value in zip(row.operands, decoded.values, strict=True):
            if operand.bank not in FIRST_BIT or (operand.zero_is_none and value == 0):
                continue
            bit = 1 << FIRST_BIT[operand.bank] + value
            needs |= bit if operand.reads else 0
            gives |= bit if operand.writes else 0
        nothing = row.free_without_destination and decoded.values[0] == 0
        if nothing:
            needs = gives = 0
        csr_needed, csr_given = self._csr(decoded)
        read, written = ((), ()) if nothing else self._row_operands(decoded)
        special = None if nothing else getattr(self, f"_touch_{name.lower()}", None)
        runs = self._all_data or unit == "control" or name.endswith("_INT")
        return _Plan(
            *(unit, self.program.cycles[pc], needs | csr_needed, gives | csr_given),
            *(read, written, special, runs),
            unit == "vector" and bool(written) and name != "V_SHFT_V",
        )

    def _csr(self, decoded: Decoded) -> tuple[int, int]:
        """CSRs that an instruction reads with these operands, and those that it writes."""
        row = decoded.instruction
        needed = given = 0
        for csr, bit in CSR_BITS.items():
            if row.mnemonic == f"C_SET_{csr}_REG":
                given |= 1 << bit
        if row.unit == "hbm":
            if isinstance(self._form(decoded), MxFormat):
                needed |= 1 << CSR_BITS["SCALE"]
            if decoded.value("rstride") == 1:
                needed |= 1 << CSR_BITS["STRIDE"]
        if "mask" in row.effects.reads and decoded.value("rmask"):
            needed |= 1 << CSR_BITS["V_MASK"]
        return needed, given

    def _row_operands(
        self, decoded: Decoded
    ) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Whole rows that an instruction reads and writes, where a register holds the address."""
        row, machine = decoded.instruction, self.machine
        values = dict(zip((o.name for o in row.operands), decoded.values, strict=True))
        if row.mnemonic == "H_STORE_V":
            return (), ()
        if row.mnemonic in ("V_TOPK", "S_MAP_V_FP"):
            return (), ((values["dest"], 1),) if "dest" in values else ()
        if row.unit == "matrix" and "vector" in values:
            counts = {"M_MM": machine.blen, "M_TMM": machine.blen}
            counts |= {"M_BMM": machine.mlen, "M_BTMM": machine.mlen}
            return ((values["vector"], counts.get(row.mnemonic, 1)),), ()
        if row.unit != "vector":
            return (), ()
        names = ("lhs", "rhs") if row.mnemonic == "V_SHFT_V" else ("lhs", "rhs", "src")
        read = tuple((values[name], 1) for name in names if name in values)
        return read, ((values["dest"], 1),) if "dest" in values else ()

    # On-chip memories

    def _read_rows(self, pc: int, first: int, count: int, flight: _Flight) -> None:
        flight.rows.append(range(first, first + count))
        for row in range(first, first + count):
            if self._written.get(row, 0) != self._full:
                self._unwritten_row(pc, row, self._full)
                return

    def _read_lanes(self, pc: int, row: int, lanes: int) -> None:
        """Read the first `lanes` lanes of a row."""
        self._flights["vector"].rows.append(range(row, row + 1))
        wanted = (1 << lanes) - 1
        if wanted & ~self._written.get(row, 0):
            self._unwritten_row(pc, row, wanted)

    def _unwritten_row(self, pc: int, row: int, wanted: int) -> None:
        missing = wanted & ~self._written.get(row, 0)
        lane = (missing & -missing).bit_length() - 1
        what = "" if missing == self._full else f", {missing.bit_count()} lanes from lane {lane}"
        address = row * self.machine.vlen
        self._report(
            pc, "memory", f"reads row {row} of vector SRAM (address {address}){what}, never written"
        )

    def _read_tile(self, pc: int, address: int) -> None:
        tile = address // self.machine.mlen**2
        self._flights["matrix"].tile = tile
        if tile not in self._tiles:
            self._report(pc, "memory", f"reads tile {tile} of matrix SRAM, never written")

    def _multiply(self, pc: int, decoded: Decoded) -> None:
        self._read_tile(pc, self._gp(decoded, "matrix"))

    _touch_m_mm = _touch_m_tmm = _touch_m_bmm = _touch_m_btmm = _multiply
    _touch_m_mv = _touch_m_tmv = _multiply

    def _touch_m_btmv(self, pc: int, decoded: Decoded) -> None:
        address = self._gp(decoded, "matrix") + self._gp(decoded, "matrix_offset")
        self._read_tile(pc, address & 0xFFFF_FFFF)

    def _block_out(self, pc: int, decoded: Decoded) -> None:
        """BLEN lanes of BLEN rows (M_MM_WO) or of one row (M_MV_WO)."""
        machine = self.machine
        address, column = self._out_address(decoded, machine.blen)
        lanes = ((1 << machine.blen) - 1) << column
        count, step = 1, 1
        if decoded.instruction.mnemonic == "M_MM_WO":
            count = machine.blen
            step = self._gp(decoded, "stride") if decoded.value("stride") else 1
        for i in range(count):
            row = self._row((address + i * machine.mlen * step) & 0xFFFF_FFFF)
            self._written[row] = self._written.get(row, 0) | lanes

    _touch_m_mm_wo = _touch_m_mv_wo = _block_out

    def _rows_out(self, pc: int, decoded: Decoded) -> None:
        machine = self.machine
        address, _ = self._out_address(decoded, machine.mlen)
        count = machine.broadcast
        if decoded.instruction.mnemonic == "M_BMM_WO":
            count *= machine.mlen
        for row in range(address // machine.vlen, address // machine.vlen + count):
            self._written[row] = self._full

    _touch_m_bmm_wo = _touch_m_bmv_wo = _rows_out

    def _read_entries(self, pc: int, memory: str, first: int, count: int) -> None:
        written = self._fp_written if memory == "FP_MEM" else self._int_written
        at = written.find(0, first, first + count)
        if at >= 0:
            self._report(pc, "memory", f"reads {memory}[{at}], never written")

    def _touch_s_ld_fp(self, pc: int, decoded: Decoded) -> None:
        self._read_entries(pc, "FP_MEM", self._memory_index(decoded), 1)

    def _touch_s_ld_int(self, pc: int, decoded: Decoded) -> None:
        self._read_entries(pc, "INT_MEM", self._memory_index(decoded), 1)

    def _touch_s_st_fp(self, pc: int, decoded: Decoded) -> None:
        self._fp_written[self._memory_index(decoded)] = 1

    def _touch_s_st_int(self, pc: int, decoded: Decoded) -> None:
        self._int_written[self._memory_index(decoded)] = 1

    def _touch_s_map_v_fp(self, pc: int, decoded: Decoded) -> None:
        # Entries that hold nothing give lanes that hold nothing.
        first = self._memory_index(decoded)
        entries = self._fp_written[first : first + self.machine.vlen]
        if not any(entries):
            self._read_entries(pc, "FP_MEM", first, self.machine.vlen)
            return
        row = self._gp(decoded, "dest") // self.machine.vlen
        self._partly[row] = sum(1 << lane for lane, written in enumerate(entries) if written)

    def _touch_v_shft_v(self, pc: int, decoded: Decoded) -> None:
        # What is moved out of the row is not read: a shift by VLEN is how a row is cleared.
        lanes = self.machine.vlen - self._gp(decoded, "amount")
        if lanes > 0:
            self._read_lanes(pc, self._gp(decoded, "src") // self.machine.vlen, lanes)

    def _touch_v_topk(self, pc: int, decoded: Decoded) -> None:
        length, kept = TOPK_POLICIES[decoded.value("policy")]
        vlen, first = self.machine.vlen, self._gp(decoded, "src") // self.machine.vlen
        for at in range(0, length, vlen):
            self._read_lanes(pc, first + at // vlen, min(vlen, length - at))
        for written, name in ((self._fp_written, "weights"), (self._int_written, "indices")):
            start = self._gp(decoded, name)
            written[start : start + kept] = b"\1" * kept

    # Transfers

    def _form(self, decoded: Decoded) -> HbmFormat:
        machine, second = self.machine, decoded.value("precision") != 0
        if decoded.instruction.mnemonic == "H_PREFETCH_M":
            return machine.matrix_kv if second else machine.matrix_weight
        return machine.vector_kv if second else machine.vector_act

    def _occupy(self, lines: list[int]) -> None:
        flight = self._flights["hbm"]
        flight.end = self._now - 1 + len(lines) * HBM_LINE // PEAK

    def _touch_h_prefetch_m(self, pc: int, decoded: Decoded) -> None:
        machine, form = self.machine, self._form(decoded)
        at = self._addresses(decoded, form, machine.prefetch_m, machine.mlen)
        self._occupy(prefetch_lines(form, at, machine.mlen))
        self._fetched(pc, form, at, machine.mlen)
        first = self._gp(decoded, "dest") // machine.mlen**2
        tiles = range(first, first + machine.prefetch_m // machine.mlen)
        flight = self._flights["matrix"]
        if flight.end > self._now - 1 and flight.tile in tiles:
            self._hazard(pc, f"tile {flight.tile} of matrix SRAM", flight)
        self._tiles.update(tiles)

    def _touch_h_prefetch_v(self, pc: int, decoded: Decoded) -> None:
        machine, form = self.machine, self._form(decoded)
        at = self._addresses(decoded, form, machine.prefetch_v, machine.vlen)
        self._occupy(prefetch_lines(form, at, machine.vlen))
        self._fetched(pc, form, at, machine.vlen)
        first = self._gp(decoded, "dest") // machine.vlen
        last = min(first + machine.prefetch_v, machine.vector_sram_rows)
        for unit in ("matrix", "vector"):
            flight = self._flights[unit]
            if flight.end <= self._now - 1:
                continue
            for rows in flight.rows:
                if rows.start < last and first < rows.stop:
                    row = max(rows.start, first)
                    self._hazard(pc, f"row {row} of vector SRAM", flight)
        for row in range(first, last):
            self._written[row] = self._full

    def _hazard(self, pc: int, what: str, flight: _Flight) -> None:
        self._report(
            pc,
            "hazard",
            f"may overwrite {what} while pc {flight.pc} ({self.program.text(flight.pc)}) still "
            "reads it, were prefetches asynchronous",
        )

    def _fetched(self, pc: int, form: HbmFormat, at: Addresses, length: int) -> None:
        problem = self._hbm.unreadable(at.elements, form.element_bytes(length))
        count = form.scale_bytes(length)
        if count and problem is None:
            room = min(HBM_LINE - address % HBM_LINE for address in at.scales)
            if room < count:
                self._report(
                    pc,
                    "hbm-read",
                    f"the {count} scale bytes of a row cross a 64-byte line; those behind it count "
                    "as 0",
                )
            problem = self._hbm.unreadable(at.scales, min(count, room))
        if problem is not None:
            self._report(pc, "hbm-read", f"reads {problem}")

    def _touch_h_store_v(self, pc: int, decoded: Decoded) -> None:
        machine, form = self.machine, self._form(decoded)
        at = self._addresses(decoded, form, machine.writeback_v, machine.vlen)
        self._occupy(store_lines(form, at, machine.vlen))
        first = self._gp(decoded, "src") // machine.vlen
        self._flights["hbm"].rows.append(range(first, first + machine.writeback_v))
        size = form.element_bytes(machine.vlen)
        if size and (problem := self._hbm.write(at.elements, size)) is not None:
            self._report(pc, "hbm-write", f"writes {problem}")
        for number, start in enumerate(at.elements):
            missing = self._full & ~self._written.get(first + number, 0)
            if missing and self._hbm.lose(start, self._lost(form, missing)):
                self._unwritten_row(pc, first + number, self._full)
        count = form.scale_bytes(machine.vlen)
        if count and (problem := self._hbm.write(at.scales, count)) is not None:
            self._report(pc, "hbm-write", f"writes {problem}")

    def _lost(self, form: HbmFormat, missing: int) -> NDArray[np.bool_]:
        """The bytes of a row's elements that lanes which hold nothing leave without a value."""
        lanes = np.array([missing >> lane & 1 for lane in range(self.machine.vlen)], np.bool_)
        if isinstance(form, MxFormat):
            # A scale is made of all lanes of its block.
            lanes = np.repeat(lanes.reshape(-1, form.block).any(1), form.block)
        return np.repeat(lanes, form.element_bytes(self.machine.vlen) // self.machine.vlen)


class _HbmMap:
    """Which bytes of HBM may be read and written, in the extent of the ranges."""

    READABLE, WRITABLE = 1, 2

    def __init__(self, ranges: Sequence[HbmRange]) -> None:
        self.ranges = ranges
        self.flags = np.zeros(max((r.stop for r in ranges), default=0), np.uint8)
        for each in ranges:
            readable = self.READABLE if each.filled or not each.writable else 0
            self.flags[each.start : each.stop] = readable | (self.WRITABLE if each.writable else 0)

    def unreadable(self, starts: list[int], count: int) -> str | None:
        """The first byte of rows of `count` bytes that holds no data, in words; None if all do."""
        return self._first_without(self.READABLE, self._indices(starts, count))

    def write(self, starts: list[int], count: int) -> str | None:
        """Make rows of bytes data; the first byte that may not be written, in words, or None."""
        indices = self._indices(starts, count)
        inside = indices[indices < self.flags.size]
        self.flags[inside] |= self.flags[inside] >> 1 & self.READABLE
        return self._first_without(self.WRITABLE, indices)

    def lose(self, start: int, lost: NDArray[np.bool_]) -> bool:
        """Make bytes from `start` on hold nothing; whether somebody may read some of them."""
        indices = np.uint64(start) + np.flatnonzero(lost).astype(np.uint64)
        indices = indices[indices < self.flags.size]
        for each in self.ranges:
            inside = indices[(each.start <= indices) & (indices < each.stop)]
            if len(inside) and (each.read is None or each.read[inside].any()):
                return True
        self.flags[indices] &= ~np.uint8(self.READABLE)
        return False

    @staticmethod
    def _indices(starts: list[int], count: int) -> NDArray[np.uint64]:
        rows = np.array(starts, np.uint64)[:, None]
        return (rows + np.arange(count, dtype=np.uint64)).reshape(-1)

    def _first_without(self, flag: int, indices: NDArray[np.uint64]) -> str | None:
        if int(indices.max()) < self.flags.size:
            bad = (self.flags[indices] & flag) == 0
        else:
            inside = indices < self.flags.size
            bad = ~inside
            bad[inside] = (self.flags[indices[inside]] & flag) == 0
        if not bad.any():
            return None
        address = int(indices[bad.argmax()])
        for each in self.ranges:
            if each.start <= address < each.stop:
                why = "an argument" if flag == self.WRITABLE else "where nothing was stored"
                return f"byte {address:#x} of HBM, in {each.name}, {why}"
        what = "argument" if flag == self.READABLE else "result and buffer"
        return f"byte {address:#x} of HBM, outside every {what}"

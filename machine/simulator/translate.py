"""A program as the source of one Python function.

Hardware loops become `for` loops, registers local variables, and each instruction a line or two
that works on numpy views of the memories. Operand indices, immediates and memory sizes are written
into the text, so nothing is decoded or looked up while it runs. A check that fails calls
`stop(pc)`; the interpreter then finds the reason (`engine.py`).

The names that the text uses are those of `Kernels` in `translated_runtime.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..hbm.transfer_timer import FOR_MATRIX, FOR_VECTOR
from ..program.loop_nest import Loop, Node, Structure
from ..program.program import Program
from ..spec.encoding import Decoded
from ..spec.isa import TOPK_POLICIES
from ..spec.params import FP_MEM_ENTRIES, INT_MEM_ENTRIES, Machine

_WRAP = "0xFFFFFFFF"

PROGRESS_STEP = 20_000
"""Loops report progress once an iteration executes this many instructions."""

REGISTERS = (
    [f"g{i}" for i in range(16)] + [f"f{i}" for i in range(8)] + [f"a{i}" for i in range(16)]
)


def translate(
    program: Program,
    structure: Structure,
    timed: bool,
    progress: bool,
    until: int | None = None,
    overlaps: bool = False,
) -> str:
    """Source of `run(k, state, stop, report)`.

    `timed` keeps the cycle count that HBM transfers need; `progress` adds calls of
    report(executed); before the instruction at `until` the program calls stop(until). With
    `overlaps` instructions wait for loads that may be under way.
    """
    return _Translator(program, timed, progress, until, overlaps).function(structure)


class _Translator:
    def __init__(
        self,
        program: Program,
        timed: bool,
        progress: bool,
        until: int | None = None,
        overlaps: bool = False,
    ) -> None:
        self.waits = program.waits if overlaps else None
        # The loads, as bits of `Program.waits`, that may be under way here.
        self.flying = 0
        self.program = program
        self.machine: Machine = program.machine
        self.timed = timed
        self.progress = progress
        self.until = until
        self.lines: list[str] = []
        self.indent = 2
        self.cycles = 0
        self.emitters: dict[str, Callable[[int, Decoded], None]] = {
            name.removeprefix("_emit_").upper(): getattr(self, name)
            for name in dir(self)
            if name.startswith("_emit_")
        }

    def function(self, structure: Structure) -> str:
        """The whole function."""
        self._body(structure.nodes)
        if self.waits is not None:
            self._flush_cycles()
            self._line("now += k.unit.finished(now)")
        if not self.lines:
            self._line("pass")
        registers = ", ".join(REGISTERS)
        head = [
            "def run(k, state, stop, report):",
            f"    ({registers}) = k.registers()",
            "    scale, stride, mask = state.scale, state.stride, state.mask",
            "    lanes = k.lanes(mask)",
            "    now = done = 0",
            *(f"    {name} = k.{name}" for name in KERNEL_NAMES),
            "    try:",
        ]
        tail = [
            "    finally:",
            "        state.scale, state.stride, state.mask = scale, stride, mask",
            f"        k.write_back(({registers}))",
        ]
        return "\n".join([*head, *self.lines, *tail, ""])

    # Lines

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def _check(self, pc: int, condition: str) -> None:
        self._line(f"if {condition}: stop({pc})")

    def _flush_cycles(self) -> None:
        """Add the cycles of the instructions since the last transfer or loop boundary."""
        if self.timed and self.cycles:
            self._line(f"now += {self.cycles}")
        self.cycles = 0

    # Structure

    def _body(self, nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, Loop):
                self._loop(node)
            else:
                self._instruction(node)

    def _loop(self, loop: Loop) -> None:
        self._stop_at(loop.start)
        self.cycles += self.program.cycles[loop.start]
        self._flush_cycles()
        self.flying |= self._loads(loop)
        self._line(f"for g{loop.register} in range({loop.count}, 0, -1):")
        self.indent += 1
        self._body(loop.body)
        self._stop_at(loop.end)
        self.cycles += self.program.cycles[loop.end]
        self._flush_cycles()
        if not loop.body or not self.lines[-1].startswith("    " * self.indent):
            self._line("pass")
        inner = any(isinstance(n, Loop) and n.per_iteration >= PROGRESS_STEP for n in loop.body)
        if self.progress and loop.per_iteration >= PROGRESS_STEP and not inner:
            self._line(f"done += {loop.per_iteration}")
            self._line("report(done)")
        self.indent -= 1
        self._line(f"g{loop.register} = 0")

    def _instruction(self, pc: int) -> None:
        self._stop_at(pc)
        decoded = self.program.decoded[pc]
        assert decoded is not None
        instruction = decoded.instruction
        for operand, value in zip(instruction.operands, decoded.values, strict=True):
            if operand.bank == "fp" and value >= 8:
                self._line(f"stop({pc})")
                return
        emit = self.emitters[instruction.mnemonic]
        if self.waits is not None and (loads := self.waits[pc] & self.flying):
            self._flush_cycles()
            self._line(f"now += waited({pc}, {loads}, now)")
            self.flying &= ~loads
        emit(pc, decoded)
        if self.waits is not None:
            self.flying |= _filled(decoded)
        self.cycles += self.program.cycles[pc]
        if instruction.unit == "hbm":
            self._flush_cycles()

    def _loads(self, loop: Loop) -> int:
        """The loads that a loop begins, as bits of `Program.waits`."""
        if self.waits is None:
            return 0
        loads = 0
        for node in loop.body:
            if isinstance(node, Loop):
                loads |= self._loads(node)
            else:
                decoded = self.program.decoded[node]
                assert decoded is not None
                loads |= _filled(decoded)
        return loads

    def _stop_at(self, pc: int) -> None:
        if pc == self.until:
            self._line(f"stop({pc})")

    # Addresses

    def _row(self, pc: int, register: int) -> str:
        """Check the vector address in a gp register; the expression of its row."""
        length, rows = self.machine.vlen, self.machine.vector_sram_rows
        self._check(pc, f"{_rest(f'g{register}', length)} or g{register} >= {length * rows}")
        return _over(f"g{register}", length)

    def _index(self, pc: int, decoded: Decoded, entries: int) -> str:
        """Check base plus offset against a memory of `entries`; the index."""
        base, offset = decoded.value("base"), decoded.value("offset")
        if offset == 0:
            self._check(pc, f"g{base} >= {entries}")
            return f"g{base}"
        self._line(f"i = g{base} + {offset} & {_WRAP}")
        self._check(pc, f"i >= {entries}")
        return "i"

    def _plain(self, pc: int, decoded: Decoded) -> None:
        """Leave an instruction to the interpreter."""
        reads: list[str] = []
        writes: list[str] = []
        for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True):
            name = {"gp": "g", "fp": "f"}.get(operand.bank)
            if name is None:
                continue
            if operand.reads:
                reads.append(f"k.put_{name}({value}, {name}{value})")
            if operand.writes:
                writes.append(f"{name}{value} = k.get_{name}({value})")
        if "mask" in decoded.instruction.effects.reads:
            reads.append("state.mask = mask")
        for line in (*reads, f"k.plain({pc})", *writes):
            self._line(line)

    # Matrix unit

    def _matrix_ready(self, pc: int) -> bool:
        """Matrix instructions only work where VLEN = MLEN."""
        if self.machine.vlen == self.machine.mlen:
            return True
        self._line(f"stop({pc})")
        return False

    def _rows(self, pc: int, register: int, count: int) -> None:
        """Check `count` rows from a gp register's address on; leaves the first in r."""
        mlen, rows = self.machine.mlen, self.machine.vector_sram_rows
        first_bad = mlen * (rows - count + 1)
        self._check(pc, f"{_rest(f'g{register}', mlen)} or g{register} >= {first_bad}")
        self._line(f"r = {_over(f'g{register}', mlen)}")

    def _tile(self, pc: int, address: str, conditions: str) -> None:
        """Leaves tile and offset of a matrix address in t and o, after checks."""
        area = self.machine.mlen**2
        self._line(f"o = {_rest(address, area)}")
        self._check(pc, f"{address} >= {area * self.machine.matrix_tiles} or {conditions}")
        self._line(f"t = {_over(address, area)}")

    def _block_multiply(self, pc: int, decoded: Decoded, kernel: str) -> None:
        if not self._matrix_ready(pc):
            return
        mlen, blen = self.machine.mlen, self.machine.blen
        self._tile(pc, f"g{decoded.value('matrix')}", _rest("o", mlen * blen))
        self._rows(pc, decoded.value("vector"), blen)
        self._line(f"{kernel}(r, t, {_over('o', mlen)})")

    def _emit_m_mm(self, pc: int, decoded: Decoded) -> None:
        if not self.program.table.column_offsets:
            self._block_multiply(pc, decoded, "m_mm")
            return
        mlen, address = self.machine.mlen, f"g{decoded.value('matrix')}"
        self._line(f"if 0 < ({_rest(address, mlen**2)}) < {mlen}:")
        self.indent += 1
        self._plain(pc, decoded)
        self.indent -= 1
        self._line("else:")
        self.indent += 1
        self._block_multiply(pc, decoded, "m_mm")
        self.indent -= 1

    def _emit_m_tmm(self, pc: int, decoded: Decoded) -> None:
        self._block_multiply(pc, decoded, "m_tmm")

    def _batched_multiply(self, pc: int, decoded: Decoded, kernel: str) -> None:
        machine = self.machine
        if not self._matrix_ready(pc):
            return
        if machine.broadcast * machine.hlen != machine.mlen:
            self._line(f"stop({pc})")
            return
        address = f"g{decoded.value('matrix')}"
        count = machine.mlen
        if kernel == "m_btmv":
            self._line(f"i = {address} + g{decoded.value('matrix_offset')} & {_WRAP}")
            address, count = "i", 1
        self._tile(pc, address, f"o >= {machine.mlen} or {_rest('o', machine.hlen)}")
        self._rows(pc, decoded.value("vector"), count)
        self._line(f"{kernel}(r, t, o)")

    def _emit_m_bmm(self, pc: int, decoded: Decoded) -> None:
        self._batched_multiply(pc, decoded, "m_bmm")

    def _emit_m_btmm(self, pc: int, decoded: Decoded) -> None:
        self._batched_multiply(pc, decoded, "m_btmm")

    def _emit_m_btmv(self, pc: int, decoded: Decoded) -> None:
        self._batched_multiply(pc, decoded, "m_btmv")

    def _emit_m_mv(self, pc: int, decoded: Decoded) -> None:
        if not self._matrix_ready(pc):
            return
        machine = self.machine
        offset = f"o >= {machine.mlen} or {_rest('o', machine.blen)}"
        self._tile(pc, f"g{decoded.value('matrix')}", offset)
        self._rows(pc, decoded.value("vector"), 1)
        self._line("m_mv(r, t, o)")

    def _emit_m_tmv(self, pc: int, decoded: Decoded) -> None:
        if not self._matrix_ready(pc):
            return
        self._tile(pc, f"g{decoded.value('matrix')}", "o")
        self._rows(pc, decoded.value("vector"), 1)
        self._line("m_tmv(r, t)")

    def _out_address(self, pc: int, decoded: Decoded, granule: int) -> None:
        """Leaves row and column of a write-out in r and c."""
        mlen = self.machine.mlen
        self._line(f"i = g{decoded.value('dest')} + {decoded.value('offset')} & {_WRAP}")
        self._line(f"c = {_rest('i', mlen)}")
        if granule > 1:
            self._check(pc, _rest("c", granule))
        self._line(f"r = {_over('i', mlen)}")

    def _emit_m_mm_wo(self, pc: int, decoded: Decoded) -> None:
        if not self._matrix_ready(pc):
            return
        machine = self.machine
        blen, rows = machine.blen, machine.vector_sram_rows
        self._out_address(pc, decoded, blen)
        stride = decoded.value("stride")
        if stride == 0:
            self._check(pc, f"r > {rows - blen}")
            self._line(f"B[r:r + {blen}, c:c + {blen}] = drained(MA)")
            self._line("MA.fill(0)")
            return
        # Addresses wrap at 32 bits, so rows far apart may come back to low ones.
        most = (1 << 32) // machine.mlen
        self._line(f"n = r + {blen - 1} * g{stride}")
        self._line(f"if g{stride} and n < {most}:")
        self.indent += 1
        self._check(pc, f"n >= {rows}")
        self._line(f"B[r:n + 1:g{stride}, c:c + {blen}] = drained(MA)")
        self._line("MA.fill(0)")
        self.indent -= 1
        self._line("else:")
        self.indent += 1
        self._plain(pc, decoded)
        self.indent -= 1

    def _emit_m_bmm_wo(self, pc: int, decoded: Decoded) -> None:
        machine = self.machine
        self._whole_rows_out(pc, decoded, machine.broadcast * machine.mlen, "HA")

    def _emit_m_bmv_wo(self, pc: int, decoded: Decoded) -> None:
        self._whole_rows_out(pc, decoded, self.machine.broadcast, "HVA")

    def _whole_rows_out(self, pc: int, decoded: Decoded, count: int, accumulator: str) -> None:
        if not self._matrix_ready(pc):
            return
        self._out_address(pc, decoded, self.machine.mlen)
        self._check(pc, f"r > {self.machine.vector_sram_rows - count}")
        self._line(f"rows_out(r, {accumulator})")
        self._line(f"{accumulator}.fill(0)")

    def _emit_m_mv_wo(self, pc: int, decoded: Decoded) -> None:
        if not self._matrix_ready(pc):
            return
        blen = self.machine.blen
        self._out_address(pc, decoded, blen)
        self._check(pc, f"r >= {self.machine.vector_sram_rows}")
        self._line(f"B[r, c:c + {blen}] = drained(VA)")
        self._line("VA.fill(0)")

    # Vector unit

    def _elementwise(self, pc: int, decoded: Decoded, source: str, expression: str) -> None:
        """Write the result `expression` of rows X and Y, under the mask if there is one."""
        x = self._row(pc, decoded.value(source))
        y = self._row(pc, decoded.value("rhs")) if source == "lhs" else ""
        dest = self._row(pc, decoded.value("dest"))
        if decoded.value("rmask"):
            self._line(f"X = V[{x}]")
            result = expression.replace("Y", f"V[{y}]")
            self._line(f"B[{dest}] = where(lanes, {result}, X)")
        else:
            # One read of the row, so that the expression may name it twice.
            if expression.count("X") > 1:
                self._line(f"X = V[{x}]")
                x_text = "X"
            else:
                x_text = f"V[{x}]"
            self._line(f"B[{dest}] = " + expression.replace("X", x_text).replace("Y", f"V[{y}]"))

    def _emit_v_add_vv(self, pc: int, decoded: Decoded) -> None:
        self._elementwise(pc, decoded, "lhs", "add(X, Y, T)")

    def _emit_v_sub_vv(self, pc: int, decoded: Decoded) -> None:
        self._elementwise(pc, decoded, "lhs", "subtract(X, Y, T)")

    def _emit_v_mul_vv(self, pc: int, decoded: Decoded) -> None:
        self._elementwise(pc, decoded, "lhs", "multiply(X, Y, T)")

    def _emit_v_add_vf(self, pc: int, decoded: Decoded) -> None:
        self._elementwise(pc, decoded, "src", f"add(X, f{decoded.value('scalar')}, T)")

    def _emit_v_sub_vf(self, pc: int, decoded: Decoded) -> None:
        expression = f"subtract(X, f{decoded.value('scalar')}, T)"
        if decoded.value("order"):
            expression = f"negative({expression}, T)"
        self._elementwise(pc, decoded, "src", expression)

    def _emit_v_mul_vf(self, pc: int, decoded: Decoded) -> None:
        self._elementwise(pc, decoded, "src", f"multiply(X, f{decoded.value('scalar')}, T)")

    def _emit_v_max_vf(self, pc: int, decoded: Decoded) -> None:
        f = f"f{decoded.value('scalar')}"
        self._elementwise(pc, decoded, "src", f"where(X < {f}, {f}, X if {f} == {f} else NAN)")

    def _emit_v_min_vf(self, pc: int, decoded: Decoded) -> None:
        f = f"f{decoded.value('scalar')}"
        self._elementwise(pc, decoded, "src", f"where(X > {f}, {f}, X if {f} == {f} else NAN)")

    def _table(self, pc: int, decoded: Decoded, table: str) -> None:
        if decoded.value("rmask"):
            self._plain(pc, decoded)
            return
        x = self._row(pc, decoded.value("src"))
        dest = self._row(pc, decoded.value("dest"))
        self._line(f"U[{dest}] = {table}[U[{x}]]")

    def _emit_v_exp_v(self, pc: int, decoded: Decoded) -> None:
        self._table(pc, decoded, "EXP16")

    def _emit_v_reci_v(self, pc: int, decoded: Decoded) -> None:
        self._table(pc, decoded, "RECI16")

    def _emit_v_shft_v(self, pc: int, decoded: Decoded) -> None:
        x = self._row(pc, decoded.value("src"))
        dest = self._row(pc, decoded.value("dest"))
        vlen, n = self.machine.vlen, f"g{decoded.value('amount')}"
        self._line("T.fill(0)")
        self._line(f"if {n} < {vlen}: T[{n}:] = V[{x}, :{vlen} - {n}]")
        self._line(f"V[{dest}] = T")

    def _emit_v_red_sum(self, pc: int, decoded: Decoded) -> None:
        f = decoded.value("total")
        if f == 0:
            return
        if decoded.value("rmask"):
            self._plain(pc, decoded)
            return
        x = self._row(pc, decoded.value("src"))
        self._line(f"f{f} = round_(f{f} + row_sum({x}))")

    def _emit_v_red_max(self, pc: int, decoded: Decoded) -> None:
        f = f"f{decoded.value('total')}"
        if f == "f0":
            return
        x = self._row(pc, decoded.value("src"))
        self._line(f"m = float(maximum(V[{x}]))")
        self._line(f"if m == 0: m = zero_max({x})")
        self._line(f"if m == m and (m >= {f} or {f} != {f}): {f} = m")

    def _emit_v_topk(self, pc: int, decoded: Decoded) -> None:
        if decoded.value("policy") not in TOPK_POLICIES:
            self._line(f"stop({pc})")
            return
        self._plain(pc, decoded)

    # Scalar unit

    def _binary(self, decoded: Decoded, expression: str) -> None:
        dest, lhs, rhs = decoded.values
        if dest:
            self._line(f"f{dest} = " + expression.format(x=f"f{lhs}", y=f"f{rhs}"))

    def _emit_s_add_fp(self, pc: int, decoded: Decoded) -> None:
        self._binary(decoded, "round_({x} + {y})")

    def _emit_s_sub_fp(self, pc: int, decoded: Decoded) -> None:
        self._binary(decoded, "round_({x} - {y})")

    def _emit_s_mul_fp(self, pc: int, decoded: Decoded) -> None:
        self._binary(decoded, "round_({x} * {y})")

    def _emit_s_max_fp(self, pc: int, decoded: Decoded) -> None:
        self._binary(decoded, "{y} if {y} > {x} else {x}")

    def _unary(self, decoded: Decoded, function: str) -> None:
        dest, source = decoded.values
        if dest:
            self._line(f"f{dest} = {function}(f{source})")

    def _emit_s_exp_fp(self, pc: int, decoded: Decoded) -> None:
        self._unary(decoded, "exp_")

    def _emit_s_reci_fp(self, pc: int, decoded: Decoded) -> None:
        self._unary(decoded, "reci_")

    def _emit_s_sqrt_fp(self, pc: int, decoded: Decoded) -> None:
        self._unary(decoded, "sqrt_")

    def _emit_s_ld_fp(self, pc: int, decoded: Decoded) -> None:
        index = self._index(pc, decoded, FP_MEM_ENTRIES)
        self._line(f"f{decoded.value('dest')} = FP[{index}]")

    def _emit_s_st_fp(self, pc: int, decoded: Decoded) -> None:
        index = self._index(pc, decoded, FP_MEM_ENTRIES)
        self._line(f"FP[{index}] = f{decoded.value('value')}")

    def _emit_s_map_v_fp(self, pc: int, decoded: Decoded) -> None:
        vlen = self.machine.vlen
        index = self._index(pc, decoded, FP_MEM_ENTRIES - vlen + 1)
        dest = self._row(pc, decoded.value("dest"))
        self._line(f"V[{dest}] = FPV[{index}:{index} + {vlen}]")

    def _integers(self, decoded: Decoded, operator: str) -> None:
        dest, lhs, rhs = decoded.values
        self._line(f"g{dest} = g{lhs} {operator} g{rhs} & {_WRAP}")

    def _emit_s_add_int(self, pc: int, decoded: Decoded) -> None:
        self._integers(decoded, "+")

    def _emit_s_sub_int(self, pc: int, decoded: Decoded) -> None:
        self._integers(decoded, "-")

    def _emit_s_mul_int(self, pc: int, decoded: Decoded) -> None:
        self._integers(decoded, "*")

    def _emit_s_addi_int(self, pc: int, decoded: Decoded) -> None:
        dest, source, value = decoded.values
        self._line(f"g{dest} = g{source} + {value} & {_WRAP}" if value else f"g{dest} = g{source}")

    def _emit_s_lui_int(self, pc: int, decoded: Decoded) -> None:
        dest, value = decoded.values
        self._line(f"g{dest} = {value << 12 & 0xFFFF_FFFF}")

    def _emit_s_ld_int(self, pc: int, decoded: Decoded) -> None:
        index = self._index(pc, decoded, INT_MEM_ENTRIES)
        self._line(f"g{decoded.value('dest')} = INT[{index}]")

    def _emit_s_st_int(self, pc: int, decoded: Decoded) -> None:
        index = self._index(pc, decoded, INT_MEM_ENTRIES)
        self._line(f"INT[{index}] = g{decoded.value('value')}")

    # HBM

    def _transfer(self, pc: int, decoded: Decoded, kernel: str, onchip: str) -> None:
        self._flush_cycles()
        length = self.machine.mlen if kernel == "prefetch_m" else self.machine.vlen
        step = "stride" if decoded.value("rstride") == 1 else str(length)
        now = "now" if self.timed else "0"
        call = (
            f"{kernel}({pc}, g{decoded.value(onchip)}, g{decoded.value('offset')}, "
            f"a{decoded.value('base')}, scale, {step}, {decoded.value('precision')}, {now})"
        )
        self._line(f"now += {call}" if self.timed else call)

    def _emit_h_prefetch_m(self, pc: int, decoded: Decoded) -> None:
        machine = self.machine
        area = machine.mlen**2
        tiles = machine.prefetch_m // machine.mlen
        register = f"g{decoded.value('dest')}"
        limit = area * (machine.matrix_tiles - tiles)
        self._check(pc, f"{_rest(register, area)} or {register} > {limit}")
        self._transfer(pc, decoded, "prefetch_m", "dest")

    def _emit_h_prefetch_v(self, pc: int, decoded: Decoded) -> None:
        self._row(pc, decoded.value("dest"))
        self._transfer(pc, decoded, "prefetch_v", "dest")

    def _emit_h_store_v(self, pc: int, decoded: Decoded) -> None:
        machine = self.machine
        register = f"g{decoded.value('src')}"
        limit = machine.vlen * (machine.vector_sram_rows - machine.writeback_v)
        self._check(pc, f"{_rest(register, machine.vlen)} or {register} > {limit}")
        self._transfer(pc, decoded, "store_v", "src")

    # Control

    def _emit_c_set_addr_reg(self, pc: int, decoded: Decoded) -> None:
        dest, high, low = decoded.values
        self._line(f"a{dest} = g{high} << 32 | g{low}")

    def _emit_c_set_scale_reg(self, pc: int, decoded: Decoded) -> None:
        self._line(f"scale = g{decoded.values[0]}")

    def _emit_c_set_stride_reg(self, pc: int, decoded: Decoded) -> None:
        self._line(f"stride = g{decoded.values[0]}")

    def _emit_c_set_v_mask_reg(self, pc: int, decoded: Decoded) -> None:
        self._line(f"mask = g{decoded.values[0]}")
        self._line("lanes = k.lanes(mask)")


def _filled(decoded: Decoded) -> int:
    """The load that an instruction begins, as a bit of `Program.waits`."""
    return {"H_PREFETCH_V": FOR_VECTOR, "H_PREFETCH_M": FOR_MATRIX}.get(
        decoded.instruction.mnemonic, 0
    )


def _rest(name: str, divisor: int) -> str:
    """`name` modulo a constant."""
    if divisor & (divisor - 1) == 0:
        return f"{name} & {divisor - 1}"
    return f"{name} % {divisor}"


def _over(name: str, divisor: int) -> str:
    """`name` divided by a constant."""
    if divisor & (divisor - 1) == 0:
        return f"({name} >> {divisor.bit_length() - 1})"
    return f"({name} // {divisor})"


KERNEL_NAMES = [
    *("V", "B", "U", "T", "FP", "FPV", "INT", "MA", "HA", "VA", "HVA", "EXP16", "RECI16", "NAN"),
    *("add", "subtract", "multiply", "negative", "maximum", "where"),
    *("round_", "exp_", "reci_", "sqrt_", "row_sum", "zero_max"),
    *("m_mm", "m_tmm", "m_bmm", "m_btmm", "m_mv", "m_tmv", "m_btmv", "rows_out", "drained"),
    *("prefetch_m", "prefetch_v", "store_v", "waited"),
]
"""Attributes of `Kernels` that the function keeps in local variables."""

"""Every HBM transfer of a program: from where, when in compute time, and in which order.

The machine has no conditional branches and kernels compute addresses from loop counters, so each
address is a linear function of the iteration numbers of the loops around it, found by walking each
instruction once. Any transfer of a program of millions can then be asked for by its number.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..hbm.transfers import addresses, line_array, prefetch_lines, store_lines
from ..program.linear_mod32 import (
    ARITHMETIC,
    Known,
    Value,
    added,
    at,
    computed,
    multiplied,
    replaced,
    symbol,
)
from ..program.loop_nest import Loop, Node, Structure, written_gp
from ..program.program import Program
from ..spec.encoding import Decoded
from ..spec.formats import HbmFormat, MxFormat
from ..spec.params import Machine

# Where integers live: gp registers are 0 to 15, then these, the halves of address registers, and
# INT_MEM.
_SCALE, _STRIDE, _HIGH, _LOW, _INT_MEM = 16, 17, 32, 48, 64
_PLACES = 4096
"""More than there are places: what separates the symbols of different loops."""

_ZERO = dict.fromkeys(range(16), 0) | {_SCALE: 0, _STRIDE: 1}


class NotLinear(ValueError):
    """A transfer whose address is no linear function of iteration numbers."""


@dataclass(slots=True)
class Transfer:
    """One H_ instruction. `loops` are the loops around it, the outermost first.

    `high`, `low`, `offset` and `scale` are its registers' values and `step` the bytes from row to
    row, as functions of iteration numbers, whose symbols are the loops' keys; `start` is the
    compute time in cycles before its first execution, `first` that execution's number among all
    transfers, `executed` how often it runs.
    """

    pc: int
    mnemonic: str
    form: HbmFormat
    rows: int
    length: int
    high: Value[int]
    low: Value[int]
    offset: Value[int]
    scale: Value[int]
    step: Value[int]
    loops: tuple[Loop, ...]
    start: int
    first: int
    executed: int

    @property
    def store(self) -> bool:
        """Whether it writes HBM."""
        return self.mnemonic == "H_STORE_V"

    @property
    def matrix(self) -> bool:
        """Whether it fills matrix SRAM."""
        return self.mnemonic == "H_PREFETCH_M"

    @property
    def first_address(self) -> int:
        """The byte address of the first element of its first execution."""
        zeros = dict.fromkeys((loop.key for loop in self.loops), 0)
        high, low, offset, _, _ = (at(known(value), zeros) for value in self.places)
        return (high << 32 | low) + offset

    def lines(self, numbers: dict[int, int]) -> list[int]:
        """Byte addresses of the 64-byte lines of one execution, in order."""
        high, low, offset, scale, step = (at(known(value), numbers) for value in self.places)
        return lines_of(self, high << 32 | low, offset, scale, step)

    def line_array(self, numbers: dict[int, int]) -> NDArray[np.int64]:
        """What `lines` gives, as an array."""
        high, low, offset, scale, step = (at(known(value), numbers) for value in self.places)
        base = high << 32 | low
        return line_array(self.form, base, offset, scale, step, self.rows, self.length, self.store)

    @property
    def places(self) -> tuple[Value[int], Value[int], Value[int], Value[int], Value[int]]:
        """The values that say where it goes."""
        return self.high, self.low, self.offset, self.scale, self.step


def lines_of(transfer: Transfer, base: int, offset: int, scale: int, step: int) -> list[int]:
    """The lines of a transfer with these register values."""
    where = addresses(transfer.form, base, offset, scale, step, transfer.rows)
    count = store_lines if transfer.store else prefetch_lines
    return count(transfer.form, where, transfer.length)


def known(value: Value[int]) -> Known[int]:
    """A value that must be known."""
    if value is None:
        raise NotLinear("an address depends on more than loop counters")
    return value


Entry: TypeAlias = "Transfer | Nest"


@dataclass(slots=True)
class Nest:
    """A loop, or the whole program, as its transfers; `firsts` are the numbers of their first ones
    within an iteration, and `transfers` counts those of an iteration."""

    loop: Loop | None
    entries: list[Entry] = field(default_factory=list["Entry"])
    firsts: list[int] = field(default_factory=list[int])
    transfers: int = 0
    cycles: int = 0
    """Compute cycles of one iteration."""

    @property
    def count(self) -> int:
        """Iterations."""
        return 1 if self.loop is None else self.loop.count


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """The transfers of a program, and the nest to find them in by number."""

    root: Nest
    transfers: list[Transfer]
    per_iteration: dict[int, int]
    """Compute cycles of one iteration of each loop, by its key."""
    made_per_iteration: dict[int, int]
    """Transfers made by one iteration of each loop, by its key."""

    @property
    def total(self) -> int:
        """How many transfers the program makes."""
        return self.root.transfers

    def execution(self, number: int) -> tuple[Transfer, dict[int, int], int]:
        """The transfer that is made as `number`-th, the loops' iteration numbers then, and the
        compute cycles before it."""
        numbers: dict[int, int] = {}
        nest = self.root
        while True:
            index = bisect_right(nest.firsts, number) - 1
            entry = nest.entries[index]
            number -= nest.firsts[index]
            if isinstance(entry, Transfer):
                elapsed = sum(k * self.per_iteration[pc] for pc, k in numbers.items())
                return entry, numbers, entry.start + elapsed
            assert entry.loop is not None
            numbers[entry.loop.key], number = divmod(number, entry.transfers)
            nest = entry

    def number(self, transfer: Transfer, index: int) -> int:
        """The number, among all transfers, of one transfer's `index`-th execution."""
        number = transfer.first
        for loop in reversed(transfer.loops):
            index, iteration = divmod(index, loop.count)
            number += iteration * self.made_per_iteration[loop.key]
        return number


def plan_transfers(
    program: Program, structure: Structure, int_mem: Sequence[int] = ()
) -> TransferPlan:
    """The plan of a program with these loops, `int_mem` being what INT_MEM holds before it, and
    zeros behind. Raises NotLinear."""
    walk = _Walk(program, structure, int_mem)
    root = walk.nest(None, structure.nodes, dict(walk.start))
    return TransferPlan(root, walk.transfers, walk.per_iteration, walk.made_per_iteration)


class _Walk:
    """One walk over a program. `state` maps places to values; what is not in it is 0."""

    def __init__(self, program: Program, structure: Structure, int_mem: Sequence[int]) -> None:
        self.program = program
        self.machine: Machine = program.machine
        self.transfers: list[Transfer] = []
        self.per_iteration: dict[int, int] = {}
        self.made_per_iteration: dict[int, int] = {}
        self.loops: list[Loop] = []
        self.written: dict[int, set[int]] = {}
        self.now = self.made = 0
        self.start: dict[int, Value[int]] = dict(_ZERO)
        self.start.update((_INT_MEM + entry, value) for entry, value in enumerate(int_mem))
        decoded = [item for item in program.decoded if item is not None]
        self.constant_gp = set(range(16)).difference(*map(written_gp, decoded))
        self.loads_int = any(item.instruction.mnemonic == "S_LD_INT" for item in decoded)

    def nest(self, loop: Loop | None, nodes: Sequence[Node], state: dict[int, Value[int]]) -> Nest:
        """Walk one pass through `nodes`; `state` is changed to what it is behind them."""
        nest = Nest(loop)
        begin = self.now
        for node in nodes:
            entry: Entry | None
            if isinstance(node, Loop):
                inner = self._loop(node, state)
                entry, made = inner, inner.transfers * node.count
            else:
                entry = self._instruction(node, state)
                made = 1
            if entry is not None and made:
                nest.entries.append(entry)
                nest.firsts.append(nest.transfers)
                nest.transfers += made
        nest.cycles = self.now - begin
        return nest

    def _loop(self, loop: Loop, state: dict[int, Value[int]]) -> Nest:
        """Walk a loop: its body once with symbols for what its iterations hand on."""
        pc = loop.start
        self.now += self.program.cycles[pc]
        written = self._written_by(loop)
        initial = {place: state.get(place, 0) for place in written}
        symbols: dict[int, int] = {}
        if loop.count > 1:
            for place in written:
                number = -1 - (loop.key * _PLACES + place)
                symbols[place] = number
                state[place] = symbol(number)
        state[loop.register] = added(loop.count, symbol(loop.key), -1) if loop.count > 1 else 1
        self.loops.append(loop)
        first, begin, made = len(self.transfers), self.now, self.made
        nest = self.nest(loop, loop.body, state)
        self.now += self.program.cycles[loop.end]
        nest.cycles = self.per_iteration[loop.key] = self.now - begin
        self.made_per_iteration[loop.key] = nest.transfers
        self.now = begin + loop.count * nest.cycles
        self.made = made + loop.count * nest.transfers
        self.loops.pop()
        if loop.count > 1:
            self._close(loop, state, initial, symbols, first)
        state[loop.register] = 0
        return nest

    def _close(
        self,
        loop: Loop,
        state: dict[int, Value[int]],
        initial: dict[int, Value[int]],
        symbols: dict[int, int],
        first: int,
    ) -> None:
        """Find what iterations hand on, and put it into the transfers of the body and into `state`.

        Only what grows by a constant is known: value at entry = initial value + iteration * growth;
        and what ends as it began.
        """
        entry: dict[int, Value[int]] = {}
        for place, number in symbols.items():
            growth = added(state[place], symbol(number), -1)
            start = initial[place]
            if state[place] == start:
                entry[number] = start
            elif isinstance(growth, int):
                entry[number] = added(start, multiplied(symbol(loop.key), growth))
            else:
                entry[number] = None
        for transfer in self.transfers[first:]:
            transfer.high = replaced(transfer.high, entry)
            transfer.low = replaced(transfer.low, entry)
            transfer.offset = replaced(transfer.offset, entry)
            transfer.scale = replaced(transfer.scale, entry)
            transfer.step = replaced(transfer.step, entry)
        last: dict[int, Value[int]] = {loop.key: loop.count - 1}
        for place in symbols:
            state[place] = replaced(replaced(state[place], entry), last)

    def _written_by(self, loop: Loop) -> set[int]:
        """The places that a loop's body writes, its own counter excepted."""
        places = self.written.get(loop.start)
        if places is None:
            places = set[int]()
            for node in loop.body:
                if isinstance(node, Loop):
                    places |= self._written_by(node) | {node.register}
                else:
                    decoded = self.program.decoded[node]
                    assert decoded is not None
                    places |= self._written(decoded)
            places.discard(loop.register)
            self.written[loop.start] = places
        return places

    def _written(self, decoded: Decoded) -> set[int]:
        """The places that an instruction writes."""
        match decoded.instruction.mnemonic:
            case "C_SET_ADDR_REG":
                register = decoded.value("dest")
                return {_HIGH + register, _LOW + register}
            case "C_SET_SCALE_REG":
                return {_SCALE}
            case "C_SET_STRIDE_REG":
                return {_STRIDE}
            case "S_ST_INT" if self.loads_int:
                return {self._entry(decoded)}
            case "V_TOPK" if self.loads_int:
                raise NotLinear("INT_MEM is read, and V_TOPK writes it")
            case _:
                return written_gp(decoded)

    def _entry(self, decoded: Decoded) -> int:
        """The place of an entry of INT_MEM at a fixed address."""
        if decoded.value("base") not in self.constant_gp:
            raise NotLinear("INT_MEM is read and written at computed addresses")
        return _INT_MEM + decoded.value("offset")

    def _instruction(self, pc: int, state: dict[int, Value[int]]) -> Transfer | None:
        decoded = self.program.decoded[pc]
        assert decoded is not None
        result = None
        unit = decoded.instruction.unit
        if unit == "hbm":
            result = self._transfer(pc, decoded, state)
        elif unit in ("scalar", "control", "vector"):
            self._integer(decoded, state)
        self.now += self.program.cycles[pc]
        return result

    def _integer(self, decoded: Decoded, state: dict[int, Value[int]]) -> None:
        """What an instruction does to integers."""
        values = decoded.values
        match decoded.instruction.mnemonic:
            case mnemonic if mnemonic in ARITHMETIC:
                inputs = zip(decoded.instruction.operands[1:], values[1:], strict=True)
                state[values[0]] = computed(
                    mnemonic, *(state[v] if operand.is_register else v for operand, v in inputs)
                )
            case "S_LD_INT":
                base = state[values[1]]
                # What lies at a place that varies is not known: lengths of batches, say.
                state[values[0]] = (
                    state.get(_INT_MEM + base + values[2], 0) if isinstance(base, int) else None
                )
            case "S_ST_INT" if self.loads_int:
                state[self._entry(decoded)] = state[values[0]]
            case "V_TOPK" if self.loads_int:
                raise NotLinear("INT_MEM is read, and V_TOPK writes it")
            case "C_SET_ADDR_REG":
                register, high, low = values
                state[_HIGH + register] = state[high]
                state[_LOW + register] = state[low]
            case "C_SET_SCALE_REG":
                state[_SCALE] = state[values[0]]
            case "C_SET_STRIDE_REG":
                state[_STRIDE] = state[values[0]]
            case "C_LOOP_START":
                # Of a loop whose iterations stand one after another.
                state[values[0]] = values[1]
            case "C_LOOP_END":
                state[values[0]] = added(state[values[0]], -1)
            case _:
                pass

    def _transfer(self, pc: int, decoded: Decoded, state: dict[int, Value[int]]) -> Transfer:
        form, rows, length = transfer_shape(decoded, self.machine)
        _, offset, base, rstride, _ = decoded.values
        transfer = Transfer(
            pc,
            decoded.instruction.mnemonic,
            form,
            rows,
            length,
            state.get(_HIGH + base, 0),
            state.get(_LOW + base, 0),
            state[offset],
            # Where there are no scales, SCALE may hold anything.
            state[_SCALE] if isinstance(form, MxFormat) else 0,
            state[_STRIDE] if rstride == 1 else length,
            tuple(self.loops),
            self.now,
            self.made,
            prod(loop.count for loop in self.loops),
        )
        self.transfers.append(transfer)
        self.made += 1
        return transfer


def transfer_shape(decoded: Decoded, machine: Machine) -> tuple[HbmFormat, int, int]:
    """Format, rows and row length of a transfer instruction."""
    second = decoded.value("precision") != 0
    match decoded.instruction.mnemonic:
        case "H_PREFETCH_M":
            form = machine.matrix_kv if second else machine.matrix_weight
            return form, machine.prefetch_m, machine.mlen
        case "H_PREFETCH_V":
            form = machine.vector_kv if second else machine.vector_act
            return form, machine.prefetch_v, machine.vlen
        case _:
            form = machine.vector_kv if second else machine.vector_act
            return form, machine.writeback_v, machine.vlen

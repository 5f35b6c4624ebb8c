"""Traffic and time of a program's HBM transfers, without running the program.

Traffic is exact. Time is that of the memory model (`dram.py`) on the very addresses, at the very
times: of all transfers where they are few, otherwise of samples spread evenly over the program. How
long a transfer takes depends on its size and on the DRAM rows that those before it left open, so a
sample is some transfers in a row; which rows earlier ones left open in the places of these is
looked up, and times that are known already are not asked for again (`quiet_memory.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from ..hbm.dram import Dram
from ..hbm.quiet_memory import QUIET, Lines, QuietMemory
from ..program.linear_mod32 import Linear
from ..spec.params import HBM_LINE, HbmDevice
from .transfer_plan import NotLinear, Transfer, known, lines_of

LINES = 4_000
"""Lines that are timed one by one in a program that has no more of them: some 60 ms."""

WORK = 2_400
"""Work that samples of a longer program may take: looking up a transfer takes 1, some 35 us."""

MOST_WORK = 4 * WORK
"""Work that samples may take where they differ."""

AIM = 0.04
"""Error of the estimate at which no more samples are taken."""

LINES_PER_WORK = 16
"""Lines that count as much as a transfer that is looked up, where they have to be timed. That takes
longer, but only once in a process."""

WARM = 256
"""Transfers before a sample that are looked at, at most, for the rows that they left open."""

LENGTH = 32
"""Transfers in a sample."""

DEVIATIONS = 3
"""Standard deviations of the estimate that are called its error."""

KNOWN_ERROR = 0.005
"""Part of a time that looking it up in place of timing it may be wrong by."""

LEAST = 8
"""Transfers of each class that should be in samples."""


class Executions(Protocol):
    """The transfers of a program, to be asked for by number (`TransferPlan`, `Replay`)."""

    @property
    def transfers(self) -> list[Transfer]:
        """The transfer instructions."""
        ...

    @property
    def total(self) -> int:
        """How many transfers are made."""
        ...

    def execution(self, number: int) -> tuple[Transfer, dict[int, int], int]:
        """One of them with its loops' iteration numbers and the compute cycles before it."""
        ...

    def number(self, transfer: Transfer, index: int) -> int:
        """The number of one transfer's `index`-th execution."""
        ...


def line_counts(transfers: Sequence[Transfer]) -> list[int]:
    """The 64-byte lines that each transfer touches in all of its executions.

    How many one execution touches depends on its address modulo the line, which is counted through
    the loops. Raises NotLinear where scales or strides change from iteration to iteration.
    """
    cache: dict[tuple[object, ...], int] = {}
    return [_lines(transfer, cache) for transfer in transfers]


def _lines(transfer: Transfer, cache: dict[tuple[object, ...], int]) -> int:
    _, low, offset, scale, step = map(known, transfer.places)
    if isinstance(scale, Linear) or isinstance(step, Linear):
        raise NotLinear("scales or strides change from iteration to iteration")
    ratio = transfer.form.ratio
    period = HBM_LINE * int(ratio)
    if ratio.denominator != 1 or period & (period - 1):
        raise NotLinear(f"scales of {ratio} bytes each")
    first = (
        (low if isinstance(low, int) else low.constant) % HBM_LINE,
        (offset if isinstance(offset, int) else offset.constant) % period,
    )
    places = {first: 1}
    for loop in transfer.loops:
        base_step = low.terms.get(loop.key, 0) if isinstance(low, Linear) else 0
        step_by = offset.terms.get(loop.key, 0) if isinstance(offset, Linear) else 0
        places = _after(places, base_step % HBM_LINE, step_by % period, loop.count, period)
    total = 0
    for (base, by), times in places.items():
        key = (transfer.store, transfer.form, transfer.rows, transfer.length)
        key = (*key, base, by, scale % HBM_LINE, step)
        if key not in cache:
            cache[key] = len(lines_of(transfer, base, by, scale % HBM_LINE, step))
        total += times * cache[key]
    return total


def _after(
    places: dict[tuple[int, int], int], base_step: int, step: int, count: int, period: int
) -> dict[tuple[int, int], int]:
    """How often each place modulo the line is met in `count` iterations, from those of the first.

    Places are those of base and offset, which each iteration moves on by `base_step` and `step`.
    """
    if not base_step and not step:
        return {place: times * count for place, times in places.items()}
    result: dict[tuple[int, int], int] = defaultdict(int)
    for iteration in range(min(count, period)):
        repeats = count // period + (iteration < count % period)
        base_by, by = iteration * base_step, iteration * step
        for (base, offset), times in places.items():
            result[(base + base_by) % HBM_LINE, (offset + by) % period] += times * repeats
    return result


@dataclass(frozen=True, slots=True)
class TransferTime:
    """Cycles of each transfer instruction in all of its executions, and by how much their sum may
    be off, as a part of it: 0 where all were timed."""

    cycles: list[float]
    error: float = 0.0


def transfer_cycles(
    executions: Executions,
    counts: Sequence[int],
    lines: int | None = LINES,
    device: HbmDevice | None = None,
) -> TransferTime:
    """How long the transfers of a program take.

    `counts` are its `line_counts`. With more than `lines` lines in the program times are estimated
    from samples; None times all of them, which is what the simulator counts. There are no samples
    of a memory of fewer than four channels.
    """
    device = device or HbmDevice()
    if lines is None or sum(counts) <= lines or device.channels < 4:
        position = {id(each): index for index, each in enumerate(executions.transfers)}
        cycles = [0.0] * len(counts)
        dram, spent = Dram(device), 0
        for number in range(executions.total):
            transfer, numbers, start = executions.execution(number)
            took = _time(dram, transfer, numbers, start + spent)
            spent += took
            cycles[position[id(transfer)]] += took
        return TransferTime(cycles)
    sampling = _Sampling(executions, counts, device)
    cycles = sampling.cycles()
    return TransferTime(cycles, sampling.error())


def _time(dram: Dram, transfer: Transfer, numbers: dict[int, int], now: int) -> int:
    """Cycles of one transfer that begins at `now`."""
    wanted = transfer.lines(numbers)
    return (dram.store(wanted, now) if transfer.store else dram.read(wanted, now)) - now


@dataclass(slots=True)
class _Class:
    """Transfers that take about the same time: of one kind, size and row step."""

    members: list[Transfer] = field(default_factory=list["Transfer"])
    executed: int = 0
    cycles: int = 0
    timed: int = 0

    @property
    def mean(self) -> float:
        """Cycles of one of them."""
        return self.cycles / self.timed if self.timed else 0.0


class _Sampling:
    """Samples of the transfers of a long program."""

    def __init__(self, executions: Executions, counts: Sequence[int], device: HbmDevice) -> None:
        self.executions = executions
        self.memory = QuietMemory(device)
        self.looked_up = 0
        # Of each sample, what it timed: cycles and transfers by class.
        self.timed: list[list[tuple[_Class, int]]] = []
        self.classes: dict[tuple[object, ...], _Class] = {}
        self.class_of: dict[int, _Class] = {}
        for transfer, count in zip(executions.transfers, counts, strict=True):
            if not transfer.executed:
                continue
            per = count // transfer.executed
            key = (transfer.mnemonic, transfer.form, transfer.rows, str(transfer.step), per)
            each = self.classes.setdefault(key, _Class())
            each.members.append(transfer)
            each.executed += transfer.executed
            self.class_of[id(transfer)] = each

    def cycles(self) -> list[float]:
        """Estimated cycles of each transfer instruction."""
        total = self.executions.total
        if total <= WORK // 2:
            self._window(0, total)
        else:
            self._samples(total)
        for each in self.classes.values():
            missing = min(LEAST, each.executed) - each.timed
            for sample in range(missing):
                index = int((sample + 0.5) * each.executed / missing)
                self._window(self._member(each, index), 1)
        return [
            self.class_of[id(transfer)].mean * transfer.executed if transfer.executed else 0.0
            for transfer in self.executions.transfers
        ]

    def error(self) -> float:
        """By how much the sum of `cycles` may be off, as a part of it.

        Samples differ by so much from what the means of their classes would make them; three
        standard deviations of the sum that this makes, and what a known time may be off by.
        """
        estimate = sum(each.mean * each.executed for each in self.classes.values())
        variance = 0.0
        for sample in self.timed:
            off = sum((took - each.mean) * each.executed / each.timed for each, took in sample)
            variance += off * off
        return KNOWN_ERROR + DEVIATIONS * variance**0.5 / estimate if estimate else 0.0

    def _samples(self, total: int) -> None:
        """Time samples of a program of so many transfers.

        One somewhere in each stretch of the program: at even distances, loops would show one of
        their iterations only. They are taken in no order, so that those for which there is work are
        spread over the program.
        """
        stretches = WORK // LENGTH
        places = Random(0)
        order = list(range(stretches))
        places.shuffle(order)
        for stretch in order * (MOST_WORK // WORK):
            first = int((stretch + places.random()) * (total - LENGTH) / stretches)
            self._window(first, LENGTH)
            work = self.looked_up + self.memory.missed // LINES_PER_WORK
            if work > MOST_WORK or (work > WORK and self.error() <= AIM):
                return

    def _member(self, group: _Class, index: int) -> int:
        """The number of the `index`-th execution of a class of transfers."""
        for transfer in group.members:
            if index < transfer.executed:
                return self.executions.number(transfer, index)
            index -= transfer.executed
        raise IndexError(index)

    def _window(self, first: int, length: int) -> None:
        """Time `length` transfers from number `first` on."""
        executions, memory = self.executions, self.memory
        # A store goes on while the transfer behind it begins, so the one before them is timed too.
        begin = max(0, first - 1)
        stretch = [executions.execution(number) for number in range(begin, first + length)]
        lines = [transfer.line_array(numbers) for transfer, numbers, _ in stretch]
        self.looked_up += len(lines) + memory.resume(lines, self._back_from(begin))
        before: int | None = None
        sample: list[tuple[_Class, int]] = []
        for number, wanted in enumerate(lines, begin):
            transfer, _, start = stretch[number - begin]
            gap = QUIET if before is None else start - before
            before = start
            took = memory.time(wanted, transfer.store, gap)
            if number >= first:
                group = self.class_of[id(transfer)]
                group.cycles += took
                group.timed += 1
                sample.append((group, took))
        self.timed.append(sample)

    def _back_from(self, number: int) -> Iterator[Lines]:
        """The lines of the transfers before a number, the latest first."""
        for earlier in range(number - 1, max(-1, number - 1 - WARM), -1):
            transfer, numbers, _ = self.executions.execution(earlier)
            yield transfer.line_array(numbers)

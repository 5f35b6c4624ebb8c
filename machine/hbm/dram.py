"""Time that HBM transfers take: the memory device and its controllers (section 6.3).

Channels, eight unless a device says otherwise, each with its own first-ready, first-come controller
over 32 banks, tick once a cycle. They only meet in the queue of requests that wait for a place in a
channel. Loads may be in flight at the same time.

What makes it quick: ticks in which no channel can do anything are skipped; requests of one kind for
the same row of a bank are one group, because they are ready at the same time; and data return is
computed when a read is issued.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from ..spec.params import HbmDevice

_BANKS = 32
_QUEUE = 32
"""A queue takes an entry while it holds no more than this."""
_WRITE_HIGH = 25.6
_WRITE_LOW = 6.4
_READ_LATENCY = 11
_ACCESS = 16
_NEVER = 1 << 62
_NO_LIMIT = [0] * 8

# A bank's number within its channel is pseudo-channel * 16 + bank group * 4 + bank.


_Access: TypeAlias = tuple[int, int, int, int]
"""Address, channel, bank number and row of an access."""


@lru_cache(1 << 15)
def _accesses(line: int, channel_bits: int = 3) -> tuple[_Access, ...]:
    """The four accesses of a 64-byte line, which go to four channels where there are so many."""
    rest = line >> 6 + channel_bits
    mask = (1 << channel_bits) - 1
    high_column = rest >> 5 & 7
    row = rest >> 8 & 0xFFFF_FFFF
    found: list[_Access] = []
    for part in range(4):
        column = high_column << 2 | part
        channel = (line >> 6 ^ column) & mask
        column >>= channel_bits
        pseudo = (rest ^ column) & 1
        group = (rest >> 1 ^ column >> 1) & 3
        bank = (rest >> 3 ^ column >> 3) & 3
        found.append((line + _ACCESS * part, channel, pseudo << 4 | group << 2 | bank, row))
    return tuple(found)


class Load:
    """Lines that were asked for together: accesses under way, and when the last of those that have
    been issued arrives."""

    __slots__ = ("end", "pending")

    def __init__(self, pending: int, end: int) -> None:
        self.pending = pending
        self.end = end


_HIT, _CLOSED, _CONFLICT = range(3)
"""What a request's bank is: open with its row, closed, or open with another row."""

_BUCKETS = [(pseudo, kind) for pseudo in range(2) for kind in (_HIT, _CLOSED, _CONFLICT)]


class _Group:
    """Queued requests of one kind for one row: their sequence numbers, the oldest first.

    Sequence numbers grow with the time of arrival. `bucket` is the one of the queue's buckets that
    the group is in.
    """

    __slots__ = ("bank", "bucket", "row", "waiting")

    def __init__(self, bank: int, row: int) -> None:
        self.bank = bank
        self.row = row
        self.waiting: deque[int] = deque()
        self.bucket = -1


class _Queue:
    """Requests of one kind in one channel.

    `buckets` holds the groups by pseudo-channel and by what their bank is (3 * pseudo-channel +
    kind), because one limit may hold back a whole bucket.
    """

    __slots__ = ("banks", "buckets", "size")

    def __init__(self) -> None:
        self.banks: list[dict[int, _Group]] = [{} for _ in range(_BANKS)]
        self.buckets: list[dict[_Group, None]] = [{} for _ in range(6)]
        self.size = 0

    def push(self, bank: int, row: int, sequence: int, open_row: int) -> None:
        """Add a request; `open_row` is the bank's open row or -1."""
        self.size += 1
        groups = self.banks[bank]
        group = groups.get(row)
        if group is None:
            group = groups[row] = _Group(bank, row)
            self._put(group, open_row)
        group.waiting.append(sequence)

    def pop(self, group: _Group) -> int:
        """Take the oldest request of a group."""
        self.size -= 1
        sequence = group.waiting.popleft()
        if not group.waiting:
            del self.banks[group.bank][group.row]
            del self.buckets[group.bucket][group]
        return sequence

    def bank_changed(self, bank: int, open_row: int) -> None:
        """Sort the groups of a bank anew after it was opened or closed."""
        for group in self.banks[bank].values():
            del self.buckets[group.bucket][group]
            self._put(group, open_row)

    def _put(self, group: _Group, open_row: int) -> None:
        kind = _CLOSED if open_row < 0 else _HIT if open_row == group.row else _CONFLICT
        group.bucket = 3 * (group.bank >> 4) + kind
        self.buckets[group.bucket][group] = None


class _Channel:
    """One channel: queues, open rows, and for each command and scope the earliest tick for it."""

    def __init__(self, column_gap: int = 2) -> None:
        self.column_gap = column_gap
        self.loads: dict[int, Load] = {}
        self.reads = _Queue()
        self.writes = _Queue()
        # Addresses of queued writes with how many there are, and those of each sequence number.
        self.write_addresses: dict[int, int] = {}
        self.write_address_of: dict[int, int] = {}
        # Requests that have activated their row: (sequence, bank, row, is a write).
        self.active: list[tuple[int, int, int, bool]] = []
        # No activated request is ready before this tick: what is issued meanwhile only delays them.
        self.active_at = _NEVER
        self.write_mode = False
        self.last_return = -1
        self.wake = _NEVER
        self.open = [-1] * _BANKS
        self.act_at = [0] * _BANKS
        self.column_at = [0] * _BANKS
        self.pre_at = [0] * _BANKS
        self.group_act = [0] * 8
        self.group_read = [0] * 8
        self.group_write = [0] * 8
        self.pseudo_act = [0] * 2
        self.pseudo_read = [0] * 2
        self.pseudo_write = [0] * 2
        self.recent_acts: list[deque[int]] = [deque((-_NEVER,) * 4, 4) for _ in range(2)]
        self.channel_act = 0
        self.channel_pre = 0

    def push_read(self, access: _Access, load: Load, sequence: int, clock: int) -> None:
        """Queue a read at the end of tick `clock`; a queued write of the address answers it."""
        address, _, bank, row = access
        if address in self.write_addresses:
            self.complete(clock + 1, load)
            return
        self.loads[sequence] = load
        self.reads.push(bank, row, sequence, self.open[bank])
        self.wake = clock + 1

    def push_write(self, address: int, bank: int, row: int, sequence: int, clock: int) -> None:
        """Queue a write at the end of tick `clock`."""
        self.writes.push(bank, row, sequence, self.open[bank])
        self.write_addresses[address] = self.write_addresses.get(address, 0) + 1
        self.write_address_of[sequence] = address
        self.wake = clock + 1

    def complete(self, depart: int, load: Load) -> None:
        """Data return in order, at most one a tick."""
        self.last_return = end = max(depart, self.last_return + 1)
        load.pending -= 1
        if end > load.end:
            load.end = end

    def tick(self, clock: int) -> None:
        """Issue at most one command at tick `clock`; sets `wake` to the next tick of interest.

        Whoever is oldest among the ready ones wins; activated requests come before all others.
        """
        wake = self.active_at
        if wake <= clock:
            wake = self._tick_active(clock)
            if wake <= clock:
                self.wake = clock + 1
                return
            self.active_at = wake
        self._update_mode()
        is_write = self.write_mode
        if is_write:
            queue, group_column, pseudo_column = self.writes, self.group_write, self.pseudo_write
        else:
            queue, group_column, pseudo_column = self.reads, self.group_read, self.pseudo_read
        best = _NEVER
        chosen: _Group | None = None
        for groups, (pseudo, kind) in zip(queue.buckets, _BUCKETS, strict=True):
            if not groups:
                continue
            if kind == _HIT:
                bound = pseudo_column[pseudo]
                bank_at, group_at = self.column_at, group_column
            elif kind == _CLOSED:
                bound = self.pseudo_act[pseudo]
                if self.channel_act > bound:
                    bound = self.channel_act
                bank_at, group_at = self.act_at, self.group_act
            else:
                bound = self.channel_pre
                bank_at, group_at = self.pre_at, _NO_LIMIT
            if bound > clock:
                if bound < wake:
                    wake = bound
                continue
            for group in groups:
                bank = group.bank
                ready = bank_at[bank]
                limit = group_at[bank >> 2]
                if limit > ready:
                    ready = limit
                if ready > clock:
                    if ready < wake:
                        wake = ready
                elif group.waiting[0] < best:
                    best = group.waiting[0]
                    chosen = group
        if chosen is None:
            self.wake = wake
        else:
            self._serve(clock, queue, chosen, is_write)
            self.wake = clock + 1

    def _tick_active(self, clock: int) -> int:
        """Serve an activated request if one is ready; otherwise the tick when one will be."""
        best = wake = _NEVER
        chosen = -1
        for at, (sequence, bank, row, is_write) in enumerate(self.active):
            ready = self._ready(bank, row, is_write)
            if ready > clock:
                wake = min(wake, ready)
            elif sequence < best:
                best, chosen = sequence, at
        if chosen < 0:
            return wake
        sequence, bank, row, is_write = self.active[chosen]
        if self._issue(clock, sequence, bank, row, is_write):
            del self.active[chosen]
        return clock

    def _ready(self, bank: int, row: int, is_write: bool) -> int:
        """The earliest tick for the command that a request for `row` of `bank` needs next."""
        open_row = self.open[bank]
        if open_row == row:
            group = self.group_write if is_write else self.group_read
            pseudo = self.pseudo_write if is_write else self.pseudo_read
            return max(self.column_at[bank], group[bank >> 2], pseudo[bank >> 4])
        if open_row < 0:
            limits = self.group_act[bank >> 2], self.pseudo_act[bank >> 4], self.channel_act
            return max(self.act_at[bank], *limits)
        return max(self.pre_at[bank], self.channel_pre)

    def _update_mode(self) -> None:
        """Whether writes or reads are served. It changes only when a queue does."""
        waiting = self.reads.size
        if self.write_mode:
            if self.writes.size < _WRITE_LOW and waiting:
                self.write_mode = False
        elif self.writes.size > _WRITE_HIGH or not waiting:
            self.write_mode = True

    def _serve(self, clock: int, queue: _Queue, group: _Group, is_write: bool) -> None:
        """Issue the command that `group` needs; it is ready."""
        bank, row = group.bank, group.row
        open_row = self.open[bank]
        if open_row not in (-1, row):
            # A row that an activated request still needs stays open.
            if all(entry[1] != bank for entry in self.active):
                self._precharge(clock, bank)
            return
        sequence = queue.pop(group)
        done = self._issue(clock, sequence, bank, row, is_write)
        if is_write:
            self._forget(sequence)
        if not done:
            self.active.append((sequence, bank, row, is_write))
            self.active_at = clock + 1

    def _forget(self, sequence: int) -> None:
        """A write has left its queue; reads of its address no longer find it there."""
        address = self.write_address_of.pop(sequence)
        count = self.write_addresses[address] - 1
        if count:
            self.write_addresses[address] = count
        else:
            del self.write_addresses[address]

    def _issue(self, clock: int, sequence: int, bank: int, row: int, is_write: bool) -> bool:
        """Read, write, activate or precharge for a request; True if that finishes it."""
        open_row = self.open[bank]
        if open_row == row:
            if is_write:
                self._write(clock, bank)
            else:
                self._read(clock, sequence, bank)
            return True
        if open_row < 0:
            self._activate(clock, bank, row)
        else:
            self._precharge(clock, bank)
        return False

    def _read(self, clock: int, sequence: int, bank: int) -> None:
        pseudo, group = bank >> 4, bank >> 2
        self.complete(clock + _READ_LATENCY, self.loads.pop(sequence))
        # Limits only grow, and a read that is issued has passed those for reads.
        self.pseudo_read[pseudo] = clock + self.column_gap
        self.group_read[group] = clock + 2
        if self.pseudo_write[pseudo] < clock + 11:
            self.pseudo_write[pseudo] = clock + 11
        if self.pre_at[bank] < clock + 3:
            self.pre_at[bank] = clock + 3

    def _write(self, clock: int, bank: int) -> None:
        pseudo, group = bank >> 4, bank >> 2
        self.pseudo_write[pseudo] = clock + self.column_gap
        self.group_write[group] = clock + 2
        self.pseudo_read[pseudo] = max(self.pseudo_read[pseudo], clock + 9)
        self.group_read[group] = max(self.group_read[group], clock + 10)
        self.pre_at[bank] = max(self.pre_at[bank], clock + 14)

    def _activate(self, clock: int, bank: int, row: int) -> None:
        pseudo = bank >> 4
        acts = self.recent_acts[pseudo]
        acts.append(clock)
        self._set_open(bank, row)
        self.channel_act = clock + 2
        self.channel_pre = clock + 2
        self.pseudo_act[pseudo] = max(clock + 2, acts[0] + 15)
        self.group_act[bank >> 2] = clock + 3
        self.column_at[bank] = clock + 7
        self.pre_at[bank] = clock + 17
        self.act_at[bank] = clock + 19

    def _precharge(self, clock: int, bank: int) -> None:
        self._set_open(bank, -1)
        self.act_at[bank] = max(self.act_at[bank], clock + 7)

    def leave_open(self, bank: int, row: int) -> None:
        """Let `row` be the open row of a bank that nobody is waiting for."""
        self._set_open(bank, row)

    def _set_open(self, bank: int, row: int) -> None:
        self.open[bank] = row
        self.reads.bank_changed(bank, row)
        self.writes.bank_changed(bank, row)


class Dram:
    """The whole memory, cold. Times are in cycles of 1 ns and must not decrease between calls."""

    def __init__(self, device: HbmDevice | None = None) -> None:
        device = device or HbmDevice()
        self._channel_bits = device.channels.bit_length() - 1
        self._channels = [_Channel(device.column_gap) for _ in range(device.channels)]
        # Reads that have no place in their channels yet: one queue for all of them.
        self._waiting: deque[tuple[_Access, Load]] = deque()
        self._clock = -1
        self._sequence = 0

    def read(self, lines: list[int], now: int) -> int:
        """Request all 64-byte `lines` at `now`; the time when the last one has arrived."""
        if not lines:
            return now
        now = self.wait(self.begin(lines, now), now)
        # A wait that ends now ends in the tick of now, also where it has been none.
        self._run_until(now)
        return now

    def begin(self, lines: list[int], now: int) -> Load:
        """Request all `lines` at `now` and go on."""
        load = Load(4 * len(lines), now)
        if lines:
            self._catch_up(now)
            for line in lines:
                for access in _accesses(line, self._channel_bits):
                    self._waiting.append((access, load))
            self._admit()
        return load

    def wait(self, load: Load, now: int) -> int:
        """The time from `now` on when a load has arrived: `now` where it is there already."""
        if load.pending:
            self._catch_up(now)
            while load.pending:
                self._step()
        if load.end > now:
            self._run_until(load.end)
            return load.end
        return now

    def store(self, lines: list[int], now: int) -> int:
        """Read and then post each line in turn; the time when the last is accepted."""
        for line in lines:
            now = self._write(line, self.read([line], now))
        return now

    def rows(self) -> list[int]:
        """The open row, or -1, of each bank of one channel of each four.

        Four channels, in the order of their numbers, have the same rows open when everything has
        been done, because every line lies in all four of them; so there must be four at least.
        """
        return [row for channel in self._channels[::4] for row in channel.open]

    def set_rows(self, rows: Sequence[int], now: int) -> None:
        """Open these rows, as `rows` gives them, as if all else had been done long before `now`."""
        self._catch_up(now)
        for number, channel in enumerate(self._channels):
            first = number // 4 * _BANKS
            for bank, row in enumerate(rows[first : first + _BANKS]):
                if channel.open[bank] != row:
                    channel.leave_open(bank, row)

    def _write(self, line: int, now: int) -> int:
        """Post a write of a 64-byte line; the time when the controllers have accepted it."""
        for address, number, bank, row in _accesses(line, self._channel_bits):
            channel = self._channels[number]
            while channel.writes.size > _QUEUE:
                self._step()
            self._sequence += 1
            channel.push_write(address, bank, row, self._sequence, self._clock)
        return max(now, self._clock)

    def _admit(self) -> None:
        """Move requests from the head of the queue to their channels until one is full."""
        waiting = self._waiting
        while waiting:
            access, load = waiting[0]
            channel = self._channels[access[1]]
            if channel.reads.size > _QUEUE:
                return
            waiting.popleft()
            self._sequence += 1
            channel.push_read(access, load, self._sequence, self._clock)

    def _step(self) -> None:
        """The next tick in which a channel may do something."""
        self._tick(max(self._clock + 1, min(channel.wake for channel in self._channels)))

    def _tick(self, clock: int) -> None:
        self._clock = clock
        for channel in self._channels:
            if channel.wake <= clock:
                channel.tick(clock)
        if self._waiting:
            self._admit()

    def _run_until(self, clock: int) -> None:
        """All ticks up to `clock`."""
        while (wake := min(channel.wake for channel in self._channels)) <= clock:
            self._tick(max(self._clock + 1, wake))
        self._clock = max(self._clock, clock)

    def _catch_up(self, now: int) -> None:
        """Run the ticks before `now` that nobody waited for."""
        if self._clock < now - 1:
            self._run_until(now - 1)

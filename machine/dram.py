"""Time that HBM transfers take: the memory device and its controllers (section 6.3).

Eight channels, each with its own first-ready, first-come controller over 32 banks, tick once a
cycle. Channels only meet in the queues of requests that wait for a place in a channel.

A tick in which a channel can do nothing is skipped, and entries of a queue that need the same
command of the same bank are one group, as they are ready at the same time.
"""

from __future__ import annotations

from collections import deque

_CHANNELS = 8
_BANKS = 32
_QUEUE = 32
"""A queue takes an entry while it holds no more than this."""
_WRITE_HIGH = 25.6
_WRITE_LOW = 6.4
_READ_LATENCY = 11
_ACCESS = 16
_NEVER = 1 << 62

# A bank's number within its channel is pseudo-channel * 16 + bank group * 4 + bank.
_PSEUDO = [bank >> 4 for bank in range(_BANKS)]
_GROUP = [bank >> 2 for bank in range(_BANKS)]


def _place(address: int) -> tuple[int, int, int]:
    """Channel, bank number and row of an access."""
    column = (address >> 4 & 3) | (address >> 14 & 7) << 2
    channel = (address >> 6 ^ column) & 7
    pseudo = (address >> 9 ^ column >> 3) & 1
    group = (address >> 10 & 3) ^ (column >> 4 & 1)
    return channel, pseudo << 4 | group << 2 | (address >> 12 & 3), address >> 17 & 0xFFFF_FFFF


class _Queue:
    """Requests of one kind in one channel, grouped by what they need: {(bank, row): sequence}.

    Sequence numbers grow with the time of arrival, so the least is the oldest request.
    """

    __slots__ = ("groups", "size")

    def __init__(self) -> None:
        self.groups: dict[tuple[int, int], deque[int]] = {}
        self.size = 0

    def push(self, key: tuple[int, int], sequence: int) -> None:
        self.size += 1
        group = self.groups.get(key)
        if group is None:
            self.groups[key] = deque((sequence,))
        else:
            group.append(sequence)

    def pop(self, key: tuple[int, int]) -> int:
        self.size -= 1
        group = self.groups[key]
        sequence = group.popleft()
        if not group:
            del self.groups[key]
        return sequence


class _Channel:
    """One channel: queues, open rows, and for each command and scope the earliest tick for it."""

    def __init__(self) -> None:
        self.reads = _Queue()
        self.writes = _Queue()
        self.write_addresses: dict[int, int] = {}
        self.write_address_of: dict[int, int] = {}
        # Activated requests: (sequence, bank, row, is a write).
        self.active: list[tuple[int, int, int, bool]] = []
        self.write_mode = False
        self.last_return = -_NEVER
        self.wake = _NEVER
        self.open = [-1] * _BANKS
        self.act_at = [-_NEVER] * _BANKS
        self.read_at = [-_NEVER] * _BANKS
        self.write_at = [-_NEVER] * _BANKS
        self.pre_at = [-_NEVER] * _BANKS
        self.group_act = [-_NEVER] * 8
        self.group_read = [-_NEVER] * 8
        self.group_write = [-_NEVER] * 8
        self.pseudo_act = [-_NEVER] * 2
        self.pseudo_read = [-_NEVER] * 2
        self.pseudo_write = [-_NEVER] * 2
        self.recent_acts: list[deque[int]] = [deque((-_NEVER,) * 4, 4) for _ in range(2)]
        self.channel_act = -_NEVER
        self.channel_pre = -_NEVER

    def push_read(self, address: int, key: tuple[int, int], sequence: int, clock: int) -> None:
        """Queue a read at the end of tick `clock`; a queued write of the address answers it."""
        if address in self.write_addresses:
            self.complete(clock + 1)
            return
        self.reads.push(key, sequence)
        self.wake = clock + 1

    def push_write(self, address: int, key: tuple[int, int], sequence: int, clock: int) -> None:
        """Queue a write at the end of tick `clock`."""
        self.writes.push(key, sequence)
        self.write_addresses[address] = self.write_addresses.get(address, 0) + 1
        self.write_address_of[sequence] = address
        self.wake = clock + 1

    def complete(self, depart: int) -> None:
        """Data return in order, at most one a tick."""
        self.last_return = max(depart, self.last_return + 1)

    @property
    def idle(self) -> bool:
        """Whether nothing is queued."""
        return not (self.active or self.reads.size or self.writes.size)

    def tick(self, clock: int) -> None:
        """Issue at most one command at tick `clock` and set `wake` to the next tick of interest."""
        best = _NEVER
        best_at = -1
        wake = _NEVER
        for at, (sequence, bank, row, is_write) in enumerate(self.active):
            ready = self._ready(bank, row, is_write)
            if ready > clock:
                wake = min(wake, ready)
            elif sequence < best:
                best, best_at = sequence, at
        if best_at >= 0:
            sequence, bank, row, is_write = self.active[best_at]
            if self._issue(clock, bank, row, is_write):
                del self.active[best_at]
            self.wake = clock + 1
            return
        self._update_mode()
        is_write = self.write_mode
        queue = self.writes if is_write else self.reads
        best_key: tuple[int, int] | None = None
        for key, group in queue.groups.items():
            ready = self._ready(*key, is_write)
            if ready > clock:
                wake = min(wake, ready)
            elif group[0] < best:
                best, best_key = group[0], key
        if best_key is not None:
            self._serve(clock, queue, best_key, is_write)
            self.wake = clock + 1
        elif self.writes.size:
            # The mode may change with the queues at any tick.
            self.wake = clock + 1
        else:
            self.wake = wake

    def _update_mode(self) -> None:
        waiting = self.reads.size
        if self.write_mode:
            if self.writes.size < _WRITE_LOW and waiting:
                self.write_mode = False
        elif self.writes.size > _WRITE_HIGH or not waiting:
            self.write_mode = True

    def _serve(self, clock: int, queue: _Queue, key: tuple[int, int], is_write: bool) -> None:
        """Issue the command that the group `key` needs; it is ready."""
        bank, row = key
        open_row = self.open[bank]
        if open_row not in (-1, row):
            if all(entry[1] != bank for entry in self.active):
                self._precharge(clock, bank)
            return
        moved = self._issue(clock, bank, row, is_write)
        sequence = queue.pop(key)
        if is_write:
            self._forget(sequence)
        if not moved:
            self.active.append((sequence, bank, row, is_write))

    def _forget(self, sequence: int) -> None:
        """A write has left its queue; reads of its address no longer find it there."""
        address = self.write_address_of.pop(sequence)
        count = self.write_addresses[address] - 1
        if count:
            self.write_addresses[address] = count
        else:
            del self.write_addresses[address]

    def _ready(self, bank: int, row: int, is_write: bool) -> int:
        """The earliest tick for the command that a request for `row` of `bank` needs next."""
        open_row = self.open[bank]
        if open_row == row:
            if is_write:
                return max(
                    self.write_at[bank],
                    self.group_write[_GROUP[bank]],
                    self.pseudo_write[_PSEUDO[bank]],
                )
            return max(
                self.read_at[bank], self.group_read[_GROUP[bank]], self.pseudo_read[_PSEUDO[bank]]
            )
        if open_row < 0:
            return max(
                self.act_at[bank],
                self.group_act[_GROUP[bank]],
                self.pseudo_act[_PSEUDO[bank]],
                self.channel_act,
            )
        return max(self.pre_at[bank], self.channel_pre)

    def _issue(self, clock: int, bank: int, row: int, is_write: bool) -> bool:
        """Read, write, activate or precharge for a request; True if that finishes it."""
        open_row = self.open[bank]
        if open_row == row:
            if is_write:
                self._write(clock, bank)
            else:
                self._read(clock, bank)
            return True
        if open_row < 0:
            self._activate(clock, bank, row)
        else:
            self._precharge(clock, bank)
        return False

    def _read(self, clock: int, bank: int) -> None:
        pseudo, group = _PSEUDO[bank], _GROUP[bank]
        self.complete(clock + _READ_LATENCY)
        self.pseudo_read[pseudo] = max(self.pseudo_read[pseudo], clock + 2)
        self.pseudo_write[pseudo] = max(self.pseudo_write[pseudo], clock + 11)
        self.group_read[group] = max(self.group_read[group], clock + 2)
        self.pre_at[bank] = max(self.pre_at[bank], clock + 3)

    def _write(self, clock: int, bank: int) -> None:
        pseudo, group = _PSEUDO[bank], _GROUP[bank]
        self.pseudo_write[pseudo] = max(self.pseudo_write[pseudo], clock + 2)
        self.pseudo_read[pseudo] = max(self.pseudo_read[pseudo], clock + 9)
        self.group_write[group] = max(self.group_write[group], clock + 2)
        self.group_read[group] = max(self.group_read[group], clock + 10)
        self.pre_at[bank] = max(self.pre_at[bank], clock + 14)

    def _activate(self, clock: int, bank: int, row: int) -> None:
        pseudo = _PSEUDO[bank]
        acts = self.recent_acts[pseudo]
        acts.append(clock)
        self.open[bank] = row
        self.channel_act = clock + 2
        self.channel_pre = clock + 2
        self.pseudo_act[pseudo] = max(clock + 2, acts[0] + 15)
        self.group_act[_GROUP[bank]] = clock + 3
        self.read_at[bank] = clock + 7
        self.write_at[bank] = clock + 7
        self.pre_at[bank] = max(self.pre_at[bank], clock + 17)
        self.act_at[bank] = clock + 19

    def _precharge(self, clock: int, bank: int) -> None:
        self.open[bank] = -1
        self.act_at[bank] = max(self.act_at[bank], clock + 7)


class Dram:
    """The whole memory. Times are in cycles of 1 ns and must not decrease from call to call."""

    def __init__(self) -> None:
        self._channels = [_Channel() for _ in range(_CHANNELS)]
        self._clock = -1
        self._sequence = 0

    def read(self, lines: list[int], now: int) -> int:
        """Request all 64-byte `lines` at `now`; the time when the last one has arrived."""
        if not lines:
            return now
        self._catch_up(now)
        channels = self._channels
        waiting = deque(
            (address, *_place(address))
            for line in lines
            for address in range(line, line + 64, _ACCESS)
        )
        before = [channel.last_return for channel in channels]
        clock = self._clock
        self._admit(waiting, clock)
        touched = True
        while waiting or any(c.reads.size or self._reads_active(c) for c in channels):
            clock += 1
            self._tick(clock)
            if waiting:
                self._admit(waiting, clock)
        del before, touched
        end = max(channel.last_return for channel in channels)
        while clock < end:
            clock += 1
            self._tick(clock)
        self._clock = clock
        return clock

    @staticmethod
    def _reads_active(channel: _Channel) -> bool:
        return any(not entry[3] for entry in channel.active)

    def write(self, line: int, now: int) -> int:
        """Post a write of a 64-byte line; the time when the controllers have accepted it."""
        self._catch_up(now)
        for address in range(line, line + 64, _ACCESS):
            number, bank, row = _place(address)
            channel = self._channels[number]
            while channel.writes.size > _QUEUE:
                self._clock += 1
                self._tick(self._clock)
            self._sequence += 1
            channel.push_write(address, (bank, row), self._sequence, self._clock)
        return max(now, self._clock)

    def store(self, lines: list[int], now: int) -> int:
        """Read and then post each line in turn; the time when the last is accepted."""
        for line in lines:
            now = self.write(line, self.read([line], now))
        return now

    def _admit(self, waiting: deque[tuple[int, int, int, int]], clock: int) -> None:
        """Move requests from the head of `waiting` to their channels until one is full."""
        while waiting:
            address, number, bank, row = waiting[0]
            channel = self._channels[number]
            if channel.reads.size > _QUEUE:
                return
            waiting.popleft()
            self._sequence += 1
            channel.push_read(address, (bank, row), self._sequence, clock)

    def _tick(self, clock: int) -> None:
        for channel in self._channels:
            if channel.wake <= clock:
                channel.tick(clock)

    def _catch_up(self, now: int) -> None:
        """Run the ticks before `now` that nobody waited for."""
        while self._clock < now - 1:
            if all(channel.idle for channel in self._channels):
                self._clock = now - 1
                return
            self._clock += 1
            self._tick(self._clock)

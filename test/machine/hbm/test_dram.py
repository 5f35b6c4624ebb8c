"""Memory timing: reference points, and a plain model that ticks every cycle of every channel."""

from collections import deque

import pytest
from fa.machine.hbm.dram import Dram
from hypothesis import given, settings
from hypothesis import strategies as st


def prefetch(base, scales, stride, rows=64):
    """Lines of a transfer of 64-byte rows with 8 bytes of scales each."""
    lines = []
    for row in range(rows):
        lines.append((base + row * stride) // 64 * 64)
        lines.append((scales + row * stride // 8) // 64 * 64)
    return lines


def test_one_line():
    dram = Dram()
    assert dram.read([0], 0) == 18
    assert dram.read([0], 18) == 18 + 12
    assert dram.read([0], 100) == 100 + 11


def test_tiles():
    dram = Dram()
    assert dram.read(prefetch(0, 4096, 64), 0) == 122
    assert dram.read(prefetch(0, 4096, 64), 122) == 122 + 106
    assert Dram().read(prefetch(0, 40000, 128), 0) == 100


def test_store():
    lines = [line for row in range(4) for line in (row * 64, (256 + row * 8) // 64 * 64)]
    assert Dram().store(lines, 0) == 109


class PlainDram:
    """The rules of section 6.3 one by one, each timing rule looked up in the past commands."""

    # (earlier, later, scope, distance); scopes are prefixes of (channel, pseudo, group, bank)
    RULES = (
        *(("ACT", "ACT", 0, 2), ("ACT", "PRE", 0, 2)),
        *(("ACT", "ACT", 1, 2), ("RD", "RD", 1, 2), ("WR", "WR", 1, 2)),
        *(("RD", "WR", 1, 11), ("WR", "RD", 1, 9)),
        *(("ACT", "ACT", 2, 3), ("RD", "RD", 2, 2), ("WR", "WR", 2, 2), ("WR", "RD", 2, 10)),
        *(("ACT", "RD", 3, 7), ("ACT", "WR", 3, 7), ("ACT", "PRE", 3, 17), ("ACT", "ACT", 3, 19)),
        *(("RD", "PRE", 3, 3), ("WR", "PRE", 3, 14), ("PRE", "ACT", 3, 7)),
    )

    def __init__(self):
        self.clock = -1
        self.rows = {}
        self.history = []
        self.reads = [[] for _ in range(8)]
        self.writes = [[] for _ in range(8)]
        self.active = [[] for _ in range(8)]
        self.returns = [deque() for _ in range(8)]
        self.write_mode = [False] * 8
        self.done = 0

    @staticmethod
    def place(address):
        column = (address >> 4) % 4 + (address >> 14) % 8 * 4
        channel = (address >> 6) % 8 ^ column % 8
        pseudo = (address >> 9) % 2 ^ (column >> 3) % 2
        group = (address >> 10) % 4 ^ column >> 4
        return (channel, pseudo, group, (address >> 12) % 4), address >> 17

    def ready(self, command, bank):
        for earlier, later, scope, distance in self.RULES:
            if later != command:
                continue
            for when, what, where in self.history:
                near = where[: scope + 1] == bank[: scope + 1]
                if what == earlier and near and self.clock < when + distance:
                    return False
        if command == "ACT":
            acts = [w for w, c, b in self.history if c == "ACT" and b[:2] == bank[:2]]
            return len(acts) < 4 or self.clock >= acts[-4] + 15
        return True

    def command(self, entry):
        row = self.rows.get(entry["bank"])
        if row is None:
            return "ACT"
        return entry["kind"] if row == entry["row"] else "PRE"

    def best(self, queue):
        usable = [e for e in queue if self.ready(self.command(e), e["bank"])]
        return min(usable, key=lambda e: e["arrival"], default=None)

    def tick(self):
        self.clock += 1
        self.history = [each for each in self.history if each[0] > self.clock - 20]
        for channel in range(8):
            returns = self.returns[channel]
            if returns and returns[0] <= self.clock:
                returns.popleft()
                self.done += 1
            self.issue(channel)

    def issue(self, channel):
        reads, writes, active = self.reads[channel], self.writes[channel], self.active[channel]
        queue = active
        entry = self.best(active)
        if entry is None:
            if not self.write_mode[channel]:
                self.write_mode[channel] = len(writes) > 25.6 or not reads
            elif len(writes) < 6.4 and reads:
                self.write_mode[channel] = False
            queue = writes if self.write_mode[channel] else reads
            entry = self.best(queue)
        if entry is None:
            return
        command, bank = self.command(entry), entry["bank"]
        if command == "PRE" and queue is not active and any(e["bank"] == bank for e in active):
            return
        self.history.append((self.clock, command, bank))
        if command == "PRE":
            del self.rows[bank]
        elif command == "ACT":
            self.rows[bank] = entry["row"]
            if queue is not active:
                queue.remove(entry)
                active.append(entry)
        else:
            queue.remove(entry)
            if command == "RD":
                self.returns[channel].append(self.clock + 11)

    def entry(self, address, kind):
        bank, row = self.place(address)
        return {"address": address, "bank": bank, "row": row, "kind": kind, "arrival": self.clock}

    def read(self, lines, now):
        while self.clock < now - 1:
            self.tick()
        waiting = deque(a for line in lines for a in range(line, line + 64, 16))
        goal = self.done + len(waiting)
        self.admit(waiting)
        while self.done < goal:
            self.tick()
            self.admit(waiting)
        return self.clock

    def admit(self, waiting):
        while waiting:
            entry = self.entry(waiting[0], "RD")
            channel = entry["bank"][0]
            if len(self.reads[channel]) > 32:
                return
            waiting.popleft()
            if any(e["address"] == entry["address"] for e in self.writes[channel]):
                self.returns[channel].append(self.clock + 1)
            else:
                self.reads[channel].append(entry)

    def store(self, lines, now):
        for line in lines:
            now = self.read([line], now)
            for address in range(line, line + 64, 16):
                entry = self.entry(address, "WR")
                while len(self.writes[entry["bank"][0]]) > 32:
                    self.tick()
                self.writes[entry["bank"][0]].append(entry)
            now = max(now, self.clock)
        return now


transfers = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 1 << 14).map(lambda n: n * 64),
        st.sampled_from([64, 64, 128, 192, 1024, 4096, 8192, 1 << 17]),
        st.integers(1, 16),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=6,
)


@given(transfers)
@settings(max_examples=40, deadline=None)
def test_quick_and_plain_model_agree(drawn):
    quick, plain = Dram(), PlainDram()
    now = 0
    for is_store, base, stride, rows, pause in drawn:
        lines = prefetch(base, base + (1 << 19), stride, rows)
        if is_store:
            ends = quick.store(lines, now), plain.store(lines, now)
        else:
            ends = quick.read(lines, now), plain.read(lines, now)
        assert ends[0] == ends[1]
        now = ends[0] + pause


@pytest.mark.parametrize("stride", [64, 256, 4096])
def test_full_queues(stride):
    lines = prefetch(0, 1 << 18, stride)
    assert Dram().read(lines, 5) == PlainDram().read(lines, 5)

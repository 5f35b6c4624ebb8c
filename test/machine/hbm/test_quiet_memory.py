"""Times that are looked up against the memory model that runs on."""

from __future__ import annotations

import numpy as np
from fa.machine.hbm import quiet_memory
from fa.machine.hbm.dram import Dram
from fa.machine.hbm.quiet_memory import QUIET, QuietMemory
from hypothesis import given, settings
from hypothesis import strategies as st

STRIDES = [64, 128, 192, 256, 1024, 4096, 8192, 1 << 17]


def lines_of(base: int, stride: int, rows: int, scales: int) -> list[int]:
    """Rows of one line, and a line of scales after each."""
    return [
        line
        for row in range(rows)
        for line in (base + row * stride, scales + row * stride // 8 // 64 * 64)
    ]


prefetches = st.builds(
    lines_of,
    st.integers(0, 1 << 15).map(lambda n: n * 64),
    st.sampled_from(STRIDES),
    st.integers(1, 24),
    st.integers(0, 1 << 15).map(lambda n: n * 64),
)


@given(st.lists(prefetches, min_size=1, max_size=6), st.integers(0, 200))
@settings(max_examples=50, deadline=None)
def test_prefetches_are_exact(transfers: list[list[int]], pause: int):
    """Twice, so that the second time finds patterns that are known already."""
    for _ in range(2):
        dram, memory, now = Dram(), QuietMemory(), 0
        for lines in transfers:
            end = dram.read(lines, now)
            assert memory.time(np.array(lines, np.int64), False, pause) == end - now
            now = end + pause


@given(
    st.lists(prefetches, min_size=1, max_size=4),
    # Bits that name halves, pseudo-channels, groups and banks, and rows.
    st.integers(0, 63).map(lambda n: n << 8),
    st.integers(0, 3).map(lambda n: n << 6),
    st.integers(1, 100).map(lambda n: n << 17),
)
@settings(max_examples=30, deadline=None)
def test_names_do_not_matter(transfers: list[list[int]], places: int, channels: int, rows: int):
    """Other banks and rows in the same pattern take the same time, in the memory model itself."""
    one, other = Dram(), Dram()
    now = 0
    for lines in transfers:
        end = one.read(lines, now)
        renamed = [(line ^ places ^ channels) + rows for line in lines]
        assert other.read(renamed, now) == end
        now = end + 3


def test_stores_one_after_another():
    """Writes that go on while the next store begins: within a few cycles of the model."""
    random = np.random.default_rng(0)
    dram, memory, now = Dram(), QuietMemory(), 0
    exact: list[int] = []
    found: list[int] = []
    for number in range(200):
        lines = [number * 1024 + line * 64 + (1 << 19) for line in range(8)]
        gap = int(random.integers(2, 6))
        end = dram.store(lines, now)
        exact.append(end - now)
        found.append(memory.time(np.array(lines, np.int64), True, gap if number else QUIET))
        # The gap that the next one is told.
        now = end + gap
    assert abs(sum(found) / sum(exact) - 1) < 0.03


def test_what_is_counted_does_not_depend_on_the_process(monkeypatch):
    """A limit on the work then gives the same samples, whatever was compiled before."""
    monkeypatch.setattr(quiet_memory, "_KNOWN", {})
    lines = np.arange(0, 1 << 13, 64)
    counts: list[tuple[int, int]] = []
    for _ in range(2):
        memory = QuietMemory()
        times = [memory.time(lines + start, False, 10) for start in (0, 1 << 17, 1 << 18, 0)]
        counts.append((memory.missed, sum(times)))
    assert counts[0] == counts[1]
    assert counts[0][0] == 2 * len(lines)
    monkeypatch.setattr(quiet_memory, "_MOST", 1)
    quiet_memory._KNOWN.clear()
    memory = QuietMemory()
    assert sum(memory.time(lines + start, False, 10) for start in (0, 1 << 17, 1 << 18, 0))
    assert len(quiet_memory._KNOWN) == 1

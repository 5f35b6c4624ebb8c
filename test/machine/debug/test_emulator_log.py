"""The time in the log of the machine's own emulator."""

import pytest
from fa.machine.debug.emulator_files import EmulatorFilesError
from fa.machine.debug.emulator_log import Times, latency


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("Simulation completed. Latency 4812ns", 4812),
        ("Simulation completed. Latency 21.5µs cycles 21500\n", 21500),
        ("Latency 1ns\n INFO x: Simulation completed. Latency 2ms\nmore", 2_000_000),
        ("\x1b[2m2026\x1b[0m \x1b[32mINFO\x1b[0m m: Simulation completed. Latency 7ns", 7),
        ("Latency 1.5s", 1.5e9),
    ],
)
def test_times(text, nanoseconds):
    assert latency(text) == pytest.approx(nanoseconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "Latency", "Latency xns", "latency 3ns", "Latency 3 parsec"])
def test_logs_without_one(text):
    with pytest.raises(EmulatorFilesError, match="transactional_emulator=info"):
        latency(text)


def test_what_counts_as_equal():
    """As far as the emulator's runs lie apart: 0.05 %, or two cycles."""
    assert Times(1000, 1000).text() == "time: equal, 1,000 cycles\n"
    assert Times(100, 102).equal
    assert not Times(100, 103).equal
    assert Times(1_000_000, 1_000_500).equal
    assert not Times(1_000_000, 999_499).equal
    assert Times(1_000_000, 999_000.5).text() == (
        "time: differs; 1,000,000 cycles here, 999,000.5 there, 0.100 % apart\n"
    )

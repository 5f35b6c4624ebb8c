"""How many random cases were checked, and what the compiler refused, at the end of a run."""

from __future__ import annotations

from collections import Counter

import pytest

PROPERTY, CHECKED = "fuzz cases", "checked"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for the cases of all shards."""
    counts = Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    counts.update(value if name == PROPERTY else {})
    if counts:
        refused = [f"{n} {kind}" for kind, n in counts.most_common() if kind != CHECKED]
        terminalreporter.write_line(
            f"fuzz: {counts[CHECKED]} of {counts.total()} cases checked; "
            f"refused: {', '.join(refused) or 'none'}"
        )

"""How many cases there are, and of the families beside attention on random machines."""

from __future__ import annotations

import os

COUNT = int(os.environ.get("FA_FUZZ", "24"))
"""Attentions on random machines; `make fuzz` sets 2000."""


def share(of: int, least: int = 1) -> int:
    """The cases of a family that has one for `of` of those."""
    return max(least, COUNT // of)

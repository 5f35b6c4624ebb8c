"""A progress bar on standard error, drawn only where somebody can see it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

WIDTH = 40
"""Characters of the bar."""

INTERVAL = 0.1
"""Seconds between two drawings."""


class ProgressBar:
    """Call it with how much is done, of how much in all; it is silent where there is no terminal.

    Use it in a `with` statement: leaving takes the bar away.
    """

    def __init__(self, label: str):
        self._label = label
        self._visible = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._length = 0

    def __call__(self, done: int, total: int | None) -> None:
        """Draw that `done` of `total` units are done (None: nobody knows of how many).

        Too early after the last time, do nothing.
        """
        if not self._visible:
            return
        now = time.monotonic()
        if now - self._drawn_at < INTERVAL and done != total:
            return
        self._drawn_at = now
        if total is None:
            self._draw(f"{self._label} {done:,}")
            return
        share = min(done / total, 1.0) if total > 0 else 1.0
        filled = round(share * WIDTH)
        bar = "#" * filled + "." * (WIDTH - filled)
        self._draw(f"{self._label} [{bar}] {share:4.0%}")

    def _draw(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._length))
        sys.stderr.flush()
        self._length = len(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._length:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()

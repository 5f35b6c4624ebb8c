"""What holds for all tests: choices that the user's compiler remembers are not theirs."""

from __future__ import annotations

import os
import tempfile

import pytest

CACHE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """A cache of the session's own, empty."""
    folder = config.stash[CACHE] = tempfile.TemporaryDirectory(prefix="fa-cache-")
    os.environ["FA_CACHE_DIR"] = folder.name


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[CACHE].cleanup()

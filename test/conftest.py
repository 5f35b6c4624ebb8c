"""What holds for all tests: no deadlines, and choices that a user made are not theirs."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import settings

# A machine that does other things as well is slow, and no fault of what is tested.
settings.register_profile("fa", deadline=None)
settings.load_profile("fa")

CACHE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """A cache of the session's own, empty."""
    folder = config.stash[CACHE] = tempfile.TemporaryDirectory(prefix="fa-cache-")
    os.environ["FA_CACHE_DIR"] = folder.name


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[CACHE].cleanup()

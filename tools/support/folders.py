"""The folders above an output, made where they are missing."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress


def nearest_folder(path: str) -> str:
    """The folder of `path`, or the nearest one above it that exists."""
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


@contextmanager
def folders_above(path: str) -> Generator[None]:
    """Make the folders above `path` that are missing; take them away where the body fails.

    Raises OSError.
    """
    folder = os.path.dirname(os.path.realpath(path))
    made: list[str] = []
    try:
        missing: list[str] = []
        while not os.path.lexists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for each in reversed(missing):
            with suppress(FileExistsError):  # made by somebody else in the meantime
                os.mkdir(each)
                made.append(each)
        yield
    except BaseException:
        for each in reversed(made):
            with suppress(OSError):
                os.rmdir(each)
        raise

"""Recordings of the reference machine: programs, and what it did with them.

Beside the tests stands a selection with cases of every kind, which bench/select_recordings.py has
made; the README there says what the fields mean. FA_CONFORMANCE names the folder of the whole set
where all of it is to be replayed.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

SELECTION = Path(__file__).resolve().parent / "machine" / "recordings"
FOLDER = Path(os.environ.get("FA_CONFORMANCE") or SELECTION)


def read_recordings(category: str) -> dict[str, Any]:
    """The document of one category."""
    with gzip.open(FOLDER / f"{category}.json.gz") as file:
        return json.load(file)

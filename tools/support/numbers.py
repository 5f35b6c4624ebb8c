"""Numbers on command lines: digits alone, and no more than a dimension can be."""

from __future__ import annotations

import argparse
import re

from ...frontends.mlir import LARGEST


def count(text: str) -> int:
    """A positive integer as argument."""
    return _number(text, 1, "a positive integer")


def natural(text: str) -> int:
    """An integer from 0 on as argument."""
    return _number(text, 0, "an integer from 0 on")


def _number(text: str, least: int, what: str) -> int:
    """An integer from `least` to what a dimension can be."""
    digits = text.lstrip("0") or "0"
    if not re.fullmatch("[0-9]+", text) or (digits == "0" and least):
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    if len(digits) > len(str(LARGEST)) or int(digits) > LARGEST:
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is too large; the most is {LARGEST}")
    return int(digits)

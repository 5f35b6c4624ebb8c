"""Damage done to files at random: to bytes, to JSON values, to words of text."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 63, 65, 1 << 16, 1 << 31, 1 << 32, 1 << 40),
    *(10**15, 10**18, 1 << 63, 1 << 64, 10**30, -(10**18), 0.5, 1e300, float("nan"), float("inf")),
    *("", "x", "0", "bf16", "\ud800", "a" * 3000, [], {}, [[]], [0], {"a": 1}, ["argument", 0]),
    *(["region", 0], ["constant", [1], "bf16", "AAA"], ["reshape", [1 << 20, 1 << 20], ["x"]]),
]
"""What stands where something else is expected."""

ODD_WORDS = [
    *("0", "-1", "1", "7", "64", "1e9", "4294967296", "1000000000000000", "9" * 30, "9" * 5000),
    *("true", '"x"', "0x", "0xZZ", "gp15", "gp16", "f9", "a16", "nan", "inf", "[]", "{}", "=", ","),
    *("2026-01-01", "[[[[", "\0", "\u2028", "é", "", "'", '"""', "#", "//", ".word", "C_BREAK"),
]
"""What stands where a word is expected."""


def changed_bytes(data: bytes, random: Random) -> bytes:
    """`data` with something of it changed, lost, doubled or added."""
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice([1, 1, 2, 16, 200, 5000]))
    match random.randrange(7):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:]
        case 4:
            return data[:at] + random.randbytes(end - at) + data[end:]
        case 5:
            return data[:at] + bytes(end - at) + data[end:]
        case _:
            return data[:at] + random.choice([b"\xff", b"\n", b"\r", b" ", b"0", b"-"]) + data[at:]


def changed_json(value: Any, random: Random) -> Any:
    """A copy of a JSON value with one of the values in it replaced, lost, added or moved."""
    made = copy.deepcopy(value)
    holders: list[Any] = [made]
    paths: list[tuple[Any, Any]] = []
    for holder in holders:
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, inner in items:
            paths.append((holder, key))
            if isinstance(inner, dict | list):
                holders.append(inner)
    # Deep parts have most of the paths, and shallow ones are as important.
    holder, key = random.choice(paths if random.random() < 0.7 else paths[: len(made) + 30])
    old = holder[key]
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice(["x", "name", "shape", ""])] = random.choice(ODD_VALUES)
        case 2 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(random.choice([old, *ODD_VALUES])))
        case 3 if isinstance(old, int):
            holder[key] = random.choice([old + 1, old - 1, 2 * old, -old, old + 64, old << 20])
        case 4:
            other_holder, other = random.choice(paths)
            if other in other_holder if isinstance(other_holder, dict) else True:
                holder[key] = copy.deepcopy(other_holder[other])
        case _:
            holder[key] = copy.deepcopy(random.choice(ODD_VALUES))
    return made


def changed_text(text: str, random: Random) -> str:
    """`text` with words or lines of it changed, lost, doubled or exchanged."""
    lines = text.split("\n")
    at = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, random.choice(lines))
        case 2:
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = lines[at][: random.randrange(len(lines[at]) + 1)]
        case _:
            words = lines[at].split(" ")
            word = random.randrange(len(words))
            others = random.choice(lines).split(" ")
            words[word] = random.choice([random.choice(ODD_WORDS), random.choice(others)])
            lines[at] = " ".join(words)
    return "\n".join(lines)


def json_text(value: Any) -> str:
    """JSON as Python writes it, infinities included."""
    return json.dumps(value, indent=2) + "\n"

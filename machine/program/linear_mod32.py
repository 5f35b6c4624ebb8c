"""Integers as sums of symbols times numbers, modulo 2^32: registers as loops' numbers give them.

An int is a constant, `Linear` a sum, None a value about which nothing is known.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, NamedTuple, TypeAlias, TypeVar

WRAP = 0xFFFF_FFFF

ARITHMETIC = frozenset({"S_ADDI_INT", "S_LUI_INT", "S_ADD_INT", "S_SUB_INT", "S_MUL_INT"})
"""Instructions that compute integers from integers (ISA section 4.6)."""

Symbol = TypeVar("Symbol", bound=Hashable)
"""What symbols are: the numbers of loops in a program, values in its IR."""


class Linear(NamedTuple, Generic[Symbol]):
    """`constant` plus each symbol of `terms` times its factor; there is at least one term."""

    constant: int
    terms: Mapping[Symbol, int]


Known: TypeAlias = int | Linear[Symbol]

Value: TypeAlias = int | Linear[Symbol] | None


def symbol(of: Symbol) -> Linear[Symbol]:
    """The value of one symbol."""
    return Linear(0, {of: 1})


def made(constant: int, terms: Mapping[Symbol, int]) -> Known[Symbol]:
    """A sum; terms whose factor is 0 are dropped."""
    kept = {key: factor for key, factor in terms.items() if factor}
    return Linear(constant & WRAP, kept) if kept else constant & WRAP


def added(left: Value[Symbol], right: Value[Symbol], sign: int = 1) -> Value[Symbol]:
    """left + sign * right."""
    if left is None or right is None:
        return None
    if isinstance(left, int):
        if isinstance(right, int):
            return left + sign * right & WRAP
        terms = {key: sign * factor & WRAP for key, factor in right.terms.items()}
        return Linear(left + sign * right.constant & WRAP, terms)
    if isinstance(right, int):
        return Linear(left.constant + sign * right & WRAP, left.terms)
    terms = dict(left.terms)
    for key, factor in right.terms.items():
        terms[key] = terms.get(key, 0) + sign * factor & WRAP
    return made(left.constant + sign * right.constant, terms)


def multiplied(left: Value[Symbol], right: Value[Symbol]) -> Value[Symbol]:
    """left * right, where at most one of them is no constant."""
    if isinstance(right, Linear):
        left, right = right, left
    if not isinstance(right, int) or left is None:
        return None
    if isinstance(left, int):
        return left * right & WRAP
    terms = {key: factor * right & WRAP for key, factor in left.terms.items()}
    return made(left.constant * right, terms)


def computed(mnemonic: str, left: Value[Symbol], right: Value[Symbol] = 0) -> Value[Symbol]:
    """What an instruction of `ARITHMETIC` makes of its inputs, registers and immediates in order.

    The one place that says so for sums; the simulator says it for numbers.
    """
    match mnemonic:
        case "S_LUI_INT":
            return multiplied(left, 1 << 12)
        case "S_ADDI_INT" | "S_ADD_INT":
            return added(left, right)
        case "S_SUB_INT":
            return added(left, right, -1)
        case _:
            assert mnemonic == "S_MUL_INT"
            return multiplied(left, right)


def replaced(value: Value[Symbol], known: Mapping[Symbol, Value[Symbol]]) -> Value[Symbol]:
    """`value` with the symbols of `known` replaced by their values."""
    if not isinstance(value, Linear) or not any(key in known for key in value.terms):
        return value
    result: Value[Symbol] = value.constant
    for key, factor in value.terms.items():
        part = known[key] if key in known else symbol(key)
        result = added(result, multiplied(part, factor))
    return result


def at(value: Known[Symbol], numbers: Mapping[Symbol, int]) -> int:
    """The value where each symbol has the number given."""
    if isinstance(value, int):
        return value
    total = value.constant
    for key, factor in value.terms.items():
        total += factor * numbers[key]
    return total & WRAP

"""Mask functions as expressions: their MLIR, and what they mean on arrays of places.

An expression is a list: a comparison `["sle", a, b]` of whole numbers or `["and", p, q]` of
predicates, where a number is `["index", "i"]` (b, h, i or j), `["constant", n]`, or an operation
with its operands, `["addi", a, b]`; those that divide have numbers that are not negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": np.less,
    "sle": np.less_equal,
    "sgt": np.greater,
    "sge": np.greater_equal,
}
LOGIC: dict[str, Callable[..., Any]] = {"andi": np.bitwise_and, "ori": np.bitwise_or}
LOGIC["xori"] = np.bitwise_xor
NUMBERS: dict[str, Callable[..., Any]] = {
    "addi": np.add,
    "subi": np.subtract,
    "muli": np.multiply,
    "divui": np.floor_divide,
    "remui": np.remainder,
}


def predicate_text(expression: list[Any]) -> str:
    """The function as a region."""
    lines: list[str] = []

    def emit(part: list[Any]) -> str:
        kind = part[0]
        if kind == "index":
            return f"%{part[1]}"
        if kind == "constant":
            text = f"arith.constant {part[1]} : index"
        else:
            operands = ", ".join([emit(operand) for operand in part[1:]])
            if kind in COMPARISONS:
                text = f"arith.cmpi {kind}, {operands} : index"
            else:
                text = f"arith.{kind} {operands} : {'i1' if kind in LOGIC else 'index'}"
        lines.append(f"%v{len(lines)} = {text}")
        return f"%v{len(lines) - 1}"

    last = emit(expression)
    body = "".join(f"        {line}\n" for line in lines)
    arguments = "%b: index, %h: index, %i: index, %j: index"
    return f"{{\n      ^bb0({arguments}):\n{body}        fa.yield {last} : i1\n      }}"


def predicate(expression: list[Any], places: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The function's value on integer arrays that broadcast against each other."""
    kind = expression[0]
    if kind == "index":
        return places[expression[1]]
    if kind == "constant":
        return np.asarray(expression[1])
    operands = [predicate(part, places) for part in expression[1:]]
    return {**COMPARISONS, **LOGIC, **NUMBERS}[kind](*operands)

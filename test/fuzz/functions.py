"""Score and probability functions as expressions: their MLIR, and their values in float64.

An expression is a list: `["x"]` (the score), `["index", "i"]` (a place as a float; b, h, i or j),
`["constant", c]`, or an operation with its operands, `["add", a, b]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Noise = Callable[[Values, Values], Values]
"""Perturbs values by roundings of the size that a magnitude has."""

UNARY = {
    "neg": "arith.negf",
    "abs": "math.absf",
    "exp": "math.exp",
    "exp2": "math.exp2",
    "tanh": "math.tanh",
}
BINARY = {
    "add": "arith.addf",
    "sub": "arith.subf",
    "mul": "arith.mulf",
    "div": "arith.divf",
    "max": "arith.maximumf",
    "min": "arith.minimumf",
}
MEANINGS: dict[str, Callable[..., Values]] = {
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "exp2": np.exp2,
    "tanh": np.tanh,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}
TANH_STEPS = 6
"""Roundings that stand for those of the machine's tanh, a rational function of a dozen steps."""


def uses_indices(expression: list[Any]) -> bool:
    """Whether the function depends on where a score stands."""
    return expression[0] == "index" or any(
        uses_indices(part) for part in expression[1:] if isinstance(part, list)
    )


def function_text(expression: list[Any]) -> str:
    """The function as a region."""
    lines: list[str] = []

    def emit(part: list[Any]) -> str:
        kind = part[0]
        if kind == "x":
            return "%x"
        name = f"%v{len(lines)}"
        if kind == "constant":
            lines.append(f"{name} = arith.constant {float(part[1])!r} : f32")
        elif kind == "index":
            lines.append(f"{name} = arith.index_cast %{part[1]} : index to i64")
            lines.append(f"%v{len(lines)} = arith.sitofp {name} : i64 to f32")
            name = f"%v{len(lines) - 1}"
        else:
            operands = ", ".join([emit(operand) for operand in part[1:]])
            name = f"%v{len(lines)}"
            lines.append(f"{name} = {(UNARY | BINARY)[kind]} {operands} : f32")
        return name

    last = emit(expression)
    body = "".join(f"        {line}\n" for line in lines)
    arguments = "%x: f32, %b: index, %h: index, %i: index, %j: index"
    return f"{{\n      ^bb0({arguments}):\n{body}        fa.yield {last} : f32\n      }}"


def evaluate(
    expression: list[Any], x: Values, places: Mapping[str, Values], noise: Noise
) -> Values:
    """The function's value in float64; `noise` stands where the machine rounds."""
    kind = expression[0]
    if kind == "x":
        return x
    if kind == "index":
        return places[expression[1]]
    if kind == "constant":
        return np.asarray(np.float32(expression[1]), np.float64)
    operands = [evaluate(part, x, places, noise) for part in expression[1:]]
    with np.errstate(all="ignore"):
        value = MEANINGS[kind](*operands)
    if kind == "tanh":
        for _ in range(TANH_STEPS):
            value = noise(value, np.abs(value))
        return value
    if kind in ("max", "min", "abs"):
        # From the difference of the operands, which is rounded.
        size = sum(map(np.abs, operands), np.zeros(()))
        return noise(value, np.broadcast_to(size, value.shape))
    if kind == "div":
        value = noise(value, np.abs(value))
    return noise(value, np.abs(value))

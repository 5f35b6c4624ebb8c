"""Cycle counts as small expressions over named machine parameters.

The instruction table gives each instruction's cost as such an expression, so that the simulator and
the cost model evaluate, and the ISA page prints, the same thing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CycleExpression:
    """A number of cycles, as a function of a machine's parameters.

    `text` is the formula as printed; `evaluate` takes `Machine.cycle_parameters`.
    """

    text: str
    function: Callable[[Mapping[str, int]], int]

    def evaluate(self, parameters: Mapping[str, int]) -> int:
        """The value in cycles; KeyError if `parameters` lacks a name that the formula uses."""
        return self.function(parameters)

    def __add__(self, other: CycleExpression | int) -> CycleExpression:
        right = constant(other)
        left_of, right_of = self.function, right.function
        return CycleExpression(f"{self.text} + {right.text}", lambda p: left_of(p) + right_of(p))

    def __radd__(self, other: int) -> CycleExpression:
        return constant(other) + self

    def __mul__(self, other: CycleExpression | int) -> CycleExpression:
        right = constant(other)
        left_of, right_of = self.function, right.function
        text = f"{_factor(self.text)}*{_factor(right.text)}"
        return CycleExpression(text, lambda p: left_of(p) * right_of(p))

    def __rmul__(self, other: int) -> CycleExpression:
        return constant(other) * self

    def __floordiv__(self, other: CycleExpression) -> CycleExpression:
        left_of, right_of = self.function, other.function
        text = f"({_factor(self.text)}/{_factor(other.text)})"
        return CycleExpression(text, lambda p: left_of(p) // right_of(p))

    def __str__(self) -> str:
        return self.text


def _factor(text: str) -> str:
    """`text` with parentheses if it is a sum."""
    return f"({text})" if " + " in text and not text.startswith("(") else text


def parameter(name: str) -> CycleExpression:
    """The machine parameter `name`."""
    return CycleExpression(name, lambda p: p[name])


def constant(value: CycleExpression | int) -> CycleExpression:
    """`value` as an expression."""
    if isinstance(value, CycleExpression):
        return value
    return CycleExpression(str(value), lambda _: value)


def parsed(text: str) -> CycleExpression:
    """The expression that `text` writes: names of parameters and numbers with +, *, / (whole) and
    parentheses. Raises ValueError."""
    try:
        return _expression(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            f"'{text}' is no number of cycles; write names of settings and whole numbers with "
            "+, *, / and parentheses"
        ) from None


def _expression(node: ast.expr) -> CycleExpression:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return constant(value)
        case ast.Name(id=name):
            return parameter(name)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _expression(left) + _expression(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _expression(left) * _expression(right)
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv(), right=right):
            return _expression(left) // _expression(right)
        case _:
            raise ValueError

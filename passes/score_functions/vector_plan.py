"""How a score function is done with vector rows: which values are numbers, which are rows.

A value of the function is either uniform, a number known at compile time, a row of a table, or
data, a vector row.
Every operation on data writes a scratch row of its own, so that no row is read after its overwrite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xdsl.dialects import arith, math
from xdsl.ir import Block, Operation, Region, SSAValue

from ...diagnostics import OpError
from ...dialects.fa.attention import SCORE_ARGUMENTS

SOURCE = -1
"""Stands for the row that the function is applied to."""

SCRATCH_ROWS: dict[type[Operation], int] = {
    arith.AddfOp: 0,
    arith.SubfOp: 0,
    arith.MulfOp: 0,
    arith.DivfOp: 1,
    arith.NegfOp: 0,
    arith.MaximumfOp: 1,
    arith.MaxnumfOp: 1,
    arith.MinimumfOp: 1,
    arith.MinnumfOp: 1,
    math.ExpOp: 0,
    math.Exp2Op: 0,
    math.AbsFOp: 1,
    math.TanhOp: 3,
    math.LogOp: 2,
    math.Log2Op: 2,
    math.Log1pOp: 3,
    math.SqrtOp: 2,
    math.RsqrtOp: 2,
}
"""Operations that the vector unit can do on data, and the rows they need besides their result's."""

CONVERSIONS = (arith.ExtFOp, arith.TruncFOp)
"""Operations that change nothing: rows are bf16 whatever the function says."""


@dataclass
class MapPlan:
    """Which values of a function are uniform, and the row of each that is data.

    Raises OpError for an operation without a form in vector instructions.
    """

    function: Region
    uniform: dict[SSAValue, float] = field(default_factory=dict[SSAValue, float])
    tables: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    """Arguments that are elements of tables: which table."""
    rows: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    spare: dict[Operation, list[int]] = field(default_factory=dict[Operation, list[int]])
    count: int = 0
    """Scratch rows in all."""
    _numbers: dict[SSAValue, Any] = field(default_factory=dict[SSAValue, Any])
    """Uniform values in their types: integers of 64 bits are no floats."""
    _same: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Values that are others under another name, with those."""

    def __post_init__(self) -> None:
        folded = {op for op in self.operations if self._fold(op)}
        self.rows[self.block.args[0]] = SOURCE
        for number, argument in enumerate(self.block.args[SCORE_ARGUMENTS:]):
            self.tables[argument] = number
        last = self._last_users()
        free: list[int] = []
        for op in self.operations:
            if op in folded:
                self._name(op.results[0])
                continue
            self._check(op)
            taken = [self._take(free) for _ in range(SCRATCH_ROWS[type(op)] + 1)]
            self.rows[op.results[0]], self.spare[op] = taken[0], taken[1:]
            free += taken[1:]
            for operand in dict.fromkeys(map(self._origin, op.operands)):
                row = self.rows.get(operand, SOURCE)
                if row != SOURCE and last[operand] is op:
                    free.append(row)

    @property
    def block(self) -> Block:
        """The function's body."""
        return self.function.block

    @property
    def operations(self) -> list[Operation]:
        """The function's operations, without its terminator."""
        return list(self.block.ops)[:-1]

    @property
    def yielded(self) -> SSAValue:
        """The function's value."""
        last = self.block.last_op
        assert last is not None
        return last.operands[0]

    def _take(self, free: list[int]) -> int:
        if free:
            return free.pop()
        self.count += 1
        return self.count - 1

    def _origin(self, value: SSAValue) -> SSAValue:
        """The value that this one is."""
        return self._same.get(value, value)

    def _last_users(self) -> dict[SSAValue, Operation]:
        """The last operation that uses a value, under whatever name."""
        return {self._origin(operand): op for op in self.block.ops for operand in op.operands}

    def _name(self, value: SSAValue) -> None:
        """Let a value that is another lie where that does."""
        origin = self._origin(value)
        for values in (self.rows, self.tables):
            if origin in values:
                values[value] = values[origin]

    def _fold(self, op: Operation) -> bool:
        """Compute what depends on constants only; pass through what changes nothing."""
        import numpy as np

        from ...dialects.interpreters.scalar_functions import apply, supported

        result, numbers = op.results[0], self._numbers
        if all(operand in numbers for operand in op.operands) and supported(op):
            numbers[result] = apply(op, [np.asarray(numbers[v]) for v in op.operands])
            self.uniform[result] = float(numbers[result])
            return True
        source = None
        if isinstance(op, CONVERSIONS):
            source = op.operands[0]
        elif isinstance(op, arith.SelectOp) and op.cond in numbers:
            source = op.lhs if numbers[op.cond] else op.rhs
        if source is None:
            return False
        if source in numbers:
            numbers[result], self.uniform[result] = numbers[source], self.uniform[source]
        self._same[result] = self._origin(source)
        return True

    def _check(self, op: Operation) -> None:
        for operand in op.operands:
            known = (self.rows, self.uniform, self.tables)
            if not any(operand in values for values in known):
                raise OpError(op, "this depends on where an element stands; `tabulate` comes first")
        if type(op) not in SCRATCH_ROWS:
            known = ", ".join(sorted(kind.name for kind in SCRATCH_ROWS))
            raise OpError(
                op, f"{op.name} has no form in vector instructions; on scores there are {known}"
            )

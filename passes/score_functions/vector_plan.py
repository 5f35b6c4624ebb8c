"""How a score function is done with vector rows: which values are numbers, which are rows.

A value of the function is either uniform, a number known at compile time, a row of a table, or
data, a vector row.
Every operation on data writes a scratch row of its own, so that no row is read after its overwrite.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def __post_init__(self) -> None:
        self.rows[self.block.args[0]] = SOURCE
        for number, argument in enumerate(self.block.args[SCORE_ARGUMENTS:]):
            self.tables[argument] = number
        free: list[int] = []
        for op in self.operations:
            if self._fold(op):
                continue
            self._check(op)
            taken = [self._take(free) for _ in range(SCRATCH_ROWS[type(op)] + 1)]
            self.rows[op.results[0]], self.spare[op] = taken[0], taken[1:]
            free += taken[1:]
            for operand in dict.fromkeys(op.operands):
                row = self.rows.get(operand, SOURCE)
                if row != SOURCE and self._last_user(operand) is op:
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

    def _last_user(self, value: SSAValue) -> Operation:
        return max((use.operation for use in value.uses), key=self.block.get_operation_index)

    def _fold(self, op: Operation) -> bool:
        """Compute what depends on constants only; pass through what changes nothing."""
        result = op.results[0]
        if isinstance(op, CONVERSIONS):
            for values in (self.rows, self.tables):
                if op.operands[0] in values:
                    values[result] = values[op.operands[0]]
                    return True
        if any(operand not in self.uniform for operand in op.operands):
            return False
        import numpy as np

        from ...dialects.interpreters.scalar_functions import apply, supported

        if not supported(op):
            return False
        self.uniform[result] = float(apply(op, [np.asarray(self.uniform[v]) for v in op.operands]))
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

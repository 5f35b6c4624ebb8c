"""Score functions on rows: `fa.map` with vector instructions (ISA section 4.3)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import copysign, inf

from xdsl.dialects import arith, math
from xdsl.ir import Operation, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ...passes.score_functions.vector_plan import SOURCE, MapPlan
from .emitter import Emitter
from .row_ops import FULL, NEGATE, Rows, walk

TANH_LIMIT = 4.0
"""Where the rational form of tanh is cut off: it is 1 there to bf16 accuracy."""

LOG_STEPS = 48
"""Steps of at most 2 to the logarithm of any number between exp(-88) and exp(88), and four more."""

LARGEST_RECIPROCAL = 2.0**126
"""1/x of the smallest normal number x."""

LN2 = 0.6931471805599453


def apply_map(e: Emitter, op: fa.MapOp) -> None:
    """The function, vector row by vector row: panel by panel, tables beside."""
    source, result = Rows.of(e, fa.tile(op.source)), fa.tile(op.result)
    assert op.scratch is not None
    plan = MapPlan(op.function)
    if fa.tile(op.scratch).rows < plan.count:
        raise OpError(op, f"this function needs {plan.count} rows of scratch")
    tables = [Rows.of(e, fa.tile(table)) for table in op.tables]
    for narrow in tables:
        if 1 < narrow.panels < source.panels:
            raise OpError(op, "a table has one panel of columns, or as many as the tile")
    pointers = [
        _Pointer(source.address, source.width, source.panel),
        _Pointer(result.placed, source.width, source.panel),
        *(
            _Pointer(
                table.address,
                table.width if table.rows == source.rows else 0,
                table.panel if table.panels > 1 else 0,
            )
            for table in tables
        ),
    ]
    with _walk(e, source, pointers) as (old, new, *rows):
        _RowEmitter(e, plan, fa.tile(op.scratch).placed, old, rows).emit(new)


@dataclass(frozen=True)
class _Pointer:
    """Where a vector row starts, and how far it is to the next row and to the next panel."""

    start: int
    row: int
    panel: int


@contextmanager
def _walk(e: Emitter, tile: Rows, pointers: Sequence[_Pointer]) -> Generator[list[SSAValue]]:
    """A loop over the vector rows of a tile; equal pointers share a register."""
    if all(pointer.panel == tile.rows * pointer.row for pointer in pointers):
        # Panels follow one another as rows do.
        count = tile.rows * tile.panels
        with walk(e, count, *((pointer.start, pointer.row) for pointer in pointers)) as rows:
            yield rows
        return
    distinct = list(dict.fromkeys(pointers))
    with e.loop(tile.panels, *(e.constant(pointer.start) for pointer in distinct)) as panel:
        with e.loop(tile.rows, *panel.carried) as row:
            yield [row.carried[distinct.index(pointer)] for pointer in pointers]
            row.yields(*(e.add(v, p.row) for v, p in zip(row.carried, distinct, strict=True)))
        panel.yields(*(e.add(v, p.panel) for v, p in zip(panel.carried, distinct, strict=True)))


@dataclass
class _RowEmitter:
    """Emits a function for the vector row at `source`."""

    e: Emitter
    plan: MapPlan
    scratch: int
    source: SSAValue
    tables: Sequence[SSAValue]
    places: dict[int, SSAValue] = field(default_factory=dict[int, SSAValue])

    def emit(self, target: SSAValue) -> None:
        """All operations, the value of the function to `target`."""
        e, plan = self.e, self.plan
        for op in plan.operations:
            if op in plan.spare:
                self._operation(op, self._row(op.results[0]))
        if plan.yielded in plan.uniform:
            e.do("V_SHFT_V", target, self.source, e.constant(e.machine.vlen))
            e.do("V_ADD_VF", target, target, self._f(plan.yielded), FULL)
        else:
            e.do("V_SHFT_V", target, self._row(plan.yielded), e.zero)

    def _place(self, row: int) -> SSAValue:
        if row == SOURCE:
            return self.source
        if row not in self.places:
            self.places[row] = self.e.constant(self.scratch + row * self.e.machine.vlen)
        return self.places[row]

    def _row(self, value: SSAValue) -> SSAValue:
        if value in self.plan.tables:
            return self.tables[self.plan.tables[value]]
        return self._place(self.plan.rows[value])

    def _f(self, value: SSAValue) -> SSAValue:
        return self.e.float(self.plan.uniform[value])

    def _is_uniform(self, value: SSAValue) -> bool:
        return value in self.plan.uniform

    def _operation(self, op: Operation, new: SSAValue) -> None:
        e = self.e
        spare = [self._place(row) for row in self.plan.spare[op]]
        match op:
            case arith.AddfOp():
                self._sum("V_ADD", op.lhs, op.rhs, new)
            case arith.MulfOp():
                self._sum("V_MUL", op.lhs, op.rhs, new)
            case arith.SubfOp():
                self._difference(op.lhs, op.rhs, new)
            case arith.DivfOp():
                self._quotient(op.lhs, op.rhs, new, spare[0])
            case arith.NegfOp():
                e.do("V_SUB_VF", new, self._row(op.operand), e.f_zero, FULL, NEGATE)
            case arith.MaximumfOp() | arith.MaxnumfOp():
                self._extreme("V_MAX_VF", op.lhs, op.rhs, new, spare[0])
            case arith.MinimumfOp() | arith.MinnumfOp():
                self._extreme("V_MIN_VF", op.lhs, op.rhs, new, spare[0])
            case math.ExpOp():
                e.do("V_EXP_V", new, self._row(op.operand), FULL)
            case math.Exp2Op():
                e.do("V_MUL_VF", new, self._row(op.operand), e.float(LN2), FULL)
                e.do("V_EXP_V", new, new, FULL)
            case math.AbsFOp():
                # |x| = max(x, 0) + max(-x, 0).
                e.do("V_SUB_VF", spare[0], self._row(op.operand), e.f_zero, FULL, NEGATE)
                e.do("V_MAX_VF", spare[0], spare[0], e.f_zero, FULL)
                e.do("V_MAX_VF", new, self._row(op.operand), e.f_zero, FULL)
                e.do("V_ADD_VV", new, new, spare[0], FULL)
            case math.LogOp():
                self._log(self._row(op.operand), new, spare)
            case math.Log2Op():
                self._log(self._row(op.operand), new, spare)
                e.do("V_MUL_VF", new, new, e.float(1 / LN2), FULL)
            case math.Log1pOp():
                e.do("V_ADD_VF", spare[2], self._row(op.operand), e.float(1.0), FULL)
                self._log(spare[2], new, spare[:2])
            case math.SqrtOp() | math.RsqrtOp():
                # x to a power through its logarithm.
                power = 0.5 if isinstance(op, math.SqrtOp) else -0.5
                self._log(self._row(op.operand), new, spare)
                e.do("V_MUL_VF", new, new, e.float(power), FULL)
                e.do("V_EXP_V", new, new, FULL)
            case math.TanhOp():
                self._tanh(self._row(op.operand), new, spare)
            case _:
                raise AssertionError(f"{op.name} was planned but cannot be emitted")

    def _sum(self, name: str, lhs: SSAValue, rhs: SSAValue, new: SSAValue) -> None:
        """A commutative operation."""
        if self._is_uniform(lhs):
            lhs, rhs = rhs, lhs
        if self._is_uniform(rhs):
            self.e.do(f"{name}_VF", new, self._row(lhs), self._f(rhs), FULL)
        else:
            self.e.do(f"{name}_VV", new, self._row(lhs), self._row(rhs), FULL)

    def _difference(self, lhs: SSAValue, rhs: SSAValue, new: SSAValue) -> None:
        if self._is_uniform(rhs):
            self.e.do("V_SUB_VF", new, self._row(lhs), self._f(rhs), FULL, 0)
        elif self._is_uniform(lhs):
            self.e.do("V_SUB_VF", new, self._row(rhs), self._f(lhs), FULL, NEGATE)
        else:
            self.e.do("V_SUB_VV", new, self._row(lhs), self._row(rhs), FULL)

    def _quotient(self, lhs: SSAValue, rhs: SSAValue, new: SSAValue, spare: SSAValue) -> None:
        if self._is_uniform(rhs):
            divisor = self.plan.uniform[rhs]
            reciprocal = 1.0 / divisor if divisor else copysign(inf, divisor)
            self.e.do("V_MUL_VF", new, self._row(lhs), self.e.float(reciprocal), FULL)
            return
        self.e.do("V_RECI_V", spare, self._row(rhs), FULL)
        if self._is_uniform(lhs):
            self.e.do("V_MUL_VF", new, spare, self._f(lhs), FULL)
        else:
            self.e.do("V_MUL_VV", new, self._row(lhs), spare, FULL)

    def _extreme(
        self, name: str, lhs: SSAValue, rhs: SSAValue, new: SSAValue, spare: SSAValue
    ) -> None:
        """max or min; of two rows as lhs + max(rhs - lhs, 0)."""
        if self._is_uniform(lhs):
            lhs, rhs = rhs, lhs
        if self._is_uniform(rhs):
            self.e.do(name, new, self._row(lhs), self._f(rhs), FULL)
            return
        self.e.do("V_SUB_VV", spare, self._row(rhs), self._row(lhs), FULL)
        self.e.do(name, spare, spare, self.e.f_zero, FULL)
        self.e.do("V_ADD_VV", new, self._row(lhs), spare, FULL)

    def _tanh(self, source: SSAValue, new: SSAValue, spare: list[SSAValue]) -> None:
        """x - x g with g = x^2 (315 + 14 x^2) / (945 + 420 x^2 + 15 x^4), for |x| up to the limit.

        The continued fraction of tanh cut off after five terms, written as what x is too large by:
        near 0 that is small, and so is its error. Through exp all digits would be lost there.
        """
        e, (square, under, over) = self.e, spare
        e.do("V_MIN_VF", new, source, e.float(TANH_LIMIT), FULL)
        e.do("V_MAX_VF", new, new, e.float(-TANH_LIMIT), FULL)
        e.do("V_MUL_VV", square, new, new, FULL)
        e.do("V_MUL_VF", under, square, e.float(15.0), FULL)
        e.do("V_ADD_VF", under, under, e.float(420.0), FULL)
        e.do("V_MUL_VV", under, under, square, FULL)
        e.do("V_ADD_VF", under, under, e.float(945.0), FULL)
        e.do("V_RECI_V", under, under, FULL)
        e.do("V_MUL_VF", over, square, e.float(14.0), FULL)
        e.do("V_ADD_VF", over, over, e.float(315.0), FULL)
        e.do("V_MUL_VV", over, over, square, FULL)
        e.do("V_MUL_VV", over, over, under, FULL)
        e.do("V_MUL_VV", over, over, new, FULL)
        e.do("V_SUB_VV", new, new, over, FULL)

    def _log(self, source: SSAValue, new: SSAValue, spare: list[SSAValue]) -> None:
        """y <- y + 2 (x - exp y) / (x + exp y), Halley's method on exp y = x, from y = 0.

        A step is at most 2 and nearly that while y is far, so that LOG_STEPS reach every positive
        x; the last ones triple the digits. 0 gives -inf, a negative number nothing of use.
        """
        e, (power, under) = self.e, spare[:2]
        e.do("V_SHFT_V", new, source, e.constant(e.machine.vlen))
        with e.loop(LOG_STEPS):
            e.do("V_EXP_V", power, new, FULL)
            e.do("V_ADD_VV", under, source, power, FULL)
            e.do("V_RECI_V", under, under, FULL)
            e.do("V_SUB_VV", power, source, power, FULL)
            e.do("V_MUL_VV", power, power, under, FULL)
            e.do("V_ADD_VV", power, power, power, FULL)
            e.do("V_ADD_VV", new, new, power, FULL)
        # 1/x is inf where x is 0 and below the bound where x is a normal number.
        bound = e.float(LARGEST_RECIPROCAL)
        e.do("V_RECI_V", under, source, FULL)
        e.do("V_MAX_VF", under, under, bound, FULL)
        e.do("V_SUB_VF", under, under, bound, FULL, 0)
        e.do("V_SUB_VV", new, new, under, FULL)

"""What the values of a score function depend on: the scores, or places only.

A value that depends on no score can be computed at compile time. Which of the four places it
depends on says how large a table of it is; one that depends on query and key only through key -
query repeats along diagonals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith
from xdsl.ir import Block, Operation, Region, SSAValue

from .value_ranges import Range, ranges

BATCH, HEAD, QUERY, KEY = PLACES = ("batch", "head", "query", "key")
DISTANCE = "distance"
"""Key minus query."""

Dependence = frozenset[str]
"""Some of batch, head, query, key; or distance in the place of query and key."""

NOTHING: Dependence = frozenset()


def join(parts: Iterable[Dependence]) -> Dependence:
    """What depends on all of `parts`."""
    union = frozenset[str]().union(*parts)
    if DISTANCE in union and union & {QUERY, KEY}:
        return (union - {DISTANCE}) | {QUERY, KEY}
    return union


@dataclass(frozen=True)
class Linear:
    """query * i + key * j + something that depends on `rest`; numbers as in the function."""

    query: float
    key: float
    rest: Dependence

    @property
    def dependence(self) -> Dependence:
        """What such a value depends on."""
        if self.query == 0 and self.key == 0:
            return self.rest
        if self.query == -self.key:
            return self.rest | {DISTANCE}
        names = [name for name, factor in ((QUERY, self.query), (KEY, self.key)) if factor != 0]
        return self.rest | set(names)

    def plus(self, other: Linear, sign: int) -> Linear:
        """The sum, or with sign -1 the difference."""
        return Linear(
            self.query + sign * other.query,
            self.key + sign * other.key,
            join([self.rest, other.rest]),
        )

    def times(self, factor: float) -> Linear:
        """The product with a number."""
        return Linear(self.query * factor, self.key * factor, self.rest)


CONVERSIONS = (
    arith.IndexCastOp, arith.ExtSIOp, arith.ExtFOp, arith.TruncFOp, arith.SIToFPOp,
)  # fmt: skip
"""Operations that leave numbers as they are, if the type has room for them."""


COMPARISONS = (arith.CmpiOp, arith.CmpfOp)


@dataclass
class IndexValues:
    """Dependence of each value of a function that no score goes into, and the known numbers."""

    function: Region
    depends: dict[SSAValue, Dependence] = field(default_factory=dict[SSAValue, Dependence])
    numbers: dict[SSAValue, float] = field(default_factory=dict[SSAValue, float])
    _linear: dict[SSAValue, Linear] = field(default_factory=dict[SSAValue, Linear])
    _ranges: dict[SSAValue, Range] = field(init=False)

    def __post_init__(self) -> None:
        self._ranges = ranges(self.function)
        from ...dialects.interpreters.scalar_functions import supported

        for name, argument in zip(PLACES, self.block.args[1:], strict=False):
            self.depends[argument] = frozenset({name})
            self._linear[argument] = Linear(
                float(name == QUERY), float(name == KEY), self.depends[argument] - {QUERY, KEY}
            )
        for op in self.operations:
            if supported(op) and all(operand in self.depends for operand in op.operands):
                self._visit(op)

    @property
    def block(self) -> Block:
        """The function's body."""
        return self.function.block

    @property
    def operations(self) -> Sequence[Operation]:
        """The function's operations, without its terminator."""
        return list(self.block.ops)[:-1]

    @property
    def wanted(self) -> list[SSAValue]:
        """Values of places, no plain numbers, that operations on scores use, or the result is."""
        found: dict[SSAValue, None] = {}
        for op in self.block.ops:
            if all(result in self.depends for result in op.results) and op.results:
                continue
            for operand in op.operands:
                if self.depends.get(operand, NOTHING) != NOTHING:
                    found[operand] = None
        return list(found)

    def _visit(self, op: Operation) -> None:
        result = op.results[0]
        linear = self._linear_of(op)
        if linear is not None:
            self.depends[result] = linear.dependence
            if not isinstance(op, COMPARISONS):
                self._linear[result] = linear
        else:
            self.depends[result] = join(self.depends[operand] for operand in op.operands)
        if self.depends[result] == NOTHING and all(v in self.numbers for v in op.operands):
            import numpy as np

            from ...dialects.interpreters.scalar_functions import apply

            value = apply(op, [np.asarray(self.numbers[v]) for v in op.operands])
            self.numbers[result] = value.item()
            self._linear.setdefault(result, Linear(0, 0, NOTHING))

    def _linear_of(self, op: Operation) -> Linear | None:
        """Query and key as a linear form, where the operation keeps them one."""
        if self._ranges[op.results[0]].wrapped and not isinstance(op, COMPARISONS):
            return None
        parts = [self._linear.get(operand) for operand in op.operands]
        match op, parts:
            case ((arith.AddiOp() | arith.AddfOp()), [Linear() as one, Linear() as other]):
                return one.plus(other, 1)
            case (
                (arith.SubiOp() | arith.SubfOp() | arith.CmpiOp() | arith.CmpfOp()),
                [Linear() as one, Linear() as other],
            ):
                # A comparison depends on the difference, whatever it gives.
                return one.plus(other, -1)
            case ((arith.MuliOp() | arith.MulfOp()), [Linear() as one, Linear() as other]):
                for linear, factor in ((one, op.operands[1]), (other, op.operands[0])):
                    if factor in self.numbers:
                        return linear.times(self.numbers[factor])
            case arith.NegfOp(), [Linear() as one]:
                return one.times(-1)
            case _, [Linear() as one] if isinstance(op, CONVERSIONS):
                return one
            case _:
                pass
        return None

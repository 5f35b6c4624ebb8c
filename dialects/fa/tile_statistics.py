"""Statistics of rows on tiles: in and out of scalar memory, logsumexp, partial results into one.

R query rows, C keys (columns of the scores), D columns of a head; m the running maximum, l the
running sum (FlashAttention-2, algorithm 1).
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, UnitAttr, i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.params import Machine
from .tile_memory import TileOp, expect, expect_scratch
from .type_access import tile
from .types import TileType


@irdl_op_definition
class LogsumexpOp(TileOp):
    """m + ln(l) of each row, laid out along a vector row; every row of the result holds it.

    m, l: [R] in scalar memory; result [rows, C >= R] in vector memory, columns past R unspecified.
    With `empty_rows` a row whose l is 0 gives -inf. `bound` is an upper bound of l (the number of
    keys): the machine has no logarithm, and its iteration starts from ln(bound).
    """

    name = "fa.logsumexp"

    maximum = operand_def(TileType)
    total = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    bound = prop_def(IntegerAttr)
    empty_rows = opt_prop_def(UnitAttr)
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$maximum `,` $total (`scratch` $scratch^)? attr-dict `:` type($maximum) `,` type($total) "
        "(`,` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        maximum: SSAValue,
        total: SSAValue,
        bound: int,
        empty_rows: bool,
        result: TileType,
        scratch: SSAValue | None = None,
    ):
        super().__init__(
            operands=[maximum, total, scratch],
            properties={
                "bound": IntegerAttr(bound, i64),
                "empty_rows": UnitAttr() if empty_rows else None,
            },
            result_types=[result],
        )

    def scratch_rows(self, machine: Machine) -> int:
        """The sum, and two intermediate values of the iteration."""
        return 3

    def with_scratch(self, scratch: SSAValue) -> LogsumexpOp:
        """The same operation with room to work in."""
        return LogsumexpOp(
            self.maximum,
            self.total,
            self.bound.value.data,
            self.empty_rows is not None,
            tile(self.result),
            scratch,
        )

    def verify_(self) -> None:
        rows = tile(self.maximum).rows
        expect(self.maximum, "the maximum", "scalar", (rows,))
        expect(self.total, "the sum", "scalar", (rows,))
        expect(self.result, "the result", "vector", tile(self.result).dims)
        if tile(self.result).cols < rows:
            raise VerifyException(
                f"the result needs a column for each of the {rows} rows, "
                f"got {tile(self.result).cols}"
            )
        expect_scratch(self.scratch, 3)
        if self.bound.value.data < 1:
            raise VerifyException(f"bound must be at least 1, got {self.bound.value.data}")


@irdl_op_definition
class SpreadOp(TileOp):
    """One value for each row, [R] in scalar memory, repeated along rows [R, C] in vector memory."""

    name = "fa.spread"

    source = operand_def(TileType)
    result = result_def(TileType)

    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, result: TileType):
        super().__init__(operands=[source], result_types=[result])

    def verify_(self) -> None:
        expect(self.source, "the operand", "scalar", (tile(self.result).rows,))
        expect(self.result, "the result", "vector", tile(self.result).dims)


@irdl_op_definition
class CollectOp(TileOp):
    """The largest value of each row [R, C] of vector memory, [R] in scalar memory."""

    name = "fa.collect"

    source = operand_def(TileType)
    result = result_def(TileType)

    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, result: TileType):
        super().__init__(operands=[source], result_types=[result])

    def verify_(self) -> None:
        expect(self.source, "the operand", "vector", tile(self.source).dims)
        expect(self.result, "the result", "scalar", (tile(self.source).rows,))


@irdl_op_definition
class CombineOp(TileOp):
    """Two partial results over disjoint keys into one (flash decoding).

    m = max(m1, m2), a1 = exp(m1 - m), a2 = exp(m2 - m), l = a1 l1 + a2 l2, acc = a1 acc1 + a2 acc2;
    accumulators [R, D] in vector, statistics [R] in scalar memory, none of them normalised.
    `empty_rows` says that a row may see no key in either part (m1 = m2 = -inf): then l and acc are
    0. It is about these parts, whatever the row sees in others.
    """

    name = "fa.combine"

    acc1 = operand_def(TileType)
    maximum1 = operand_def(TileType)
    total1 = operand_def(TileType)
    acc2 = operand_def(TileType)
    maximum2 = operand_def(TileType)
    total2 = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    acc = result_def(TileType)
    maximum = result_def(TileType)
    total = result_def(TileType)

    LINEAR: ClassVar[dict[int, int]] = {0: 0, 3: 0}
    IN_PLACE: ClassVar[dict[int, int]] = {0: 0, 1: 1, 2: 2}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "`(` $acc1 `,` $maximum1 `,` $total1 `)` `,` `(` $acc2 `,` $maximum2 `,` $total2 `)` "
        "(`scratch` $scratch^)? attr-dict `:` "
        "`(` type($acc1) `,` type($maximum1) `,` type($total1) `)` `,` "
        "`(` type($acc2) `,` type($maximum2) `,` type($total2) `)` (`,` type($scratch)^)? `->` "
        "type($acc) `,` type($maximum) `,` type($total)"
    )

    def __init__(
        self,
        first: tuple[SSAValue, SSAValue, SSAValue],
        second: tuple[SSAValue, SSAValue, SSAValue],
        empty_rows: bool,
        scratch: SSAValue | None = None,
    ):
        super().__init__(
            operands=[*first, *second, scratch],
            properties={"empty_rows": UnitAttr() if empty_rows else None},
            result_types=[tile(value).placed_at(None) for value in first],
        )

    def scratch_rows(self, machine: Machine) -> int:
        """A product."""
        return 1

    def with_scratch(self, scratch: SSAValue) -> CombineOp:
        """The same operation with room to work in."""
        return CombineOp(
            (self.acc1, self.maximum1, self.total1),
            (self.acc2, self.maximum2, self.total2),
            self.empty_rows is not None,
            scratch,
        )

    def verify_(self) -> None:
        dims = tile(self.acc1).dims
        for value in (self.acc1, self.acc2, self.acc):
            expect(value, "an accumulator", "vector", dims)
        expect_scratch(self.scratch, 1)
        statistics = (self.maximum1, self.total1, self.maximum2, self.total2)
        for value in (*statistics, self.maximum, self.total):
            expect(value, "a statistic", "scalar", dims[:1])

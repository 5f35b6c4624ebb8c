"""The softmax on tiles, as a whole or step by step, and the accumulator that goes with it.

Notation: R query rows, C keys (columns of the scores), D columns of a head; S = Q K^T,
P = exp(S - m), m the running maximum, l the running sum (FlashAttention-2, algorithm 1).
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, UnitAttr, f32, i64
from xdsl.ir import Attribute, SSAValue
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

from ...machine.numerics.bounded_scores import HIGHEST
from ...machine.spec.params import Machine
from .mapping_attrs import ROW_LOOP_SCRATCH
from .past_statistics import Past, PastTypes
from .tile_memory import TileOp, expect, expect_scratch
from .tile_products import MatmulOp, RepackOp
from .type_access import tile
from .types import TileType


def _expect_bound(bounded: FloatAttr | None) -> None:
    """Raise VerifyException where a bound of scores is none."""
    if bounded is not None and not 0 < bounded.value.data <= HIGHEST:
        raise VerifyException(
            f"bounded must be positive and at most {HIGHEST:g}, got {bounded.value.data:g}"
        )


@irdl_op_definition
class SinkOp(TileOp):
    """Maximum and sum of rows that have seen an attention sink and no key: m = score, l = 1.

    The score is the largest value of the first row of a tile [r, C], r <= R, in vector memory; the
    same for all R rows of the results, which lie in scalar memory. A score of -inf is no sink: m =
    -inf and l = 0, as before any key.
    """

    name = "fa.sink"

    score = operand_def(TileType)
    maximum = result_def(TileType)
    total = result_def(TileType)

    assembly_format = "$score attr-dict `:` type($score) `->` type($maximum) `,` type($total)"

    def __init__(self, score: SSAValue, statistic: TileType):
        super().__init__(operands=[score], result_types=[statistic, statistic])

    def verify_(self) -> None:
        expect(self.score, "the score", "vector", tile(self.score).dims)
        for what, value in (("the maximum", self.maximum), ("the sum", self.total)):
            expect(value, what, "scalar", tile(self.maximum).dims[:1])


@irdl_op_definition
class SoftmaxOp(TileOp):
    """Softmax of whole rows, [R, C], with their maximum m and sum l, [R] in scalar memory.

    `from` m0 and l0, also [R], are the maximum and sum of what the rows see besides these scores:
    m = max(m0, rowmax S), l = exp(m0 - m) l0 + rowsum exp(S - m). `empty_rows` says that a row may
    see no key at all: it gives 0, without m0 and l0 m = -inf and l = 0. `bounded` X promises that
    what is seen of S lies in [-X, X], for `fuse`.
    """

    name = "fa.softmax"

    scores = operand_def(TileType)
    first_maximum = opt_operand_def(TileType)
    first_total = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    bounded = opt_prop_def(FloatAttr)
    result = result_def(TileType)
    maximum = result_def(TileType)
    total = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$scores (`from` $first_maximum^ `,` $first_total)? attr-dict `:` type($scores) "
        "(`from` type($first_maximum)^ `,` type($first_total))? `->` "
        "type($result) `,` type($maximum) `,` type($total)"
    )

    def __init__(
        self,
        scores: SSAValue,
        empty_rows: bool,
        statistics: Attribute,
        first: tuple[SSAValue, SSAValue] | None = None,
        bounded: float | None = None,
    ):
        s = tile(scores)
        row = TileType.get((s.rows,), statistics, "scalar")
        super().__init__(
            operands=[scores, *(first or (None, None))],
            properties={
                "empty_rows": UnitAttr() if empty_rows else None,
                "bounded": None if bounded is None else FloatAttr(bounded, f32),
            },
            result_types=[s.placed_at(None), row, row],
        )

    @property
    def bound(self) -> float | None:
        """What scores are promised to lie within; None without a promise."""
        return None if self.bounded is None else self.bounded.value.data

    @property
    def first(self) -> tuple[SSAValue, SSAValue] | None:
        """Maximum and sum that the rows start from; None without any."""
        if self.first_maximum is None or self.first_total is None:
            return None
        return self.first_maximum, self.first_total

    def verify_(self) -> None:
        s = tile(self.scores)
        expect(self.scores, "the scores", "vector", s.dims)
        expect(self.result, "the result", "vector", s.dims)
        for value in self.first or ():
            expect(value, "a statistic to start from", "scalar", (s.rows,))
        _expect_bound(self.bounded)
        if self.bounded is not None and self.first is not None:
            raise VerifyException("what rows start from has no bound: leave `bounded` out")
        expect(self.maximum, "the maximum", "scalar", (s.rows,))
        expect(self.total, "the sum", "scalar", (s.rows,))


@irdl_op_definition
class ProbabilitiesOp(TileOp):
    """P = exp(S - m) / l of columns of rows whose maximum m and sum l over all columns are known.

    S [R, C] in vector, m and l [R] in scalar memory. With `empty_rows` a row whose l is 0 gives 0.
    """

    name = "fa.probabilities"

    scores = operand_def(TileType)
    maximum = operand_def(TileType)
    total = operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    result = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$scores `,` $maximum `,` $total attr-dict `:` type($scores) `,` type($maximum) `,` "
        "type($total) `->` type($result)"
    )

    def __init__(self, scores: SSAValue, maximum: SSAValue, total: SSAValue, empty_rows: bool):
        super().__init__(
            operands=[scores, maximum, total],
            properties={"empty_rows": UnitAttr() if empty_rows else None},
            result_types=[tile(scores).placed_at(None)],
        )

    def verify_(self) -> None:
        s = tile(self.scores)
        expect(self.scores, "the scores", "vector", s.dims)
        expect(self.result, "the result", "vector", s.dims)
        expect(self.maximum, "the maximum", "scalar", (s.rows,))
        expect(self.total, "the sum", "scalar", (s.rows,))


@irdl_op_definition
class OnlineSoftmaxOp(TileOp):
    """One step of the online softmax (FlashAttention-2, algorithm 1, lines 9 and 10).

    m' = max(m, rowmax S), P = exp(S - m'), alpha = exp(m - m'), l' = alpha l + rowsum P; statistics
    are [R] in scalar memory. The first step has no m and no l (they would be -inf and 0), and its
    alpha is 0. `empty_rows` says that a row may have seen no key so far: then m' = -inf and P = 0.

    `unsummed` says that nothing needs the sums: l' is 0.

    `bounded` X says that what is seen of S lies in [-X, X], and so needs no maximum: P = exp(S),
    l' = l + rowsum P, m' is 0 and alpha 1. Such a step has an l alone, or neither.

    With `ones`, a tile of ones in matrix memory, the matrix unit adds up rows (M_BTMV): l and l'
    are tiles [R, C] in vector memory of which each column holds 0.25 times the sum
    (`mapping_attrs.BATCHED_FACTOR`).
    """

    name = "fa.online_softmax"

    scores = operand_def(TileType)
    maximum = opt_operand_def(TileType)
    total = opt_operand_def(TileType)
    ones = opt_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    unsummed = opt_prop_def(UnitAttr)
    bounded = opt_prop_def(FloatAttr)
    result = result_def(TileType)
    new_maximum = result_def(TileType)
    new_total = result_def(TileType)
    alpha = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0, 1: 1, 2: 2}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    custom_directives = (Past, PastTypes)
    assembly_format = (
        "$scores custom<Past>($maximum, $total) (`ones` $ones^)? (`scratch` $scratch^)? "
        "attr-dict `:` type($scores) custom<PastTypes>(type($maximum), type($total)) "
        "(`ones` type($ones)^)? "
        "(`scratch` type($scratch)^)? `->` type($result) `,` type($new_maximum) `,` "
        "type($new_total) `,` type($alpha)"
    )

    def __init__(
        self,
        scores: SSAValue,
        maximum: SSAValue | None,
        total: SSAValue | None,
        empty_rows: bool,
        statistics: tuple[TileType, TileType] | None = None,
        ones: SSAValue | None = None,
        scratch: SSAValue | None = None,
        unsummed: bool = False,
        bounded: float | None = None,
    ):
        if statistics is None:
            assert maximum is not None, "the first step must be told the types of its statistics"
            assert total is not None
            statistics = (tile(maximum), tile(total))
        m, total_kind = (statistic.placed_at(None) for statistic in statistics)
        super().__init__(
            operands=[scores, maximum, total, ones, scratch],
            properties={
                "empty_rows": UnitAttr() if empty_rows else None,
                "unsummed": UnitAttr() if unsummed else None,
                "bounded": None if bounded is None else FloatAttr(bounded, f32),
            },
            result_types=[tile(scores).placed_at(None), m, total_kind, m],
        )

    @property
    def in_place(self) -> dict[int, int]:
        """The first step has no statistics to update, and one of bounded scores the sum alone."""
        if self.total is None:
            return {0: 0}
        return self.IN_PLACE if self.maximum is not None else {0: 0, 2: 1}

    @property
    def bound(self) -> float | None:
        """What scores are promised to lie within; None where the step finds the maximum."""
        return None if self.bounded is None else self.bounded.value.data

    @property
    def accumulations(self) -> list[AccumulateOp] | None:
        """What adds products of P to an accumulator; None where P goes elsewhere too."""
        found: list[AccumulateOp] = []
        pending = [use.operation for use in self.result.uses]
        while pending:
            user = pending.pop()
            if isinstance(user, RepackOp):
                pending += [use.operation for use in user.result.uses]
                continue
            if not isinstance(user, MatmulOp):
                return None
            for use in user.result.uses:
                if not isinstance(use.operation, AccumulateOp):
                    return None
                found.append(use.operation)
        return found

    @property
    def row_wise(self) -> bool:
        """Each row has statistics of its own."""
        return True

    def scratch_rows(self, machine: Machine) -> int:
        """For sums: by a tile of ones a write-out, of several panels a row to add them up in."""
        if self.ones is not None:
            return ROW_LOOP_SCRATCH + machine.broadcast
        wide = self.unsummed is None and tile(self.scores).cols > machine.vlen
        return ROW_LOOP_SCRATCH if wide else 0

    def _again(
        self, past: tuple[SSAValue | None, SSAValue | None], scratch: SSAValue | None
    ) -> OnlineSoftmaxOp:
        statistics = (tile(self.new_maximum), tile(self.new_total))
        empty = self.empty_rows is not None
        unsummed = self.unsummed is not None
        return OnlineSoftmaxOp(
            self.scores, *past, empty, statistics, self.ones, scratch, unsummed, self.bound
        )

    def with_scratch(self, scratch: SSAValue | None) -> OnlineSoftmaxOp:
        """The same operation with room to work in."""
        return self._again((self.maximum, self.total), scratch)

    def without_past(self) -> OnlineSoftmaxOp:
        """The same step as the first one."""
        return self._again((None, None), self.scratch)

    def verify_(self) -> None:
        s = tile(self.scores)
        expect(self.scores, "the scores", "vector", s.dims)
        expect(self.result, "the result", "vector", s.dims)
        _expect_bound(self.bounded)
        if self.bounded is not None and self.maximum is not None:
            raise VerifyException("a step of bounded scores has no maximum; give `sum` alone")
        if self.bounded is None and (self.maximum is None) != (self.total is None):
            raise VerifyException("a step has both a maximum and a sum so far, or neither")
        for name, value in (
            ("maximum", self.maximum), ("new maximum", self.new_maximum), ("alpha", self.alpha)
        ):  # fmt: skip
            if value is not None:
                expect(value, f"the {name}", "scalar", (s.rows,))
        for name, value in (("sum", self.total), ("new sum", self.new_total)):
            if value is None:
                continue
            if self.ones is None:
                expect(value, f"the {name}", "scalar", (s.rows,))
            else:
                expect(value, f"the {name}", "vector", (s.rows, tile(value).cols))
        if self.ones is not None:
            expect(self.ones, "the tile of ones", "matrix", tile(self.ones).dims)
        expect_scratch(self.scratch, 1)


@irdl_op_definition
class AccumulateOp(TileOp):
    """acc + x, with `rescale` alpha * acc + x, alpha one factor a row (algorithm 1, line 10)."""

    name = "fa.accumulate"

    acc = operand_def(TileType)
    addend = operand_def(TileType)
    alpha = opt_operand_def(TileType)
    result = result_def(TileType)

    LINEAR: ClassVar[dict[int, int]] = {0: 0, 1: 0}
    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$acc `,` $addend (`rescale` $alpha^)? attr-dict `:` type($acc) `,` type($addend) "
        "(`,` type($alpha)^)? `->` type($result)"
    )

    @property
    def row_wise(self) -> bool:
        """With a factor for each row; or where a row of P V of bounded scores comes in a loop."""
        if self.alpha is not None:
            return True
        product = self.addend.owner
        if not isinstance(product, MatmulOp) or not product.row_wise:
            return False
        step = product.lhs.owner
        if isinstance(step, RepackOp):
            step = step.source.owner
        return isinstance(step, OnlineSoftmaxOp) and step.bounded is not None

    def __init__(self, acc: SSAValue, addend: SSAValue, alpha: SSAValue | None = None):
        super().__init__(operands=[acc, addend, alpha], result_types=[tile(acc).placed_at(None)])

    def verify_(self) -> None:
        dims = tile(self.acc).dims
        for what, value in (("acc", self.acc), ("addend", self.addend), ("result", self.result)):
            expect(value, f"the {what}", "vector", dims)
        if self.alpha is not None:
            expect(self.alpha, "alpha", "scalar", dims[:1])


@irdl_op_definition
class NormalizeOp(TileOp):
    """factor * acc / l, row by row (algorithm 1, line 12); without `factor` it is 1.

    With `empty_rows` a row whose l is 0 gives 0. l is [R] in scalar memory, or a tile of R rows in
    vector memory that hold it in each column (`fa.online_softmax` with `ones`), which is then used
    up: its place is worked in. Without l the first `sums` columns of acc hold it, and as many
    columns behind them are divided: only those of the result are specified. `least` is what the l
    of a row with a key is at least, 1 where it is not given.
    """

    name = "fa.normalize"

    acc = operand_def(TileType)
    total = opt_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    factor = opt_prop_def(FloatAttr)
    sums = opt_prop_def(IntegerAttr)
    least = opt_prop_def(FloatAttr)
    result = result_def(TileType)

    LINEAR: ClassVar[dict[int, int]] = {0: 0}
    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$acc (`,` $total^)? (`scratch` $scratch^)? attr-dict `:` type($acc) (`,` type($total)^)? "
        "(`scratch` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        acc: SSAValue,
        total: SSAValue | None,
        empty_rows: bool,
        factor: float | None = None,
        sums: int | None = None,
        scratch: SSAValue | None = None,
        least: float | None = None,
    ):
        super().__init__(
            operands=[acc, total, scratch],
            properties={
                "empty_rows": UnitAttr() if empty_rows else None,
                "factor": None if factor is None else FloatAttr(factor, f32),
                "sums": None if sums is None else IntegerAttr(sums, i64),
                "least": None if least is None else FloatAttr(least, f32),
            },
            result_types=[tile(acc).placed_at(None)],
        )

    @property
    def multiplier(self) -> float:
        """The factor, written or not."""
        return 1.0 if self.factor is None else self.factor.value.data

    @property
    def least_sum(self) -> float | None:
        """The least sum of a row with a key, where it is written."""
        return None if self.least is None else self.least.value.data

    @property
    def sum_columns(self) -> int:
        """The columns of acc that hold the sum; 0 where it is an operand."""
        return 0 if self.sums is None else self.sums.value.data

    @property
    def row_wise(self) -> bool:
        """Each row has a sum of its own."""
        return True

    def scratch_rows(self, machine: Machine) -> int:
        """For sums in the first columns: their reciprocals."""
        return ROW_LOOP_SCRATCH if self.total is None else 0

    def with_scratch(self, scratch: SSAValue) -> NormalizeOp:
        """The same operation with room to work in."""
        factor = None if self.factor is None else self.multiplier
        empty = self.empty_rows is not None
        columns = self.sum_columns or None
        return NormalizeOp(self.acc, self.total, empty, factor, columns, scratch, self.least_sum)

    def verify_(self) -> None:
        dims = tile(self.acc).dims
        expect(self.acc, "the accumulator", "vector", dims)
        expect(self.result, "the result", "vector", dims)
        expect_scratch(self.scratch, 1)
        least = self.least_sum
        if least is not None and not 0 < least <= 1:
            raise VerifyException(f"the least sum must be above 0 and at most 1, got {least}")
        if (self.total is None) != (self.sums is not None):
            raise VerifyException("the sum is an operand, or in the first `sums` columns")
        if self.total is None:
            if not 0 < 2 * self.sum_columns <= dims[1]:
                raise VerifyException(
                    f"sums and what they divide take 2 * {self.sum_columns} columns of {dims[1]}"
                )
            if self.empty_rows is not None:
                raise VerifyException("a row without keys has no sum to be divided by; give it")
        elif tile(self.total).space.data == "vector":
            expect(self.total, "the sum", "vector", (dims[0], tile(self.total).cols))
        else:
            expect(self.total, "the sum", "scalar", dims[:1])


@irdl_op_definition
class NormalizePackedOp(TileOp):
    """factor * acc / l, with `streams` rows side by side: acc [R, C], result [R', C], all in vector
    memory.

    The first `sums` columns of acc hold l, and as many columns behind them are divided. Rows are
    packed by M_BTMV with the unit tile, as `fa.repack` packs them, and divided then; what has
    quotients is kept. With slices of w = C / streams lanes and n = sums / w, row g n + j of the
    result has in slice s the columns j w .. of the quotients of row g streams + s. Rows behind
    those are unspecified.
    """

    name = "fa.normalize_packed"

    acc = operand_def(TileType)
    unit = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    streams = prop_def(IntegerAttr)
    sums = prop_def(IntegerAttr)
    factor = opt_prop_def(FloatAttr)
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$acc `by` $unit (`scratch` $scratch^)? attr-dict `:` type($acc) `,` type($unit) "
        "(`scratch` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        acc: SSAValue,
        unit: SSAValue,
        streams: int,
        sums: int,
        rows: int,
        factor: float | None = None,
        scratch: SSAValue | None = None,
    ):
        """`rows` are those of the result."""
        kind = tile(acc)
        super().__init__(
            operands=[acc, unit, scratch],
            properties={
                "streams": IntegerAttr(streams, i64),
                "sums": IntegerAttr(sums, i64),
                "factor": None if factor is None else FloatAttr(factor, f32),
            },
            result_types=[TileType.get((rows, kind.cols), kind.element_type, "vector")],
        )

    @property
    def multiplier(self) -> float:
        """The factor, written or not."""
        return 1.0 if self.factor is None else self.factor.value.data

    @property
    def width(self) -> int:
        """Lanes of a slice."""
        return tile(self.acc).cols // self.rows_together

    @property
    def slices(self) -> int:
        """Rows of quotients of as many rows as share lanes."""
        return self.sums.value.data // self.width

    @property
    def row_wise(self) -> bool:
        """Each group of rows has its own lanes."""
        return True

    @property
    def loop_rows(self) -> int:
        """The rows that are divided."""
        return tile(self.acc).rows

    @property
    def rows_together(self) -> int:
        """The rows that are packed."""
        return self.streams.value.data

    def scratch_rows(self, machine: Machine) -> int:
        """Those of a row loop, and packed rows where P V may lie before."""
        return ROW_LOOP_SCRATCH + 2 * machine.broadcast

    def with_scratch(self, scratch: SSAValue) -> NormalizePackedOp:
        """The same operation with room to work in."""
        factor = None if self.factor is None else self.multiplier
        rows, sums = tile(self.result).rows, self.sums.value.data
        return NormalizePackedOp(
            self.acc, self.unit, self.rows_together, sums, rows, factor, scratch
        )

    def verify_(self) -> None:
        (rows, cols), streams, sums = tile(self.acc).dims, self.rows_together, self.sums.value.data
        expect(self.acc, "the accumulator", "vector", (rows, cols))
        expect_scratch(self.scratch, 1)
        unit = tile(self.unit)
        expect(self.unit, "the unit tile", "matrix", (unit.rows, cols))
        if unit.rows < unit.cols:
            raise VerifyException(f"the unit tile must be square, got {unit}")
        if streams < 2 or rows % streams or cols % streams:
            raise VerifyException(
                f"{rows} rows of {cols} columns cannot be packed by {streams}, which is at least 2 "
                "and divides rows and columns"
            )
        if not 0 < 2 * sums <= cols or sums % self.width:
            raise VerifyException(
                f"sums and what they divide are whole slices of {self.width} columns of {cols}, "
                f"got 2 * {sums}"
            )
        result, needed = tile(self.result), rows // streams * self.slices
        if result.rows < needed:
            raise VerifyException(f"quotients take {needed} rows, and the result has {result.rows}")
        expect(self.result, "the result", "vector", (result.rows, cols))

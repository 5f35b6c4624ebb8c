"""The steps of attention on tiles: products, softmax, accumulation.

Notation: R query rows, C keys (columns of the scores), D columns of a head; S = Q K^T,
P = exp(S - m), m the running maximum, l the running sum (FlashAttention-2, algorithm 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    FloatAttr,
    IndexType,
    IntegerAttr,
    UnitAttr,
    f32,
    i64,
)
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_region_def,
    prop_def,
    region_def,
    result_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from .fa_attention import verify_function, verify_mask_function
from .fa_attrs import TileType
from .fa_masks import MaskAttr, unknown_mask
from .fa_tiles import TileOp, expect, expect_scratch
from .fa_values import shape_text, tile


@irdl_op_definition
class ScaleOp(TileOp, HasFolderInterface):
    """Every element times a constant."""

    name = "fa.scale"

    source = operand_def(TileType)
    factor = prop_def(FloatAttr)
    result = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    assembly_format = "$source `by` $factor attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, factor: float, result: Attribute | None = None):
        super().__init__(
            operands=[source],
            properties={"factor": FloatAttr(factor, f32)},
            result_types=[tile(source).placed_at(None) if result is None else result],
        )

    def verify_(self) -> None:
        expect(self.result, "the result", "vector", tile(self.source).dims)
        expect(self.source, "the operand", "vector", tile(self.source).dims)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        """x by 1 is x, where nothing is converted."""
        if self.factor.value.data == 1.0 and self.source.type == self.result.type:
            return (self.source,)
        return None


@irdl_op_definition
class ScoresOp(TileOp):
    """S = Q K^T: q [R, D] in vector, k [C, D] in matrix memory, result [R, C]."""

    name = "fa.scores"

    query = operand_def(TileType)
    key = operand_def(TileType)
    result = result_def(TileType)

    assembly_format = "$query `,` $key attr-dict `:` type($query) `,` type($key) `->` type($result)"

    def __init__(self, query: SSAValue, key: SSAValue, element_type: Attribute | None = None):
        q, k = tile(query), tile(key)
        result = TileType.get((q.rows, k.rows), element_type or q.element_type, "vector")
        super().__init__(operands=[query, key], result_types=[result])

    def verify_(self) -> None:
        q, k = tile(self.query), tile(self.key)
        expect(self.query, "the query tile", "vector", q.dims)
        expect(self.key, "the key tile", "matrix", (k.rows, q.cols))
        expect(self.result, "the result", "vector", (q.rows, k.rows))


@irdl_op_definition
class MatmulOp(TileOp):
    """P V: p [R, C] in vector, v [C, D] in matrix memory, result [R, D]."""

    name = "fa.matmul"

    lhs = operand_def(TileType)
    rhs = operand_def(TileType)
    result = result_def(TileType)

    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue, element_type: Attribute | None = None):
        p, v = tile(lhs), tile(rhs)
        result = TileType.get((p.rows, v.cols), element_type or p.element_type, "vector")
        super().__init__(operands=[lhs, rhs], result_types=[result])

    def verify_(self) -> None:
        p, v = tile(self.lhs), tile(self.rhs)
        expect(self.lhs, "the left operand", "vector", p.dims)
        expect(self.rhs, "the right operand", "matrix", (p.cols, v.cols))
        expect(self.result, "the result", "vector", (p.rows, v.cols))


@irdl_op_definition
class MaskOp(TileOp):
    """Scores with what a query must not see set to -inf.

    Element (i, j) of the tile is query row + i and key col + j of a batch and query head. It stays
    iff key < kv_len (columns past the last key are padding) and mask and `mask_mod`, where there
    are such, show it; the mask's offsets must be resolved. With `hidden` it is that tile alone that
    says what stays: 0 where a key is seen, `HIDDEN` where it is not.
    """

    name = "fa.mask"

    scores = operand_def(TileType)
    batch = operand_def(IndexType)
    head = operand_def(IndexType)
    row = operand_def(IndexType)
    col = operand_def(IndexType)
    hidden = opt_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    kv_len = prop_def(IntegerAttr)
    mask = opt_prop_def(Attribute)
    result = result_def(TileType)
    mask_mod = opt_region_def("single_block")

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$scores `at` `[` $batch `,` $head `,` $row `,` $col `]` "
        "(`hidden` `(` $hidden^ `:` type($hidden) `)`)? (`scratch` $scratch^)? "
        "(`mask_mod` $mask_mod^)? attr-dict `:` type($scores) (`,` type($scratch)^)? `->` "
        "type($result)"
    )

    def __init__(
        self,
        scores: SSAValue,
        place: tuple[SSAValue, SSAValue, SSAValue, SSAValue],
        *,
        kv_len: int,
        mask: MaskAttr | None,
        mask_mod: Region | None = None,
        hidden: SSAValue | None = None,
        scratch: SSAValue | None = None,
    ):
        super().__init__(
            operands=[scores, *place, hidden, scratch],
            properties={"kv_len": IntegerAttr(kv_len, i64), "mask": mask},
            result_types=[tile(scores).placed_at(None)],
            regions=[mask_mod],
        )

    @property
    def shown(self) -> MaskAttr | None:
        """The mask, or None where only padding is hidden."""
        assert self.mask is None or isinstance(self.mask, MaskAttr)
        return self.mask

    def with_scratch(self, scratch: SSAValue) -> MaskOp:
        """The same operation with room to work in."""
        return MaskOp(
            self.scores,
            (self.batch, self.head, self.row, self.col),
            kv_len=self.kv_len.value.data,
            mask=self.shown,
            mask_mod=None if self.mask_mod is None else self.mask_mod.clone(),
            hidden=self.hidden,
            scratch=scratch,
        )

    def verify_(self) -> None:
        dims = tile(self.scores).dims
        expect(self.scores, "the scores", "vector", dims)
        expect(self.result, "the result", "vector", dims)
        expect_scratch(self.scratch, 2)
        if self.hidden is not None:
            expect(self.hidden, "what is hidden", "vector", dims)
        if self.mask_mod is not None:
            verify_mask_function("mask_mod", self.mask_mod)
        if self.kv_len.value.data < 1:
            raise VerifyException(f"kv_len must be at least 1, got {self.kv_len.value.data}")
        if self.mask is not None:
            if not isinstance(self.mask, MaskAttr):
                raise VerifyException(unknown_mask(self.mask))
            try:
                self.mask.keys(0, 0)
            except ValueError as error:
                raise VerifyException(f"{self.mask}: {error}") from None


@irdl_op_definition
class MapOp(TileOp):
    """A function of each element of a tile and its place.

    The region takes (value f32, batch, head, query, key) and yields the new value; element (i, j)
    of the tile is query row + i and key col + j. For each table, a tile [r, c] in vector memory, it
    takes one more f32: element (i, j mod c), or (0, j mod c) where r < R, so that c divides the
    columns and one row may stand for all.
    """

    name = "fa.map"

    source = operand_def(TileType)
    batch = operand_def(IndexType)
    head = operand_def(IndexType)
    row = operand_def(IndexType)
    col = operand_def(IndexType)
    tables = var_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    result = result_def(TileType)
    function = region_def("single_block")

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$source `at` `[` $batch `,` $head `,` $row `,` $col `]` (`with` $tables^)? "
        "(`scratch` $scratch^)? $function attr-dict `:` type($source) (`with` type($tables)^)? "
        "(`scratch` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        source: SSAValue,
        place: tuple[SSAValue, SSAValue, SSAValue, SSAValue],
        function: Region,
        scratch: SSAValue | None = None,
        tables: Sequence[SSAValue] = (),
    ):
        super().__init__(
            operands=[source, *place, tables, scratch],
            result_types=[tile(source).placed_at(None)],
            regions=[function],
        )

    def with_scratch(self, scratch: SSAValue) -> MapOp:
        """The same operation with room to work in."""
        place = (self.batch, self.head, self.row, self.col)
        return MapOp(self.source, place, self.function.clone(), scratch, self.tables)

    def verify_(self) -> None:
        dims = tile(self.source).dims
        expect(self.source, "the operand", "vector", dims)
        expect(self.result, "the result", "vector", dims)
        expect_scratch(self.scratch, 1)
        verify_function("the function", self.function, len(self.tables))
        for value in self.tables:
            table = tile(value)
            expect(value, "a table", "vector", table.dims)
            if table.rows > dims[0] or dims[1] % table.cols:
                raise VerifyException(
                    f"a table has at most the operand's rows, and columns that divide its columns "
                    f"({shape_text(dims)}), got {shape_text(table.dims)}"
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
    see no key at all: it gives 0, without m0 and l0 m = -inf and l = 0.
    """

    name = "fa.softmax"

    scores = operand_def(TileType)
    first_maximum = opt_operand_def(TileType)
    first_total = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
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
    ):
        s = tile(scores)
        row = TileType.get((s.rows,), statistics, "scalar")
        super().__init__(
            operands=[scores, *(first or (None, None))],
            properties={"empty_rows": UnitAttr() if empty_rows else None},
            result_types=[s.placed_at(None), row, row],
        )

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
    are [R] in scalar memory. `empty_rows` says that a row may have seen no key so far: then m' =
    -inf and P = 0.
    """

    name = "fa.online_softmax"

    scores = operand_def(TileType)
    maximum = operand_def(TileType)
    total = operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    result = result_def(TileType)
    new_maximum = result_def(TileType)
    new_total = result_def(TileType)
    alpha = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0, 1: 1, 2: 2}
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$scores `,` $maximum `,` $total attr-dict `:` type($scores) `,` type($maximum) `,` "
        "type($total) `->` type($result) `,` type($new_maximum) `,` type($new_total) `,` "
        "type($alpha)"
    )

    def __init__(self, scores: SSAValue, maximum: SSAValue, total: SSAValue, empty_rows: bool):
        m = tile(maximum).placed_at(None)
        super().__init__(
            operands=[scores, maximum, total],
            properties={"empty_rows": UnitAttr() if empty_rows else None},
            result_types=[tile(scores).placed_at(None), m, m, m],
        )

    def verify_(self) -> None:
        s = tile(self.scores)
        expect(self.scores, "the scores", "vector", s.dims)
        expect(self.result, "the result", "vector", s.dims)
        names = ("maximum", "sum", "new maximum", "new sum", "alpha")
        values = (self.maximum, self.total, self.new_maximum, self.new_total, self.alpha)
        for name, value in zip(names, values, strict=True):
            expect(value, f"the {name}", "scalar", (s.rows,))


@irdl_op_definition
class AccumulateOp(TileOp):
    """acc + x, with `rescale` alpha * acc + x, alpha one factor a row (algorithm 1, line 10)."""

    name = "fa.accumulate"

    acc = operand_def(TileType)
    addend = operand_def(TileType)
    alpha = opt_operand_def(TileType)
    result = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$acc `,` $addend (`rescale` $alpha^)? attr-dict `:` type($acc) `,` type($addend) "
        "(`,` type($alpha)^)? `->` type($result)"
    )

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
    """acc / l, row by row (algorithm 1, line 12). With `empty_rows` a row whose l is 0 gives 0."""

    name = "fa.normalize"

    acc = operand_def(TileType)
    total = operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    result = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$acc `,` $total attr-dict `:` type($acc) `,` type($total) `->` type($result)"

    def __init__(self, acc: SSAValue, total: SSAValue, empty_rows: bool):
        super().__init__(
            operands=[acc, total],
            properties={"empty_rows": UnitAttr() if empty_rows else None},
            result_types=[tile(acc).placed_at(None)],
        )

    def verify_(self) -> None:
        dims = tile(self.acc).dims
        expect(self.acc, "the accumulator", "vector", dims)
        expect(self.total, "the sum", "scalar", dims[:1])
        expect(self.result, "the result", "vector", dims)


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

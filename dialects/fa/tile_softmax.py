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
    StringAttr,
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
    traits_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.params import Machine
from .attention import OwnValues, verify_function, verify_mask_function
from .mapping_attrs import PRODUCT_FAMILIES, ROW_LOOP_SCRATCH, SCORE_FAMILIES, PackingAttr
from .masks import MaskAttr, unknown_mask
from .shifted_copies import ShiftedCopies
from .tile_memory import TileOp, expect, expect_scratch
from .type_access import shape_text, tile
from .types import TileType


@irdl_op_definition
class ScaleOp(TileOp, HasFolderInterface):
    """Every element times a constant."""

    name = "fa.scale"

    source = operand_def(TileType)
    factor = prop_def(FloatAttr)
    result = result_def(TileType)

    LINEAR: ClassVar[dict[int, int]] = {0: 0}
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
    """S = Q K^T: q [R, D] in vector, k [C, D] in matrix memory, result [R, C].

    `family` is the instruction that does it: tmm (M_TMM, the default), btmm or btmv. The latter two
    take queries packed as `packing` says, and give 0.25 Q K^T (`mapping_attrs.BATCHED_FACTOR`).
    btmm also takes queries as they are, by copies shifted into the last lane block, in scratch
    rows.
    """

    name = "fa.scores"

    query = operand_def(TileType)
    key = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    family = opt_prop_def(StringAttr)
    packing = opt_prop_def(PackingAttr)
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$query `,` $key (`scratch` $scratch^)? attr-dict `:` type($query) `,` type($key) "
        "(`scratch` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        query: SSAValue,
        key: SSAValue,
        element_type: Attribute | None = None,
        family: str | None = None,
        packing: PackingAttr | None = None,
        rows: int | None = None,
        scratch: SSAValue | None = None,
    ):
        q, k = tile(query), tile(key)
        rows = q.rows if rows is None else rows
        result = TileType.get((rows, k.rows), element_type or q.element_type, "vector")
        super().__init__(
            operands=[query, key, scratch],
            properties={
                "family": None if family is None else StringAttr(family),
                "packing": packing,
            },
            result_types=[result],
        )

    @property
    def batched(self) -> bool:
        """Whether the instruction has the fixed factor of the batched ones."""
        return self.instruction != "tmm"

    def scratch_rows(self, machine: Machine) -> int:
        """For M_BTMM on queries as they are: their shifted copies, and a write-out."""
        if not self.batched or self.packing is not None:
            return 0
        q = tile(self.query)
        return ShiftedCopies(machine, q.rows, q.cols // machine.mlen).scratch_rows

    def with_scratch(self, scratch: SSAValue) -> ScoresOp:
        """The same operation with room to work in."""
        s = tile(self.result)
        return ScoresOp(
            self.query, self.key, s.element_type, self.instruction, self.packing, s.rows, scratch
        )

    @property
    def instruction(self) -> str:
        """The family, written or not."""
        return "tmm" if self.family is None else self.family.data

    def verify_(self) -> None:
        q, k, s = tile(self.query), tile(self.key), tile(self.result)
        if self.instruction not in SCORE_FAMILIES:
            raise VerifyException(
                f"family is one of {', '.join(SCORE_FAMILIES)}, got '{self.instruction}'"
            )
        if (self.packing is None) and self.instruction == "btmv":
            raise VerifyException("btmv needs a packing of the queries")
        if self.packing is not None and not self.batched:
            raise VerifyException("tmm takes queries as they are, not packed")
        expect_scratch(self.scratch, 1)
        expect(self.query, "the query tile", "vector", q.dims)
        if self.packing is None:
            expect(self.key, "the key tile", "matrix", (k.rows, q.cols))
            expect(self.result, "the result", "vector", (q.rows, k.rows))
            return
        streams, width, block, chunks = self.packing.numbers
        expect(self.key, "the key tile", "matrix", k.dims)
        expect(self.result, "the result", "vector", (s.rows, k.rows))
        if s.rows % (streams * block):
            raise VerifyException(
                f"{s.rows} rows are not whole groups of {streams} blocks of {block} rows"
            )
        needed = self.packing.packed_rows(s.rows)
        if q.cols != streams * width or q.rows < needed or chunks * width > k.cols:
            raise VerifyException(
                f"{s.rows} queries of {chunks * width} columns are packed into {needed} rows of "
                f"{streams * width} columns and take keys of as many columns, got {q} and {k}"
            )


@irdl_op_definition
class MatmulOp(TileOp):
    """P V: p [R, C] in vector, v [C, D] in matrix memory, result [R, D].

    `family` is the instruction that does it: mm (M_MM, the default) or btmv, which takes v
    transposed, [D, C], gives 0.25 P V (`mapping_attrs.BATCHED_FACTOR`), and works in scratch rows.
    With mm `columns` are those of the result that matter; what lies behind them is not computed.
    """

    name = "fa.matmul"

    lhs = operand_def(TileType)
    rhs = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    family = opt_prop_def(StringAttr)
    columns = opt_prop_def(IntegerAttr)
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$lhs `,` $rhs (`scratch` $scratch^)? attr-dict `:` type($lhs) `,` type($rhs) "
        "(`,` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self,
        lhs: SSAValue,
        rhs: SSAValue,
        element_type: Attribute | None = None,
        family: str | None = None,
        scratch: SSAValue | None = None,
        columns: int | None = None,
    ):
        p, v = tile(lhs), tile(rhs)
        cols = v.rows if family == "btmv" else v.cols
        result = TileType.get((p.rows, cols), element_type or p.element_type, "vector")
        super().__init__(
            operands=[lhs, rhs, scratch],
            properties={
                "family": None if family is None else StringAttr(family),
                "columns": None if columns is None else IntegerAttr(columns, i64),
            },
            result_types=[result],
        )

    @property
    def instruction(self) -> str:
        """The family, written or not."""
        return "mm" if self.family is None else self.family.data

    @property
    def in_place(self) -> dict[int, int]:
        """M_BTMV takes a row as a whole and then writes one."""
        return {0: 0} if self.transposed else {}

    @property
    def transposed(self) -> bool:
        """Whether the right operand is V transposed."""
        return self.instruction == "btmv"

    @property
    def row_wise(self) -> bool:
        """M_BTMV takes a row at a time, M_MM blocks of them."""
        return self.transposed

    def scratch_rows(self, machine: Machine) -> int:
        """For M_BTMV those of a row loop, and what the write-outs of all panels fill."""
        if not self.transposed:
            return 0
        panels = tile(self.result).cols // machine.vlen
        return ROW_LOOP_SCRATCH + machine.broadcast - 1 + panels

    def with_scratch(self, scratch: SSAValue) -> MatmulOp:
        """The same operation with room to work in."""
        element = tile(self.result).element_type
        return MatmulOp(self.lhs, self.rhs, element, self.instruction, scratch)

    def verify_(self) -> None:
        p, v = tile(self.lhs), tile(self.rhs)
        if self.instruction not in PRODUCT_FAMILIES:
            raise VerifyException(
                f"family is one of {', '.join(PRODUCT_FAMILIES)}, got '{self.instruction}'"
            )
        cols = v.rows if self.transposed else v.cols
        operand = (cols, p.cols) if self.transposed else (p.cols, cols)
        expect(self.lhs, "the left operand", "vector", p.dims)
        expect(self.rhs, "the right operand", "matrix", operand)
        expect(self.result, "the result", "vector", (p.rows, cols))
        expect_scratch(self.scratch, 1)
        if self.columns is not None:
            if self.transposed:
                raise VerifyException("btmv computes whole rows; columns goes with mm")
            if not 0 < self.columns.value.data <= cols:
                raise VerifyException(f"columns must be 1 to {cols}, got {self.columns.value.data}")


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

    traits = traits_def(OwnValues())
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

    def scratch_rows(self, machine: Machine) -> int:
        """What hides, as it is and shifted."""
        return 0 if self.hidden is not None else 2

    def at(self, scores: SSAValue, col: SSAValue) -> MaskOp:
        """The same mask of other scores, which start at another key."""
        return MaskOp(
            scores,
            (self.batch, self.head, self.row, col),
            kv_len=self.kv_len.value.data,
            mask=self.shown,
            mask_mod=None if self.mask_mod is None else self.mask_mod.clone(),
        )

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

    traits = traits_def(OwnValues())
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
    are [R] in scalar memory. The first step has no m and no l (they would be -inf and 0), and its
    alpha is 0. `empty_rows` says that a row may have seen no key so far: then m' = -inf and P = 0.

    `unsummed` says that nothing needs the sums: l' is 0.

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
    result = result_def(TileType)
    new_maximum = result_def(TileType)
    new_total = result_def(TileType)
    alpha = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0, 1: 1, 2: 2}
    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$scores (`,` $maximum^ `,` $total)? (`ones` $ones^)? (`scratch` $scratch^)? attr-dict `:` "
        "type($scores) (`,` type($maximum)^ `,` type($total))? (`ones` type($ones)^)? "
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
            },
            result_types=[tile(scores).placed_at(None), m, total_kind, m],
        )

    @property
    def in_place(self) -> dict[int, int]:
        """The first step has no statistics to update."""
        return self.IN_PLACE if self.maximum is not None else {0: 0}

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
        return OnlineSoftmaxOp(self.scores, *past, empty, statistics, self.ones, scratch, unsummed)

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
        if (self.maximum is None) != (self.total is None):
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
        """With a factor for each row."""
        return self.alpha is not None

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
    columns behind them are divided: only those of the result are specified.
    """

    name = "fa.normalize"

    acc = operand_def(TileType)
    total = opt_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    empty_rows = opt_prop_def(UnitAttr)
    factor = opt_prop_def(FloatAttr)
    sums = opt_prop_def(IntegerAttr)
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
    ):
        super().__init__(
            operands=[acc, total, scratch],
            properties={
                "empty_rows": UnitAttr() if empty_rows else None,
                "factor": None if factor is None else FloatAttr(factor, f32),
                "sums": None if sums is None else IntegerAttr(sums, i64),
            },
            result_types=[tile(acc).placed_at(None)],
        )

    @property
    def multiplier(self) -> float:
        """The factor, written or not."""
        return 1.0 if self.factor is None else self.factor.value.data

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
        return NormalizeOp(self.acc, self.total, empty, factor, self.sum_columns or None, scratch)

    def verify_(self) -> None:
        dims = tile(self.acc).dims
        expect(self.acc, "the accumulator", "vector", dims)
        expect(self.result, "the result", "vector", dims)
        expect_scratch(self.scratch, 1)
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

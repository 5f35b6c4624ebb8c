"""What is done to scores on tiles before the softmax: masks, functions of a score and its place.

R query rows, C keys (columns of the scores).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IndexType, IntegerAttr, i64
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
from .masks import MaskAttr, unknown_mask
from .tile_memory import TileOp, expect, expect_scratch
from .type_access import shape_text, tile
from .types import TileType


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

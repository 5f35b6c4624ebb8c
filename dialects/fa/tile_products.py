"""Products on tiles, and their scale: S = Q K^T and P V, by the instruction that `map` chooses.

R query rows, C keys (columns of the scores), D columns of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr, f32, i64
from xdsl.interfaces import HasFolderInterface
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

from ...machine.spec.params import Machine
from .mapping_attrs import (
    PRODUCT_FAMILIES,
    ROW_LOOP_SCRATCH,
    SCORE_FAMILIES,
    Family,
    FamilyAttr,
    PackingAttr,
)
from .shifted_copies import ShiftedCopies
from .tile_memory import TileOp, expect, expect_scratch
from .type_access import tile
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


@dataclass(frozen=True)
class Hiding:
    """How Q K^T masks: a product more, of rows of zeros and ones with columns of what is hidden.

    A group is the `streams` rows of scores that M_BTMV computes at once. Row `choices[g]` of the
    choice has a one in each slice of lanes, for each row of group g: which of the columns of a
    block its keys are hidden by. Block n of `hidden`, [keys, columns], is `width` columns of a tile
    of as many keys as it has columns: of the first tile for the lowest n, then of the one below.
    `blocks[g * panels + p]` is that of group g and panel p of keys, -1 where nothing is hidden.
    """

    choices: tuple[int, ...]
    blocks: tuple[int, ...]


def _array(numbers: Sequence[int]) -> DenseArrayBase[Any]:
    return DenseArrayBase.from_list(i64, list(numbers))


@irdl_op_definition
class ScoresOp(TileOp):
    """S = Q K^T: q [R, D] in vector, k [C, D] in matrix memory, result [R, C].

    `family` is the instruction that does it: tmm (M_TMM, the default), btmm or btmv. The latter two
    take queries packed as `packing` says, and give 0.25 Q K^T (`mapping_attrs.BATCHED_FACTOR`).
    btmm also takes queries as they are, by copies shifted into the last lane block, in scratch
    rows.

    With `hide` btmv masks as well, by one more product (`Hiding`): a row of scores is -inf where
    the column of `hidden` that its row of `choice` has a one for is not 0.
    """

    name = "fa.scores"

    query = operand_def(TileType)
    key = operand_def(TileType)
    choice = opt_operand_def(TileType)
    hidden = opt_operand_def(TileType)
    scratch = opt_operand_def(TileType)
    family = opt_prop_def(FamilyAttr)
    packing = opt_prop_def(PackingAttr)
    choices = opt_prop_def(DenseArrayBase.constr(i64))
    blocks = opt_prop_def(DenseArrayBase.constr(i64))
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    assembly_format = (
        "$query `,` $key (`hide` `(` $choice^ `,` $hidden `:` type($choice) `,` type($hidden) `)`)?"
        " (`scratch` $scratch^)? attr-dict `:` type($query) `,` type($key) "
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
        hide: tuple[SSAValue, SSAValue] | None = None,
        hiding: Hiding | None = None,
    ):
        q, k = tile(query), tile(key)
        rows = q.rows if rows is None else rows
        result = TileType.get((rows, k.rows), element_type or q.element_type, "vector")
        choice, hidden = (None, None) if hide is None else hide
        super().__init__(
            operands=[query, key, choice, hidden, scratch],
            properties={
                "family": FamilyAttr.named(family),
                "packing": packing,
                "choices": None if hiding is None else _array(hiding.choices),
                "blocks": None if hiding is None else _array(hiding.blocks),
            },
            result_types=[result],
        )

    @property
    def hiding(self) -> Hiding | None:
        """How the product that masks goes; None where there is none."""
        if self.choices is None or self.blocks is None:
            return None
        choices, blocks = (map(int, a.get_values()) for a in (self.choices, self.blocks))
        return Hiding(tuple(choices), tuple(blocks))

    @property
    def batched(self) -> bool:
        """Whether the instruction has the fixed factor of the batched ones."""
        return self.instruction is not Family.TMM

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
    def instruction(self) -> Family:
        """The family, written or not."""
        return Family.TMM if self.family is None else self.family.data

    def verify_(self) -> None:
        q, k, s = tile(self.query), tile(self.key), tile(self.result)
        if self.instruction not in SCORE_FAMILIES:
            raise VerifyException(
                f"family is one of {', '.join(SCORE_FAMILIES)}, got '{self.instruction}'"
            )
        if (self.packing is None) and self.instruction is Family.BTMV:
            raise VerifyException("btmv needs a packing of the queries")
        if self.packing is not None and not self.batched:
            raise VerifyException("tmm takes queries as they are, not packed")
        expect_scratch(self.scratch, 1)
        self._verify_hiding()
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

    def _verify_hiding(self) -> None:
        """Check the operands and the numbers of the product that masks."""
        if self.choice is None or self.hidden is None:
            if self.choices is not None or self.blocks is not None:
                raise VerifyException("choices and blocks say how hide masks, and there is none")
            return
        hiding, packing = self.hiding, self.packing
        if hiding is None:
            raise VerifyException("hide needs choices and blocks")
        if self.instruction is not Family.BTMV or packing is None or packing.block.data != 1:
            raise VerifyException("hide masks with btmv, on queries packed in blocks of 1 row")
        streams, width, _, _ = packing.numbers
        choice, hidden, s = tile(self.choice), tile(self.hidden), tile(self.result)
        expect(self.choice, "the choice", "vector", (choice.rows, streams * width))
        expect(self.hidden, "what is hidden", "matrix", hidden.dims)
        groups, panels = s.rows // streams, s.cols // hidden.cols
        if len(hiding.choices) != groups or len(hiding.blocks) != groups * panels:
            raise VerifyException(
                f"{groups} groups of {streams} rows and {panels} panels of {hidden.cols} keys have "
                f"as many choices and {groups * panels} blocks, got {len(hiding.choices)} and "
                f"{len(hiding.blocks)}"
            )
        there = hidden.elements // (hidden.cols * width)
        if any(not 0 <= row < choice.rows for row in hiding.choices):
            raise VerifyException(f"choices are rows of the {choice.rows} that there are")
        if any(not -1 <= block < there for block in hiding.blocks):
            raise VerifyException(f"blocks are those of the {there} that there are, or -1")


@irdl_op_definition
class MatmulOp(TileOp):
    """P V: p [R, C] in vector, v [C, D] in matrix memory, result [R, D].

    `family` is the instruction that does it: mm (M_MM, the default) or btmv, which takes v
    transposed, [D, C], gives 0.25 P V (`mapping_attrs.BATCHED_FACTOR`), and works in scratch rows.
    btmv takes p as it is, slice after slice shifted into the last lanes, or packed (`fa.repack`),
    with all streams of the instruction at work.
    With mm `columns` are those of the result that matter; what lies behind them is not computed.
    """

    name = "fa.matmul"

    lhs = operand_def(TileType)
    rhs = operand_def(TileType)
    scratch = opt_operand_def(TileType)
    family = opt_prop_def(FamilyAttr)
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
        cols = v.rows if family == Family.BTMV else v.cols
        result = TileType.get((p.rows, cols), element_type or p.element_type, "vector")
        super().__init__(
            operands=[lhs, rhs, scratch],
            properties={
                "family": FamilyAttr.named(family),
                "columns": None if columns is None else IntegerAttr(columns, i64),
            },
            result_types=[result],
        )

    @property
    def instruction(self) -> Family:
        """The family, written or not."""
        return Family.MM if self.family is None else self.family.data

    @property
    def in_place(self) -> dict[int, int]:
        """M_BTMV takes a row as a whole and then writes one; packed rows are written elsewhere."""
        return {0: 0} if self.transposed and self.streams is None else {}

    @property
    def streams(self) -> int | None:
        """How many rows of P share lanes; None where each lies by itself."""
        return tile(self.lhs).streams

    @property
    def transposed(self) -> bool:
        """Whether the right operand is V transposed."""
        return self.instruction is Family.BTMV

    @property
    def row_wise(self) -> bool:
        """M_BTMV takes a row at a time, M_MM blocks of them."""
        return self.transposed

    def scratch_rows(self, machine: Machine) -> int:
        """For M_BTMV those of a row loop, and what the write-outs of all panels fill."""
        if not self.transposed:
            return 0
        panels = tile(self.result).cols // machine.vlen
        if self.streams is not None:
            # Behind the sums of as many rows.
            return ROW_LOOP_SCRATCH + machine.broadcast * (1 + panels)
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
        if p.streams is not None and not self.transposed:
            raise VerifyException("mm takes rows by themselves; packed rows go with btmv")
        expect(self.lhs, "the left operand", "vector", p.dims, p.streams)
        expect(self.rhs, "the right operand", "matrix", operand)
        expect(self.result, "the result", "vector", (p.rows, cols))
        expect_scratch(self.scratch, 1)
        if self.columns is not None:
            if self.transposed:
                raise VerifyException("btmv computes whole rows; columns goes with mm")
            if not 0 < self.columns.value.data <= cols:
                raise VerifyException(f"columns must be 1 to {cols}, got {self.columns.value.data}")


@irdl_op_definition
class RepackOp(TileOp):
    """The same elements in the other layout: rows by themselves, or packed by `BROADCAST_AMOUNT`.

    In each panel four rows change their 4 x 4 lane blocks with one another, by M_BTMV with a
    constant tile, 4 times the unit matrix, which with the instruction's factor
    (`mapping_attrs.BATCHED_FACTOR`) copies: one product of each sum is not 0. So values must be
    finite: an infinity makes NaN of its column in all rows of its group (ISA section 4.2).
    """

    name = "fa.repack"

    source = operand_def(TileType)
    unit = operand_def(TileType)
    result = result_def(TileType)

    LINEAR: ClassVar[dict[int, int]] = {0: 0}
    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    assembly_format = (
        "$source `by` $unit attr-dict `:` type($source) `,` type($unit) `->` type($result)"
    )

    def __init__(self, source: SSAValue, unit: SSAValue, streams: int | None):
        super().__init__(operands=[source, unit], result_types=[tile(source).packed_by(streams)])

    @property
    def streams(self) -> int:
        """How many rows share lanes, before or after."""
        found = tile(self.source).streams or tile(self.result).streams
        assert found is not None
        return found

    @property
    def row_wise(self) -> bool:
        """Each group of rows has its own lanes."""
        return True

    def verify_(self) -> None:
        source, result = tile(self.source), tile(self.result)
        if (source.streams is None) == (result.streams is None):
            raise VerifyException("one side is packed, the other has rows by themselves")
        expect(self.source, "the operand", "vector", source.dims, source.streams)
        expect(self.result, "the result", "vector", source.dims, result.streams)
        unit = tile(self.unit)
        expect(self.unit, "the unit tile", "matrix", unit.dims)
        if unit.rows < unit.cols:
            raise VerifyException(f"the unit tile must be square, got {unit}")

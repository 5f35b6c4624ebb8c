"""Lengths that are known at run time only: how many keys of a batch are valid."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IndexType, IntegerAttr, TensorType, i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.params import Machine
from .tile_memory import TileOp, expect, expect_scratch
from .type_access import shape_text, tensor_dims, tensor_element, tile
from .types import LENGTH_TYPE, TileType


def verify_lengths(lengths: SSAValue, batch: int | None = None) -> None:
    """Check that a tensor is lengths: i32, one for each of `batch` batches."""
    dims, element = tensor_dims(lengths), tensor_element(lengths)
    if len(dims) != 1 or element != LENGTH_TYPE or (batch is not None and dims != (batch,)):
        wanted = "" if batch is None else f" for each of {batch} batches, tensor<{batch}xi32>"
        raise VerifyException(
            f"lengths are one i32{wanted}, got tensor<{shape_text(dims)}x{element}>"
        )


@irdl_op_definition
class LengthOp(IRDLOperation):
    """The length of a batch, rounded up to a multiple of `granule`, which is also the least.

    With a granule of 1 it is the length itself, 0 included. `most` is the largest length that there
    can be: what brings data sees to it. A loop whose bound this is runs once for each tile of keys
    that holds a valid one, and once where there is none: loops of the machine run at least once.
    """

    name = "fa.length"

    lengths = operand_def(TensorType)
    batch = operand_def(IndexType)
    most = prop_def(IntegerAttr)
    granule = prop_def(IntegerAttr)
    length = result_def(IndexType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$lengths `[` $batch `]` attr-dict `:` type($lengths)"

    def __init__(self, lengths: SSAValue, batch: SSAValue, most: int, granule: int = 1):
        super().__init__(
            operands=[lengths, batch],
            properties={"most": IntegerAttr(most, i64), "granule": IntegerAttr(granule, i64)},
            result_types=[IndexType()],
        )

    @property
    def unit(self) -> int:
        """What the result is a multiple of."""
        return self.granule.value.data

    @property
    def largest(self) -> int:
        """The largest value of the result."""
        return self.rounded(self.most.value.data)

    def rounded(self, length: int) -> int:
        """The result for a length."""
        unit = self.unit
        return length if unit == 1 else max(unit, -(-length // unit) * unit)

    def verify_(self) -> None:
        verify_lengths(self.lengths)
        for name, number in (("most", self.most), ("granule", self.granule)):
            if number.value.data < 1:
                raise VerifyException(f"{name} must be at least 1, got {number.value.data}")


@irdl_op_definition
class LimitOp(TileOp):
    """Scores with the keys from a length on set to -inf: column j of the tile is key col + j."""

    name = "fa.limit"

    scores = operand_def(TileType)
    col = operand_def(IndexType)
    length = operand_def(IndexType)
    scratch = opt_operand_def(TileType)
    result = result_def(TileType)

    IN_PLACE: ClassVar[dict[int, int]] = {0: 0}
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$scores `from` $col `to` $length (`scratch` $scratch^)? attr-dict `:` type($scores) "
        "(`,` type($scratch)^)? `->` type($result)"
    )

    def __init__(
        self, scores: SSAValue, col: SSAValue, length: SSAValue, scratch: SSAValue | None = None
    ):
        super().__init__(
            operands=[scores, col, length, scratch], result_types=[tile(scores).placed_at(None)]
        )

    @property
    def counted(self) -> LengthOp:
        """The operation that the length comes from. VerifyException where it is another."""
        owner = self.length.owner
        if not isinstance(owner, LengthOp) or owner.unit != 1:
            raise VerifyException("a limit takes its length from fa.length with a granule of 1")
        return owner

    def scratch_rows(self, machine: Machine) -> int:
        """What hides, as it is, shifted, and the negative of that."""
        return 2 if tile(self.scores).cols == machine.vlen else 3

    def with_scratch(self, scratch: SSAValue) -> LimitOp:
        """The same operation with room to work in."""
        return LimitOp(self.scores, self.col, self.length, scratch)

    def verify_(self) -> None:
        dims = tile(self.scores).dims
        expect(self.scores, "the scores", "vector", dims)
        expect(self.result, "the result", "vector", dims)
        expect_scratch(self.scratch, 2)
        _ = self.counted

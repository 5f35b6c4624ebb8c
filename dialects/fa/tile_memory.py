"""Tiles come and go: loads, stores, fills, copies, scratch room, results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    FloatAttr,
    IndexType,
    IntegerAttr,
    MemRefType,
    TensorType,
    UnitAttr,
    f32,
    i64,
)
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from ...machine.spec.params import Machine
from .effects import TileEffects
from .type_access import shape_text, tensor_dims, tensor_element, tensor_type, tile
from .types import ELEMENT_TYPES, HbmAttr, TileType


def expect(
    value: SSAValue, what: str, space: str, dims: Sequence[int], packed: int | None = None
) -> None:
    """Check that a tile operand or result lies in `space`, has extents `dims` and is packed by as
    many rows."""
    have = tile(value)
    if have.streams != packed:
        wanted = "rows by themselves" if packed is None else f"rows packed by {packed}"
        raise VerifyException(f"{what} must have {wanted}, got {have}")
    if have.space.data != space:
        raise VerifyException(f"{what} must lie in {space} memory, got {have.space.data}")
    if have.dims != tuple(dims):
        raise VerifyException(f"{what} must be {shape_text(dims)}, got {shape_text(have.dims)}")


def expect_scratch(scratch: SSAValue | None, rows: int) -> None:
    """Check that scratch room, where it is given, lies in vector memory and has enough rows."""
    if scratch is None:
        return
    have = tile(scratch)
    if have.space.data != "vector" or have.rows < rows:
        raise VerifyException(f"scratch must be {rows} rows or more of vector memory, got {have}")


class TileOp(IRDLOperation):
    """An operation on tiles.

    `IN_PLACE` maps a result to the operand whose range it may share (result index -> operand
    index): the operation goes row by row and reads a row before it writes it. Any other placed
    result must not overlap an operand. `LINEAR` maps an operand to the result that is linear in it:
    a factor of the operand is one of the result.
    """

    IN_PLACE: ClassVar[dict[int, int]] = {}
    LINEAR: ClassVar[dict[int, int]] = {}
    traits = traits_def(TileEffects())

    @property
    def in_place(self) -> dict[int, int]:
        """`IN_PLACE` with the operands that there are."""
        return self.IN_PLACE

    @property
    def row_wise(self) -> bool:
        """Whether the operation can be done one row after another, in a loop with others."""
        return False

    @property
    def loop_rows(self) -> int:
        """The rows that a loop over rows goes through, of an operation on tiles."""
        return tile(self.results[0]).rows

    @property
    def rows_together(self) -> int:
        """Rows that are done together because they share lanes in a tile; 1 where none do."""
        kinds = [value.type for value in (*self.operands, *self.results)]
        return max((kind.streams or 1 for kind in kinds if isinstance(kind, TileType)), default=1)

    def scratch_rows(self, machine: Machine) -> int:
        """Rows of vector memory that the operation works in on a machine; 0 for none."""
        return 0


class _HbmAccess(TileOp):
    """Checks shared by load and store."""

    def _verify_access(self, hbm: SSAValue, indices: Sequence[SSAValue], row: bool) -> None:
        kind = tensor_type(hbm)
        if isinstance(kind, MemRefType) and not isinstance(kind.memory_space, HbmAttr):
            raise VerifyException(f"the buffer must lie in HBM (#fa.hbm), got {kind}")
        dims = tensor_dims(hbm)
        if len(dims) < (1 if row else 2):
            raise VerifyException(f"rank {len(dims)} is too small to hold tiles")
        if len(indices) != len(dims):
            raise VerifyException(
                f"{len(dims)} indices are needed, one for each dimension, got {len(indices)}"
            )


@irdl_op_definition
class LoadOp(_HbmAccess):
    """A tile from HBM: rows and columns from the last two indices on, zeros past the end.

    The tensor's extents need not cover the tile: the storage of a tensor in HBM is padded with
    zeros.
    """

    name = "fa.load"

    source = operand_def(TensorType | MemRefType)
    indices = var_operand_def(IndexType)
    tile = result_def(TileType)

    assembly_format = "$source `[` $indices `]` attr-dict `:` type($source) `->` type($tile)"

    def __init__(self, source: SSAValue, indices: Sequence[SSAValue], tile: TileType):
        super().__init__(operands=[source, indices], result_types=[tile])

    def verify_(self) -> None:
        self._verify_access(self.source, self.indices, row=False)
        if tile(self.tile).space.data == "scalar":
            raise VerifyException("a tile is loaded into vector or matrix memory, not scalar")
        if not isinstance(tensor_element(self.source), ELEMENT_TYPES):
            raise VerifyException(
                f"tiles are loaded from bf16, f16 or f32, got {tensor_element(self.source)}"
            )


@irdl_op_definition
class ViewOp(TileOp):
    """A part of a tile in matrix memory, where it lies: rows from `row` and columns from `col` on.

    It has no place of its own.
    """

    name = "fa.view"

    source = operand_def(TileType)
    row = prop_def(IntegerAttr)
    col = prop_def(IntegerAttr)
    result = result_def(TileType)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, start: tuple[int, int], dims: tuple[int, int]):
        kind = TileType.get(dims, tile(source).element_type, "matrix")
        super().__init__(
            operands=[source],
            properties={"row": IntegerAttr(start[0], i64), "col": IntegerAttr(start[1], i64)},
            result_types=[kind],
        )

    @property
    def start(self) -> tuple[int, int]:
        """The first row and column."""
        return self.row.value.data, self.col.value.data

    def verify_(self) -> None:
        source, result = tile(self.source), tile(self.result)
        expect(self.source, "the tile", "matrix", source.dims)
        expect(self.result, "the view", "matrix", result.dims)
        if result.at is not None:
            raise VerifyException("a view lies where its tile does; it has no address of its own")
        for start, extent, whole in zip(self.start, result.dims, source.dims, strict=True):
            if start < 0 or start + extent > whole:
                raise VerifyException(f"{result} from {list(self.start)} on is not inside {source}")


@irdl_op_definition
class StoreOp(_HbmAccess):
    """A vector tile to HBM, what lies past the end of the buffer dropped.

    Into a buffer of rank 3 or less that holds one value for a row (logsumexp), the first row of the
    tile is stored along the last dimension.
    """

    name = "fa.store"

    tile = operand_def(TileType)
    target = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    row = opt_prop_def(UnitAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$tile `,` $target `[` $indices `]` attr-dict `:` type($tile) `,` type($target)"
    )

    def __init__(
        self, tile: SSAValue, target: SSAValue, indices: Sequence[SSAValue], row: bool = False
    ):
        super().__init__(
            operands=[tile, target, indices], properties={"row": UnitAttr() if row else None}
        )

    @property
    def hbm_written(self) -> tuple[SSAValue, ...]:
        """The buffers that this operation writes."""
        return (self.target,)

    def verify_(self) -> None:
        self._verify_access(self.target, self.indices, row=self.row is not None)
        if tile(self.tile).space.data != "vector":
            raise VerifyException("only tiles in vector memory can be stored")


@irdl_op_definition
class FillOp(TileOp):
    """A tile of one value."""

    name = "fa.fill"

    value = prop_def(FloatAttr)
    tile = result_def(TileType)

    assembly_format = "$value attr-dict `:` type($tile)"

    def __init__(self, value: float, tile: TileType):
        super().__init__(properties={"value": FloatAttr(value, f32)}, result_types=[tile])

    def verify_(self) -> None:
        if tile(self.tile).space.data == "matrix":
            raise VerifyException("matrix memory is filled from HBM only")


@irdl_op_definition
class CopyOp(TileOp):
    """A copy of a tile somewhere else; the allocator puts one in where two values cannot share."""

    name = "fa.copy"

    source = operand_def(TileType)
    result = result_def(TileType)

    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue):
        super().__init__(operands=[source], result_types=[tile(source).placed_at(None)])

    def verify_(self) -> None:
        source = tile(self.source)
        if source.space.data == "matrix":
            raise VerifyException("matrix memory is filled from HBM only; load the tile again")
        expect(self.result, "the result", source.space.data, source.dims)


@irdl_op_definition
class ScratchOp(TileOp):
    """Room that an operation may overwrite; its contents are undefined."""

    name = "fa.scratch"

    tile = result_def(TileType)

    assembly_format = "attr-dict `:` type($tile)"

    def __init__(self, tile: TileType):
        super().__init__(result_types=[tile])


@irdl_op_definition
class ResultOp(TileOp):
    """What a buffer in HBM holds at this point, as a tensor: how a kernel gives its results."""

    name = "fa.result"

    buffer = operand_def(MemRefType)
    tensor = result_def(TensorType)

    assembly_format = "$buffer attr-dict `:` type($buffer) `->` type($tensor)"

    def __init__(self, buffer: SSAValue):
        kind = TensorType(tensor_element(buffer), tensor_dims(buffer))
        super().__init__(operands=[buffer], result_types=[kind])

    def verify_(self) -> None:
        same = tensor_dims(self.buffer) == tensor_dims(self.tensor)
        if not same or tensor_element(self.buffer) != tensor_element(self.tensor):
            raise VerifyException(
                f"shape and element type must stay: {self.buffer.type} -> {self.tensor.type}"
            )

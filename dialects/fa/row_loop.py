"""Operations on tiles that are done together, row by row."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import I64, IntegerAttr, i64
from xdsl.ir import Attribute, Operation, OpResult, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    region_def,
    traits_def,
    var_result_def,
)
from xdsl.traits import RecursiveMemoryEffect
from xdsl.utils.exceptions import VerifyException

from .attention import YieldOp
from .tile_memory import TileOp
from .types import TileType


@irdl_op_definition
class RowLoopOp(IRDLOperation):
    """One loop over `rows` rows of tiles: for each row all operations of the body, in order.

    What one of them makes of a row the next takes from a register or a fixed place, so a value that
    is not yielded needs no place of its own. `unroll` rows, a divisor of `rows`, make one
    iteration. Rows from `rows` on are padding: nobody reads what they hold. The body's operations
    are row-wise (`TileOp.row_wise`); it reads values from outside as it is.
    """

    name = "fa.row_loop"

    rows = prop_def(IntegerAttr[I64])
    unroll = prop_def(IntegerAttr[I64])
    body = region_def("single_block")
    outputs = var_result_def(TileType)

    traits = traits_def(RecursiveMemoryEffect())
    assembly_format = (
        "`rows` `=` $rows `unroll` `=` $unroll attr-dict-with-keyword $body (`:` type($outputs)^)?"
    )

    def __init__(self, rows: int, unroll: int, body: Region, outputs: Sequence[Attribute]):
        super().__init__(
            properties={"rows": IntegerAttr(rows, i64), "unroll": IntegerAttr(unroll, i64)},
            regions=[body],
            result_types=[outputs],
        )

    @property
    def steps(self) -> tuple[Operation, ...]:
        """The operations of the body, without what ends it."""
        return tuple(op for op in self.body.block.ops if not isinstance(op, YieldOp))

    @property
    def yielded(self) -> tuple[SSAValue, ...]:
        """The values of the body that are the results, in order."""
        last = self.body.block.last_op
        assert isinstance(last, YieldOp)
        return tuple(last.arguments)

    @property
    def group(self) -> int:
        """Rows that are done together because they share lanes in one of the tiles; else 1."""
        return group_of(self.steps)

    def verify_(self) -> None:
        rows, unroll = self.rows.value.data, self.unroll.value.data
        if unroll < 1 or rows < 1 or rows % unroll:
            raise VerifyException(
                f"rows and unroll are at least 1 and unroll divides rows, got {rows} and {unroll}"
            )
        if self.body.block.args or not isinstance(self.body.block.last_op, YieldOp):
            raise VerifyException("the body takes no arguments and ends with fa.yield")
        if not self.steps:
            raise VerifyException("the body has at least one operation on rows")
        for op in self.steps:
            if not isinstance(op, TileOp) or not op.row_wise:
                raise VerifyException(f"{op.name} cannot be done row by row")
            if (have := op.loop_rows) < rows:
                raise VerifyException(f"the tiles of {op.name} have {have} rows, fewer than {rows}")
        group = self.group
        if unroll % group and not unroll == rows < group:
            raise VerifyException(
                f"{group} rows share lanes, so unroll must be a multiple of {group}, got {unroll}"
            )
        if [value.type for value in self.yielded] != list(self.outputs.types):
            raise VerifyException("what is yielded has the types of the results")
        for value in self.yielded:
            if not isinstance(value, OpResult) or value.op.parent is not self.body.block:
                raise VerifyException("what is yielded is made in the body")


def group_of(ops: Sequence[Operation]) -> int:
    """Rows that operations do together because they share lanes in a tile; 1 where none do."""
    return max((op.rows_together for op in ops if isinstance(op, TileOp)), default=1)


def row_loop_around(op: Operation) -> RowLoopOp | None:
    """The row loop that an operation is part of."""
    parent = op.parent_op()
    return parent if isinstance(parent, RowLoopOp) else None

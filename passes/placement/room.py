"""Whether tiles that are alive throughout find room beside those of a function."""

from __future__ import annotations

from xdsl.dialects import func, scf

from ...dialects import fa
from ...dialects.fa.types import TileType
from ...machine.spec.params import Machine
from .first_fit import Block, Span, first_fit
from .tile_liveness import Places, TileLiveness, stays_in_row_loop

SCRATCH_ROWS = 24
"""Rows of vector SRAM that are left for what operations work in, and for copies."""


def has_room(machine: Machine, function: func.FuncOp, rows: int, tiles: int) -> bool:
    """Whether `rows` of vector SRAM and `tiles` of matrix SRAM are free all the time.

    Tiles need no addresses yet. `allocate-sram` places them as this does, but for scratch room.
    """
    liveness = TileLiveness.of(function)
    places = _shared(function, liveness)
    for space, unit, room, more in (
        ("vector", machine.vlen, machine.vector_sram_rows, rows + SCRATCH_ROWS),
        ("matrix", machine.mlen**2, machine.matrix_tiles, tiles),
    ):
        blocks = [
            Block(fa.tile(group[0]).elements, unit, tuple(liveness.taken[value] for value in group))
            for group in places.groups()
            if fa.tile(group[0]).space.data == space and not all(map(stays_in_row_loop, group))
        ]
        last = max((span.end for block in blocks for span in block.spans), default=0)
        blocks.append(Block(more * unit, unit, (Span(0, last),)))
        ends = [at + block.size for at, block in zip(first_fit(blocks), blocks, strict=True)]
        if max(ends) > room * unit:
            return False
    return True


def _shared(function: func.FuncOp, liveness: TileLiveness) -> Places:
    """Places as far as values share them without copies."""
    places = Places(liveness)
    for op in function.walk():
        if isinstance(op, scf.ForOp):
            last = op.body.block.last_op
            assert last is not None
            for position, result in enumerate(op.results):
                if isinstance(result.type, TileType):
                    argument = op.body.block.args[position + 1]
                    for other in (result, op.iter_args[position], last.operands[position]):
                        places.merge(argument, other)
    places.merge_in_place(function)
    return places

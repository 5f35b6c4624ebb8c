"""Where the tiles of an operand in matrix SRAM lie, a view or a whole."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import OpResult, SSAValue

from ...dialects import fa
from ...machine.spec.params import Machine


@dataclass(frozen=True)
class MatrixOperand:
    """Rows x columns in whole tiles: those of one column panel follow one another, `panel_step`
    elements from panel to panel, from `address` on."""

    address: int
    row_tiles: int
    panels: int
    panel_step: int

    @classmethod
    def of(cls, machine: Machine, value: SSAValue) -> MatrixOperand:
        """The operand that a value is."""
        kind, row, col = fa.tile(value), 0, 0
        while isinstance(value, OpResult) and isinstance(value.op, fa.ViewOp):
            start = value.op.start
            row, col = row + start[0], col + start[1]
            value = value.op.source
        whole, mlen = fa.tile(value), machine.mlen
        panel_step = whole.rows * mlen
        address = whole.placed + col // mlen * panel_step + row * mlen
        return cls(address, kind.rows // mlen, kind.cols // mlen, panel_step)

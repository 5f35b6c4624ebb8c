"""Matrix products of tiles: S = Q K^T with M_TMM and P V with M_MM (ISA section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.ir import SSAValue

from ..dialects import fa
from .emitter import Emitter
from .matrix_tiles import MatrixOperand

HELD_PANELS = 2
"""Up to so many panels of the contraction have a pointer register of their own."""


@dataclass(frozen=True)
class Product:
    """Where the operands and the result of a product lie, in elements.

    The contraction goes over `depth` panels: panel p of the left operand starts `left_step` * p
    behind `left`, that of the matrix operand `inner_step` * p behind `matrix`. Result panel c, of
    `rows` rows, uses the matrix operand `outer_step` * c further on.
    """

    mnemonic: Literal["M_TMM", "M_MM"]
    rows: int
    depth: int
    panels: int
    left: int
    left_step: int
    matrix: int
    inner_step: int
    outer_step: int
    result: int


def scores(e: Emitter, op: fa.ScoresOp) -> None:
    """Row block by row block, BLEN keys at a time: the keys are rows of the matrix tiles."""
    q, s = fa.tile(op.query), fa.tile(op.result)
    k, mlen = MatrixOperand.of(e.machine, op.key), e.machine.mlen
    _emit(
        e,
        Product(
            "M_TMM",
            rows=q.rows,
            depth=q.cols // mlen,
            panels=k.row_tiles,
            left=q.placed,
            left_step=q.rows * mlen,
            matrix=k.address,
            inner_step=k.panel_step,
            outer_step=mlen**2,
            result=s.placed,
        ),
    )


def matmul(e: Emitter, op: fa.MatmulOp) -> None:
    """Row block by row block, BLEN columns of V at a time; all keys of the tile sum up in f32."""
    p, out = fa.tile(op.lhs), fa.tile(op.result)
    v, mlen = MatrixOperand.of(e.machine, op.rhs), e.machine.mlen
    _emit(
        e,
        Product(
            "M_MM",
            rows=p.rows,
            depth=v.row_tiles,
            panels=v.panels,
            left=p.placed,
            left_step=p.rows * mlen,
            matrix=v.address,
            inner_step=mlen**2,
            outer_step=v.panel_step,
            result=out.placed,
        ),
    )


def _emit(e: Emitter, product: Product) -> None:
    """Loops over result panels, row blocks and column blocks; the contraction is unrolled."""
    mlen, blen = e.machine.mlen, e.machine.blen
    blocks = product.rows // blen
    start = (e.constant(product.matrix), e.constant(product.result))
    with e.loop(product.panels, *start) as panel:
        matrix, result = panel.carried
        with e.loop(blocks, e.constant(product.left), result) as block:
            left, result = block.carried
            held = product.depth <= HELD_PANELS
            lefts = [
                e.add(left, p * product.left_step) for p in range(product.depth if held else 1)
            ]
            matrices = [e.add(matrix, p * product.inner_step) for p in range(len(lefts))]
            with e.loop(mlen // blen, result, *matrices) as column:
                result, *matrices = column.carried
                for p in range(product.depth):
                    if held:
                        pair = (lefts[p], matrices[p])
                    else:
                        pair = (
                            e.add(left, p * product.left_step),
                            e.add(matrices[0], p * product.inner_step),
                        )
                    _multiply(e, product.mnemonic, *pair)
                e.do("M_MM_WO", result, e.zero, 0)
                # BLEN rows or columns of the matrix operand further on: both are BLEN * MLEN away.
                column.yields(e.add(result, blen), *(e.add(m, blen * mlen) for m in matrices))
            # The columns took the pointer through one row; the next block is BLEN rows on.
            result = e.add(column.results[0], (blen - 1) * mlen)
            block.yields(e.add(left, blen * mlen), result)
        panel.yields(e.add(matrix, product.outer_step), block.results[1])


def _multiply(e: Emitter, mnemonic: str, left: SSAValue, matrix: SSAValue) -> None:
    """One systolic product: the two instructions take their operands in opposite order."""
    if mnemonic == "M_TMM":
        e.do("M_TMM", left, matrix)
    else:
        e.do("M_MM", matrix, left)

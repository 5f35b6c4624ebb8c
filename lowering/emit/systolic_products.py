"""Matrix products of tiles: S = Q K^T with M_TMM and P V with M_MM (ISA section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.ir import SSAValue

from ...dialects import fa, plena
from .emitter import Emitter
from .matrix_operand import MatrixOperand

HELD_PANELS = 4
"""Up to so many panels of the contraction have pointer registers of their own."""

HELD_POINTERS = 13
"""Registers for pointers in the innermost loop: those of the operands and of the result."""


@dataclass(frozen=True)
class Product:
    """Where the operands and the result of a product lie, in elements.

    The contraction goes over `depth` panels: panel p of the left operand starts `left_step` * p
    behind `left`, that of the matrix operand `inner_step` * p behind `matrix`. Result panel c, of
    `rows` rows, uses the matrix operand `outer_step` * c further on. Of each result panel the first
    `columns` columns are computed.
    """

    mnemonic: Literal["M_TMM", "M_MM"]
    rows: int
    depth: int
    panels: int
    columns: int
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
            columns=mlen,
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
    columns = out.cols if op.columns is None else op.columns.value.data
    _emit(
        e,
        Product(
            "M_MM",
            rows=p.rows,
            depth=v.row_tiles,
            panels=v.panels,
            columns=min(mlen, columns),
            left=p.placed,
            left_step=p.rows * mlen,
            matrix=v.address,
            inner_step=mlen**2,
            outer_step=v.panel_step,
            result=out.placed,
        ),
    )


def _emit(e: Emitter, product: Product) -> None:
    """Loops over result panels, groups of row blocks and column blocks.

    The row blocks of a group are multiplied one after another with the same column block, so that
    a step of the column pointers serves all of them; their results lie at immediates.
    """
    mlen, blen = e.machine.mlen, e.machine.blen
    blocks, block = product.rows // blen, blen * mlen
    group = _group(product, blocks, block)
    start = (e.constant(product.matrix), e.constant(product.result))
    with e.loop(product.panels, *start) as panel:
        matrix, result = panel.carried
        left = e.constant(product.left)
        if blocks // group:
            with e.loop(blocks // group, left, result) as chunk:
                left, result = chunk.carried
                _group_of_rows(e, product, group, left, matrix, result)
                chunk.yields(e.add(left, group * block), e.add(result, group * block))
            left, result = chunk.results
        if rest := blocks % group:
            _group_of_rows(e, product, rest, left, matrix, result)
            result = e.add(result, rest * block)
        panel.yields(e.add(matrix, product.outer_step), result)


def _group(product: Product, blocks: int, block: int) -> int:
    """Row blocks that share a walk over the columns: what registers and immediates allow."""
    if product.depth > HELD_PANELS:
        most = 1
    else:
        most = (HELD_POINTERS - 1 - product.depth) // product.depth
    return max(1, min(most, blocks, plena.IMMEDIATE // block))


def _group_of_rows(
    e: Emitter, product: Product, group: int, left: SSAValue, matrix: SSAValue, result: SSAValue
) -> None:
    """The columns of a few row blocks, the contraction unrolled."""
    mlen, blen = e.machine.mlen, e.machine.blen
    held = product.depth if product.depth <= HELD_PANELS else 1
    lefts = [
        [e.add(left, row * blen * mlen + p * product.left_step) for p in range(held)]
        for row in range(group)
    ]
    matrices = [e.add(matrix, p * product.inner_step) for p in range(held)]
    with e.loop(product.columns // blen, result, *matrices) as column:
        at, *walked = column.carried
        for row in range(group):
            for p in range(product.depth):
                if held == product.depth:
                    pair = (lefts[row][p], walked[p])
                else:
                    pair = (
                        e.add(lefts[row][0], p * product.left_step),
                        e.add(walked[0], p * product.inner_step),
                    )
                _multiply(e, product.mnemonic, pair)
            e.do("M_MM_WO", at, e.zero, row * blen * mlen)
        # BLEN rows or columns of the matrix operand further on: both are BLEN * MLEN away.
        column.yields(e.add(at, blen), *(e.add(m, blen * mlen) for m in walked))


def _multiply(e: Emitter, mnemonic: str, pair: Sequence[SSAValue]) -> None:
    """One systolic product: the two instructions take their operands in opposite order."""
    left, matrix = pair
    if mnemonic == "M_TMM":
        e.do("M_TMM", left, matrix)
    else:
        e.do("M_MM", matrix, left)

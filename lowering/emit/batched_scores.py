"""S = Q K^T on packed queries, with M_BTMM or M_BTMV (ISA section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import fa
from ...machine.spec.params import Machine
from .emitter import Emitter
from .matrix_operand import MatrixOperand

HELD_TILES = 4
"""Up to so many key tiles are multiplied one after another without a loop."""

HELD_CHUNKS = 4
"""Up to so many column chunks of the queries have a pointer register of their own."""


@dataclass(frozen=True)
class _Operands:
    """Where everything lies, in elements.

    A super-block is `streams` * `block` rows of scores; its queries are `chunks` blocks of `block`
    vector rows.
    """

    machine: Machine
    query: int
    key: int
    result: int
    rows: int
    streams: int
    block: int
    chunks: int
    tiles: int
    """Tiles of MLEN keys."""
    key_panel: int
    """From panel to panel of the keys."""

    @property
    def super_blocks(self) -> int:
        """Super-blocks of all rows."""
        return self.rows // (self.streams * self.block)

    @property
    def chunk_step(self) -> int:
        """From chunk to chunk of the queries."""
        return self.block * self.machine.vlen

    def slice(self, chunk: int) -> int:
        """Where the columns of a chunk start, from the first key tile's address on."""
        panel, slice_ = divmod(chunk, self.machine.broadcast)
        return panel * self.key_panel + slice_ * self.machine.hlen

    @property
    def panel_step(self) -> int:
        """From key tile to key tile of the result."""
        return self.rows * self.machine.vlen


def scores(e: Emitter, op: fa.ScoresOp) -> None:
    """Super-block by super-block; for each key tile all chunks sum up in f32."""
    q, s = fa.tile(op.query), fa.tile(op.result)
    k = MatrixOperand.of(e.machine, op.key)
    assert op.packing is not None
    streams, _, block, chunks = op.packing.numbers
    at = _Operands(
        e.machine, q.placed, k.address, s.placed, s.rows, streams, block, chunks, k.row_tiles,
        k.panel_step,
    )  # fmt: skip
    vector = op.instruction == "btmv"
    # M_BTMM names its tile by one register, M_BTMV by the sum of two.
    slices = [e.constant(at.slice(chunk)) for chunk in range(chunks)] if vector else []
    keys = e.constant(at.key)
    step = streams * block * e.machine.vlen
    with e.loop(at.super_blocks, e.constant(at.query), e.constant(at.result)) as loop:
        query, result = loop.carried
        queries = _chunks(e, at, query)

        def tile(key: SSAValue, dest: SSAValue) -> None:
            for chunk in range(chunks):
                row = queries[chunk] if queries else e.add(query, chunk * at.chunk_step)
                if vector:
                    e.do("M_BTMV", slices[chunk], key, row)
                else:
                    e.do("M_BTMM", e.add(key, at.slice(chunk)), row)
            e.do("M_BMV_WO" if vector else "M_BMM_WO", dest, 0)

        if at.tiles <= HELD_TILES:
            dest = result
            for number in range(at.tiles):
                tile(e.add(keys, number * e.machine.mlen**2), dest)
                if number + 1 < at.tiles:
                    dest = e.add(dest, at.panel_step)
        else:
            with e.loop(at.tiles, keys, result) as inner:
                key, dest = inner.carried
                tile(key, dest)
                inner.yields(e.add(key, e.machine.mlen**2), e.add(dest, at.panel_step))
        loop.yields(e.add(query, chunks * at.chunk_step), e.add(result, step))


def _chunks(e: Emitter, at: _Operands, query: SSAValue) -> Sequence[SSAValue]:
    """Pointers to the chunks of a super-block's queries, if they are few enough to be held."""
    if at.chunks > HELD_CHUNKS:
        return []
    pointers = [query]
    for _ in range(1, at.chunks):
        pointers.append(e.add(pointers[-1], at.chunk_step))
    return pointers

"""S = Q K^T on packed queries, with M_BTMM or M_BTMV (ISA section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

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


@dataclass(frozen=True)
class _Part:
    """Super-blocks that are done alike, one after another: `count` of them.

    `blocks` are those of the panels (`fa.Hiding`). The first super-block's row of the choice is
    `choice`, and each next one's `step` rows further on.
    """

    count: int
    choice: int
    step: int
    blocks: tuple[int, ...]

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        return any(block >= 0 for block in self.blocks)


def parts(hiding: fa.Hiding | None, super_blocks: int, panels: int) -> list[_Part]:
    """The super-blocks of a product, those in one part that a loop can go through."""
    nothing = (-1,) * panels
    if hiding is None:
        return [_Part(super_blocks, 0, 0, nothing)]
    found: list[_Part] = []
    for number, choice in enumerate(hiding.choices):
        blocks = hiding.blocks[number * panels : (number + 1) * panels]
        new = _Part(1, choice if blocks != nothing else 0, 0, blocks)
        last = found[-1] if found else None
        if last is not None and last.blocks == blocks:
            step = new.choice - last.choice if last.count == 1 else last.step
            if step in (0, 1) and new.choice == last.choice + step * last.count:
                found[-1] = _Part(last.count + 1, last.choice, step, blocks)
                continue
        found.append(new)
    return found


def scores(e: Emitter, op: fa.ScoresOp) -> None:
    """Super-block by super-block; for each key tile all chunks sum up in f32, and with them what
    hides scores: one more row, with columns of another tile."""
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
    query, result = e.constant(at.query), e.constant(at.result)
    for part in parts(op.hiding, at.super_blocks, at.tiles):
        choices: list[SSAValue] = []
        if part.hides:
            first = fa.tile(op.choice).placed if op.choice is not None else 0
            choices.append(e.constant(first + part.choice * e.machine.vlen))
        hidden = {number: e.constant(_hidden(e.machine, op, number)) for number in part.blocks}
        with e.loop(part.count, query, result, *choices) as loop:
            query, result, *choices = loop.carried
            queries = _chunks(e, at, query)

            def tile(
                key: SSAValue,
                dest: SSAValue,
                number: int,
                query: SSAValue = query,
                queries: Sequence[SSAValue] = queries,
                choices: Sequence[SSAValue] = choices,
                hidden: Mapping[int, SSAValue] = hidden,
            ) -> None:
                for chunk in range(chunks):
                    row = queries[chunk] if queries else e.add(query, chunk * at.chunk_step)
                    if vector:
                        e.do("M_BTMV", slices[chunk], key, row)
                    else:
                        e.do("M_BTMM", e.add(key, at.slice(chunk)), row)
                if number >= 0:
                    e.do("M_BTMV", e.zero, hidden[number], choices[0])
                e.do("M_BMV_WO" if vector else "M_BMM_WO", dest, 0)

            first, dest = 0, result
            for number, panels in groupby(part.blocks):
                count = len(list(panels))
                if count <= HELD_TILES:
                    for panel in range(first, first + count):
                        tile(e.add(keys, panel * e.machine.mlen**2), dest, number)
                        if panel + 1 < at.tiles:
                            dest = e.add(dest, at.panel_step)
                else:
                    start = e.add(keys, first * e.machine.mlen**2)
                    with e.loop(count, start, dest) as inner:
                        key, dest = inner.carried
                        tile(key, dest, number)
                        inner.yields(e.add(key, e.machine.mlen**2), e.add(dest, at.panel_step))
                    dest = inner.results[1]
                first += count
            loop.yields(
                e.add(query, chunks * at.chunk_step),
                e.add(result, step),
                *(e.add(choice, part.step * e.machine.vlen) for choice in choices),
            )
        query, result, *_ = loop.results


def _hidden(machine: Machine, op: fa.ScoresOp, number: int) -> int:
    """The address of a block of what is hidden; 0 for none."""
    if number < 0 or op.hidden is None or op.packing is None:
        return 0
    tile, place = divmod(number, machine.mlen // op.packing.width.data)
    address = MatrixOperand.of(machine, op.hidden).address
    return address + tile * machine.mlen**2 + place * op.packing.width.data


def _chunks(e: Emitter, at: _Operands, query: SSAValue) -> Sequence[SSAValue]:
    """Pointers to the chunks of a super-block's queries, if they are few enough to be held."""
    if at.chunks > HELD_CHUNKS:
        return []
    pointers = [query]
    for _ in range(1, at.chunks):
        pointers.append(e.add(pointers[-1], at.chunk_step))
    return pointers

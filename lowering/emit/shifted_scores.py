"""S = Q K^T with M_BTMM on queries as they are: slices brought into the last lane block by shifts.

Of the accumulators only the last collects slices that belong together (ISA section 4.2), in f32
over all slices; a write-out fills the rows of all of them, of which the last are copied.
"""

from __future__ import annotations

from ...dialects import fa
from ...dialects.fa.shifted_copies import ShiftedCopies
from .emitter import Emitter
from .matrix_operand import MatrixOperand
from .row_ops import walk


def scores(e: Emitter, op: fa.ScoresOp) -> None:
    """Block by block of MLEN query rows: copies, then for each key tile all slices."""
    machine, q, s = e.machine, fa.tile(op.query), fa.tile(op.result)
    keys, width = MatrixOperand.of(machine, op.key), machine.vlen
    panels, last = q.cols // machine.mlen, machine.broadcast - 1
    at = ShiftedCopies(machine, q.rows, panels)
    assert op.scratch is not None
    room = fa.tile(op.scratch).placed
    for first in range(0, q.rows, machine.mlen):
        rows = min(machine.mlen, q.rows - first)
        vectors: list[list[int]] = []
        for panel in range(panels):
            start = q.placed + (panel * q.rows + first) * width
            vectors.append([])
            for shift in range(machine.broadcast):
                copy = at.copy(panel, shift)
                vectors[-1].append(start if copy is None else room + copy * width)
                if copy is None:
                    continue
                lanes = e.constant(shift * machine.hlen)
                with walk(e, rows, (start, width), (vectors[-1][-1], width)) as (old, new):
                    e.do("V_SHFT_V", new, old, lanes)
        written = room + at.written * width
        start = e.constant(keys.address), e.constant(s.placed + first * width)
        with e.loop(keys.row_tiles, *start) as tile:
            key, dest = tile.carried
            for panel in range(panels):
                for number in range(machine.broadcast):
                    offset = panel * keys.panel_step + number * machine.hlen
                    row = e.constant(vectors[panel][last - number])
                    e.do("M_BTMM", e.add(key, offset), row)
            e.do("M_BMM_WO", e.constant(written), 0)
            source = e.constant(written + last * machine.mlen * width)
            with e.loop(rows, source, dest) as row:
                old, new = row.carried
                e.do("V_SHFT_V", new, old, e.zero)
                row.yields(e.add(old, width), e.add(new, width))
            tile.yields(e.add(key, machine.mlen**2), e.add(dest, s.rows * width))

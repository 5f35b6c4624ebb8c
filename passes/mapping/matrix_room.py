"""How much of matrix memory tiles take at a time."""

from __future__ import annotations

from xdsl.dialects import func

from ...dialects import fa
from ...machine.spec.params import Machine
from ..placement.tile_liveness import TileLiveness


def tiles_at_once(machine: Machine, function: func.FuncOp) -> int:
    """The most tiles of matrix memory that are alive at the same time: keys are gone before values
    come where a loop loads both."""
    live = TileLiveness.of(function).spans
    spans = [
        (span, fa.tile(value).elements)
        for value, span in live.items()
        if fa.tile(value).space.data == "matrix"
    ]
    most = max(
        (
            sum(elements for other, elements in spans if other.start <= span.start <= other.end)
            for span, _ in spans
        ),
        default=0,
    )
    return -(-most // machine.mlen**2)

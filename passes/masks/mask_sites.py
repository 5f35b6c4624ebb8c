"""Where masks stand in loops, and what they hide over the iterations of those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from xdsl.dialects import scf
from xdsl.ir import Operation, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ..support.loop_affine import Affine, affine, iterations
from .mask_functions import MaskFunction, Shown
from .mask_tables import Shape
from .tile_mask import Stretch, TileMask

Known = Mapping[SSAValue, int]

Look = Callable[[Shown, tuple[int, int, int], Shape, range], Sequence[Stretch]]
"""The masks of the tiles of a shape at (batch, head, row) that start at some keys."""

PLACE = (1, 2, 3, 4)
"""The operands of a mask that say where its tile lies: batch, head, row, column."""


def shown_by(mask: fa.MaskOp) -> Shown:
    """What a mask shows, from the operation."""
    function = None if mask.mask_mod is None else MaskFunction.of(mask.mask_mod)
    return Shown(mask.kv_len.value.data, mask.shown, function)


def shape_of(mask: fa.MaskOp) -> Shape:
    """Rows and columns of a mask's tile."""
    kind = fa.tile(mask.scores)
    return kind.rows, kind.cols


def places(mask: fa.MaskOp) -> tuple[Affine, Affine, Affine, Affine]:
    """Batch, head, row and column of a mask's tile."""
    batch, head, row, col = (affine(mask.operands[position]) for position in PLACE)
    return batch, head, row, col


def used_places(mask: fa.MaskOp, shown: Shown) -> list[Affine]:
    """The indices that what a mask hides depends on."""
    batch, head, row, col = places(mask)
    given = ((True, col), (shown.by_query, row), (shown.by_head, head), (shown.by_batch, batch))
    return [place for used, place in given if used]


def depends(mask: fa.MaskOp, shown: Shown, variable: SSAValue) -> bool:
    """Whether what a mask hides depends on a loop variable."""
    return any(variable in place.terms for place in used_places(mask, shown))


def tile_mask(mask: fa.MaskOp, shown: Shown | None = None) -> TileMask:
    """What a mask at a constant place hides; raises OpError where the place is none."""
    shown = shown_by(mask) if shown is None else shown
    if any(place.terms for place in used_places(mask, shown)):
        raise OpError(mask, "the place of a mask must follow from loops with constant bounds")
    batch, head, row, col = (place.constant for place in places(mask))
    return shown.tile(batch, head, row, col, *shape_of(mask))


class Site:
    """A mask inside a loop (or a function), and the loops between on which it depends."""

    def __init__(self, mask: fa.MaskOp, shown: Shown, outside: Operation):
        self.shape = shape_of(mask)
        self.shown = shown
        self.mask = mask
        self.places = places(mask)
        self.loops: list[scf.ForOp] = []
        """Outermost first."""
        parent = mask.parent_op()
        while parent is not outside:
            if not isinstance(parent, scf.ForOp):
                raise OpError(mask, "a mask stands in loops with constant bounds")
            if depends(mask, shown, parent.body.block.args[0]):
                self.loops.insert(0, parent)
            parent = parent.parent_op()

    @property
    def iterations(self) -> int:
        """How many tiles the loops make of the mask."""
        return prod(len(iterations(loop)) for loop in self.loops)

    def along_keys(self, variable: SSAValue) -> bool:
        """Whether a variable moves the tile along the keys and nothing else."""
        *others, col = self.places
        return col.terms.get(variable, 0) > 0 and not any(variable in p.terms for p in others)

    def visits(
        self, known: Known, look: Look
    ) -> Iterator[tuple[tuple[int, int, int], Sequence[Stretch]]]:
        """The tiles in order, in stretches: (batch, head, row) and the masks along the keys."""
        loops = self.loops
        keys = None
        if loops and self.along_keys(loops[-1].body.block.args[0]):
            *loops, keys = loops
        variables = [loop.body.block.args[0] for loop in loops]
        for values in product(*(iterations(loop) for loop in loops)):
            at = {**known, **dict(zip(variables, values, strict=True))}
            yield self._row(at, keys, look)

    def along(self, loop: scf.ForOp, look: Look) -> Sequence[Stretch]:
        """The masks of the iterations of a loop along the keys, around the mask alone."""
        return self._row({}, loop, look)[1]

    def _row(
        self, known: Known, keys: scf.ForOp | None, look: Look
    ) -> tuple[tuple[int, int, int], Sequence[Stretch]]:
        batch, head, row, col = (place.at(known) for place in self.places)
        first = col.constant
        starts = range(first, first + self.shape[1], self.shape[1])
        if keys is not None:
            variable = keys.body.block.args[0]
            steps, factor = iterations(keys), col.terms[variable]
            starts = range(
                first + factor * steps.start,
                first + factor * (steps.start + len(steps) * steps.step),
                factor * steps.step,
            )
            col = Affine(first, {v: c for v, c in col.terms.items() if v is not variable})
        shown = self.shown
        used = ((True, col), (shown.by_query, row), (shown.by_head, head), (shown.by_batch, batch))
        if any(is_used and place.terms for is_used, place in used):
            raise OpError(
                self.mask, "the place of a mask must follow from loops with constant bounds"
            )
        place = (
            batch.constant if shown.by_batch else 0,
            head.constant if shown.by_head else 0,
            row.constant if shown.by_query else 0,
        )
        return place, look(shown, place, self.shape, starts)


@dataclass(frozen=True)
class Pattern:
    """Stands for a tile that is loaded, whichever it is."""


PATTERN = Pattern()

Skeleton = tuple[tuple[int, "TileMask | Pattern | bool"], ...]
"""What iterations must have in common to be one loop: stretches, loaded tiles all alike; and
whether every row sees a key."""

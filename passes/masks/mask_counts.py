"""How many tiles of scores masks hide, show, and hide in part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, cast

from xdsl.dialects import func
from xdsl.ir import Operation, OpResult, SSAValue

from ...diagnostics import position
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.discardable_attrs import MASK_TILES
from ...dialects.json_attr import decode, encode
from ..support.loop_affine import around, iterations
from .mask_functions import Shown
from .mask_sites import Look, Site
from .tile_mask import MaskClass, TileMask


@dataclass(frozen=True)
class MaskTiles:
    """The tiles of scores of one attention, over all heads and batches."""

    where: str
    """`file:line:col` of the attention; empty where it has none."""
    rows: int
    cols: int
    """Of a tile."""
    empty: int
    """Tiles of which nothing is seen: skipped."""
    full: int
    """Tiles that are seen whole: not masked."""
    partial: int
    distinct: int
    """Partial tiles that differ."""
    stored: int
    """Those of the distinct ones that lie in HBM, because shifts do not make them."""

    @property
    def tiles(self) -> int:
        """All of them."""
        return self.empty + self.full + self.partial

    def to_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> MaskTiles:
        """The counts of an entry of `to_json`; raises TypeError where it is none."""
        counts = {name: value for name, value in entry.items() if name != "where"}
        if any(type(value) is not int or value < 0 for value in counts.values()):
            raise TypeError("counts of tiles are integers, and none of them negative")
        if not isinstance(entry.get("where"), str):
            raise TypeError("where an attention stands is a text")
        return cls(**entry)

    @classmethod
    def all_from_json(cls, entries: object) -> tuple[MaskTiles, ...]:
        """The counts of a list of such entries; raises TypeError where it is none."""
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise TypeError("not a list")
        items = cast("Sequence[object]", entries)
        if not all(isinstance(entry, Mapping) for entry in items):
            raise TypeError("not a list of dictionaries")
        return tuple(cls.from_json(cast("Mapping[str, Any]", entry)) for entry in items)

    @property
    def masked(self) -> bool:
        """Whether anything is hidden."""
        return self.full < self.tiles

    def __str__(self) -> str:
        return (
            f"of {self.tiles:,} tiles of scores ({self.rows}x{self.cols}) {self.empty:,} are "
            f"empty, {self.full:,} full and {self.partial:,} partial, with {self.distinct:,} "
            f"distinct masks, {self.stored:,} of them stored"
        )


def mask_tiles(op: Operation) -> tuple[MaskTiles, ...]:
    """The counts that a function or a kernel carries. Raises OpError where they are none."""
    attribute = attribute_of(op, MASK_TILES)
    return () if attribute is None else MaskTiles.all_from_json(decode(attribute))


def record_tiles(
    function: func.FuncOp, shown: Mapping[fa.MaskOp, Shown], look: Look = Shown.look
) -> None:
    """Write the counts of a function whose masks are as `tile` made them, if they are not there."""
    known = attribute_of(function, MASK_TILES) is not None
    if not known and (counts := count_tiles(function, shown, look)):
        function.attributes[MASK_TILES] = encode([count.to_json() for count in counts])


@dataclass
class _Count:
    where: str
    shape: tuple[int, int]
    empty: int = 0
    full: int = 0
    partial: int = 0
    distinct: set[TileMask] = field(default_factory=set[TileMask])


def count_tiles(
    function: func.FuncOp, shown: Mapping[fa.MaskOp, Shown], look: Look
) -> list[MaskTiles]:
    """The tiles of each attention of a function whose masks are not settled, in program order."""
    counts: dict[tuple[object, ...], _Count] = {}
    for op in function.walk():
        if not isinstance(op, fa.SoftmaxOp | fa.OnlineSoftmaxOp):
            continue
        mask, root = _origin(op.scores)
        kind = fa.tile(op.scores)
        key = (root, op.location, kind.dims)
        count = counts.setdefault(key, _Count(position(op) or "", (kind.rows, kind.cols)))
        total = prod(len(iterations(loop)) for loop in around(op))
        if mask is None or mask not in shown:
            count.full += total
            continue
        site = Site(mask, shown[mask], function)
        times = total // site.iterations if site.iterations else 0
        for _, stretches in site.visits({}, look):
            for length, tile in stretches:
                tiles = length * times
                match tile.kind:
                    case MaskClass.EMPTY:
                        count.empty += tiles
                    case MaskClass.FULL:
                        count.full += tiles
                    case MaskClass.PARTIAL:
                        count.partial += tiles
                        count.distinct.add(tile)
    return [
        MaskTiles(
            count.where,
            *count.shape,
            count.empty,
            count.full,
            count.partial,
            len(count.distinct),
            sum(1 for tile in count.distinct if tile.pattern),
        )
        for count in counts.values()
    ]


def _origin(scores: SSAValue) -> tuple[fa.MaskOp | None, tuple[SSAValue, ...]]:
    """The mask on the way of scores to a softmax, and what tells attentions apart: the tensors
    that scores are made of, or the buffer that holds them."""
    mask = None
    while isinstance(scores, OpResult):
        op = scores.op
        if isinstance(op, fa.MaskOp):
            mask = op
        if isinstance(op, fa.ScoresOp):
            return mask, tuple(_tensor(operand) for operand in op.operands)
        passed = fa.MaskOp | fa.LimitOp | fa.MapOp | fa.AccumulateOp
        if isinstance(op, fa.LoadOp) or not isinstance(op, passed):
            break
        scores = op.operands[0]
    return mask, (_tensor(scores),)


def _tensor(tile: SSAValue) -> SSAValue:
    """What a tile is loaded from, scaled perhaps."""
    while isinstance(tile, OpResult) and isinstance(tile.op, fa.ScaleOp):
        tile = tile.op.source
    return tile.op.source if isinstance(tile, OpResult) and isinstance(tile.op, fa.LoadOp) else tile

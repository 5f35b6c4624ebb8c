"""Query tiles in the packed form that M_BTMM and M_BTMV take: which rows, and where from.

The host packs: boundary operations cut the tensor into the tiles that the loops load, pad each, and
interleave column chunks of several rows (`fa.packing`).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR, PackingAttr
from ...dialects.fa.types import TileType
from ...machine.spec.formats import HbmFormat
from ...machine.spec.params import Machine
from ..support.def_use import producer
from ..support.loop_affine import affine, per_iteration
from ..support.rounding import round_up
from ..support.tile_builder import multiple
from .arrange_arguments import arranged, is_arrangeable


@dataclass(frozen=True)
class QueryTile:
    """A load of queries with what scales it, and the products that read it."""

    load: fa.LoadOp
    scale: fa.ScaleOp | None
    scores: tuple[fa.ScoresOp, ...]

    @classmethod
    def of(cls, scores: fa.ScoresOp, given: HbmFormat | None = None) -> QueryTile | str:
        """The queries of a product; a reason where they cannot be packed.

        `given` is the format in which the caller gives queries; None for values.
        """
        scale = producer(scores.query, fa.ScaleOp)
        load = producer(scores.query if scale is None else scale.source, fa.LoadOp)
        if load is None:
            return "the queries are not loaded from HBM"
        users = [use.operation for use in (load.tile if scale is None else scale.result).uses]
        products = tuple(user for user in users if isinstance(user, fa.ScoresOp))
        if len(products) < len(users) or (scale is not None and len(list(load.tile.uses)) > 1):
            return "the queries are used for something else too"
        if not is_arrangeable(load.source, given):
            return "the queries are no tensor that the host could pack"
        rows = fa.tile(load.tile).rows
        place = per_iteration(affine(load.indices[-2]))
        if any(number % rows for number in (place.constant, *place.terms.values())):
            return f"query tiles do not start at multiples of their {rows} rows"
        if affine(load.indices[-1]) != affine(load.indices[-1]).at({}).times(0):
            return "query tiles do not start at the first column"
        if fa.tensor_dims(load.source)[-1] > fa.tile(load.tile).cols:
            return "query tiles do not hold all columns"
        return cls(load, scale, products)

    @property
    def rows(self) -> int:
        """Query rows of the tile."""
        return fa.tile(self.load.tile).rows


def packing_for(machine: Machine, rows: int, head_dim: int, family: str) -> PackingAttr | str:
    """How `rows` queries of `head_dim` columns are packed for a family; or why they cannot be."""
    block = machine.mlen if family == "btmm" else 1
    if rows % (machine.broadcast * block):
        return (
            f"{family} takes {machine.broadcast} blocks of {block} rows at a time, and query tiles "
            f"have {rows} rows"
        )
    return PackingAttr.get(machine.broadcast, machine.hlen, block, -(-head_dim // machine.hlen))


def pack(machine: Machine, query: QueryTile, packing: PackingAttr, family: str) -> None:
    """Load queries packed, scale them by what the instruction leaves out, and multiply."""
    load, rows = query.load, query.rows
    streams, width, block, chunks = packing.numbers
    *outer, length, _ = fa.tensor_dims(load.source)
    tiles = -(-round_up(length, rows) // rows)
    used = packing.packed_rows(rows)
    held = round_up(used, machine.prefetch_v)

    def make(source: SSAValue) -> list[fa.PadOp | fa.ReshapeOp | fa.TransposeOp]:
        ops: list[fa.PadOp | fa.ReshapeOp | fa.TransposeOp] = []
        supers = tiles * rows // (streams * block)
        n = len(outer)
        ops.append(fa.PadOp(source, (*outer, tiles * rows, chunks * width)))
        ops.append(fa.ReshapeOp(ops[-1].result, (*outer, supers, streams, block, chunks, width)))
        order = (*range(n), n, n + 3, n + 2, n + 1, n + 4)
        ops.append(fa.TransposeOp(ops[-1].result, order))
        ops.append(fa.ReshapeOp(ops[-1].result, (*outer, tiles, used, streams * width)))
        if held != used:
            ops.append(fa.PadOp(ops[-1].result, (*outer, tiles, held, streams * width)))
        ops.append(fa.ReshapeOp(ops[-1].result, (*outer, tiles * held, streams * width)))
        return ops

    source = arranged(load.source, make)
    point = InsertPoint.before(load)
    row = multiple(load.indices[-2], rows, held, point, load.location)
    kind = TileType.get((held, streams * width), fa.tile(load.tile).element_type, "vector")
    indices = (*load.indices[:-2], row, load.indices[-1])
    new = fa.LoadOp(source, indices, kind)
    new.location, new.tile.name_hint = load.location, load.tile.name_hint
    Rewriter.insert_op(new, point)
    value: SSAValue = new.tile
    factor = 1.0 if query.scale is None else query.scale.factor.value.data
    if factor / BATCHED_FACTOR != 1.0:
        scale = fa.ScaleOp(value, factor / BATCHED_FACTOR)
        scale.location, scale.result.name_hint = load.location, "q_scaled"
        anchor = load if query.scale is None else query.scale
        Rewriter.insert_op(scale, InsertPoint.before(anchor))
        value = scale.result
    for old in query.scores:
        s = fa.tile(old.result)
        scores = fa.ScoresOp(value, old.key, s.element_type, family, packing, rows)
        scores.location, scores.result.name_hint = old.location, old.result.name_hint
        Rewriter.replace_op(old, scores)
    for gone in (query.scale, load):
        if gone is not None:
            Rewriter.erase_op(gone)


def shift(query: QueryTile) -> None:
    """Multiply by M_BTMM without packing, scaled by what the instruction leaves out."""
    factor = 1.0 if query.scale is None else query.scale.factor.value.data
    source = query.load.tile if query.scale is None else query.scale.source
    scale = fa.ScaleOp(source, factor / BATCHED_FACTOR)
    scale.location, scale.result.name_hint = query.load.location, "q_scaled"
    anchor = query.load if query.scale is None else query.scale
    Rewriter.insert_op(scale, InsertPoint.after(anchor))
    for old in query.scores:
        element = fa.tile(old.result).element_type
        scores = fa.ScoresOp(scale.result, old.key, element, "btmm")
        scores.location, scores.result.name_hint = old.location, old.result.name_hint
        Rewriter.replace_op(old, scores)
    if query.scale is not None:
        Rewriter.erase_op(query.scale)

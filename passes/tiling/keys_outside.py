"""FlashAttention-1's order: keys outside, the state of every query tile in HBM (algorithm 1 there).

Each tile of K and V is loaded once, and for each of them Q, and the accumulator and statistics of
every query row, go through HBM: Theta(N^2 d^2 / M) traffic, M the on-chip memory.
"""

from __future__ import annotations

from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, SSAValue

from ...dialects import fa
from ...dialects.fa.types import HbmAttr, TileType
from ..support.tile_builder import Loop
from .fused_nest import FusedNest, State


class KeysOutside(FusedNest):
    """The fused nest with the loop over key tiles outside."""

    def build(self) -> None:
        """Build the fused nest and erase the three."""
        build = self.builder
        rows, keys = self.extents
        acc_type = fa.tile(self.nests.initial.tile)
        statistic = self.statistic.element_type
        self.lines = TileType.get((self.q_rows, self.machine.vlen), statistic, "vector")
        self.buffers = (
            self._buffer("accs", (rows, acc_type.cols), acc_type.element_type),
            self._buffer("maxima", (rows, self.machine.vlen), statistic),
            self._buffer("sums", (rows, self.machine.vlen), statistic),
        )
        with build.loop("row", rows, self.q_rows) as i:
            self._store(self.start(), i)
        with build.loop("key", keys, self.kv_rows) as n:
            key = self._kv(self.nests.key_load, n)
            value = self._kv(self.nests.value_load, n)
            with build.loop("row", rows, self.q_rows) as i:
                state = self.advance(self.query_tile(i), self._load(i), i, n, key, value)
                self._store(state, i)
        with build.loop("row", rows, self.q_rows) as i:
            self.finish(self._load(i), i)
        self.erase()

    def _kv(self, load: fa.LoadOp, n: Loop) -> SSAValue:
        """A tile of keys or values, outside the loop over queries."""
        outer = tuple(load.indices)[:-2]
        place = (*outer, n.induction, self.builder.constant(0))
        copy = fa.LoadOp(load.source, place, fa.tile(load.tile))
        return self.builder.insert(copy, load.tile.name_hint or "tile").tile

    def _buffer(self, name: str, dims: tuple[int, int], element: Attribute) -> SSAValue:
        kind = MemRefType(element, dims, memory_space=HbmAttr.get())
        return self.builder.insert(memref.AllocOp([], [], kind), name).memref

    def _store(self, state: State, i: Loop) -> None:
        """The state of a query tile to HBM; statistics as lines of equal values."""
        build, place = self.builder, (i.induction, self.builder.constant(0))
        acc, *statistics = state
        tiles = [acc, *(build.insert(fa.SpreadOp(s, self.lines)).result for s in statistics)]
        for tile, buffer in zip(tiles, self.buffers, strict=True):
            build.insert(fa.StoreOp(tile, buffer, place))

    def _load(self, i: Loop) -> State:
        """The state of a query tile from HBM."""
        build, place = self.builder, (i.induction, self.builder.constant(0))
        accs, maxima, sums = self.buffers
        kind = fa.tile(self.nests.initial.tile).placed_at(None)
        acc = build.insert(fa.LoadOp(accs, place, kind), "acc").tile
        lines = [build.insert(fa.LoadOp(b, place, self.lines)).tile for b in (maxima, sums)]
        maximum, total = (
            build.insert(fa.CollectOp(line, self.statistic), name).result
            for line, name in zip(lines, ("m", "l"), strict=True)
        )
        return acc, maximum, total

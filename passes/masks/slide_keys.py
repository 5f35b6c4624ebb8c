"""`slide-keys`: tiles of keys that move along with the queries, where a mask is a band.

Precondition: tile IR with constant loop bounds; loops over key tiles inside loops over query tiles,
as `fuse` makes them. Postcondition: where the keys that tiles of queries see lie equally far along
for one tile after the other (sliding windows, chunks; several tiles may make a period), the loop
over key tiles starts where the first key is seen, and the tiles of queries that are alike but for
their place are one loop. So `specialize-masks`, which runs next, finds the same masks in every
iteration, and the program does not grow with the number of queries. Loops over fewer than two
tiles of keys, over parts of them, and masks that differ between heads or batches stay as they are.

    scf.for %row = 0 to 4096 step 64 {          scf.for %t = 0 to 62 step 1 {
      scf.for %key = 0 to 4480 step 448 {         %row = %t * 64 + 128
        ... mask at[.., %row, %key]       ->      scf.for %key = 0 to 448 step 448 {
                                                    %at = %key + %t * 64
                                                    ... mask at[.., %row, %at]

The function's attribute `fa.mask_tiles` says how many tiles of each class there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func, scf
from xdsl.dialects.builtin import IndexType, ModuleOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.machine_attr import settle_machine
from ..support.loop_affine import Affine, affine, iterations
from ..support.tile_builder import index_constant, index_value
from ..tiling.match_attention import is_online
from .mask_counts import record_tiles
from .mask_functions import Shown
from .mask_sites import depends, places, shape_of, shown_by

LONGEST = 128
"""Tiles of queries in a period, at most."""


@dataclass(frozen=True)
class SlideKeysPass(ModulePass):
    """Key tiles that start where queries begin to see."""

    name = "slide-keys"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        granule = settle_machine(op, self.machine).prefetch_m
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            shown = {m: shown_by(m) for m in function.walk() if isinstance(m, fa.MaskOp)}
            bands = [
                band
                for loop in function.walk()
                if isinstance(loop, scf.ForOp) and (band := _band(loop, shown, granule)) is not None
            ]
            if bands:
                record_tiles(function, shown)
            for band in bands:
                band.replace()


@dataclass(frozen=True)
class Reach:
    """The keys that one tile of queries needs: `tiles` tiles from `start` on."""

    start: int
    tiles: int
    seen: tuple[int, int]
    """The first key that is seen, and the first after all that are, counted from `start`."""

    def moved(self, other: Reach) -> int | None:
        """By how many keys `other` is further on; None where it is not alike, or goes back."""
        alike = (self.tiles, self.seen) == (other.tiles, other.seen)
        return other.start - self.start if alike and other.start >= self.start else None


@dataclass(frozen=True)
class Run:
    """Tiles of queries `first` to `first + period * times`, alike from period to period."""

    first: int
    period: int = 1
    times: int = 1
    step: int = 0
    """Keys from one period to the next."""


def runs(reaches: Sequence[Reach]) -> Iterator[Run]:
    """All tiles of queries in order, as few runs as periods make of them."""
    first = 0
    while first < len(reaches):
        best = Run(first)
        for period in range(1, min(LONGEST, (len(reaches) - first) // 2) + 1):
            found = _run(reaches, first, period)
            if (found.times - 1) * period > (best.times - 1) * best.period:
                best = found
            if best.times * best.period * 2 > len(reaches) - first:
                break
        yield best
        first += best.period * best.times


def _run(reaches: Sequence[Reach], first: int, period: int) -> Run:
    """The longest run of a period from a tile of queries on."""
    step = reaches[first].moved(reaches[first + period])
    end = first + period
    while (
        step is not None
        and end < len(reaches)
        and reaches[end - period].moved(reaches[end]) == step
    ):
        end += 1
    times = (end - first) // period
    return Run(first, period, times, step or 0)


@dataclass(frozen=True)
class _Band:
    """A loop over query tiles with one loop over key tiles in it, and what each needs of those."""

    rows: scf.ForOp
    keys: scf.ForOp
    reaches: tuple[Reach, ...]
    runs: tuple[Run, ...]

    def replace(self) -> None:
        """Put a loop for each run, or one iteration, in the place of the loop over query tiles."""
        for run in self.runs:
            self._build(run)
        Rewriter.erase_op(self.rows)

    def _build(self, run: Run) -> None:
        steps, location = iterations(self.rows), self.rows.location
        point, number = InsertPoint.before(self.rows), None
        if run.times > 1:
            bounds = [index_constant(value, point, location) for value in (0, run.times, 1)]
            block = Block(arg_types=[IndexType()])
            number = block.args[0]
            number.name_hint = "period"
            loop = scf.ForOp(bounds[0], bounds[1], bounds[2], [], Region(block))
            loop.location = location
            Rewriter.insert_op(loop, point)
            point = InsertPoint.at_end(block)
        for tile in range(run.first, run.first + run.period):
            row, start = Affine(steps[tile]), Affine(self.reaches[tile].start)
            if number is not None:
                row = row.plus(Affine(0, {number: run.period * steps.step}))
                start = start.plus(Affine(0, {number: run.step}))
            self._copy(point, row, start, self.reaches[tile].tiles)
        if number is not None:
            Rewriter.insert_op(scf.YieldOp(), point)

    def _copy(self, point: InsertPoint, row: Affine, start: Affine, tiles: int) -> None:
        """One tile of queries at `row`, whose keys are so many tiles from `start` on."""
        old = self.rows.body.block
        table: dict[SSAValue, SSAValue] = {old.args[0]: index_value(row, point, self.rows.location)}
        for op in list(old.ops)[:-1]:
            if op is self.keys:
                self._copy_keys(point, table, start, tiles)
            else:
                Rewriter.insert_op(op.clone(table), point)

    def _copy_keys(
        self, point: InsertPoint, table: dict[SSAValue, SSAValue], start: Affine, tiles: int
    ) -> None:
        """The loop over key tiles, from `start` on; its results go into `table`."""
        keys, old, step = self.keys, self.keys.body.block, iterations(self.keys).step
        block = Block(arg_types=[arg.type for arg in old.args])
        for arg, model in zip(block.args, old.args, strict=True):
            arg.name_hint = model.name_hint
        place = start.plus(Affine(0, {block.args[0]: 1}))
        at = index_value(place, InsertPoint.at_end(block), keys.location)
        inside = {**table, **dict(zip(old.args, [at, *block.args[1:]], strict=True))}
        for op in old.ops:
            block.add_op(op.clone(inside))
        bounds = [index_constant(at, point, keys.location) for at in (0, tiles * step, step)]
        carried = [table.get(value, value) for value in keys.iter_args]
        copy = scf.ForOp(bounds[0], bounds[1], bounds[2], carried, Region(block))
        copy.location = keys.location
        Rewriter.insert_op(copy, point)
        for before, after in zip(keys.results, copy.results, strict=True):
            after.name_hint = before.name_hint
            table[before] = after


def _band(loop: scf.ForOp, shown: dict[fa.MaskOp, Shown], granule: int) -> _Band | None:
    """The band that a loop over query tiles goes along; None where it is no such loop."""
    inner = [op for op in loop.body.block.ops if op.regions]
    if len(inner) != 1 or not isinstance(keys := inner[0], scf.ForOp) or loop.iter_args:
        return None
    steps = iterations(keys)
    if len(steps) < 2 or steps.start or not is_online(keys) or not _follows(keys):
        return None
    masks = [op for op in keys.body.block.ops if isinstance(op, fa.MaskOp) and op in shown]
    if not masks or not all(_goes_along(mask, shown[mask], loop, keys) for mask in masks):
        return None
    if any(shown[mask].kv_len > steps.stop for mask in masks):
        return None
    reaches: list[Reach] = []
    for at in iterations(loop):
        seen: list[tuple[int, int]] = []
        for mask in masks:
            row = places(mask)[2].at({loop.body.block.args[0]: at})
            rows, _ = shape_of(mask)
            seen.append(shown[mask].band(row.constant, rows))
        first, last = min(part[0] for part in seen), max(part[1] for part in seen)
        start = first // granule * granule
        tiles = max(1, -(-(last - start) // steps.step))
        # No tile goes further than the last of the grid.
        start = min(start, steps.start + steps.step * (len(steps) - tiles))
        reaches.append(Reach(start, tiles, (first - start, last - start)))
    found = tuple(runs(reaches))
    return _Band(loop, keys, tuple(reaches), found) if any(run.step for run in found) else None


def _goes_along(mask: fa.MaskOp, shown: Shown, loop: scf.ForOp, keys: scf.ForOp) -> bool:
    """Whether a mask is one of rows and keys, the same for all heads and batches."""
    _, _, row, col = places(mask)
    of_rows = set(row.terms) == {loop.body.block.args[0]}
    of_keys = col == Affine(0, {keys.body.block.args[0]: 1})
    apart = shown.by_batch or shown.by_head
    return of_rows and of_keys and not apart and depends(mask, shown, loop.body.block.args[0])


def _follows(keys: scf.ForOp) -> bool:
    """Whether all that a loop does with its variable is to take keys from there on."""
    variable, block = keys.body.block.args[0], keys.body.block
    if any(op.regions and not isinstance(op, fa.MaskOp | fa.MapOp) for op in block.ops):
        return False
    for op in block.ops:
        for operand in op.operands:
            if not isinstance(operand.type, IndexType) or not isinstance(op, fa.TileOp):
                continue
            if affine(operand).terms.get(variable, 1) != 1:
                return False
    return True

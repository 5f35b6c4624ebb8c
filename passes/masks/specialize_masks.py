"""`specialize-masks`: what masks depend on, settled at compile time.

The machine has no branches. Precondition: tile IR with constant loop bounds, masks at affine
places. Postcondition: each `fa.mask` stands at a constant place. Key tiles of which nothing is
seen are not visited, tiles that are seen whole are not masked, and only tiles that are seen in
part are, one copy of the loop body for each. Loops over heads and query tiles are unrolled where
masks differ between iterations, and stay loops where they do not. `empty_rows` goes where every row
is seen to see a key.

A tile of which each row sees one run of keys keeps its mask, for the machine hides the rest by
shifts. Any other partial tile is a tile of 0 and HIDDEN: equal ones once, all in one constant
tensor, loaded where they are needed (once in front of loops that need no other) and the `hidden`
operand of their mask. Iterations that differ only in which of these they load, each the same number
further, are one loop.

The function's attribute `fa.mask_tiles` says how many tiles there are of each class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import region_dce

from ...dialects import fa
from ..score_functions.value_ranges import may_hide
from ..support.loop_affine import Affine, affine, around, iterations
from ..support.tile_builder import index_constant, index_value
from ..tiling.match_attention import is_online
from .mask_counts import record_tiles
from .mask_functions import MaskFunction, Shown
from .mask_sites import PATTERN, PLACE, Pattern, Site, Skeleton, depends, shape_of, tile_mask
from .mask_tables import MaskTables, Shape
from .tile_mask import MaskClass, Stretch, TileMask


@dataclass(frozen=True)
class SpecializeMasksPass(ModulePass):
    """Skip what masks hide, unmask what they show, unroll where they differ."""

    name = "specialize-masks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            _Specialization(function).run()


WITH_EMPTY_ROWS = (
    fa.SoftmaxOp,
    fa.OnlineSoftmaxOp,
    fa.ProbabilitiesOp,
    fa.NormalizeOp,
    fa.LogsumexpOp,
    fa.CombineOp,
)


@dataclass
class _Group:
    """Iterations that one loop can do; each loads its mask tiles `stride` further than the last."""

    skeleton: Skeleton
    values: list[int]
    indices: tuple[int, ...]
    """The numbers of the mask tiles of the last iteration."""
    stride: int = 0

    def takes(self, skeleton: Skeleton, indices: tuple[int, ...]) -> bool:
        """Go on with the next iteration, if it fits."""
        if skeleton != self.skeleton:
            return False
        moves = {new - old for new, old in zip(indices, self.indices, strict=True)} or {0}
        stride = moves.pop()
        if moves or stride < 0 or (len(self.values) > 1 and stride != self.stride):
            return False
        self.stride, self.indices = stride, indices
        return True


class _Specialization:
    """What is known about the masks of one function while its loops are taken apart."""

    def __init__(self, function: func.FuncOp):
        self.function = function
        self.shown: dict[fa.MaskOp, Shown] = {}
        self.shifts: dict[fa.MaskOp, list[tuple[SSAValue, int]]] = {}
        """Loop variables, from 0 in steps of 1, and by how many tiles they move what is loaded."""
        self.tables = MaskTables()
        self._stretches: dict[tuple[object, ...], Sequence[Stretch]] = {}
        self._rows_seen: dict[tuple[object, ...], bool] = {}

    def run(self) -> None:
        """Settle every mask."""
        self._take_functions()
        record_tiles(self.function, self.shown, self._look)
        while loops := self._outermost_dependent(self.function):
            for loop in loops:
                self._specialize(loop)
        loaded: list[tuple[fa.MaskOp, int]] = []
        for mask in _masks(self.function):
            if (index := self._settle(mask)) is not None:
                loaded.append((mask, index))
        # What fed tiles that are not visited; before allocation only stores have effects.
        region_dce(self.function.body)
        for step in list(self.function.walk()):
            if not isinstance(step, WITH_EMPTY_ROWS):
                continue
            if step.empty_rows is None:
                continue
            if isinstance(step, fa.CombineOp):
                needless = any(map(_is_finite, (step.maximum1, step.maximum2)))
            else:
                needless = self._every_row_seen(step)
            if needless:
                step.empty_rows = None
        self._load_hidden(loaded)
        for mask in _masks(self.function):
            function = self.shown[mask].function
            if function is not None:
                mask.add_region(function.region.clone())

    def _take_functions(self) -> None:
        """Keep functions aside, so that copies of loops share them."""
        known: dict[MaskFunction, MaskFunction] = {}
        for mask in _masks(self.function):
            function = None
            if mask.mask_mod is not None:
                function = MaskFunction.of(mask.detach_region(mask.mask_mod))
                function = known.setdefault(function, function)
            self.shown[mask] = Shown(mask.kv_len.value.data, mask.shown, function)

    def _look(
        self, shown: Shown, place: tuple[int, int, int], shape: Shape, starts: range
    ) -> Sequence[Stretch]:
        """Stretches of tiles, remembered."""
        key = (shown, place, shape, starts)
        if key not in self._stretches:
            self._stretches[key] = shown.stretches(*place, *shape, starts)
        return self._stretches[key]

    def _rows_see(self, shown: Shown, place: tuple[int, int, int], rows: int) -> bool:
        """Whether each row sees a key, remembered."""
        key = (shown, place, rows)
        if key not in self._rows_seen:
            self._rows_seen[key] = shown.every_row_sees(*place, rows)
        return self._rows_seen[key]

    def _outermost_dependent(self, op: Operation) -> list[scf.ForOp]:
        """The loops on whose variable a mask inside depends, without those inside such loops."""
        found: list[scf.ForOp] = []
        for region in op.regions:
            for block in region.blocks:
                for inner in block.ops:
                    if isinstance(inner, scf.ForOp):
                        variable = inner.body.block.args[0]
                        masks = _masks(inner)
                        if any(depends(mask, self.shown[mask], variable) for mask in masks):
                            found.append(inner)
                            continue
                    found.extend(self._outermost_dependent(inner))
        return found

    def _specialize(self, loop: scf.ForOp) -> None:
        """Replace a loop by a copy for each run of iterations that are masked alike."""
        skippable = is_online(loop)
        carried: Sequence[SSAValue] = tuple(loop.iter_args)
        for group in self._groups(loop):
            if skippable and all(
                isinstance(mask, TileMask) and mask.kind is MaskClass.EMPTY
                for _, mask in group.skeleton
            ):
                continue
            carried = self._copy(loop, group, carried)
        for old, new in zip(loop.results, carried, strict=True):
            old.replace_all_uses_with(new)
        Rewriter.erase_op(loop)

    def _groups(self, loop: scf.ForOp) -> list[_Group]:
        """The iterations of a loop in runs that one loop can do."""
        groups: list[_Group] = []
        for values, skeleton, indices in self._iterations(loop):
            if groups and groups[-1].takes(skeleton, indices):
                groups[-1].values += values
            else:
                groups.append(_Group(skeleton, list(values), indices))
        return groups

    def _iterations(
        self, loop: scf.ForOp
    ) -> Iterator[tuple[Sequence[int], Skeleton, tuple[int, ...]]]:
        """What every mask inside hides in each iteration, over the iterations of inner loops.

        Iterations that are masked alike, wherever their tiles lie, give the same. Where the loop
        goes along the keys, iterations come in stretches.
        """
        variable, values = loop.body.block.args[0], iterations(loop)
        sites = [Site(mask, self.shown[mask], loop) for mask in _masks(loop)]
        if len(sites) == 1 and not sites[0].loops and sites[0].along_keys(variable):
            first, shape = 0, sites[0].shape
            for length, mask in sites[0].along(loop, self._look):
                part = values[first : first + length]
                first += length
                if mask.pattern:
                    index = self.tables.index(shape, mask)
                    yield from (([at], ((1, PATTERN),), (index,)) for at in part)
                else:
                    yield part, ((1, mask),), ()
            return
        for at in values:
            skeleton: list[tuple[int, TileMask | Pattern | bool]] = []
            indices: list[int] = []
            for site in sites:
                for place, stretches in site.visits({variable: at}, self._look):
                    for length, mask in stretches:
                        if mask.pattern:
                            indices += [self.tables.index(site.shape, mask)] * length
                            skeleton.append((length, PATTERN))
                        else:
                            skeleton.append((length, mask))
                    if site.shown.function is not None:
                        # Loaded tiles may differ, and the guard for rows without a key must not.
                        skeleton.append((0, self._rows_see(site.shown, place, site.shape[0])))
            yield [at], tuple(skeleton), tuple(indices)

    def _copy(
        self, loop: scf.ForOp, group: _Group, carried: Sequence[SSAValue]
    ) -> Sequence[SSAValue]:
        """A copy of a loop for a group, in front of it; returns what it carries out."""
        values, point, old = group.values, InsertPoint.before(loop), loop.body.block
        if len(values) == 1:
            first = index_constant(values[0], point, loop.location)
            table: dict[SSAValue, SSAValue] = dict(zip(old.args, [first, *carried], strict=True))
            last = old.last_op
            assert isinstance(last, scf.YieldOp)
            for op in [op for op in old.ops if op is not last]:
                Rewriter.insert_op(self._clone(op, table), point)
            return [table.get(value, value) for value in last.arguments]
        step = values[1] - values[0]
        block = Block(arg_types=[arg.type for arg in old.args])
        for arg, model in zip(block.args, old.args, strict=True):
            arg.name_hint = model.name_hint
        table = dict(zip(old.args, block.args, strict=True))
        bounds, start = (values[0], values[-1] + step, step), values[0]
        if group.stride:
            # Numbered from 0, because the mask tiles are.
            bounds, start = (0, len(values), 1), 0
            variable = Affine(values[0], {block.args[0]: step})
            table[old.args[0]] = index_value(variable, InsertPoint.at_end(block), loop.location)
        for op in old.ops:
            block.add_op(self._clone(op, table))
        lower, upper, width = (index_constant(at, point, loop.location) for at in bounds)
        copy = scf.ForOp(lower, upper, width, carried, Region(block))
        copy.location = loop.location
        Rewriter.insert_op(copy, point)
        for mask in _masks(copy):
            # Iterations are masked alike but for the shift, so the first may stand for them.
            for position in PLACE:
                place = affine(mask.operands[position]).at({block.args[0]: start})
                before = InsertPoint.before(mask)
                mask.operands[position] = index_value(place, before, loop.location)
            if group.stride:
                self.shifts.setdefault(mask, []).append((block.args[0], group.stride))
        return list(copy.results)

    def _clone(self, op: Operation, table: dict[SSAValue, SSAValue]) -> Operation:
        """A copy of an operation, with what is known about the masks in it."""
        copy = op.clone(table)
        for old, new in zip(_masks(op), _masks(copy), strict=True):
            self.shown[new] = self.shown[old]
            if old in self.shifts:
                self.shifts[new] = [(table.get(v, v), d) for v, d in self.shifts[old]]
        return copy

    def _settle(self, mask: fa.MaskOp) -> int | None:
        """Remove a mask that hides nothing; write the place of any other as constants.

        Returns the number of its tile if that is loaded.
        """
        hidden = tile_mask(mask, self.shown[mask])
        if hidden.kind is MaskClass.FULL:
            mask.result.replace_all_uses_with(mask.scores)
            Rewriter.erase_op(mask)
            return None
        if hidden.kind is MaskClass.EMPTY and _skip(mask):
            return None
        point = InsertPoint.before(mask)
        for position in PLACE:
            # What nothing depends on may still be a variable; any constant will do for it.
            place = affine(mask.operands[position]).at({})
            if place.terms or not isinstance(mask.operands[position].owner, arith.ConstantOp):
                value = 0 if place.terms else place.constant
                mask.operands[position] = index_constant(value, point, mask.location)
        return self.tables.index(shape_of(mask), hidden) if hidden.pattern else None

    def _load_hidden(self, loaded: Sequence[tuple[fa.MaskOp, int]]) -> None:
        """Let masks take what they hide from tiles in HBM."""
        if not loaded:
            return
        from ...dialects.interpreters.dense_constants import dense_bf16

        tensors: dict[Shape, SSAValue] = {}
        inside = Counter(loop for mask, _ in loaded for loop in around(mask))
        first = self.function.body.block.first_op
        assert first is not None
        for mask, index in loaded:
            if mask.parent is None:
                continue
            shape, location = shape_of(mask), mask.location
            if shape not in tensors:
                table = arith.ConstantOp(dense_bf16(self.tables.values(shape)))
                table.location, table.result.name_hint = location, "masks"
                Rewriter.insert_op(table, InsertPoint.before(first))
                tensors[shape] = table.result
            place = Affine(index, dict(self.shifts.get(mask, ())))
            # Out of loops that always load this tile and no other: it takes no more room there.
            anchor: Operation = mask
            for loop in around(mask):
                if inside[loop] > 1 or loop.body.block.args[0] in place.terms:
                    break
                anchor = loop
            point = InsertPoint.before(anchor)
            zero = index_constant(0, point, location)
            indices = (index_value(place, point, location), zero, zero)
            load = fa.LoadOp(tensors[shape], indices, fa.tile(mask.scores).placed_at(None))
            load.location, load.tile.name_hint = location, "hidden"
            Rewriter.insert_op(load, point)
            at = (mask.batch, mask.head, mask.row, mask.col)
            kv_len = mask.kv_len.value.data
            new = fa.MaskOp(mask.scores, at, kv_len=kv_len, mask=None, hidden=load.tile)
            new.location, new.result.name_hint = location, mask.result.name_hint
            Rewriter.replace_op(mask, new)

    def _every_row_seen(self, op: Operation) -> bool:
        """Whether each row sees some key, according to one of the steps that lead to `op`."""
        if isinstance(op, fa.SoftmaxOp):
            return self._all_see(op.scores)
        assert isinstance(
            op, fa.OnlineSoftmaxOp | fa.ProbabilitiesOp | fa.NormalizeOp | fa.LogsumexpOp
        )
        total = op.new_total if isinstance(op, fa.OnlineSoftmaxOp) else op.total
        if total is None:
            return False
        value: SSAValue = total
        while True:
            if isinstance(value, BlockArgument):
                loop = value.owner.parent_op()
                if not isinstance(loop, scf.ForOp):
                    return False
                value = loop.iter_args[value.index - 1]
                continue
            assert isinstance(value, OpResult)
            if isinstance(value.op, fa.OnlineSoftmaxOp):
                if self._all_see(value.op.scores):
                    return True
                if value.op.total is None:
                    return False
                value = value.op.total
            elif isinstance(value.op, scf.ForOp):
                last = value.op.body.block.last_op
                assert last is not None
                value = last.operands[value.index]
            else:
                return False

    def _all_see(self, scores: SSAValue) -> bool:
        """Whether each query of a tile sees some key, in this tile or elsewhere."""
        sees, kind = True, fa.tile(scores)
        while isinstance(scores, OpResult) and isinstance(
            op := scores.op, fa.MaskOp | fa.LimitOp | fa.MapOp | fa.AccumulateOp
        ):
            if isinstance(op, fa.AccumulateOp | fa.LimitOp):
                # A bias may hide anything, and a length may be 0.
                return False
            if isinstance(op, fa.MapOp) and (op.tables or may_hide(op.function)):
                return False
            if isinstance(op, fa.MaskOp):
                if op.hidden is not None:
                    # What its rows see elsewhere is not known any more.
                    return False
                batch, head, row = (affine(place).constant for place in (op.batch, op.head, op.row))
                sees = sees and self._rows_see(self.shown[op], (batch, head, row), kind.rows)
            scores = op.operands[0]
        return sees


def _is_finite(maximum: SSAValue) -> bool:
    """Whether a running maximum is no -inf in any row: a tile of scores was visited, and what a
    mask hides in it is finite on the machine."""
    while True:
        if isinstance(maximum, BlockArgument):
            loop = maximum.owner.parent_op()
            if not isinstance(loop, scf.ForOp):
                return False
            maximum = loop.iter_args[maximum.index - 1]
            continue
        assert isinstance(maximum, OpResult)
        match maximum.op:
            case fa.OnlineSoftmaxOp() as step:
                if not _may_be_infinite(step.scores):
                    return True
                if step.maximum is None:
                    return False
                maximum = step.maximum
            case fa.CombineOp() as both:
                return _is_finite(both.maximum1) or _is_finite(both.maximum2)
            case scf.ForOp() as loop:
                last = loop.body.block.last_op
                assert last is not None
                maximum = last.operands[maximum.index]
            case fa.SinkOp():
                return True
            case _:
                return False


def _may_be_infinite(scores: SSAValue) -> bool:
    """Whether what a bias or a function makes of scores may be -inf."""
    while isinstance(scores, OpResult) and isinstance(
        op := scores.op, fa.MaskOp | fa.LimitOp | fa.MapOp | fa.AccumulateOp
    ):
        if isinstance(op, fa.AccumulateOp):
            return True
        if isinstance(op, fa.MapOp) and (op.tables or may_hide(op.function)):
            return True
        scores = op.operands[0]
    return False


def _masks(op: Operation) -> list[fa.MaskOp]:
    """The masks in an operation that are not settled as tiles of their own."""
    return [inner for inner in op.walk() if isinstance(inner, fa.MaskOp) and inner.hidden is None]


def _skip(mask: fa.MaskOp) -> bool:
    """Leave out the step of the online softmax that sees nothing; False where more hangs on it."""
    users = [use.operation for use in mask.result.uses]
    if len(users) != 1 or not isinstance(step := users[0], fa.OnlineSoftmaxOp):
        return False
    bounded = step.bounded is not None
    if step.total is None or (step.maximum is None and not bounded):
        return False
    adds: Sequence[Operation] = _users(step.alpha)
    if bounded:
        adds = step.accumulations or ()
    repacks = [op for op in _users(step.result) if isinstance(op, fa.RepackOp)]
    products = [op for op in _users(step.result) if not isinstance(op, fa.RepackOp)]
    products += [op for repack in repacks for op in _users(repack.result)]
    if not all(isinstance(add, fa.AccumulateOp) for add in adds) or not all(
        isinstance(product, fa.MatmulOp)
        and {use.operation for use in product.result.uses} <= set(adds)
        for product in products
    ):
        return False
    for add in adds:
        assert isinstance(add, fa.AccumulateOp)
        add.result.replace_all_uses_with(add.acc)
        Rewriter.erase_op(add)
    for gone in (*products, *repacks):
        # The products that went into the sums just erased.
        Rewriter.erase_op(gone)
    if step.maximum is not None:
        step.new_maximum.replace_all_uses_with(step.maximum)
    step.new_total.replace_all_uses_with(step.total)
    Rewriter.erase_op(step)
    Rewriter.erase_op(mask)
    return True


def _users(value: SSAValue) -> list[Operation]:
    return [use.operation for use in value.uses]

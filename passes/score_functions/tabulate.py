"""`tabulate`: what score functions make of places, computed at compile time.

Precondition: tile IR; `fa.map` at affine places. Postcondition: no function uses its arguments
batch, head, query and key. Values that no score goes into are tables: constant tensors in HBM, of
which each `fa.map` loads its part as one more operand. A table is as small as what it depends on: a
number for each head, batch or query, a row for keys, and for key minus query a band that tiles
slide along; a product of two such tables stays a product where that is smaller than the table of
the products. `arith.select` between scores, decided by places, is arithmetic.

Of a table, NaN is made 0, and what is finite stays finite in bf16; -inf hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import FloatAttr, ModuleOp, f32
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.types import TileType
from ...dialects.machine_attr import settle_machine
from ...machine.spec.params import Machine
from ..support.loop_affine import Affine, affine, always_multiple, largest
from ..support.rounding import round_up
from ..support.tile_builder import index_value
from .index_dependence import BATCH, DISTANCE, HEAD, KEY, NOTHING, QUERY, Dependence, IndexValues

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGE = 1 << 22
"""From so many elements on, a table of sums is taken apart too, although bf16 sums lose digits."""

LARGEST = 1 << 28
"""The most elements of a table."""

BF16_MAX = 3.3895313892515355e38


@dataclass(frozen=True)
class TabulatePass(ModulePass):
    """Tables for what score functions make of places."""

    name = "tabulate"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            tabulation = _Tabulation(machine, function)
            for group in _alike(function):
                tabulation.group(group)


def _alike(function: func.FuncOp) -> list[list[fa.MapOp]]:
    """The maps whose functions depend on places, those with equal functions and tiles together."""
    groups: list[list[fa.MapOp]] = []
    for op in function.walk():
        if not isinstance(op, fa.MapOp) or not any(
            any(True for _ in argument.uses) for argument in op.function.block.args[1:5]
        ):
            continue
        for group in groups:
            same = fa.tile(group[0].source) == fa.tile(op.source)
            if same and group[0].function.is_structurally_equivalent(op.function):
                group.append(op)
                break
        else:
            groups.append([op])
    return groups


@dataclass(frozen=True)
class Geometry:
    """Where the tiles of some maps lie, and how tables of them are laid out; in elements."""

    rows: int
    cols: int
    batches: int
    heads: int
    row_end: int
    col_end: int
    slides: bool
    """Whether a band can be loaded at key minus query: queries start at multiples of VLEN."""
    least_rows: int
    vlen: int

    @classmethod
    def of(cls, machine: Machine, maps: Sequence[fa.MapOp]) -> Geometry:
        """The geometry of maps of tiles of one shape."""
        kind = fa.tile(maps[0].source)

        def last(position: int) -> int:
            return max(largest(affine(op.operands[position]), op) for op in maps)

        return cls(
            kind.rows,
            kind.cols,
            last(1) + 1,
            last(2) + 1,
            last(3) + kind.rows,
            last(4) + kind.cols,
            all(always_multiple(affine(op.row), op, machine.vlen) for op in maps),
            machine.prefetch_v,
            machine.vlen,
        )

    @property
    def zero(self) -> int:
        """The column of a band that stands for the distance 0 in its first row."""
        return round_up(self.row_end, self.vlen)

    def laid_out(self, depends: Dependence) -> Dependence:
        """With query and key for their distance where tiles cannot slide along a band."""
        if DISTANCE in depends and not self.slides:
            return (depends - {DISTANCE}) | {QUERY, KEY}
        return depends

    def shape(self, depends: Dependence) -> tuple[int, int, int, int]:
        """Extents of the values of a table: batch, head, rows, columns."""
        rows, cols = 1, 1
        if DISTANCE in depends:
            rows, cols = self.rows, self.zero + self.col_end
        if QUERY in depends:
            rows = self.row_end
        if KEY in depends:
            cols = self.col_end
        batches, heads = (
            extent if name in depends else 1
            for name, extent in ((BATCH, self.batches), (HEAD, self.heads))
        )
        return batches, heads, rows, cols

    def stored(self, depends: Dependence) -> tuple[int, int, int, int]:
        """The shape, one row and one column repeated so that a tile can be loaded."""
        batches, heads, rows, cols = self.shape(depends)
        return (
            batches,
            heads,
            self.least_rows if rows == 1 else rows,
            self.vlen if cols == 1 else cols,
        )

    def elements(self, depends: Dependence) -> int:
        """Elements of a table in HBM."""
        batches, heads, rows, cols = self.stored(depends)
        return batches * heads * rows * cols

    def tile(self, depends: Dependence, element: Attribute) -> TileType:
        """What a map loads of a table."""
        rows = self.rows if depends & {QUERY, DISTANCE} else self.least_rows
        cols = self.cols if depends & {KEY, DISTANCE} else self.vlen
        return TileType.get((rows, cols), element, "vector")

    def places(self, depends: Dependence) -> list[NDArray[np.int64]]:
        """Batch, head, query and key of each element of a table, as arrays that broadcast.

        In a band only the difference of the last two means something; neither is negative.
        """
        import numpy as np

        batches, heads, rows, cols = (
            np.arange(extent, dtype=np.int64) for extent in self.shape(depends)
        )
        if DISTANCE in depends:
            rows += self.zero
        return [
            batches[:, None, None, None], heads[None, :, None, None],
            rows[None, None, :, None], cols[None, None, None, :],
        ]  # fmt: skip


TAKEN_APART = (arith.MulfOp,)
SUMS = (arith.AddfOp, arith.SubfOp)


class _Tabulation:
    """Tables of one function, equal ones made once."""

    def __init__(self, machine: Machine, function: func.FuncOp):
        self.machine = machine
        self.function = function
        self.known: dict[tuple[tuple[int, ...], bytes], SSAValue] = {}

    def group(self, maps: Sequence[fa.MapOp]) -> None:
        """Give maps with equal functions their tables."""
        from ...dialects.interpreters.scalar_functions import supported

        geometry = Geometry.of(self.machine, maps)
        function = maps[0].function.clone()
        choose_by_arithmetic(function)
        index = IndexValues(function)
        for op in index.operations:
            if not supported(op):
                raise OpError(op, f"{op.name} cannot stand in a score function")
        values: dict[SSAValue, None] = {}
        for value in index.wanted:
            values.update(dict.fromkeys(self._leaves(value, index, geometry)[1]))
        for value in values:
            if value.type != f32:
                # What is no float only goes into operations that the vector unit does not have.
                raise OpError(_user(value), _no_vectors(_user(value)))
        laid_out = [geometry.laid_out(index.depends[value]) for value in values]
        tables = [
            self._table(maps[0], index, value, depends, geometry)
            for value, depends in zip(values, laid_out, strict=True)
        ]
        arguments = [function.block.insert_arg(f32, len(function.block.args)) for _ in values]
        for argument, value in zip(arguments, values, strict=True):
            argument.name_hint = value.name_hint
            value.replace_all_uses_with(argument)
        _erase_unused(function.block)
        for op in maps:
            self._load(op, function, tables, laid_out, geometry)

    def _leaves(
        self, value: SSAValue, index: IndexValues, geometry: Geometry
    ) -> tuple[int, list[SSAValue]]:
        """The values to tabulate for `value`, and the elements that their tables take."""
        depends = index.depends[value]
        if depends == NOTHING:
            return 0, []
        whole = geometry.elements(geometry.laid_out(depends))
        if not isinstance(value, OpResult):
            return whole, [value]
        op = value.op
        kinds = (*TAKEN_APART, *SUMS) if whole > LARGE else TAKEN_APART
        if isinstance(op, kinds):
            parts = [
                self._leaves(operand, index, geometry) for operand in dict.fromkeys(op.operands)
            ]
            total = sum(size for size, _ in parts)
            if total < whole:
                return total, [leaf for _, leaves in parts for leaf in leaves]
        if whole > LARGEST:
            raise OpError(
                op,
                f"the values of {op.name} depend on {', '.join(sorted(depends))}, and a table of "
                f"them has {whole} elements; products of parts that depend on less have less",
            )
        return whole, [value]

    def _table(
        self,
        op: fa.MapOp,
        index: IndexValues,
        value: SSAValue,
        depends: Dependence,
        geometry: Geometry,
    ) -> SSAValue:
        """The constant tensor of a value."""
        import numpy as np
        from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, TensorType

        from ...dialects.interpreters.scalar_functions import apply

        places = geometry.places(depends)
        found: dict[SSAValue, NDArray[np.generic]] = dict(
            zip(index.block.args[1:5], places, strict=True)
        )
        with np.errstate(all="ignore"):
            for step in _needed(value):
                found[step.results[0]] = apply(step, [found[v] for v in step.operands])
            array = np.asarray(found[value], np.float32)
        array = np.where(np.isneginf(array), array, np.nan_to_num(array, posinf=BF16_MAX))
        array = np.where(np.isneginf(array), array, np.clip(array, -BF16_MAX, BF16_MAX))
        array = np.ascontiguousarray(np.broadcast_to(array, geometry.shape(depends)), np.float32)
        key = (geometry.stored(depends), array.tobytes())
        if key not in self.known:
            block = self.function.body.block
            assert block.first_op is not None
            point = InsertPoint.before(block.first_op)
            kind = TensorType(f32, array.shape)
            dense = DenseIntOrFPElementsAttr(kind, BytesAttr(array.tobytes()))
            constant = arith.ConstantOp(dense)
            ops: list[Operation] = [constant]
            if array.shape != geometry.stored(depends):
                ops.append(fa.BroadcastOp(constant.result, geometry.stored(depends)))
            for new in ops:
                new.location = op.location
                new.results[0].name_hint = "table"
                Rewriter.insert_op(new, point)
            self.known[key] = ops[-1].results[0]
        return self.known[key]

    def _load(
        self,
        op: fa.MapOp,
        function: Region,
        tables: Sequence[SSAValue],
        depends: Sequence[Dependence],
        geometry: Geometry,
    ) -> None:
        """Replace a map by one that loads its parts of the tables."""
        element = fa.tile(op.source).element_type
        tiles: list[SSAValue] = []
        known: dict[tuple[Operation, int, tuple[tuple[SSAValue, int], ...]], SSAValue] = {}

        def computed(index: Affine, anchor: Operation) -> SSAValue:
            key = (anchor, index.constant, tuple(index.terms.items()))
            if key not in known:
                known[key] = index_value(index, InsertPoint.before(anchor), op.location)
            return known[key]

        for table, names in zip(tables, depends, strict=True):
            row, col = affine(op.row), affine(op.col)
            if DISTANCE in names:
                row, col = Affine(), col.plus(row.times(-1)).plus(Affine(geometry.zero))
            kind = geometry.tile(names, element)
            place = [
                index if used else Affine()
                for index, used in (
                    (affine(op.batch), BATCH in names),
                    (affine(op.head), HEAD in names),
                    (row, bool(names & {QUERY, DISTANCE})),
                    (col, bool(names & {KEY, DISTANCE})),
                )
            ]
            anchor = _anchor(op, place, small=kind.cols == geometry.vlen)
            load = fa.LoadOp(table, [computed(index, anchor) for index in place], kind)
            load.location = op.location
            load.tile.name_hint = "table"
            Rewriter.insert_op(load, InsertPoint.before(anchor))
            tiles.append(load.tile)
        place_of = (op.batch, op.head, op.row, op.col)
        new = fa.MapOp(op.source, place_of, function.clone(), None, (*op.tables, *tiles))
        new.location = op.location
        new.result.name_hint = op.result.name_hint
        Rewriter.replace_op(op, new)


def _anchor(op: Operation, place: Sequence[Affine], small: bool) -> Operation:
    """Where to load a table: outside the loops that it does not depend on, if it is small."""
    used = {variable for index in place for variable in index.terms}
    while small and isinstance(loop := op.parent_op(), scf.ForOp):
        if loop.body.block.args[0] in used:
            break
        op = loop
    return op


def _no_vectors(op: Operation) -> str:
    return f"{op.name} has no form in vector instructions where its operands depend on scores"


def _user(value: SSAValue) -> Operation:
    return next(iter(value.uses)).operation


def _needed(value: SSAValue) -> list[Operation]:
    """The operations that compute a value, in order."""
    assert isinstance(value, OpResult)
    block = value.op.parent_block()
    assert block is not None
    needed: set[Operation] = set()
    waiting: list[SSAValue] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, OpResult) and current.op not in needed:
            needed.add(current.op)
            waiting += current.op.operands
    return [op for op in block.ops if op in needed]


def _erase_unused(block: Block) -> None:
    for op in reversed(list(block.ops)):
        if op.results and not any(any(True for _ in result.uses) for result in op.results):
            Rewriter.erase_op(op)


def choose_by_arithmetic(function: Region) -> None:
    """Replace choices between scores that places decide by products and sums.

    c ? x : y is x [c] + y [not c], where a branch without scores is chosen from at compile time,
    and where it is -inf nothing is multiplied.
    """
    for op in list(function.block.ops):
        if not isinstance(op, arith.SelectOp) or op.result.type != f32:
            continue
        index = IndexValues(function)
        if op.cond not in index.depends or op.result in index.depends:
            continue
        _Choice(op, index).replace()


class _Choice:
    """One `arith.select` between scores."""

    def __init__(self, op: arith.SelectOp, index: IndexValues):
        self.op = op
        self.index = index

    def replace(self) -> None:
        """Put arithmetic in its place."""
        op = self.op
        x = self._part(op.lhs, first=True)
        y = self._part(op.rhs, first=False)
        total = self._insert(arith.AddfOp(x, y)).result
        total.name_hint = op.result.name_hint
        op.result.replace_all_uses_with(total)
        Rewriter.erase_op(op)

    def _insert(self, op: arith.AddfOp | arith.MulfOp | arith.SelectOp | arith.ConstantOp):
        op.location = self.op.location
        Rewriter.insert_op(op, InsertPoint.before(self.op))
        return op

    def _number(self, value: float) -> SSAValue:
        return self._insert(arith.ConstantOp(FloatAttr(value, f32))).result

    def _chosen(self, yes: SSAValue, no: SSAValue) -> SSAValue:
        return self._insert(arith.SelectOp(self.op.cond, yes, no)).result

    def _part(self, value: SSAValue, first: bool) -> SSAValue:
        """One branch where it is chosen and 0 where it is not."""
        other = self.op.rhs if first else self.op.lhs
        if value in self.index.depends:
            pair = (value, self._number(0.0))
            return self._chosen(*(pair if first else pair[::-1]))
        if self.index.numbers.get(other) == float("-inf"):
            # Whatever is added to -inf is lost.
            return value
        pair = (self._number(1.0), self._number(0.0))
        return self._insert(
            arith.MulfOp(value, self._chosen(*(pair if first else pair[::-1])))
        ).result

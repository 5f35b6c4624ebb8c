"""A small builder for tile IR: constants once, loops as context managers, locations kept."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, LocationAttr
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from .loop_affine import Affine, affine

OperationT = TypeVar("OperationT", bound=Operation)


class Loop:
    """An open scf.for: its induction variable, its carried values, and what it yields."""

    def __init__(self, induction: SSAValue, carried: Sequence[SSAValue]):
        self.induction = induction
        self.carried = tuple(carried)
        self.yielded: tuple[SSAValue, ...] = ()
        self.results: tuple[SSAValue, ...] = ()

    def yields(self, *values: SSAValue) -> None:
        """Say what the next iteration gets."""
        self.yielded = values


class TileBuilder:
    """Inserts operations at a point that loops move into and out of.

    Index constants are made once, at `constants`, which must dominate everything built.
    """

    def __init__(self, point: InsertPoint, constants: InsertPoint, location: LocationAttr):
        self._point = point
        self._constants = constants
        self._location = location
        self._known: dict[int, SSAValue] = {}

    def insert(self, op: OperationT, *names: str) -> OperationT:
        """Insert an operation at the current point; `names` are what its results print as."""
        op.location = self._location
        for result, name in zip(op.results, names, strict=False):
            result.name_hint = name
        Rewriter.insert_op(op, self._point)
        return op

    def constant(self, value: int) -> SSAValue:
        """An index constant."""
        if value not in self._known:
            op = arith.ConstantOp.from_int_and_width(value, IndexType())
            op.location = self._location
            op.result.name_hint = f"c{value}"
            Rewriter.insert_op(op, self._constants)
            self._known[value] = op.result
        return self._known[value]

    def affine(self, name: str, base: SSAValue, factor: int, addend: SSAValue) -> SSAValue:
        """base * factor + addend."""
        product = self.insert(arith.MuliOp(base, self.constant(factor)))
        return self.insert(arith.AddiOp(product.result, addend), name).result

    @contextmanager
    def loop(
        self,
        name: str,
        stop: int,
        step: int = 1,
        carried: Sequence[SSAValue] = (),
        start: int = 0,
        end: SSAValue | None = None,
    ) -> Generator[Loop]:
        """A loop from `start` to `stop` over a variable that prints as `name`.

        One without a second iteration is not built as a loop. With `end` it goes to that value,
        which is at most `stop`.
        """
        if stop - start <= step:
            loop = Loop(self.constant(start), carried)
            yield loop
            loop.results = loop.yielded
            return
        block = Block(arg_types=[IndexType(), *(value.type for value in carried)])
        for argument, hint in zip(block.args, (name, *(v.name_hint for v in carried)), strict=True):
            argument.name_hint = hint
        outer = self._point
        loop = Loop(block.args[0], block.args[1:])
        self._point = InsertPoint.at_end(block)
        yield loop
        self.insert(scf.YieldOp(*loop.yielded))
        self._point = outer
        bounds = [self.constant(value) for value in (start, stop, step)]
        if end is not None:
            bounds[1] = end
        op = self.insert(scf.ForOp(bounds[0], bounds[1], bounds[2], carried, Region(block)))
        for result, value in zip(op.results, loop.yielded, strict=True):
            result.name_hint = value.name_hint
        loop.results = tuple(op.results)


def index_constant(value: int, point: InsertPoint, location: LocationAttr) -> SSAValue:
    """An index constant at a point."""
    op = arith.ConstantOp.from_int_and_width(value, IndexType())
    op.location = location
    op.result.name_hint = f"c{value}" if value >= 0 else None
    Rewriter.insert_op(op, point)
    return op.result


def index_value(place: Affine, point: InsertPoint, location: LocationAttr) -> SSAValue:
    """Operations at a point that compute an affine index."""

    def insert(op: arith.MuliOp | arith.AddiOp | arith.SubiOp) -> SSAValue:
        op.location = location
        Rewriter.insert_op(op, point)
        return op.result

    total: SSAValue | None = None
    if place.constant or not place.terms:
        total = index_constant(place.constant, point, location)
    for variable, coefficient in sorted(place.terms.items(), key=lambda term: -term[1]):
        negative, term = total is not None and coefficient < 0, variable
        factor = -coefficient if negative else coefficient
        if factor != 1:
            term = insert(arith.MuliOp(variable, index_constant(factor, point, location)))
        if total is None:
            total = term
        else:
            total = insert((arith.SubiOp if negative else arith.AddiOp)(total, term))
    assert total is not None
    return total


def multiple(
    index: SSAValue, divisor: int, factor: int, point: InsertPoint, location: LocationAttr
) -> SSAValue:
    """index / divisor * factor, for an index that is a multiple of `divisor`."""
    value = affine(index)
    if not value.terms:
        return index_constant(value.constant // divisor * factor, point, location)
    if divisor == factor:
        return index
    numbers = [index_constant(number, point, location) for number in (divisor, factor)]
    quotient = arith.FloorDivSIOp(index, numbers[0])
    product = arith.MuliOp(quotient.result, numbers[1])
    for op in (quotient, product):
        op.location = location
        Rewriter.insert_op(op, point)
    return product.result

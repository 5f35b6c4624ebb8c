"""Building tensor, linalg and arith operations: what any MLIR compiler knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from xdsl.builder import Builder
from xdsl.dialects import arith, math, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    AnyFloat,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    LocationAttr,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i8,
    i32,
    i64,
)
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.dialects.linalg.ops import GenericOp, YieldOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

OperationT = TypeVar("OperationT", bound=Operation)

Shape = tuple[int, ...]
Dims = tuple[int, ...]
"""Which loops of a generic operation index an operand, one for each of its dimensions."""

PARALLEL = IteratorTypeAttr(IteratorType.PARALLEL)
REDUCTION = IteratorTypeAttr(IteratorType.REDUCTION)


def shape_of(value: SSAValue) -> Shape:
    """The static shape of a tensor."""
    assert isa(value.type, TensorType[Attribute])
    return value.type.get_shape()


def element_of(value: SSAValue) -> Attribute:
    """The element type of a tensor."""
    assert isa(value.type, TensorType[Attribute])
    return value.type.get_element_type()


class Body:
    """Scalar operations inside a generic operation: i8 codes, i32 bits, f32 and f64 values."""

    def __init__(self, block: Block, location: LocationAttr):
        self._builder = Builder(InsertPoint.at_end(block))
        self._location = location
        self._known: dict[Attribute, SSAValue] = {}

    def _insert(self, op: Operation) -> SSAValue:
        op.location = self._location
        self._builder.insert(op)
        return op.results[0]

    def _constant(self, value: IntegerAttr[IntegerType] | FloatAttr[AnyFloat]) -> SSAValue:
        if value not in self._known:
            self._known[value] = self._insert(arith.ConstantOp(value))
        return self._known[value]

    def int(self, value: int) -> SSAValue:
        """An i32; its bits count, so values up to 2^32 - 1 are possible."""
        signed = value - (1 << 32) if value >= 1 << 31 else value
        return self._constant(IntegerAttr(signed, i32))

    def float(self, value: float) -> SSAValue:
        """An f32."""
        return self._constant(FloatAttr(value, f32))

    def double(self, value: float) -> SSAValue:
        """An f64."""
        return self._constant(FloatAttr(value, f64))

    def op(self, kind: Callable[..., Operation], *operands: SSAValue) -> SSAValue:
        """Any operation on scalars of one type."""
        return self._insert(kind(*operands))

    def compare(self, how: str, a: SSAValue, b: SSAValue) -> SSAValue:
        """A comparison of integers (ult, sgt, eq, ...)."""
        return self._insert(arith.CmpiOp(a, b, how))

    def compare_float(self, how: str, a: SSAValue, b: SSAValue) -> SSAValue:
        """A comparison of floats (oeq, ogt, ...)."""
        return self._insert(arith.CmpfOp(a, b, how))

    def select(self, condition: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
        """a where the condition holds, else b."""
        return self._insert(arith.SelectOp(condition, a, b))

    def bits(self, value: SSAValue) -> SSAValue:
        """The bits of an f32 as i32."""
        return self._insert(arith.BitcastOp(value, i32))

    def value(self, bits: SSAValue) -> SSAValue:
        """The f32 of some bits."""
        return self._insert(arith.BitcastOp(bits, f32))

    def code(self, value: SSAValue) -> SSAValue:
        """The low byte of an i32, as i8."""
        return self._insert(arith.TruncIOp(value, i8))

    def from_code(self, code: SSAValue) -> SSAValue:
        """An i8 as i32, without sign."""
        return self._insert(arith.ExtUIOp(code, i32))

    def to_float(self, value: SSAValue) -> SSAValue:
        """A signed i32 as f32."""
        return self._insert(arith.SIToFPOp(value, f32))

    def to_int(self, value: SSAValue) -> SSAValue:
        """A whole f32 as signed i32."""
        return self._insert(arith.FPToSIOp(value, i32))

    def round_even(self, value: SSAValue) -> SSAValue:
        """An f32 rounded to a whole number, ties to even."""
        return self._insert(math.RoundEvenOp(value))

    def floor(self, value: SSAValue) -> SSAValue:
        """The largest whole number that is not above."""
        return self._insert(math.FloorOp(value))

    def log2(self, value: SSAValue) -> SSAValue:
        """The logarithm of an f64."""
        return self._insert(math.Log2Op(value))

    def convert(self, value: SSAValue, to: Attribute) -> SSAValue:
        """A float in another float type, rounded to nearest even where it is narrower."""
        width = {bf16: 16, f16: 16, f32: 32, f64: 64}
        if value.type == to:
            return value
        if value.type in (bf16, f16) and to in (bf16, f16):
            value = self.convert(value, f32)
        if width[to] > width[value.type]:  # pyright: ignore[reportArgumentType]
            return self._insert(arith.ExtFOp(value, to))  # pyright: ignore[reportArgumentType]
        return self._insert(arith.TruncFOp(value, to))  # pyright: ignore[reportArgumentType]


class PlainBuilder:
    """Inserts tensor operations at a point."""

    def __init__(self, point: InsertPoint, location: LocationAttr):
        self._point = point
        self._location = location

    def insert(self, op: OperationT) -> OperationT:
        """Insert an operation."""
        op.location = self._location
        Rewriter.insert_op(op, self._point)
        return op

    def splat(self, value: float, element: Attribute, shape: Shape) -> SSAValue:
        """A tensor of one value."""
        kind = TensorType(element, shape)
        return self.constant(DenseIntOrFPElementsAttr.from_list(kind, [value]))  # pyright: ignore

    def constant(self, attribute: DenseIntOrFPElementsAttr[Any]) -> SSAValue:
        """A constant tensor."""
        return self.insert(arith.ConstantOp(attribute)).result

    def generic(
        self,
        extents: Shape,
        inputs: Sequence[tuple[SSAValue, Dims]],
        outputs: Sequence[tuple[Attribute, Dims]],
        body: Callable[..., Sequence[SSAValue] | SSAValue],
        initial: float | None = None,
    ) -> tuple[SSAValue, ...]:
        """linalg.generic over loops of some extents; `body(b, *scalars)` computes the results.

        Loops that index no output are reductions: then there is one output, which starts as
        `initial`, and the body gets it last.
        """
        rank = len(extents)
        used = {dim for _, dims in outputs for dim in dims}
        outs: list[SSAValue] = []
        for element, dims in outputs:
            shape = tuple(extents[dim] for dim in dims)
            if initial is None:
                outs.append(self.insert(tensor.EmptyOp([], TensorType(element, shape))).tensor)
            else:
                outs.append(self.splat(initial, element, shape))
        operands = [value for value, _ in inputs]
        block = Block(arg_types=[element_of(value) for value in (*operands, *outs)])
        scalars = block.args if initial is not None else block.args[: len(operands)]
        results = body(Body(block, self._location), *scalars)
        values = [results] if isinstance(results, SSAValue) else list(results)
        block.add_op(YieldOp(*values))
        maps = [
            AffineMapAttr(AffineMap(rank, 0, tuple(AffineExpr.dimension(dim) for dim in dims)))
            for dims in (*(d for _, d in inputs), *(d for _, d in outputs))
        ]
        op = GenericOp(
            operands,
            outs,
            Region(block),
            maps,
            [PARALLEL if dim in used else REDUCTION for dim in range(rank)],
            [out.type for out in outs],
        )
        return tuple(self.insert(op).results)

    def elementwise(
        self, source: SSAValue, to: Attribute, body: Callable[[Body, SSAValue], SSAValue]
    ) -> SSAValue:
        """One tensor into another of the same shape."""
        shape = shape_of(source)
        dims = tuple(range(len(shape)))
        return self.generic(shape, [(source, dims)], [(to, dims)], body)[0]

    def pad_end(self, source: SSAValue, axis: int, by: int) -> SSAValue:
        """Zeros behind the end of one axis."""
        shape, element = shape_of(source), element_of(source)
        if not by:
            return source
        padded = tuple(extent + by * (dim == axis) for dim, extent in enumerate(shape))
        if isa(element, IntegerType):
            constant = arith.ConstantOp(IntegerAttr(0, element))
        else:
            constant = arith.ConstantOp(FloatAttr(0.0, element))  # pyright: ignore
        block = Block(
            [constant, tensor.YieldOp(constant.result)], arg_types=[IndexType()] * len(shape)
        )
        op = tensor.PadOp(
            source,
            [],
            [],
            Region(block),
            [0] * len(shape),
            [by * (dim == axis) for dim in range(len(shape))],
            TensorType(element, padded),
        )
        return self.insert(op).result

    def split(self, source: SSAValue, axis: int, size: int) -> SSAValue:
        """An axis of n * size elements as two: n and size."""
        shape = shape_of(source)
        new = (*shape[:axis], shape[axis] // size, size, *shape[axis + 1 :])
        kind = TensorType(element_of(source), new)
        op = tensor.ExpandShapeOp(source, [], _groups(len(shape), axis), new, kind)
        return self.insert(op).result

    def join(self, source: SSAValue, axis: int) -> SSAValue:
        """An axis and the next as one."""
        shape = shape_of(source)
        new = (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
        kind = TensorType(element_of(source), new)
        op = tensor.CollapseShapeOp(
            operands=[source],
            properties={"reassociation": _groups(len(new), axis)},
            result_types=[kind],
        )
        return self.insert(op).result

    def slice(self, source: SSAValue, axis: int, start: int, stop: int) -> SSAValue:
        """A range of one axis."""
        shape = shape_of(source)
        if (start, stop) == (0, shape[axis]):
            return source
        sizes = [stop - start if dim == axis else extent for dim, extent in enumerate(shape)]
        offsets = [start * (dim == axis) for dim in range(len(shape))]
        kind = TensorType(element_of(source), sizes)
        return self.insert(
            tensor.ExtractSliceOp(source, offsets, sizes, [1] * len(shape), kind)
        ).result


def _groups(rank: int, axis: int) -> ArrayAttr[ArrayAttr[IntegerAttr]]:
    """A reassociation in which `axis` of `rank` stands for two."""
    groups: list[ArrayAttr[IntegerAttr]] = []
    at = 0
    for dim in range(rank):
        count = 2 if dim == axis else 1
        groups.append(ArrayAttr([IntegerAttr(at + k, i64) for k in range(count)]))
        at += count
    return ArrayAttr(groups)

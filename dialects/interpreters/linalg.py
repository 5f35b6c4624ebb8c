"""Running tensor and linalg operations on numpy arrays.

What `lower-mx` makes, and as much of the upstream dialects as that takes: whole tensors at once, in
place of upstream's one scalar at a time. A body is evaluated on arrays; a reduction runs from its
first to its last index, as the loops would. Integers are unsigned arrays of their width, f16 and
bf16 are float32 arrays of rounded values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ml_dtypes
import numpy as np
from xdsl.dialects import arith, math, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
)
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.dialects.linalg.ops import GenericOp, YieldOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Attribute, Block, Operation, OpResult, SSAValue
from xdsl.ir.affine import AffineDimExpr
from xdsl.utils.exceptions import InterpretationError
from xdsl.utils.hints import isa

from ...xdsl_compat import scalar
from .dense_constants import AnyArray, array_type, dense_array

Scalars = dict[SSAValue, AnyArray]

_COMPARE: dict[int, Callable[[AnyArray, AnyArray], AnyArray]] = {
    0: np.equal, 1: np.not_equal, 6: np.less, 7: np.less_equal, 8: np.greater, 9: np.greater_equal,
}  # fmt: skip
"""Predicates of arith.cmpi on unsigned arrays; 2 to 5 are the signed ones."""

_BINARY: dict[type[Operation], Callable[[AnyArray, AnyArray], AnyArray]] = {
    arith.AddiOp: np.add, arith.SubiOp: np.subtract, arith.MuliOp: np.multiply,
    arith.AndIOp: np.bitwise_and, arith.OrIOp: np.bitwise_or, arith.XOrIOp: np.bitwise_xor,
    arith.MaxUIOp: np.maximum, arith.MinUIOp: np.minimum,
    arith.ShLIOp: np.left_shift, arith.ShRUIOp: np.right_shift,
    arith.AddfOp: np.add, arith.SubfOp: np.subtract, arith.MulfOp: np.multiply,
    arith.DivfOp: np.divide, arith.MaximumfOp: np.maximum, arith.MinimumfOp: np.minimum,
}  # fmt: skip
_SIGNED: dict[type[Operation], Callable[[AnyArray, AnyArray], AnyArray]] = {
    arith.MaxSIOp: np.maximum, arith.MinSIOp: np.minimum, arith.ShRSIOp: np.right_shift,
}  # fmt: skip
_UNARY: dict[type[Operation], Callable[[AnyArray], AnyArray]] = {
    arith.NegfOp: np.negative, math.AbsFOp: np.abs, math.RoundEvenOp: np.rint,
    math.FloorOp: np.floor, math.Log2Op: np.log2,
}  # fmt: skip
_FLOAT_COMPARE: dict[int, Callable[[AnyArray, AnyArray], AnyArray]] = {
    1: np.equal, 2: np.greater, 3: np.greater_equal, 4: np.less, 5: np.less_equal,
    13: np.not_equal,
}  # fmt: skip
"""Predicates of arith.cmpf: the ordered ones, and `une`."""


@register_impls
class PlainConstants(InterpreterFunctions):
    """`arith.constant` of tensors as well as of scalars."""

    @impl(arith.ConstantOp)
    def constant(
        self, interpreter: Interpreter, op: arith.ConstantOp, args: PythonValues
    ) -> PythonValues:
        match op.value:
            case IntegerAttr() | FloatAttr():
                return (scalar(interpreter, op.value),)
            case DenseIntOrFPElementsAttr():
                return (dense_array(op.value),)
            case _:
                raise InterpretationError(f"arith.constant is not implemented for {op.value}")


@register_impls
class PlainFunctions(InterpreterFunctions):
    """Tensor and linalg operations with static shapes."""

    @impl(tensor.EmptyOp)
    def empty(self, _: Interpreter, op: tensor.EmptyOp, args: PythonValues) -> PythonValues:
        kind = _kind(op.tensor)
        return (np.zeros(kind.get_shape(), array_type(kind.get_element_type())),)

    @impl(tensor.PadOp)
    def pad(self, _: Interpreter, op: tensor.PadOp, args: PythonValues) -> PythonValues:
        last = op.region.block.last_op
        value = last.operands[0] if last is not None else None
        filler = value.op if isinstance(value, OpResult) else None
        if not isinstance(filler, arith.ConstantOp):
            raise InterpretationError("tensor.pad is implemented for a constant filler only")
        low, high = op.static_low.get_values(), op.static_high.get_values()
        number = _scalar(filler).astype(args[0].dtype)
        widths = list(zip(low, high, strict=True))
        return (np.pad(args[0], widths, constant_values=number.item()),)

    @impl(tensor.ExpandShapeOp)
    def expand(self, _: Interpreter, op: tensor.ExpandShapeOp, args: PythonValues) -> PythonValues:
        return (args[0].reshape(_kind(op.results[0]).get_shape()),)

    @impl(tensor.CollapseShapeOp)
    def collapse(
        self, _: Interpreter, op: tensor.CollapseShapeOp, args: PythonValues
    ) -> PythonValues:
        return (args[0].reshape(_kind(op.results[0]).get_shape()),)

    @impl(tensor.ExtractSliceOp)
    def extract(
        self, _: Interpreter, op: tensor.ExtractSliceOp, args: PythonValues
    ) -> PythonValues:
        source, *dynamic = args
        if dynamic:
            raise InterpretationError("tensor.extract_slice is implemented for static ranges only")
        ranges = zip(
            op.static_offsets.get_values(),
            op.static_sizes.get_values(),
            op.static_strides.get_values(),
            strict=True,
        )
        where = tuple(slice(o, o + (n - 1) * s + 1, s) for o, n, s in ranges)
        return (source[where].reshape(_kind(op.result).get_shape()),)

    @impl(tensor.ConcatOp)
    def concat(self, _: Interpreter, op: tensor.ConcatOp, args: PythonValues) -> PythonValues:
        return (np.concatenate(list(args), axis=op.dim.value.data),)

    @impl(GenericOp)
    def generic(self, _: Interpreter, op: GenericOp, args: PythonValues) -> PythonValues:
        return tuple(_generic(op, args))


def _kind(value: SSAValue) -> TensorType[Attribute]:
    assert isa(value.type, TensorType[Attribute])
    return value.type


def _dims(attribute: AffineMapAttr) -> tuple[int, ...]:
    """The loops that an indexing map names, in order."""
    dims: list[int] = []
    for expression in attribute.data.results:
        if not isinstance(expression, AffineDimExpr):
            raise InterpretationError(f"an indexing map must name loops, got {attribute}")
        dims.append(expression.position)
    return tuple(dims)


def _aligned(array: AnyArray, dims: tuple[int, ...], rank: int) -> AnyArray:
    """An operand with its dimensions where the loops have them, 1 for the others."""
    order = sorted(range(len(dims)), key=lambda at: dims[at])
    shape = [1] * rank
    for at in order:
        shape[dims[at]] = array.shape[at]
    return array.transpose(order).reshape(shape)


def _generic(op: GenericOp, args: Sequence[AnyArray]) -> list[AnyArray]:
    """The results of linalg.generic."""
    maps = [_dims(attribute) for attribute in op.indexing_maps]
    rank = len(op.iterator_types)
    count = len(op.inputs)
    block = op.body.block
    aligned = [_aligned(a, dims, rank) for a, dims in zip(args, maps, strict=True)]
    extents = np.broadcast_shapes(*(a.shape for a in aligned)) if rank else ()
    reduced = [i for i, kind in enumerate(op.iterator_types) if kind.data == IteratorType.REDUCTION]
    with np.errstate(all="ignore"):
        if reduced:
            values = _reduced(block, aligned, count, reduced, extents)
        else:
            values = _evaluate(block, dict(zip(block.args, aligned, strict=True)))
    results: list[AnyArray] = []
    for value, dims, out in zip(values, maps[count:], args[count:], strict=True):
        shape = tuple(1 if i in reduced else extent for i, extent in enumerate(extents))
        whole = np.broadcast_to(value, shape)
        kept = whole.reshape([extents[i] for i in sorted(dims)])
        order = np.argsort(np.argsort(dims)) if dims else ()
        results.append(np.array(kept.transpose(order), out.dtype))
    return results


def _reduced(
    block: Block,
    aligned: Sequence[AnyArray],
    count: int,
    reduced: Sequence[int],
    extents: tuple[int, ...],
) -> list[AnyArray]:
    """Run the body for one index of the reduction after the other, on all others at once."""
    state = list(aligned[count:])
    for index in np.ndindex(*(extents[i] for i in reduced)):
        where: list[slice] = [slice(None)] * len(extents)
        for loop, at in zip(reduced, index, strict=True):
            where[loop] = slice(at, at + 1)
        inputs = [
            a[tuple(w if a.shape[i] > 1 else slice(None) for i, w in enumerate(where))]
            for a in aligned[:count]
        ]
        state = _evaluate(block, dict(zip(block.args, [*inputs, *state], strict=True)))
    return state


def _scalar(op: arith.ConstantOp) -> AnyArray:
    """A constant of a body."""
    match op.value:
        case IntegerAttr():
            kind = array_type(op.result.type)
            value = op.value.value.data
            if kind.kind == "u":
                value &= (1 << 8 * kind.itemsize) - 1
            return np.array(value, kind)
        case FloatAttr():
            return np.array(op.value.value.data, array_type(op.result.type))
        case _:
            raise InterpretationError(f"no scalar constant: {op.value}")


def _signed(values: AnyArray) -> AnyArray:
    return values.view(np.dtype(f"i{values.dtype.itemsize}"))


def _evaluate(block: Block, scalars: Scalars) -> list[AnyArray]:
    """What a body yields, all values arrays."""
    for op in block.ops:
        if isinstance(op, YieldOp):
            return [scalars[value] for value in op.operands]
        scalars[op.results[0]] = _operation(op, [scalars[value] for value in op.operands])
    raise InterpretationError("the body of linalg.generic must end with linalg.yield")


def _operation(op: Operation, args: list[AnyArray]) -> AnyArray:
    """One operation of a body."""
    kind = type(op)
    if kind in _BINARY:
        return _BINARY[kind](*args)
    if kind in _SIGNED:
        return _SIGNED[kind](*map(_signed, args)).view(args[0].dtype)
    if kind in _UNARY:
        return _UNARY[kind](args[0])
    to = array_type(op.results[0].type)
    match op:
        case arith.ConstantOp():
            return _scalar(op)
        case arith.CmpiOp():
            predicate = op.predicate.value.data
            if predicate in _COMPARE:
                return _COMPARE[predicate](*args)
            return _COMPARE[predicate + 4](*map(_signed, args))
        case arith.CmpfOp() if op.predicate.value.data in _FLOAT_COMPARE:
            return _FLOAT_COMPARE[op.predicate.value.data](*args)
        case arith.SelectOp():
            return np.where(*args)
        case arith.BitcastOp():
            return np.ascontiguousarray(args[0]).view(to).reshape(args[0].shape)
        case arith.TruncIOp() | arith.ExtUIOp() | arith.UIToFPOp():
            return args[0].astype(to)
        case arith.SIToFPOp():
            return _signed(args[0]).astype(to)
        case arith.FPToSIOp():
            return args[0].astype(np.dtype(f"i{to.itemsize}")).view(to)
        case arith.ExtFOp():
            return args[0].astype(to)
        case arith.TruncFOp():
            return _rounded(args[0], op.result.type)
        case _:
            raise InterpretationError(f"{op.name} is not implemented in the body of linalg.generic")


def _rounded(values: AnyArray, to: Attribute) -> AnyArray:
    if isinstance(to, BFloat16Type):
        return values.astype(ml_dtypes.bfloat16).astype(np.float32)
    if isinstance(to, Float16Type):
        return values.astype(np.float16).astype(np.float32)
    return values.astype(array_type(to))

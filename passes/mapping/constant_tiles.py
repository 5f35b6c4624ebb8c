"""Constant tiles in matrix memory, which the matrix unit adds up rows with or packs them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, func
from xdsl.dialects.builtin import BFloat16Type, DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR
from ...dialects.fa.types import TileType
from ...machine.spec.params import Machine
from ..support.tile_builder import index_constant


def tile_of_ones(machine: Machine, function: func.FuncOp) -> SSAValue:
    """A tile of ones, loaded at the start of the function."""
    rows = _rows(machine)
    ones = _constant([1.0], (rows, machine.mlen))
    ones.result.name_hint = "ones"
    return _loaded(function, [ones], ones.result, (rows, machine.mlen), "ones_tile")


def unit_tile(machine: Machine, function: func.FuncOp) -> SSAValue:
    """The unit matrix over the factor of the batched instructions, so that they copy; loaded at
    the start of the function.

    Read in row-major order, a unit matrix of n columns is one number and n zeros again and again:
    so the host makes it from one number.
    """
    n, rows = machine.mlen, _rows(machine)
    one = _constant([1 / BATCHED_FACTOR], (1, 1))
    line = fa.PadOp(one.result, (1, n + 1))
    lines = fa.BroadcastOp(line.result, (n, n + 1))
    flat = fa.ReshapeOp(lines.result, (1, n * (n + 1)))
    cut = fa.CropOp(flat.result, (1, n * n), (0, 0))
    square = fa.ReshapeOp(cut.result, (n, n))
    ops: list[Operation] = [one, line, lines, flat, cut, square]
    value = square.result
    if rows > n:
        padded = fa.PadOp(value, (rows, n))
        ops.append(padded)
        value = padded.result
    value.name_hint = "unit"
    return _loaded(function, ops, value, (rows, n), "unit_tile")


def _rows(machine: Machine) -> int:
    """A tile, or as much as one prefetch brings."""
    return max(machine.prefetch_m, machine.mlen)


def _constant(values: Sequence[float], shape: tuple[int, int]) -> arith.ConstantOp:
    kind = TensorType(BFloat16Type(), shape)
    return arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(kind, values), kind)


def _loaded(
    function: func.FuncOp,
    ops: Sequence[Operation],
    value: SSAValue,
    shape: tuple[int, int],
    name: str,
) -> SSAValue:
    """Put operations at the start of a function, and a load of the tensor that they make."""
    first = function.body.block.first_op
    assert first is not None
    point = InsertPoint.before(first)
    for op in ops:
        op.location = function.location
        Rewriter.insert_op(op, point)
    zero = index_constant(0, point, function.location)
    load = fa.LoadOp(value, (zero, zero), TileType.get(shape, BFloat16Type(), "matrix"))
    load.tile.name_hint = name
    load.location = function.location
    Rewriter.insert_op(load, point)
    return load.tile

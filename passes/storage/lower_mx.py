"""`lower-mx`: the operations of `mx` into tensor, linalg, arith and math operations.

For compilers that lack the dialect. Precondition: `mx` operations on tensors. Postcondition: no
`mx` operation and no block-scaled tensor type is left. A block-scaled tensor becomes tensors of
i8: its element codes, in its own shape, one code in each, and its scale codes, one for each block;
and with e4m3 scales the tensor scale, a tensor<f32>. Arguments and results of functions become two
or three likewise. Whatever else reads a block-scaled tensor, `fa.load` for one, gets its values as
f32. Buffers in HBM keep their storage, which is the machine's. Values are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    ModuleOp,
    TensorType,
    f32,
    i8,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from ...dialects.mx import (
    CenterOp,
    DequantizeOp,
    LimitOp,
    QuantizeOp,
    RequantizeOp,
    RotateOp,
    block_format,
)
from ...dialects.mx.types import BlockAttr
from .linalg_builder import PlainBuilder
from .mx_linalg import Stored, center, decoded, encoded, limited, rotated, rounded


@dataclass(frozen=True)
class LowerMxPass(ModulePass):
    """Block-scaled formats in plain operations."""

    name = "lower-mx"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [f for f in op.ops if isinstance(f, func.FuncOp) and not f.is_declaration]:
            _Lowering().function(function)


class _Lowering:
    """One function."""

    def __init__(self):
        self.stored: dict[SSAValue, Stored] = {}

    def function(self, function: func.FuncOp) -> None:
        """Arguments, then operations in order, then what they replaced is erased."""
        if function.body.blocks:
            self._arguments(function, function.body.block)
        replaced: list[Operation] = []
        for op in list(function.walk()):
            if isinstance(op, func.ReturnOp):
                self._return(op)
                continue
            for index, operand in enumerate(op.operands):
                if operand in self.stored and not _takes_stored(op):
                    op.operands[index] = self._values(op, self.stored[operand])
            if self._operation(op):
                replaced.append(op)
            else:
                self._check(op)
        for op in reversed(replaced):
            Rewriter.erase_op(op)
        for argument in [a for a in self.stored if isinstance(a, BlockArgument)]:
            argument.block.erase_arg(argument)
        function.update_function_type()

    def _arguments(self, function: func.FuncOp, block: Block) -> None:
        for argument in list(block.args):
            encoding = block_format(argument.type)
            if encoding is None:
                continue
            assert isa(argument.type, TensorType[Attribute])
            shape = argument.type.get_shape()
            parts: list[SSAValue] = []
            for suffix, kind in _part_types(shape, encoding):
                part = block.insert_arg(kind, argument.index)
                part.name_hint = f"{argument.name_hint or 'arg'}_{suffix}"
                parts.append(part)
            self.stored[argument] = Stored(encoding, shape, *parts)

    def _return(self, op: func.ReturnOp) -> None:
        operands: list[SSAValue] = []
        for operand in op.operands:
            stored = self.stored.get(operand)
            operands += [operand] if stored is None else stored.parts
        op.operands = operands

    def _values(self, op: Operation, stored: Stored) -> SSAValue:
        return decoded(PlainBuilder(InsertPoint.before(op), op.location), stored, f32)

    def _operation(self, op: Operation) -> bool:
        """Build what an operation of `mx` does; whether it was one."""
        build = PlainBuilder(InsertPoint.before(op), op.location)
        match op:
            case QuantizeOp():
                encoding = block_format(op.result.type)
                if encoding is None:
                    self._replace(op, rounded(build, op.source, _element(op.result)))
                else:
                    self._store(op, encoded(build, op.source, self._loadable(op, encoding)))
            case DequantizeOp():
                stored = self.stored.get(op.source)
                to = _element(op.result)
                plain = stored is None
                value = rounded(build, op.source, to) if plain else decoded(build, stored, to)
                self._replace(op, value)
            case RequantizeOp():
                encoding = block_format(op.result.type)
                assert encoding is not None
                values = decoded(build, self.stored[op.source], f32)
                self._store(op, encoded(build, values, self._loadable(op, encoding)))
            case CenterOp():
                self._replace(op, center(build, op.source, op.axis.value.data, _element(op.result)))
            case RotateOp():
                self._replace(
                    op, rotated(build, op.source, op.seed.value.data, _element(op.result))
                )
            case LimitOp():
                depth = op.depth.value.data
                self._replace(op, limited(build, op.source, depth, _element(op.result)))
            case arith.ConstantOp():
                encoding = block_format(op.result.type)
                if encoding is None:
                    return False
                self._store(op, encoded(build, self._plain_constant(build, op), encoding))
            case _:
                return False
        return True

    def _plain_constant(self, build: PlainBuilder, op: arith.ConstantOp) -> SSAValue:
        """The values of a block-scaled constant; quantizing them again gives the same values."""
        assert isa(op.value, DenseIntOrFPElementsAttr)
        kind = op.result.type
        assert isa(kind, TensorType[Attribute])
        plain = TensorType(kind.get_element_type(), kind.get_shape())
        return build.constant(DenseIntOrFPElementsAttr(plain, op.value.data))  # pyright: ignore[reportArgumentType]

    def _loadable(self, op: Operation, encoding: BlockAttr) -> BlockAttr:
        if encoding.variant.data == "plena" and encoding.element.data.startswith("int"):
            raise OpError(
                op,
                f"{encoding.element.data} in the machine's variant is truncated and read without "
                "sign; plain operations exist for variant ocp",
            )
        return encoding

    def _replace(self, op: Operation, value: SSAValue) -> None:
        result = op.results[0]
        if value.name_hint is None:
            value.name_hint = result.name_hint
        result.replace_all_uses_with(value)

    def _store(self, op: Operation, stored: Stored) -> None:
        for (suffix, _), part in zip(
            _part_types(stored.shape, stored.encoding), stored.parts, strict=True
        ):
            part.name_hint = f"{op.results[0].name_hint or 'stored'}_{suffix}"
        self.stored[op.results[0]] = stored

    def _check(self, op: Operation) -> None:
        for result in op.results:
            if block_format(result.type) is not None:
                raise OpError(
                    op,
                    f"{op.name} gives a block-scaled tensor, which plain operations cannot; "
                    "lower-mx knows those of mx operations, arguments and constants",
                )


def _takes_stored(op: Operation) -> bool:
    return isinstance(op, DequantizeOp | RequantizeOp)


def _element(value: SSAValue) -> Attribute:
    assert isa(value.type, TensorType[Attribute])
    return value.type.get_element_type()


def _part_types(shape: Sequence[int], encoding: BlockAttr) -> list[tuple[str, Attribute]]:
    """Names and types of what a block-scaled tensor becomes."""
    blocks = list(shape)
    axis = encoding.axis.data
    blocks[axis] = -(-blocks[axis] // encoding.size.data)
    parts: list[tuple[str, Attribute]] = [
        ("codes", TensorType(i8, shape)),
        ("scales", TensorType(i8, blocks)),
    ]
    if encoding.scale.data == "e4m3":
        parts.append(("tensor_scale", TensorType(f32, [])))
    return parts

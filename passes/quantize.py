"""`quantize`: the storage format of each HBM tensor, and bf16 on chip.

Precondition: tile IR. Postcondition: each argument that is loaded goes through `mx.quantize` into
the format that the machine file names for it (operands of the matrix unit, keys and values:
HBM_M_KV_TYPE; of the vector unit, queries: HBM_V_ACT_TYPE), buffers in HBM are stored as
HBM_V_ACT_TYPE, and every tile holds bf16. The function's interface types stay: the host quantizes.
Refuses the unfused form where P would be stored with 8 bits. Applying it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.builtin import BFloat16Type, MemRefType, ModuleOp, NoneAttr, TensorType
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..diagnostics import OpError
from ..dialects import fa
from ..dialects.fa_attrs import HbmAttr, TileType
from ..dialects.machine_attr import machine_of
from ..dialects.mx import ELEMENTS, BlockAttr, DequantizeOp, QuantizeOp
from ..machine.formats import BF16, E8M0, HbmFormat, PlainFormat

BF16_TYPE = BFloat16Type()


@dataclass(frozen=True)
class QuantizePass(ModulePass):
    """Storage formats in HBM, bf16 in tiles."""

    name = "quantize"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = machine_of(op, self.machine)
        for load in [inner for inner in op.walk() if isinstance(inner, fa.LoadOp)]:
            if isinstance(load.source.type, TensorType) and isinstance(load.source, BlockArgument):
                on_matrix = fa.tile(load.tile).space.data == "matrix"
                _quantize_argument(load, machine.matrix_kv if on_matrix else machine.vector_act)
        for alloc in [inner for inner in op.walk() if isinstance(inner, memref.AllocOp)]:
            _quantize_buffer(alloc, machine.vector_act)
        for value in [value for inner in op.walk() for value in _values(inner)]:
            if isinstance(value.type, TileType) and value.type.element_type != BF16_TYPE:
                Rewriter.replace_value_with_new_type(value, value.type.holding(BF16_TYPE))


def _values(op: Operation) -> Iterator[SSAValue]:
    """What an operation defines: its results and the arguments of its blocks."""
    yield from op.results
    for region in op.regions:
        for block in region.blocks:
            yield from block.args


def storage_attribute(kind: HbmFormat, op: Operation) -> BlockAttr | None:
    """A machine's HBM format as IR, None for Plain bf16; raises OpError where it is unusable."""
    if isinstance(kind, PlainFormat):
        if kind.element == BF16:
            return None
        raise OpError(
            op,
            f"the machine stores this operand as Plain {kind.element}, which its stores get wrong "
            "(ISA section 5.5); Plain bf16 and Mx formats work",
        )
    if str(kind.element) not in ELEMENTS or kind.scale != E8M0:
        raise OpError(
            op,
            f"the machine stores this operand as {kind}; elements can be {', '.join(ELEMENTS)}, "
            "scales e8m0",
        )
    return BlockAttr.get(str(kind.element), "e8m0", kind.block, "plena")


def _stored(shape: Sequence[int], storage: BlockAttr | None) -> TensorType[Attribute]:
    return TensorType(BF16_TYPE, shape, NoneAttr() if storage is None else storage)


def _quantize_argument(load: fa.LoadOp, kind: HbmFormat) -> None:
    """Load from the argument's stored form, made once at the start of the function."""
    argument = load.source
    assert isinstance(argument, BlockArgument)
    stored = _stored(fa.tensor_dims(argument), storage_attribute(kind, load))
    if argument.type == stored:
        return
    first = argument.block.first_op
    assert first is not None
    for use in argument.uses:
        if isinstance(use.operation, QuantizeOp) and use.operation.result.type == stored:
            load.operands[0] = use.operation.result
            return
    convert = QuantizeOp(argument, stored)
    convert.location = load.location
    convert.result.name_hint = f"{argument.name_hint or 'arg'}_stored"
    Rewriter.insert_op(convert, InsertPoint.before(first))
    load.operands[0] = convert.result


def _quantize_buffer(alloc: memref.AllocOp, kind: HbmFormat) -> None:
    """Store a buffer in the format of activations; results go back to the type they had."""
    old = alloc.memref.type
    assert isinstance(old, MemRefType)
    storage = storage_attribute(kind, alloc)
    results = [use.operation for use in alloc.memref.uses if isinstance(use.operation, fa.ResultOp)]
    if storage is not None and not results:
        raise OpError(
            alloc,
            f"scores and probabilities would be stored as {kind} (HBM_V_ACT_TYPE), which ruins "
            "them; fuse first, or use a machine with Plain bf16 activations",
        )
    new = MemRefType(BF16_TYPE, old.get_shape(), memory_space=HbmAttr.get(storage))
    if new == old:
        return
    Rewriter.replace_value_with_new_type(alloc.memref, new)
    for result in results:
        plain = TensorType(BF16_TYPE, old.get_shape())
        wanted = result.tensor.type
        if wanted == plain:
            continue
        assert isinstance(wanted, TensorType)
        value = Rewriter.replace_value_with_new_type(result.tensor, plain)
        convert = DequantizeOp(value, wanted)
        convert.location = result.location
        value.replace_all_uses_with(convert.result)
        Rewriter.insert_op(convert, InsertPoint.after(result))
        convert.operands[0] = value

"""The `mx` dialect: number formats of tensors in HBM.

A tensor whose type carries `#mx.block<...>` as its encoding holds values of its element type that
are stored in a block-scaled format. `mx.quantize`, `mx.dequantize` and `mx.requantize` are where a
value changes form; at a function's boundary that is the host's work, and so are `mx.center` and
`mx.rotate`, which prepare values for low precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialect_interfaces.constant_materialization import ConstantMaterializationInterface
from xdsl.dialects.builtin import (
    I64,
    DenseIntOrFPElementsAttr,
    Float32Type,
    IntegerAttr,
    TensorType,
    i64,
)
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Dialect, Operation, OpResult, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...machine.host.layout import Step
from ...machine.host.recipe import Recipe
from ..host_op import HostOp
from .types import ELEMENTS, VALUE_TYPES, BlockAttr, block_format, verify_encoding

__all__ = [
    "ELEMENTS",
    "MX",
    "BlockAttr",
    "CenterOp",
    "DequantizeOp",
    "LimitOp",
    "PreparationOp",
    "QuantizeOp",
    "RequantizeOp",
    "RotateOp",
    "block_format",
]


def tensor(value: SSAValue) -> TensorType[Attribute]:
    """The type of a value that is a tensor."""
    assert isa(value.type, TensorType[Attribute])
    return value.type


class Conversion(IRDLOperation):
    """A tensor in another form; the shape stays."""

    source = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        source: SSAValue,
        result: TensorType[Attribute],
        properties: dict[str, Attribute] | None = None,
    ):
        super().__init__(
            operands=[source], result_types=[result], properties=dict(properties or {})
        )

    def verify_(self) -> None:
        source, result = tensor(self.source), tensor(self.result)
        if source.get_shape() != result.get_shape():
            raise VerifyException(f"the shape must stay: {source} -> {result}")
        for kind in (source, result):
            if not isinstance(kind.get_element_type(), VALUE_TYPES):
                raise VerifyException(f"values are bf16, f16 or f32, got {kind}")
            verify_encoding(kind)


@irdl_op_definition
class QuantizeOp(Conversion, HasFolderInterface):
    """Values into the storage format of the result type (or rounded to its element type).

    `%q = mx.quantize %x : tensor<4x64xbf16> -> tensor<4x64xbf16, #mx.block<...>>`. Shapes [...] to
    the same [...]; OCP MX v1.0 section 6.3, or ISA section 5.2.
    """

    name = "mx.quantize"
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_(self) -> None:
        super().verify_()
        if block_format(self.source.type) is not None:
            raise VerifyException(
                "the source is stored in a block format already; use mx.requantize"
            )

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        """Back into the format that exact values came from; a constant; nothing to do."""
        if self.source.type == self.result.type:
            return (self.source,)
        stored = _decoded_from(self.source)
        if stored is not None and stored.type == self.result.type and _exact(stored):
            return (stored,)
        return _folded_constant(self)


@irdl_op_definition
class DequantizeOp(Conversion, HasFolderInterface):
    """Stored values as plain elements of the result type, rounded to nearest even."""

    name = "mx.dequantize"
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_(self) -> None:
        super().verify_()
        if block_format(self.result.type) is not None:
            raise VerifyException("the result is plain; mx.requantize gives another block format")

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        """A constant; nothing to do."""
        if self.source.type == self.result.type:
            return (self.source,)
        return _folded_constant(self)


@irdl_op_definition
class RequantizeOp(Conversion, HasFolderInterface):
    """From one block format into another: what was stored, decoded, and quantized again."""

    name = "mx.requantize"
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_(self) -> None:
        super().verify_()
        if block_format(self.source.type) is None:
            raise VerifyException("the source is plain; use mx.quantize")
        if block_format(self.result.type) is None:
            raise VerifyException("the result is plain; use mx.dequantize")

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        """Into the same format: nothing changes, where quantizing twice is quantizing once."""
        if self.source.type == self.result.type and _exact(self.source):
            return (self.source,)
        return _folded_constant(self)


class PreparationOp(Conversion, HostOp):
    """A step of what prepares plain values for low precision; the result is rounded to its type."""

    RECIPE: ClassVar[str] = "prepare"
    STEP: ClassVar[Step]
    """Which step it is, of those in `machine/numerics/center_rotate.py`."""

    traits = traits_def(Pure())

    @property
    def number(self) -> int:
        """The parameter of the step: an axis, a seed, a depth."""
        raise NotImplementedError

    def parameters(self, rounded: bool = True) -> Recipe:
        element = tensor(self.result).get_element_type()
        return [self.STEP, self.number, str(element) if rounded else "f32"]

    def verify_(self) -> None:
        super().verify_()
        for value in (self.source, self.result):
            if block_format(value.type) is not None:
                raise VerifyException(f"{self.name} works on plain tensors, got {value.type}")


@irdl_op_definition
class CenterOp(PreparationOp):
    """Every vector along the last dimension minus the mean of all along `axis`.

    For keys [batch, heads, length, dim] and axis 2 this takes the mean key of each head away, which
    shifts every score of a query by the same amount: softmax does not see it, a logsumexp does. The
    mean is taken in float64; the result is rounded to its element type.
    """

    name = "mx.center"
    STEP: ClassVar[Step] = "center"

    axis = prop_def(IntegerAttr[I64])
    assembly_format = "$source `along` $axis attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, axis: int, result: TensorType[Attribute]):
        super().__init__(source, result, {"axis": IntegerAttr(axis, i64)})

    @property
    def number(self) -> int:
        return self.axis.value.data

    def verify_(self) -> None:
        super().verify_()
        rank = len(tensor(self.source).get_shape())
        if not 0 <= self.axis.value.data < rank - 1:
            raise VerifyException(
                f"axis {self.axis.value.data} is none of 0 to {rank - 2}; the last dimension holds "
                "the vectors"
            )


@irdl_op_definition
class RotateOp(PreparationOp):
    """Every vector along the last dimension times an orthogonal Hadamard matrix.

    y = H D x: D turns signs by a fixed pseudo-random pattern of `seed`, H is the Hadamard matrix
    of the largest power of two that divides the dimension, over its root, once for each piece.
    Queries and keys turned alike have the same scores, and outliers in a few channels are spread
    over all (FlashAttention-3, section 3.3). The product is taken in float64 and rounded to the
    element type of the result.
    """

    name = "mx.rotate"
    STEP: ClassVar[Step] = "rotate"

    seed = prop_def(IntegerAttr[I64])
    assembly_format = "$source `by` $seed attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, seed: int, result: TensorType[Attribute]):
        super().__init__(source, result, {"seed": IntegerAttr(seed, i64)})

    @property
    def number(self) -> int:
        return self.seed.value.data

    def verify_(self) -> None:
        super().verify_()
        if self.number < 0:
            raise VerifyException(f"a seed is at least 0, got {self.number}")


@irdl_op_definition
class LimitOp(PreparationOp):
    """Biases, of which those far below the largest of their row, m, are m - |m| - depth.

    A row lies along the last dimension. Keys are hidden by any number so low that exp sees nothing
    of it; in a block of MX elements the lowest takes all digits from the others. -inf, which has a
    code of its own, stays.
    """

    name = "mx.limit"
    STEP: ClassVar[Step] = "limit"

    depth = prop_def(IntegerAttr[I64])
    assembly_format = "$source `to` $depth attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, depth: int, result: TensorType[Attribute]):
        super().__init__(source, result, {"depth": IntegerAttr(depth, i64)})

    @property
    def number(self) -> int:
        return self.depth.value.data

    def verify_(self) -> None:
        super().verify_()
        if self.number < 1:
            raise VerifyException(f"a depth is at least 1, got {self.number}")


def _decoded_from(value: SSAValue) -> SSAValue | None:
    """What a value was decoded from without loss: float32 holds every code times every scale."""
    if not isinstance(value, OpResult) or not isinstance(value.op, DequantizeOp):
        return None
    return value.op.source if isinstance(tensor(value).get_element_type(), Float32Type) else None


def _exact(stored: SSAValue) -> bool:
    """Whether quantizing the values of a stored tensor again gives the same values.

    To nearest it does, by any rule. The machine's own rounding adds 1e-9 to what it takes the
    logarithm of, and two-level scales are derived anew: both may move.
    """
    encoding = block_format(stored.type)
    if encoding is None:
        return False
    return encoding.rounding.data == "nearest" and encoding.scale.data == "e8m0"


def _folded_constant(op: Conversion) -> Sequence[Attribute] | None:
    """The result for a constant source, where its element type holds the values exactly."""
    owner = op.source.owner
    if not isinstance(owner, Operation) or not owner.has_trait(ConstantLike):
        return None
    constant = owner.properties.get("value")
    if not isa(constant, DenseIntOrFPElementsAttr):
        return None
    from .semantics import fold_constant

    folded = fold_constant(constant, tensor(op.source), tensor(op.result))
    return None if folded is None else (folded,)


class _Constants(ConstantMaterializationInterface):
    """Folded tensors become `arith.constant`."""

    def materialize_constant(self, value: Attribute, type: Attribute) -> Operation | None:
        from xdsl.dialects.arith import ConstantOp

        if isa(value, DenseIntOrFPElementsAttr):
            return ConstantOp(value, type)
        return None


MX = Dialect(
    "mx",
    [QuantizeOp, DequantizeOp, RequantizeOp, CenterOp, RotateOp, LimitOp],
    [BlockAttr],
    [_Constants()],
)

"""What the host does with tensors before a kernel and after it: views, caches, masks as biases.

These operations stand between a function's arguments and what tiles are loaded from, or between
what tiles are stored to and the function's results. The kernel never executes them: the host does,
when it packs arguments and unpacks results.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, TensorType, i1, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ...machine.host.recipe import Recipe
from ..host_op import HostOp
from .type_access import shape_text, tensor_dims, tensor_element
from .types import ELEMENT_TYPES


def _keep_element(old: SSAValue, new: SSAValue) -> None:
    if tensor_element(old) != tensor_element(new):
        raise VerifyException("the element type must stay")


class _Resized(HostOp):
    """One tensor made from another, of the same elements under other extents."""

    source = operand_def(TensorType)
    result = result_def(TensorType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, dims: Sequence[int]):
        super().__init__(operands=[source], result_types=[TensorType(tensor_element(source), dims)])

    def parameters(self, rounded: bool = True) -> Recipe:
        return [list(tensor_dims(self.result))]

    def verify_(self) -> None:
        self.check(tensor_dims(self.source), tensor_dims(self.result))
        _keep_element(self.source, self.result)

    def check(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        """Raise VerifyException where extents `old` do not become `new`."""
        raise NotImplementedError


@irdl_op_definition
class ReshapeOp(_Resized):
    """The same elements in row-major order under other extents."""

    name = "fa.reshape"
    RECIPE: ClassVar[str] = "reshape"

    def check(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        if prod(old) != prod(new):
            raise VerifyException(
                f"{shape_text(old)} has {prod(old)} elements, {shape_text(new)} {prod(new)}"
            )


@irdl_op_definition
class TransposeOp(HostOp):
    """Result dimension i is source dimension `permutation[i]`."""

    name = "fa.transpose"
    RECIPE: ClassVar[str] = "transpose"

    source = operand_def(TensorType)
    permutation = prop_def(DenseArrayBase.constr(i64))
    result = result_def(TensorType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, permutation: Sequence[int]):
        dims = tensor_dims(source)
        kind = TensorType(tensor_element(source), [dims[i] for i in permutation])
        super().__init__(
            operands=[source],
            properties={"permutation": DenseArrayBase.from_list(i64, list(permutation))},
            result_types=[kind],
        )

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation."""
        return tuple(int(i) for i in self.permutation.get_values())

    def parameters(self, rounded: bool = True) -> Recipe:
        return [list(self.order)]

    def verify_(self) -> None:
        dims = tensor_dims(self.source)
        if sorted(self.order) != list(range(len(dims))):
            raise VerifyException(
                f"the permutation must name each of {len(dims)} dimensions once, "
                f"got {list(self.order)}"
            )
        want = tuple(dims[i] for i in self.order)
        if tensor_dims(self.result) != want:
            raise VerifyException(f"the result must be {shape_text(want)}")
        _keep_element(self.source, self.result)


@irdl_op_definition
class ConcatOp(HostOp):
    """Two tensors one behind the other along `axis`: a cache and what is appended to it."""

    name = "fa.concat"
    RECIPE: ClassVar[str] = "concat"

    first = operand_def(TensorType)
    second = operand_def(TensorType)
    axis = prop_def(IntegerAttr)
    result = result_def(TensorType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$first `,` $second attr-dict `:` type($first) `,` type($second) `->` type($result)"
    )

    def __init__(self, first: SSAValue, second: SSAValue, axis: int):
        dims = list(tensor_dims(first))
        dims[axis] += tensor_dims(second)[axis]
        super().__init__(
            operands=[first, second],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[TensorType(tensor_element(first), dims)],
        )

    def parameters(self, rounded: bool = True) -> Recipe:
        return [self.axis.value.data]

    def verify_(self) -> None:
        one, other = list(tensor_dims(self.first)), list(tensor_dims(self.second))
        axis = self.axis.value.data
        if len(one) != len(other) or not 0 <= axis < len(one):
            raise VerifyException(f"axis {axis} does not exist in both operands")
        want = [*one[:axis], one[axis] + other[axis], *one[axis + 1 :]]
        one[axis] = other[axis]
        if one != other:
            raise VerifyException(f"the operands must agree but for dimension {axis}")
        if list(tensor_dims(self.result)) != want:
            raise VerifyException(f"the result must be {shape_text(want)}")
        _keep_element(self.first, self.second)
        _keep_element(self.first, self.result)


@irdl_op_definition
class BroadcastOp(_Resized):
    """Dimensions of extent 1 repeated to the extents of the result."""

    name = "fa.broadcast"
    RECIPE: ClassVar[str] = "broadcast"

    def check(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        if len(old) != len(new) or any(a not in (1, b) for a, b in zip(old, new, strict=True)):
            raise VerifyException(f"{shape_text(old)} does not broadcast to {shape_text(new)}")


@irdl_op_definition
class PadOp(_Resized):
    """A tensor with zeros behind its elements, up to the extents of the result."""

    name = "fa.pad"
    RECIPE: ClassVar[str] = "pad"

    def check(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        if len(old) != len(new) or any(a > b for a, b in zip(old, new, strict=True)):
            raise VerifyException(
                f"{shape_text(old)} does not become {shape_text(new)}: a pad makes none smaller"
            )


@irdl_op_definition
class CropOp(HostOp):
    """Elements of a tensor from `start` on along each dimension, as many as the result has.

    Without `start` from the first one on.
    """

    name = "fa.crop"
    RECIPE: ClassVar[str] = "crop"

    source = operand_def(TensorType)
    start = opt_prop_def(DenseArrayBase.constr(i64))
    result = result_def(TensorType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, dims: Sequence[int], start: Sequence[int] | None = None):
        super().__init__(
            operands=[source],
            properties={
                "start": None if start is None else DenseArrayBase.from_list(i64, list(start))
            },
            result_types=[TensorType(tensor_element(source), dims)],
        )

    @property
    def places(self) -> tuple[int, ...]:
        """Where the result starts along each dimension."""
        if self.start is None:
            return (0,) * len(tensor_dims(self.source))
        return tuple(int(place) for place in self.start.get_values())

    def parameters(self, rounded: bool = True) -> Recipe:
        return [list(self.places), list(tensor_dims(self.result))]

    def verify_(self) -> None:
        old, new = tensor_dims(self.source), tensor_dims(self.result)
        if len(self.places) != len(old):
            raise VerifyException(f"start needs a place in each of {len(old)} dimensions")
        ends = [place + extent for place, extent in zip(self.places, new, strict=False)]
        if len(old) != len(new) or any(
            place < 0 or end > extent
            for place, end, extent in zip(self.places, ends, old, strict=True)
        ):
            raise VerifyException(
                f"{shape_text(new)} from {list(self.places)} on is not inside {shape_text(old)}"
            )
        _keep_element(self.source, self.result)


@irdl_op_definition
class AdditiveOp(HostOp):
    """A boolean mask as a bias: 0 where it is true, -inf where it is false."""

    name = "fa.additive"
    RECIPE: ClassVar[str] = "additive"

    source = operand_def(TensorType)
    result = result_def(TensorType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, element_type: Attribute):
        super().__init__(
            operands=[source], result_types=[TensorType(element_type, tensor_dims(source))]
        )

    def parameters(self, rounded: bool = True) -> Recipe:
        return []

    def verify_(self) -> None:
        if tensor_element(self.source) != i1:
            raise VerifyException(f"the mask must hold i1, got {tensor_element(self.source)}")
        if not isinstance(tensor_element(self.result), ELEMENT_TYPES):
            raise VerifyException("the bias must hold bf16, f16 or f32")
        if tensor_dims(self.source) != tensor_dims(self.result):
            raise VerifyException("the shape must stay")

"""What the values of `fa` operations are: tiles, tensors, buffers in HBM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from .types import TileType


def tile(value: SSAValue) -> TileType:
    """The type of a value that is a tile."""
    if not isinstance(value.type, TileType):
        raise VerifyException(f"expected a tile, got {value.type}")
    return value.type


def tensor_dims(value: SSAValue) -> tuple[int, ...]:
    """The extents of a tensor or HBM buffer, in elements; dynamic ones are -1."""
    return tuple(-1 if d == DYNAMIC_INDEX else d for d in tensor_type(value).get_shape())


def tensor_element(value: SSAValue) -> Attribute:
    """The element type of a tensor or HBM buffer."""
    return tensor_type(value).get_element_type()


def tensor_type(value: SSAValue) -> TensorType[Attribute] | MemRefType[Attribute]:
    """The type of a tensor or of a buffer in HBM."""
    kind = value.type
    if not isinstance(kind, TensorType | MemRefType):
        raise VerifyException(f"expected a tensor or a buffer in HBM, got {kind}")
    # A cast and no check: the elements of any tensor type are an attribute.
    return cast("TensorType[Attribute] | MemRefType[Attribute]", kind)


def shape_text(dims: Sequence[int]) -> str:
    """Extents as types print them."""
    return "x".join(map(str, dims))

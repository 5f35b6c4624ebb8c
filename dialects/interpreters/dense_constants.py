"""Constant tensors as numpy arrays, and back."""

from __future__ import annotations

from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    BFloat16Type,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float64Type,
    IndexType,
    IntegerType,
    TensorType,
    bf16,
)
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

AnyArray: TypeAlias = NDArray[Any]


def array_type(element: Attribute) -> np.dtype[Any]:
    """The numpy type that holds elements of a type."""
    if isa(element, IntegerType):
        width = element.width.data
        return np.dtype(np.bool_) if width == 1 else np.dtype(f"u{max(1, width // 8)}")
    if isinstance(element, IndexType):
        return np.dtype(np.int64)
    return np.dtype(np.float64 if isinstance(element, Float64Type) else np.float32)


def dense_array(attribute: DenseIntOrFPElementsAttr[Any]) -> AnyArray:
    """The elements of a constant, in its shape."""
    kind = attribute.type
    assert isa(kind, TensorType[Attribute])
    element = kind.get_element_type()
    if isinstance(element, BFloat16Type):
        raw = np.dtype(ml_dtypes.bfloat16)
    else:
        raw = np.dtype(np.float16) if isinstance(element, Float16Type) else array_type(element)
    values = np.frombuffer(attribute.data.data, raw).astype(array_type(element))
    shape = kind.get_shape()
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


def dense_bf16(values: NDArray[np.floating]) -> DenseIntOrFPElementsAttr[Any]:
    """A constant of bf16 elements."""
    kind = TensorType(bf16, values.shape)
    return DenseIntOrFPElementsAttr(kind, BytesAttr(values.astype(ml_dtypes.bfloat16).tobytes()))

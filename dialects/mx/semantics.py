"""What the operations of `mx` compute, in numpy, on arrays of values.

A block-scaled tensor is represented by its values: what its codes decode to.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    BFloat16Type,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    TensorType,
)
from xdsl.ir import Attribute

from ...machine.numerics import mx_blocks as numbers
from ...machine.numerics.center_rotate import center, limit, rotate
from .types import BlockAttr, block_format

__all__ = ["center", "fold_constant", "limit", "rotate", "stored"]

Array = NDArray[np.float32]

_DTYPES: dict[type[Attribute], np.dtype[np.generic]] = {
    BFloat16Type: np.dtype(ml_dtypes.bfloat16),
    Float16Type: np.dtype(np.float16),
    Float32Type: np.dtype(np.float32),
}


def stored(values: Array, encoding: Attribute | None) -> Array:
    """`values` after a round trip through a block-scaled format; as they are for None."""
    if not isinstance(encoding, BlockAttr):
        return values
    return numbers.dequantize(numbers.quantize(values, **encoding.options))


def round_to(values: Array, element: Attribute) -> Array:
    """`values` rounded to an element type, as float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(_DTYPES[type(element)]).astype(np.float32)


def fold_constant(
    constant: DenseIntOrFPElementsAttr,
    source: TensorType[Attribute],
    result: TensorType[Attribute],
) -> DenseIntOrFPElementsAttr | None:
    """A constant tensor converted to the type `result`: quantized if it carries a format, else
    rounded. None where the result's element type does not hold the values exactly."""
    kind = _DTYPES.get(type(source.get_element_type()))
    if kind is None:
        return None
    shape = source.get_shape()
    raw = np.frombuffer(constant.data.data, kind).astype(np.float32)
    values = np.broadcast_to(raw.reshape(-1) if raw.size == 1 else raw.reshape(shape), shape)
    wanted = result.get_element_type()
    encoding = block_format(result)
    if encoding is None:
        values = round_to(values, wanted)
    else:
        values = stored(np.ascontiguousarray(values), encoding)
        if not np.array_equal(values, round_to(values, wanted), equal_nan=True):
            return None
    data = values.astype(_DTYPES[type(wanted)]).tobytes()
    return DenseIntOrFPElementsAttr(result, BytesAttr(data))  # pyright: ignore[reportArgumentType]

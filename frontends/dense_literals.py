"""`dense<...>` with one value for all elements, in bounded time and memory.

xDSL writes a value down for every element and then encodes each: minutes for a constant of a few
million, for ever where a type is huge by mistake.
"""

from __future__ import annotations

from math import prod
from typing import Any

from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import Attribute
from xdsl.parser import Parser

LARGEST_CONSTANT = 1 << 26
"""Elements of a constant; the IR holds all of them."""


class DenseLiterals(Parser):
    """A parser that encodes a value that all elements have once."""

    _splat = False
    """Whether the literal that was read last is one value."""

    _whole: Any = None
    """The type of the constant of which only one element is being encoded."""

    def _parse_tensor_literal(self):
        values, shape = super()._parse_tensor_literal()
        self._splat = not shape
        return values, shape

    def _parse_dense_literal_type(self) -> Any:
        start = self.pos
        kind = super()._parse_dense_literal_type()
        extents: tuple[int, ...] = kind.get_shape()
        if prod(extents) > LARGEST_CONSTANT:
            self.raise_error(
                f"a constant of {prod(extents):,} elements is more than can be handled, "
                f"{LARGEST_CONSTANT:,}",
                start,
            )
        if not self._splat or prod(extents) < 2:
            return kind
        self._whole = kind
        element: Attribute = kind.get_element_type()
        return TensorType(element, ())

    def parse_dense_int_or_fp_elements_attr(self, type: Any) -> DenseIntOrFPElementsAttr:
        self._splat, self._whole = False, None
        one = super().parse_dense_int_or_fp_elements_attr(type)
        whole, self._splat, self._whole = self._whole, False, None
        if whole is None:
            return one
        return DenseIntOrFPElementsAttr(whole, BytesAttr(one.data.data * prod(whole.get_shape())))

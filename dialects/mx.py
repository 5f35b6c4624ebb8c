"""The `mx` dialect: number formats of tensors in HBM.

A tensor whose type carries `#mx.block<...>` as its encoding holds values of its element type that
are stored in a block-scaled format: blocks of consecutive elements of a row share one scale.
`mx.quantize` and `mx.dequantize` are where a value changes form; at a function's boundary that is
the host's work.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    param_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

ELEMENTS = ("e4m3", "e5m2", "e3m2", "e2m3", "e2m1", "int8", "int4")
SCALES = ("e8m0", "e4m3")
VARIANTS = ("ocp", "plena")


@irdl_attr_definition
class BlockAttr(ParametrizedAttribute):
    """Block-scaled storage: `#mx.block<e4m3, scale = e8m0, size = 8, variant = plena>`.

    `size` elements along the last dimension share a scale. The variant says whose rounding and
    special values are meant: OCP MX v1.0, or the machine's own (ISA section 5).
    """

    name = "mx.block"

    element: StringAttr = param_def()
    scale: StringAttr = param_def()
    size: IntAttr = param_def()
    variant: StringAttr = param_def()

    @classmethod
    def get(cls, element: str, scale: str, size: int, variant: str) -> BlockAttr:
        """The format by the names of its parts; `size` in elements."""
        return cls(StringAttr(element), StringAttr(scale), IntAttr(size), StringAttr(variant))

    def verify(self) -> None:
        known = (
            ("element format", self.element.data, ELEMENTS),
            ("scale format", self.scale.data, SCALES),
            ("variant", self.variant.data, VARIANTS),
        )
        for what, name, names in known:
            if name not in names:
                raise VerifyException(f"unknown {what} '{name}'; there are {', '.join(names)}")
        if self.size.data < 1:
            raise VerifyException(f"a block has at least 1 element, got {self.size.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            element = parser.parse_identifier()
            parser.parse_punctuation(",")
            parser.parse_keyword("scale")
            parser.parse_punctuation("=")
            scale = parser.parse_identifier()
            parser.parse_punctuation(",")
            parser.parse_keyword("size")
            parser.parse_punctuation("=")
            size = parser.parse_integer(allow_boolean=False, allow_negative=False)
            variant = "ocp"
            if parser.parse_optional_punctuation(",") is not None:
                parser.parse_keyword("variant")
                parser.parse_punctuation("=")
                variant = parser.parse_identifier()
        return [StringAttr(element), StringAttr(scale), IntAttr(size), StringAttr(variant)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(
                f"{self.element.data}, scale = {self.scale.data}, size = {self.size.data}"
            )
            if self.variant.data != "ocp":
                printer.print_string(f", variant = {self.variant.data}")


def block_format(tensor: Attribute) -> BlockAttr | None:
    """The block-scaled format that a tensor type carries; None where it carries none."""
    if isinstance(tensor, TensorType) and isinstance(tensor.encoding, BlockAttr):
        return tensor.encoding
    return None


class _Conversion(IRDLOperation):
    """A tensor in another form; the shape stays."""

    source = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, result: TensorType[Attribute]):
        super().__init__(operands=[source], result_types=[result])

    def verify_(self) -> None:
        source, result = self.source.type, self.result.type
        assert isa(source, TensorType[Attribute])
        assert isa(result, TensorType[Attribute])
        if source.get_shape() != result.get_shape():
            raise VerifyException(f"the shape must stay: {source} -> {result}")


@irdl_op_definition
class QuantizeOp(_Conversion):
    """Values into the storage format of the result type (and rounded to its element type)."""

    name = "mx.quantize"

    def verify_(self) -> None:
        super().verify_()
        if block_format(self.source.type) is not None:
            raise VerifyException("the source is stored in a block format already; dequantize it")


@irdl_op_definition
class DequantizeOp(_Conversion):
    """Stored values as plain elements of the result type."""

    name = "mx.dequantize"

    def verify_(self) -> None:
        super().verify_()
        if block_format(self.result.type) is not None:
            raise VerifyException("the result is plain; quantize gives block formats")


MX = Dialect("mx", [QuantizeOp, DequantizeOp], [BlockAttr])

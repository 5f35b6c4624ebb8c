"""`#mx.block`: how a tensor type says that its elements are stored in a block-scaled format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, cast

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, IntAttr, StringAttr
from xdsl.dialects.builtin import TensorType as BuiltinTensorType
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

ELEMENTS: Mapping[str, int] = {
    "e4m3": 8, "e5m2": 8, "e3m2": 6, "e2m3": 6, "e2m1": 4, "int8": 8, "int4": 4,
}  # fmt: skip
"""Element formats and the bits of each."""
SCALES = ("e8m0", "e4m3")
VARIANTS = ("ocp", "plena")
RULES = ("floor", "ceil", "rceil", "even")
ROUNDINGS = ("nearest", "store")
PLACES = ("behind", "inline")

LAST = -1
"""The axis along which blocks lie by default."""

VALUE_TYPES = (BFloat16Type, Float16Type, Float32Type)


class Options(TypedDict):
    """The arguments of `fa.machine.numerics.mx_blocks.quantize` that a format stands for."""

    fmt: str
    block: int
    axis: int
    scale: Literal["e8m0", "e4m3"]
    rule: Literal["floor", "ceil", "rceil", "even"]
    variant: Literal["ocp", "plena"]
    rounding: Literal["nearest", "store"]


@irdl_attr_definition
class BlockAttr(ParametrizedAttribute):
    """Block-scaled storage, as the encoding of a tensor type:

        #mx.block<e2m1, scale = e4m3, size = 16, axis = 2, rule = rceil, rounding = nearest,
                  variant = ocp, scales = inline>

    `size` elements along `axis` (default -1, the last dimension) share a scale. `variant` says what
    codes mean: OCP MX v1.0 (`ocp`, the default) or the machine's own (`plena`, ISA section 5.1).
    `rule` is how a scale follows from its block (default `floor`), `rounding` how an element is
    rounded: `nearest`, or `store`, what the machine's stores do (ISA section 5.2); each variant
    defaults to its own. Rule and rounding matter to who makes the codes, not to who reads them.
    `scales` says where they lie: `behind` all elements (the default; ISA section 5.4), or `inline`,
    each in front of its block.
    """

    name = "mx.block"

    element: StringAttr = param_def()
    scale: StringAttr = param_def()
    size: IntAttr = param_def()
    variant: StringAttr = param_def()
    axis: IntAttr = param_def()
    rule: StringAttr = param_def()
    rounding: StringAttr = param_def()
    scales: StringAttr = param_def()

    @classmethod
    def get(
        cls,
        element: str,
        scale: str,
        size: int,
        variant: str = "ocp",
        *,
        axis: int = LAST,
        rule: str = "floor",
        rounding: str | None = None,
        scales: str = "behind",
    ) -> BlockAttr:
        """The format by the names of its parts; `size` in elements."""
        return cls(
            StringAttr(element),
            StringAttr(scale),
            IntAttr(size),
            StringAttr(variant),
            IntAttr(axis),
            StringAttr(rule),
            StringAttr(rounding or own_rounding(variant)),
            StringAttr(scales),
        )

    @property
    def decoding(self) -> BlockAttr:
        """The same codes, whoever made them: what a reader must know."""
        return BlockAttr.get(
            self.element.data,
            self.scale.data,
            self.size.data,
            self.variant.data,
            axis=self.axis.data,
            scales=self.scales.data,
        )

    @property
    def options(self) -> Options:
        """The format as arguments of `fa.machine.numerics.mx_blocks.quantize`."""
        return cast(
            "Options",
            {
                "fmt": self.element.data,
                "block": self.size.data,
                "axis": self.axis.data,
                "scale": self.scale.data,
                "rule": self.rule.data,
                "variant": self.variant.data,
                "rounding": self.rounding.data,
            },
        )

    @property
    def bits(self) -> int:
        """Bits of an element, without its share of the scale."""
        return ELEMENTS[self.element.data]

    def verify(self) -> None:
        known = (
            ("element format", self.element.data, ELEMENTS),
            ("scale format", self.scale.data, SCALES),
            ("variant", self.variant.data, VARIANTS),
            ("scale rule", self.rule.data, RULES),
            ("rounding", self.rounding.data, ROUNDINGS),
            ("place of scales", self.scales.data, PLACES),
        )
        for what, name, names in known:
            if name not in names:
                raise VerifyException(f"unknown {what} '{name}'; there are {', '.join(names)}")
        if self.size.data < 1:
            raise VerifyException(f"a block has at least 1 element, got {self.size.data}")
        if self.variant.data == "plena":
            self._verify_plena()
        elif self.rounding.data == "store":
            raise VerifyException(
                "rounding 'store' is the machine's own; variant ocp rounds to 'nearest'"
            )
        if self.scales.data == "inline" and self.size.data * self.bits % 8:
            raise VerifyException(
                f"{self.size.data} elements of {self.bits} bits are not whole bytes, which inline "
                "scales need; use another size, or scales = behind"
            )

    def _verify_plena(self) -> None:
        if self.scale.data != "e8m0":
            raise VerifyException(f"the machine's scales are e8m0, not {self.scale.data}")
        if self.rounding.data == "store" and self.rule.data != "floor":
            raise VerifyException(
                f"rule '{self.rule.data}' needs rounding = nearest; the machine's stores have the "
                "rule 'floor'"
            )
        if self.rounding.data == "nearest" and self.element.data.startswith("int"):
            raise VerifyException(
                f"the machine reads {self.element.data} without sign: rounding = store only"
            )

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            element = parser.parse_identifier()
            given: dict[str, str | int] = {}
            while parser.parse_optional_punctuation(",") is not None:
                start = parser.pos
                key = parser.parse_identifier()
                if key not in _KEYS:
                    parser.raise_error(
                        f"unknown part '{key}' of #mx.block; there are {', '.join(_KEYS)}", start
                    )
                if key in given:
                    parser.raise_error(f"'{key}' is given twice", start)
                parser.parse_punctuation("=")
                number = key in ("size", "axis")
                given[key] = (
                    parser.parse_integer(allow_boolean=False)
                    if number
                    else parser.parse_identifier()
                )
            for key in ("scale", "size"):
                if key not in given:
                    parser.raise_error(f"#mx.block needs '{key} = ...'")
        return cls.get(element, **given).parameters  # pyright: ignore[reportArgumentType]

    def print_parameters(self, printer: Printer) -> None:
        parts = [
            self.element.data,
            f"scale = {self.scale.data}",
            f"size = {self.size.data}",
        ]
        variant = self.variant.data
        optional = (
            ("axis", self.axis.data, LAST),
            ("rule", self.rule.data, "floor"),
            ("rounding", self.rounding.data, own_rounding(variant)),
            ("variant", variant, "ocp"),
            ("scales", self.scales.data, "behind"),
        )
        parts += [f"{key} = {value}" for key, value, default in optional if value != default]
        with printer.in_angle_brackets():
            printer.print_string(", ".join(parts))


_KEYS = ("scale", "size", "axis", "rule", "rounding", "variant", "scales")


def own_rounding(variant: str) -> str:
    """The rounding that a variant has by default."""
    return "store" if variant == "plena" else "nearest"


def block_format(tensor: Attribute) -> BlockAttr | None:
    """The block-scaled format that a tensor type carries; None where it carries none."""
    if isinstance(tensor, BuiltinTensorType) and isinstance(tensor.encoding, BlockAttr):
        return tensor.encoding
    return None


def verify_encoding(tensor: Attribute) -> None:
    """Check a tensor type against the block-scaled format that it carries, if any.

    Raises VerifyException where the axis does not exist or blocks do not divide it. The machine's
    variant may end with a short block: rows are padded where the machine stores them.
    """
    encoding = block_format(tensor)
    if encoding is None:
        return
    assert isa(tensor, BuiltinTensorType[Attribute])
    dims, axis, size = tensor.get_shape(), encoding.axis.data, encoding.size.data
    if not -len(dims) <= axis < len(dims):
        raise VerifyException(f"blocks lie along axis {axis}, but the tensor has rank {len(dims)}")
    if dims[axis] < 0:
        raise VerifyException(f"the extent of axis {axis}, along which blocks lie, must be static")
    if encoding.variant.data == "ocp" and dims[axis] % size:
        raise VerifyException(
            f"blocks of {size} do not divide the {dims[axis]} elements along axis {axis}; pad the "
            f"tensor to {-(-dims[axis] // size) * size}, or use a block size that divides"
        )
    if encoding.scales.data == "inline" and axis % len(dims) != len(dims) - 1:
        raise VerifyException("inline scales need blocks along the last axis")

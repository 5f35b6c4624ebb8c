"""Types and attributes of the `fa` dialect: tiles, memory spaces."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import (
    ArrayAttr,
    BFloat16Type,
    Float16Type,
    Float32Type,
    IntAttr,
    MemRefType,
    NoneAttr,
    TensorType,
    i32,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

ELEMENT_TYPES = (BFloat16Type, Float16Type, Float32Type)
"""What tensors and tiles hold, as far as `fa` is concerned."""

LENGTH_TYPE = i32
"""What lengths at run time are given in."""


class Space(StrEnum):
    """Where a tile can live: vector SRAM, matrix SRAM, and the scalar unit's FP_MEM."""

    VECTOR = "vector"
    MATRIX = "matrix"
    SCALAR = "scalar"


@irdl_attr_definition
class SpaceAttr(EnumAttribute[Space]):
    """The on-chip memory that a tile lies in; a parameter of `!fa.tile`, which prints its name."""

    name = "fa.space"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Space:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(Space)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data)


@irdl_attr_definition
class TileType(ParametrizedAttribute, TypeAttribute):
    """A block of a tensor on chip: `!fa.tile<64x128xbf16, vector>`, placed `... vector at 4096>`.

    The shape is what the memory holds, padding included: in vector and matrix SRAM rows x columns,
    stored as panels of VLEN columns, each panel its rows one after another; in `scalar` (FP_MEM)
    one value for each row of a tile. The address counts elements (ISA section 2).

    `!fa.tile<64x128xbf16, vector packed 4>` is the layout that batched instructions take: of a
    panel of VLEN columns four rows share four vector rows, of which the b-th holds, in its s-th
    slice of VLEN / 4 lanes, the b-th slice of row s (`fa.repack`). The elements are the same.
    """

    name = "fa.tile"

    shape: ArrayAttr[IntAttr] = param_def()
    element_type: Attribute = param_def()
    space: SpaceAttr = param_def()
    packed: IntAttr | NoneAttr = param_def()
    address: IntAttr | NoneAttr = param_def()

    @classmethod
    def get(
        cls,
        shape: Sequence[int],
        element_type: Attribute,
        space: str,
        address: int | None = None,
        packed: int | None = None,
    ) -> TileType:
        """The tile type of a shape in elements; `address` in elements, None before allocation;
        `packed` rows share lanes, None for rows that lie by themselves."""
        return cls(
            ArrayAttr([IntAttr(extent) for extent in shape]),
            element_type,
            SpaceAttr(Space(space)),
            NoneAttr() if packed is None else IntAttr(packed),
            NoneAttr() if address is None else IntAttr(address),
        )

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape, in elements."""
        return tuple(extent.data for extent in self.shape)

    @property
    def rows(self) -> int:
        """The number of rows: the first extent."""
        return self.dims[0]

    @property
    def cols(self) -> int:
        """The number of columns; 1 for a scalar tile."""
        return self.dims[1] if len(self.dims) > 1 else 1

    @property
    def elements(self) -> int:
        """The number of elements."""
        return prod(self.dims)

    @property
    def at(self) -> int | None:
        """The address in elements, or None where the tile has not been placed."""
        return None if isinstance(self.address, NoneAttr) else self.address.data

    @property
    def placed(self) -> int:
        """The address in elements of a tile that must have one."""
        if isinstance(self.address, NoneAttr):
            raise ValueError(f"{self} has no address")
        return self.address.data

    @property
    def streams(self) -> int | None:
        """How many rows share lanes, or None where each lies by itself."""
        return None if isinstance(self.packed, NoneAttr) else self.packed.data

    def placed_at(self, address: int | None) -> TileType:
        """The same tile at another address (None: nowhere yet)."""
        return TileType.get(self.dims, self.element_type, self.space.data, address, self.streams)

    def holding(self, element_type: Attribute) -> TileType:
        """The same tile with other elements."""
        return TileType.get(self.dims, element_type, self.space.data, self.at, self.streams)

    def packed_by(self, streams: int | None) -> TileType:
        """The same tile, nowhere yet, with so many rows sharing lanes; None: by themselves."""
        return TileType.get(self.dims, self.element_type, self.space.data, None, streams)

    def with_cols(self, cols: int) -> TileType:
        """The same rows, nowhere yet, with another number of columns."""
        kind = self.space.data
        return TileType.get((self.rows, cols), self.element_type, kind, None, self.streams)

    def verify(self) -> None:
        rank = 1 if self.space.data is Space.SCALAR else 2
        if len(self.shape) != rank:
            raise VerifyException(
                f"a tile in {self.space.data} memory has {rank} dimension{'s' * (rank > 1)}, "
                f"got {len(self.shape)}"
            )
        if any(extent.data < 1 for extent in self.shape):
            raise VerifyException("the extents of a tile are at least 1")
        streams = self.streams
        if streams is not None:
            if self.space.data is not Space.VECTOR:
                raise VerifyException("rows share lanes in vector memory only")
            if streams < 2 or self.rows % streams or self.cols % streams:
                raise VerifyException(
                    f"{self.rows} rows of {self.cols} columns cannot share lanes by {streams}; "
                    "at least 2 do, and they divide rows and columns"
                )
        if not isinstance(self.element_type, ELEMENT_TYPES):
            raise VerifyException(f"a tile holds bf16, f16 or f32, got {self.element_type}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            dims, element_type = parser.parse_ranked_shape()
            parser.parse_punctuation(",")
            space = parser.parse_str_enum(Space)
            packed: IntAttr | NoneAttr = NoneAttr()
            if parser.parse_optional_keyword("packed") is not None:
                packed = IntAttr(parser.parse_integer(allow_negative=False))
            address: IntAttr | NoneAttr = NoneAttr()
            if parser.parse_optional_keyword("at") is not None:
                address = IntAttr(parser.parse_integer(allow_negative=False))
        shape = ArrayAttr([IntAttr(extent) for extent in dims])
        return [shape, element_type, SpaceAttr(space), packed, address]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            for extent in self.dims:
                printer.print_string(f"{extent}x")
            printer.print_attribute(self.element_type)
            printer.print_string(f", {self.space.data}")
            if self.streams is not None:
                printer.print_string(f" packed {self.streams}")
            if self.at is not None:
                printer.print_string(f" at {self.at}")


@irdl_attr_definition
class HbmAttr(ParametrizedAttribute):
    """The memory space of a buffer in HBM: `#fa.hbm`, or `#fa.hbm<#mx.block<...>>` if its elements
    are stored in a block-scaled format rather than in the buffer's element type."""

    name = "fa.hbm"

    storage: Attribute = param_def()

    @classmethod
    def get(cls, storage: Attribute | None = None) -> HbmAttr:
        """The space with a storage format; None: elements are stored as they are."""
        return cls(NoneAttr() if storage is None else storage)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        if parser.parse_optional_punctuation("<") is None:
            return [NoneAttr()]
        storage = parser.parse_attribute()
        parser.parse_punctuation(">")
        return [storage]

    def print_parameters(self, printer: Printer) -> None:
        if not isinstance(self.storage, NoneAttr):
            with printer.in_angle_brackets():
                printer.print_attribute(self.storage)


def storage_of(source: Attribute) -> Attribute | None:
    """The block-scaled storage format of a tensor or HBM buffer type; None where there is none."""
    if isinstance(source, MemRefType):
        space = source.memory_space
        storage = space.storage if isinstance(space, HbmAttr) else NoneAttr()
    elif isinstance(source, TensorType):
        storage = source.encoding
    else:
        storage = NoneAttr()
    return None if isinstance(storage, NoneAttr) else storage

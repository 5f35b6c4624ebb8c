"""How tiles are mapped to the machine: attributes that `map` writes and the lowering obeys."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntAttr
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum


class Family(StrEnum):
    """Instructions that do products of tiles: M_MM, M_TMM, M_BTMM, M_BTMV (ISA section 4.2)."""

    MM = "mm"
    TMM = "tmm"
    BTMM = "btmm"
    BTMV = "btmv"


SCORE_FAMILIES = (Family.TMM, Family.BTMM, Family.BTMV)
"""Instructions that can do Q K^T: M_TMM, and on packed queries M_BTMM or M_BTMV."""

PRODUCT_FAMILIES = (Family.MM, Family.BTMV)
"""Instructions that can do P V: M_MM, and on transposed values M_BTMV."""

VALUE_MAPPINGS = (*PRODUCT_FAMILIES, "packed")
"""How P V can be mapped: by one of its instructions, or by M_BTMV on P whose rows share lanes."""

SUM_FAMILIES = ("reduce", "ones", "columns")
"""What can sum rows: V_RED_SUM, a tile of ones, and columns of ones beside the values."""

BATCHED_FACTOR = 0.25
"""What the batched instructions multiply each product with (ISA section 2, BMM scale)."""

ROW_LOOP_SCRATCH = 2
"""Rows of a row loop's scratch in front of what write-outs fill: one to work in, one for a sum."""


def _fields(parser: AttrParser, names: Sequence[str]) -> list[IntAttr]:
    """`<a = 1, b = 2>` with exactly these names, in this order."""
    values: list[IntAttr] = []
    with parser.in_angle_brackets():
        for position, name in enumerate(names):
            if position:
                parser.parse_punctuation(",")
            parser.parse_keyword(name)
            parser.parse_punctuation("=")
            values.append(IntAttr(parser.parse_integer(allow_boolean=False)))
    return values


def _print(printer: Printer, **fields: IntAttr) -> None:
    text = ", ".join(f"{name} = {value.data}" for name, value in fields.items())
    printer.print_string(f"<{text}>")


@irdl_attr_definition
class FamilyAttr(EnumAttribute[Family]):
    """The instruction that does a product: `mm`, `tmm`, `btmm` or `btmv`."""

    name = "fa.family"

    @classmethod
    def named(cls, family: str | None) -> FamilyAttr | None:
        """The attribute of the family of a name; None for none."""
        return None if family is None else cls(Family(family))

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Family:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(Family)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data)


@irdl_attr_definition
class PackingAttr(ParametrizedAttribute):
    """Rows that share the lanes of vector rows.

    `#fa.packing<streams = 4, width = 16, block = 1, chunks = 4>`: R x D queries are cut into blocks
    of `block` rows; `streams` blocks make a super-block. Column chunk c < `chunks` (`width`
    columns) of a super-block's rows fills `block` vector rows: the i-th holds, in lanes h * width
    and up, chunk c of row i of block h. Super-blocks follow one another, in each the chunks. So
    M_BTMM and M_BTMV, which take the h-th slice of a vector row for the h-th head, compute
    `streams` rows of scores at once (ISA section 4.2). A tile may have unused rows at its end.
    """

    name = "fa.packing"

    streams: IntAttr = param_def()
    width: IntAttr = param_def()
    block: IntAttr = param_def()
    chunks: IntAttr = param_def()

    @classmethod
    def get(cls, streams: int, width: int, block: int, chunks: int) -> PackingAttr:
        """The packing of `streams` blocks of `block` rows, `chunks` times `width` columns."""
        return cls(IntAttr(streams), IntAttr(width), IntAttr(block), IntAttr(chunks))

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """streams, width, block, chunks."""
        return self.streams.data, self.width.data, self.block.data, self.chunks.data

    def packed_rows(self, rows: int) -> int:
        """Vector rows that hold `rows` queries, which must be whole super-blocks."""
        return rows // self.streams.data * self.chunks.data

    def verify(self) -> None:
        if any(number < 1 for number in self.numbers):
            raise VerifyException("the numbers of a packing are at least 1")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        return _fields(parser, ("streams", "width", "block", "chunks"))

    def print_parameters(self, printer: Printer) -> None:
        _print(
            printer,
            streams=self.streams,
            width=self.width,
            block=self.block,
            chunks=self.chunks,
        )

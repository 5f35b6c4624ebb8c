"""Masks of attention as attributes: for each query, the run of keys that it sees.

A mask is a function of the query alone, so nothing of the size of the scores exists: query i stands
at position p = i + offset and sees one run of keys [first, last). An offset that is not given is
kv_len - q_len: the last query stands at the last key (bottom-right).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, IntAttr, NoneAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

Run = tuple[int, int]
"""The keys [first, last) that a query sees."""

UNBOUNDED = 1 << 62
"""Further than any key."""


class MaskAttr(ParametrizedAttribute, ABC):
    """A mask; `keys` is its meaning."""

    @abstractmethod
    def keys(self, batch: int, query: int) -> Run:
        """The run of keys that a query of a batch sees; every offset must be resolved."""

    @abstractmethod
    def resolved(self, q_len: int, kv_len: int) -> MaskAttr:
        """The mask with offsets written out for these lengths."""

    @property
    def moves(self) -> bool:
        """Whether it moves along with the number of keys, which may be known at run time only."""
        return False

    @property
    def parts(self) -> tuple[MaskAttr, ...]:
        """The masks that this one is made of."""
        return ()

    def nested(self) -> Iterator[MaskAttr]:
        """This mask and all that it is made of."""
        yield self
        for part in self.parts:
            yield from part.nested()

    @property
    def batched(self) -> bool:
        """Whether batches differ."""
        return any(part.batched for part in self.parts)


def _offset_text(offset: IntAttr | NoneAttr) -> str:
    return "" if isinstance(offset, NoneAttr) else f"offset = {offset.data}"


def _parse_fields(parser: AttrParser, names: Sequence[str]) -> dict[str, int]:
    """`<a = 1, b = 2>` with any of `names`, or nothing at all."""
    if parser.parse_optional_punctuation("<") is None:
        return {}
    fields: dict[str, int] = {}
    while parser.parse_optional_punctuation(">") is None:
        if fields:
            parser.parse_punctuation(",")
        start = parser.pos
        name = parser.parse_identifier()
        if name not in names or name in fields:
            known = ", ".join(names)
            parser.raise_error(f"unknown or repeated field '{name}'; there are {known}", start)
        parser.parse_punctuation("=")
        fields[name] = parser.parse_integer(allow_boolean=False)
    return fields


def _optional(value: int | None) -> IntAttr | NoneAttr:
    return NoneAttr() if value is None else IntAttr(value)


def _print_fields(printer: Printer, **fields: IntAttr | NoneAttr) -> None:
    given = [f"{name} = {v.data}" for name, v in fields.items() if isinstance(v, IntAttr)]
    if given:
        printer.print_string(f"<{', '.join(given)}>")


class _Positioned(MaskAttr):
    """A mask that depends on the query's position i + offset."""

    offset: IntAttr | NoneAttr

    def position(self, query: int) -> int:
        """Where a query stands among the keys."""
        if isinstance(self.offset, NoneAttr):
            raise ValueError("the offset is not resolved")
        return query + self.offset.data

    def _offset_for(self, q_len: int, kv_len: int) -> IntAttr:
        return self.offset if isinstance(self.offset, IntAttr) else IntAttr(kv_len - q_len)


@irdl_attr_definition
class CausalAttr(_Positioned):
    """Query i sees key j iff j <= i + offset: `#fa.causal`, `#fa.causal<offset = 0>`."""

    name = "fa.causal"

    offset: IntAttr | NoneAttr = param_def()

    @classmethod
    def get(cls, offset: int | None = None) -> CausalAttr:
        """A causal mask; `offset` in keys, None for bottom-right alignment."""
        return cls(_optional(offset))

    def keys(self, batch: int, query: int) -> Run:
        return 0, self.position(query) + 1

    @property
    def moves(self) -> bool:
        return isinstance(self.offset, NoneAttr)

    def resolved(self, q_len: int, kv_len: int) -> CausalAttr:
        return CausalAttr(self._offset_for(q_len, kv_len))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        return [_optional(_parse_fields(parser, ("offset",)).get("offset"))]

    def print_parameters(self, printer: Printer) -> None:
        _print_fields(printer, offset=self.offset)


@irdl_attr_definition
class WindowAttr(_Positioned):
    """Sliding window: p - left <= j <= p + right; a side that is not given is open.

    `#fa.window<left = 127, right = 0>` is the last 128 keys up to the query's own.
    """

    name = "fa.window"

    offset: IntAttr | NoneAttr = param_def()
    left: IntAttr | NoneAttr = param_def()
    right: IntAttr | NoneAttr = param_def()

    @classmethod
    def get(
        cls, left: int | None = None, right: int | None = None, offset: int | None = None
    ) -> WindowAttr:
        """A window of `left` keys before and `right` keys after the query's position."""
        return cls(_optional(offset), _optional(left), _optional(right))

    def verify(self) -> None:
        for name, side in (("left", self.left), ("right", self.right)):
            if isinstance(side, IntAttr) and side.data < 0:
                raise VerifyException(f"{name} must be at least 0, got {side.data}; leave it out")

    def keys(self, batch: int, query: int) -> Run:
        p = self.position(query)
        first = p - self.left.data if isinstance(self.left, IntAttr) else 0
        last = p + self.right.data + 1 if isinstance(self.right, IntAttr) else UNBOUNDED
        return max(first, 0), last

    @property
    def moves(self) -> bool:
        return isinstance(self.offset, NoneAttr)

    def resolved(self, q_len: int, kv_len: int) -> WindowAttr:
        return WindowAttr(self._offset_for(q_len, kv_len), self.left, self.right)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        fields = _parse_fields(parser, ("left", "right", "offset"))
        return [_optional(fields.get(name)) for name in ("offset", "left", "right")]

    def print_parameters(self, printer: Printer) -> None:
        _print_fields(printer, left=self.left, right=self.right, offset=self.offset)


@irdl_attr_definition
class ChunkedAttr(_Positioned):
    """Block-causal: a query sees the chunk of `size` keys in which it stands.

    With `#fa.causal` beside it in `#fa.all_of`, only the part of the chunk up to itself.
    """

    name = "fa.chunked"

    offset: IntAttr | NoneAttr = param_def()
    size: IntAttr = param_def()

    def verify(self) -> None:
        if self.size.data < 1:
            raise VerifyException(f"a chunk has at least 1 key, got {self.size.data}")

    def keys(self, batch: int, query: int) -> Run:
        first = self.position(query) // self.size.data * self.size.data
        return max(first, 0), first + self.size.data

    def resolved(self, q_len: int, kv_len: int) -> ChunkedAttr:
        return ChunkedAttr(self._offset_for(q_len, kv_len), self.size)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        start = parser.pos
        fields = _parse_fields(parser, ("size", "offset"))
        if "size" not in fields:
            parser.raise_error("a chunked mask needs its size, as in #fa.chunked<size = 64>", start)
        return [_optional(fields.get("offset")), IntAttr(fields["size"])]

    def print_parameters(self, printer: Printer) -> None:
        _print_fields(printer, size=self.size, offset=self.offset)


@irdl_attr_definition
class PrefixAttr(_Positioned):
    """Prefix-LM: every query sees the first `length` keys, and beyond them causally."""

    name = "fa.prefix"

    offset: IntAttr | NoneAttr = param_def()
    length: IntAttr = param_def()

    def verify(self) -> None:
        if self.length.data < 0:
            raise VerifyException(f"the length of a prefix is at least 0, got {self.length.data}")

    def keys(self, batch: int, query: int) -> Run:
        return 0, max(self.length.data, self.position(query) + 1)

    def resolved(self, q_len: int, kv_len: int) -> PrefixAttr:
        return PrefixAttr(self._offset_for(q_len, kv_len), self.length)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        start = parser.pos
        fields = _parse_fields(parser, ("length", "offset"))
        if "length" not in fields:
            parser.raise_error("a prefix needs its length, as in #fa.prefix<length = 16>", start)
        return [_optional(fields.get("offset")), IntAttr(fields["length"])]

    def print_parameters(self, printer: Printer) -> None:
        _print_fields(printer, length=self.length, offset=self.offset)


def _parse_lengths(parser: AttrParser) -> ArrayAttr[IntAttr]:
    lengths = parser.parse_comma_separated_list(
        parser.Delimiter.SQUARE, lambda: parser.parse_integer(allow_boolean=False)
    )
    return ArrayAttr([IntAttr(length) for length in lengths])


def _lengths_text(lengths: ArrayAttr[IntAttr]) -> str:
    return f"[{', '.join(str(length.data) for length in lengths)}]"


@irdl_attr_definition
class DocumentsAttr(_Positioned):
    """Documents of known lengths packed one after another: a query sees its own, whole.

    `#fa.documents<[100, 28, 72]>`; the lengths add up to the number of keys. A position before or
    behind all of them, which an offset may lead to, sees nothing.
    """

    name = "fa.documents"

    offset: IntAttr | NoneAttr = param_def()
    lengths: ArrayAttr[IntAttr] = param_def()

    def verify(self) -> None:
        if not self.lengths:
            raise VerifyException("documents need their lengths, as in #fa.documents<[100, 28]>")
        if any(length.data < 1 for length in self.lengths):
            raise VerifyException("a document has at least 1 token")

    def keys(self, batch: int, query: int) -> Run:
        p = self.position(query)
        first = 0
        for last in accumulate(length.data for length in self.lengths):
            if first <= p < last:
                return first, last
            first = last
        return 0, 0

    def resolved(self, q_len: int, kv_len: int) -> DocumentsAttr:
        return DocumentsAttr(self._offset_for(q_len, kv_len), self.lengths)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        parser.parse_punctuation("<")
        lengths = _parse_lengths(parser)
        offset = None
        if parser.parse_optional_punctuation(",") is not None:
            parser.parse_keyword("offset")
            parser.parse_punctuation("=")
            offset = parser.parse_integer(allow_boolean=False)
        parser.parse_punctuation(">")
        return [_optional(offset), lengths]

    def print_parameters(self, printer: Printer) -> None:
        parts = [_lengths_text(self.lengths), _offset_text(self.offset)]
        printer.print_string(f"<{', '.join(part for part in parts if part)}>")


@irdl_attr_definition
class AllOfAttr(MaskAttr):
    """What every one of some masks shows: `#fa.all_of<[#fa.causal, #fa.window<left = 127>]>`."""

    name = "fa.all_of"

    masks: ArrayAttr[Attribute] = param_def()

    @classmethod
    def get(cls, *masks: MaskAttr) -> AllOfAttr:
        """The intersection of masks."""
        return cls(ArrayAttr(list(masks)))

    @property
    def parts(self) -> tuple[MaskAttr, ...]:
        """The masks."""
        return cast("tuple[MaskAttr, ...]", self.masks.data)

    def verify(self) -> None:
        for mask in self.masks:
            if not isinstance(mask, MaskAttr):
                raise VerifyException(f"{mask} is not a mask")

    def keys(self, batch: int, query: int) -> Run:
        runs = [mask.keys(batch, query) for mask in self.parts]
        return max((first for first, _ in runs), default=0), min(
            (last for _, last in runs), default=UNBOUNDED
        )

    @property
    def moves(self) -> bool:
        return all(part.moves for part in self.parts)

    def resolved(self, q_len: int, kv_len: int) -> AllOfAttr:
        return AllOfAttr.get(*(mask.resolved(q_len, kv_len) for mask in self.parts))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            masks = parser.parse_comma_separated_list(
                parser.Delimiter.SQUARE, parser.parse_attribute
            )
        return [ArrayAttr(masks)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_attribute(self.masks)


@irdl_attr_definition
class RaggedAttr(MaskAttr):
    """A number of valid keys for each batch: `#fa.ragged<[100, 64], #fa.causal>`.

    The mask inside, if any, is resolved for each batch's own length: bottom-right alignment puts
    the last query at the last valid key.
    """

    name = "fa.ragged"

    lengths: ArrayAttr[IntAttr] = param_def()
    masks: ArrayAttr[Attribute] = param_def()
    """Empty, one mask for all batches, or, once resolved, one for each."""

    @classmethod
    def get(cls, lengths: Sequence[int], *masks: MaskAttr) -> RaggedAttr:
        """Valid lengths in keys, and a mask for all batches or one for each."""
        return cls(ArrayAttr([IntAttr(length) for length in lengths]), ArrayAttr(list(masks)))

    @property
    def parts(self) -> tuple[MaskAttr, ...]:
        """The masks inside."""
        return cast("tuple[MaskAttr, ...]", self.masks.data)

    def verify(self) -> None:
        if any(length.data < 0 for length in self.lengths):
            raise VerifyException("a valid length is at least 0")
        if len(self.masks) not in (0, 1, len(self.lengths)):
            raise VerifyException("a ragged mask holds no mask, one, or one for each batch")
        for mask in self.masks:
            if not isinstance(mask, MaskAttr):
                raise VerifyException(f"{mask} is not a mask")

    def keys(self, batch: int, query: int) -> Run:
        length = self.lengths.data[batch].data
        if not self.parts:
            return 0, length
        first, last = self.parts[batch if len(self.parts) > 1 else 0].keys(batch, query)
        return first, min(last, length)

    def resolved(self, q_len: int, kv_len: int) -> RaggedAttr:
        if not self.parts:
            return self
        spread = self.parts if len(self.parts) > 1 else self.parts * len(self.lengths)
        lengths = [length.data for length in self.lengths]
        return RaggedAttr.get(
            lengths,
            *(m.resolved(q_len, length) for m, length in zip(spread, lengths, strict=True)),
        )

    @property
    def batched(self) -> bool:
        return True

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            lengths = _parse_lengths(parser)
            masks: list[Attribute] = []
            while parser.parse_optional_punctuation(",") is not None:
                masks.append(parser.parse_attribute())
        return [lengths, ArrayAttr(masks)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(_lengths_text(self.lengths))
            for mask in self.masks:
                printer.print_string(", ")
                printer.print_attribute(mask)


@irdl_attr_definition
class GroupedAttr(MaskAttr):
    """A mask of queries of several heads in one sequence: `#fa.grouped<[4, 16, 100], #fa.causal>`.

    Of `heads` heads, `block` queries each follow one another, head by head, then the next `block`
    queries of each (`group-heads`); `queries` is the number there are of each head, and those
    behind them see what the last one sees. The mask inside is that of one head.
    """

    name = "fa.grouped"

    numbers: ArrayAttr[IntAttr] = param_def()
    mask: Attribute = param_def()

    @classmethod
    def get(cls, heads: int, block: int, queries: int, mask: MaskAttr) -> GroupedAttr:
        """`mask`, whose offsets are resolved, for rows of `heads` heads in blocks of `block`."""
        return cls(ArrayAttr([IntAttr(number) for number in (heads, block, queries)]), mask)

    @property
    def parts(self) -> tuple[MaskAttr, ...]:
        """The mask of one head."""
        assert isinstance(self.mask, MaskAttr)
        return (self.mask,)

    def verify(self) -> None:
        if len(self.numbers) != 3 or any(number.data < 1 for number in self.numbers):
            raise VerifyException("a grouped mask gives heads, block and queries, all at least 1")
        if not isinstance(self.mask, MaskAttr):
            raise VerifyException(f"{self.mask} is not a mask")

    def query(self, row: int) -> int:
        """The query of its head that a row is."""
        heads, block, queries = (number.data for number in self.numbers)
        return min(row // (heads * block) * block + row % block, queries - 1)

    def keys(self, batch: int, query: int) -> Run:
        return self.parts[0].keys(batch, self.query(query))

    def resolved(self, q_len: int, kv_len: int) -> GroupedAttr:
        heads, block, queries = (number.data for number in self.numbers)
        return GroupedAttr.get(heads, block, queries, self.parts[0].resolved(queries, kv_len))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            numbers = _parse_lengths(parser)
            parser.parse_punctuation(",")
            return [numbers, parser.parse_attribute()]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"[{', '.join(str(n.data) for n in self.numbers)}], ")
            printer.print_attribute(self.mask)


MASKS = (
    CausalAttr,
    WindowAttr,
    ChunkedAttr,
    PrefixAttr,
    DocumentsAttr,
    AllOfAttr,
    RaggedAttr,
    GroupedAttr,
)


def unknown_mask(mask: Attribute) -> str:
    """The message for an attribute that is no mask."""
    names = ", ".join(f"#{known.name}" for known in MASKS)
    return f"unknown mask {mask}; there are {names}"


def verify_mask(mask: Attribute, batch: int, kv_len: int) -> None:
    """Check that an attribute is a mask, and that its lengths are those of `batch` batches of
    `kv_len` keys."""
    if not isinstance(mask, MaskAttr):
        raise VerifyException(unknown_mask(mask))
    _verify_lengths(mask, batch, (kv_len, kv_len))


def _verify_lengths(mask: MaskAttr, batch: int, keys: tuple[int, int]) -> None:
    """Check lengths against the least and the most keys that batches have."""
    least, most = keys
    if isinstance(mask, RaggedAttr):
        lengths = [length.data for length in mask.lengths]
        if len(lengths) != batch:
            raise VerifyException(
                f"a ragged mask needs a length for each of {batch} batches, got {len(lengths)}"
            )
        if max(lengths) > most:
            raise VerifyException(
                f"a ragged mask has a length of {max(lengths)}, and there are {most} keys"
            )
        if len(mask.parts) > 1:
            for part, length in zip(mask.parts, lengths, strict=True):
                _verify_lengths(part, batch, (length, most))
            return
        least = max(lengths)
    elif isinstance(mask, DocumentsAttr):
        total = sum(length.data for length in mask.lengths)
        if not least <= total <= most:
            many = str(most) if least == most else f"{least} to {most}"
            raise VerifyException(
                f"the documents hold {total} keys, and there are {many}; their lengths must add up "
                "to that"
            )
    for part in mask.parts:
        _verify_lengths(part, batch, (least, most))

"""Where a kernel's data lies: the manifest that the compiler writes and the host reads.

Plain data with a JSON form (`layout.json`, docs/layout.md). Addresses, strides and sizes are in
bytes where the name says bytes or base, else in elements. Element addresses are as the ISA
reference, section 5.4, has them: rows of elements, and behind all of them rows of scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, Literal, get_args

from .lengths import Lengths
from .promises import Promise

VERSION = 4

LINE = 64
"""Regions start on whole HBM lines (bytes)."""

Role = Literal["argument", "constant", "result", "buffer"]

Kind = Literal["weight", "bias", "mask", "query", "key", "value", "output", "result", "buffer"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""What regions hold, in their order in memory."""


class LayoutError(ValueError):
    """A manifest that cannot be read, or data that does not fit one."""


@dataclass(frozen=True)
class Storage:
    """How elements are stored: plain (`block` 0), or in blocks of `block` that share a scale.

    `variant` says what codes mean; `rule` and `rounding` how the host makes them.
    """

    element: str
    """bf16, or a block element format such as e4m3."""
    element_bytes: int
    block: int = 0
    scale: Literal["e8m0", "e4m3"] = "e8m0"
    variant: Literal["ocp", "plena"] = "plena"
    rule: Literal["floor", "ceil", "rceil", "even"] = "floor"
    rounding: Literal["nearest", "store"] = "store"

    @property
    def scaled(self) -> bool:
        """Whether blocks have scales, of one byte each."""
        return self.block > 0

    def __str__(self) -> str:
        if not self.scaled:
            return self.element
        return f"{self.element}/{self.scale} x {self.block}"


Step = Literal["center", "rotate", "limit"]
"""How values are prepared for low precision (`machine/numerics/center_rotate.py`)."""

STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True)
class Preparation:
    """What the host does to an argument before it stores it: `center` along axis `value`, `rotate`
    by seed `value`, or `limit` to depth `value`; the result is rounded to `dtype`."""

    step: Step
    value: int
    dtype: str


@dataclass(frozen=True)
class Region:
    """One tensor in HBM.

    Its last two dimensions are stored as `rows` rows of `panels` panels, a panel being `width`
    elements every `pitch` elements; what the logical shape does not cover is zero. With
    `line_rows` > 0 the region holds one value for each row of tiles instead: its last dimension is
    cut into pieces of `line_rows` values, each piece the first of `rows` rows.
    """

    name: str
    role: Role
    kind: Kind
    index: int
    """Position among the arguments, the constants or the results; -1 for buffers."""
    shape: tuple[int, ...]
    dtype: str
    """Element type of the interface: bf16, f16 or f32."""
    storage: Storage
    rows: int
    panels: int
    width: int
    pitch: int
    line_rows: int = 0
    base: int = 0
    """Byte address of the first element."""
    prepare: tuple[Preparation, ...] = ()
    recipe: Sequence[Any] = ()
    """What the host makes the tensor of, where it is not one argument as it is (`recipe.py`); the
    values of a constant."""

    @property
    def outer(self) -> tuple[int, ...]:
        """The extents that are stored one after another as whole groups of rows."""
        if self.line_rows:
            return (*self.shape[:-1], -(-self.shape[-1] // self.line_rows))
        return self.shape[:-2]

    @property
    def row_bytes(self) -> int:
        """Bytes from one row of elements to the next."""
        return self.panels * self.pitch * self.storage.element_bytes

    @property
    def scale_row_bytes(self) -> int:
        """Bytes from one row of scales to the next; 0 without scales."""
        return self.panels * self.pitch // self.storage.block if self.storage.scaled else 0

    @property
    def group_bytes(self) -> int:
        """Bytes of the elements of one group of rows."""
        return self.rows * self.row_bytes

    @property
    def element_bytes(self) -> int:
        """Bytes of all elements."""
        return prod(self.outer) * self.group_bytes

    @property
    def scale_offset(self) -> int:
        """Bytes from the first element to the first scale; 0 without scales."""
        return -(-self.element_bytes // LINE) * LINE if self.storage.scaled else 0

    @property
    def scale_base(self) -> int:
        """Byte address of the first scale; that of the first element without scales."""
        return self.base + self.scale_offset

    @property
    def scale_bytes(self) -> int:
        """Bytes of all scales."""
        return self.element_bytes // self.storage.block if self.storage.scaled else 0

    @property
    def bytes(self) -> int:
        """Bytes of the whole region."""
        return self.scale_offset + self.scale_bytes if self.storage.scaled else self.element_bytes

    @property
    def stop(self) -> int:
        """The first byte address behind the region."""
        return self.base + self.bytes

    def element_address(self, indices: Sequence[int]) -> int:
        """The byte address of one element of a tensor; padding has addresses too.

        `indices` are those of the shape, the last two those of storage row and column.
        """
        *outer, row, column = indices
        group = 0
        for place, extent in zip(outer, self.shape[:-2], strict=True):
            group = group * extent + place
        panel, lane = divmod(column, self.width)
        at = (group * self.rows + row) * self.panels * self.pitch + panel * self.pitch + lane
        return self.base + at * self.storage.element_bytes

    def scale_address(self, indices: Sequence[int]) -> int:
        """The byte address of the scale of the block that holds one element."""
        element = self.element_address(indices) - self.base
        return self.scale_base + element // self.storage.element_bytes // self.storage.block


DERIVED = ("scale_base", "row_bytes", "scale_row_bytes", "bytes")
"""What the JSON form of a region also says, for readers that do not want to compute it."""


@dataclass(frozen=True)
class Tensor:
    """One argument or result as the caller sees it; `dtype` is bf16, f16 or f32.

    With a `storage` the caller has it in that form already, blocks along the last dimension.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    storage: Storage | None = None


@dataclass(frozen=True, repr=False)
class Layout:
    """All that the host must know to run a kernel."""

    kernel: str
    signature: tuple[Tensor, ...]
    """The arguments, whether a region holds them or not."""
    regions: tuple[Region, ...]
    outputs: tuple[Sequence[Any], ...] = ()
    """The results: recipes over regions."""
    fp_mem: tuple[int, ...] = ()
    """Initial values of FP_MEM from entry 0 on as bf16 bit patterns; each is exact in binary16."""
    int_mem: tuple[int, ...] = ()
    """Initial values of INT_MEM from entry 0 on."""
    sram: Mapping[str, int] = field(default_factory=dict[str, int])
    """How much of each on-chip memory is used: rows of vector SRAM (`vector_rows`), tiles of matrix
    SRAM (`matrix_tiles`), entries of FP_MEM (`fp_mem`) and INT_MEM (`int_mem`)."""
    promises: tuple[Promise, ...] = ()
    """What the kernel is right for only: data that breaks it is refused."""
    lengths: tuple[Lengths, ...] = ()
    """What arguments put into INT_MEM."""

    def __repr__(self) -> str:
        return (
            f"<fa.Layout {self.kernel}: {len(self.regions)} regions, "
            f"{self.hbm_bytes:,} bytes of HBM>"
        )

    def _repr_html_(self) -> str:
        """The regions, as a notebook shows them."""
        from ..debug.html_table import html_table

        rows = [
            (
                hex(each.base),
                each.role,
                each.name,
                str(each.shape),
                str(each.storage),
                f"{each.bytes:,}",
            )
            for each in self.regions
        ]
        head = ("address", "role", "tensor", "shape", "storage", "bytes")
        return html_table(repr(self).strip("<>"), head, rows)

    @property
    def hbm_bytes(self) -> int:
        """Bytes of HBM that the kernel uses, from address 0."""
        return max((region.stop for region in self.regions), default=0)

    def arguments(self) -> dict[int, list[Region]]:
        """The regions of each argument; one that nothing loads has none."""
        result: dict[int, list[Region]] = {}
        for region in self.regions:
            if region.role == "argument":
                result.setdefault(region.index, []).append(region)
        return result

    def constants(self) -> list[Region]:
        """The regions that the compiler knows the contents of, in the order of memory."""
        return [region for region in self.regions if region.role == "constant"]

    def results(self) -> list[Region]:
        """The regions of the results, in order."""
        found = [region for region in self.regions if region.role == "result"]
        return sorted(found, key=lambda region: region.index)

    def integers(self, given: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
        """What INT_MEM holds before a run with these lengths, by argument, from entry 0 on.

        Lengths that are not given are the largest. Raises LayoutError for such as there cannot be.
        """
        most = max((each.end for each in self.lengths), default=0)
        memory = [*self.int_mem, *[0] * (most - len(self.int_mem))]
        for each in self.lengths:
            try:
                values = each.values(given.get(each.argument, [each.most] * each.count))
            except ValueError as error:
                name = self.signature[each.argument].name
                raise LayoutError(f"argument {name}: {error}") from None
            memory[each.entry : each.end] = values
        return tuple(memory)

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        regions = [
            {**asdict(region), **{key: getattr(region, key) for key in DERIVED}}
            for region in self.regions
        ]
        promises = [promise.to_json() for promise in self.promises]
        return {
            "version": VERSION,
            "kernel": self.kernel,
            "hbm_bytes": self.hbm_bytes,
            "arguments": [_tensor_json(tensor) for tensor in self.signature],
            "regions": regions,
            "outputs": list(self.outputs),
            "fp_mem": list(self.fp_mem),
            "int_mem": list(self.int_mem),
            "sram": dict(self.sram),
            **({"promises": promises} if promises else {}),
            **({"lengths": [each.to_json() for each in self.lengths]} if self.lengths else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Layout:
        """The layout of a manifest, checked; raises LayoutError where it is of another version or
        damaged."""
        from .layout_reader import read_layout

        return read_layout(data)


def _tensor_json(tensor: Tensor) -> dict[str, Any]:
    entry = asdict(tensor)
    if tensor.storage is None:
        del entry["storage"]
    return entry

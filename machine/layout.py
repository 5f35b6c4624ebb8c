"""Where a kernel's data lies: the manifest that the compiler writes and the host reads.

Plain data with a JSON form (`layout.json`, version 1). Addresses, strides and sizes are in bytes
where the name says bytes or base, else in elements. Element addresses are as the ISA reference,
section 5.4, has them: rows of elements, and behind all of them rows of scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, Literal

VERSION = 1

LINE = 64
"""Regions start on whole HBM lines (bytes)."""

Role = Literal["argument", "result", "buffer"]


class LayoutError(ValueError):
    """A manifest that cannot be read, or data that does not fit one."""


@dataclass(frozen=True)
class Storage:
    """How elements are stored: plain (`block` 0), or in blocks of `block` that share a scale."""

    element: str
    """bf16, or a block element format such as e4m3."""
    element_bytes: int
    block: int = 0
    scale: Literal["e8m0", "e4m3"] = "e8m0"
    variant: Literal["ocp", "plena"] = "plena"

    @property
    def scaled(self) -> bool:
        """Whether blocks have scales, of one byte each."""
        return self.block > 0


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
    index: int
    """Position among the arguments or the results; -1 for buffers."""
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


@dataclass(frozen=True)
class Tensor:
    """One argument or result as the caller sees it; `dtype` is bf16, f16 or f32."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Layout:
    """All that the host must know to run a kernel."""

    kernel: str
    signature: tuple[Tensor, ...]
    """The arguments, whether a region holds them or not."""
    regions: tuple[Region, ...]
    fp_mem: tuple[int, ...] = ()
    """Initial values of FP_MEM from entry 0 on as bf16 bit patterns; each is exact in binary16."""
    int_mem: tuple[int, ...] = ()
    """Initial values of INT_MEM from entry 0 on."""
    sram: Mapping[str, int] = field(default_factory=dict[str, int])
    """How much of each on-chip memory is used: rows of vector SRAM (`vector_rows`), tiles of matrix
    SRAM (`matrix_tiles`), entries of FP_MEM (`fp_mem`)."""

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

    def results(self) -> list[Region]:
        """The regions of the results, in order."""
        found = [region for region in self.regions if region.role == "result"]
        return sorted(found, key=lambda region: region.index)

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        regions = [
            {**asdict(region), "scale_base": region.base + region.scale_offset}
            for region in self.regions
        ]
        return {
            "version": VERSION,
            "kernel": self.kernel,
            "hbm_bytes": self.hbm_bytes,
            "arguments": [asdict(tensor) for tensor in self.signature],
            "regions": regions,
            "fp_mem": list(self.fp_mem),
            "int_mem": list(self.int_mem),
            "sram": dict(self.sram),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Layout:
        """The layout of a manifest; raises LayoutError where it is none of this version."""
        if data.get("version") != VERSION:
            raise LayoutError(
                f"layout version {data.get('version')!r} cannot be read; this is version {VERSION}"
            )
        try:
            regions: list[Region] = []
            for entry in data["regions"]:
                fields = {key: value for key, value in entry.items() if key != "scale_base"}
                fields["shape"] = tuple(fields["shape"])
                fields["storage"] = Storage(**fields["storage"])
                regions.append(Region(**fields))
            arguments = [
                Tensor(entry["name"], tuple(entry["shape"]), entry["dtype"])
                for entry in data["arguments"]
            ]
            return cls(
                data["kernel"],
                tuple(arguments),
                tuple(regions),
                tuple(data["fp_mem"]),
                tuple(data["int_mem"]),
                data["sram"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LayoutError(f"the layout is damaged: {error}") from None

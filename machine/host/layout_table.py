"""The layout of a kernel as a table of text."""

from __future__ import annotations

from .layout import Layout, Region

_HEADER = (
    "kind", "name", "shape", "format", "rows", "row bytes", "elements at", "scales at", "bytes",
)  # fmt: skip
_RIGHT = frozenset({"rows", "row bytes", "elements at", "scales at", "bytes"})


def layout_table(layout: Layout) -> str:
    """One line for each region in the order of memory; addresses and sizes in bytes.

    `rows` are stored rows of each group, padding included.
    """
    lines = [_HEADER, *(_line(region) for region in layout.regions)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    text = [
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for cell, width, name in zip(line, widths, _HEADER, strict=True)
        ).rstrip()
        for line in lines
    ]
    text.append("")
    text.append(
        f"HBM: {layout.hbm_bytes:,} bytes.  FP_MEM: {len(layout.fp_mem)} initial values.  "
        f"INT_MEM: {len(layout.int_mem)} initial values."
    )
    return "\n".join(text) + "\n"


def _line(region: Region) -> tuple[str, ...]:
    steps = [f"{step.step} {step.value}, " for step in region.prepare]
    return (
        region.kind,
        region.name,
        "x".join(map(str, region.shape)),
        "".join(steps) + str(region.storage),
        f"{region.rows}",
        f"{region.row_bytes}",
        f"{region.base:#x}",
        f"{region.scale_base:#x}" if region.storage.scaled else "-",
        f"{region.bytes:,}",
    )

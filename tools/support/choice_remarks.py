"""Remarks of `fa-compile` on what no pass decides: the mapping that was chosen, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...diagnostics import CompileError
from ...frontends.remarks import Remark

if TYPE_CHECKING:
    from ...compiler import Kernel


def choice_remarks(kernel: Kernel) -> list[Remark]:
    """Which mapping was chosen, and why no other."""
    lines = kernel.mappings.splitlines()
    where = kernel.mask_tiles[0].where or None if kernel.mask_tiles else None
    found: list[Remark] = []
    head = lines[0].removesuffix(" (*)") if lines else ""
    for line in lines[3:]:
        text = " ".join(line.removeprefix("*").split())
        if line.startswith("*"):
            kind, name, said = "passed", "Chosen", f"{head}: {_figures(text)}"
        elif text.startswith("rejected "):
            kind, name = "missed", "Rejected"
            said = f"not possible: {text.removeprefix('rejected ')}"
        else:
            kind, name, said = "analysis", "Dearer", f"not chosen: {_figures(text)}"
        found.append(Remark(kind, "search", name, said, where, kernel.layout.kernel))
    return found


def _figures(text: str) -> str:
    """A line of the table of mappings in words."""
    figures, at, mapping = text.partition("qk=")
    numbers = figures.split()
    counted = f", {numbers[1]} counted" if len(numbers) > 1 else ""
    return f"{at}{mapping}: {numbers[0]} predicted{counted}" if numbers else text


def overlap_remarks(kernel: Kernel) -> list[Remark]:
    """How much of the time nothing but HBM transfers is done, in the table where loads run beside
    other work."""
    from ...compiler import cost

    try:
        figures = cost(kernel)
        total, waited = figures.rtl_cycles, figures.unit["hbm"].rtl_cycles
    except (CompileError, ValueError):
        return []
    if not waited:
        return []
    where = kernel.mask_tiles[0].where or None if kernel.mask_tiles else None
    message = (
        f"{waited:,} of {total:,} rtl cycles wait for HBM transfers, "
        f"{100 * waited / total:.1f} % that nothing else covers"
    )
    return [Remark("missed", "cost", "NotOverlapped", message, where, kernel.layout.kernel)]

"""The cost of a program and its lower bound as a table."""

from __future__ import annotations

from ..spec.cost_tables import table_names
from .cost import Cost
from .figures import UNITS, Figures
from .lower_bounds import Bounds


def cost_table(cost: Cost, bounds: Bounds | None = None) -> str:
    """Lines of text, ending in a newline: all tables by unit, with and without moving Q and O.

    With `bounds` each figure has its lower bound beside it and how many times that it is.
    """
    moved = cost.moving.hbm_bytes_read + cost.moving.hbm_bytes_written > 0
    rows: list[tuple[str, Figures, Figures | None]] = [
        (name, cost.unit[name], None if bounds is None else bounds.unit[name]) for name in UNITS
    ]
    rows.append(("all", cost.total, None if bounds is None else bounds.total))
    if moved:
        least = None if bounds is None else bounds.without_moving
        rows.append(("without Q, O", cost.without_moving, least))
    tables = table_names()
    head = "".join(f"{table + ' cycles':>18}{_heads(bounds)}" for table in tables)
    lines = [f"{'cost':<14}{head}"]
    for name, figures, least in rows:
        cells = (
            _cell(figures.cycles.get(table, 0), None if least is None else least.of(table))
            for table in tables
        )
        lines.append(f"{name:<14}{''.join(cells)}")
    lines += ["", f"{'HBM bytes':<14}{'read':>18}{_heads(bounds)}{'written':>18}{_heads(bounds)}"]
    for name, figures, least in rows[len(UNITS) :]:
        cells = (
            _cell(figures.hbm_bytes_read, None if least is None else least.hbm_bytes_read),
            _cell(figures.hbm_bytes_written, None if least is None else least.hbm_bytes_written),
        )
        lines.append(f"{name:<14}{''.join(cells)}")
    lines.append("")
    if not cost.hbm_exact:
        error = f"{100 * cost.hbm_error:.1f} %"
        lines.append(f"time of HBM transfers is estimated from samples, within some {error}")
    if bounds is not None:
        lines += _families(bounds)
    return "\n".join(lines).rstrip("\n") + "\n"


def _heads(bounds: Bounds | None) -> str:
    return "" if bounds is None else f"{'least':>14}{'times':>9}"


def _cell(value: int | None, least: int | None) -> str:
    if value is None:
        # The table's machine lacks an instruction of the program.
        return f"{'-':>18}" if least is None else f"{'-':>18}{least:>14,}{'-':>9}"
    if least is None:
        return f"{value:>18,}"
    times = f"{value / least:.2f}" if least else "-"
    return f"{value:>18,}{least:>14,}{times:>9}"


def _families(bounds: Bounds) -> list[str]:
    """Which matrix instructions the least is that of."""
    lines = ["matrix unit at its peak, by family:"]
    for name, figures in bounds.family.items():
        cells = (_cell(figures.of(table), None) for table in table_names())
        lines.append(f"  {name:<12}{(' ' * 23).join(cells)}")
    for table, (scores, values) in bounds.families.items():
        lines.append(f"  least for {table}: Q K^T by {scores}, P V by {values}")
    return lines

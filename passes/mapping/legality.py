"""What a mapping asks of a machine and of shapes: plain arithmetic for `map` and for the search.

Each function gives the reason why something is not possible, or None where it is.
"""

from __future__ import annotations

from ...machine.spec.formats import MxFormat
from ...machine.spec.params import Machine

COLUMNS_BY_MM = "columns of ones in V go with pv=btmv"
"""Why M_MM gives no row sums."""

MOST_ONES = 1 << 26
"""Elements of a constant of ones beside values: the IR holds every one of them."""

EMPTY_ROWS = "rows may see no key"
"""Why row sums by columns cannot be divided by: they may be 0."""


def why_not_transposed(machine: Machine, columns: int) -> str | None:
    """Of values with `columns` columns, padding included, transposed in matrix SRAM."""
    if columns % machine.prefetch_m:
        return f"a prefetch brings {machine.prefetch_m} rows, and transposed values have {columns}"
    return None


def why_no_columns(machine: Machine, columns: int, elements: int) -> str | None:
    """Of as many columns of ones as values have, in front of them in one row.

    `elements` is how many the values have in all, and the ones as well.
    """
    if elements > MOST_ONES:
        return f"{elements:,} ones are more than can be handled, {MOST_ONES:,}"
    if 2 * columns > machine.vlen:
        return f"ones beside {columns} value columns do not fit a row of {machine.vlen}"
    forms = machine.hbm_formats.values()
    if any(isinstance(form, MxFormat) and columns % form.block for form in forms):
        return f"{columns} columns are not whole blocks of storage"
    return None


def why_not_packed(machine: Machine, rows: int, tiles: int) -> str | None:
    """Of P with `rows` rows that share lanes, by a constant tile beside `tiles` matrix tiles."""
    if machine.broadcast < 2:
        return "BROADCAST_AMOUNT is 1, so no rows share lanes"
    if rows % machine.broadcast:
        return f"{machine.broadcast} rows share lanes, and tiles of P have {rows} rows"
    extra = constant_tiles(machine)
    if machine.vlen != machine.mlen:
        return f"a vector row has {machine.vlen} lanes and a matrix tile {machine.mlen} columns"
    if tiles + extra > machine.matrix_tiles:
        return f"a constant tile needs room in matrix SRAM beside {tiles} tiles"
    return None


def why_no_ones(machine: Machine, tiles: int) -> str | None:
    """Of a tile of ones beside `tiles` tiles of keys and values."""
    if tiles + constant_tiles(machine) > machine.matrix_tiles:
        return f"a tile of ones needs room in matrix SRAM beside {tiles} tiles"
    return None


def constant_tiles(machine: Machine) -> int:
    """Tiles of matrix SRAM that a constant takes: at least a prefetch."""
    return max(machine.prefetch_m, machine.mlen) // machine.mlen

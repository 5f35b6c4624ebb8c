"""Operations that go over the rows of tiles: vector and scalar unit (ISA sections 4.3 to 4.5).

A row of a tile is `panels` vector rows, one in each panel. Pointers walk the rows of the first
panel; the others are a constant further on. Statistics lie in FP_MEM at the row's number plus a
constant, which is the immediate of S_LD_FP and S_ST_FP.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import groupby

from xdsl.ir import SSAValue

from ...dialects import fa
from ...dialects.fa.masks import Run
from ...dialects.fa.types import TileType
from ...passes.masks.mask_sites import tile_mask
from ...passes.masks.tile_mask import HIDDEN, Piece, pieces
from .emitter import Emitter
from .float_constants import log_iterations, log_start

FLOOR = -(2.0**100)
"""The least running maximum where a row may see no key: above HIDDEN, below any score."""

UNROLLED_PANELS = 4
"""Up to so many panels of a row of scores are handled without a loop."""

FULL, NEGATE = 0, 1
"""Mask operand: the whole row. Order operand of V_SUB_VF: -(v - f)."""


@dataclass(frozen=True)
class Rows:
    """The vector rows of a tile."""

    address: int
    rows: int
    panels: int
    width: int

    @classmethod
    def of(cls, e: Emitter, kind: TileType) -> Rows:
        """The rows of a placed tile in vector SRAM."""
        return cls(kind.placed, kind.rows, kind.cols // e.machine.vlen, e.machine.vlen)

    @property
    def panel(self) -> int:
        """Elements from panel to panel."""
        return self.rows * self.width


@contextmanager
def walk(e: Emitter, count: int, *pointers: tuple[int, int]) -> Generator[list[SSAValue]]:
    """A loop of `count` iterations with registers that start somewhere and go forward by a step.

    `pointers` are (address, step); equal ones share a register.
    """
    distinct = list(dict.fromkeys(pointers))
    with e.loop(count, *(e.constant(start) for start, _ in distinct)) as loop:
        yield [loop.carried[distinct.index(pointer)] for pointer in pointers]
        steps = [step for _, step in distinct]
        loop.yields(*(e.add(v, step) for v, step in zip(loop.carried, steps, strict=True)))


def each_vector(e: Emitter, count: int, *starts: int) -> AbstractContextManager[list[SSAValue]]:
    """A loop over `count` vector rows that follow one another, with a pointer into each tile."""
    return walk(e, count, *((start, e.machine.vlen) for start in starts))


def each_panel(
    e: Emitter,
    count: int,
    values: Sequence[SSAValue],
    pointers: Sequence[tuple[SSAValue, int]],
    body: Callable[[Sequence[SSAValue], Sequence[SSAValue]], Sequence[SSAValue]],
) -> Sequence[SSAValue]:
    """Run `body` for each of `count` panels; it gets `values` and rows, and returns new values.

    `pointers` are (row of the first panel, step to the next). Few panels are unrolled, more are a
    loop, so that programs do not grow with the number of keys.
    """
    if count <= UNROLLED_PANELS:
        for panel in range(count):
            values = body(values, [e.add(row, panel * step) for row, step in pointers])
        return values
    distinct = list(dict.fromkeys(pointers))
    with e.loop(count, *values, *(row for row, _ in distinct)) as loop:
        passed, rows = loop.carried[: len(values)], loop.carried[len(values) :]
        new = body(passed, [rows[distinct.index(pointer)] for pointer in pointers])
        steps = [step for _, step in distinct]
        loop.yields(*new, *(e.add(row, step) for row, step in zip(rows, steps, strict=True)))
    return loop.results[: len(values)]


def fill(e: Emitter, op: fa.FillOp) -> None:
    """Rows of one value: shifted out to zeros, then the value added."""
    kind, value = fa.tile(op.tile), op.value.value.data
    if kind.space.data == "scalar":
        f = e.float(value)
        with walk(e, kind.rows, (0, 1)) as (row,):
            e.do("S_ST_FP", f, row, kind.placed)
        return
    rows = Rows.of(e, kind)
    all_lanes = e.constant(rows.width)
    f = e.float(value)
    with each_vector(e, rows.rows * rows.panels, rows.address) as (row,):
        e.do("V_SHFT_V", row, row, all_lanes)
        if value != 0:
            e.do("V_ADD_VF", row, row, f, FULL)


def copy(e: Emitter, op: fa.CopyOp) -> None:
    """A tile somewhere else; a shift by 0 moves a vector row bit for bit."""
    source, result = fa.tile(op.source), fa.tile(op.result)
    if source.placed == result.placed:
        return
    if source.space.data == "scalar":
        with walk(e, source.rows, (0, 1)) as (row,):
            e.do("S_ST_FP", e.get("S_LD_FP", row, source.placed), row, result.placed)
        return
    move(e, source, result)


def move(e: Emitter, source: TileType, result: TileType) -> None:
    """The rows of a vector tile to another place, if it is another."""
    rows = Rows.of(e, source)
    if source.placed == result.placed:
        return
    with each_vector(e, rows.rows * rows.panels, source.placed, result.placed) as (old, new):
        e.do("V_SHFT_V", new, old, e.zero)


def scale(e: Emitter, op: fa.ScaleOp) -> None:
    """Every row times a constant."""
    source, result = Rows.of(e, fa.tile(op.source)), fa.tile(op.result)
    factor = e.float(op.factor.value.data)
    count = source.rows * source.panels
    with each_vector(e, count, source.address, result.placed) as (old, new):
        e.do("V_MUL_VF", new, old, factor, FULL)


def mask(e: Emitter, op: fa.MaskOp) -> None:
    """HIDDEN added to what a row must not see, from a tile of its own or by shifting.

    A row of HIDDEN shifted right by `last` hides the columns from `last` on; that row minus itself
    shifted by `first` hides those before `first`.
    """
    kind, result = fa.tile(op.scores), fa.tile(op.result)
    if op.hidden is not None:
        rows, hiding = Rows.of(e, kind), fa.tile(op.hidden).placed
        count = rows.rows * rows.panels
        with each_vector(e, count, kind.placed, hiding, result.placed) as (old, add, new):
            e.do("V_ADD_VV", new, old, add, FULL)
        return
    rows, hidden, shifted = _hiding_rows(e, op)
    runs = tile_mask(op).runs
    panels = [panel_runs(runs, panel * rows.width, rows.width) for panel in range(rows.panels)]
    first = 0
    for unseen, group in groupby(panels, lambda panel: set(panel) == {(0, 0)}):
        members = list(group)
        start = rows.address + first * rows.panel
        if unseen:
            # Panels of which no row sees anything are one run of vector rows.
            with each_vector(e, len(members) * rows.rows, start) as (row,):
                e.do("V_ADD_VV", row, row, hidden, FULL)
        else:
            for number, panel in enumerate(members):
                for piece in pieces(panel, rows.width):
                    address = start + number * rows.panel + piece.first * rows.width
                    _hide(e, piece, address, rows.width, hidden, shifted)
        first += len(members)


def _hiding_rows(e: Emitter, op: fa.MaskOp | fa.LimitOp) -> tuple[Rows, SSAValue, SSAValue]:
    """Scores moved to where the result is, and two rows of scratch: one of HIDDEN, and one for what
    is shifted of it."""
    assert op.scratch is not None
    result, room = fa.tile(op.result), fa.tile(op.scratch).placed
    move(e, fa.tile(op.scores), result)
    rows = Rows.of(e, result)
    hidden, shifted = e.constant(room), e.constant(room + rows.width)
    e.do("V_SHFT_V", hidden, hidden, e.constant(rows.width))
    e.do("V_ADD_VF", hidden, hidden, e.float(HIDDEN), FULL)
    return rows, hidden, shifted


def limit(e: Emitter, op: fa.LimitOp, left: SSAValue) -> None:
    """HIDDEN added to the keys from a length on; `left` is the length less the tile's first key.

    A row of HIDDEN shifted right by `left` lanes. The first panel has its first key before the
    length, or `left` is 0. In a later one, `left` less the keys before it may be negative, which
    shifts everything out as a large number does; then the panel before has hidden its last key, and
    what that holds less than 0 hides everything.
    """
    rows, hidden, shifted = _hiding_rows(e, op)
    if rows.panels == 1:
        e.do("V_SHFT_V", shifted, hidden, left)
        with each_vector(e, rows.rows, rows.address) as (row,):
            e.do("V_ADD_VV", row, row, shifted, FULL)
        return
    assert op.scratch is not None
    room = fa.tile(op.scratch).placed
    negative, width = e.constant(room + 2 * rows.width), e.constant(rows.width)
    start = e.constant(rows.address)
    with e.loop(rows.panels, start, left, e.f_zero) as loop:
        panel, lanes, before = loop.carried
        e.do("V_SHFT_V", shifted, hidden, lanes)
        e.do("V_ADD_VF", shifted, shifted, before, FULL)
        with e.loop(rows.rows, panel) as inner:
            (row,) = inner.carried
            e.do("V_ADD_VV", row, row, shifted, FULL)
            inner.yields(e.add(row, rows.width))
        e.do("V_SUB_VF", negative, shifted, e.f_zero, FULL, 1)
        least = e.get("S_SUB_FP", e.f_zero, e.get("V_RED_MAX", e.f_zero, negative, FULL))
        loop.yields(e.add(panel, rows.panel), e.get("S_SUB_INT", lanes, width), least)


def limit_panels(e: Emitter, op: fa.LimitOp, left: Iterable[SSAValue]) -> None:
    """The same panel by panel; `left` says of each how many of its keys are valid, or more."""
    rows, hidden, shifted = _hiding_rows(e, op)
    for panel, lanes in enumerate(left):
        e.do("V_SHFT_V", shifted, hidden, lanes)
        with each_vector(e, rows.rows, rows.address + panel * rows.panel) as (row,):
            e.do("V_ADD_VV", row, row, shifted, FULL)


def panel_runs(runs: Sequence[Run], first: int, width: int) -> list[Run]:
    """The runs of a tile's rows as columns of the panel that starts at column `first`."""
    clipped = [(max(a - first, 0), min(b - first, width)) for a, b in runs]
    return [run if run[0] < run[1] else (0, 0) for run in clipped]


def _hide(
    e: Emitter, piece: Piece, address: int, width: int, hidden: SSAValue, shifted: SSAValue
) -> None:
    """Mask the rows of a piece, on the right and on the left of what they see."""
    rows = piece.last - piece.first
    (first, last), (first_step, last_step) = piece.start, piece.step
    for lanes, step, left in ((last, last_step, False), (first, first_step, True)):
        if left and lanes == 0 and step == 0:
            continue
        if not left and lanes == width and step == 0:
            continue

        def make(count: SSAValue, left: bool = left) -> None:
            e.do("V_SHFT_V", shifted, hidden, count)
            if left:
                e.do("V_SUB_VV", shifted, hidden, shifted, FULL)

        if step == 0 or rows == 1:
            make(e.constant(lanes))
            with each_vector(e, rows, address) as (row,):
                e.do("V_ADD_VV", row, row, shifted, FULL)
        else:
            with walk(e, rows, (address, width), (lanes, 1)) as (row, count):
                make(count)
                e.do("V_ADD_VV", row, row, shifted, FULL)


class Guard:
    """What keeps a row that sees no key from 0/0: a finite maximum, probabilities of exactly 0."""

    def __init__(self, e: Emitter):
        self.floor = e.float(FLOOR)
        # exp clamps its argument, so that exp(-inf) is this and not 0.
        self.least = e.get("S_EXP_FP", e.float(float("-inf")))


def _row_maximum(e: Emitter, rows: Rows, row: SSAValue, start: SSAValue) -> SSAValue:
    """max(start, row)."""

    def panel(values: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return [e.get("V_RED_MAX", values[0], at[0], FULL)]

    return each_panel(e, rows.panels, [start], [(row, rows.panel)], panel)[0]


def _exponentials(
    e: Emitter,
    rows: Rows,
    result: Rows,
    source: SSAValue,
    target: SSAValue,
    maximum: SSAValue,
    total: SSAValue,
    guard: Guard | None,
) -> SSAValue:
    """target = exp(source - maximum), and total + its sum."""

    def panel(values: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
        old, new = at
        e.do("V_SUB_VF", new, old, maximum, FULL, 0)
        e.do("V_EXP_V", new, new, FULL)
        if guard is not None:
            e.do("V_SUB_VF", new, new, guard.least, FULL, 0)
        return [e.get("V_RED_SUM", values[0], new)]

    pointers = [(source, rows.panel), (target, result.panel)]
    return each_panel(e, rows.panels, [total], pointers, panel)[0]


def sink(e: Emitter, op: fa.SinkOp) -> None:
    """The score of a sink and exp(0) = 1, or FLOOR and 0 where there is none.

    The difference of the score and what is at least FLOOR is 0 or -inf; exp(-inf) is not quite 0 on
    the machine and is taken off, which leaves 1 as it is.
    """
    guard = Guard(e)
    score = e.get("V_RED_MAX", e.float(float("-inf")), e.constant(fa.tile(op.score).placed), FULL)
    maximum = e.get("S_MAX_FP", score, guard.floor)
    total = e.get("S_EXP_FP", e.get("S_SUB_FP", score, maximum))
    total = e.get("S_SUB_FP", total, guard.least)
    with walk(e, fa.tile(op.maximum).rows, (0, 1)) as (index,):
        e.do("S_ST_FP", maximum, index, fa.tile(op.maximum).placed)
        e.do("S_ST_FP", total, index, fa.tile(op.total).placed)


def softmax(e: Emitter, op: fa.SoftmaxOp) -> None:
    """Whole rows: maximum, exponentials, sum, division."""
    rows = Rows.of(e, fa.tile(op.scores))
    result = Rows.of(e, fa.tile(op.result))
    guard = Guard(e) if op.empty_rows is not None else None
    lowest = e.float(float("-inf"))
    one = e.float(1.0) if guard is not None else None
    pointers = [(rows.address, rows.width), (result.address, rows.width), (0, 1)]
    with walk(e, rows.rows, *pointers) as (s, p, index):
        before, first = e.f_zero, op.first
        if first is None:
            maximum = _row_maximum(e, rows, s, lowest if guard is None else guard.floor)
        else:
            old = e.get("S_LD_FP", index, fa.tile(first[0]).placed)
            maximum = _row_maximum(e, rows, s, old)
            if guard is not None:
                maximum = e.get("S_MAX_FP", maximum, guard.floor)
            before = e.get("S_EXP_FP", e.get("S_SUB_FP", old, maximum))
            total = e.get("S_LD_FP", index, fa.tile(first[1]).placed)
            before = e.get("S_MUL_FP", before, total)
        e.do("S_ST_FP", maximum, index, fa.tile(op.maximum).placed)
        total = _exponentials(e, rows, result, s, p, maximum, before, guard)
        e.do("S_ST_FP", total, index, fa.tile(op.total).placed)
        if one is not None:
            total = e.get("S_MAX_FP", total, one)
        _times(e, result, p, e.get("S_RECI_FP", total))


def probabilities(e: Emitter, op: fa.ProbabilitiesOp) -> None:
    """exp(S - m) times the reciprocal of the sum."""
    rows = Rows.of(e, fa.tile(op.scores))
    result = Rows.of(e, fa.tile(op.result))
    guard = Guard(e) if op.empty_rows is not None else None
    one = e.float(1.0) if guard is not None else None
    pointers = [(rows.address, rows.width), (result.address, rows.width), (0, 1)]
    with walk(e, rows.rows, *pointers) as (s, p, index):
        maximum = e.get("S_LD_FP", index, fa.tile(op.maximum).placed)
        total = e.get("S_LD_FP", index, fa.tile(op.total).placed)
        if one is not None:
            total = e.get("S_MAX_FP", total, one)
        factor = e.get("S_RECI_FP", total)

        def panel(
            _: Sequence[SSAValue],
            at: Sequence[SSAValue],
            maximum: SSAValue = maximum,
            factor: SSAValue = factor,
        ) -> Sequence[SSAValue]:
            old, new = at
            e.do("V_SUB_VF", new, old, maximum, FULL, 0)
            e.do("V_EXP_V", new, new, FULL)
            if guard is not None:
                e.do("V_SUB_VF", new, new, guard.least, FULL, 0)
            e.do("V_MUL_VF", new, new, factor, FULL)
            return []

        each_panel(e, rows.panels, [], [(s, rows.panel), (p, result.panel)], panel)


def _times(e: Emitter, rows: Rows, row: SSAValue, factor: SSAValue) -> None:
    """A row times a factor, in place."""

    def panel(_: Sequence[SSAValue], at: Sequence[SSAValue]) -> Sequence[SSAValue]:
        e.do("V_MUL_VF", at[0], at[0], factor, FULL)
        return []

    each_panel(e, rows.panels, [], [(row, rows.panel)], panel)


def accumulate(e: Emitter, op: fa.AccumulateOp) -> None:
    """acc + x; with a factor for each row it is part of a row loop."""
    acc, addend = Rows.of(e, fa.tile(op.acc)), Rows.of(e, fa.tile(op.addend))
    count, result = acc.rows * acc.panels, fa.tile(op.result).placed
    with each_vector(e, count, acc.address, addend.address, result) as (a, x, r):
        e.do("V_ADD_VV", r, a, x, FULL)


def logsumexp(e: Emitter, op: fa.LogsumexpOp) -> None:
    """m + ln l for VLEN rows at a time, by Newton's method: y <- y - 1 + l exp(-y)."""
    result = Rows.of(e, fa.tile(op.result))
    assert op.scratch is not None
    room, bound = fa.tile(op.scratch).placed, op.bound.value.data
    l_row, y, t = (e.constant(room + i * result.width) for i in range(3))
    one = e.float(1.0)
    for panel in range(result.panels):
        window = panel * result.width
        e.do("S_MAP_V_FP", l_row, e.zero, fa.tile(op.total).placed + window)
        e.do("V_SHFT_V", y, y, e.constant(result.width))
        e.do("V_ADD_VF", y, y, e.float(log_start(bound)), FULL)
        with e.loop(log_iterations(bound)):
            e.do("V_SUB_VF", t, y, e.f_zero, FULL, NEGATE)
            e.do("V_EXP_V", t, t, FULL)
            e.do("V_MUL_VV", t, t, l_row, FULL)
            e.do("V_ADD_VV", y, y, t, FULL)
            e.do("V_SUB_VF", y, y, one, FULL, 0)
        if op.empty_rows is not None:
            # 1/l is at most 1 where a key was seen and inf where none was: max(1/l, 1) - 1 is 0 or
            # inf.
            e.do("V_RECI_V", t, l_row, FULL)
            e.do("V_MAX_VF", t, t, one, FULL)
            e.do("V_SUB_VF", t, t, one, FULL, 0)
            e.do("V_SUB_VV", y, y, t, FULL)
        e.do("S_MAP_V_FP", t, e.zero, fa.tile(op.maximum).placed + window)
        with each_vector(e, result.rows, result.address + panel * result.panel) as (row,):
            e.do("V_ADD_VV", row, y, t, FULL)


def spread(e: Emitter, op: fa.SpreadOp) -> None:
    """Each row emptied by a shift, then the row's value added."""
    rows = Rows.of(e, fa.tile(op.result))
    lanes = e.constant(rows.width)
    with walk(e, rows.rows, (rows.address, rows.width), (0, 1)) as (row, index):
        value = e.get("S_LD_FP", index, fa.tile(op.source).placed)
        for panel in range(rows.panels):
            at = e.add(row, panel * rows.panel)
            e.do("V_SHFT_V", at, at, lanes)
            e.do("V_ADD_VF", at, at, value, FULL)


def collect(e: Emitter, op: fa.CollectOp) -> None:
    """The maximum of each row."""
    rows = Rows.of(e, fa.tile(op.source))
    lowest = e.float(float("-inf"))
    with walk(e, rows.rows, (rows.address, rows.width), (0, 1)) as (row, index):
        e.do("S_ST_FP", _row_maximum(e, rows, row, lowest), index, fa.tile(op.result).placed)


def combine(e: Emitter, op: fa.CombineOp) -> None:
    """Both accumulators rescaled to the larger maximum and added."""
    acc1, acc2 = Rows.of(e, fa.tile(op.acc1)), Rows.of(e, fa.tile(op.acc2))
    acc = Rows.of(e, fa.tile(op.acc))
    assert op.scratch is not None
    room = e.constant(fa.tile(op.scratch).placed)
    floor = e.float(FLOOR) if op.empty_rows is not None else None
    pointers = [(tile.address, tile.width) for tile in (acc1, acc2, acc)]
    with walk(e, acc.rows, *pointers, (0, 1)) as (a, b, r, index):
        first = e.get("S_LD_FP", index, fa.tile(op.maximum1).placed)
        second = e.get("S_LD_FP", index, fa.tile(op.maximum2).placed)
        maximum = e.get("S_MAX_FP", first, second)
        if floor is not None:
            maximum = e.get("S_MAX_FP", maximum, floor)
        first = e.get("S_EXP_FP", e.get("S_SUB_FP", first, maximum))
        second = e.get("S_EXP_FP", e.get("S_SUB_FP", second, maximum))
        total = e.get("S_MUL_FP", e.get("S_LD_FP", index, fa.tile(op.total1).placed), first)
        other = e.get("S_MUL_FP", e.get("S_LD_FP", index, fa.tile(op.total2).placed), second)
        e.do("S_ST_FP", maximum, index, fa.tile(op.maximum).placed)
        e.do("S_ST_FP", e.get("S_ADD_FP", total, other), index, fa.tile(op.total).placed)
        for panel in range(acc.panels):
            new = e.add(r, panel * acc.panel)
            e.do("V_MUL_VF", room, e.add(b, panel * acc.panel), second, FULL)
            e.do("V_MUL_VF", new, e.add(a, panel * acc.panel), first, FULL)
            e.do("V_ADD_VV", new, new, room, FULL)

"""Masks as products: which rows of ones and which columns hide what a mask hides. Plain arithmetic.

M_BTMV adds to the scores of a group of rows, one of each stream, the columns of a tile that a row
of zeros and ones names in the lanes of each stream. So the keys that a row of scores must not see
are a column, and rows that see the same keys share it:

    columns of a block, by key     the rows of scores that name them
      0  0  0  ..                    group 0: rows of columns 0, 1, 2 and 3
     -x  0  0  ..                    group 1: 4, 5, 6 and 7
     -x -x  0  ..                    ...
      :  :  :

A block has as many columns as a stream has lanes, and each group takes one block a panel of keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ...dialects.fa.masks import Run
from ..mapping.family_costs import FamilyCosts
from .tile_mask import pieces

Column = Run
"""The keys of a panel that a row sees; what is not in them is hidden."""

Block = tuple[Column, ...]
"""Columns of which a group of rows can choose."""

Choice = tuple[int, ...]
"""The column of each row of a group."""


@dataclass(frozen=True)
class MaskPlan:
    """What a mask of a tile takes: for each group of rows its choice, and its block in each panel,
    None where the group sees all keys of the panel."""

    choices: tuple[Choice, ...]
    blocks: tuple[tuple[Block | None, ...], ...]


def mask_plan(runs: Sequence[Run], cols: int, panel: int, streams: int, width: int) -> MaskPlan:
    """The plan for a tile whose row i sees the columns `runs[i]`.

    `panel` keys are done at once, `streams` rows are a group, and blocks have `width` columns.
    """
    whole, blocks = (0, cols), list[list[Run]]()
    groups = [tuple(runs[at : at + streams]) for at in range(0, len(runs), streams)]
    used: list[int | None] = []
    for group in groups:
        wanted = dict.fromkeys(group)
        if set(wanted) == {whole}:
            used.append(None)
            continue
        found = next((n for n, block in enumerate(blocks) if wanted.keys() <= set(block)), None)
        if found is None:
            new = [run for run in wanted if not blocks or run not in blocks[-1]]
            if blocks and len(blocks[-1]) + len(new) <= width:
                blocks[-1] += new
            else:
                blocks.append(list(wanted))
            found = len(blocks) - 1
        used.append(found)
    panels = [_clipped(blocks, first, panel) for first in range(0, cols, panel)]
    return MaskPlan(
        tuple(
            (0,) * len(group) if n is None else tuple(blocks[n].index(run) for run in group)
            for group, n in zip(groups, used, strict=True)
        ),
        tuple(tuple(None if n is None else of[n] for of in panels) for n in used),
    )


def _clipped(blocks: Sequence[Sequence[Run]], first: int, panel: int) -> list[Block | None]:
    """The columns of blocks in the panel that starts at column `first`; None where all is seen."""
    found: list[Block | None] = []
    for block in blocks:
        runs = [(max(a - first, 0), min(b - first, panel)) for a, b in block]
        columns = tuple(run if run[0] < run[1] else (0, 0) for run in runs)
        found.append(None if set(columns) == {(0, panel)} else columns)
    return found


@dataclass
class HidingTiles:
    """The distinct choices and blocks of a function, numbered in the order in which they are met.

    A group that sees all keys takes the first choice, whichever that is.
    """

    choices: dict[Choice, int] = field(default_factory=dict[Choice, int])
    blocks: dict[Block, int] = field(default_factory=dict[Block, int])

    def add(self, plan: MaskPlan) -> tuple[list[int], list[int]]:
        """The numbers of a plan's choices, one a group, and of its blocks, group by group."""
        choices, numbers = list[int](), list[int]()
        for choice, of_panels in zip(plan.choices, plan.blocks, strict=True):
            hides = any(block is not None for block in of_panels)
            choices.append(self.choices.setdefault(choice, len(self.choices)) if hides else 0)
            for block in of_panels:
                numbers.append(
                    -1 if block is None else self.blocks.setdefault(block, len(self.blocks))
                )
        return choices, numbers


def product_cycles(costs: FamilyCosts, plan: MaskPlan) -> int:
    """Cycles of masking a tile by products, beside those of its scores."""
    total, call = 0, costs.cycles("M_BTMV")
    for blocks, groups in groupby(plan.blocks):
        hidden = sum(block is not None for block in blocks)
        if hidden:
            # Addresses of the blocks and of the first choice, then a step for each group.
            total += (hidden + 1) * costs.step
            total += len(list(groups)) * (hidden * call + costs.step)
    return total


def shift_cycles(costs: FamilyCosts, runs: Sequence[Run], cols: int, panel: int) -> int:
    """Cycles of masking a tile by adding shifted rows (`lowering/emit/row_ops.py`)."""
    shift, add = costs.cycles("V_SHFT_V"), costs.cycles("V_ADD_VV")
    total = shift + costs.cycles("V_ADD_VF") + 2 * costs.step
    for first in range(0, cols, panel):
        clipped = [(max(a - first, 0), min(b - first, panel)) for a, b in runs]
        for piece in pieces([run if run[0] < run[1] else (0, 0) for run in clipped], panel):
            rows = piece.last - piece.first
            for lanes, step, left in (
                (piece.start[1], piece.step[1], False),
                (piece.start[0], piece.step[0], True),
            ):
                if step == 0 and lanes == (0 if left else panel):
                    continue
                made = shift + left * costs.cycles("V_SUB_VV")
                times = 1 if step == 0 else rows
                total += times * (made + costs.step) + rows * (add + costs.step)
    return total

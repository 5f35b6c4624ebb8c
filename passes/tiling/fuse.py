"""`fuse`: the three nests of standard attention into one with the online softmax.

Precondition: what `tile` makes: a nest that stores scores S, one that turns whole rows of S into P,
one that accumulates P V, over the same query rows.
Postcondition: S and P are gone, and with them their HBM traffic: each tile of scores is used at
once, and the division by the running sum l comes last. Nests of another form stay as they are: they
lower to correct code too, and the function's attribute `fa.unfused` says why. Nests that are those
of `tile` but for what a later pass has made of them are refused: it would be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.discardable_attrs import UNFUSED
from ...dialects.machine_attr import settle_machine
from ...machine.numerics.bounded_scores import least_sum
from ...machine.spec.params import Machine
from ..mapping.map import MAPPED
from ..masks.mask_counts import MASK_TILES
from ..support.tile_builder import Loop
from .fused_nest import FusedNest, State
from .keys_outside import KeysOutside
from .match_attention import Nests, match
from .rebuildable import hand_on, obstacle
from .tile_sizes import SPARE_ROWS, SPARE_SCALARS, row_granule

PARTS_STATISTICS = 5
"""FP_MEM entries for each query row: maximum and sum of two parts, and the factor of one."""


@dataclass(frozen=True)
class FusePass(ModulePass):
    """Scores, softmax and P V in one nest, with the online softmax."""

    name = "fuse"

    order: Literal["queries", "keys"] = "queries"
    """`queries` is FlashAttention-2: queries outside, the running maximum and sum (m, l) and the
    accumulator carried on chip from key tile to key tile. `keys` is FlashAttention-1: keys outside,
    each tile of K and V loaded once, the state of every query tile going through HBM."""
    split_kv: int = 1
    """With queries outside, the keys in so many parts, each with a state of its own, combined at
    the end (flash decoding); at most as many as there are keys, in fact no more than tiles of
    keys; where two parts do not fit beside each other, with smaller tiles of queries."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        if self.split_kv < 1:
            raise OpError(op, f"split-kv must be at least 1, got {self.split_kv}")
        if self.split_kv > 1 and self.order == "keys":
            raise OpError(op, "split-kv goes with order=queries: keys are outside already")
        for softmax in [inner for inner in op.walk() if isinstance(inner, fa.SoftmaxOp)]:
            _check_order(softmax)
            nests = match(softmax)
            if nests is None or not hand_on(nests):
                _note(softmax)
                continue
            if (found := obstacle(nests)) is not None:
                at, reason = found
                raise OpError(at, f"fusion builds {at.name} anew, and {reason}")
            if self.split_kv > nests.keys:
                raise OpError(
                    softmax,
                    f"split-kv = {self.split_kv} makes more parts than there are keys; "
                    f"at most {nests.keys}",
                )
            if nests.length is not None and (self.order == "keys" or self.split_kv > 1):
                raise OpError(
                    softmax,
                    "keys whose number is known at run time only are visited one tile after "
                    "another: lengths go with order=queries and split-kv=1",
                )
            if self.order == "keys":
                KeysOutside(machine, nests).build()
            else:
                QueriesOutside(machine, nests, self.split_kv).build()


def _check_order(softmax: fa.SoftmaxOp) -> None:
    """Raise OpError where passes that come after fusion have been here."""
    function = _function(softmax)
    for name, step in ((MAPPED, "map"), (MASK_TILES, "specialize-masks")):
        if function is not None and name in function.attributes:
            raise OpError(softmax, f"fuse comes before {step}, which has been run on this already")


def _function(op: Operation) -> func.FuncOp | None:
    """The function that an operation stands in."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, func.FuncOp):
        parent = parent.parent_op()
    return parent


def _note(softmax: fa.SoftmaxOp) -> None:
    """Write down at the function why an attention stays as it is."""
    users = [use.operation for use in softmax.result.uses]
    if any(isinstance(user, fa.MapOp) for user in users):
        reason = "a function of the probabilities needs the sums of whole rows"
    elif sum(isinstance(user, fa.StoreOp) for user in users) > 1:
        reason = "the probabilities are a result, which needs the sums of whole rows"
    else:
        reason = "not the three nests of standard attention over the same rows and keys"
    function = _function(softmax)
    if function is not None:
        function.attributes[UNFUSED] = StringAttr(reason)


class QueriesOutside(FusedNest):
    """FlashAttention-2, algorithm 1, over `parts` parts of the keys."""

    def __init__(self, machine: Machine, nests: Nests, parts: int):
        super().__init__(machine, nests)
        self.parts = min(parts, self.extents[1] // self.kv_rows)
        if self.parts > 1:
            self.q_rows = self._fitting_rows()

    def build(self) -> None:
        """Build the fused nest and erase the three."""
        rows, keys = self.extents
        with self.builder.loop("row", rows, self.q_rows) as i:
            query = self.query_tile(i)
            if self.bound is not None and self.parts == 1:
                self._sums(query, i, keys, self.bound)
            else:
                self._states(query, i, keys)
        self.erase()

    def _states(self, query: SSAValue, i: Loop, keys: int) -> None:
        """The recurrence over each part of the keys, and the parts into one."""
        tiles, parts = keys // self.kv_rows, self.parts
        ends = [tiles * part // parts * self.kv_rows for part in range(parts + 1)]
        state: State | None = None
        for start, stop in pairwise(ends):
            part = self._part(query, i, start, stop)
            if state is not None:
                # A row that sees a key somewhere may see none in the parts so far.
                empty = self.empty_rows or (stop < keys and self.masked)
                both = fa.CombineOp(state, part, empty)
                both = self.builder.insert(both, "acc", "m", "l")
                part = (both.acc, both.maximum, both.total)
            state = part
        assert state is not None
        self.finish(state, i)

    @property
    def masked(self) -> bool:
        """Whether a mask may hide a whole part of the keys from a row."""
        masks = [step for step in self.nests.steps if isinstance(step, fa.MaskOp)]
        return any(mask.mask is not None or mask.mask_mod is not None for mask in masks)

    def _fitting_rows(self) -> int:
        """The most query rows, of those that divide a tile, with which two parts fit on chip."""
        nests, machine = self.nests, self.machine
        granule = row_granule(machine)
        columns = sum(fa.tile(v).cols for v in (nests.scores.query, nests.scores.result))
        panels = (columns + 3 * fa.tile(nests.initial.tile).cols) // machine.vlen
        scores = 1 + sum(not isinstance(step, fa.MaskOp) for step in nests.steps)
        panels += (scores - 1) * self.kv_rows // machine.vlen
        for rows in range(self.q_rows, granule, -granule):
            scalars = rows * PARTS_STATISTICS + SPARE_SCALARS
            if (
                self.q_rows % rows == 0
                and scalars <= machine.fp_sram_depth
                and rows * panels + SPARE_ROWS <= machine.vector_sram_rows
            ):
                return rows
        return granule

    def _sums(self, query: SSAValue, i: Loop, keys: int, bound: float) -> None:
        """The recurrence where scores are bounded: sums, which nothing rescales."""
        acc, total = self.start_sums()
        with self.builder.loop("key", keys, self.kv_rows, (total, acc), end=self.end()) as n:
            total, acc = n.carried
            acc, total = self.advance_sums(query, acc, total, i, n)
            n.yields(total, acc)
        total, acc = n.results
        least = least_sum(bound) if self.empty_rows else None
        self.finish_output(acc, total, i, least)

    def _part(self, query: SSAValue, i: Loop, start: int, stop: int) -> State:
        """The recurrence over the keys from `start` to `stop`."""
        acc, maximum, total = self.start(first=start == 0)
        carried = (maximum, total, acc)
        with self.builder.loop("key", stop, self.kv_rows, carried, start, self.end()) as n:
            maximum, total, acc = n.carried
            acc, maximum, total = self.advance(query, (acc, maximum, total), i, n)
            n.yields(maximum, total, acc)
        maximum, total, acc = n.results
        return acc, maximum, total

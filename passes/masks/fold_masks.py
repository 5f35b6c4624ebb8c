"""`fold-masks`: masks as one more product of Q K^T, where that costs less.

Precondition: tile IR after `trim-tiles` and `schedule-rows`, masks at constant places, tensors in
their storage formats. Postcondition: where M_BTMV does Q K^T on packed queries and nothing but a
mask reads the scores, the scores are masked before they are written (`hide` of `fa.scores`), by
rows of zeros and ones and a tile of columns that are constants and stay on chip throughout. All
masks of a function or none: as they cost less by the table of the module's target, loads of the
constants included, and both memories have room. Not for bytes, of which a mask by shifting takes
none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import BFloat16Type, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR
from ...dialects.fa.types import TileType, storage_of
from ...dialects.machine_attr import settle_machine
from ...dialects.mx import QuantizeOp
from ...dialects.target_attr import target_of
from ...machine.spec.params import Machine
from ..mapping.family_costs import FamilyCosts
from ..placement.room import has_room
from ..support.def_use import producer
from ..support.loop_affine import around, iterations
from ..support.operand_roles import load_role
from ..support.rounding import round_up
from ..support.tile_builder import index_constant
from .hiding_plan import HidingTiles, MaskPlan, mask_plan, product_cycles, shift_cycles
from .mask_sites import tile_mask
from .tile_mask import HIDDEN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MATRIX_CYCLES, VECTOR_CYCLES = 100.0, 64.0
"""Cycles of a prefetch of 64 rows into matrix SRAM, and of one of a few rows into vector SRAM, on
the emulator, for a comparison."""

MARGIN = 1.1
"""What the saving must be of the loads at least: times of transfers depend on where tensors lie."""

MOST_PARTS = 32
"""So many products that hide may stand one after another in a program, outside of loops."""


@dataclass(frozen=True)
class FoldMasksPass(ModulePass):
    """Masks by the matrix unit, before scores are written."""

    name = "fold-masks"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine, target = settle_machine(op, self.machine), target_of(op)
        if target == "bytes" or machine.vlen != machine.mlen:
            return
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            _fold(FamilyCosts(machine, target), function)


@dataclass(frozen=True)
class _Masked:
    """A mask of scores that M_BTMV computes, and what it takes to do it by a product."""

    mask: fa.MaskOp
    scores: fa.ScoresOp
    plan: MaskPlan
    saved: int
    """Cycles, without loads."""

    @classmethod
    def of(cls, costs: FamilyCosts, mask: fa.MaskOp) -> _Masked | None:
        """None where a mask cannot be a product, or had better not be."""
        scores, machine = producer(mask.scores, fa.ScoresOp), costs.machine
        if scores is None or len(list(scores.result.uses)) > 1 or mask.hidden is not None:
            return None
        packing = scores.packing
        if scores.instruction is not fa.Family.BTMV or packing is None or packing.block.data != 1:
            return None
        if scores.hiding is not None or fa.tile(scores.result).at is not None:
            return None
        hidden, cols = tile_mask(mask), fa.tile(scores.result).cols
        if hidden.pattern:
            return None
        streams, width, _, _ = packing.numbers
        plan = mask_plan(hidden.runs, cols, machine.mlen, streams, width)
        changes = [blocks for n, blocks in enumerate(plan.blocks) if blocks != plan.blocks[n - 1]]
        if sum(block is not None for blocks in changes or plan.blocks[:1] for block in blocks) > (
            MOST_PARTS
        ):
            return None
        saved = shift_cycles(costs, hidden.runs, cols, machine.mlen) - product_cycles(costs, plan)
        return None if saved <= 0 else cls(mask, scores, plan, saved)

    @property
    def times(self) -> int:
        """How often it is done."""
        return prod(len(iterations(loop)) for loop in around(self.mask))


def _fold(costs: FamilyCosts, function: func.FuncOp) -> None:
    machine = costs.machine
    masks = [op for op in function.walk() if isinstance(op, fa.MaskOp)]
    found = [each for mask in masks if (each := _Masked.of(costs, mask)) is not None]
    formats = _formats(function)
    if not found or formats is None:
        return
    tiles = HidingTiles()
    hidings = [fa.Hiding(*map(tuple, tiles.add(each.plan))) for each in found]
    packing = found[0].scores.packing
    assert packing is not None
    constants = _constants(machine, packing, tiles)
    rows, columns = (values.shape[0] for values in constants)
    transfers = MATRIX_CYCLES / 64 * columns + VECTOR_CYCLES * rows / machine.prefetch_v
    if not costs.table.is_timed:
        transfers = costs.cycles("H_PREFETCH_M") * columns / machine.prefetch_m
        transfers += costs.cycles("H_PREFETCH_V") * rows / machine.prefetch_v
    if sum(each.saved * each.times for each in found) < MARGIN * transfers:
        return
    if not all(_exact(values, form) for values, form in zip(constants, formats, strict=True)):
        return
    if not has_room(machine, function, rows, columns // machine.mlen):
        return
    choice, hidden = (
        _loaded(function, values, form, space, name)
        for values, form, space, name in zip(
            constants, formats, ("vector", "matrix"), ("choice", "hidden"), strict=True
        )
    )
    for each, hiding in zip(found, hidings, strict=True):
        _replace(each, (choice, hidden), hiding)


def _constants(
    machine: Machine, packing: fa.PackingAttr, tiles: HidingTiles
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows of zeros and ones, and tiles of columns.

    What hides is `HIDDEN` once the instruction has multiplied it by its factor, so that masked
    scores are what they would be with it added: above -inf, and so far below all others, and below
    `FLOOR`, that it swallows the score.
    """
    import numpy as np

    streams, width, _, _ = packing.numbers
    rows = round_up(len(tiles.choices), machine.prefetch_v)
    choice = np.zeros((rows, streams, width), np.float32)
    for chosen, row in tiles.choices.items():
        choice[row, np.arange(len(chosen)), list(chosen)] = 1
    mlen, of_tile = machine.mlen, machine.mlen // width
    count = round_up(-(-len(tiles.blocks) // of_tile) * mlen, machine.prefetch_m)
    hidden = np.zeros((count, mlen), np.float32)
    keys = np.arange(mlen)
    for block, number in tiles.blocks.items():
        tile, place = divmod(number, of_tile)
        for column, (first, last) in enumerate(block):
            unseen = (keys < first) | (keys >= last)
            at = tile * mlen, place * width + column
            hidden[at[0] : at[0] + mlen, at[1]][unseen] = HIDDEN / BATCHED_FACTOR
    return choice.reshape(rows, streams * width), hidden


def _formats(function: func.FuncOp) -> tuple[Attribute | None, Attribute | None] | None:
    """The storage formats of queries and keys, which the constants take too."""
    loads = [op for op in function.walk() if isinstance(op, fa.LoadOp)]
    loads = [load for load in loads if isinstance(load.source.type, TensorType)]
    formats = {role: storage_of(load.source.type) for load in loads if (role := load_role(load))}
    return (formats["q"], formats["k"]) if {"q", "k"} <= formats.keys() else None


def _exact(values: NDArray[np.float32], form: Attribute | None) -> bool:
    """Whether a format holds the constants as they are: it need not hold numbers as small."""
    import numpy as np

    from ...dialects.mx import semantics

    return bool(np.array_equal(semantics.stored(values, form), values))


def _loaded(
    function: func.FuncOp,
    values: NDArray[np.float32],
    form: Attribute | None,
    space: str,
    name: str,
) -> SSAValue:
    """A constant tensor at the start of a function, and a load of it as a tile."""
    from ...dialects.interpreters.dense_constants import dense_bf16

    first = function.body.block.first_op
    assert first is not None
    point = InsertPoint.before(first)
    constant = arith.ConstantOp(dense_bf16(values))
    ops: list[Operation] = [constant]
    value: SSAValue = constant.result
    if form is not None:
        kind = TensorType(BFloat16Type(), values.shape, form)
        ops.append(QuantizeOp(value, kind))
        value = ops[-1].results[0]
    for op in ops:
        op.location = function.location
        Rewriter.insert_op(op, point)
    constant.result.name_hint = name
    zero = index_constant(0, point, function.location)
    load = fa.LoadOp(value, (zero, zero), TileType.get(values.shape, BFloat16Type(), space))
    load.location, load.tile.name_hint = function.location, f"{name}_tile"
    Rewriter.insert_op(load, point)
    return load.tile


def _replace(masked: _Masked, hide: tuple[SSAValue, SSAValue], hiding: fa.Hiding) -> None:
    """Scores that are masked, in the place of scores and their mask."""
    scores, mask = masked.scores, masked.mask
    s = fa.tile(scores.result)
    new = fa.ScoresOp(
        scores.query,
        scores.key,
        s.element_type,
        scores.instruction,
        scores.packing,
        s.rows,
        hide=hide,
        hiding=hiding,
    )
    new.location, new.result.name_hint = scores.location, mask.result.name_hint
    Rewriter.insert_op(new, InsertPoint.before(scores))
    mask.result.replace_all_uses_with(new.result)
    for gone in (mask, scores):
        Rewriter.erase_op(gone)

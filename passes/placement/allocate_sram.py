"""`allocate-sram`: an address for each tile.

Precondition: tile IR; which tiles there are is settled (`schedule-rows` comes before).
Postcondition: every tile type has an address in elements, aligned as the machine wants it (whole
rows of VLEN in vector SRAM, whole tiles in matrix SRAM), tiles alive together do not overlap, and
the values of a loop-carried tile (initial, argument, yielded, result) lie in one place. Copies
stand where values cannot share; operations that need room to work in get it as `fa.scratch`. Tiles
that fit nowhere are an error with the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects import func, scf
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.discardable_attrs import MAPPING
from ...dialects.fa.row_loop import row_loop_around
from ...dialects.fa.types import TileType
from ...dialects.machine_attr import settle_machine
from ...machine.spec.params import Machine
from ..score_functions.vector_plan import MapPlan
from .first_fit import Block, first_fit, most_alive
from .tile_liveness import Places, TileLiveness, stays_in_row_loop


@dataclass(frozen=True)
class AllocateSramPass(ModulePass):
    """Addresses for tiles, first fit on live ranges."""

    name = "allocate-sram"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            tiles = [
                value.type
                for inner in function.walk()
                if not isinstance(inner, fa.ViewOp)
                for value in inner.results
                if not stays_in_row_loop(value)
            ]
            if any(isinstance(kind, TileType) and kind.at is None for kind in tiles):
                _allocate(machine, function)


def _allocate(machine: Machine, function: func.FuncOp) -> None:
    _add_scratch(machine, function)
    _keep_sums(function)
    places = _share(function)
    for space, unit, room in (
        ("vector", machine.vlen, machine.vector_sram_rows * machine.vlen),
        ("matrix", machine.mlen**2, machine.matrix_tiles * machine.mlen**2),
        ("scalar", 1, machine.fp_sram_depth),
    ):
        _place(function, places, space, unit, room)


def _keep_sums(function: func.FuncOp) -> None:
    """A copy of each sum that a normalization would use up while something else needs it, too.

    It stands in front of the row loop. Upstream cse makes one value of an accumulator and a sum
    that both start as zeros, and where no key is seen they stay so.
    """
    for op in [inner for inner in function.walk() if isinstance(inner, fa.NormalizeOp)]:
        total = op.total
        if total is None or fa.tile(total).space.data != "vector" or len(list(total.uses)) == 1:
            continue
        loop = row_loop_around(op)
        if loop is not None and isinstance(total, OpResult) and total.op in loop.steps:
            # Made in the loop itself, where there is no place for a copy.
            continue
        copy = fa.CopyOp(total)
        copy.location = op.location
        Rewriter.insert_op(copy, InsertPoint.before(loop or op))
        op.operands[1] = copy.result


WithScratch: TypeAlias = (
    fa.MaskOp
    | fa.LimitOp
    | fa.LogsumexpOp
    | fa.CombineOp
    | fa.MapOp
    | fa.OnlineSoftmaxOp
    | fa.MatmulOp
    | fa.NormalizeOp
    | fa.NormalizePackedOp
    | fa.ScoresOp
)
"""Operations that may work in rows of their own."""


def _scratch_rows(machine: Machine, op: WithScratch) -> int:
    """Rows of scratch that an operation needs; those of a map follow from its function."""
    if isinstance(op, fa.MapOp):
        return max(1, MapPlan(op.function).count)
    return op.scratch_rows(machine)


def _add_scratch(machine: Machine, function: func.FuncOp) -> None:
    """Give operations that work in scratch rows their room; those of a row loop share it."""
    pending = [
        op
        for op in function.walk()
        if isinstance(op, WithScratch) and op.scratch is None and _scratch_rows(machine, op)
    ]
    groups: dict[Operation, list[WithScratch]] = {}
    for op in pending:
        groups.setdefault(row_loop_around(op) or op, []).append(op)
    for first, ops in groups.items():
        rows = max(_scratch_rows(machine, op) for op in ops)
        element = fa.tile(ops[0].results[0]).element_type
        scratch = fa.ScratchOp(TileType.get((rows, machine.vlen), element, "vector"))
        scratch.location = first.location
        Rewriter.insert_op(scratch, InsertPoint.before(first))
        for op in ops:
            replacement = op.with_scratch(scratch.tile)
            replacement.location = op.location
            replacement.attributes.update(op.attributes)
            Rewriter.replace_op(op, replacement)


def _share(function: func.FuncOp) -> Places:
    """Decide which tiles share a place; inserts copies until every loop-carried tile has one."""
    loops = [op for op in function.walk() if isinstance(op, scf.ForOp)]
    for loop in loops:
        _set_aside(loop)
    while True:
        places = Places(TileLiveness.of(function))
        # Argument and result of every loop first: they share whatever else cannot.
        for loop in loops:
            for position, result in enumerate(loop.results):
                if isinstance(result.type, TileType):
                    places.merge(loop.body.block.args[position + 1], result)
        if not any(_carry(places, loop) for loop in loops):
            break
    places.merge_in_place(function)
    return places


def _set_aside(loop: scf.ForOp) -> None:
    """Copy arguments that a loop yields in another position, all before any takes its new place.

    Where arguments change places (a swap, a shift), one would overwrite another otherwise.
    """
    last, arguments = loop.body.block.last_op, loop.body.block.args
    assert last is not None
    for position, value in enumerate(last.operands):
        if (
            isinstance(value.type, TileType)
            and value in arguments
            and value is not arguments[position + 1]
        ):
            _copy(last, position)


def _carry(places: Places, loop: scf.ForOp) -> bool:
    """Put what a loop carries into one place each; True if a copy had to be inserted for that."""
    last = loop.body.block.last_op
    assert last is not None
    for position, result in enumerate(loop.results):
        if not isinstance(result.type, TileType):
            continue
        argument = loop.body.block.args[position + 1]
        if not places.merge(loop.iter_args[position], argument):
            _copy(loop, 3 + position)
            return True
        if not places.merge(last.operands[position], argument):
            _copy(last, position)
            return True
    return False


def _copy(user: Operation, position: int) -> None:
    """Let an operand be a copy; a fill is done again instead."""
    value = user.operands[position]
    fill = value.op if isinstance(value, OpResult) else None
    copy = fill.clone() if isinstance(fill, fa.FillOp) else fa.CopyOp(value)
    copy.location = user.location
    Rewriter.insert_op(copy, InsertPoint.before(user))
    user.operands[position] = copy.results[0]


def _place(function: func.FuncOp, places: Places, space: str, unit: int, room: int) -> None:
    """Addresses for the tiles of one memory of `room` elements, in multiples of `unit`."""
    groups: list[list[SSAValue]] = []
    for group in places.groups():
        here = _kind(group[0]).space.data == space
        if here and not all(stays_in_row_loop(value) for value in group):
            groups.append(group)
    blocks: list[Block] = []
    for group in groups:
        kind = _kind(group[0])
        width = unit if space == "vector" else int(unit**0.5)
        if space != "scalar" and (kind.cols % width or (space == "matrix" and kind.rows % width)):
            raise OpError(
                _definer(group[0]),
                f"a tile of {kind.rows}x{kind.cols} does not fill whole "
                f"{'rows' if space == 'vector' else 'tiles'} of {space} SRAM, "
                f"which are {width} wide",
            )
        spans = tuple(places.liveness.taken[value] for value in group)
        blocks.append(Block(kind.elements, unit, spans))
    addresses = first_fit(blocks)
    for group, block, address in zip(groups, blocks, addresses, strict=True):
        if address + block.size > room:
            _complain(function, group[0], blocks, space, unit, room)
        for value in group:
            Rewriter.replace_value_with_new_type(value, _kind(value).placed_at(address))


def _complain(
    function: func.FuncOp, value: SSAValue, blocks: list[Block], space: str, unit: int, room: int
) -> None:
    kind = _kind(value)
    what = {"vector": "rows of vector SRAM", "matrix": "tiles of matrix SRAM"}.get(
        space, "entries of FP_MEM"
    )
    needed = most_alive(blocks)
    if needed <= room:
        # They would fit if none had a place yet.
        needed = max(at + block.size for at, block in zip(first_fit(blocks), blocks, strict=True))
    less = "smaller tiles (q-tile, kv-tile) need less"
    set_by_hand = attribute_of(function, MAPPING)
    qk = set_by_hand.data.get("qk") if isinstance(set_by_hand, DictionaryAttr) else None
    if isinstance(qk, StringAttr) and qk.data != "tmm" and space == "vector":
        less += f", and so does qk=tmm in the place of qk={qk.data}"
    raise OpError(
        _definer(value),
        f"this tile of {'x'.join(map(str, kind.dims))} does not fit: tiles alive at once need "
        f"{needed // unit} {what}, and the machine has {room // unit}; {less}",
    )


def _definer(value: SSAValue) -> Operation:
    owner = value.owner
    op = owner if isinstance(owner, Operation) else owner.parent_op()
    assert op is not None
    return op


def _kind(value: SSAValue) -> TileType:
    assert isinstance(value.type, TileType)
    return value.type

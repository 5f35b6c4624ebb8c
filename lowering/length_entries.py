"""Entries of INT_MEM for lengths at run time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.dialects import func, scf
from xdsl.ir import Block, BlockArgument, Operation

from ..diagnostics import OpError
from ..dialects import fa
from ..machine.host.lengths import Lengths
from ..machine.spec.params import Machine
from ..passes.support.loop_affine import run_time_end


@dataclass(frozen=True)
class LengthEntries:
    """The lengths of a function, from entry 0 on; a run of entries for each form of them."""

    given: tuple[Lengths, ...]

    @classmethod
    def of(cls, machine: Machine, function: func.FuncOp) -> LengthEntries:
        """Entries for all that a function reads.

        Raises OpError where INT_MEM has too few, and for lengths that are no argument.
        """
        found: dict[Lengths, Lengths] = {}
        end = 0
        for op, wanted in _wanted(machine, function):
            if wanted not in found:
                found[wanted] = replace(wanted, entry=end)
                end = found[wanted].end
            if end > machine.int_sram_depth:
                raise OpError(
                    op,
                    f"lengths take {end} entries of INT_MEM, and the machine has "
                    f"{machine.int_sram_depth}; fewer batches need less",
                )
        return cls(tuple(found.values()))

    @property
    def end(self) -> int:
        """The first entry behind them."""
        return max((each.end for each in self.given), default=0)

    def entry(self, op: fa.LengthOp, first: int = 0, width: int = 0) -> int:
        """The entry of the first batch of a length, or of a part of its last tile."""
        wanted = _lengths(op, first, width)
        return next(each.entry for each in self.given if replace(each, entry=0) == wanted)


def tiles_of(limit: fa.LimitOp) -> fa.LengthOp | None:
    """The end of the loop over tiles of keys whose scores are limited, where it is one that ends
    at run time and goes on by whole tiles of several panels; None otherwise."""
    block = limit.col.owner
    if not isinstance(limit.col, BlockArgument) or not isinstance(block, Block):
        return None
    loop = block.parent_op()
    if not isinstance(loop, scf.ForOp) or limit.col.index:
        return None
    end = run_time_end(loop)
    exact = limit.counted
    if end is None or (end.lengths, end.batch) != (exact.lengths, exact.batch):
        return None
    return end if end.unit == fa.tile(limit.scores).cols else None


def _wanted(machine: Machine, function: func.FuncOp) -> Iterator[tuple[Operation, Lengths]]:
    """What the instructions for a function will read."""
    for op in function.walk():
        if isinstance(op, fa.LengthOp):
            source = op.lengths
            if not isinstance(source, BlockArgument) or source.block is not function.body.block:
                raise OpError(op, "lengths are an argument of the function, which the host brings")
            users = [use.operation for use in op.length.uses]
            if not all(isinstance(user, fa.LimitOp) and by_panel(machine, user) for user in users):
                yield op, _lengths(op)
        elif isinstance(op, fa.LimitOp) and (end := by_panel(machine, op)) is not None:
            for first in range(0, end.unit, machine.vlen):
                yield op, _lengths(end, first, machine.vlen)


def by_panel(machine: Machine, limit: fa.LimitOp) -> fa.LengthOp | None:
    """`tiles_of` where tiles have several panels, whose limits the host says one by one."""
    return tiles_of(limit) if fa.tile(limit.scores).cols > machine.vlen else None


def _lengths(op: fa.LengthOp, first: int = 0, width: int = 0) -> Lengths:
    """What the host must say, at no entry yet."""
    source = op.lengths
    assert isinstance(source, BlockArgument)
    (count,) = fa.tensor_dims(source)
    return Lengths(source.index, 0, count, op.most.value.data, op.unit, first, width)

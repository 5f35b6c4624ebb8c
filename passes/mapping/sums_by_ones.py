"""Row sums of P by the matrix unit: the online softmax with a tile of ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue, Use
from xdsl.rewriter import Rewriter

from ...dialects import fa
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR
from ...dialects.fa.types import TileType
from ...machine.spec.params import Machine
from ..support.def_use import Carried
from .constant_tiles import tile_of_ones
from .legality import why_no_ones
from .matrix_room import tiles_at_once


def sum_by_ones(machine: Machine, function: func.FuncOp) -> tuple[Operation, str] | None:
    """Let every recurrence of a function take its sums from the matrix unit.

    Returns an operation and the reason where one cannot; then nothing is changed.
    """
    steps = [op for op in function.walk() if isinstance(op, fa.OnlineSoftmaxOp)]
    steps = [step for step in steps if step.unsummed is None]
    if not steps:
        return None
    chain = Chain()
    for step in steps:
        if step.ones is not None or step.total is None:
            return step, "the step is mapped already"
        chain.follow(step.new_total)
        if chain.stop is not None:
            return chain.stop, f"{chain.stop.name} takes sums as numbers"
    reason = why_no_ones(machine, tiles_at_once(machine, function))
    if reason is not None:
        return steps[0], reason
    ones = tile_of_ones(machine, function)
    kind = fa.tile(steps[0].total) if steps[0].total is not None else None
    assert kind is not None
    for value in chain.values:
        old = fa.tile(value)
        new = TileType.get(
            (old.rows, machine.vlen), fa.tile(steps[0].result).element_type, "vector"
        )
        Rewriter.replace_value_with_new_type(value, new)
    for end in dict.fromkeys(chain.ends):
        factor = end.multiplier * BATCHED_FACTOR
        empty = end.empty_rows is not None
        scaled = fa.NormalizeOp(
            end.acc, end.total, empty, None if factor == 1.0 else factor, least=end.least_sum
        )
        scaled.location, scaled.result.name_hint = end.location, end.result.name_hint
        Rewriter.replace_op(end, scaled)
    for step in steps:
        mapped = fa.OnlineSoftmaxOp(
            step.scores,
            step.maximum,
            step.total,
            step.empty_rows is not None,
            (fa.tile(step.new_maximum), fa.tile(step.new_total)),
            ones,
            bounded=step.bound,
        )
        mapped.location = step.location
        for old, new in zip(step.results, mapped.results, strict=True):
            new.name_hint = old.name_hint
        Rewriter.replace_op(step, mapped)
    return None


@dataclass
class Chain:
    """The values that hold one running sum, and what keeps it from being a vector, if anything."""

    values: list[SSAValue] = field(default_factory=list[SSAValue])
    ends: list[fa.NormalizeOp] = field(default_factory=list[fa.NormalizeOp])
    stop: Operation | None = None

    def follow(self, value: SSAValue) -> None:
        """Take in a value and all that it is made of and goes into."""
        if value in self.values or self.stop is not None:
            return
        self.values.append(value)
        carried = Carried.of(value)
        if carried is not None:
            self._carried(carried)
        elif isinstance(value, BlockArgument):
            self.stop = value.block.parent_op()
            return
        else:
            assert isinstance(value, OpResult)
            match value.op:
                case fa.OnlineSoftmaxOp():
                    if value.op.total is not None:
                        self.follow(value.op.total)
                case fa.FillOp() if value.op.value.value.data == 0.0:
                    pass
                case _:
                    self.stop = value.op
        for use in list(value.uses):
            self._use(use)

    def _use(self, use: Use) -> None:
        match use.operation:
            case fa.OnlineSoftmaxOp() as step if step.total is step.operands[use.index]:
                self.follow(step.new_total)
            case fa.NormalizeOp() as end:
                self.ends.append(end)
            case user:
                carried = Carried.by(use)
                if carried is None:
                    self.stop = user
                else:
                    self._carried(carried)

    def _carried(self, carried: Carried) -> None:
        for value in (carried.initial, carried.argument, carried.yielded, carried.result):
            self.follow(value)

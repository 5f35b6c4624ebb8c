"""Walks along definitions and uses, also through what loops carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from xdsl.dialects import scf
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue, Use

OpT = TypeVar("OpT", bound=Operation)


def producer(value: SSAValue, kind: type[OpT]) -> OpT | None:
    """The operation that gives a value, if it is of that kind."""
    if isinstance(value, OpResult) and isinstance(value.op, kind):
        return value.op
    return None


def only_user(value: SSAValue, kind: type[OpT]) -> OpT | None:
    """The only operation that uses a value, if it is one, and of that kind."""
    users = [use.operation for use in value.uses]
    if len(users) == 1 and isinstance(users[0], kind):
        return users[0]
    return None


@dataclass(frozen=True)
class Carried:
    """The values that a loop carries in one position."""

    initial: SSAValue
    argument: SSAValue
    yielded: SSAValue
    result: SSAValue

    @classmethod
    def at(cls, loop: scf.ForOp, position: int) -> Carried:
        """Position 0 is that of the first result."""
        last = loop.body.block.last_op
        assert last is not None
        argument = loop.body.block.args[position + 1]
        return cls(
            loop.iter_args[position], argument, last.operands[position], loop.results[position]
        )

    @classmethod
    def of(cls, value: SSAValue) -> Carried | None:
        """Where a value is a loop's argument or result; None for others, loop variables too."""
        if isinstance(value, OpResult):
            return cls.at(value.op, value.index) if isinstance(value.op, scf.ForOp) else None
        assert isinstance(value, BlockArgument)
        loop = value.block.parent_op()
        if not isinstance(loop, scf.ForOp) or value.index == 0:
            return None
        return cls.at(loop, value.index - 1)

    @classmethod
    def by(cls, use: Use) -> Carried | None:
        """Where a use hands a value to a loop, to start from or for the next iteration."""
        match use.operation:
            case scf.ForOp() as loop if use.index >= 3:
                # Behind the bounds and the step.
                return cls.at(loop, use.index - 3)
            case scf.YieldOp() if isinstance(loop := use.operation.parent_op(), scf.ForOp):
                return cls.at(loop, use.index)
            case _:
                return None

"""Memory effects of machine operations.

What an instruction does to memories, accumulators and control registers comes from the instruction
table. What it does to registers is said by SSA until they are allocated; from then on a register is
a resource like any other, so that cse, dce and canonicalize leave allocated code alone.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from xdsl.backend.register_type import RegisterResource
from xdsl.ir import Operation
from xdsl.traits import (
    EffectInstance,
    MemoryEffect,
    MemoryEffectKind,
    RecursiveMemoryEffect,
    Resource,
)

from ...machine.spec.isa import Effects
from .registers import BankType


@dataclass(frozen=True)
class MachineResource(Resource):
    """A memory, accumulator or control register of the machine, by the table's name."""

    resource: str

    def name(self) -> str:
        return f"<{self.resource}>"


def effect_instances(effects: Effects) -> frozenset[EffectInstance]:
    """The effects of a row of the instruction table."""
    return frozenset(
        EffectInstance(kind, resource=MachineResource(name))
        for kind, names in (
            (MemoryEffectKind.READ, effects.reads),
            (MemoryEffectKind.WRITE, effects.writes),
        )
        for name in names
    )


def _write(register: BankType) -> EffectInstance:
    return EffectInstance(MemoryEffectKind.WRITE, resource=RegisterResource(register))


class RegisterEffects(MemoryEffect):
    """Reads of allocated operands and writes of allocated results; the zero registers never change.

    An operation adds to these what its method `static_effects` returns.
    """

    @classmethod
    def get_effects(cls, op: Operation) -> Set[EffectInstance]:
        effects = cls.static_effects(op)
        registers: set[EffectInstance] = set()
        for result in op.results:
            kind = result.type
            if isinstance(kind, BankType) and kind.text:
                registers.add(_write(kind))
        for operand in op.operands:
            kind = operand.type
            if isinstance(kind, BankType) and kind.text and not kind.is_zero:
                resource = RegisterResource(kind)
                registers.add(EffectInstance(MemoryEffectKind.READ, resource=resource))
        return effects | registers if registers else effects

    @classmethod
    def static_effects(cls, op: Operation) -> frozenset[EffectInstance]:
        """Effects that do not depend on registers."""
        return frozenset()


class CopyEffects(RegisterEffects):
    """A register move: may be removed when nobody reads the result, never merged with another.

    Two copies of one value exist because two places need it in different registers. An effect of
    allocating the result says just that to dce and cse.
    """

    @classmethod
    def static_effects(cls, op: Operation) -> frozenset[EffectInstance]:
        return frozenset({EffectInstance(MemoryEffectKind.ALLOC, op.results[0])})


class LoopEffects(RecursiveMemoryEffect):
    """What the body does, and writing the loop's registers once they are allocated."""

    @classmethod
    def get_effects(cls, op: Operation) -> Set[EffectInstance] | None:
        effects = super().get_effects(op)
        if effects is None:
            return None
        arguments = (argument.type for block in op.regions[0].blocks for argument in block.args)
        return set(effects) | {
            _write(kind) for kind in arguments if isinstance(kind, BankType) and kind.text
        }

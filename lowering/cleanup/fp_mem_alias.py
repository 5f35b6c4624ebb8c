"""Which accesses to FP_MEM may touch the same entry."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation

from ...dialects import plena
from .integer_forms import Form, Integers, disjoint


@dataclass(frozen=True)
class Entry:
    """The entry that an S_LD_FP or S_ST_FP addresses: as a form, and where it may lie."""

    form: Form
    bounds: tuple[int, int] | None

    def differs(self, other: Entry) -> bool:
        """Whether two entries, addressed in one run of one block, are certain to be two."""
        if self.form[0] is other.form[0]:
            return self.form[1] != other.form[1]
        return disjoint(self.bounds, other.bounds)


def entry_of(op: plena.Instruction, integers: Integers) -> Entry:
    """The entry that a load or store of one entry addresses."""
    register, offset = op.input("base"), op.constant("offset")
    base, start = integers.form(register)
    bounds = integers.bounds(register)
    if bounds is not None:
        bounds = (bounds[0] + offset, bounds[1] + offset)
        if bounds[1] >= plena.WORD:
            bounds = None
    return Entry((base, (start + offset) % plena.WORD), bounds)


def accesses(op: Operation, how: str) -> bool:
    """Whether an instruction `reads` or `writes` FP_MEM."""
    if not isinstance(op, plena.Instruction):
        return False
    effects = op.row.effects
    return "fp_mem" in (effects.reads if how == "reads" else effects.writes)

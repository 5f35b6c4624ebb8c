"""Entries of INT_MEM for lengths at run time."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.ir import BlockArgument, SSAValue

from ..diagnostics import OpError
from ..dialects import fa
from ..machine.host.lengths import Lengths
from ..machine.spec.params import Machine


@dataclass(frozen=True)
class LengthEntries:
    """The lengths of a function, from entry 0 on; one run of entries for each granule."""

    given: tuple[Lengths, ...]

    @classmethod
    def of(cls, machine: Machine, function: func.FuncOp) -> LengthEntries:
        """Entries for all that a function reads.

        Raises OpError where INT_MEM has too few, and for lengths that are no argument.
        """
        found: dict[tuple[SSAValue, int, int], Lengths] = {}
        end = 0
        for op in function.walk():
            if not isinstance(op, fa.LengthOp) or op.length.first_use is None:
                continue
            source = op.lengths
            if not isinstance(source, BlockArgument) or source.block is not function.body.block:
                raise OpError(op, "lengths are an argument of the function, which the host brings")
            key = (source, op.unit, op.most.value.data)
            if key not in found:
                (count,) = fa.tensor_dims(source)
                found[key] = Lengths(source.index, end, count, op.most.value.data, op.unit)
                end += count
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

    def entry(self, op: fa.LengthOp) -> int:
        """The entry of the first batch of a length."""
        source = op.lengths
        assert isinstance(source, BlockArgument)
        key = (source.index, op.unit, op.most.value.data)
        return next(e.entry for e in self.given if (e.argument, e.granule, e.most) == key)

"""HBM address registers: one for each tensor where they suffice, reloaded where not.

With more tensors than registers, what a nest of the function accesses is set in front of it; a nest
that alone accesses too many sets its register in front of each access. Bases have 64 bits, set by
their halves (C_SET_ADDR_REG, ISA section 4.8).
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.ir import Operation, SSAValue

from ...dialects import fa, plena
from ...machine.host.layout import Region
from .emitter import Emitter

HALF_BITS = 32


class AddressRegisters:
    """Sets and hands out the address registers of a function's tensors."""

    def __init__(self, emitter: Emitter, regions: Mapping[SSAValue, Region]):
        self._e = emitter
        self._regions = regions
        self._bases: dict[SSAValue, SSAValue] = {}
        self._registers = len(plena.AddrType.allocatable_registers())
        self._reload = len(regions) > self._registers

    def prologue(self) -> None:
        """Set all of them for good, if there are enough."""
        if not self._reload:
            self._set(list(self._regions))

    def enter(self, op: Operation) -> None:
        """Set those that an operation of the function's body uses, if that is how it is done."""
        if not self._reload:
            return
        used: dict[SSAValue, None] = {}
        for inner in op.walk():
            if isinstance(inner, fa.LoadOp):
                used[inner.source] = None
            elif isinstance(inner, fa.StoreOp):
                used[inner.target] = None
        self._bases.clear()
        if len(used) <= self._registers:
            self._set(list(used))

    def of(self, hbm: SSAValue) -> SSAValue:
        """The register with a tensor's base address, set here if need be."""
        if hbm not in self._bases:
            return self._load(hbm)
        return self._bases[hbm]

    def _set(self, tensors: list[SSAValue]) -> None:
        for hbm in tensors:
            self._bases[hbm] = self._load(hbm)

    def _load(self, hbm: SSAValue) -> SSAValue:
        high, low = divmod(self._regions[hbm].base, 1 << HALF_BITS)
        return self._e.get("C_SET_ADDR_REG", self._e.constant(high), self._e.constant(low))

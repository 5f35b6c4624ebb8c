"""Register allocation for kernels with nested hardware loops.

1. Values that must share a register are joined into webs, with copies where they cannot (`webs`).
2. Where more integers are live than there are registers, webs are evicted: constants are computed
   again, other values go to INT_MEM (`spilling`); then from 1 again.
3. Webs take the first register whose segments they do not touch. When one finds none it is put
   first and the colouring starts over; if that does not help, an integer web is evicted.

The result is checked by `verify-registers`, which shares no code with this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ...diagnostics import NoRegisters, OpError
from ...dialects import plena
from ...dialects.machine_attr import machine_of
from .live_ranges import LiveRange
from .spilling import Spiller
from .webs import Web, Webs, conventional_webs

SPILL_ROUNDS = 200
"""Each round leaves shorter ranges, so this is only reached if something is wrong."""
COLOURING_ATTEMPTS = 6


@dataclass(frozen=True)
class AllocateRegisters(ModulePass):
    """Give every value of every kernel a register.

    Precondition: kernels hold operations of the `plena` dialect only. Registers given beforehand
    are kept. Postcondition: all types name their register; `plena.copy`, `plena.spill`,
    `plena.reload` and recomputed constants have been added.

    NoRegisters when the slots of INT_MEM do not suffice, and when float or address registers do
    not: those are not spilled.
    """

    name = "allocate-registers"

    int_slots: int | None = None
    """Entries of INT_MEM that the program may use, its constants (the kernel's attribute
    `plena.int_mem_used`) included; spill slots come after those. By default all of the machine."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        slots = self.int_slots
        if slots is None:
            slots = machine_of(op, self.machine).int_sram_depth
        if slots < 0:
            raise OpError(op, f"int-slots must be at least 0, got {slots}")
        for kernel in plena.kernels_in(op):
            allocate_registers(kernel, slots)


def allocate_registers(kernel: plena.KernelOp, int_slots: int = 32) -> None:
    """Give every value of `kernel` a register, as `AllocateRegisters` says."""
    spiller = Spiller()
    integers = plena.GPType.allocatable_registers()
    for _ in range(SPILL_ROUNDS):
        webs = conventional_webs(kernel)
        victims = spiller.choose(webs, len(integers))
        if not victims:
            colours, failed = colour(webs, plena.GPType, integers)
            if not failed:
                break
            victims = spiller.choose_for(failed, webs)
            if not victims:
                raise _too_few(webs, plena.GPType)
        spiller.evict(victims, kernel)
    else:
        raise OpError(kernel, "register allocation does not come to an end")
    for bank in (plena.FPType, plena.AddrType):
        found, failed = colour(webs, bank, bank.allocatable_registers())
        if failed:
            raise _too_few(webs, bank)
        colours |= found
    colours |= _assign_slots(webs, kernel, int_slots)
    for web, register in colours.items():
        for value in web.values:
            if value.type != register:
                Rewriter.replace_value_with_new_type(value, register)


def colour(
    webs: Webs, bank: type[plena.BankType], registers: Sequence[plena.BankType]
) -> tuple[dict[Web, plena.BankType], list[Web]]:
    """Registers for the webs of `bank`, and the webs for which there was none."""
    to_colour = webs.in_bank(bank)
    found, failed = _first_fit(to_colour, registers)
    for _ in range(COLOURING_ATTEMPTS):
        if not failed:
            break
        # Those that found none come first now; the order of the others stays.
        first = set(failed)
        to_colour = failed + [web for web in to_colour if web not in first]
        found, failed = _first_fit(to_colour, registers)
    return found, failed


def _first_fit(
    webs: Sequence[Web], registers: Sequence[plena.BankType]
) -> tuple[dict[Web, plena.BankType], list[Web]]:
    """Give each web in turn the first register that is free throughout its range."""
    taken = [LiveRange() for _ in registers]
    indices = {register.text: index for index, register in enumerate(registers)}
    found: dict[Web, plena.BankType] = {}
    failed: list[Web] = []
    for web in webs:
        if web.register is not None:
            found[web] = web.register
            index = indices.get(web.register.text)
            if index is not None:
                taken[index].add(web.range)
    for web in webs:
        if web.register is not None:
            continue
        for index, others in enumerate(taken):
            if others.first_overlap(web.range) is None:
                others.add(web.range)
                found[web] = registers[index]
                break
        else:
            failed.append(web)
    return found, failed


def _too_few(webs: Webs, bank: type[plena.BankType]) -> NoRegisters:
    """The error for a bank that is not spilled and does not suffice."""
    point, needed = peak([web.range for web in webs.in_bank(bank)])
    have = len(bank.ALLOCATABLE)
    why = f"{needed} {bank.WHAT}s are needed at once here; the machine has {have}"
    if needed <= have:
        why += ", but found no way to share them between loops that carry values"
    return NoRegisters(webs.order.ops[point // 2], why)


def peak(ranges: Sequence[LiveRange]) -> tuple[int, int]:
    """The first point at which most of `ranges` are live, and how many are."""
    steps = [(start, 1) for each in ranges for start, _ in each]
    steps += [(end, -1) for each in ranges for _, end in each]
    live, best, where = 0, 0, 0
    for point, step in sorted(steps):
        live += step
        if live > best:
            best, where = live, point
    return where, best


def _assign_slots(webs: Webs, kernel: plena.KernelOp, int_slots: int) -> dict[Web, plena.BankType]:
    """Slots for spilled values, after the entries that constants take."""
    used = kernel.int_mem_used
    slots = [plena.SlotType.register(index) for index in range(used, plena.INT_MEM_ENTRIES)]
    found, failed = colour(webs, plena.SlotType, slots)
    if failed:
        raise NoRegisters(
            kernel, f"spilling needs more than the {len(slots)} free entries of INT_MEM"
        )
    needed = len({register.text for register in found.values()})
    last = max((register.number or 0 for register in found.values()), default=-1)
    if last >= int_slots:
        raise NoRegisters(
            kernel,
            f"spilled integers need {needed} {'entry' if needed == 1 else 'entries'} of INT_MEM; "
            f"of {int_slots} that the program may use, {used} hold constants, which leaves "
            f"{max(0, int_slots - used)}",
        )
    return found

"""Every order of passes, written once, by name: what each requires and provides, and until when it
may run.

Names only: nothing here imports a pass, so that tools list passes without loading them.
`universe` derives its list from `PASSES`; `passes/runner` runs what `complete` has planned.

A pipeline is completed, never reordered. What a written pass requires and nobody has written comes
in front of it, where it belongs in the order; a pass that is written too late is an error that says
the right order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PassEntry:
    """One pass: its name, where its class is, and its place in the order.

    `requires` are passes that must have run before; they are inserted where they are missing.
    `until` is the first pass of the order behind which this one comes too late; None if it never
    does. Before `waits_for` the pass only records what is wanted, and does it where it is run
    again. `provides` says in a few words what holds afterwards. A pass on the `whole_module` sees
    host code; the others see each kernel as if it stood alone.
    """

    name: str
    home: str
    provides: str
    requires: tuple[str, ...] = ()
    until: str | None = None
    waits_for: str | None = None
    whole_module: bool = False


PASSES: tuple[PassEntry, ...] = (
    # On modules of more than a kernel.
    PassEntry(
        "raise-attention",
        "fa.passes.modules.raise_attention:RaiseAttentionPass",
        "attention where other dialects spell it out",
        until="outline-attention",
        whole_module=True,
    ),
    PassEntry(
        "outline-attention",
        "fa.passes.modules.outline_attention:OutlineAttentionPass",
        "kernels apart from host code",
        until="tile",
        whole_module=True,
    ),
    # On attention.
    PassEntry(
        "smooth-keys",
        "fa.passes.tensors.smooth_keys:SmoothKeysPass",
        "keys whose mean over the tokens is 0",
        until="map",
    ),
    PassEntry(
        "rotate",
        "fa.passes.tensors.rotate:RotatePass",
        "queries and keys without outliers in single columns",
        until="map",
    ),
    PassEntry(
        "group-heads",
        "fa.passes.tensors.group_heads:GroupHeadsPass",
        "query heads of a group as rows of one head",
        until="tile",
    ),
    # From attention to tiles.
    PassEntry(
        "tile",
        "fa.passes.tiling.tile:TilePass",
        "loops over tiles in place of attention",
        until="fuse",
    ),
    PassEntry(
        "fuse",
        "fa.passes.tiling.fuse:FusePass",
        "one nest with the online softmax",
        until="stream-softmax",
    ),
    PassEntry(
        "stream-softmax",
        "fa.passes.tiling.stream_softmax:StreamSoftmaxPass",
        "no rows of scores wider than vector SRAM",
        until="slide-keys",
    ),
    PassEntry(
        "tabulate",
        "fa.passes.score_functions.tabulate:TabulatePass",
        "no functions of places",
        until="slide-keys",
    ),
    # How tiles are computed. Before loops are copied: what stays on chip is decided for all copies.
    PassEntry(
        "map",
        "fa.passes.mapping.map:MapPass",
        "an instruction family for each product, operands in its layout",
        until="slide-keys",
        waits_for="tile",
    ),
    PassEntry(
        "slide-keys",
        "fa.passes.masks.slide_keys:SlideKeysPass",
        "key tiles that move along with queries under a band",
        until="specialize-masks",
    ),
    PassEntry(
        "specialize-masks",
        "fa.passes.masks.specialize_masks:SpecializeMasksPass",
        "masks on partial tiles only",
        until="quantize",
    ),
    PassEntry(
        "quantize",
        "fa.passes.storage.quantize:QuantizePass",
        "a storage format for each tensor in HBM, bf16 tiles",
        ("stream-softmax", "tabulate", "map", "slide-keys", "specialize-masks"),
        until="trim-tiles",
    ),
    PassEntry(
        "trim-tiles",
        "fa.passes.masks.trim_tiles:TrimTilesPass",
        "no columns of tiles that a mask hides of all rows",
        ("specialize-masks",),
        until="schedule-rows",
    ),
    PassEntry(
        "schedule-rows",
        "fa.passes.placement.schedule_rows:ScheduleRowsPass",
        "first steps without a past, row loops",
        ("specialize-masks", "trim-tiles"),
        until="allocate-sram",
    ),
    PassEntry(
        "fold-masks",
        "fa.passes.masks.fold_masks:FoldMasksPass",
        "masks as products of Q K^T where that costs less",
        ("quantize", "trim-tiles", "schedule-rows"),
        until="allocate-sram",
    ),
    PassEntry(
        "allocate-sram",
        "fa.passes.placement.allocate_sram:AllocateSramPass",
        "an address for each tile",
        ("quantize", "trim-tiles", "schedule-rows", "fold-masks"),
        until="emit-instructions",
    ),
    # Instructions.
    PassEntry(
        "emit-instructions",
        "fa.lowering.emit_instructions:EmitInstructionsPass",
        "a kernel of instructions, and its layout in HBM",
        ("tile", "allocate-sram"),
    ),
    PassEntry(
        "fold-offsets",
        "fa.lowering.cleanup.fold_offsets:FoldOffsets",
        "offsets in immediates, known values as constants",
    ),
    PassEntry(
        "strength-reduce",
        "fa.lowering.cleanup.strength_reduce:StrengthReduce",
        "pointers in place of addresses from counters",
    ),
    PassEntry(
        "share-pointers",
        "fa.lowering.cleanup.share_pointers:SharePointers",
        "one pointer for those that advance together",
    ),
    PassEntry(
        "unroll-loops",
        "fa.lowering.cleanup.unroll_loops:UnrollLoops",
        "short loops unrolled where that is worth its text",
    ),
    PassEntry(
        "forward-stores",
        "fa.lowering.cleanup.forward_stores:ForwardStores",
        "no reading back of what was stored to FP_MEM",
    ),
    PassEntry(
        "settle-csrs",
        "fa.lowering.cleanup.settle_csrs:SettleCsrs",
        "no control register written with what it holds",
    ),
    PassEntry(
        "hoist-invariants",
        "fa.lowering.cleanup.hoist_invariants:HoistInvariants",
        "invariants in front of loops",
    ),
    PassEntry(
        "remove-redundant",
        "fa.lowering.cleanup.remove_redundant:RemoveRedundant",
        "nothing computed twice",
    ),
    PassEntry(
        "limit-loops",
        "fa.lowering.cleanup.limit_loops:LimitLoops",
        "no iteration longer than the machine allows",
    ),
    PassEntry(
        "allocate-registers",
        "fa.lowering.registers.allocate:AllocateRegisters",
        "a register for each value",
    ),
    PassEntry(
        "verify-registers",
        "fa.lowering.registers.verify:VerifyRegisters",
        "every operand in the register that its type names",
    ),
    # Another way out.
    PassEntry(
        "lower-mx",
        "fa.passes.storage.lower_mx:LowerMxPass",
        "storage formats spelled out in upstream operations",
    ),
    # Whole pipelines under one name.
    PassEntry(
        "lower-to-isa",
        "fa.lowering.lower_to_isa:LowerToIsaPass",
        "a program with registers",
    ),
    PassEntry(
        "fa-to-plena",
        "fa.lowering.lower_to_isa:FaToPlenaPass",
        "a program with registers",
    ),
)
"""All passes in their one order."""

WHOLE_MODULE = frozenset(entry.name for entry in PASSES if entry.whole_module)
"""Passes that see host code beside kernels."""

CLEAN_UP: tuple[str, ...] = (
    "fold-offsets",
    # A loop that reads its counter cannot be unrolled in part.
    "strength-reduce{innermost=true}",
    "share-pointers",
    # What is computed twice in an iteration would be unrolled twice.
    "remove-redundant{near=true}",
    # Unrolling leaves steps of pointers behind that fold into immediates.
    "unroll-loops",
    "fold-offsets",
    "forward-stores",
    "settle-csrs",
    # By what a register saves: in the hottest loops, around them, then in the rest.
    "strength-reduce{innermost=true}",
    "hoist-invariants{innermost=true}",
    "strength-reduce",
    "hoist-invariants",
    # Last, because this takes the registers that nothing better was found for.
    "remove-redundant",
)
"""The clean-up of a kernel between emission and register allocation."""

REGISTERS: tuple[str, ...] = (
    "limit-loops",
    "allocate-registers",
    # Spilling adds instructions: what it took over the limit is unrolled as well.
    "limit-loops",
    "verify-registers",
)
"""From clean instructions to a program that the machine runs."""

GROUPS: dict[str, tuple[str, ...]] = {
    "lower-to-isa": (),
    "fa-to-plena": ("group-heads", "tile", "fuse"),
}
"""Names that stand for a whole way: these passes, `emit-instructions`, `CLEAN_UP`, `REGISTERS`."""

LEVELS: tuple[str, ...] = (
    "fuse",
    "allocate-sram",
    "emit-instructions",
)
"""The last pass of each level of the IR but the last."""

ENTRIES = {entry.name: entry for entry in PASSES}
_PLACE = {entry.name: place for place, entry in enumerate(PASSES)}


class WrongOrderError(ValueError):
    """A pass that is written too late; the text says the right order."""


@dataclass(frozen=True)
class Step:
    """One step of a completed pipeline.

    `text` is a pass as written in a pipeline. `written` is the place in the user's pipeline of the
    pass that it is, or that it was inserted for. `waits` says that it only records what is wanted.
    """

    text: str
    written: int
    inserted: bool
    waits: bool = False

    @property
    def name(self) -> str:
        """The name of the pass."""
        return self.text.partition("{")[0]

    @property
    def is_clean_up(self) -> bool:
        """Whether the step may be left out, and the program computes the same."""
        return self.inserted and self.text in CLEAN_UP

    @property
    def after_clean_up(self) -> bool:
        """Whether the step makes a program of clean instructions."""
        return self.inserted and self.text in REGISTERS


def complete(
    written: Sequence[str], done: Collection[str] = (), clean_up: bool = True
) -> list[Step]:
    """The steps that a pipeline of pass names takes: groups opened, what is missing inserted.

    `done` are passes whose product the module has already. `clean_up=False` leaves `CLEAN_UP` out.
    Names that are none of `PASSES` stay where they are. Raises WrongOrderError where a pass comes
    too late.
    """
    steps: list[Step] = []
    for place, name in enumerate(written):
        known = {*done, *(step.name for step in steps if not step.waits)}
        if name in GROUPS:
            steps += [Step(member, place, True) for member in _members(name, known, clean_up)]
        else:
            awaited = ENTRIES[name].waits_for if name in ENTRIES else None
            steps.append(Step(name, place, False, awaited is not None and awaited not in known))
    _insert_missing(steps, done)
    _check_order(steps, written, done)
    return steps


def _members(group: str, known: Collection[str], clean_up: bool) -> tuple[str, ...]:
    """The passes that a group stands for, without those that the module has behind it."""
    if "emit-instructions" in known:
        return ()
    furthest = max((_PLACE.get(name, -1) for name in known), default=-1)
    first = [name for name in GROUPS[group] if _PLACE[name] > furthest]
    return (*first, "emit-instructions", *(CLEAN_UP if clean_up else ()), *REGISTERS)


def _insert_missing(steps: list[Step], done: Collection[str]) -> None:
    """Insert what the steps require, each in front of the first step that it belongs before."""
    seen = {*done}
    number = 0
    while number < len(steps):
        step = steps[number]
        missing = [name for name in _required(step.name) if name not in seen]
        for name in missing:
            places = [
                at
                for at, other in enumerate(steps)
                if _PLACE.get(other.name, -1) > _PLACE[name] and not other.waits
            ]
            steps.insert(min([*places, number]), Step(name, step.written, inserted=True))
            number += 1
        seen |= {*missing} if step.waits else {step.name, *missing}
        number += 1


def _required(name: str) -> list[str]:
    """What a pass requires, and what that requires, in order."""
    found: set[str] = set()
    pending = list(ENTRIES[name].requires) if name in ENTRIES else []
    while pending:
        needed = pending.pop()
        if needed not in found:
            found.add(needed)
            pending += ENTRIES[needed].requires
    return sorted(found, key=_PLACE.__getitem__)


def _check_order(steps: Sequence[Step], written: Sequence[str], done: Collection[str]) -> None:
    """Raise WrongOrderError at the first step that comes behind one that it belongs before."""
    before = list(done)
    for step in steps:
        limit = ENTRIES[step.name].until if step.name in ENTRIES else None
        if limit is not None:
            late = [n for n in before if n != step.name and _PLACE.get(n, -1) >= _PLACE[limit]]
            # One that the user has written says more than one that was inserted for it.
            late.sort(key=lambda name: name not in written)
            if late:
                raise WrongOrderError(_wrong_order(step, late[0], written, late[0] in done))
        if not step.waits:
            before.append(step.name)


def _wrong_order(step: Step, late: str, written: Sequence[str], earlier: bool) -> str:
    """What to say of a step that comes behind `late`."""
    if earlier:
        return (
            f"wrong order: {step.name} comes before {late}, which this module has behind it; "
            "start from an earlier level"
        )
    ours = sorted({name for name in written if name in _PLACE}, key=_PLACE.__getitem__)
    return f"wrong order: {step.name} comes before {late}; the right order is {','.join(ours)}"

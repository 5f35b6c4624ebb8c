"""What this compiler adds to xDSL's own tools, found through the `xdsl.universe` entry point.

Every xDSL tool imports this module at start, so it holds functions only: a dialect, pass or target
is imported when it is first named. Passes carry the prefix `fa-` here, because `xdsl-opt` puts the
passes of all plugins into one namespace; `fa-opt` offers the bare names as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import cast

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import Universe
from xdsl.utils.target import Target

PASS_PREFIX = "fa-"

PASSES = {
    "smooth-keys": "fa.passes.tensors.smooth_keys:SmoothKeysPass",
    "rotate": "fa.passes.tensors.rotate:RotatePass",
    "group-heads": "fa.passes.tensors.group_heads:GroupHeadsPass",
    "tile": "fa.passes.tiling.tile:TilePass",
    "fuse": "fa.passes.tiling.fuse:FusePass",
    "stream-softmax": "fa.passes.tiling.stream_softmax:StreamSoftmaxPass",
    "tabulate": "fa.passes.score_functions.tabulate:TabulatePass",
    "map": "fa.passes.mapping.map:MapPass",
    "quantize": "fa.passes.storage.quantize:QuantizePass",
    "slide-keys": "fa.passes.masks.slide_keys:SlideKeysPass",
    "specialize-masks": "fa.passes.masks.specialize_masks:SpecializeMasksPass",
    "trim-tiles": "fa.passes.masks.trim_tiles:TrimTilesPass",
    "schedule-rows": "fa.passes.placement.schedule_rows:ScheduleRowsPass",
    "allocate-sram": "fa.passes.placement.allocate_sram:AllocateSramPass",
    "lower-to-isa": "fa.lowering.lower_to_isa:LowerToIsaPass",
    "lower-mx": "fa.passes.storage.lower_mx:LowerMxPass",
    "fa-to-plena": "fa.passes.pipelines:FaToPlenaPass",
    "fold-offsets": "fa.lowering.cleanup.fold_offsets:FoldOffsets",
    "strength-reduce": "fa.lowering.cleanup.strength_reduce:StrengthReduce",
    "share-pointers": "fa.lowering.cleanup.share_pointers:SharePointers",
    "unroll-loops": "fa.lowering.cleanup.unroll_loops:UnrollLoops",
    "forward-stores": "fa.lowering.cleanup.forward_stores:ForwardStores",
    "settle-csrs": "fa.lowering.cleanup.settle_csrs:SettleCsrs",
    "hoist-invariants": "fa.lowering.cleanup.hoist_invariants:HoistInvariants",
    "remove-redundant": "fa.lowering.cleanup.remove_redundant:RemoveRedundant",
    "allocate-registers": "fa.lowering.registers.allocate:AllocateRegisters",
    "verify-registers": "fa.lowering.registers.verify:VerifyRegisters",
    "limit-loops": "fa.lowering.cleanup.limit_loops:LimitLoops",
}
"""Bare pass name -> `module:class`, in the order in which a pipeline uses them."""

_DIALECTS = {
    "fa": "fa.dialects.fa:FA",
    "mx": "fa.dialects.mx:MX",
    "plena": "fa.dialects.plena:PLENA",
}

_TARGETS = {
    "plena-asm": "fa.lowering.assembly:PlenaAsmTarget",
    "plena-mem": "fa.lowering.assembly:PlenaMemTarget",
}


def prefixed(name: str) -> str:
    """The name under which `xdsl-opt` knows the pass that `fa-opt` calls `name`."""
    return name if name.startswith(PASS_PREFIX) else PASS_PREFIX + name


def _load(home: str) -> object:
    module, _, attribute = home.partition(":")
    return cast(object, getattr(import_module(module), attribute))


@cache
def pass_class(bare_name: str, name: str) -> type[ModulePass]:
    """The class of the pass `bare_name`, answering to `name`.

    xDSL refuses a pass whose class has another name than the one it was asked for, so a second name
    needs a second class; it shares everything else.
    """
    cls = cast(type[ModulePass], _load(PASSES[bare_name]))
    if cls.name == name:
        return cls
    return type(cls.__name__, (cls,), {"name": name, "__doc__": cls.__doc__})


def _dialect(home: str) -> Callable[[], Dialect]:
    return lambda: cast(Dialect, _load(home))


def _pass(bare_name: str, name: str) -> Callable[[], type[ModulePass]]:
    return lambda: pass_class(bare_name, name)


def _target(home: str) -> Callable[[], type[Target]]:
    return lambda: cast(type[Target], _load(home))


def bare_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """The passes under their bare names, as `fa-opt` and `fa.compile` take them."""
    return {name: _pass(name, name) for name in PASSES}


FA_UNIVERSE = Universe(
    all_dialects={name: _dialect(home) for name, home in _DIALECTS.items()},
    all_passes={prefixed(name): _pass(name, prefixed(name)) for name in PASSES},
    all_targets={name: _target(home) for name, home in _TARGETS.items()},
)

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

from fa.passes import pipelines
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.utils.target import Target

from . import xdsl_compat

PASS_PREFIX = "fa-"

Apply = Callable[[ModulePass, Context, ModuleOp], None]
"""The method of a pass that runs it."""

PASSES = {entry.name: entry.home for entry in pipelines.PASSES}
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


_FRONTENDS = {"onnx": "fa.frontends.onnx.xdsl_frontend:OnnxFrontend"}
"""What reads files, by their extension; xDSL 0.74 cannot be told of them."""


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
    members: dict[str, object] = {"name": name, "__doc__": cls.__doc__}
    if name != bare_name and not pipelines.ENTRIES[bare_name].whole_module:
        # `xdsl-opt` runs passes without this compiler's runner.
        members["apply"] = _on_kernels(cls.apply)
    return type(cls.__name__, (cls,), members)


def _on_kernels(apply: Apply) -> Apply:
    """The `apply` of a pass, on each kernel of a module alone."""

    def on_kernels(self: ModulePass, ctx: Context, op: ModuleOp) -> None:
        from .passes.modules.on_kernels import on_kernels

        on_kernels(op, lambda single: apply(self, ctx, single))

    return on_kernels


def _dialect(home: str) -> Callable[[], Dialect]:
    return lambda: cast(Dialect, _load(home))


def _pass(bare_name: str, name: str) -> Callable[[], type[ModulePass]]:
    return lambda: pass_class(bare_name, name)


def _target(home: str) -> Callable[[], type[Target]]:
    return lambda: cast(type[Target], _load(home))


def bare_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """The passes under their bare names, as `fa-opt` and `fa.compile` take them."""
    return {name: _pass(name, name) for name in PASSES}


def _frontend(home: str) -> Callable[[], object]:
    return lambda: _load(home)


FA_UNIVERSE = xdsl_compat.universe(
    all_dialects={name: _dialect(home) for name, home in _DIALECTS.items()},
    all_passes={prefixed(name): _pass(name, prefixed(name)) for name in PASSES},
    all_targets={name: _target(home) for name, home in _TARGETS.items()},
    frontends={name: _frontend(home) for name, home in _FRONTENDS.items()},
)

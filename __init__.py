"""An attention compiler for scratchpad accelerators.

`attention` builds the MLIR of one attention, `compile` makes a `Kernel` of any source, which runs,
explains itself and is saved; `cost` counts what it takes without running it, and `interpret` runs
IR of any level with numpy. Bad input is a `CompileError`.

The public API, loaded on first use so that `import fa` stays cheap. Imports are absolute because
pytest collects this file without a parent package.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fa.compiled_module import CompiledModule, ModuleRun, compile_module
    from fa.compiler import Kernel, Run, compile, cost, interpret
    from fa.diagnostics import CompileError
    from fa.frontends.builder import attention
    from fa.machine.cost.cost import Cost
    from fa.machine.host.layout import Layout

__all__ = [
    "CompileError",
    "CompiledModule",
    "Cost",
    "Kernel",
    "Layout",
    "ModuleRun",
    "Run",
    "attention",
    "compile",
    "compile_module",
    "cost",
    "interpret",
]

__version__ = "0.2.0"
"""The one place of the version: the package's metadata and the tools read it here."""

_HOMES = {
    "CompileError": "fa.diagnostics",
    "CompiledModule": "fa.compiled_module",
    "Cost": "fa.machine.cost.cost",
    "Kernel": "fa.compiler",
    "Layout": "fa.machine.host.layout",
    "ModuleRun": "fa.compiled_module",
    "Run": "fa.compiler",
    "attention": "fa.frontends.builder",
    "compile": "fa.compiler",
    "compile_module": "fa.compiled_module",
    "cost": "fa.compiler",
    "interpret": "fa.compiler",
}


def __getattr__(name: str) -> object:
    """Import the module that holds the public name `name` (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fa' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})

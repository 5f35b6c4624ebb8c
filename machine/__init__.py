"""The machine itself, no IR: parameters, instruction table, encode and decode, simulator.

The public names are loaded on first use, so that tools that only need the instruction table do not
pay for numpy.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import mx
    from .assembler import assemble
    from .disassembler import disassemble
    from .params import Machine
    from .settings import MachineError
    from .simulator import Result, Simulator
    from .source import AssemblyError
    from .trap import Trap

__all__ = [
    "AssemblyError",
    "Machine",
    "MachineError",
    "Result",
    "Simulator",
    "Trap",
    "assemble",
    "disassemble",
    "mx",
]

_HOMES = {
    "AssemblyError": "source",
    "Machine": "params",
    "MachineError": "settings",
    "Result": "simulator",
    "Simulator": "simulator",
    "Trap": "trap",
    "assemble": "assembler",
    "disassemble": "disassembler",
}


def __getattr__(name: str) -> object:
    """Import the module that holds the public name `name` (PEP 562)."""
    from importlib import import_module

    if name == "mx":
        return import_module(".mx", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value

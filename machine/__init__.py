"""The machine itself, no IR, and what the host has to know of it; imports nothing but itself.

`spec` says what the machine is, `numerics` how it rounds, `program` what its programs are, `hbm`
how transfers go, `simulator` runs, `debug` watches, `cost` counts, `host` packs. The public names
are loaded on first use, so that tools that only need the instruction table do not pay for numpy.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .numerics import mx_blocks as mx
    from .program.assembler import assemble
    from .program.assembly_errors import AssemblyError
    from .program.disassembler import disassemble
    from .program.trap import Trap
    from .simulator.simulator import Result, Simulator
    from .spec.params import Machine
    from .spec.settings_reader import MachineError

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
    "AssemblyError": "program.assembly_errors",
    "Machine": "spec.params",
    "MachineError": "spec.settings_reader",
    "Result": "simulator.simulator",
    "Simulator": "simulator.simulator",
    "Trap": "program.trap",
    "assemble": "program.assembler",
    "disassemble": "program.disassembler",
}


def __getattr__(name: str) -> object:
    """Import the module that holds the public name `name` (PEP 562)."""
    from importlib import import_module

    if name == "mx":
        return import_module(".numerics.mx_blocks", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value

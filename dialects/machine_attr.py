"""Which machine a module is compiled for, written into the module.

`fa.machine` on the module is the name of a preset, or the settings of the user's own machine as a
dictionary, so that a module can go from tool to tool by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xdsl.dialects.builtin import (
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    f64,
    i1,
    i64,
)
from xdsl.ir import Attribute

from ..diagnostics import OpError
from ..machine.params import Machine
from ..machine.settings import MachineError

KEY = "fa.machine"
DEFAULT = "plena-64"


def machine_of(module: ModuleOp, requested: str | None = None) -> Machine:
    """The machine of a module, which is also written into it.

    What the module says holds; else `requested` (a preset or the path of a settings file), else the
    default preset. Raises OpError where both are given and differ.
    """
    given = module.attributes.get(KEY)
    try:
        if given is None:
            machine = Machine.load(DEFAULT if requested is None else requested)
            machine.require_consistent()
            module.attributes[KEY] = _to_attribute(machine)
            return machine
        machine = _from_attribute(given)
        if requested is not None:
            asked = Machine.load(requested)
            if _to_attribute(asked) != given:
                raise OpError(
                    module,
                    f"the module is compiled for machine {machine.name}, not {asked.name}; "
                    "start again from the source to change the machine",
                )
        return machine
    except MachineError as error:
        raise OpError(module, str(error)) from None


def attach_machine(module: ModuleOp, requested: str) -> None:
    """Write the machine into the module; raises OpError as `machine_of` does."""
    machine_of(module, requested)


def _to_attribute(machine: Machine) -> Attribute:
    if machine.name in Machine.presets():
        return StringAttr(machine.name)
    return DictionaryAttr(
        {"name": StringAttr(machine.name), "settings": _encode(machine.settings)}
    )


def _from_attribute(attribute: Attribute) -> Machine:
    if isinstance(attribute, StringAttr):
        return Machine.load(attribute.data)
    if isinstance(attribute, DictionaryAttr) and {"name", "settings"} <= set(attribute.data):
        name, settings = attribute.data["name"], _decode(attribute.data["settings"])
        if isinstance(name, StringAttr) and isinstance(settings, dict):
            return Machine.from_settings(settings, name.data)
    raise MachineError(f"{KEY} must be the name of a preset or a dictionary {{name, settings}}")


def _encode(value: object) -> Attribute:
    """A value of a settings file as an attribute."""
    if isinstance(value, bool):
        return IntegerAttr(int(value), i1)
    if isinstance(value, int):
        return IntegerAttr(value, i64)
    if isinstance(value, float):
        return FloatAttr(value, f64)
    if isinstance(value, str):
        return StringAttr(value)
    if isinstance(value, Mapping):
        items: Mapping[str, object] = value
        return DictionaryAttr({key: _encode(item) for key, item in items.items()})
    raise MachineError(f"a settings file holds numbers, strings and tables, got {value!r}")


def _decode(attribute: Attribute) -> Any:
    if isinstance(attribute, IntegerAttr):
        value = attribute.value.data
        return bool(value) if attribute.type == i1 else value
    if isinstance(attribute, FloatAttr):
        return attribute.value.data
    if isinstance(attribute, StringAttr):
        return attribute.data
    if isinstance(attribute, DictionaryAttr):
        return {key: _decode(item) for key, item in attribute.data.items()}
    raise MachineError(f"{KEY} holds numbers, strings and dictionaries, got {attribute}")

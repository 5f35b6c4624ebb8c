"""Which machine a module is compiled for, written into the module.

`fa.machine` on the module is the name of a preset, or the settings of the user's own machine as a
dictionary, so that a module can go from tool to tool by itself.
"""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from ..diagnostics import OpError
from ..machine.spec.params import Machine
from ..machine.spec.settings_reader import MachineError, Table
from .json_attr import decode, encode

KEY = "fa.machine"
DEFAULT = "plena-64"


def machine_of(module: ModuleOp, requested: str | None = None) -> Machine:
    """The machine of a module.

    What the module says holds; else `requested` (a preset or the path of a settings file), else the
    default preset. Raises OpError where both are given and differ.
    """
    given = module.attributes.get(KEY)
    try:
        if given is None:
            machine = Machine.load(DEFAULT if requested is None else requested)
            machine.require_consistent()
            return machine
        machine = machine_from(given)
        if requested is not None:
            asked = Machine.load(requested)
            if _to_attribute(asked) != given:
                raise OpError(
                    module,
                    f"the module is compiled for machine {machine.name}, not {asked.name}; "
                    "start again from the source to change the machine",
                )
        return machine
    except (MachineError, VerifyException) as error:
        raise OpError(module, str(error)) from None


def settle_machine(module: ModuleOp, requested: str | None = None) -> Machine:
    """The machine of a module, as `machine_of` gives it, written into the module.

    What a pass has chosen for one machine must not be compiled for another.
    """
    machine = machine_of(module, requested)
    module.attributes[KEY] = _to_attribute(machine)
    return machine


def machine_from(attribute: Attribute) -> Machine:
    """The machine that an attribute names. Raises VerifyException where it names none."""
    try:
        if isinstance(attribute, StringAttr):
            return Machine.load(attribute.data)
        if isinstance(attribute, DictionaryAttr) and set(attribute.data) == {"name", "settings"}:
            name, settings = attribute.data["name"], attribute.data["settings"]
            if isinstance(name, StringAttr) and isinstance(settings, DictionaryAttr):
                return Machine.from_settings(cast("Table", decode(settings)), name.data)
    except (MachineError, TypeError) as error:
        raise VerifyException(f"{KEY}: {error}") from None
    raise VerifyException(
        f"{KEY} must be the name of a preset or a dictionary {{name, settings}}, got {attribute}"
    )


def _to_attribute(machine: Machine) -> Attribute:
    if machine.name in Machine.presets():
        return StringAttr(machine.name)
    return DictionaryAttr({"name": StringAttr(machine.name), "settings": encode(machine.settings)})

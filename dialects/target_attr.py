"""What a module is optimised for, written into the module.

`fa.optimize_for` on the module is the name of a cost table (emulator, analytic, rtl), or "bytes",
so that every pass that has to choose asks the same table. Without it: emulator.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp, StringAttr

from ..diagnostics import OpError
from ..machine.cost.figures import Target, target_named
from .discardable_attrs import attribute_of

KEY = "fa.optimize_for"
DEFAULT: Target = "emulator"


def target_of(module: ModuleOp) -> Target:
    """What the module is optimised for. Raises OpError where the attribute names nothing."""
    given = attribute_of(module, KEY)
    return target_named(given.data) if isinstance(given, StringAttr) else DEFAULT


def attach_target(module: ModuleOp, requested: str) -> None:
    """Write the target into the module.

    Raises OpError for a name that is no target, and where the module says another one: what was
    chosen so far was chosen for that.
    """
    try:
        target = target_named(requested)
    except ValueError as error:
        raise OpError(module, str(error)) from None
    if KEY in module.attributes and target_of(module) != target:
        raise OpError(
            module,
            f"the module is optimised for {target_of(module)}, not {target}; start again from the "
            "source to change that",
        )
    module.attributes[KEY] = StringAttr(target)

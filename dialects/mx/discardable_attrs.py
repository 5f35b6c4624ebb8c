"""Attributes that passes leave on functions about storage formats."""

from __future__ import annotations

from xdsl.dialects.builtin import DictionaryAttr, StringAttr
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

from ...machine.numerics.storage_policies import Policy, PolicyError
from ..discardable_attrs import DiscardableAttr, Table, text

POLICY = "mx.policy"
"""The attribute of a function with the options of `quantize` that are not the defaults: the name of
a `policy`, and formats of roles in its place."""


def policy_from(attribute: DictionaryAttr) -> Policy:
    """The policy of a checked attribute. Raises PolicyError."""
    options = {key: v.data for key, v in attribute.data.items() if isinstance(v, StringAttr)}
    preset = options.pop("policy", None)
    return Policy.get(overrides=options) if preset is None else Policy.get(preset, options)


def _check_policy(name: str, attribute: Attribute, op: Operation) -> None:
    if not isinstance(attribute, DictionaryAttr):
        raise VerifyException(
            f"{name} must be a dictionary of options of quantize, got {attribute}"
        )
    for option, value in attribute.data.items():
        text(f"{name}: {option}", value, op)
    try:
        policy_from(attribute)
    except PolicyError as error:
        raise VerifyException(f"{name}: {error}") from None


ATTRIBUTES: Table = {POLICY: DiscardableAttr(("func.func",), _check_policy)}
"""Attribute name -> who may bear it, and what it must be."""

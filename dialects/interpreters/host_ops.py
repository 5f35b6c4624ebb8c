"""Running what the host does with tensors: the same evaluation as the packer's."""

from __future__ import annotations

from typing import Any

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from ...machine.host.recipe import evaluate
from .. import fa, mx
from ..host_op import HostOp
from .reference import Rounder


class _HostFunctions(InterpreterFunctions):
    """Evaluates the recipe of an operation on its operands."""

    def __init__(self, rnd: Rounder):
        super().__init__()
        self.round = rnd

    def host_op(self, _: Interpreter, op: HostOp, args: PythonValues) -> PythonValues:
        operands = [["argument", index] for index in range(len(args))]
        recipe = op.recipe(operands, rounded=self.round.enabled)
        return (evaluate(recipe, lambda _, index: args[index]),)


_OPERATIONS = [op for op in (*fa.FA.operations, *mx.MX.operations) if issubclass(op, HostOp)]
_IMPLEMENTATIONS: dict[str, Any] = {op.name: impl(op)(_HostFunctions.host_op) for op in _OPERATIONS}

HostFunctions = register_impls(type("HostFunctions", (_HostFunctions,), _IMPLEMENTATIONS))
"""An implementation for every host operation of the dialects."""

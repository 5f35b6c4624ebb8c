"""Running the code around kernels with numpy: upstream and foreign tensor operations, launches.

Tensors are arrays: float32 that hold values of their element type, booleans, integers of their
width. Operations on tensors are evaluated whole (`dialects/foreign`), numbers and control flow by
xDSL's own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, UnregisteredOp
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    OpImplResult,
    PythonValues,
    impl,
    register_impls,
)
from xdsl.interpreters.arith import ArithFunctions
from xdsl.interpreters.func import FuncFunctions
from xdsl.interpreters.scf import ScfFunctions
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import InterpretationError
from xdsl.utils.hints import isa

from ...xdsl_compat import number
from .. import fa
from ..foreign.access import name_of
from ..foreign.graph import AnyArray, Node, array_of, evaluate, rounded, shape_and_element
from ..foreign.meanings import MEANINGS, meaning_of
from .dense_constants import array_type
from .fa import FaFunctions
from .host_ops import HostFunctions
from .linalg import PlainConstants, PlainFunctions
from .reference import Rounder

Launch: TypeAlias = Callable[[fa.LaunchOp, Sequence[AnyArray]], Sequence[AnyArray]]
"""Runs the kernel of a launch."""

DEEPEST = 32
"""Calls in one another; more is taken for a recursion without end."""


@register_impls
class LaunchFunctions(InterpreterFunctions):
    """`fa.launch`, done by a function."""

    def __init__(self, launch: Launch):
        super().__init__()
        self.launch = launch

    @impl(fa.LaunchOp)
    def run_launch(self, _: Interpreter, op: fa.LaunchOp, args: PythonValues) -> PythonValues:
        return tuple(self.launch(op, args))


class HostInterpreter(Interpreter):
    """xDSL's interpreter, which evaluates operations on tensors whole."""

    depth = 0

    def _run_op(self, op: Operation, inputs: PythonValues) -> OpImplResult:
        try:
            if isinstance(op, func.CallOp):
                return OpImplResult(self._call(op, inputs), None)
            if name_of(op) in MEANINGS and _on_tensors(op):
                return OpImplResult(tuple(self._evaluated(op, inputs)), None)
            if isinstance(op, UnregisteredOp):
                raise InterpretationError(f"{name_of(op)} has no meaning here")
            return super()._run_op(op, inputs)
        except InterpretationError as error:
            if getattr(error, "op", None) is None:
                error.op = op  # pyright: ignore[reportAttributeAccessIssue]
            raise
        except Exception as error:
            said = getattr(error, "__context__", None) or error
            found = InterpretationError(" ".join(str(said).split())[:300])
            found.op = getattr(said, "op", op)  # pyright: ignore[reportAttributeAccessIssue]
            raise found from error

    def _call(self, op: func.CallOp, inputs: PythonValues) -> PythonValues:
        callee = op.callee.string_value()
        self.depth += 1
        try:
            if self.depth > DEEPEST:
                raise InterpretationError(f"@{callee} calls itself without end")
            found = self.get_op_for_symbol(op.callee)
            if isinstance(found, func.FuncOp) and found.is_declaration:
                raise InterpretationError(
                    f"@{callee} has no body here; host code that is run is given whole"
                )
            return self.call_op(op.callee, inputs)
        finally:
            self.depth -= 1

    def _evaluated(self, op: Operation, inputs: PythonValues) -> list[AnyArray]:
        """The results of an operation on tensors."""
        nodes: list[Node] = []
        leaves: dict[Node, AnyArray] = {}
        for operand, value in zip(op.operands, inputs, strict=True):
            described = shape_and_element(operand.type)
            if described is None:
                raise InterpretationError(f"{operand.type} is no tensor of static shape")
            node = Node("leaf", (), *described, None, operand)
            leaves[node] = np.asarray(number(value)).astype(array_of(described[1]))
            nodes.append(node)
        made = meaning_of(op, _with_constants(nodes, leaves))
        if made is not None:
            return [evaluate(node, leaves) for node in made]
        if isinstance(op, GenericOp):
            return self._generic(op, [leaves[node] for node in nodes])
        raise InterpretationError(f"{name_of(op)} has no meaning here in this form")

    def _generic(self, op: GenericOp, args: list[AnyArray]) -> list[AnyArray]:
        """linalg.generic whose body is more than one neutral operation."""
        given = [
            arg.astype(array_type(_element(operand)), copy=False)
            for arg, operand in zip(args, op.operands, strict=True)
        ]
        made = PlainFunctions().generic(self, op, tuple(given)).values
        return [
            rounded(each.astype(array_of(_element(result)), copy=False), _element(result))
            for each, result in zip(made, op.results, strict=True)
        ]


def _with_constants(nodes: list[Node], leaves: dict[Node, AnyArray]) -> list[Node]:
    """Operands that say shapes or orders, integers, as what they are."""
    given: list[Node] = []
    for node in nodes:
        if node.is_float or leaves[node].size > 64:
            given.append(node)
        else:
            given.append(Node("constant", (), node.shape, node.element, leaves[node]))
    return given


def _element(value: SSAValue) -> Attribute:
    described = shape_and_element(value.type)
    assert described is not None
    return described[1]


def _on_tensors(op: Operation) -> bool:
    values = (*op.operands, *op.results)
    return any(isa(value.type, TensorType[Attribute]) for value in values)


def host_interpreter(module: ModuleOp, launch: Launch | None, rnd: Rounder) -> HostInterpreter:
    """An interpreter of a module's host code; without `launch` kernels are interpreted too."""
    interpreter = HostInterpreter(module)
    for functions in (ArithFunctions(), FuncFunctions(), ScfFunctions(), FaFunctions(rnd)):
        interpreter.register_implementations(functions)
    interpreter.register_implementations(HostFunctions(rnd))
    interpreter.register_implementations(PlainFunctions())
    interpreter.register_implementations(PlainConstants(), override=True)

    def interpreted(op: fa.LaunchOp, args: Sequence[AnyArray]) -> Sequence[AnyArray]:
        if not isinstance(interpreter.get_op_for_symbol(op.kernel), func.FuncOp):
            raise InterpretationError(
                f"@{op.kernel_name} is a program already; fa.compile_module runs it"
            )
        return interpreter.call_op(op.kernel, tuple(args))

    interpreter.register_implementations(LaunchFunctions(launch or interpreted))
    return interpreter


def given(index: int, kind: Attribute, value: Any, rnd: Rounder) -> AnyArray:
    """An argument as the function's type has it. Raises InterpretationError where it does not
    fit."""
    described = shape_and_element(kind)
    if described is None:
        raise InterpretationError(f"argument {index} is {kind}, no tensor of static shape")
    shape, element = described
    array = np.asarray(value)
    if array.shape != shape:
        raise InterpretationError(f"argument {index} must have shape {shape}, got {array.shape}")
    array = array.astype(array_of(element))
    return rnd(array, element) if array.dtype == np.float32 else array


__all__ = ["HostInterpreter", "Launch", "given", "host_interpreter"]

"""`fa.launch`: host code starts a kernel; and the attribute that makes a function one."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import FlatSymbolRefAttrConstr, StringAttr, SymbolRefAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure, SymbolTable, SymbolUserOpInterface
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from .type_access import shape_text

KERNEL = "fa.kernel"
"""The attribute of a function that becomes a program, later of its kernel. Other functions of the
module are host code."""


class _LaunchesKernel(SymbolUserOpInterface):
    """The name is that of a kernel, which takes and gives what the launch does."""

    def verify(self, op: Operation) -> None:
        from ..plena.structure import KernelOp

        assert isinstance(op, LaunchOp)
        found = SymbolTable.lookup_symbol(op, op.kernel)
        if isinstance(found, KernelOp):
            _check_layout(op, found)
        elif isinstance(found, func.FuncOp) and KERNEL in found.attributes:
            kind = found.function_type
            _check("takes", "arguments", kind.inputs.data, op.operand_types)
            _check("gives", "results", kind.outputs.data, op.result_types)
        elif found is None:
            raise VerifyException(f"there is no kernel {op.kernel} beside this function")
        else:
            raise VerifyException(f"{op.kernel} is no kernel: a function that is one has {KERNEL}")


def _check(does: str, what: str, wanted: Sequence[Attribute], got: Sequence[Attribute]) -> None:
    if len(wanted) != len(got):
        raise VerifyException(f"the kernel {does} {len(wanted)} {what}, got {len(got)}")
    for number, (want, have) in enumerate(zip(wanted, got, strict=True)):
        if want != have:
            raise VerifyException(f"the kernel {does} {want} in {what}[{number}], got {have}")


def _check_layout(op: LaunchOp, kernel: Operation) -> None:
    """Check a launch against the layout of a kernel, which knows shapes."""
    from ..plena.discardable_attrs import LAYOUT, layout_from

    attribute = kernel.attributes.get(LAYOUT)
    if attribute is None:
        raise VerifyException(f"{op.kernel} does not say where its arguments lie ({LAYOUT})")
    layout = layout_from(attribute)
    wanted = [tensor.shape for tensor in layout.signature]
    got = [shape(value) for value in op.arguments]
    if len(wanted) != len(got) or len(layout.outputs) != len(op.outputs):
        raise VerifyException(
            f"the kernel takes {len(wanted)} arguments and gives {len(layout.outputs)} results, "
            f"got {len(got)} and {len(op.outputs)}"
        )
    for number, (want, have) in enumerate(zip(wanted, got, strict=True)):
        if tuple(want) != have:
            raise VerifyException(
                f"the kernel takes {shape_text(want)} in arguments[{number}], got "
                f"{shape_text(have)}"
            )


def shape(value: SSAValue) -> tuple[int, ...]:
    """The extents of a tensor; none of what is no tensor."""
    return value.type.get_shape() if isa(value.type, TensorType[Attribute]) else ()


@irdl_op_definition
class LaunchOp(IRDLOperation):
    """Run a kernel of the same module on tensors; its results.

    The kernel is a function with the attribute `fa.kernel`, or the `plena.kernel` that became of
    it. Arguments and results are those of the kernel, in order. A kernel changes nothing but its
    results, so launches may be removed, repeated and reordered.
    """

    name = "fa.launch"

    kernel = prop_def(FlatSymbolRefAttrConstr)
    arguments = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    traits = traits_def(Pure(), _LaunchesKernel())
    assembly_format = (
        "$kernel `(` $arguments `)` attr-dict `:` functional-type($arguments, $outputs)"
    )

    def __init__(self, kernel: str, arguments: Sequence[SSAValue], results: Sequence[Attribute]):
        super().__init__(
            operands=[list(arguments)],
            properties={"kernel": SymbolRefAttr(kernel)},
            result_types=[list(results)],
        )

    @property
    def kernel_name(self) -> str:
        """The name of the kernel, without `@`."""
        return self.kernel.root_reference.data


def check_kernel(function: func.FuncOp) -> None:
    """Raise VerifyException where a function cannot be a kernel.

    A kernel takes and gives tensors of static shape. One without a body is compiled elsewhere.
    """
    kind = function.function_type
    for what, types in (("argument", kind.inputs.data), ("result", kind.outputs.data)):
        for number, each in enumerate(types):
            if not isa(each, TensorType[Attribute]) or not each.has_static_shape():
                raise VerifyException(
                    f"a kernel takes and gives tensors of static shape, and {what} {number} is "
                    f"{each}"
                )


def host_functions(module: Operation) -> list[func.FuncOp]:
    """The functions of a module, nested modules included, that are no kernels."""
    return [
        op for op in module.walk() if isinstance(op, func.FuncOp) and KERNEL not in op.attributes
    ]


def symbol_name(op: Operation) -> str:
    """The name that a function or a kernel is launched by. Raises OpError where it has none."""
    name = op.properties.get("sym_name")
    if not isinstance(name, StringAttr):
        raise OpError(op, f"{op.name} has no name")
    return name.data

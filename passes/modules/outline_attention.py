"""`outline-attention`: attention among other operations becomes kernels that host code launches.

What a kernel takes along is what its layouts need: operations of the host that move elements in
front of the attention and behind it, changes of form, and constants. The host does them when it
packs arguments and unpacks results, so they cost no pass over memory of their own. All else stays
where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Block, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import SymbolOpInterface, SymbolTable

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.launch import KERNEL, LaunchOp
from ...dialects.mx import DequantizeOp, QuantizeOp


@dataclass(frozen=True)
class OutlineAttentionPass(ModulePass):
    """Each attention as a kernel function, launched from where it stood.

    Precondition: attention on tensors, anywhere in functions: several of them, one feeding another,
    in loops and branches, in nested modules. Functions that bear `fa.kernel` are compiled whole and
    stay as they are. Postcondition: other functions are host code without attention; for each there
    is a function `NAME_attention` with `fa.kernel` behind the one that it was in, and an
    `fa.launch` in its place.
    """

    name = "outline-attention"

    scope: Literal["attention", "layer"] = "attention"
    """What becomes a kernel: each attention. Layers are not outlined: a function that bears
    `fa.kernel` is one whole kernel."""
    share: bool = False
    """Whether attentions that are alike are launches of one kernel."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.scope == "layer":
            raise OpError(
                op,
                f"scope=layer is not there yet; give a function the attribute {KERNEL} to compile "
                "it whole, or take scope=attention",
            )
        made: dict[Operation, list[func.FuncOp]] = {}
        for function in [f for f in op.walk() if isinstance(f, func.FuncOp)]:
            if KERNEL in function.attributes:
                continue
            attentions = [a for a in function.walk() if isinstance(a, fa.AttentionOp)]
            names = _names(function, len(attentions))
            place: Operation = function
            for attention, name in zip(attentions, names, strict=True):
                kernel = _outline(attention, name)
                table = function.parent_op()
                alike = made.setdefault(table, []) if table is not None else []
                same = next((k for k in alike if self.share and _same(k, kernel)), None)
                if same is None:
                    Rewriter.insert_op(kernel, InsertPoint.after(place))
                    alike.append(kernel)
                    place = kernel
                else:
                    _rename_launch(function, name, same.sym_name.data)
        for attention in [a for a in op.walk() if isinstance(a, fa.AttentionOp)]:
            if _function_of(attention) is None:
                raise OpError(attention, "fa.attention must stand in a function")


def _function_of(op: Operation) -> func.FuncOp | None:
    """The function around an operation."""
    current: Operation | None = op
    while current is not None and not isinstance(current, func.FuncOp):
        current = current.parent_op()
    return current


def _names(function: func.FuncOp, count: int) -> list[str]:
    """Names for the kernels of a function that the module has no other use for."""
    table: Operation | None = function.parent_op()
    while table is not None and not table.has_trait(SymbolTable):
        table = table.parent_op()
    taken: set[str] = set()
    if table is not None:
        for op in table.regions[0].block.ops:
            trait = op.get_trait(SymbolOpInterface)
            symbol = None if trait is None else trait.get_sym_attr_name(op)
            if symbol is not None:
                taken.add(symbol.data)
    base = f"{function.sym_name.data}_attention"
    names: list[str] = []
    for number in range(count):
        name = base if count == 1 else f"{base}_{number}"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def _outline(attention: fa.AttentionOp, name: str) -> func.FuncOp:
    """Replace an attention by the launch of a kernel, which is returned and stands nowhere."""
    before = list[Operation]()
    for operand in attention.operands:
        _collect(operand, before)
    after, ends = _behind(attention)
    inside = [*before, attention, *after]
    defined = {result for op in inside for result in op.results}
    outside: list[SSAValue] = []
    for op in (attention, *before, *after):
        # In the order of query, key and value, however the operations in front of them stand.
        for value in _sources(op, before):
            if value not in defined and value not in outside:
                outside.append(value)

    block = Block(arg_types=[value.type for value in outside])
    mapping: dict[SSAValue, SSAValue] = dict(zip(outside, block.args, strict=True))
    for value, argument in mapping.items():
        argument.name_hint = value.name_hint
    for op in inside:
        copy = op.clone(mapping)
        block.add_op(copy)
    block.add_op(func.ReturnOp(*(mapping[value] for value in ends)))
    kinds = ([v.type for v in outside], [v.type for v in ends])
    kernel = func.FuncOp(name, kinds, Region(block), visibility="private")
    kernel.attributes[KERNEL] = UnitAttr()
    kernel.location = attention.location

    launch = LaunchOp(name, outside, [value.type for value in ends])
    launch.location = attention.location
    Rewriter.insert_op(launch, InsertPoint.before(attention))
    for value, result in zip(ends, launch.outputs, strict=True):
        result.name_hint = value.name_hint
        value.replace_all_uses_with(result)
    for op in reversed(inside):
        if all(result.first_use is None for result in op.results):
            Rewriter.erase_op(op)
    return kernel


def _moves(op: Operation) -> bool:
    """Whether an operation is one that the host does for a kernel."""
    if isinstance(op, QuantizeOp | DequantizeOp):
        return True
    return isinstance(op, fa.HostOp)


def _collect(value: SSAValue, found: list[Operation]) -> None:
    """Add to `found`, in order, what makes a value and goes into a kernel with it."""
    if not isinstance(value, OpResult):
        return
    op = value.op
    if op in found or not (_moves(op) or isinstance(op, arith.ConstantOp)):
        return
    for operand in op.operands:
        _collect(operand, found)
    found.append(op)


def _sources(op: Operation, before: list[Operation]) -> list[SSAValue]:
    """The values that the operands of an operation come from, in the order of the operands."""
    sources: list[SSAValue] = []
    for operand in op.operands:
        if isinstance(operand, OpResult) and operand.op in before:
            sources += _sources(operand.op, before)
        else:
            sources.append(operand)
    return sources


def _behind(attention: fa.AttentionOp) -> tuple[list[Operation], list[SSAValue]]:
    """What undoes layouts of results and is all that reads them, and the results behind that."""
    after: list[Operation] = []
    ends: list[SSAValue] = []
    for result in attention.results:
        end: SSAValue = result
        while True:
            uses = list(end.uses)
            user = uses[0].operation if len(uses) == 1 else None
            if not isinstance(user, _UNDONE):
                break
            if user.parent is not attention.parent:
                break
            after.append(user)
            end = user.results[0]
        ends.append(end)
    return after, ends


_UNDONE = (fa.ReshapeOp, fa.TransposeOp, fa.CropOp, DequantizeOp)
"""What the host does with the results of a kernel."""


def _same(one: func.FuncOp, other: func.FuncOp) -> bool:
    """Whether two kernels do the same."""
    return one.function_type == other.function_type and one.body.is_structurally_equivalent(
        other.body
    )


def _rename_launch(function: func.FuncOp, name: str, kernel: str) -> None:
    """Let a launch be one of another kernel."""
    for op in function.walk():
        if isinstance(op, LaunchOp) and op.kernel_name == name:
            op.kernel = type(op.kernel)(StringAttr(kernel))


def is_whole_kernel(function: func.FuncOp) -> bool:
    """Whether a function is a kernel as it is: attentions of its arguments and of constants, with
    what their layouts need; or no attention, which is a kernel at a later level if it is one."""
    attentions = [op for op in function.walk() if isinstance(op, fa.AttentionOp)]
    if not attentions:
        return True
    parts = (fa.AttentionOp, arith.ConstantOp, func.ReturnOp, fa.YieldOp)
    for op in function.body.ops if len(function.body.blocks) == 1 else ():
        if not (_moves(op) or isinstance(op, parts)):
            return False
    if len(function.body.blocks) != 1:
        return False
    return not any(_reads_attention(operand) for op in attentions for operand in op.operands)


def _reads_attention(value: SSAValue) -> bool:
    """Whether a value is made of what an attention computes."""
    if not isinstance(value, OpResult):
        return False
    return isinstance(value.op, fa.AttentionOp) or any(map(_reads_attention, value.op.operands))

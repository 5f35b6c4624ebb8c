"""`raise-attention`: from what other compilers have to `fa.attention`."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr, TensorType
from xdsl.ir import Attribute, Operation, OpResult
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter
from xdsl.utils.hints import isa

from ...diagnostics import remark
from ...dialects.fa.launch import KERNEL
from ...dialects.foreign.access import attribute, name_of
from ...dialects.foreign.graph import Node
from ...dialects.foreign.meanings import MEANINGS
from ..raising.build import Builder, quotient_of, through_views
from ..raising.match import find
from ..raising.near_miss import NearMiss
from ..raising.reader import Graph, callee_of, read


@dataclass(frozen=True)
class RaiseAttentionPass(ModulePass):
    """softmax(Q K^T) V in tensor operations of other dialects as `fa.attention`.

    Precondition: StableHLO, linalg on tensors, TOSA, arith, math or tensor, registered or in
    generic form, of static shapes; private functions are looked into. Postcondition: what is
    attention is `fa.attention`, with reshapes and transposes that the host does; what it was
    computed by and nothing else needs is gone. All else stays as it is.
    What looks like attention and is none is a remark that says why.
    """

    name = "raise-attention"

    rows_see_keys: bool = False
    """Whether each query is promised to see some key, where masks that are known at run time only
    hide by a finite number: a row without keys is uniform then, and 0 in `fa.attention`."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [f for f in op.walk() if isinstance(f, func.FuncOp)]
        called: set[Operation] = set()
        for function in functions:
            if function.is_declaration or KERNEL in function.attributes:
                continue
            self._say_dynamic(function)
            graph = read(function)
            for node in graph.nodes:
                if node.kind == "contract" and isinstance(node.value, OpResult):
                    self._raise(node, graph, called)
        _drop_uncalled(op, called)

    def _say_dynamic(self, function: func.FuncOp) -> None:
        """A remark where exponentials are of dynamic shape, and so can be of no attention."""
        for op in function.walk():
            dynamic = any(
                isa(r.type, TensorType[Attribute]) and not r.type.has_static_shape()
                for r in op.results
            )
            if dynamic and any(name_of(inner) in _EXPONENTIALS for inner in op.walk()):
                reason = "extents are known at run time only; fa.attention has static ones"
                remark(op, self.name, f"not an attention: {reason}")
                return

    def _raise(self, product: Node, graph: Graph, called: set[Operation]) -> None:
        value = product.value
        assert isinstance(value, OpResult)
        if value.first_use is None:
            return
        try:
            match = find(product, lambda dims, axes: quotient_of(product, dims, axes, graph))
            if match is None:
                return
            last = through_views(match, graph)
            result = Builder(match, self.rows_see_keys).build()
        except NearMiss as miss:
            place = miss.node.value
            at = place.op if isinstance(place, OpResult) else miss.node.op or value.op
            remark(at, self.name, f"not an attention: {miss.reason}")
            return
        _drop(last, graph, called)
        match.output.value = result


_EXPONENTIALS = (
    "stablehlo.exponential",
    "tosa.exp",
    "math.exp",
    "linalg.exp",
    "linalg.softmax",
    "tm_tensor.attention",
)


def _drop(op: Operation, graph: Graph, called: set[Operation]) -> None:
    """Erase an operation that nothing reads any more, and what only it did."""
    pending = [op]
    while pending:
        each = pending.pop()
        if each.parent is None or any(result.first_use is not None for result in each.results):
            continue
        if not _is_pure(each):
            continue
        if (callee := callee_of(each)) is not None:
            called.add(callee)
        read_values = [value for inner in each.walk() for value in inner.operands]
        inside = set(each.walk())
        owners = [v.op for v in read_values if isinstance(v, OpResult) and v.op not in inside]
        for result in each.results:
            if (node := graph.of.pop(result, None)) is not None:
                node.value = None
        Rewriter.erase_op(each)
        pending += owners


def _is_pure(op: Operation) -> bool:
    """Whether an operation does nothing but compute its results."""
    if name_of(op) in MEANINGS:
        return True
    if name_of(op) != "func.call" or (callee := callee_of(op)) is None:
        return False
    return all(
        name_of(inner) == "func.return" or _is_pure(inner) for inner in callee.body.block.ops
    )


def _drop_uncalled(module: ModuleOp, called: set[Operation]) -> None:
    """Erase private functions whose last call was that of an attention."""
    while called:
        used = {
            callee.root_reference.data
            for op in module.walk()
            if isinstance(callee := attribute(op, "callee"), SymbolRefAttr)
        }
        function = next(
            (
                f
                for f in called
                if isinstance(f, func.FuncOp)
                and f.sym_visibility is not None
                and f.sym_visibility.data == "private"
                and f.sym_name.data not in used
            ),
            None,
        )
        if function is None:
            return
        called.remove(function)
        called |= {c for op in function.walk() if (c := callee_of(op)) is not None} - {function}
        Rewriter.erase_op(function)

"""Score and probability functions: ONNX graphs on whole tensors as functions of one element.

A graph in `score_mod` or `prob_mod` maps a tensor [B, H, N, M] to one of the same shape. Each of
its tensors is represented by the function from an index to an element; where its values do not
depend on the graph's input they are computed as well, because shapes and ranges are made of them.
Asking the output for the element at (batch, head, query, key) writes the operations of the region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from xdsl.builder import ImplicitBuilder
from xdsl.dialects.builtin import IndexType, f32
from xdsl.ir import Block, Region, SSAValue

from ...dialects.fa.attention import YieldOp
from ...dialects.fa.type_access import shape_text
from .elementwise import ELEMENTWISE
from .model import Array, Graph, Node
from .shapes import STRUCTURAL
from .values import FOLD_LIMIT, Fail, Index, Tensors, Values, own_index

Known = Callable[[str], Array | None]


def score_function(graph: Graph, dims: Sequence[int], outer: Known, fail: Fail) -> Region:
    """The region (value f32, batch, head, query, key) -> f32 of a graph on [B, H, N, M].

    `outer` looks up constants of the graph around it. Calls `fail` for operators that have no
    meaning here, and for functions that move elements about.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        fail(f"needs one input and one output, has {len(graph.inputs)} and {len(graph.outputs)}")
    places = [IndexType()] * len(dims)
    block = Block(arg_types=[f32, *places])
    for argument, name in zip(block.args, ("value", "batch", "head", "query", "key"), strict=True):
        argument.name_hint = name
    with ImplicitBuilder(block):
        function = _Function(graph, tuple(dims), block, outer, fail)
        YieldOp(function.result())
    return Region(block)


class _Function(Tensors):
    """The tensors of one graph."""

    def __init__(self, graph: Graph, dims: tuple[int, ...], block: Block, outer: Known, fail: Fail):
        self.graph = graph
        self.outer = outer
        super().__init__(fail)
        self.dims = dims
        self.value, *self.places = block.args
        self.tensors: dict[str, Values] = {
            graph.inputs[0].name: Values(dims, "float", self._input_element)
        }
        for name, array in graph.constants.items():
            self.tensors[name] = self.from_array(array)

    def result(self) -> SSAValue:
        """The element of the output at the place of the region's arguments."""
        for node in self.graph.nodes:
            for name, values in zip(node.outputs, self._apply(node), strict=False):
                self.tensors[name] = values
        output = self.tensor(self.graph.outputs[0].name)
        if output.dims != self.dims or output.kind != "float":
            self.fail(
                f"its output must hold floats of shape {shape_text(self.dims)}, "
                f"got {output.kind}s of shape {shape_text(output.dims)}"
            )
        places = zip(self.places, self.dims, strict=True)
        try:
            return self.at(output, [None if extent == 1 else place for place, extent in places])
        except RecursionError:
            self.fail("a chain of that many operators is not supported")

    def tensor(self, name: str) -> Values:
        """The tensor `name`, of this graph or a constant of the one around it."""
        if name not in self.tensors:
            array = self.outer(name)
            if array is None:
                self.fail(f"'{name}' is neither made in this graph nor a constant outside of it")
            self.tensors[name] = self.from_array(array)
        return self.tensors[name]

    def _input_element(self, index: tuple[Index, ...]) -> SSAValue:
        for place, own, extent in zip(index, self.places, self.dims, strict=True):
            if place is not own and extent != 1:
                self.fail("each element of its output may depend on the same element of its input")
        return self.value

    def _apply(self, node: Node) -> Sequence[Values]:
        """The outputs of one node."""
        inputs = [self.tensor(name) for name in node.inputs if name]
        if node.domain == "" and node.op in ELEMENTWISE:
            return [self._elementwise(node, inputs)]
        if node.domain == "" and node.op in STRUCTURAL:
            return [STRUCTURAL[node.op](self, node, inputs)]
        names = ", ".join(sorted([*ELEMENTWISE, *STRUCTURAL]))
        self.fail(f"the operator {node.op} cannot stand in it; there are {names}")

    def _elementwise(self, node: Node, inputs: list[Values]) -> Values:
        """An operator that works element by element, operands broadcast."""
        if not inputs:
            self.fail(f"{node} has no inputs")
        settled = ELEMENTWISE[node.op](self, node, inputs)
        try:
            dims = np.broadcast_shapes(*(values.dims for values in inputs))
        except ValueError:
            shapes = ", ".join(shape_text(values.dims) or "a scalar" for values in inputs)
            self.fail(f"the operands of {node}, {shapes}, do not broadcast")

        def element(index: tuple[Index, ...]) -> SSAValue:
            return settled.emit(
                [self.at(values, own_index(values.dims, index)) for values in inputs]
            )

        arrays = [values.array for values in inputs if values.array is not None]
        array = None
        if prod(dims) <= FOLD_LIMIT and len(arrays) == len(inputs):
            with np.errstate(all="ignore"):
                array = np.asarray(settled.fold(arrays))
        return self.make(dims, settled.kind, element, array)

"""Functions as graphs of neutral operations; private calls are looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType, UnregisteredOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import SymbolTable

from ...dialects.foreign.access import attribute, name_of
from ...dialects.foreign.graph import Node, leaf
from ...dialects.foreign.meanings import meaning_of

DEEPEST = 16
"""Calls in one another that are looked into."""


@dataclass
class Graph:
    """The nodes of one function in order, and that of each value."""

    nodes: list[Node] = field(default_factory=list[Node])
    of: dict[SSAValue, Node] = field(default_factory=dict[SSAValue, Node])


def read(function: func.FuncOp) -> Graph:
    """The graph of a function, the bodies of loops and branches in it included."""
    graph = Graph()
    for block in function.body.blocks:
        _read_block(block, graph, graph.of, True, 0)
    return graph


def _read_block(
    block: Block, graph: Graph, values: dict[SSAValue, Node], visible: bool, depth: int
) -> None:
    for op in block.ops:
        args = [_node(values, operand) for operand in op.operands]
        made = _made(op, [arg for arg in args if arg is not None], graph, depth, len(args))
        for number, result in enumerate(op.results):
            node = made[number] if made is not None else leaf(result)
            if node is None:
                continue
            if visible and node.value is None:
                node.value = result
            node.op = node.op or op
            values[result] = node
            if visible:
                graph.nodes.append(node)
        if visible and made is None and not isinstance(op, UnregisteredOp):
            for region in op.regions:
                for inner in region.blocks:
                    _read_block(inner, graph, values, True, depth)


def _node(values: dict[SSAValue, Node], value: SSAValue) -> Node | None:
    if value not in values:
        found = leaf(value)
        if found is None and isinstance(value.type, TensorType):
            return None
        # What is no tensor, a shape for one, is an operand that nothing is known of.
        values[value] = found or Node("leaf", (), (), value.type)
    return values[value]


def _made(
    op: Operation, args: list[Node], graph: Graph, depth: int, wanted: int
) -> list[Node] | None:
    """The nodes of the results of an operation; None where they are leaves."""
    if len(args) != wanted:
        return None
    if name_of(op) in ("func.call", "call"):
        return _called(op, args, depth)
    return meaning_of(op, args)


def callee_of(op: Operation) -> func.FuncOp | None:
    """The function that a call names, where it is one of this module with one block."""
    callee = attribute(op, "callee")
    if callee is None or not hasattr(callee, "root_reference"):
        return None
    found = SymbolTable.lookup_symbol(op, callee)  # pyright: ignore[reportArgumentType]
    if not isinstance(found, func.FuncOp) or len(found.body.blocks) != 1:
        return None
    return found


def _called(op: Operation, args: list[Node], depth: int) -> list[Node] | None:
    """The results of a function as nodes of the arguments of its call."""
    found = callee_of(op)
    if found is None or depth == DEEPEST:
        return None
    block = found.body.block
    if len(block.args) != len(args):
        return None
    values: dict[SSAValue, Node] = dict(zip(block.args, args, strict=True))
    _read_block(block, Graph(), values, False, depth + 1)
    last = block.last_op
    if last is None:
        return None
    results = [_result(values, operand) for operand in last.operands]
    return None if any(r is None for r in results) else [r for r in results if r is not None]


def _result(values: Mapping[SSAValue, Node], value: SSAValue) -> Node | None:
    """The node of a result; None for one of which nothing is known but that it is computed."""
    node = values.get(value)
    return None if node is None or (node.kind == "leaf" and node.value is value) else node

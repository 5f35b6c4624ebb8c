"""`fa.attention` for what was matched, with the views that its operands and result need."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseIntOrFPElementsAttr,
    Float32Type,
    TensorType,
    f32,
    i1,
)
from xdsl.ir import Attribute, Operation, OpResult, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.foreign.graph import AnyArray, Node
from .axes import Axes, Dim, Dims
from .masking import Masking, Places, Runtime, based, masking
from .match import Match, Operand
from .near_miss import NearMiss
from .reader import Graph


def through_views(match: Match, graph: Graph) -> Operation:
    """Let the result of a match be the last view of it that all that follows reads.

    Returns the operation that computes it.
    """
    while (
        following := _view_behind(match.output, match.output_dims, match.axes, graph)
    ) is not None:
        match.output, match.output_dims = following
    value = match.output.value
    assert isinstance(value, OpResult)
    return value.op


def quotient_of(product: Node, dims: Dims, axes: Axes, graph: Graph) -> tuple[Node, Dims] | None:
    """What divides a product, or a view of it, by something, where nothing else reads it."""
    while (following := _view_behind(product, dims, axes, graph)) is not None:
        product, dims = following
    node = _only_user(product, graph)
    if node is not None and node.kind in ("div", "mul") and node.args[0] is product:
        return node, dims
    return None


def _only_user(node: Node, graph: Graph) -> Node | None:
    """The one operation that reads a tensor, beside it."""
    value = node.value
    if not isinstance(value, OpResult):
        return None
    uses = list(value.uses)
    user = uses[0].operation if len(uses) == 1 else None
    if user is None or len(user.results) != 1 or user.parent is not value.op.parent:
        return None
    return graph.of.get(user.results[0])


def _view_behind(node: Node, dims: Dims, axes: Axes, graph: Graph) -> tuple[Node, Dims] | None:
    """The view that is all that reads a tensor, and its dimensions."""
    following = _only_user(node, graph)
    if following is None or following.args != (node,):
        return None
    if following.kind == "transpose":
        order: Sequence[int] = following.data
        return following, tuple(dims[i] for i in order)
    if following.kind == "reshape":
        reshaped = axes.reshaped(dims, following.shape)
        return None if reshaped is None else (following, reshaped)
    return None


class Builder:
    """The operations of one attention, in front of the one whose result it takes the place of."""

    def __init__(self, match: Match, rows_see_keys: bool):
        self.match, self.axes = match, match.axes
        self._settle()
        self.places = Places(match, (self.batch, (*self.kv, *self.group), self.rows, self.keys))
        self.masking = masking(match, self.places, rows_see_keys)
        self._settle()
        self.places = Places(match, (self.batch, (*self.kv, *self.group), self.rows, self.keys))
        value = match.output.value
        assert isinstance(value, OpResult)
        self.value = value
        self.ops: list[Operation] = []

    def _settle(self) -> None:
        """Sort dimensions until following masks takes none of them apart any more."""
        before = -1
        while before != len(self.axes.extents):
            before = len(self.axes.extents)
            self._sort()

    def _sort(self) -> None:
        """Tell batches, KV heads, heads of a group, queries and keys from one another."""
        match, axes = self.match, self.axes
        q, k, v = (set(axes.all(o.dims)) for o in (match.query, match.key, match.value))
        self.keys, self.summed = axes.whole(match.keys), axes.whole(match.summed)
        scores = [a for a in axes.all(match.score_dims) if a not in self.keys]
        shared = [a for a in scores if a in k and a in v]
        own = [a for a in scores if a not in k and a not in v]
        if len(shared) + len(own) != len(scores):
            raise NearMiss("keys and values are not shared by the same heads", match.output)
        out = [a for a in axes.all(match.output_dims) if a not in scores]
        self.columns = tuple(out)
        wanted = (
            ("queries", q, {*scores, *self.summed}),
            ("keys", k, {*shared, *self.keys, *self.summed}),
            ("values", v, {*shared, *self.keys, *out}),
        )
        for what, have, want in wanted:
            if have != want:
                raise NearMiss(f"the {what} do not have the dimensions of attention", match.output)
        self.batch, self.kv = (
            (tuple(shared[:1]), tuple(shared[1:])) if len(shared) > 1 else ((), tuple(shared))
        )
        self.rows = self._queries(own)
        self.group = tuple(a for a in own if a not in self.rows)

    def _queries(self, own: Sequence[int]) -> Dim:
        """Which dimensions that only queries have count queries; the others count heads."""
        free = [[a for a in self.axes.whole(dim) if a in own] for dim in self.match.free]
        if len(free) < 2:
            return tuple(a for dim in free for a in dim)
        depends: set[int] = set()
        for each in (*self.match.hidden, *self.match.added):
            node, dims = based(self.match, each.node, each.dims)
            if node.kind == "and":
                for arg in node.args:
                    depends |= set(self.axes.all(based(self.match, arg, dims)[1]))
            depends |= set(self.axes.all(dims))
        asked = [dim for dim in free if depends & set(dim)]
        if len(asked) == 1:
            return tuple(asked[0])
        order = [a for a in self.axes.all(self.match.score_dims) if a in own]
        last = order[-1:] if order else []
        nothing: Dim = ()
        return tuple(next((dim for dim in free if set(last) & set(dim)), nothing))

    def build(self) -> SSAValue:
        """Insert the attention; the value that its result is."""
        match = self.match
        q = self._operand(
            match.query, (self.batch, (*self.kv, *self.group), self.rows, self.summed)
        )
        k = self._operand(match.key, (self.batch, self.kv, self.keys, self.summed))
        v = self._operand(match.value, (self.batch, self.kv, self.keys, self.columns))
        attention = fa.AttentionOp(
            q,
            k,
            v,
            bias=self._bias(self.masking),
            mask=self.masking.mask,
            scale=self._scale(),
            softcap=match.softcap,
        )
        self._add(attention)
        result = self._output(attention.output)
        owner = self.value.op
        for op in self.ops:
            op.location = owner.location
            Rewriter.insert_op(op, InsertPoint.before(owner))
        result.name_hint = self.value.name_hint
        self.value.replace_all_uses_with(result)
        return result

    def _scale(self) -> float | None:
        """The scale; None for the one that attention has by itself."""
        usual = self.axes.size(self.summed) ** -0.5
        return (
            None
            if isclose(self.match.factor, usual, rel_tol=2e-3 if self._low else 1e-6)
            else (self.match.factor)
        )

    @property
    def _low(self) -> bool:
        """Whether the scale may have been rounded to fewer digits than f32 has."""
        return not isinstance(self.match.query.node.element, Float32Type)

    def _add(self, op: Operation) -> SSAValue:
        self.ops.append(op)
        return op.results[0]

    def _reshaped(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        if fa.tensor_dims(value) == tuple(shape):
            return value
        return self._add(fa.ReshapeOp(value, shape))

    def _arranged(self, value: SSAValue, atoms: Dim, order: Sequence[int]) -> SSAValue:
        """A tensor with its atoms in another order."""
        if list(atoms) == list(order):
            return value
        value = self._reshaped(value, [self.axes.extents[atom] for atom in atoms])
        return self._add(fa.TransposeOp(value, [atoms.index(atom) for atom in order]))

    def _operand(self, operand: Operand, parts: Sequence[Dim]) -> SSAValue:
        value = operand.node.value
        assert value is not None
        return self._as_parts(value, operand.dims, parts)

    def _as_parts(self, value: SSAValue, dims: Dims, parts: Sequence[Dim]) -> SSAValue:
        """A tensor in other dimensions: one transpose where they are its own, in another order."""
        parts = [self.axes.whole(part) for part in parts]
        have, order = [self.axes.whole(dim) for dim in dims], list[int]()
        for part in parts:
            found = (i for i, dim in enumerate(have) if dim == part and i not in order)
            order.append(next(found, -1))
        if len(have) == len(parts) and -1 not in order:
            moved = order != list(range(len(order)))
            return self._add(fa.TransposeOp(value, order)) if moved else value
        atoms = [atom for part in parts for atom in part]
        value = self._arranged(value, self.axes.all(dims), atoms)
        return self._reshaped(value, [self.axes.size(part) for part in parts])

    def _output(self, value: SSAValue) -> SSAValue:
        """The result in the shape, order and type of what it takes the place of."""
        parts = (self.batch, (*self.kv, *self.group), self.rows, self.columns)
        value = self._as_parts(value, tuple(tuple(part) for part in parts), self.match.output_dims)
        element = self.match.output.element
        if fa.tensor_element(value) == element:
            return value
        kind = TensorType(element, self.match.output.shape)
        narrower = isinstance(fa.tensor_element(value), Float32Type)
        return self._add(arith.TruncFOp(value, kind) if narrower else arith.ExtFOp(value, kind))

    # Biases.

    def _bias(self, masking: Masking) -> SSAValue | None:
        parts = [self._runtime(each) for each in masking.runtime]
        if masking.seen is not None:
            constant = self._constant(masking.seen, i1)
            parts.append(self._add(fa.AdditiveOp(constant, f32)))
        if masking.bias is not None:
            parts.append(self._constant(masking.bias.astype(np.float32), f32))
        if not parts:
            return None
        total = parts[0]
        for part in parts[1:]:
            total = self._sum(total, part)
        return total

    def _constant(self, values: AnyArray, element: Attribute) -> SSAValue:
        kind: Any = TensorType(element, values.shape)
        if element == i1:
            attribute = DenseIntOrFPElementsAttr.from_list(kind, values.ravel().tolist())
        else:
            attribute = DenseIntOrFPElementsAttr(kind, BytesAttr(values.tobytes()))
        return self._add(arith.ConstantOp(attribute, kind))

    def _runtime(self, each: Runtime) -> SSAValue:
        """A tensor as [batch|1, heads|1, queries|1, keys|1]."""
        value = each.node.value
        assert value is not None
        atoms = self.axes.all(each.dims)
        order = [a for part in self.places.parts for a in part if a in atoms]
        if len(order) != len(atoms):
            raise NearMiss("a bias has a dimension that scores do not have", each.node)
        value = self._arranged(value, atoms, order)
        whole = [any(a in atoms for a in part) for part in self.places.parts]
        extents = [
            self.axes.extents[a] if a in atoms else 1
            for part, some in zip(self.places.parts, whole, strict=True)
            if some
            for a in part
        ]
        wide = [
            self.axes.extents[a]
            for part, some in zip(self.places.parts, whole, strict=True)
            if some
            for a in part
        ]
        if wide != extents:
            value = self._add(fa.BroadcastOp(self._reshaped(value, extents), wide))
        shape = [
            self.axes.size(part) if some else 1
            for part, some in zip(self.places.parts, whole, strict=True)
        ]
        value = self._reshaped(value, shape)
        if not each.condition:
            return value
        if each.inverted:
            ones = self._constant(np.ones(fa.tensor_dims(value), np.bool_), i1)
            value = self._add(arith.XOrIOp(value, ones))
        return self._add(fa.AdditiveOp(value, f32))

    def _sum(self, a: SSAValue, b: SSAValue) -> SSAValue:
        shape = np.broadcast_shapes(fa.tensor_dims(a), fa.tensor_dims(b))
        widened: list[SSAValue] = []
        for each in (a, b):
            if not isinstance(fa.tensor_element(each), Float32Type):
                kind = TensorType(f32, fa.tensor_dims(each))
                each = self._add(arith.ExtFOp(each, kind))
            if fa.tensor_dims(each) != shape:
                each = self._add(fa.BroadcastOp(each, shape))
            widened.append(each)
        return self._add(arith.AddfOp(widened[0], widened[1]))

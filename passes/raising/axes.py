"""Dimensions followed through views.

A dimension of a tensor is a run of atoms, extents that no view takes apart; one of extent 1 has
none. A reshape that cuts an atom splits it everywhere. So heads and batches that are merged, split,
repeated and moved are recognised by what they are, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...dialects.foreign.graph import Node

Dim = tuple[int, ...]
Dims = tuple[Dim, ...]

VIEWS = ("transpose", "reshape", "broadcast")


class Axes:
    """The atoms of one attention: their extents, and what those that were split became."""

    def __init__(self):
        self.extents: dict[int, int] = {}
        self._parts: dict[int, Dim] = {}

    def fresh(self, extent: int) -> Dim:
        """A dimension of its own."""
        if extent == 1:
            return ()
        atom = len(self.extents)
        self.extents[atom] = extent
        return (atom,)

    def whole(self, dim: Dim) -> Dim:
        """A dimension in atoms as they are now."""
        found: list[int] = []
        for atom in dim:
            parts = self._parts.get(atom)
            found += [atom] if parts is None else self.whole(parts)
        return tuple(found)

    def all(self, dims: Sequence[Dim]) -> Dim:
        """All atoms of a tensor, in its order of elements."""
        return tuple(atom for dim in dims for atom in self.whole(dim))

    def size(self, atoms: Dim) -> int:
        """The extent of a run of atoms."""
        return prod(self.extents[atom] for atom in atoms)

    def reshaped(self, dims: Dims, shape: Sequence[int]) -> Dims | None:
        """The same elements in other extents; None where their boundaries do not meet."""
        pending = list(reversed(self.all(dims)))
        result: list[Dim] = []
        for extent in shape:
            taken: list[int] = []
            have = 1
            while have < extent:
                if not pending:
                    return None
                atom = pending.pop()
                size = self.extents[atom]
                if have * size <= extent:
                    taken.append(atom)
                    have *= size
                    continue
                if extent % have or size % (extent // have):
                    return None
                first, rest = self._split(atom, extent // have)
                taken.append(first)
                pending.append(rest)
                have = extent
            if have != extent:
                return None
            result.append(tuple(taken))
        return None if pending else tuple(result)

    def _split(self, atom: int, outer: int) -> Dim:
        first, rest = len(self.extents), len(self.extents) + 1
        self.extents[first], self.extents[rest] = outer, self.extents[atom] // outer
        self._parts[atom] = (first, rest)
        return first, rest

    def behind(self, node: Node, dims: Dims) -> Dims | None:
        """The dimensions of the operand of a view whose result has `dims`; None where they do not
        come apart."""
        (source,) = node.args
        if node.kind == "transpose":
            found: list[Dim] = [()] * source.rank
            for place, dim in zip(node.data, dims, strict=True):
                found[place] = dim
            return tuple(found)
        if node.kind == "broadcast":
            places: Sequence[int] = node.data
            pairs = zip(places, source.shape, strict=True)
            return tuple(() if extent == 1 else dims[place] for place, extent in pairs)
        if node.kind == "reshape":
            return self.reshaped(dims, source.shape)
        return dims


def stripped(node: Node) -> Node:
    """What a tensor is a view of, or another form of, element by element."""
    while node.kind in VIEWS or is_form(node):
        node = node.args[0]
    return node


def is_form(node: Node) -> bool:
    """Whether a tensor is another one in another floating-point type."""
    return node.kind == "convert" and node.is_float and node.args[0].is_float

"""What hides keys and what is added to scores, as a mask by name, numbers, and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import IntegerType

from ...dialects.fa.masks import MaskAttr
from ...dialects.foreign.graph import AnyArray, Node
from .axes import VIEWS, Dim, Dims, is_form
from .masks import named
from .match import ELEMENTS, HIDES, Added, Match, known_values, number_of
from .near_miss import NearMiss


@dataclass
class Runtime:
    """A tensor that is known at run time only: a bias, or a condition under which keys are seen
    (hidden, with `inverted`)."""

    node: Node
    dims: Dims
    condition: bool
    inverted: bool = False


@dataclass
class Masking:
    """The mask of an attention, what is added to its scores, and the tensors that do either."""

    mask: MaskAttr | None = None
    seen: AnyArray | None = None
    bias: AnyArray | None = None
    runtime: list[Runtime] = field(default_factory=list[Runtime])


class Places:
    """Where atoms stand among batches, heads, queries and keys."""

    def __init__(self, match: Match, parts: Sequence[Dim]):
        self.axes = match.axes
        self.parts = [match.axes.whole(part) for part in parts]

    @property
    def extents(self) -> tuple[int, ...]:
        """[batch, heads, queries, keys]."""
        return tuple(self.axes.size(part) for part in self.parts)

    def arrange(self, values: AnyArray, dims: Dims) -> AnyArray | None:
        """Known numbers as [batch|1, heads|1, queries|1, keys|1]; None where they have a dimension
        of none of these."""
        atoms = self.axes.all(dims)
        order = [atom for part in self.parts for atom in part]
        if set(atoms) - set(order) or len(set(atoms)) != len(atoms):
            return None
        values = values.reshape([self.axes.extents[atom] for atom in atoms])
        values = values.transpose([atoms.index(atom) for atom in order if atom in atoms])
        values = values.reshape([self.axes.extents[a] if a in atoms else 1 for a in order])
        start = 0
        shape: list[int] = []
        wide: list[int] = []
        for part in self.parts:
            present = any(atom in atoms for atom in part)
            wide += [self.axes.extents[a] if present else 1 for a in part]
            shape.append(self.axes.size(part) if present else 1)
            start += len(part)
        return np.broadcast_to(values, wide).reshape(shape)


def based(match: Match, node: Node, dims: Dims, widened: bool = False) -> tuple[Node, Dims]:
    """What a tensor is a view of, as far as views come apart; `widened`: or another form of."""
    while node.kind in VIEWS or (widened and is_form(node)):
        behind = dims if node.kind == "convert" else match.axes.behind(node, dims)
        if behind is None:
            break
        node, dims = node.args[0], behind
    return node, dims


def masking(match: Match, places: Places, rows_see_keys: bool) -> Masking:
    """All that is done to the scores beside scale and soft cap. Raises NearMiss."""
    found = Masking()
    seen = np.ones((1, 1, 1, 1), np.bool_)
    finite: Node | None = None
    for each in match.hidden:
        parts = _conditions(match, each.node, each.dims, not each.when)
        for part in parts:
            values = known_values(part.node)
            if values is None:
                found.runtime.append(_visible(match, part))
                if each.finite and not rows_see_keys:
                    raise NearMiss(
                        "scores are hidden by a finite number under a condition that is not "
                        "known: a row without keys is uniform there and 0 in fa.attention; "
                        "rows-see-keys=true promises that there is none",
                        each.node,
                    )
            else:
                seen = seen & _placed(places, values != part.inverted, part.dims, each.node)
        if each.finite:
            finite = each.node
    for each in match.added:
        seen, hides = _added(match, places, each, found, seen)
        finite = each.node if hides else finite
    extents = places.extents
    full = np.broadcast_to(seen, (*np.broadcast_shapes(seen.shape, (1, 1, 1, 1))[:3], extents[3]))
    if finite is not None and not full.any(-1).all():
        raise NearMiss(
            "a row sees no key, and its scores are hidden by a finite number: it is uniform there "
            "and 0 in fa.attention",
            finite,
        )
    seen = _narrowed(seen)
    if not seen.all():
        if seen.shape[:2] == (1, 1):
            found.mask = named(np.broadcast_to(seen[0, 0], extents[2:]))
        if found.mask is None:
            found.seen = seen
    return found


def _narrowed(seen: AnyArray) -> AnyArray:
    """What is seen, once for batches and heads that see the same."""
    for axis in (0, 1):
        first = seen[:1] if axis == 0 else seen[:, :1]
        if (seen == first).all():
            seen = first
    return seen


def _placed(places: Places, values: AnyArray, dims: Dims, node: Node) -> AnyArray:
    arranged = places.arrange(values, dims)
    if arranged is None:
        raise NearMiss("a mask has a dimension that scores do not have", node)
    return arranged


def _conditions(match: Match, node: Node, dims: Dims, seen: bool) -> list[Runtime]:
    """A condition in parts that all must hold for a key to be seen: those that are known apart from
    those that are not. `seen` is what the condition is for keys that are seen."""
    node, dims = based(match, node, dims)
    if node.kind == "not":
        return _conditions(match, node.args[0], dims, not seen)
    if node.kind == ("and" if seen else "or") and known_values(node) is None:
        parts = [_conditions(match, arg, dims, seen) for arg in node.args]
        return [part for each in parts for part in each]
    return [Runtime(node, dims, True, not seen)]


def _visible(match: Match, part: Runtime) -> Runtime:
    """A condition that is a tensor of the function."""
    node = part.node
    if node.value is None or not isinstance(node.element, IntegerType):
        raise NearMiss("a mask is computed in another function", node)
    return part


def _added(
    match: Match, places: Places, each: Added, found: Masking, seen: AnyArray
) -> tuple[AnyArray, bool]:
    """Note what is added to scores; what is seen then, and whether a finite number hides."""
    if number_of(each.node) is not None:
        # The same for all keys: it cancels out.
        return seen, False
    node, dims = based(match, each.node, each.dims, widened=True)
    values = known_values(node)
    if values is None:
        if node.value is None or not isinstance(node.element, ELEMENTS):
            raise NearMiss("what is added to scores is no float tensor of this function", each.node)
        if each.negative:
            raise NearMiss("a tensor is subtracted from scores", each.node)
        found.runtime.append(Runtime(node, dims, False))
        return seen, False
    numbers = _placed(places, -values if each.negative else values, dims, each.node)
    numbers = numbers.astype(np.float64)
    hides = numbers <= HIDES
    rest = np.where(hides, 0, numbers)
    if rest.any():
        found.bias = rest if found.bias is None else found.bias + rest
    return seen & ~hides, bool((hides & np.isfinite(numbers) & (numbers > -3.5e38)).any())

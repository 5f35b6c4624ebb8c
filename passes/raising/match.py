"""softmax(Q K^T) V among neutral operations, in whatever order and shape it is written.

From the product with V backwards: probabilities, exponentials, scores with what is done to them,
the product of Q and K, and what these three are views of. Each tensor's dimensions are followed
in atoms (`axes`), so that what is asked is never the rank or the place of a dimension, but whether
it is one of batches and heads, of queries, of keys, or summed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type
from xdsl.ir import Attribute

from ...dialects.foreign.graph import UNARY, AnyArray, Node, evaluate, in_order, is_constant
from .axes import VIEWS, Axes, Dim, Dims, is_form, stripped
from .near_miss import NearMiss

HIDES = -1e4
"""A finite number up to which what is filled in, or added, hides a key: exp of it is 0."""

ELEMENTS = (BFloat16Type, Float16Type, Float32Type)


@dataclass
class Operand:
    """A tensor of the function that an operand of attention is a view of, in its own dimensions."""

    node: Node
    dims: Dims
    factor: float = 1.0


@dataclass
class Added:
    """Something that is added to scores: a tensor, or known numbers."""

    node: Node
    dims: Dims
    negative: bool = False


@dataclass
class Hidden:
    """A condition under which scores are hidden: where `node` is `when`."""

    node: Node
    dims: Dims
    when: bool
    finite: bool


@dataclass
class Match:
    """What was found of an attention."""

    output: Node
    output_dims: Dims
    axes: Axes
    query: Operand
    key: Operand
    value: Operand
    score_dims: Dims
    keys: Dim
    summed: Dim
    free: list[Dim]
    factor: float
    softcap: float | None
    added: list[Added]
    hidden: list[Hidden]
    visited: list[Node] = field(default_factory=list[Node])


Quotient = tuple[Node, Dims]
"""A division of a product with V, and the dimensions of its result."""


def find(product: Node, quotient: Callable[[Dims, Axes], Quotient | None]) -> Match | None:
    """The attention whose last product is `product`; None where nothing looks like one.

    `quotient` finds what the product is divided by, given its dimensions, where exponentials are
    divided by their sums behind V.

    Raises NearMiss where something does, and is not.
    """
    a, b = product.args
    for probabilities, values, swapped in ((a, b, False), (b, a, True)):
        if _looks_like_softmax(probabilities):
            return _Finder(product, probabilities, values, swapped, quotient).match()
    return None


def _looks_like_softmax(node: Node) -> bool:
    """Whether a tensor is made of exponentials of scores, which are a product, and of their sums;
    or is the exponentials themselves."""
    if _above_exp(node):
        return _exponentials(node, 0)
    return _exponentials(node, 0) and _sums(node)


_BESIDE = (*VIEWS, "convert", "add", "sub", "mul", "div", "select", "max", "min", "slice", "concat")
"""What keeps the elements of probabilities apart."""


def _exponentials(node: Node, depth: int) -> bool:
    """Whether exponentials of a product are not far behind a tensor, element by element."""
    if node.kind in ("exp", "exp2"):
        return _has_product(node.args[0])
    if depth == 12 or node.kind not in _BESIDE:
        return False
    return any(_exponentials(arg, depth + 1) for arg in node.args)


def _sums(node: Node, depth: int = 0) -> bool:
    """Whether sums of exponentials are not far behind a tensor."""
    if node.kind == "reduce":
        return _exponentials(node.args[0], 0)
    if depth == 16 or node.kind not in (*_BESIDE, "reciprocal"):
        return False
    return any(_sums(arg, depth + 1) for arg in node.args)


def _above_exp(node: Node) -> bool:
    """Whether a factor is the exponentials, rather than the sum that they are divided by."""
    for _ in range(16):
        if node.kind in ("exp", "exp2"):
            return True
        if node.kind in (*VIEWS, "convert"):
            node = node.args[0]
        elif node.kind == "select":
            node = node.args[1] if not is_number(node.args[1]) else node.args[2]
        else:
            return False
    return False


def _has_product(node: Node, depth: int = 40) -> bool:
    """Whether a product of two tensors that are not known is not far behind a tensor."""
    if node.kind == "contract":
        return True
    if depth == 0 or not (node.kind in _PASSED or node.kind in UNARY):
        return False
    return any(_has_product(arg, depth - 1) for arg in node.args)


_PASSED = (
    *VIEWS, "convert", "add", "sub", "mul", "div", "select", "tanh", "neg", "max", "min", "slice",
    "concat",
)  # fmt: skip
"""What may stand between a product and the exponentials."""


def is_number(node: Node) -> bool:
    """Whether a tensor is one known number everywhere."""
    return number_of(node) is not None


def number_of(node: Node) -> float | None:
    """The number that a tensor holds everywhere; None where it is none."""
    while node.kind in (*VIEWS, "convert"):
        node = node.args[0]
    if not is_constant(node) or np.prod(node.shape, dtype=np.int64) > 1 << 24:
        return None
    values = evaluate(node)
    if values.size == 0:
        return None
    first = values.flat[0]
    same = bool((values == first).all()) or (
        values.dtype.kind == "f" and bool(np.isnan(values).all())
    )
    return float(first) if same else None


class _Finder:
    """One attempt at an attention."""

    def __init__(
        self,
        product: Node,
        probabilities: Node,
        values: Node,
        swapped: bool,
        quotient: Callable[[Dims, Axes], Quotient | None],
    ):
        self.product = self.output = product
        self.quotient = quotient
        self.axes = Axes()
        first, second, out = product.data
        extents = dict(zip((*first, *second), (*product.args[0].shape, *product.args[1].shape),
                           strict=True))  # fmt: skip
        self.labels = {label: self.axes.fresh(extent) for label, extent in extents.items()}
        p_labels, v_labels = (second, first) if swapped else (first, second)
        self.p_dims: Dims = tuple(self.labels[label] for label in p_labels)
        self.v_dims: Dims = tuple(self.labels[label] for label in v_labels)
        self.out_dims: Dims = tuple(self.labels[label] for label in out)
        self.sum_labels = [label for label in p_labels if label in v_labels and label not in out]
        self.probabilities, self.values = probabilities, values
        self.factor = 1.0
        self.softcap: float | None = None
        self.added: list[Added] = []
        self.hidden: list[Hidden] = []
        self.visited: list[Node] = [product]
        self.score_dims: Dims = ()

    @property
    def keys(self) -> Dim:
        """The atoms of the keys."""
        return self.axes.all([self.labels[label] for label in self.sum_labels])

    def match(self) -> Match:
        """The attention. Raises NearMiss."""
        exponentials, dims = self._normalized(self.probabilities, self.p_dims)
        scores, dims = self._unshifted(exponentials, dims)
        self.score_dims = dims
        product, dims = self._scores(scores, dims)
        return self._operands(product, dims)

    # Probabilities.

    def _view(self, node: Node, dims: Dims) -> tuple[Node, Dims] | None:
        """The operand of a view or a change of form, with its dimensions; None for others."""
        if is_form(node):
            return node.args[0], dims
        if node.kind not in VIEWS:
            return None
        behind = self.axes.behind(node, dims)
        if behind is None:
            raise NearMiss("a reshape mixes dimensions that attention keeps apart", node)
        return node.args[0], behind

    def _normalized(self, node: Node, dims: Dims) -> tuple[Node, Dims]:
        """The exponentials of probabilities, which are divided by their sums."""
        divided = False
        while True:
            self.visited.append(node)
            if (through := self._view(node, dims)) is not None:
                self._require_all(through[1], node)
                node, dims = through
            elif node.kind == "select":
                node = self._unguarded(node)
            elif node.kind in ("div", "mul") and any(map(_above_exp, node.args)) and not divided:
                node = self._over_sum(node, dims)
                divided = True
            elif node.kind == "exp":
                if not divided:
                    self._divided_behind(node, dims)
                return node, dims
            elif node.kind == "exp2":
                raise NearMiss("the softmax is one to the base 2", node)
            else:
                raise NearMiss(f"probabilities go through {said(node)} before they reach V", node)

    def _divided_behind(self, exponentials: Node, dims: Dims) -> None:
        """Take the quotient of product and sums for the result. Raises NearMiss without one."""
        found = self.quotient(self.out_dims, self.axes)
        if found is None:
            raise NearMiss("the exponentials are not divided by their sums", exponentials)
        self.output, self.out_dims = found
        self._check_total(self.output, self.output.args[1], self.out_dims, exponentials, dims)

    def _require_all(self, dims: Dims, node: Node) -> None:
        """Scores and probabilities have a dimension for each query and key."""
        if not set(self.keys) <= set(self.axes.all(dims)):
            raise NearMiss("probabilities are the same for several keys", node)

    def _unguarded(self, node: Node) -> Node:
        """Probabilities of which rows that see no key are made 0."""
        condition, a, b = node.args
        kept, other = (b, a) if is_number(a) else (a, b)
        if number_of(other) != 0:
            raise NearMiss("a select puts something else in place of probabilities", node)
        if not _asks_for_empty_rows(condition):
            raise NearMiss(
                "probabilities are dropped where they are not of a row without keys", node
            )
        return kept

    def _over_sum(self, node: Node, dims: Dims) -> Node:
        """The exponentials that a division by their sums is of."""
        a, b = node.args
        if node.kind == "mul" and not _above_exp(a):
            a, b = b, a
        self._check_total(node, b, dims, a, dims)
        return a

    def _check_total(self, node: Node, total: Node, total_dims: Dims, a: Node, dims: Dims) -> None:
        """Check that what `node` divides by, or multiplies with, is the sums of `a`."""
        inverse = node.kind == "mul"
        while total.kind != "reduce":
            self.visited.append(total)
            if (through := self._view(total, total_dims)) is not None:
                total, total_dims = through
            elif total.kind == "reciprocal" and inverse:
                total, inverse = total.args[0], False
            elif total.kind == "div" and inverse and number_of(total.args[0]) == 1:
                total, inverse = total.args[1], False
            elif total.kind == "select":
                total = self._guarded_sum(total)
            elif total.kind == "max" and any(_tiny(arg) for arg in total.args):
                total = total.args[0] if _tiny(total.args[1]) else total.args[1]
            elif total.kind == "add":
                raise NearMiss("something is added to the sums of the exponentials", total)
            else:
                raise NearMiss("probabilities are divided by something else than their sums", node)
        if inverse:
            raise NearMiss("exponentials are multiplied by their sums", node)
        self.visited.append(total)
        kind, axes = total.data
        if kind != "add":
            raise NearMiss(f"exponentials are divided by their {said(total)}", total)
        self._check_sum(total, total_dims, axes, a, dims)

    def _guarded_sum(self, node: Node) -> Node:
        """Sums of which those that are 0 are made 1."""
        _, a, b = node.args
        if number_of(a) in (1.0, 0.0):
            return b
        if number_of(b) in (1.0, 0.0):
            return a
        raise NearMiss("a select puts something else in place of sums", node)

    def _check_sum(
        self, total: Node, dims: Dims, axes: Sequence[int], a: Node, a_dims: Dims
    ) -> None:
        """Check that sums are those of these exponentials along the keys."""
        source = total.args[0]
        summed = [self.axes.fresh(source.shape[axis]) for axis in axes]
        kept, full = list(dims), list[Dim]()
        for place in range(source.rank):
            full.append(summed.pop(0) if place in axes else kept.pop(0))
        fresh = self.axes.all([full[axis] for axis in axes])
        base, base_dims = self._root(source, tuple(full))
        other, other_dims = self._root(a, a_dims)
        if base is not other:
            raise NearMiss("the sums are not those of the exponentials", total)
        fresh, keys = self.axes.whole(fresh), self.keys
        renamed = dict(zip(fresh, keys, strict=False))
        have = tuple(renamed.get(atom, atom) for atom in self.axes.all(base_dims))
        if len(fresh) != len(keys) or have != self.axes.all(other_dims):
            raise NearMiss("the softmax runs along another dimension than that of the keys", total)

    def _root(self, node: Node, dims: Dims) -> tuple[Node, Dims]:
        """What a tensor is a view of."""
        while (through := self._view(node, dims)) is not None:
            node, dims = through
        return node, dims

    def _unshifted(self, node: Node, dims: Dims) -> tuple[Node, Dims]:
        """The scores of exponentials: what is the same for all keys of a row cancels out."""
        node = node.args[0]
        while (through := self._view(node, dims)) is not None:
            self.visited.append(node)
            node, dims = through
        if node.kind == "sub":
            shift, shift_dims = node.args[1], dims
            while not set(self.axes.all(shift_dims)).isdisjoint(self.keys):
                through = self._view(shift, shift_dims)
                if through is None:
                    return node, dims
                self.visited.append(shift)
                shift, shift_dims = through
            self.visited += [node, shift]
            return node.args[0], dims
        return node, dims

    # Scores.

    def _scores(self, node: Node, dims: Dims) -> tuple[Node, Dims]:
        """The product of Q and K; what is done to it on the way is noted."""
        while node.kind != "contract":
            self.visited.append(node)
            if (through := self._view(node, dims)) is not None:
                self._require_all(through[1], node)
                node, dims = through
                continue
            match node.kind:
                case "mul" | "div":
                    node = self._scaled(node)
                case "neg":
                    self.factor = -self.factor
                    node = node.args[0]
                case "add" | "sub":
                    node = self._with_added(node, dims)
                case "select":
                    node = self._with_hidden(node, dims)
                case "tanh":
                    node = self._capped(node)
                case _:
                    raise NearMiss(f"scores go through {said(node)}", node)
        self.visited.append(node)
        return node, dims

    def _scaled(self, node: Node) -> Node:
        a, b = node.args
        if (number := number_of(b)) is not None:
            kept = a
        elif node.kind == "mul" and (number := number_of(a)) is not None:
            kept = b
        else:
            raise NearMiss("scores are scaled by something that is not one known number", node)
        if number == 0 or not isfinite(number):
            raise NearMiss(f"scores are scaled by {number:g}", node)
        self.factor *= number if node.kind == "mul" else 1 / number
        return kept

    def _with_added(self, node: Node, dims: Dims) -> Node:
        a, b = node.args
        scores, other = (a, b) if _has_product(a) and not is_constant(a) else (b, a)
        if _has_product(a) and _has_product(b):
            scores, other = self._likelier(node)
        if node.kind == "sub" and scores is b:
            raise NearMiss("scores are subtracted from something", node)
        if self.factor != 1 and number_of(other) != 0:
            raise NearMiss("what is added to scores is scaled with them afterwards", node)
        if self.softcap is not None and number_of(other) != 0:
            raise NearMiss("something is added to scores before they are capped", node)
        self.added.append(Added(other, dims, node.kind == "sub"))
        return scores

    def _likelier(self, node: Node) -> tuple[Node, Node]:
        """Which of two operands that products are behind is the scores: the one of full shape."""
        a, b = node.args
        full = [_full(each) for each in (a, b)]
        if full == [True, False]:
            return a, b
        if full == [False, True]:
            return b, a
        raise NearMiss("scores are the sum of two products", node)

    def _with_hidden(self, node: Node, dims: Dims) -> Node:
        condition, a, b = node.args
        first, second = number_of(a), number_of(b)
        fill, kept, when = (first, b, True) if first is not None else (second, a, False)
        if fill is None:
            raise NearMiss("a select puts something else than one number in place of scores", node)
        if not fill <= HIDES:
            raise NearMiss(
                f"hidden scores are {fill:g}, which leaves keys their weight; {HIDES:g} and less "
                "hides them",
                node,
            )
        if self.softcap is not None:
            raise NearMiss("scores are hidden before they are capped", node)
        self.hidden.append(Hidden(condition, dims, when, isfinite(fill) and fill > -3.5e38))
        return kept

    def _capped(self, node: Node) -> Node:
        if self.softcap is not None:
            raise NearMiss("scores are capped twice", node)
        if self.factor <= 0:
            raise NearMiss(f"scores are capped at {self.factor:g}", node)
        self.softcap, self.factor = self.factor, 1.0
        return node.args[0]

    # Operands.

    def _operands(self, product: Node, dims: Dims) -> Match:
        first, second, out = product.data
        at = dict(zip(out, dims, strict=True))
        extents = dict(zip((*first, *second), (*product.args[0].shape, *product.args[1].shape),
                           strict=True))  # fmt: skip
        for label, extent in extents.items():
            at.setdefault(label, self.axes.fresh(extent))
        sides = [
            (node, tuple(at[label] for label in labels))
            for node, labels in zip(product.args, (first, second), strict=True)
        ]
        keys = set(self.keys)
        has = [bool(keys & set(self.axes.all(d))) for _, d in sides]
        if has == [True, True] or (keys and has == [False, False]):
            raise NearMiss("the keys are not a dimension of one of two operands", product)
        if not keys:
            has = [False, True]
        (query, q_dims), (key, k_dims) = sides if has[1] else reversed(sides)
        q_labels = first if has[1] else second
        shared = set(first) & set(second)
        free = [at[label] for label in out if label in q_labels and label not in shared]
        summed = tuple(at[label] for label in q_labels if label in shared and label not in out)
        q = self._source(query, q_dims, "queries")
        k = self._source(key, k_dims, "keys")
        v = self._source(self.values, self.v_dims, "values")
        match = Match(
            self.output, self.out_dims, self.axes, q, k, v, self.score_dims, self.keys,
            self.axes.all(summed), free, self.factor * q.factor * k.factor, self.softcap,
            self.added, self.hidden, self.visited,
        )  # fmt: skip
        if self.softcap is not None:
            match.factor *= self.softcap
        if v.factor != 1:
            raise NearMiss("values are scaled", self.values)
        return match

    def _source(self, node: Node, dims: Dims, what: str) -> Operand:
        """The farthest tensor of the function that an operand is a view of, or a multiple."""
        best: Operand | None = None
        factor = 1.0
        while True:
            if node.value is not None and isinstance(node.element, ELEMENTS):
                best = Operand(node, dims, factor)
            if node.kind in VIEWS:
                behind = self.axes.behind(node, dims)
                if behind is None:
                    break
                self.visited.append(node)
                node, dims = node.args[0], behind
            elif node.kind == "convert" and _wider(node.element, node.args[0].element):
                if what == "queries" and _keeps_result_wide(self.product, node):
                    break
                self.visited.append(node)
                node = node.args[0]
            elif node.kind in ("mul", "div") and what != "values":
                a, b = node.args
                number = number_of(b)
                if number is None and node.kind == "mul":
                    a, b, number = b, a, number_of(a)
                if number is None or number == 0 or not isfinite(number):
                    break
                self.visited.append(node)
                factor *= number if node.kind == "mul" else 1 / number
                node = a
            else:
                break
        if best is None:
            raise NearMiss(
                f"the {what} are no tensor of bf16, f16 or f32 of this function", self.product
            )
        return best


def _keeps_result_wide(product: Node, convert: Node) -> bool:
    """Whether queries are widened for a result that stays as wide."""
    return product.element == convert.element


def _wider(element: Attribute, than: Attribute) -> bool:
    return isinstance(element, Float32Type) and isinstance(than, BFloat16Type | Float16Type)


def _tiny(node: Node) -> bool:
    """Whether a tensor is a number that sums of exponentials are kept from 0 by."""
    number = number_of(node)
    return number is not None and 0 <= number < 1e-6


def _full(node: Node) -> bool:
    """Whether nothing in front of the product that a tensor comes from widens it."""
    while node.kind in ("convert", "transpose", "reshape"):
        node = node.args[0]
    return node.kind != "broadcast"


def _asks_for_empty_rows(node: Node) -> bool:
    """Whether a condition asks which rows see no key, or which numbers are none."""
    asked = False
    pending, seen = [node], set[Node]()
    while pending:
        each = pending.pop()
        if each in seen:
            continue
        seen.add(each)
        if each.kind in ("is_nan", "is_inf", "is_finite"):
            asked = True
        elif each.kind == "compare":
            a, b = each.args
            itself = stripped(a) is stripped(b) and each.data in ("ne", "eq")
            infinite = each.data in ("eq", "ne", "gt", "le") and any(
                number_of(x) == -np.inf for x in (a, b)
            )
            if not (itself or infinite):
                return False
            asked = True
        elif each.kind in ("reduce", "not", "and", "or", *VIEWS, "convert", "select", "xor"):
            pending += each.args
        elif each.kind not in ("constant", "iota"):
            return False
    return asked


def said(node: Node) -> str:
    """What an operation is called, for a message."""
    if node.kind == "reduce":
        return {"max": "maximum", "add": "sum"}.get(node.data[0], f"reduction by {node.data[0]}")
    return {"leaf": "an operation that is not known", "max": "a maximum", "min": "a minimum"}.get(
        node.kind, f"'{node.kind}'"
    )


def known_values(node: Node) -> AnyArray | None:
    """The values of a tensor that depends on nothing; None where it does, or is too large."""
    if np.prod(node.shape, dtype=np.int64) > 1 << 28 or not is_constant(node):
        return None
    return evaluate(node)


def leaves_of(node: Node) -> list[Node]:
    """What a tensor depends on."""
    return [each for each in in_order(node, {}) if each.kind == "leaf"]

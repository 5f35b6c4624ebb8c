"""Which attentions a module computes, written into the module when they are tiled.

`fa.problem` on the module is an array with a dictionary for each `fa.attention`, in order: batch,
q_heads, kv_heads, q_len, kv_len, head_dim, value_dim, and what is seen: the mask where there is
one, or where a function hides keys how many are seen (`seen`, ascending) by how many rows (`rows`),
and by any (`keys`). `bounded` says that scores are known to be small (a soft cap, `score_bound`),
so that no row need have its maximum. So a kernel that went from tool to tool can still be compared
with what it has to do (`machine/cost/lower_bounds.py`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from ...machine.cost.lower_bounds import Problem, problem
from ...machine.numerics.bounded_scores import HIGHEST
from ..discardable_attrs import attribute_of
from ..json_attr import encode
from .attention import AttentionOp
from .masks import MaskAttr, verify_mask
from .type_access import tensor_dims

KEY = "fa.problem"

GROUPED = "fa.grouped_heads"
"""The attribute of an `fa.attention` whose problem is on record as it was before its heads were
grouped (`group-heads`)."""

Extents = tuple[int, int, int, int, int, int, int]
"""The first fields of a problem."""

_EXTENTS = ("batch", "q_heads", "kv_heads", "q_len", "kv_len", "head_dim", "value_dim")

MOST_ELEMENTS = 1 << 32
"""Of a tensor of an attention: as many as the host handles (`machine/host/recipe_shape.py`)."""

MOST_ROWS = 1 << 20
"""Queries of a mask, of all batches where they differ: each is asked what it sees."""

_SHOWN = ("mask", "seen", "rows", "keys", "bounded")
"""What else an entry may say."""


def extents_of(op: AttentionOp) -> Extents:
    """The extents of an attention of static shape."""
    query, key, value = (tensor_dims(each) for each in (op.query, op.key, op.value))
    return query[0], query[1], key[1], query[2], key[2], query[3], value[3]


def too_large(extents: Extents, mask: MaskAttr | None = None) -> str | None:
    """Why an attention is more than can be handled, or None if it is not."""
    batch, q_heads, kv_heads, q_len, kv_len, head_dim, value_dim = extents
    shapes = {
        "queries": (batch, q_heads, q_len, head_dim),
        "keys": (batch, kv_heads, kv_len, head_dim),
        "values": (batch, kv_heads, kv_len, value_dim),
        "results": (batch, q_heads, q_len, value_dim),
    }
    for what, shape in shapes.items():
        if prod(shape) > MOST_ELEMENTS:
            extent = "x".join(map(str, shape))
            return f"{what} of {extent} elements are more than can be handled, {MOST_ELEMENTS:,}"
    rows = 0 if mask is None else q_len * (batch if mask.batched else 1)
    if rows > MOST_ROWS:
        return f"a mask of {rows:,} queries is more than can be handled, {MOST_ROWS:,}"
    return None


@lru_cache(maxsize=16)
def masked_problem(extents: Extents, mask: MaskAttr | None) -> Problem:
    """The problem of an attention with a mask, resolved, and no function that hides keys."""
    batch, q_heads, kv_heads, q_len, kv_len, _, _ = extents
    if mask is None:
        return Problem(*extents, {kv_len: batch * q_heads * q_len}, batch * kv_heads * kv_len)

    def keys(b: int, query: int) -> tuple[int, int]:
        first, last = mask.keys(b, query)
        return max(0, min(first, kv_len)), max(0, min(last, kv_len))

    if mask.batched:
        return problem(extents, [[keys(b, query) for query in range(q_len)] for b in range(batch)])
    one = problem(extents, [[keys(0, query) for query in range(q_len)]])
    rows = {seen: batch * count for seen, count in one.rows.items()}
    return Problem(*extents, rows, batch * one.keys)


def record_problem(module: ModuleOp, op: AttentionOp, counted: Problem | None = None) -> None:
    """Add the problem of `op`, of static shape, to those of the module.

    `counted` is that problem where a function hides keys: nothing smaller than its counts says what
    it shows. Raises OpError for an attention that is too large.
    """
    reason = too_large(extents_of(op), op.resolved_mask)
    if reason is not None:
        raise OpError(op, reason)
    entry: dict[str, Attribute] = {
        name: encode(extent) for name, extent in zip(_EXTENTS, extents_of(op), strict=True)
    }
    if counted is not None:
        seen, rows = list(counted.rows), list(counted.rows.values())
        entry["seen"] = DenseArrayBase.from_list(i64, seen)
        entry["rows"] = DenseArrayBase.from_list(i64, rows)
        entry["keys"] = encode(counted.keys)
    elif (mask := op.resolved_mask) is not None:
        entry["mask"] = mask
    if is_bounded(op):
        entry["bounded"] = UnitAttr()
    module.attributes[KEY] = ArrayAttr([*_recorded(module), DictionaryAttr(entry)])


def is_bounded(op: AttentionOp) -> bool:
    """Whether a kernel may do without the maxima of rows, if there are not too many keys."""
    return op.bound is not None and op.bound <= HIGHEST


def _recorded(module: ModuleOp) -> tuple[Attribute, ...]:
    """The entries of the attribute. Raises OpError where it is not what passes write."""
    recorded = attribute_of(module, KEY)
    return recorded.data if isa(recorded, ArrayAttr[Attribute]) else ()


def problems_of(module: ModuleOp) -> tuple[Problem, ...]:
    """The problems that a module names; none where it names none. Raises OpError."""
    return tuple(_problem(entry) for entry in _recorded(module))


def check_problems(attribute: Attribute) -> None:
    """Raise VerifyException where an attribute is no list of problems."""
    if not isa(attribute, ArrayAttr[Attribute]):
        raise VerifyException(f"{KEY} must be a list of attentions, got {attribute}")
    for entry in attribute:
        _parts(entry)


def _problem(entry: Attribute) -> Problem:
    """The problem of an entry. Raises VerifyException where it is none."""
    extents, mask, counts = _parts(entry)
    assert isinstance(entry, DictionaryAttr)
    bounded = "bounded" in entry.data
    if counts is not None:
        seen, rows, keys = counts
        return Problem(*extents, dict(zip(seen, rows, strict=True)), keys, bounded)
    resolved = None if mask is None else mask.resolved(extents[3], extents[4])
    return replace(masked_problem(extents, resolved), bounded=bounded)


Counts = tuple[list[int], list[int], int]
"""How many keys are seen, by how many rows each, and the keys that are seen by any."""


def _parts(entry: Attribute) -> tuple[Extents, MaskAttr | None, Counts | None]:
    """What an entry holds. Raises VerifyException where that is no problem."""
    if not isinstance(entry, DictionaryAttr):
        raise VerifyException(f"an entry of {KEY} must be a dictionary, got {entry}")
    batch, q_heads, kv_heads, q_len, kv_len, head_dim, value_dim = (
        _number(entry, name, 1) for name in _EXTENTS
    )
    extents = (batch, q_heads, kv_heads, q_len, kv_len, head_dim, value_dim)
    if q_heads % kv_heads:
        raise VerifyException(
            f"{KEY}: q_heads must be a multiple of kv_heads, got {q_heads} and {kv_heads}"
        )
    unknown = sorted(set(entry.data) - {*_EXTENTS, *_SHOWN})
    if unknown:
        known = ", ".join((*_EXTENTS, *_SHOWN))
        raise VerifyException(f"an entry of {KEY} has no {unknown[0]}; there are {known}")
    bounded = entry.data.get("bounded")
    if not isinstance(bounded, UnitAttr | None):
        raise VerifyException(f"{KEY}: bounded takes no value, got {bounded}")
    if "seen" in entry.data:
        seen, rows = _numbers(entry, "seen"), _numbers(entry, "rows")
        if len(seen) != len(rows):
            raise VerifyException(
                f"{KEY}: seen and rows go together, got {len(seen)} and {len(rows)} numbers"
            )
        return extents, None, (seen, rows, _number(entry, "keys", 0))
    mask = entry.data.get("mask")
    if mask is not None:
        verify_mask(mask, batch, kv_len)
        assert isinstance(mask, MaskAttr)
    reason = too_large(extents, mask)
    if reason is not None:
        raise VerifyException(f"{KEY}: {reason}")
    return extents, mask, None


def _number(entry: DictionaryAttr, name: str, least: int) -> int:
    """An integer of an entry that is at least `least`."""
    attribute = entry.data.get(name)
    if not isinstance(attribute, IntegerAttr) or attribute.value.data < least:
        raise VerifyException(
            f"{KEY}: {name} must be an integer of at least {least}, got {attribute}"
        )
    return attribute.value.data


def _numbers(entry: DictionaryAttr, name: str) -> list[int]:
    """The counts of an entry, none of them negative."""
    attribute = entry.data.get(name)
    values = list(attribute.get_values()) if isa(attribute, DenseArrayBase[IntegerType]) else None
    if values is None or any(value < 0 for value in values):
        raise VerifyException(f"{KEY}: {name} must be an array of counts, got {attribute}")
    return values

"""Which attentions a module computes, written into the module when they are tiled.

`fa.problem` on the module is an array with a dictionary for each `fa.attention`, in order: batch,
q_heads, kv_heads, q_len, kv_len, head_dim, value_dim, and the mask where there is one. So a kernel
that went from tool to tool can still be compared with what it has to do (`machine/bounds.py`).
"""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.ir import Attribute
from xdsl.utils.hints import isa

from ..machine.bounds import Problem, problem
from .fa_attention import AttentionOp
from .fa_masks import MaskAttr
from .fa_values import tensor_dims
from .json_attr import decode, encode

KEY = "fa.problem"

GROUPED = "fa.grouped_heads"
"""The attribute of an `fa.attention` whose problem is on record as it was before its heads were
grouped (`group-heads`)."""

_Shape = tuple[int, int, int, int, int, int, int]

_EXTENTS = ("batch", "q_heads", "kv_heads", "q_len", "kv_len", "head_dim", "value_dim")


def problem_of(op: AttentionOp) -> Problem:
    """The problem of an attention of static shape."""
    mask = op.resolved_mask if isinstance(op.mask, MaskAttr) else None
    return _problem(_shape(op), mask)


def _shape(op: AttentionOp) -> _Shape:
    query, key, value = (tensor_dims(each) for each in (op.query, op.key, op.value))
    return query[0], query[1], key[1], query[2], key[2], query[3], value[3]


def record_problem(module: ModuleOp, op: AttentionOp) -> None:
    """Add the problem of `op`, of static shape, to those of the module."""
    extents = _shape(op)
    entry: dict[str, Attribute] = {
        name: encode(extent) for name, extent in zip(_EXTENTS, extents, strict=True)
    }
    if isinstance(op.mask, MaskAttr):
        entry["mask"] = op.resolved_mask or op.mask
    module.attributes[KEY] = ArrayAttr([*_recorded(module), DictionaryAttr(entry)])


def _recorded(module: ModuleOp) -> tuple[Attribute, ...]:
    """The entries of the attribute."""
    recorded = module.attributes.get(KEY)
    return recorded.data if isa(recorded, ArrayAttr[Attribute]) else ()


def problems_of(module: ModuleOp) -> tuple[Problem, ...]:
    """The problems that a module names; none where it names none or what is there is no problem."""
    found: list[Problem] = []
    for entry in _recorded(module):
        extents = _extents(entry)
        if extents is None or not isinstance(entry, DictionaryAttr):
            return ()
        mask = entry.data.get("mask")
        found.append(_problem(extents, mask if isinstance(mask, MaskAttr) else None))
    return tuple(found)


def _extents(entry: Attribute) -> _Shape | None:
    """The extents of an entry of the attribute; None where it is none."""
    if not isinstance(entry, DictionaryAttr):
        return None
    values: list[int] = []
    for name in _EXTENTS:
        attribute = entry.data.get(name)
        value = None if attribute is None else decode(attribute)
        if not isinstance(value, int) or value < 1:
            return None
        values.append(value)
    first, second, third, fourth, fifth, sixth, seventh = values
    return first, second, third, fourth, fifth, sixth, seventh


def _problem(extents: _Shape, mask: MaskAttr | None) -> Problem:
    batch, _, _, q_len, kv_len, _, _ = extents
    if mask is None:
        return problem(extents, [[(0, kv_len)] * q_len] * batch)

    def keys(b: int, query: int) -> tuple[int, int]:
        first, last = mask.keys(b, query)
        return max(0, min(first, kv_len)), max(0, min(last, kv_len))

    if not mask.batched:
        return problem(extents, [[keys(0, query) for query in range(q_len)]] * batch)
    return problem(extents, [[keys(b, query) for query in range(q_len)] for b in range(batch)])

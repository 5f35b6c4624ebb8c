"""`group-heads`: the query heads that read one KV head as rows of one tile.

Precondition: `fa.attention` on tensors. Postcondition: where several query heads read a KV head,
queries are reshaped by the host so that there is one head for each KV head, whose rows are those of
the whole group (`fa.grouped`); the results are shaped back. Keys and values are then loaded once
for all heads of a tile, and a decode step has rows enough for the batched instructions. A tile has
the heads of the whole group, or where they do not fit of a part of it, as many as fit. Attention
whose scores depend on the head otherwise (bias, score functions, sinks) or are a result stays as it
is, and so does one of which parts gain nothing: the function's attribute `fa.ungrouped` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.discardable_attrs import UNGROUPED
from ...dialects.fa.masks import GroupedAttr
from ...dialects.fa.problem_attr import GROUPED, record_problem
from ...dialects.machine_attr import settle_machine
from ..masks.run_time_masks import refuse_masks, sees_all
from .head_grouping import HeadGroup, Rows, group


@dataclass(frozen=True)
class GroupHeadsPass(ModulePass):
    """Query heads of a group as rows."""

    name = "group-heads"

    parts: int | None = None
    """Parts that the heads of a group are cut into, each of which shares tiles. By default as few
    as fit; a number that is not possible is an error."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for attention in [inner for inner in op.walk() if isinstance(inner, fa.AttentionOp)]:
            refuse_masks(attention)
            grouped = attribute_of(attention, GROUPED) is not None
            if grouped and self.parts is None:
                continue
            heads = fa.tensor_dims(attention.query)[1] // fa.tensor_dims(attention.key)[1]
            q, v = fa.tensor_dims(attention.query), fa.tensor_dims(attention.value)
            rows = Rows(machine, heads, q[2], v[2], q[3], v[3], attention.lse is not None)
            if grouped:
                found = "heads are grouped already"
            elif heads < 2:
                found = "every query head has keys and values of its own"
            elif not attention.heads_alike:
                found = "heads differ in more than their queries"
            else:
                found = group(rows, self.parts)
            if isinstance(found, HeadGroup):
                record_problem(op, attention)
                _group(attention, found)
            elif self.parts is not None:
                raise OpError(
                    attention,
                    f"parts={self.parts} is not possible here: {found}{_nearest(attention, rows)}",
                )
            elif heads > 1:
                _note(attention, found)


def _nearest(op: fa.AttentionOp, rows: Rows) -> str:
    """What would be right in place of a number of parts."""
    found = group(rows) if rows.heads > 1 and op.heads_alike else ""
    if isinstance(found, HeadGroup):
        return f"; parts={found.parts} is"
    return "; leave group-heads out"


def _note(op: fa.AttentionOp, reason: str) -> None:
    """Write down at the function why heads stay apart."""
    function = op.parent_op()
    if isinstance(function, func.FuncOp):
        function.attributes[UNGROUPED] = StringAttr(reason)


def _group(op: fa.AttentionOp, groups: HeadGroup) -> None:
    """Replace an attention by one on grouped heads."""
    batch, heads, queries, dim = fa.tensor_dims(op.query)
    kv_heads = fa.tensor_dims(op.key)[1]
    padded, point = groups.blocks * groups.block, InsertPoint.before(op)
    split = (batch, kv_heads, groups.heads, groups.blocks, groups.block)
    given = (batch, kv_heads, heads // kv_heads, padded)

    def add(new: Operation) -> SSAValue:
        new.location = op.location
        Rewriter.insert_op(new, point)
        return new.results[0]

    value: SSAValue = op.query
    if padded != queries:
        value = add(fa.PadOp(value, (batch, heads, padded, dim)))
    if given != (*split[:3], padded):
        value = add(fa.ReshapeOp(value, (*given, dim)))
        value = add(fa.PadOp(value, (*split[:3], padded, dim)))
    value = add(fa.ReshapeOp(value, (*split, dim)))
    value = add(fa.TransposeOp(value, (0, 1, 3, 2, 4, 5)))
    value = add(fa.ReshapeOp(value, (batch, kv_heads, groups.rows, dim)))
    mask = None if op.lengths is not None and sees_all(op) else op.resolved_mask
    if mask is not None:
        mask = GroupedAttr.get(groups.heads, groups.block, queries, mask)
    new = fa.AttentionOp(
        value,
        op.key,
        op.value,
        lengths=op.lengths,
        mask=mask,
        scale=op.factor,
        softcap=op.cap,
        lse=op.lse is not None,
        score_bound=op.promised,
    )
    new.attributes.update(op.attributes)
    new.attributes[GROUPED] = IntegerAttr(groups.tile_rows, i64)
    add(new)
    for old, result in zip(op.results, new.results, strict=True):
        rest = fa.tensor_dims(old)[3:]
        order = (0, 1, 3, 2, 4, *([5] if rest else []))
        back = add(
            fa.ReshapeOp(
                result, (batch, kv_heads, groups.blocks, groups.heads, groups.block, *rest)
            )
        )
        back = add(fa.TransposeOp(back, order))
        if given != (*split[:3], padded):
            back = add(fa.ReshapeOp(back, (*split[:3], padded, *rest)))
            back = add(fa.CropOp(back, (*given, *rest)))
        back = add(fa.ReshapeOp(back, (batch, heads, padded, *rest)))
        if padded != queries:
            back = add(fa.CropOp(back, (batch, heads, queries, *rest)))
        old.replace_all_uses_with(back)
    Rewriter.erase_op(op)

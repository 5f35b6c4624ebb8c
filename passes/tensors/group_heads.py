"""`group-heads`: the query heads that read one KV head as rows of one tile.

Precondition: `fa.attention` on tensors. Postcondition: where several query heads read a KV head,
queries are reshaped by the host so that there is one head for each KV head, whose rows are those of
the whole group (`fa.grouped`); the results are shaped back. Keys and values are then loaded once
for all heads of a group, and a decode step has rows enough for the batched instructions. Attention
whose scores depend on the head otherwise (bias, score functions, sinks) or are a result stays as it
is.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import fa
from ...dialects.fa.masks import GroupedAttr
from ...dialects.fa.problem_attr import GROUPED, record_problem
from ...dialects.machine_attr import settle_machine
from .head_grouping import HeadGroup, group


@dataclass(frozen=True)
class GroupHeadsPass(ModulePass):
    """Query heads of a group as rows."""

    name = "group-heads"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        for attention in [inner for inner in op.walk() if isinstance(inner, fa.AttentionOp)]:
            heads = fa.tensor_dims(attention.query)[1] // fa.tensor_dims(attention.key)[1]
            if heads < 2 or not attention.heads_alike:
                continue
            q, v = fa.tensor_dims(attention.query), fa.tensor_dims(attention.value)
            lse = attention.lse is not None
            groups = group(machine, heads, q[2], v[2], q[3], v[3], lse)
            if groups is not None:
                record_problem(op, attention)
                _group(attention, groups)


def _group(op: fa.AttentionOp, groups: HeadGroup) -> None:
    """Replace an attention by one on grouped heads."""
    batch, heads, queries, dim = fa.tensor_dims(op.query)
    kv_heads = fa.tensor_dims(op.key)[1]
    padded, point = groups.blocks * groups.block, InsertPoint.before(op)
    split = (batch, kv_heads, groups.heads, groups.blocks, groups.block)

    def add(new: Operation) -> SSAValue:
        new.location = op.location
        Rewriter.insert_op(new, point)
        return new.results[0]

    value: SSAValue = op.query
    if padded != queries:
        value = add(fa.PadOp(value, (batch, heads, padded, dim)))
    value = add(fa.ReshapeOp(value, (*split, dim)))
    value = add(fa.TransposeOp(value, (0, 1, 3, 2, 4, 5)))
    value = add(fa.ReshapeOp(value, (batch, kv_heads, groups.rows, dim)))
    mask = op.resolved_mask
    if mask is not None:
        mask = GroupedAttr.get(groups.heads, groups.block, queries, mask)
    new = fa.AttentionOp(
        value,
        op.key,
        op.value,
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
        back = add(fa.ReshapeOp(back, (batch, heads, padded, *rest)))
        if padded != queries:
            back = add(fa.CropOp(back, (batch, heads, queries, *rest)))
        old.replace_all_uses_with(back)
    Rewriter.erase_op(op)

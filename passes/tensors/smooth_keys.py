"""`smooth-keys`: keys less their mean, so that low precision is spent on how they differ.

Precondition: `fa.attention` on tensors, or tile IR before `map`. Postcondition: keys go
through `mx.center` along the tokens, in float32. Scores of a query all shift by the same amount,
which softmax does not see: results are the same in exact arithmetic. What else sees scores would
change, so functions with a logsumexp or scores as a result, a soft cap, a score function, sinks or
a bound of scores are refused. The host does the work when it packs arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.passes import ModulePass

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.mx import CenterOp, block_format
from ..support.operand_roles import operands
from .insert_preparation import prepare


@dataclass(frozen=True)
class SmoothKeysPass(ModulePass):
    """Subtract the mean key of each head."""

    name = "smooth-keys"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            for inner in function.walk():
                what = _sees_scores(inner)
                if what is not None:
                    raise OpError(
                        inner,
                        f"without the mean key the scores shift, and {what} would see that; leave "
                        "out smooth-keys",
                    )
            keys = [reader for reader in operands(function) if reader.role == "k"]
            for reader in keys:
                if block_format(reader.value.type) is not None:
                    raise OpError(
                        reader.op, "the keys are quantized already; smooth-keys comes before"
                    )
            prepare(keys, _center, "centred")


def _sees_scores(op: Operation) -> str | None:
    """What of an operation depends on scores otherwise than through softmax."""
    if isinstance(op, fa.AttentionOp):
        parts = (
            ("the logsumexp", op.logsumexp is not None),
            ("the soft cap", op.softcap is not None),
            ("the score function", op.score_mod is not None),
            ("the sinks", op.sinks is not None),
            ("the bound of scores", op.score_bound is not None),
            ("the scores as a result", op.qk is not None and op.qk.data != "softmax"),
        )
        return next((what for what, there in parts if there), None)
    if isinstance(op, fa.LogsumexpOp):
        return "the logsumexp"
    if isinstance(op, fa.SoftmaxOp | fa.OnlineSoftmaxOp) and op.bounded is not None:
        return "the bound of scores"
    if isinstance(op, fa.SinkOp):
        return "the sinks"
    if isinstance(op, fa.MapOp):
        return "the function of scores"
    if isinstance(op, fa.StoreOp) and _holds_scores(op.tile) and _is_result(op.target):
        return "the scores as a result"
    return None


def _holds_scores(tile: SSAValue) -> bool:
    """Whether a tile is one of scores, masked or with a bias added perhaps."""
    while isinstance(tile, OpResult):
        if isinstance(tile.op, fa.ScoresOp):
            return True
        if not isinstance(tile.op, fa.MaskOp | fa.AccumulateOp | fa.CopyOp):
            return False
        tile = tile.op.operands[0]
    return False


def _is_result(buffer: SSAValue) -> bool:
    return any(isinstance(use.operation, fa.ResultOp) for use in buffer.uses)


def _center(value: SSAValue) -> CenterOp:
    dims = fa.tensor_dims(value)
    return CenterOp(value, len(dims) - 2, TensorType(f32, dims))

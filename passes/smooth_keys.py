"""`smooth-keys`: keys less their mean, so that low precision is spent on how they differ.

Precondition: `fa.attention` on tensors, or tile IR before `quantize`. Postcondition: keys go
through `mx.center` along the tokens, in float32. Scores of a query all shift by the same amount,
which softmax does not see: results are the same in exact arithmetic. A logsumexp would change, so
functions that give one are refused. The host does the work when it packs arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ..diagnostics import OpError
from ..dialects import fa
from ..dialects.mx import CenterOp, block_format
from .prepare import prepare
from .roles import operands


@dataclass(frozen=True)
class SmoothKeysPass(ModulePass):
    """Subtract the mean key of each head."""

    name = "smooth-keys"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            for inner in function.walk():
                has_lse = isinstance(inner, fa.AttentionOp) and inner.logsumexp is not None
                if has_lse or isinstance(inner, fa.LogsumexpOp):
                    raise OpError(
                        inner,
                        "without the mean key the scores shift, and with them the logsumexp that "
                        "this function gives; leave out smooth-keys, or the logsumexp",
                    )
            keys = [reader for reader in operands(function) if reader.role == "k"]
            for reader in keys:
                if block_format(reader.value.type) is not None:
                    raise OpError(
                        reader.op, "the keys are quantized already; smooth-keys comes before"
                    )
            prepare(keys, _center, "centred")


def _center(value: SSAValue) -> CenterOp:
    dims = fa.tensor_dims(value)
    return CenterOp(value, len(dims) - 2, TensorType(f32, dims))

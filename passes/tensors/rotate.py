"""`rotate`: queries and keys turned by the same orthogonal matrix, which spreads outliers.

Precondition: `fa.attention` on tensors, or tile IR before `map`. Postcondition:
queries and keys go through `mx.rotate`; their products, and so all results, are the same in exact
arithmetic.
A channel of large values is spread over all channels of a head, so blocks have less to scale
(incoherent processing: FlashAttention-3, section 3.3). The host does the work when it packs
arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.mx import RotateOp, block_format
from ..support.operand_roles import operands
from .insert_preparation import prepare


def _is_packed(op: Operation) -> bool:
    """Whether rows of queries are no rows of the attention any more."""
    return isinstance(op, fa.ScoresOp) and op.packing is not None


@dataclass(frozen=True)
class RotatePass(ModulePass):
    """A Hadamard rotation of queries and keys."""

    name = "rotate"

    seed: int = 0
    """Of the pattern of signs."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.seed < 0:
            raise OpError(op, f"seed is {self.seed}; it must be at least 0")
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            readers = list(operands(function))
            for reader in readers:
                if reader.role in "qk" and block_format(reader.value.type) is not None:
                    raise OpError(
                        reader.op, "queries and keys are quantized already; rotate comes before"
                    )
            packed = next((op for op in function.walk() if _is_packed(op)), None)
            if packed is not None:
                raise OpError(packed, "queries are packed by map already; rotate comes before")
            prepare([r for r in readers if r.role == "q"], self._same_type, "rotated")
            prepare([r for r in readers if r.role == "k"], self._wide, "rotated")

    def _same_type(self, value: SSAValue) -> RotateOp:
        """Queries keep their type, from which tiles and results take theirs."""
        dims = fa.tensor_dims(value)
        return RotateOp(value, self.seed, TensorType(fa.tensor_element(value), dims))

    def _wide(self, value: SSAValue) -> RotateOp:
        """Keys are quantized next, from float32."""
        return RotateOp(value, self.seed, TensorType(f32, fa.tensor_dims(value)))

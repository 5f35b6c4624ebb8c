"""Whether an attention needs no maximum, and what data must be like for that."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Attribute, BlockArgument, OpResult, SSAValue
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.promise_attr import KEY
from ...dialects.json_attr import encode
from ...machine.host.promises import Promise
from ...machine.host.recipe import Recipe
from ...machine.numerics.bounded_scores import limit, rounded_down


def usable_bound(op: fa.AttentionOp, keys: int) -> float | None:
    """What scores stay within, if a kernel on rows of `keys` keys, padding included, can do without
    a maximum because of that.

    Leaves the promise on record at the function, for the host to check (`fa.promises`). Raises
    OpError where `score_bound` is of no use, or nobody could check it.
    """
    bound = op.bound
    if bound is None:
        return None
    parts = (op.resolved_mask, op.mask_mod, op.lengths)
    masked = any(part is not None for part in parts)
    hidden = keys if masked else keys - fa.tensor_dims(op.key)[2]
    most = limit(keys, hidden)
    by_cap = op.cap is not None and op.cap <= bound
    if bound > most:
        if by_cap:
            return None
        some = "masked" if masked else f"{hidden} of them padding"
        rows = f"{keys} keys, {some}," if hidden else f"{keys} keys"
        raise OpError(
            op,
            f"score_bound = {bound:g} is of no use here: with rows of {rows} a kernel does without "
            f"a maximum up to {rounded_down(most):g}; promise that, or leave it out",
        )
    query, key, value = (_recipe(x) for x in (op.query, op.key, op.value))
    if value is None or ((query is None or key is None) and not by_cap):
        if by_cap:
            return None
        raise OpError(
            op,
            "score_bound is about queries and keys that nobody could check: the host does not make "
            "them of arguments; leave it out",
        )
    promise = Promise(bound, value, softcap=op.cap or 0.0)
    if not by_cap:
        assert query is not None
        assert key is not None
        promise = Promise(bound, value, query, key, op.factor, op.cap or 0.0)
    function = op.parent_op()
    assert isinstance(function, func.FuncOp)
    known = attribute_of(function, KEY)
    entries = known.data if isa(known, ArrayAttr[Attribute]) else ()
    function.attributes[KEY] = ArrayAttr([*entries, encode(promise.to_json())])
    return bound


def _recipe(value: SSAValue) -> Recipe | None:
    """How the host makes a tensor of arguments; None where it does not."""
    if isinstance(value, BlockArgument):
        return ["argument", value.index]
    assert isinstance(value, OpResult)
    if not isinstance(value.op, fa.HostOp):
        return None
    parts = [_recipe(operand) for operand in value.op.operands]
    known = [part for part in parts if part is not None]
    return value.op.recipe(known) if len(known) == len(parts) else None

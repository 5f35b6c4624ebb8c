"""How far a simulated kernel is from float64."""

from __future__ import annotations

from collections.abc import Sequence

import fa
import numpy as np
from fa.dialects.fa.masks import MaskAttr
from fa.dialects.interpreters.reference import Extras, attention
from numpy.typing import NDArray


def relative_error(
    kernel: fa.Kernel,
    args: Sequence[NDArray[np.float32]],
    mask: MaskAttr | None = None,
    softcap: float | None = None,
) -> float:
    """The relative L2 error of a run, against float64 attention on the operands as stored.

    An operand behind q, k and v is taken for sinks.
    """
    q, k, v, *more = (operand.astype(np.float64) for operand in kernel.stored(*args))
    resolved = None if mask is None else mask.resolved(q.shape[2], k.shape[2])
    extras = Extras(softcap=softcap, sinks=more[0] if more else None)
    exact, _ = attention(q, k, v, q.shape[-1] ** -0.5, resolved, extras)
    output = kernel.run(*args, hbm_time="none").outputs[0]
    return float(np.linalg.norm(output - exact) / np.linalg.norm(exact))

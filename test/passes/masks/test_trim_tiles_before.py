"""trim-tiles before specialize-masks, where nobody watches the order."""

from __future__ import annotations

import fa
import pytest
from fa.diagnostics import OpError
from fa.frontends.mlir import make_context, run_passes
from fa.passes.masks.trim_tiles import TrimTilesPass


def test_masks_in_loops():
    module = fa.attention(q_heads=1, kv_heads=1, q_len=130, kv_len=130, head_dim=64, mask="causal")
    run_passes(module, "tile{kv-tile=64},fuse")
    with pytest.raises(OpError, match=r"^trim-tiles comes after specialize-masks: this mask still"):
        TrimTilesPass().apply(make_context(), module)

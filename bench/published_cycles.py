"""Executed cycles on plena-64 against the machine's published kernel generator.

With the loading of Q and the storing of O, and without: the published figures leave them out.
"""

from __future__ import annotations

import fa
import numpy as np

CASES = (
    ("64x64, one head of 64", 64, None, 40_544),
    ("256x256 causal, one head of 64", 256, "causal", 412_963),
)


def main() -> None:
    """Print a table."""
    print(f"{'':<34}{'all':>10}{'without Q, O':>14}{'published':>12}")
    for name, length, mask, published in CASES:
        module = fa.attention(
            q_heads=1, kv_heads=1, q_len=length, kv_len=length, head_dim=64, mask=mask
        )
        kernel = fa.compile(module)
        zeros = [np.zeros(shape, np.float32) for shape in kernel.argument_shapes]
        run = kernel.run(*zeros)
        transfers = sum(
            run.per_opcode[mnemonic]["cycles"] for mnemonic in ("H_PREFETCH_V", "H_STORE_V")
        )
        print(f"{name:<34}{run.cycles:>10,}{run.cycles - transfers:>14,}{published:>12,}")


if __name__ == "__main__":
    main()

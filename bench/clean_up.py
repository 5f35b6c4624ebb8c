"""What the clean-up before register allocation saves: kernels with it and without, on plena-64.

Text is instructions of the program, then those executed, then emulator cycles. Results are the
same bit for bit, which the last column checks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import fa
import numpy as np
from xdsl.dialects.builtin import ModuleOp

EXAMPLES = Path(__file__).parent.parent / "examples"
FUSED = "tile,fuse,quantize,allocate-sram,lower-to-isa"
UNFUSED = "tile,quantize,allocate-sram,lower-to-isa"


def square(length: int, mask: str | None = None) -> Callable[[], ModuleOp]:
    """One head of 64, as many keys as queries."""
    return partial(
        fa.attention,
        q_heads=1, kv_heads=1, q_len=length, kv_len=length, head_dim=64, mask=mask,
    )  # fmt: skip


def decode(keys: int) -> Callable[[], ModuleOp]:
    """One query, one head of 64."""
    return partial(fa.attention, q_heads=1, kv_heads=1, q_len=1, kv_len=keys, head_dim=64)


CASES: tuple[tuple[str, Path | Callable[[], ModuleOp], str], ...] = (
    ("small", EXAMPLES / "small.mlir", FUSED),
    ("256", square(256), FUSED),
    ("256 causal", square(256, "causal"), FUSED),
    ("decode, 1024 keys", decode(1024), FUSED),
    ("llama_decode", EXAMPLES / "llama_decode.mlir", FUSED),
    ("llama_prefill", EXAMPLES / "llama_prefill.mlir", FUSED),
    ("small, unfused", EXAMPLES / "small.mlir", UNFUSED),
    ("256 causal, unfused", square(256, "causal"), UNFUSED),
    ("llama_prefill, unfused", EXAMPLES / "llama_prefill.mlir", UNFUSED),
)


def main() -> None:
    """Print a table."""
    head = f"{'text':>7}{'executed':>11}{'cycles':>12}"
    print(f"{'':<24}{'without':>30}{'with':>30}")
    print(f"{'':<24}{head}{head}{'saved':>8}  same bits")
    for name, source, passes in CASES:
        rows: list[str] = []
        runs: list[fa.Run] = []
        for options in ("{clean-up=false}", ""):
            given = source if isinstance(source, Path) else source()
            kernel = fa.compile(given, passes=passes + options)
            random = np.random.default_rng(0)
            run = kernel.run(*(random.standard_normal(s) for s in kernel.argument_shapes))
            runs.append(run)
            rows.append(f"{len(kernel.words):>7,}{run.instructions:>11,}{run.cycles:>12,}")
        plain, clean = runs
        same = all(
            np.array_equal(one.view(np.uint32), other.view(np.uint32))
            for one, other in zip(plain.outputs, clean.outputs, strict=True)
        )
        saved = 1 - clean.cycles / plain.cycles
        print(f"{name:<24}{rows[0]}{rows[1]}{saved:>8.2%}  {same}")


if __name__ == "__main__":
    main()

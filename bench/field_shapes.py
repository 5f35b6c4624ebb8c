"""What the attention of models costs on plena-64: cycles, HBM bytes and size of the program.

All heads of one layer, prefill and decode, by the cost model (`fa.cost`), which runs nothing; and
FlashAttention's pairs of lengths with one head of 64 columns. `--simulate` runs the smaller ones
and prints the error against float64 as well.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import fa
import numpy as np
from errors import relative_error
from fa.dialects.fa.masks import CausalAttr, MaskAttr, WindowAttr

PAIRS = [
    (113, 203), (128, 217), (113, 211), (108, 256), (256, 512), (512, 256), (1024, 1024),
    (1023, 1024), (1024, 1023), (2048, 2048), (1, 147), (1, 239), (3, 799), (127, 513),
]  # fmt: skip
"""Queries and keys of FlashAttention's tests."""

SIMULATED = 40_000_000
"""Products of scores and columns up to which `--simulate` runs a shape."""


@dataclass(frozen=True)
class Model:
    """The attention of one layer: heads, columns, and what it does to scores.

    `window` is the number of keys that a query sees at most, itself included.
    """

    q_heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    causal: bool = True
    window: int | None = None
    softcap: float | None = None
    sinks: bool = False

    @property
    def mask(self) -> MaskAttr | None:
        """The mask of the last queries of all tokens."""
        if self.window is not None:
            return WindowAttr.get(self.window - 1, 0)
        return CausalAttr.get() if self.causal else None

    def mlir(self, q_len: int, kv_len: int) -> str:
        """The attention of the last `q_len` of `kv_len` tokens."""
        q = f"tensor<1x{self.q_heads}x{q_len}x{self.head_dim}xbf16>"
        o = f"tensor<1x{self.q_heads}x{q_len}x{self.value_dim}xbf16>"
        k, v = (
            f"tensor<1x{self.kv_heads}x{kv_len}x{dim}xbf16>"
            for dim in (self.head_dim, self.value_dim)
        )
        given = [] if self.mask is None else [f"mask = {self.mask}"]
        given += [] if self.softcap is None else [f"softcap = {self.softcap} : f32"]
        names, types = ["%q", "%k", "%v"], [q, k, v]
        if self.sinks:
            names, types = [*names, "%sinks"], [*types, f"tensor<{self.q_heads}xbf16>"]
        declared = ", ".join(f"{name}: {kind}" for name, kind in zip(names, types, strict=True))
        extra = " sinks(%sinks)" if self.sinks else ""
        return f"""func.func @attention({declared}) -> {o} {{
  %o = fa.attention %q, %k, %v{extra} {{{", ".join(given)}}} : {", ".join(types)} -> {o}
  func.return %o : {o}
}}"""

    def error(self, kernel: fa.Kernel) -> float:
        """The relative L2 error of a run on random data, against float64 on what is stored."""
        rng = np.random.default_rng(0)
        args = [rng.standard_normal(x).astype(np.float32) for x in kernel.argument_shapes]
        return relative_error(kernel, args, self.mask, self.softcap)


MODELS = {
    "Llama-3.1-8B": Model(32, 8, 128, 128),
    "Llama-3.2-1B": Model(32, 8, 64, 64),
    "Qwen2.5-7B": Model(28, 4, 128, 128),
    "Qwen3-32B": Model(64, 8, 128, 128),
    "gpt-oss-20b": Model(64, 8, 64, 64, window=128, sinks=True),
    "Gemma-2": Model(8, 4, 256, 256, window=4096, softcap=50.0),
    "DeepSeek-V3": Model(128, 128, 192, 128),
    "Falcon-7B": Model(71, 1, 64, 64),
    "SmolVLM2": Model(16, 16, 72, 72, causal=False),
    "LLaDA-8B": Model(32, 32, 128, 128, causal=False),
}
ONE_HEAD = Model(1, 1, 64, 64, causal=False)
"""FlashAttention's pairs of lengths are run with one head of 64 columns."""

SHAPES = ((64, 64), (1, 256), (1024, 1024), (1, 4096))
"""Queries and keys of models: small ones, and larger ones."""


def line(name: str, model: Model, q_len: int, kv_len: int, simulate: bool) -> None:
    """Compile and cost one shape; print it."""
    start = time.perf_counter()
    kernel = fa.compile(model.mlir(q_len, kv_len), machine="plena-64")
    took = time.perf_counter() - start
    cost = fa.cost(kernel)
    error = ""
    size = model.q_heads * q_len * kv_len * (model.head_dim + model.value_dim)
    if simulate and size <= SIMULATED:
        error = f"{model.error(kernel):.2e}"
    print(
        f"{name:<16}{q_len:>6}{kv_len:>6}{cost.emulator_cycles:>16,}{cost.analytic_cycles:>16,}"
        f"{cost.hbm_bytes_read:>16,}{cost.hbm_bytes_written:>14,}{len(kernel.words):>9,}"
        f"{took:>7.1f}{error:>10}",
        flush=True,
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="errors of the smaller shapes")
    given = parser.parse_args()
    print(
        f"{'':<16}{'q':>6}{'kv':>6}{'emulator cycles':>16}{'analytic cycles':>16}"
        f"{'HBM read':>16}{'HBM written':>14}{'words':>9}{'s':>7}{'error':>10}"
    )
    for q_len, kv_len in PAIRS:
        line("one head, 64", ONE_HEAD, q_len, kv_len, given.simulate)
    for q_len, kv_len in SHAPES:
        for name, model in MODELS.items():
            line(name, model, q_len, kv_len, given.simulate)


if __name__ == "__main__":
    main()

"""`make demo`: LLaMA-3.1-8B's attention from MLIR to assembly, simulated and checked.

Then standard against flash attention, side by side: what fusion saves in HBM traffic.
"""

from __future__ import annotations

from pathlib import Path

import fa
import ml_dtypes
import numpy as np
from fa.compiler import DEFAULT_PASSES, Kernel, Run
from fa.dialects.fa.masks import CausalAttr, MaskAttr
from fa.dialects.interpreters.reference import attention
from fa.tools.support.progress import ProgressBar
from numpy.typing import NDArray

HERE = Path(__file__).parent
FUSED = DEFAULT_PASSES
UNFUSED = "tile,quantize,allocate-sram,lower-to-isa"


def standard_normal(kernel: Kernel) -> list[NDArray[np.float32]]:
    """Arguments for a kernel: standard normal, rounded to bfloat16, the same every time."""
    rng = np.random.default_rng(2026)
    return [
        rng.standard_normal(shape).astype(ml_dtypes.bfloat16).astype(np.float32)
        for shape in kernel.argument_shapes
    ]


def simulate(kernel: Kernel, args: list[NDArray[np.float32]]) -> Run:
    """Run a kernel with a progress bar."""
    with ProgressBar("simulating") as progress:
        return kernel.run(*args, progress=progress)


def errors(
    kernel: Kernel, args: list[NDArray[np.float32]], run: Run, mask: MaskAttr | None
) -> tuple[float, float]:
    """Relative L2 and maximum error against float64 attention on the operands as stored."""
    q, k, v = (operand.astype(np.float64) for operand in kernel.stored(*args))
    exact, _ = attention(q, k, v, q.shape[-1] ** -0.5, mask)
    difference = run.outputs[0] - exact
    return float(np.linalg.norm(difference) / np.linalg.norm(exact)), float(abs(difference).max())


def show(title: str, source: Path, mask: MaskAttr | None) -> None:
    """Compile, simulate and check one example; print what it took."""
    kernel = fa.compile(source, passes=FUSED)
    args = standard_normal(kernel)
    run = simulate(kernel, args)
    relative, largest = errors(kernel, args, run, mask)
    machine, sram = kernel.machine, kernel.layout.sram
    rows = (
        ("relative L2 error against float64", f"{relative:.2e}"),
        ("largest error", f"{largest:.2e}"),
        ("instructions, static", f"{len(kernel.words):,}"),
        ("instructions, executed", f"{run.instructions:,}"),
        ("cycles", f"{run.cycles:,}"),
        ("  of them in HBM transfers", f"{run.hbm_cycles:,}"),
        ("HBM bytes read", f"{run.hbm_bytes_read:,}"),
        ("HBM bytes written", f"{run.hbm_bytes_written:,}"),
        ("vector SRAM, rows", f"{sram['vector_rows']:,} of {machine.vector_sram_rows:,}"),
        ("matrix SRAM, tiles", f"{sram['matrix_tiles']:,} of {machine.matrix_tiles:,}"),
        ("FP_MEM, entries", f"{sram['fp_mem']:,} of {machine.fp_sram_depth:,}"),
        ("INT_MEM, entries", f"{sram['int_mem']:,} of {machine.int_sram_depth:,}"),
        ("HBM, bytes", f"{kernel.layout.hbm_bytes:,} of {machine.hbm_size:,}"),
    )
    print(f"\n{title}\n  passes: {FUSED}")
    for name, value in rows:
        print(f"  {name:<36}{value:>24}")


def traffic(length: int, head_dim: int, q_rows: int, fused: bool) -> int:
    """HBM bytes of one head by the formulas, N = M = `length`, in the machine's 64-byte lines.

    A row of a panel of K or V is one line of elements and one of scales; a row of a panel in bf16
    is two lines, and a store reads each line before it writes it. Every tile of queries makes one
    pass over K and V: O(N d). Standard attention also stores and loads S and P: O(N^2).
    """
    panels = -(-head_dim // 64)
    keys = -(-length // 64) * 64
    passes = -(-length // q_rows)
    over_k_and_v = passes * 2 * keys * panels * (64 + 64)
    q_and_o = length * panels * 128 * (1 + 2)
    if fused:
        return over_k_and_v + q_and_o
    scores = length * keys * 2
    return over_k_and_v + q_and_o + 2 * (2 * scores + scores)


def compare(length: int, head_dim: int) -> None:
    """Standard and flash attention of one head, side by side."""
    results: list[tuple[Kernel, Run, float]] = []
    for passes in (UNFUSED, FUSED):
        module = fa.attention(q_heads=1, kv_heads=1, q_len=length, kv_len=length, head_dim=head_dim)
        kernel = fa.compile(module, passes=passes)
        args = standard_normal(kernel)
        run = simulate(kernel, args)
        results.append((kernel, run, errors(kernel, args, run, None)[0]))
    print(f"\none head, {length} queries, {length} keys, {head_dim} columns")
    print(f"  {'':<36}{'standard (tile)':>20}{'flash (tile, fuse)':>20}")
    formula = [traffic(length, head_dim, 64, fused) for fused in (False, True)]
    lines = (
        ("relative L2 error", [f"{error:.2e}" for _, _, error in results]),
        ("cycles", [f"{run.cycles:,}" for _, run, _ in results]),
        ("HBM bytes read", [f"{run.hbm_bytes_read:,}" for _, run, _ in results]),
        ("HBM bytes written", [f"{run.hbm_bytes_written:,}" for _, run, _ in results]),
        (
            "HBM bytes in all",
            [f"{run.hbm_bytes_read + run.hbm_bytes_written:,}" for _, run, _ in results],
        ),
        ("  by the formula", [f"{value:,}" for value in formula]),
        ("  formula", ["O(N^2) + O(N d)/pass", "O(N d)/pass"]),
    )
    for name, values in lines:
        print(f"  {name:<36}{values[0]:>20}{values[1]:>20}")


def main() -> None:
    """The demonstration."""
    show("LLaMA-3.1-8B prefill, 100 tokens, causal", HERE / "llama_prefill.mlir", CausalAttr.get(0))
    show("LLaMA-3.1-8B decode, 1 query on 200 keys", HERE / "llama_decode.mlir", None)
    compare(64, 64)
    compare(256, 64)
    compare(1024, 64)


if __name__ == "__main__":
    main()

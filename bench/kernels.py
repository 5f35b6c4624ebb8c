"""Kernels against the machine's published generator and against their lower bounds.

One line for each kernel and cost table, the kernel compiled for that table: cycles without loading
Q and storing O, as the published figures are, and with them; the least that they could be
(`fa.machine.bounds`); the error against float64 on standard normal operands as they are stored.
Kernels with published figures run in the simulator; of LLaMA's, those that are no longer than
`--longest` instructions do, and the others are costed.

    python bench/kernels.py [--quick] [--only TEXT] [--longest N]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import fa
import numpy as np
from fa.compiler import Kernel
from fa.dialects.fa_masks import CausalAttr
from fa.dialects.fa_semantics import attention
from fa.machine.figures import Figures, Target

TABLES: tuple[Target, ...] = ("emulator", "analytic")


@dataclass(frozen=True)
class Row:
    """A kernel by the arguments of `fa.attention`; cycles by table: published, and aimed at."""

    name: str
    machine: str
    shape: dict[str, Any]
    published: tuple[int, int] | None = None
    target: tuple[int, int] | None = None


def shape(q_len: int, kv_len: int, heads: int, kv_heads: int, dim: int, causal: bool = False):
    """The arguments of `fa.attention`."""
    mask = "causal" if causal else None
    return {
        "q_heads": heads, "kv_heads": kv_heads, "q_len": q_len, "kv_len": kv_len,
        "head_dim": dim, "mask": mask,
    }  # fmt: skip


ROWS = (
    Row("64x64, 1/1, 64", "plena-64", shape(64, 64, 1, 1, 64), (40_544, 9_710), (3_200, 4_200)),
    Row(
        "256x256, 1/1, 64", "plena-64", shape(256, 256, 1, 1, 64),
        (636_561, 143_708), (53_000, 62_000),
    ),
    Row(
        "256x256 causal, 1/1, 64", "plena-64", shape(256, 256, 1, 1, 64, True),
        (412_963, 96_797), (38_000, 42_000),
    ),
    Row("64x64, 4/1, 16", "plena-64", shape(64, 64, 4, 1, 16), (32_395, 17_849), (8_000, 8_200)),
    Row(
        "64x64 causal, 4/1, 16", "plena-64", shape(64, 64, 4, 1, 16, True),
        (46_046, 23_372), (9_500, 9_200),
    ),
    Row("1x1024, 1/1, 64", "plena-64", shape(1, 1024, 1, 1, 64), (44_647, 10_292), (8_000, 3_000)),
    Row(
        "128x128, 4/1, 32", "plena-128", shape(128, 128, 4, 1, 32),
        (38_080, 31_561), (13_500, 14_500),
    ),
)  # fmt: skip

LLAMA = (
    Row("LLaMA-3.1-8B prefill 100", "plena-64", shape(100, 100, 32, 8, 128, True)),
    Row("LLaMA-3.1-8B prefill 4096", "plena-64", shape(4096, 4096, 32, 8, 128, True)),
    Row("LLaMA-3.1-8B decode 200", "plena-64", shape(1, 200, 32, 8, 128)),
    Row("LLaMA-3.1-8B decode 4096", "plena-64", shape(1, 4096, 32, 8, 128)),
)


def error(kernel: Kernel, causal: bool) -> float:
    """The relative L2 error of a run against float64."""
    random = np.random.default_rng(2026)
    args = [random.standard_normal(each).astype(np.float32) for each in kernel.argument_shapes]
    q, k, v = (operand.astype(np.float64) for operand in kernel.stored(*args))
    mask = CausalAttr.get().resolved(q.shape[2], k.shape[2]) if causal else None
    exact, _ = attention(q, k, v, q.shape[-1] ** -0.5, mask)
    result = kernel.run(*args, hbm_time="none").outputs[0]
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact))


def line(row: Row, table: Target, kernel: Kernel, found: float | None, seconds: float) -> str:
    """A line of the table."""
    index, cost, bounds = TABLES.index(table), fa.cost(kernel), kernel.bounds
    assert bounds is not None

    def of(figures: Figures) -> int:
        return figures.of(table)

    least = of(bounds.without_moving)
    ours = of(cost.without_moving)
    cells = (
        f"{row.name:<27}{row.machine:<11}{table:<10}",
        f"{_number(row.published, index):>12}{_number(row.target, index):>10}",
        f"{ours:>15,}{of(cost.total):>15,}{least:>13,}{ours / least:>7.2f}",
        f"{cost.hbm_bytes_read + cost.hbm_bytes_written:>15,}",
        f"{'-' if found is None else f'{found:.1e}':>9}{seconds:>8.2f}",
    )
    return "".join(cells)


def _number(pair: tuple[int, int] | None, index: int) -> str:
    return "-" if pair is None else f"{pair[index]:,}"


def head() -> str:
    """The names of the columns."""
    return (
        f"{'q x kv, heads, head_dim':<27}{'machine':<11}{'table':<10}{'published':>12}"
        f"{'target':>10}{'without Q, O':>15}{'with':>15}{'least':>13}{'times':>7}"
        f"{'HBM bytes':>15}{'error':>9}{'compile':>8}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Kernels against published cycles and bounds.")
    parser.add_argument("--quick", action="store_true", help="cost everything, run nothing")
    parser.add_argument("--only", default="", help="kernels whose name has this text")
    parser.add_argument("--longest", type=int, default=1_000_000, help="instructions that are run")
    args = parser.parse_args()
    print(head())
    for row in (*ROWS, *LLAMA):
        if args.only not in row.name:
            continue
        for table in TABLES:
            start = time.perf_counter()
            kernel = fa.compile(fa.attention(**row.shape), machine=row.machine, optimize_for=table)
            seconds = time.perf_counter() - start
            short = row.published is not None or fa.cost(kernel).instructions <= args.longest
            run = short and not args.quick
            found = error(kernel, row.shape["mask"] == "causal") if run else None
            print(line(row, table, kernel, found, seconds), flush=True)


if __name__ == "__main__":
    main()

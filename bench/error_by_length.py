"""The error of decode against the length of the cache, by the size of key tiles and by parts.

Relative L2 error against float64 attention on the operands as stored, on plena-64: one query of 64
columns for each of eight heads on one KV head, standard normal data, the mean over some seeds.
`--prefill` does the same with 64 queries of one head.
"""

from __future__ import annotations

import argparse

import fa
import ml_dtypes
import numpy as np
from errors import relative_error
from numpy.typing import NDArray

LENGTHS = (256, 512, 1024, 2048, 4096)
TILES = (None, 64, 256, 1024)
PARTS = (1, 4, 16)
SEEDS = 3
PUBLISHED = {1024: 0.0068, 4096: 0.026}
"""What the machine's published generator leaves."""


def arguments(kernel: fa.Kernel, seed: int) -> list[NDArray[np.float32]]:
    """Standard normal, rounded to bfloat16."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(shape).astype(ml_dtypes.bfloat16).astype(np.float32)
        for shape in kernel.argument_shapes
    ]


def error(length: int, kv_tile: int | None, parts: int, queries: int = 1) -> float | str:
    """The mean error of a way to compile, or why it does not compile, in short."""
    heads = 8 if queries == 1 else 1
    module = fa.attention(q_heads=heads, kv_heads=1, q_len=queries, kv_len=length, head_dim=64)
    options = f"split-kv={parts}" if parts > 1 else ""
    try:
        tile = "" if kv_tile is None else f"kv-tile={kv_tile}"
        kernel = fa.compile(module, passes=f"tile{{{tile}}},fuse{{{options}}}")
    except fa.CompileError:
        return "-"
    errors: list[float] = []
    for seed in range(SEEDS):
        errors.append(relative_error(kernel, arguments(kernel, seed)))
    return float(np.mean(errors))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefill", action="store_true", help="64 queries of one head")
    parser.add_argument("--longest", type=int, default=LENGTHS[-1], help="the longest cache")
    given = parser.parse_args()
    lengths = [length for length in LENGTHS if length <= given.longest]
    print("| kv-tile | split-kv | " + " | ".join(map(str, lengths)) + " |")
    print("| --- " * (len(lengths) + 2) + "|")
    for kv_tile in TILES:
        for parts in PARTS:
            cells: list[str] = []
            for length in lengths:
                # Tiles and parts of no keys are those of another row of the table.
                tile = 64 if kv_tile is None else kv_tile
                if tile > length or tile * parts > max(length, tile) or 64 * parts > length:
                    cells.append("")
                    continue
                value = error(length, kv_tile, parts, 64 if given.prefill else 1)
                cells.append(value if isinstance(value, str) else f"{value:.4f}")
            if any(cells):
                print(
                    f"| {kv_tile or 'default'} | {parts} | " + " | ".join(cells) + " |", flush=True
                )
    if not given.prefill:
        cells = [f"{PUBLISHED[n]}" if n in PUBLISHED else "" for n in lengths]
        print("| published | | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

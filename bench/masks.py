"""What masks save: the table of docs/attention.md, costed without running.

    python bench/masks.py [--tokens 4096] [--machine plena-64]

One head of 64 columns, fused; shares are of the program without a mask.
"""

from __future__ import annotations

import argparse

import fa

CHECKERBOARD = """mask_mod {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %sum = arith.addi %i, %j : index
    %one = arith.constant 1 : index
    %bit = arith.andi %sum, %one : index
    %zero = arith.constant 0 : index
    %seen = arith.cmpi eq, %bit, %zero : index
    fa.yield %seen : i1
  }"""

MASKS = {
    "none": "",
    "causal": "{mask = #fa.causal}",
    "window of 128": "{mask = #fa.window<left = 127, right = 0>}",
    "checkerboard": CHECKERBOARD,
}


def module(tokens: int, mask: str) -> str:
    """One attention with a mask, in MLIR."""
    kind = f"tensor<1x1x{tokens}x64xbf16>"
    return f"""func.func @attention(%q: {kind}, %k: {kind}, %v: {kind}) -> {kind} {{
  %o = fa.attention %q, %k, %v {mask} : {kind}, {kind}, {kind} -> {kind}
  func.return %o : {kind}
}}"""


def main() -> None:
    """Print a row for each mask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--machine", default="plena-64")
    args = parser.parse_args()
    print("| mask | tiles visited | program | executed | bytes read | share of both |")
    print("| --- | --- | --- | --- | --- | --- |")
    whole = None
    for name, mask in MASKS.items():
        kernel = fa.compile(module(args.tokens, mask), machine=args.machine)
        count, cost = kernel.mask_tiles[0], fa.cost(kernel)
        whole = whole or cost
        print(
            f"| {name} | {count.full + count.partial:,} of {count.tiles:,} "
            f"| {len(kernel.words):,} | {cost.instructions:,} | {cost.hbm_bytes_read:,} "
            f"| {cost.instructions / whole.instructions:.1%}, "
            f"{cost.hbm_bytes_read / whole.hbm_bytes_read:.1%} |"
        )


if __name__ == "__main__":
    main()

"""One decode program at several lengths, beside programs compiled for each length alone.

LLaMA-3.1-8B's attention, one query for each of 32 heads on 8 KV heads of 128 columns, on plena-64;
cycles of the emulator's table, run. The table of docs/attention.md.
"""

from __future__ import annotations

import fa
import numpy as np

ROOM = 4096
LENGTHS = (1, 64, 65, 100, 256, 257, 1000, 2500, 4096)
HEADS, KV_HEADS, DIM = 32, 8, 128


def cycles(kernel: fa.Kernel, *lengths: int) -> int:
    """The cycles of a run on zeros."""
    values = [np.zeros(shape, np.float32) for shape in kernel.argument_shapes[:3]]
    return kernel.run(*values, *(np.array([length]) for length in lengths)).cycles


def kernel_of(room: int, lengths: bool, passes: str | None = None) -> fa.Kernel:
    """The decode kernel with room for so many keys."""
    module = fa.attention(
        q_heads=HEADS, kv_heads=KV_HEADS, q_len=1, kv_len=room, head_dim=DIM, lengths=lengths
    )
    return fa.compile(module, passes=passes)


def main() -> None:
    """Print the table."""
    narrow = "group-heads,tile{kv-tile=64},fuse,map{qk=btmv pv=packed sums=ones}"
    one, small = kernel_of(ROOM, True), kernel_of(ROOM, True, narrow)
    print(
        f"| valid keys | one program ({len(one.words)} words) | with `kv-tile=64` | for it alone |"
    )
    print("| --- | --- | --- | --- |")
    for length in LENGTHS:
        alone = cycles(kernel_of(length, False))
        found = [cycles(kernel, length) for kernel in (one, small)]
        shown = [f"{n:,} ({n / alone - 1:+.0%})" for n in found]
        print(f"| {length:,} | {shown[0]} | {shown[1]} | {alone:,} |")


if __name__ == "__main__":
    main()

"""LLaMA-3.1-8B's attention, token by token: one prefill program, one decode program, every step.

The first tokens of a layer go through the prefill program, then each step appends one to the packed
cache in place and runs the same decode program with the length one higher; each result is compared
with float64 on the operands as they are stored. Data is standard normal.

    python examples/decode_loop.py                         100 tokens in, 100 steps
    python examples/decode_loop.py --tokens 100 --steps 5  fewer
    python examples/decode_loop.py --plot build/decode.svg
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from html import escape
from pathlib import Path

import fa
import numpy as np
from fa.dialects.fa.masks import CausalAttr, MaskAttr
from fa.dialects.interpreters.reference import attention
from fa.machine.host.hbm_image import as_argument
from fa.tools.support.progress import ProgressBar
from ml_dtypes import bfloat16
from numpy.typing import NDArray

Q_HEADS, KV_HEADS, DIM = 32, 8, 128

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """What one step took, and how far it is from float64 (relative L2)."""

    length: int
    cycles: int
    hbm_bytes: int
    error: float


def error(out: Array, stored: list[Array], mask: MaskAttr | None) -> float:
    """The relative L2 error against float64 attention on operands as they are stored."""
    q, k, v = (operand.astype(np.float64) for operand in stored)
    exact, _ = attention(q, k, v, DIM**-0.5, mask)
    return float(np.linalg.norm(out - exact) / np.linalg.norm(exact))


def prefill(q: Array, k: Array, v: Array) -> Step:
    """The first tokens, causal."""
    tokens = q.shape[2]
    kernel = fa.compile(
        fa.attention(
            q_heads=Q_HEADS,
            kv_heads=KV_HEADS,
            q_len=tokens,
            kv_len=tokens,
            head_dim=DIM,
            mask="causal",
        )
    )
    with ProgressBar("prefill") as progress:
        run = kernel.run(q, k, v, progress=progress)
    found = error(run.outputs[0], kernel.stored(q, k, v), CausalAttr.get(0))
    return Step(tokens, run.cycles, run.hbm_bytes_read + run.hbm_bytes_written, found)


def decode(kernel: fa.Kernel, q: Array, k: Array, v: Array, first: int) -> list[Step]:
    """A step for each query: keys up to it are valid, the newest is appended to the cache.

    q is [1, heads, steps, dim]; k and v hold `first` tokens and one more for each step.
    """
    room = kernel.argument_shapes[1][2]
    caches = [np.zeros((1, KV_HEADS, room, DIM), np.float32) for _ in range(2)]
    for cache, tokens in zip(caches, (k, v), strict=True):
        cache[:, :, :first] = tokens[:, :, :first]
    start = kernel.pack(q[:, :, :1], *caches, np.array([first]))
    image = np.frombuffer(start, np.uint8).copy()
    done: list[Step] = []
    with ProgressBar("decoding") as progress:
        for number in range(q.shape[2]):
            at, length = first + number, first + number + 1
            query = q[:, :, number : number + 1].astype(bfloat16).astype(np.float32)
            # In place: the caches are never packed again.
            kernel.append(image, "k", k[:, :, at:length], at)
            kernel.append(image, "v", v[:, :, at:length], at)
            kernel.put(image, "q", query)
            run = kernel.run_image(image, [length])
            valid = [query, *(part[:, :, :length] for part in stored(kernel, image))]
            traffic = run.hbm_bytes_read + run.hbm_bytes_written
            done.append(Step(length, run.cycles, traffic, error(run.outputs[0], valid, None)))
            progress(number + 1, q.shape[2])
    return done


def stored(kernel: fa.Kernel, image: NDArray[np.uint8]) -> list[Array]:
    """Keys and values as the cache holds them."""
    arguments, signature = kernel.layout.arguments(), kernel.layout.signature
    found = [as_argument(arguments[index][0], signature[index], image) for index in (1, 2)]
    return [values for values in found if values is not None]


def plot(steps: list[Step]) -> str:
    """Cycles by length, as SVG."""
    width, height, left, top = 640, 240, 80, 32
    most = max(step.cycles for step in steps)
    lengths = [step.length for step in steps]
    span = max(lengths[-1] - lengths[0], 1)
    points = " ".join(
        f"{left + (step.length - lengths[0]) * (width - left - 16) / span:.1f},"
        f"{top + height * (1 - step.cycles / most):.1f}"
        for step in steps
    )
    title = escape(f"cycles of a step by valid keys, {lengths[0]} to {lengths[-1]}; up to {most:,}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 2 * top}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height + 2 * top}" fill="white"/>\n'
        f'<text x="{left}" y="20">{title}</text>\n'
        f'<line x1="{left}" y1="{top + height}" x2="{width - 16}" y2="{top + height}" '
        'stroke="#dddddd"/>\n'
        f'<polyline points="{points}" fill="none" stroke="#1b6ca8"/>\n</svg>\n'
    )


def main() -> None:
    """The demonstration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100, help="tokens in; default 100")
    parser.add_argument("--steps", type=int, default=100, help="tokens out; default 100")
    parser.add_argument("--room", type=int, default=256, help="keys that the cache holds")
    parser.add_argument("--plot", type=Path, help="where to draw cycles by step, as SVG")
    args = parser.parse_args()
    if args.tokens < 1 or args.steps < 1 or args.tokens + args.steps > args.room:
        parser.error(f"tokens and steps are 1 or more, and {args.room} at most together (--room)")
    rng = np.random.default_rng(2026)
    total = args.tokens + args.steps

    def normal(heads: int) -> Array:
        return rng.standard_normal((1, heads, total, DIM)).astype(np.float32)

    q, k, v = normal(Q_HEADS), normal(KV_HEADS), normal(KV_HEADS)
    first = prefill(*(x[:, :, : args.tokens] for x in (q, k, v)))
    kernel = fa.compile(
        fa.attention(
            q_heads=Q_HEADS,
            kv_heads=KV_HEADS,
            q_len=1,
            kv_len=args.room,
            head_dim=DIM,
            lengths=True,
        )
    )
    steps = decode(kernel, q[:, :, args.tokens :], k, v, args.tokens)
    print(f"decode program: {len(kernel.words)} words, room for {args.room} keys")
    print(f"{'keys':>6}{'cycles':>12}{'HBM bytes':>14}{'error':>11}")
    for name, step in (("in", first), *((str(step.length), step) for step in steps)):
        print(f"{name:>6}{step.cycles:>12,}{step.hbm_bytes:>14,}{step.error:>11.2e}")
    if args.plot is not None:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_text(plot(steps), "utf-8")


if __name__ == "__main__":
    main()

"""Writes the JAX exports beside this file, and what JAX computes for them.

pip install jax==0.10.2; python export_jax.py

For each case NAME.mlir is StableHLO in generic form, and NAME.npz has the arguments (float16, which
is exact in every type that the functions take) and the result.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

HERE = Path(__file__).parent
attention = jax.nn.dot_product_attention
Q, KV = (1, 16, 4, 8), (1, 16, 2, 8)
HEADS = (2, 2, 16, 8)


def softmax_product(q, k, v, scale=8**-0.5, bias=None, mask=None):
    """[batch, heads, length, dim]."""
    s = jnp.einsum("bhid,bhjd->bhij", q, k) * scale
    s = s if bias is None else s + bias
    s = s if mask is None else jnp.where(mask, s, -jnp.inf)
    return jnp.einsum("bhij,bhjd->bhid", jax.nn.softmax(s, axis=-1), v)


def tril(n, m, k=0):
    return jnp.tril(jnp.ones((n, m), bool), k)


def unsafe(q, k, v):
    p = jnp.exp(jnp.einsum("bhid,bhjd->bhij", q, k) / 8**0.5)
    return jnp.einsum("bhij,bhjd->bhid", p / p.sum(-1, keepdims=True), v)


def divided_behind(q, k, v):
    """Sums divided behind V, heads last but one."""
    s = jnp.einsum("bhid,bhjd->bhij", q, k) * 8**-0.5
    p = jnp.exp(s - s.max(-1, keepdims=True))
    return jnp.einsum("bhij,bhjd->bihd", p, v) / p.sum(-1).swapaxes(1, 2)[..., None]


def grouped(q, k, v):
    """Rank 5: queries [batch, kv, group, length, dim]."""
    s = jnp.einsum("bkgid,bkjd->bkgij", q, k) * 8**-0.5
    s = jnp.where(tril(16, 16), s, -1e30)
    return jnp.einsum("bkgij,bkjd->bkgid", jax.nn.softmax(s, axis=-1), v)


def repeated(q, k, v):
    k, v = jnp.repeat(k, 2, axis=1), jnp.repeat(v, 2, axis=1)
    return softmax_product(q, k, v, mask=tril(16, 16))


def capped(q, k, v):
    s = jnp.einsum("bhid,bhjd->bhij", q, k) * 8**-0.5
    s = jnp.where(tril(16, 16), 5.0 * jnp.tanh(s / 5.0), -2e38)
    return jnp.einsum("bhij,bhjd->bhid", jax.nn.softmax(s, axis=-1), v)


def both_scaled(q, k, v):
    return softmax_product(q * 8**-0.25, k * 8**-0.25, v, scale=1.0)


def base_two(q, k, v):
    """Powers of two, which JAX has as exponentials of scores times ln 2."""
    e = jnp.exp2(jnp.einsum("bhid,bhjd->bhij", q, k) * 8**-0.5)
    return jnp.einsum("bhij,bhjd->bhid", e / e.sum(-1, keepdims=True), v)


def rank3(q, k, v):
    s = jnp.einsum("bid,bjd->bij", q, k) / jnp.sqrt(8.0)
    return jnp.einsum("bij,bjd->bid", jax.nn.softmax(s, axis=-1), v)


def rank2(q, k, v):
    return jax.nn.softmax(q @ k.T / jnp.sqrt(8.0), axis=-1) @ v


def swapped(q, k, v):
    """V^T P^T, keys first."""
    s = jnp.einsum("bhjd,bhid->bhji", k, q) * 8**-0.5
    return jnp.einsum("bhjd,bhji->bhdi", v, jax.nn.softmax(s, axis=2)).swapaxes(2, 3)


def low_in_f32(q, k, v):
    """bf16 in and out, scores and softmax in f32."""
    s = jnp.einsum("bhid,bhjd->bhij", q.astype(jnp.float32), k.astype(jnp.float32)) * 8**-0.5
    p = jax.nn.softmax(s, axis=-1).astype(jnp.bfloat16)
    return jnp.einsum("bhij,bhjd->bhid", p, v)


def alibi(q, k, v):
    slopes = jnp.array([0.5, 0.25])[:, None, None]
    bias = -slopes * (jnp.arange(16)[:, None] - jnp.arange(16)[None, :])
    return softmax_product(q, k, v, bias=bias, mask=tril(16, 16))


def padded(q, k, v, lengths):
    mask = jnp.arange(16)[None, :] < lengths[:, None]
    return softmax_product(q, k, v, mask=mask[:, None, None, :])


def layer(x, w):
    """Projections in front of attention and behind it."""
    q, k, v = ((x @ w[i]).reshape(1, 16, 2, 8) for i in range(3))
    return attention(q, k, v, is_causal=True).reshape(1, 16, 16) @ w[3]


def chained(q, k, v):
    return softmax_product(softmax_product(q, k, v), k, v, mask=tril(16, 16))


bf16, f32 = jnp.bfloat16, jnp.float32
CASES = {
    "plain": (attention, f32, [Q, Q, Q]),
    "plain_bf16": (attention, bf16, [Q, Q, Q]),
    "causal": (partial(attention, is_causal=True), f32, [Q, Q, Q]),
    "gqa_causal_bf16": (partial(attention, is_causal=True), bf16, [Q, KV, KV]),
    "mqa": (attention, f32, [Q, (1, 16, 1, 8), (1, 16, 1, 8)]),
    "window": (partial(attention, local_window_size=(4, 0)), bf16, [Q, Q, Q]),
    "window_both": (partial(attention, local_window_size=(3, 2)), f32, [Q, Q, Q]),
    "bias": (lambda q, k, v, b: attention(q, k, v, bias=b), f32, [Q, Q, Q, (1, 4, 16, 16)]),
    "bias_gqa": (lambda q, k, v, b: attention(q, k, v, b), bf16, [Q, KV, KV, (1, 4, 16, 16)]),
    "scaled": (partial(attention, scale=0.3), f32, [Q, Q, Q]),
    "decode": (attention, bf16, [(1, 1, 4, 8), KV, KV]),
    "cross_lengths": (attention, f32, [(2, 5, 2, 8), (2, 16, 2, 8), (2, 16, 2, 8)]),
    "no_heads": (attention, f32, [(16, 2, 8), (16, 2, 8), (16, 2, 8)]),
    "einsum": (softmax_product, f32, [HEADS] * 3),
    "einsum_bf16": (softmax_product, bf16, [HEADS] * 3),
    "einsum_causal": (
        lambda q, k, v: softmax_product(q, k, v, mask=tril(16, 16)),
        f32,
        [HEADS] * 3,
    ),
    "causal_offset": (
        lambda q, k, v: softmax_product(q, k, v, mask=tril(6, 16, 10)),
        f32,
        [(1, 2, 6, 8), (1, 2, 16, 8), (1, 2, 16, 8)],
    ),
    "unsafe_softmax": (unsafe, f32, [HEADS] * 3),
    "grouped_rank5": (grouped, f32, [(1, 2, 2, 16, 8), (1, 2, 16, 8), (1, 2, 16, 8)]),
    "repeated_heads": (repeated, f32, [(1, 4, 16, 8), (1, 2, 16, 8), (1, 2, 16, 8)]),
    "softcap": (capped, f32, [HEADS] * 3),
    "scaled_both": (both_scaled, f32, [HEADS] * 3),
    "base_two": (base_two, f32, [HEADS] * 3),
    "rank3": (rank3, f32, [(3, 16, 8)] * 3),
    "rank2": (rank2, f32, [(16, 8)] * 3),
    "swapped_product": (swapped, f32, [HEADS] * 3),
    "f32_softmax": (low_in_f32, bf16, [HEADS] * 3),
    "alibi": (alibi, f32, [(1, 2, 16, 8)] * 3),
    "padding_at_run_time": (padded, f32, [HEADS, HEADS, HEADS, ("i32", 2)]),
    "layer": (layer, f32, [(1, 16, 16), (4, 16, 16)]),
    "divided_behind": (divided_behind, f32, [(1, 2, 16, 8)] * 3),
    "chained": (chained, f32, [HEADS] * 3),
    "values_of_other_width": (softmax_product, f32, [(1, 2, 16, 8), (1, 2, 16, 8), (1, 2, 16, 24)]),
}


def main() -> None:
    """Write all of them."""
    rng = np.random.default_rng(0)
    for name, (function, element, shapes) in CASES.items():
        arrays = [
            rng.integers(5, 17, shape[1:]).astype(np.int32)
            if shape[0] == "i32"
            else rng.standard_normal(shape).astype(np.float16)
            for shape in shapes
        ]
        args = [jnp.asarray(a, element if a.dtype == np.float16 else a.dtype) for a in arrays]
        # Arguments as the function has them: rounded where it takes bf16.
        arrays = [np.asarray(a, np.float32 if a.dtype != np.int32 else np.int32) for a in args]
        jitted = jax.jit(function)
        module = jitted.lower(*args).compiler_ir("stablehlo").operation
        text = module.get_asm(print_generic_op_form=True)
        (HERE / f"jax_{name}.mlir").write_text(text)
        result = np.asarray(jitted(*args), np.float32)
        named = {f"arg{i}": a for i, a in enumerate(arrays)}
        np.savez_compressed(HERE / f"jax_{name}.npz", result=result, **named)


if __name__ == "__main__":
    main()

"""Writes what looks like attention and is none, from JAX: miss_NAME.mlir beside this file.

pip install jax==0.10.2; python export_near_misses.py
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp

HERE = Path(__file__).parent
H = (1, 2, 16, 8)
S = (1, 2, 16, 16)
ROW = (1, 2, 16)


def scores(q, k):
    return jnp.einsum("bhid,bhjd->bhij", q, k) * 8**-0.5


def values(p, v):
    return jnp.einsum("bhij,bhjd->bhid", p, v)


def softmax(s, axis=-1):
    return jax.nn.softmax(s, axis=axis)


def tril(k=0):
    return jnp.tril(jnp.ones((16, 16), bool), k)


def exponentials(q, k):
    s = scores(q, k)
    return jnp.exp(s - s.max(-1, keepdims=True))


def of(change):
    """Attention with something done to the scores."""
    return lambda q, k, v, *more: values(softmax(change(scores(q, k), *more)), v)


def after(change):
    """Attention with something done to the probabilities."""
    return lambda q, k, v, *more: values(change(softmax(scores(q, k)), *more), v)


def over(total):
    """Exponentials divided by something."""

    def function(q, k, v):
        e = exponentials(q, k)
        return values(e / total(e), v)

    return function


def keepdims(x):
    return x.sum(-1, keepdims=True)


def shared_keys(q, k, v):
    s = jnp.einsum("bhid,bjd->bhij", q, k[:, 0]) * 8**-0.5
    return values(softmax(s), v)


def two_products(q, k, v):
    return values(softmax(scores(q, k) + scores(v, q)), v)


def other_sums(q, k, v):
    e, f = exponentials(q, k), exponentials(k, q)
    return values(e / keepdims(f), v)


def capped(s):
    return 5 * jnp.tanh(s / 5)


CASES = {
    "not_normalized": (lambda q, k, v: values(exponentials(q, k), v), []),
    "softmax_of_queries": (lambda q, k, v: values(softmax(scores(q, k), 2), v), []),
    "softmax_one": (over(lambda e: keepdims(e) + 1), []),
    "sums_of_some_keys": (over(lambda e: keepdims(e[..., :8])), []),
    "sums_of_others": (other_sums, []),
    "over_maximum": (over(lambda e: e.max(-1, keepdims=True)), []),
    "times_sums": (
        lambda q, k, v: values(exponentials(q, k) * keepdims(exponentials(q, k)), v),
        [],
    ),
    "temperature_at_run_time": (of(lambda s, t: s / t), [(*ROW, 1)]),
    "squared": (of(lambda s: s * s), []),
    "clamped": (of(lambda s: jnp.clip(s, -1, 1)), []),
    "relu": (of(jax.nn.relu), []),
    "logarithm": (of(lambda s: jnp.log(1 + s * s)), []),
    "sine": (of(jnp.sin), []),
    "weak_mask": (of(lambda s: jnp.where(tril(), s, -100.0)), []),
    "zero_mask": (of(lambda s: jnp.where(tril(), s, 0.0)), []),
    "rows_without_keys": (of(lambda s: jnp.where(tril(-1), s, -1e9)), []),
    "finite_mask_at_run_time": (of(lambda s, m: jnp.where(m > 0, s, -1e9)), [S]),
    "other_scores": (of(lambda s, m: jnp.where(tril(), s, m)), [S]),
    "bias_before_scale": (of(lambda s, b: (s + b) * 0.5), [S]),
    "bias_before_cap": (of(lambda s, b: capped(s + b)), [S]),
    "mask_before_cap": (of(lambda s: capped(jnp.where(tril(), s, -1e9))), []),
    "capped_twice": (of(lambda s: capped(capped(s))), []),
    "two_products": (two_products, []),
    "bias_subtracted": (of(lambda s, b: s - b), [S]),
    "dropout": (after(lambda p, m: p * m), [S]),
    "threshold": (after(lambda p: jnp.where(p > 0.1, p, 0.0)), []),
    "floor": (after(lambda p: jnp.maximum(p, 0.01)), []),
    "offset": (after(lambda p: p + 0.01), []),
    "integers": (after(lambda p: (p * 127).astype(jnp.int8).astype(jnp.float32)), []),
    "shared_keys": (shared_keys, []),
}


def main() -> None:
    """Write all of them."""
    for name, (function, more) in CASES.items():
        args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in [H, H, H, *more]]
        module = jax.jit(function).lower(*args).compiler_ir("stablehlo").operation
        (HERE / f"miss_{name}.mlir").write_text(module.get_asm(print_generic_op_form=True))


if __name__ == "__main__":
    main()

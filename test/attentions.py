"""Attentions that tests compile, and what they must give: float64, written down plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import fa
import ml_dtypes
import numpy as np
from fa.frontends.mlir import parse_module, run_passes
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

FUSED = "tile,fuse,quantize,allocate-sram,lower-to-isa"
UNFUSED = "tile,quantize,allocate-sram,lower-to-isa"


@dataclass(frozen=True)
class Case:
    """One attention, by the arguments of `fa.attention`."""

    q_len: int
    kv_len: int
    head_dim: int = 64
    q_heads: int = 1
    kv_heads: int = 1
    mask: str | None = None
    causal_offset: int | None = None
    lse: bool = False
    batch: int = 1
    value_dim: int | None = None
    scale: float | None = None
    dtype: str = "bf16"

    def __str__(self) -> str:
        """The fields that are not the default, as the name of a test."""
        default = Case(0, 0)
        given = {k: v for k, v in asdict(self).items() if v != getattr(default, k)}
        return ",".join(f"{k}={v}" for k, v in given.items())

    @property
    def offset(self) -> int | None:
        """Query i sees key j iff j <= i + offset; None without a mask."""
        if self.mask is None:
            return None
        return self.kv_len - self.q_len if self.causal_offset is None else self.causal_offset

    @property
    def live_rows(self) -> int:
        """Rows of the result that see a key."""
        dead = 0 if self.offset is None else min(self.q_len, max(0, -self.offset))
        return self.batch * self.q_heads * (self.q_len - dead)

    def module(self) -> ModuleOp:
        """A module with this attention."""
        return fa.attention(**asdict(self))

    def arguments(self, seed: int = 0) -> list[NDArray[np.float32]]:
        """q, k and v, standard normal, exact in the interface type."""
        random = np.random.default_rng(seed)
        kv = (self.batch, self.kv_heads, self.kv_len)
        shapes = (
            (self.batch, self.q_heads, self.q_len, self.head_dim),
            (*kv, self.head_dim),
            (*kv, self.value_dim or self.head_dim),
        )
        kind = {"bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32}[self.dtype]
        return [random.standard_normal(shape).astype(kind).astype(np.float32) for shape in shapes]

    def reference(
        self, args: Sequence[NDArray[np.floating]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The result and its logsumexp in float64; a row that sees no key gives 0 and -inf."""
        q, k, v = (np.asarray(arg, np.float64) for arg in args)
        scale = self.head_dim**-0.5 if self.scale is None else self.scale
        query, key = np.ogrid[: self.q_len, : self.kv_len]
        seen = np.bool_(True) if self.offset is None else key <= query + self.offset
        return masked_attention(q, k, v, scale, seen)


def masked_attention(
    q: NDArray[np.float64],
    k: NDArray[np.float64],
    v: NDArray[np.float64],
    scale: float,
    seen: NDArray[np.bool_] | np.bool_,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Attention to the keys that are seen, and its logsumexp; a row that sees none: 0 and -inf."""
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = np.where(seen, scale * (q @ k.swapaxes(2, 3)), -np.inf)
    top = scores.max(axis=3)
    weights = np.exp(scores - np.where(np.isneginf(top), 0, top)[..., None])
    total = weights.sum(axis=3)
    with np.errstate(divide="ignore"):
        lse = top + np.log(total)
    return (weights / np.where(total > 0, total, 1)[..., None]) @ v, lse


def relative_error(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """The L2 norm of the difference over that of `expected`; inf where something is not finite."""
    assert actual.shape == expected.shape
    if not np.isfinite(actual).all():
        return float("inf")
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def after_chains(text: str, chains: Sequence[str]) -> Iterator[ModuleOp]:
    """The module of `text` after each chain of passes; what several begin with is run once."""
    known = {"": parse_module(text)}
    for chain in chains:
        module, done = known[""], ""
        for step in re.findall(r"[^,{]+(?:\{[^}]*\})?", chain):
            done = f"{done},{step}" if done else step
            if done not in known:
                known[done] = module.clone()
                run_passes(known[done], step)
            module = known[done]
        yield module

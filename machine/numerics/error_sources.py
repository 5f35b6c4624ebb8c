"""Where the error of low-precision attention arises: each rounding by itself, against float64.

A model of the compiled kernel (FlashAttention-2, keys in tiles): storage formats of Q, K, V and O,
and bf16 for scores, probabilities, statistics and the accumulator. Each source can be switched on
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ..spec.params import Machine
from . import mx_blocks
from .center_rotate import centred, rotated
from .storage_policies import (
    MACHINE,
    Policy,
    PolicyError,
    StorageFormat,
    parse_format,
    storage_format,
)

F64 = NDArray[np.float64]

SOURCES = ("K", "V", "Q", "S", "P", "statistics", "O")
"""What is rounded: stored K, V and Q (scaled too), scores, probabilities, running maximum and sum
with what rescales by them, and the accumulator and stored O."""

KV_TILE = 64


@dataclass(frozen=True)
class Problem:
    """Attention of some query rows: q [kv_heads, group, rows, dim], k, v [kv_heads, keys, dim].

    Row i of the queries is row `rows[i]` of all. With `seen`, [rows] each, it sees key j iff
    seen[0][i] <= j < seen[1][i], without it all. `softcap` c makes c tanh(s / c) of scores.
    """

    q: F64
    k: F64
    v: F64
    rows: NDArray[np.int64]
    scale: float
    seen: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    softcap: float | None = None

    @classmethod
    def of(
        cls,
        q: F64,
        k: F64,
        v: F64,
        scale: float,
        keys: Callable[[int], tuple[int, int]] | None,
        rows: int,
        softcap: float | None = None,
    ) -> Problem:
        """From whole tensors [batch, heads, length, dim], with at most `rows` query rows spread
        evenly over all. `keys` gives the run of keys that a query sees, None for all."""
        batch, heads, length, dim = q.shape
        group = heads // k.shape[1]
        count = min(rows, length)
        chosen = np.arange(count, dtype=np.int64) * (length - 1) // max(1, count - 1)
        picked = q[:, :, chosen].reshape(batch * k.shape[1], group, len(chosen), dim)
        seen = None
        if keys is not None:
            most = k.shape[2]
            runs = [tuple(min(end, most) for end in keys(int(row))) for row in chosen]
            first, last = np.array(runs, np.int64).T
            seen = first, last
        k, v = k.reshape(-1, *k.shape[2:]), v.reshape(-1, *v.shape[2:])
        return cls(picked, k, v, chosen, scale, seen, softcap)


@dataclass(frozen=True)
class Formats:
    """How a policy stores Q, K, V and O, whether the machine loads that, and what prepares it."""

    q: StorageFormat
    k: StorageFormat
    v: StorageFormat
    o: StorageFormat
    loaded: bool
    rule: mx_blocks.Rule = "rceil"
    smooth: bool = False
    turn: bool = False

    @classmethod
    def of(
        cls, policy: Policy, machine: Machine, rule: mx_blocks.Rule, smooth: bool, turn: bool
    ) -> Formats:
        """The formats of a policy on a machine; those that it cannot load are OCP's."""
        loaded = True
        found: dict[str, StorageFormat] = {}
        for role in ("q", "k", "v", "o"):
            try:
                form = storage_format(policy.storage(machine, role))
                assert form is not None
            except PolicyError:
                if policy.formats[role] == MACHINE:
                    raise
                loaded, form = False, parse_format(policy.formats[role])
            found[role] = form
        return cls(**found, loaded=loaded, rule=rule, smooth=smooth, turn=turn)

    def stored(self, values: F64, form: StorageFormat) -> F64:
        """Values after a round trip through a format."""
        if not form.block:
            return _plain(values, form.element)
        codes = mx_blocks.quantize(
            values,
            form.element,
            form.block,
            scale="e4m3" if form.scale == "e4m3" else "e8m0",
            rule=self.rule,
            variant="plena" if self.loaded else "ocp",
            rounding="nearest",
        )
        return mx_blocks.dequantize(codes).astype(np.float64)

    def bytes_per_token(self, problem: Problem) -> float:
        """Bytes of K and V that one token takes in one layer of one sequence, scales included."""
        heads, _, dim = problem.k.shape
        return (
            heads * (dim * self.k.bits_per_value + problem.v.shape[-1] * self.v.bits_per_value) / 8
        )


def _plain(values: F64, element: str) -> F64:
    if element == "f32":
        return values.astype(np.float32).astype(np.float64)
    kind = np.float16 if element == "f16" else ml_dtypes.bfloat16
    return values.astype(np.float32).astype(kind).astype(np.float64)


def _bf16(values: F64) -> F64:
    return _plain(values, "bf16")


def _as_is(values: F64) -> F64:
    return values


def attention(problem: Problem, formats: Formats, on: Collection[str]) -> F64:
    """The output rows with the roundings of the sources in `on`, all else in float64."""
    q, k, v = problem.q, problem.k, problem.v
    if formats.smooth:
        k = centred(k, 1)
    if formats.turn:
        q, k = rotated(q, 0), rotated(k, 0)
    k = formats.stored(k, formats.k) if "K" in on else k
    v = formats.stored(v, formats.v) if "V" in on else v
    q = formats.stored(q, formats.q) if "Q" in on else q
    q = q * problem.scale
    out = _flash(problem, _bf16(q) if "Q" in on else q, k, v, on)
    return formats.stored(out, formats.o) if "O" in on else out


def _flash(problem: Problem, q: F64, k: F64, v: F64, on: Collection[str]) -> F64:
    """FlashAttention-2 over tiles of keys."""
    s_of, p_of, stat, o_of = (_bf16 if x in on else _as_is for x in ("S", "P", "statistics", "O"))
    shape = q.shape[:3]
    m, total = np.full(shape, -np.inf), np.zeros(shape)
    acc = np.zeros((*shape, v.shape[-1]))
    keys = k.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        for start in range(0, keys, KV_TILE):
            part = slice(start, min(start + KV_TILE, keys))
            s = s_of(np.einsum("ghrd,gkd->ghrk", q, k[:, part], optimize=True))
            if problem.softcap is not None:
                s = s_of(problem.softcap * np.tanh(s / problem.softcap))
            if problem.seen is not None:
                first, last = (end[:, None] for end in problem.seen)
                key = np.arange(part.start, part.stop)
                s = np.where((first <= key) & (key < last), s, -np.inf)
            new = stat(np.maximum(m, s.max(axis=-1)))
            safe = np.where(np.isfinite(new), new, 0)
            p = p_of(np.exp(p_of(s - safe[..., None])))
            alpha = stat(np.exp(stat(np.where(np.isfinite(m), m - safe, -np.inf))))
            total = stat(stat(alpha * total) + p.sum(axis=-1))
            pv = o_of(np.einsum("ghrk,gkd->ghrd", p, v[:, part], optimize=True))
            acc = o_of(o_of(acc * alpha[..., None]) + pv)
            m = new
        inverse = stat(np.where(total > 0, 1 / np.where(total > 0, total, 1), 0))
    return o_of(acc * inverse[..., None])


@dataclass(frozen=True)
class Accuracy:
    """Errors of one policy against float64, all of it and by source (relative L2 errors)."""

    relative: float
    maximum: float
    cosine: float
    sqnr_db: float
    by_source: Mapping[str, float]


class Study:
    """Errors of several policies on one problem; what they share is computed once."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self._known: dict[tuple[object, ...], F64] = {}

    def accuracy(self, formats: Formats) -> Accuracy:
        """All errors of a policy."""
        exact = self._output(formats, ())
        whole = attention(self.problem, formats, SOURCES)
        parts = {source: relative(self._output(formats, (source,)), exact) for source in SOURCES}
        error = relative(whole, exact)
        norms = float(np.linalg.norm(whole) * np.linalg.norm(exact))
        return Accuracy(
            error,
            float(np.abs(whole - exact).max()),
            float((whole * exact).sum()) / norms if norms else 1.0,
            float(-20 * np.log10(error)) if error else float("inf"),
            parts,
        )

    def _output(self, formats: Formats, on: tuple[str, ...]) -> F64:
        """The output with at most one source, by what that source depends on."""
        stored = {"K": formats.k, "V": formats.v, "Q": formats.q, "O": formats.o}
        form = stored.get(on[0]) if on else None
        key = (on, form, formats.loaded, formats.rule) if form is not None and form.block else (on,)
        key = (*key, form, formats.smooth, formats.turn)
        if key not in self._known:
            self._known[key] = attention(self.problem, formats, on)
        return self._known[key]


def relative(have: F64, want: F64) -> float:
    """Relative L2 error."""
    norm = float(np.linalg.norm(want))
    return float(np.linalg.norm(have - want)) / norm if norm else 0.0

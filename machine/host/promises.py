"""What a kernel was promised about its data, and whether data keeps it.

A kernel that does without the maximum of a row is right for scores within a bound and values that
neither overflow nor vanish beside exp of it (`machine/numerics/bounded_scores.py`). Checked is what
HBM holds, hidden keys too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..numerics.bounded_scores import HIGHEST, bound_for, rounded_down, value_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .recipe import Leaf, Recipe

ROWS = 256
"""Queries of a head whose scores are made at once where the norms of rows do not decide."""

SLACK = 1e-5
"""What scores may be beyond their bound, relative: queries times the scale are f32."""


@dataclass(frozen=True)
class Promise:
    """Scores of one attention within `bound`, and values that go with it.

    `query`, `key` and `value` are recipes over arguments: [batch, heads, length, dim], as the
    kernel multiplies them. Without `query` and `key` the bound holds whatever they are: it is a
    soft cap. `softcap` is 0 where there is none.
    """

    bound: float
    value: Recipe
    query: Recipe = ()
    key: Recipe = ()
    scale: float = 1.0
    softcap: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The promise as JSON values."""
        return {
            "bound": self.bound,
            "scale": self.scale,
            "softcap": self.softcap,
            "query": list(self.query),
            "key": list(self.key),
            "value": list(self.value),
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Promise:
        """The promise that `to_json` wrote. Raises ValueError where it is none."""
        numbers, recipes = ("bound", "scale", "softcap"), ("query", "key", "value")
        if set(entry) != {*numbers, *recipes}:
            raise ValueError(f"a promise has {', '.join((*numbers, *recipes))} and no others")
        for name in numbers:
            if isinstance(entry[name], bool) or not isinstance(entry[name], int | float):
                raise ValueError(f"{name} of a promise is a number, not {entry[name]!r:.40}")
        bound, scale, softcap = (float(cast("float", entry[name])) for name in numbers)
        if not 0 < bound <= HIGHEST or softcap < 0:
            raise ValueError(
                f"the bound of a promise is above 0 and at most {HIGHEST:g}, its softcap at least "
                f"0; got {bound:g} and {softcap:g}"
            )
        for name in recipes:
            if not isinstance(entry[name], list | tuple):
                raise ValueError(f"{name} of a promise is a list, not {entry[name]!r:.40}")
        query, key, value = (cast("Sequence[Any]", entry[name]) for name in recipes)
        if not value or bool(query) != bool(key):
            raise ValueError("a promise is about values, and about queries and keys or neither")
        return cls(bound, value, query, key, scale, softcap)

    def broken(self, leaf: Callable[[Leaf, int], NDArray[np.float32]]) -> str | None:
        """How data breaks the promise; None where it keeps it. `leaf` gives arguments as stored."""
        from .recipe import evaluate

        if self.query:
            query, key = (evaluate(recipe, leaf) for recipe in (self.query, self.key))
            found = self._scores(query, key)
            if found is not None:
                return found
        return self._values(evaluate(self.value, leaf))

    def _scores(self, query: NDArray[np.float32], key: NDArray[np.float32]) -> str | None:
        """Scores beyond the bound: |q k| <= |q| |k| first, themselves where that is too much."""
        import numpy as np

        q, k = (x.astype(np.float64) * factor for x, factor in ((query, self.scale), (key, 1.0)))
        group = q.shape[1] // k.shape[1]
        with np.errstate(invalid="ignore", over="ignore"):
            lengths = [np.sqrt((x**2).sum(axis=3)).max(axis=2) for x in (q, k)]
            most = self._capped(lengths[0] * np.repeat(lengths[1], group, axis=1))
            # `not <=`, so that NaN is too much as well.
            heads = np.argwhere(~(most <= self.bound * (1 + SLACK)))
            for b, h in heads:
                for first in range(0, q.shape[2], ROWS):
                    rows = q[b, h, first : first + ROWS]
                    scores = self._capped(np.abs(rows @ k[b, h // group].T))
                    reach = float(scores.max())
                    if not reach <= self.bound * (1 + SLACK):
                        i, j = np.unravel_index(int(scores.argmax()), scores.shape)
                        return (
                            f"scores reach {reach:.4g}, beyond score_bound = {self.bound:g} (batch "
                            f"{b}, head {h}, query {first + int(i)}, key {int(j)}); compile with a "
                            "larger bound or without"
                        )
        return None

    def _capped(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        return np.tanh(scores / self.softcap) * self.softcap if self.softcap else scores

    def _values(self, value: NDArray[np.float32]) -> str | None:
        """Values that overflow beside exp(bound), or vanish beside exp(-bound)."""
        import numpy as np

        least, most = value_range(self.bound, value.shape[2])
        largest = np.abs(value).max(axis=(2, 3))
        for b, h in np.argwhere(~((largest == 0) | ((least <= largest) & (largest <= most)))):
            bound = bound_for(float(largest[b, h]), value.shape[2])
            return (
                f"values reach {largest[b, h]:.4g} (batch {b}, KV head {h}), and beside scores "
                f"within {self.bound:g} and {value.shape[2]} keys they must reach {least:.2g} to "
                f"{most:.2g}, or be 0; compile with tile{{bounded=false}}"
                + (f", or promise {rounded_down(bound):g}" if self.query and bound >= 1 else "")
            )
        return None

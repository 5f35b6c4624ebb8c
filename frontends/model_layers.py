"""The layers of a model, which need not have the same attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from xdsl.dialects.builtin import ModuleOp

from ..diagnostics import CompileError
from .models import ALTERNATING, MODELS, ModelAttention, known_name


@dataclass(frozen=True)
class Refused:
    """A layer whose attention cannot be said, and why, with the key that asks for it."""

    reason: str


Layer = ModelAttention | Refused


@dataclass(frozen=True)
class Layers:
    """The attention of each layer of a model.

    `same` is true where all are as the first, and their number need not be known then. `names`
    says for each what the configuration calls it; `where` is the place that errors name.
    """

    layers: Sequence[Layer]
    same: bool = True
    names: Sequence[str] = ()
    where: str | None = None

    @classmethod
    def named(cls, name: str) -> Layers:
        """The layers of a known model. Raises CompileError that lists what there is."""
        found = known_name(name)
        model, count = MODELS[found], ALTERNATING.get(found, 0)
        if not count:
            return cls([model])
        kinds = [model, replace(model, window=None)]
        names = [f"a window of {model.window} tokens", "all tokens"]
        return cls(
            [kinds[layer % 2] for layer in range(count)],
            False,
            [names[layer % 2] for layer in range(count)],
        )

    def module(
        self,
        phase: str,
        seq: int,
        *,
        layer: int | None = None,
        batch: int = 1,
        mask: str | None = None,
        lse: bool = False,
        dtype: str = "bf16",
    ) -> ModuleOp:
        """The attention of a layer, as `ModelAttention.module`. Raises CompileError."""
        found = self.layer(layer, phase, seq, mask)
        return found.module(phase, seq, batch=batch, mask=mask, lse=lse, dtype=dtype)

    def layer(
        self,
        number: int | None,
        phase: str = "prefill",
        seq: int = 1 << 62,
        mask: str | None = None,
    ) -> ModelAttention:
        """The attention of layer `number`, counted from 0; without it what all layers do.

        Layers do the same where their masks hide the same of `seq` tokens, or a `mask` is given.
        Raises CompileError where they differ, where there is no such layer, and where its attention
        cannot be said.
        """
        if number is not None:
            if number >= len(self.layers) and (not self.same or len(self.layers) > 1):
                last = len(self.layers) - 1
                raise CompileError(f"there is no layer {number}; the last is {last}", self.where)
            return self._possible(self.layers[0 if self.same else number], number)
        seen = {
            each if isinstance(each, Refused) else each.masked(mask, phase, seq)
            for each in self.layers
        }
        if len(seen) > 1:
            raise CompileError(
                f"layers differ: {self.summary()}; choose one with --layer N", self.where
            )
        return self._possible(self.layers[0], 0)

    def _possible(self, layer: Layer, number: int) -> ModelAttention:
        if isinstance(layer, ModelAttention):
            return layer
        others = [n for n, each in enumerate(self.layers) if isinstance(each, ModelAttention)]
        if self.same or not others:
            raise CompileError(layer.reason, self.where)
        raise CompileError(
            f"layer {number}: {layer.reason}; those that can be said are {_numbers(others)}",
            self.where,
        )

    def summary(self) -> str:
        """Which layers do what."""
        kinds: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            kinds.setdefault(name, []).append(number)
        said = [f"{_numbers(numbers)}: {name}" for name, numbers in kinds.items()]
        return "; ".join(said[:4]) + ("; ..." if len(said) > 4 else "")


def _numbers(numbers: Sequence[int]) -> str:
    """Layer numbers in a few words: runs as 3-7, and of more than five the first and the last."""
    runs: list[str] = []
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    if len(runs) > 5:
        runs = [*runs[:3], "...", runs[-1]]
    return ", ".join(runs)

"""The attention of a model's layers, and the models that are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from xdsl.dialects.builtin import ModuleOp

from ..diagnostics import CompileError
from .alibi import Alibi
from .builder import attention

PHASES = ("prefill", "decode")
MASKS = ("none", "causal")


@dataclass(frozen=True)
class ModelAttention:
    """The attention of one layer of a model.

    `causal` says whether a token sees only those before it; `scale` multiplies the scores, None for
    1/sqrt(head_dim); `window` is the number of keys a query sees at most, None for all, where
    `causal` is false half as many to each side. `chunk` is the number of tokens in a chunk beyond
    which nobody sees. `value_dim` is that of values, None for head_dim; `softcap`, `sinks` and
    `alibi` as for `fa.attention`. Beyond `limit` tokens (None: nowhere) the model does something
    that cannot be said, which the configuration's key `limit_key` asks for.
    """

    q_heads: int
    kv_heads: int
    head_dim: int
    causal: bool = True
    scale: float | None = None
    window: int | None = None
    value_dim: int | None = None
    softcap: float | None = None
    sinks: bool = False
    chunk: int | None = None
    alibi: Alibi | None = None
    limit: int | None = None
    limit_key: str = ""

    def module(
        self,
        phase: str,
        seq: int,
        *,
        batch: int = 1,
        mask: str | None = None,
        lse: bool = False,
        dtype: str = "bf16",
    ) -> ModuleOp:
        """The attention over `seq` tokens: all of them as queries ("prefill"), or one ("decode").

        `mask` is "none" or "causal"; by default what the model does: its window or chunk where
        there are more tokens than that, else causal, and none for decode, whose one query is the
        last token. Raises CompileError.
        """
        if phase not in PHASES:
            raise CompileError(f"unknown phase '{phase}'; there are {', '.join(PHASES)}")
        if mask not in (None, *MASKS):
            raise CompileError(f"unknown mask '{mask}'; there are {', '.join(MASKS)}")
        self.check_length(seq)
        if mask is None:
            mask = self.mask(phase, seq)
        return attention(
            q_heads=self.q_heads,
            kv_heads=self.kv_heads,
            q_len=seq if phase == "prefill" else 1,
            kv_len=seq,
            head_dim=self.head_dim,
            batch=batch,
            value_dim=self.value_dim,
            mask=None if mask == "none" else mask,
            scale=self.scale,
            softcap=self.softcap,
            sinks=self.sinks,
            lse=lse,
            alibi=self.alibi,
            dtype=dtype,
            name=phase,
        )

    def check_length(self, seq: int) -> None:
        """Raise CompileError for more tokens than the attention is known for."""
        if self.limit is not None and seq > self.limit:
            raise CompileError(
                f"'{self.limit_key}' changes the scores beyond {self.limit} tokens, which no "
                f"attribute of fa.attention says; take at most {self.limit}"
            )

    def mask(self, phase: str, seq: int) -> str | None:
        """The mask of the model for `seq` tokens as `fa.attention` takes it; None for all keys."""
        if self.chunk is not None and seq > self.chunk:
            return f"#fa.all_of<[#fa.chunked<size = {self.chunk}>, #fa.causal]>"
        if self.window is not None and not self.causal:
            side = self.window // 2
            return f"#fa.window<left = {side}, right = {side}>" if seq > side + 1 else None
        if self.window is not None and seq > self.window:
            return f"#fa.window<left = {self.window - 1}, right = 0>"
        return "causal" if self.causal and phase == "prefill" else None

    def masked(self, mask: str | None, phase: str, seq: int) -> ModelAttention:
        """What of this attention matters for `seq` tokens, or under a `mask` that is given."""
        plain = replace(self, window=None, chunk=None)
        if mask is None and self.mask(phase, seq) != plain.mask(phase, seq):
            plain = self
        far = self.limit is not None and seq > self.limit
        return plain if far else replace(plain, limit=None)


MODELS: Mapping[str, ModelAttention] = {
    "Llama-3.1-8B": ModelAttention(32, 8, 128),
    "Llama-3.1-70B": ModelAttention(64, 8, 128),
    "Llama-3.2-1B": ModelAttention(32, 8, 64),
    "Llama-3.2-3B": ModelAttention(24, 8, 128),
    "Mistral-7B-v0.3": ModelAttention(32, 8, 128),
    "Qwen2.5-0.5B": ModelAttention(14, 2, 64),
    "Qwen2.5-7B": ModelAttention(28, 4, 128),
    "Qwen3-0.6B": ModelAttention(16, 8, 128),
    "Qwen3-8B": ModelAttention(32, 8, 128),
    "Qwen3-32B": ModelAttention(64, 8, 128),
    "gpt-oss-20b": ModelAttention(64, 8, 64, window=128, sinks=True),
    "Gemma-2-2B": ModelAttention(8, 4, 256, scale=0.0625, window=4096, softcap=50.0),
    "DeepSeek-V3": ModelAttention(128, 128, 192, scale=0.1352337788608801, value_dim=128),
    "Falcon-7B": ModelAttention(71, 1, 64),
    "GPT-2": ModelAttention(12, 12, 64),
    "BERT-base": ModelAttention(12, 12, 64, causal=False),
    "LLaDA-8B": ModelAttention(32, 32, 128, causal=False),
    "SmolVLM2-vision": ModelAttention(16, 16, 72, causal=False),
}
"""Models by name; names are found whatever their case. Of a model in `ALTERNATING` it is a layer
with a window."""

ALTERNATING: Mapping[str, int] = {"gpt-oss-20b": 24, "Gemma-2-2B": 26}
"""Layers of the models whose even layers have the window and whose odd ones see all tokens."""


def find_model(name: str) -> ModelAttention:
    """The known model `name`. Raises CompileError that lists what there is."""
    return MODELS[known_name(name)]


def known_name(name: str) -> str:
    """The name in MODELS that `name` means. Raises CompileError that lists what there is."""
    by_lower = {known.lower(): known for known in MODELS}
    found = by_lower.get(name.lower())
    if found is None:
        close = get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[close[0]]}? " if close else ""
        raise CompileError(
            f"unknown model '{name}'; {hint}there are {', '.join(MODELS)}, or a config.json"
        )
    return found

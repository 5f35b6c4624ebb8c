"""The attention of known models, and of a model's own configuration file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import cast

from xdsl.dialects.builtin import ModuleOp

from ..diagnostics import CompileError
from .builder import attention

PHASES = ("prefill", "decode")
MASKS = ("none", "causal")


@dataclass(frozen=True)
class ModelAttention:
    """The attention of one layer of a model.

    `causal` says whether a token sees only those before it; `scale` multiplies the scores, None for
    1/sqrt(head_dim); `window` is the number of keys a query sees at most, None for all.
    """

    q_heads: int
    kv_heads: int
    head_dim: int
    causal: bool = True
    scale: float | None = None
    window: int | None = None

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

        `mask` is "none" or "causal"; by default what the model does, and none for decode, whose
        one query is the last token. Raises CompileError for what `fa.attention` cannot express.
        """
        if phase not in PHASES:
            raise CompileError(f"unknown phase '{phase}'; there are {', '.join(PHASES)}")
        if mask not in (None, *MASKS):
            raise CompileError(f"unknown mask '{mask}'; there are {', '.join(MASKS)}")
        if self.window is not None and seq > self.window:
            raise CompileError(
                f"the model sees a window of {self.window} keys, which is not supported; at most "
                f"{self.window} tokens, which it sees whole, are"
            )
        default = "causal" if self.causal and phase == "prefill" else "none"
        return attention(
            q_heads=self.q_heads,
            kv_heads=self.kv_heads,
            q_len=seq if phase == "prefill" else 1,
            kv_len=seq,
            head_dim=self.head_dim,
            batch=batch,
            mask="causal" if (mask or default) == "causal" else None,
            scale=self.scale,
            lse=lse,
            dtype=dtype,
            name=phase,
        )


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
    "Falcon-7B": ModelAttention(71, 1, 64),
    "GPT-2": ModelAttention(12, 12, 64),
    "BERT-base": ModelAttention(12, 12, 64, causal=False),
    "LLaDA-8B": ModelAttention(32, 32, 128, causal=False),
    "SmolVLM2-vision": ModelAttention(16, 16, 72, causal=False),
}
"""Models by name; names are found whatever their case."""


def find_model(name: str) -> ModelAttention:
    """The known model `name`. Raises CompileError that lists what there is."""
    by_lower = {known.lower(): known for known in MODELS}
    found = by_lower.get(name.lower())
    if found is None:
        close = get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[close[0]]}? " if close else ""
        raise CompileError(
            f"unknown model '{name}'; {hint}there are {', '.join(MODELS)}, or a config.json"
        )
    return MODELS[found]


def read_config(text: str, filename: str) -> ModelAttention:
    """The attention that a HuggingFace-style config.json describes.

    Read are num_attention_heads (n_head), num_key_value_heads, head_dim or hidden_size (n_embd),
    query_pre_attn_scalar, attention_multiplier and sliding_window; a `text_config` is looked into.
    Raises CompileError, with the position in `filename`, where the text is no JSON, lacks what is
    needed, or asks for what `fa.attention` cannot express.
    """
    try:
        config: object = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{filename}:{error.lineno}:{error.colno}"
        raise CompileError(f"not valid JSON: {error.msg}", where) from None
    except RecursionError:
        raise CompileError("not a configuration: nested too deep", f"{filename}:1:1") from None
    return _Config(config, filename).read()


class _Config:
    """Typed access to a configuration, with errors at its file."""

    def __init__(self, config: object, filename: str):
        self._where = f"{filename}:1:1"
        table = self._table(config)
        # Models of several modalities keep the language model's part apart.
        self._values = self._table(table["text_config"]) if "text_config" in table else table

    def _table(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self._error("a model configuration is a JSON object, {...}")
        return cast(dict[str, object], value)

    def _error(self, message: str) -> CompileError:
        return CompileError(message, self._where)

    def read(self) -> ModelAttention:
        for key, meaning in (
            ("attn_logit_softcapping", "a soft cap on the scores"),
            ("kv_lora_rank", "latent KV compression"),
            ("alibi", "position biases (ALiBi)"),
        ):
            if self._values.get(key):
                raise self._error(f"'{key}' asks for {meaning}, which is not supported")
        q_heads = self._integer("num_attention_heads", "n_head")
        if q_heads is None:
            raise self._error("'num_attention_heads' is missing")
        kv_heads = self._integer("num_key_value_heads", "num_kv_heads")
        if kv_heads is None:
            kv_heads = 1 if self._values.get("multi_query") is True else q_heads
        head_dim = self._integer("head_dim")
        if head_dim is None:
            hidden = self._integer("hidden_size", "n_embd")
            if hidden is None:
                raise self._error("'head_dim' is missing, and so is 'hidden_size'")
            if hidden % q_heads:
                raise self._error(
                    f"'hidden_size' is {hidden}, no multiple of the {q_heads} heads; write "
                    "'head_dim'"
                )
            head_dim = hidden // q_heads
        slides = self._values.get("use_sliding_window") is not False
        window = self._integer("sliding_window") if slides else None
        return ModelAttention(q_heads, kv_heads, head_dim, scale=self._scale(), window=window)

    def _scale(self) -> float | None:
        multiplier = self._number("attention_multiplier")
        if multiplier is not None:
            return multiplier
        scalar = self._number("query_pre_attn_scalar")
        return None if scalar is None else scalar**-0.5

    def _integer(self, *keys: str) -> int | None:
        """The first of `keys` that is there and not null."""
        for key in keys:
            value = self._values.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self._error(f"'{key}' is {value!r}; it must be a positive integer")
            return value
        return None

    def _number(self, key: str) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self._error(f"'{key}' is {value!r}; it must be a positive number")
        return float(value)

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
    1/sqrt(head_dim); `window` is the number of keys a query sees at most, None for all. `value_dim`
    is that of values, None for head_dim; `softcap` and `sinks` as for `fa.attention`. Of models
    whose layers take turns it is a layer with a window; `mask="causal"` gives the others.
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

        `mask` is "none" or "causal"; by default what the model does: its window where there are
        more tokens than that, else causal, and none for decode, whose one query is the last token.
        """
        if phase not in PHASES:
            raise CompileError(f"unknown phase '{phase}'; there are {', '.join(PHASES)}")
        if mask not in (None, *MASKS):
            raise CompileError(f"unknown mask '{mask}'; there are {', '.join(MASKS)}")
        default = "causal" if self.causal and phase == "prefill" else None
        if self.window is not None and seq > self.window:
            default = f"#fa.window<left = {self.window - 1}, right = 0>"
        return attention(
            q_heads=self.q_heads,
            kv_heads=self.kv_heads,
            q_len=seq if phase == "prefill" else 1,
            kv_len=seq,
            head_dim=self.head_dim,
            batch=batch,
            value_dim=self.value_dim,
            mask=default if mask is None else None if mask == "none" else mask,
            scale=self.scale,
            softcap=self.softcap,
            sinks=self.sinks,
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
    "gpt-oss-20b": ModelAttention(64, 8, 64, window=128, sinks=True),
    "Gemma-2-2B": ModelAttention(8, 4, 256, scale=0.0625, window=4096, softcap=50.0),
    "DeepSeek-V3": ModelAttention(128, 128, 192, value_dim=128),
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
    query_pre_attn_scalar, attention_multiplier, attn_logit_softcapping and sliding_window; with
    kv_lora_rank the heads of latent attention as they are multiplied, qk_nope_head_dim,
    qk_rope_head_dim and v_head_dim; a model_type of gpt_oss has sinks; a `text_config` is looked
    into. Raises CompileError, with the position in `filename`, where the text is no JSON, lacks
    what is needed, or asks for what `fa.attention` has no attribute for.
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
        if self._values.get("alibi"):
            raise self._error(
                "'alibi' asks for position biases (ALiBi), which are a score_mod to be written by "
                "hand; docs/attention.md says how"
            )
        q_heads = self._integer("num_attention_heads", "n_head")
        if q_heads is None:
            raise self._error("'num_attention_heads' is missing")
        kv_heads = self._integer("num_key_value_heads", "num_kv_heads")
        if kv_heads is None:
            kv_heads = 1 if self._values.get("multi_query") is True else q_heads
        head_dim, value_dim = self._integer("head_dim"), None
        if self._values.get("kv_lora_rank"):
            parts = [self._needed(key) for key in ("qk_nope_head_dim", "qk_rope_head_dim")]
            head_dim, value_dim, kv_heads = sum(parts), self._needed("v_head_dim"), q_heads
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
        return ModelAttention(
            q_heads,
            kv_heads,
            head_dim,
            scale=self._scale(),
            window=window,
            value_dim=value_dim,
            softcap=self._number("attn_logit_softcapping"),
            sinks=self._values.get("model_type") == "gpt_oss",
        )

    def _needed(self, key: str) -> int:
        value = self._integer(key)
        if value is None:
            raise self._error(f"'{key}' is missing, which goes with 'kv_lora_rank'")
        return value

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

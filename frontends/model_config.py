"""The attention that a HuggingFace-style config.json describes.

Keys are read as the models' published code reads them. What happens to queries and keys before
attention (rotations, norms, biases of projections) is no part of it. A key that changes attention
in a way that cannot be said is an error with its name, and so is one that is not known here but has
a name that speaks of attention.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import NoReturn, cast

from ..diagnostics import CompileError
from .alibi import Alibi
from .mlir import LARGEST
from .model_layer_kinds import layer_kinds
from .model_layers import Layer, Layers, Refused
from .models import ModelAttention


def _words(text: str) -> list[str]:
    return text.split()


BIDIRECTIONAL = frozenset(
    _words("""
    albert bert camembert clip_vision_model deit dinov2 distilbert electra esm eurobert
    idefics3_vision llada modernbert nomic_bert roberta siglip siglip2_vision_model
    siglip_vision_model smolvlm_vision vit xlm-roberta
""")
)
"""Values of model_type whose tokens see those behind them as well."""

UNSCALED = frozenset(("gpt_neo",))
"""Values of model_type whose scores are not divided by anything."""

ONE_KV_HEAD = frozenset(("falcon", "gpt_bigcode"))
"""Values of model_type that have one KV head where nothing is written."""

PARTS = ("text_config", "llm_config", "language_config")
"""Keys under which models of several modalities keep the language model's part."""

POSITIONS = ("absolute", "learned_absolute", "rotary", "rope", "nope", "none")
"""Values of position_embedding_type that leave attention as it is."""

REFUSED = {
    "is_encoder_decoder": "a model with an encoder and a decoder, which has three attentions; "
    "write the numbers of one as a configuration of its own",
    "relative_attention_num_buckets": "biases by distance that are learnt; fa.attention takes them "
    "as bias or score_mod, docs/attention.md says how",
    "relative_attention": "scores of positions that are multiplied with queries (DeBERTa)",
    "attn_uses_sequence_id": "documents in a sequence; write their lengths as #fa.documents",
    "prefix_lm": "a prefix that all tokens see; write its length as #fa.prefix",
    "index_topk": "keys that are chosen by their scores (sparse attention)",
    "use_logn_attn": "queries that grow with the logarithm of their position",
    "dual_chunk_attention_config": "attention over chunks of three kinds",
    "use_sparse_attention": "sparse attention",
}
"""Keys that ask for what `fa.attention` has no attribute for, and for what."""

_SPEAKS = re.compile(
    r"alibi|sink|softcap|sliding|local_att|attn_window|attention_window|window_attention|"
    r"att(entio)?n_chunk|chunk_att|relative_att|position_bias|sparse_att|attn_sparse|block_?sparse|"
    r"linear_att|linear_attn|lightning|attn_type|attention_type|max_attn|attn_layers|temperature_tun"
)
"""Names that speak of which keys are seen, or of what becomes of scores."""

_KNOWN = frozenset(
    _words("""
    final_logit_softcapping
    _sliding_window_pattern alibi alibi_bias_max attention_chunk_size attention_types
    attention_window_size attn_layer_indices attn_layer_offset attn_layer_period
    attn_logit_softcapping attn_temperature_tuning attn_type block_types layer_types
    local_attention local_rope_theta max_window_layers rope_local_base_freq sliding_window
    sliding_window_pattern sliding_window_size swa_rope_theta use_sliding_window
""")
)
"""Those that are read here, or change nothing."""

_NUMBER_MAX = 3.4028234663852886e38


def read_config(text: str, filename: str) -> Layers:
    """The layers of the model that the configuration `text` of the file `filename` describes.

    Read are the numbers of heads and KV heads, of columns and layers, scales, soft caps, windows,
    chunks, latent attention, sinks and ALiBi under the names that the families of models have for
    them; a `text_config` is looked into. Raises CompileError, with the position in the file, where
    the text is no JSON, lacks what is needed, or asks for what `fa.attention` has no attribute for.
    """
    try:
        config: object = json.loads(text, object_pairs_hook=_Object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = f"{filename}:{error.lineno}:{error.colno}"
        raise CompileError(f"not valid JSON: {error.msg}", where) from None
    except RecursionError:
        raise CompileError("not a configuration: nested too deep", f"{filename}:1:1") from None
    except ValueError as error:
        # Python's own complaint about a number names a function of its own.
        said = "a number has thousands of digits" if "digits" in str(error) else error
        raise CompileError(f"not a configuration: {said}", f"{filename}:1:1") from None
    return Config(config, text, filename).layers()


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


class _Object(dict[str, object]):
    """A JSON object; a name that it has twice is an error."""

    def __init__(self, pairs: list[tuple[str, object]]):
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        if len(self) < len(names):
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise ValueError(f"'{twice}' is given twice in one object")


class Config:
    """Typed access to a configuration, with errors at its file."""

    def __init__(self, config: object, text: str, filename: str):
        self._text, self._filename = text, filename
        table = self._table(config)
        part = next((key for key in PARTS if table.get(key) is not None), None)
        self.values = self._table(table[part]) if part is not None else table
        nested = self.values.get("attn_config")
        # MPT and DBRX keep what is about attention apart.
        self.inner = self._table(nested) if nested is not None else {}

    def error(self, message: str, key: str | None = None) -> CompileError:
        """The error for `key`, at its place in the file."""
        found = None if key is None else re.search(rf'"{re.escape(key)}"\s*:', self._text)
        start = 0 if found is None else found.start()
        line = self._text.count("\n", 0, start) + 1
        column = start - self._text.rfind("\n", 0, start)
        return CompileError(message, f"{self._filename}:{line}:{column}")

    @property
    def kind(self) -> str:
        """The family of the model, "" where nothing is said."""
        kind = self.values.get("model_type")
        if kind is None or isinstance(kind, str):
            return kind or ""
        raise self.error(f"'model_type' is {_shown(kind)}; it must be a name", "model_type")

    def _table(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.error("a model configuration is a JSON object, {...}")
        return cast(dict[str, object], value)

    def layers(self) -> Layers:
        """The attention of every layer."""
        self._refuse()
        base = self._attention()
        kinds = layer_kinds(self)
        count = self.layer_count()
        where = f"{self._filename}:1:1"
        if kinds is None and self.flag("scale_attn_by_inverse_layer_idx"):
            scale = base.head_dim**-0.5 if base.scale is None else base.scale
            total = self._needed("n_layer", "num_hidden_layers")
            scaled = [replace(base, scale=scale / (layer + 1)) for layer in range(total)]
            names = [f"scores divided by {layer + 1}" for layer in range(total)]
            return Layers(scaled, False, names, where)
        if kinds is None:
            return Layers([base] * (count or 1), names=["all tokens"], where=where)
        layers: list[Layer] = [
            Refused(kind.refused) if kind.refused else replace(base, **kind.changes)
            for kind in kinds
        ]
        same = all(layer == layers[0] for layer in layers)
        return Layers(layers, same, [kind.name for kind in kinds], where)

    def _refuse(self) -> None:
        """Raise the error of the first key that cannot be said."""
        for table in (self.values, self.inner):
            for key, value in table.items():
                if not value:
                    continue
                if key in REFUSED:
                    raise self.error(f"'{key}' asks for {REFUSED[key]}", key)
                if _SPEAKS.search(key) and key not in _KNOWN and value is not False:
                    raise self.error(
                        f"'{key}' is {_shown(value)}, which seems to change attention and is not "
                        "known here; take it away if it does not",
                        key,
                    )
        kind = self.values.get("position_embedding_type")
        if kind is not None and kind not in POSITIONS:
            raise self.error(
                f"'position_embedding_type' is {_shown(kind)}, which changes scores by position in "
                f"a way that fa.attention has no attribute for; {', '.join(POSITIONS)} leave them",
                "position_embedding_type",
            )

    def _attention(self) -> ModelAttention:
        """What all layers have in common."""
        q_heads = self._needed(
            "num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"
        )
        kv_heads = self._kv_heads(q_heads)
        head_dim = self.integer("head_dim", "kv_channels", "d_kv", "attention_head_dim")
        value_dim = None
        if self.values.get("kv_lora_rank"):
            parts = [self._latent(key) for key in ("qk_nope_head_dim", "qk_rope_head_dim")]
            head_dim, value_dim, kv_heads = sum(parts), self._latent("v_head_dim"), q_heads
        if head_dim is None:
            hidden = self.integer("hidden_size", "n_embd", "d_model", "dim")
            if hidden is None:
                raise self.error("'head_dim' is missing, and so is 'hidden_size'")
            if hidden % q_heads:
                raise self.error(
                    f"'hidden_size' is {hidden}, no multiple of the {q_heads} heads; write "
                    "'head_dim'",
                    "hidden_size",
                )
            head_dim = hidden // q_heads
        if q_heads % kv_heads:
            raise self.error(
                f"{q_heads} heads are no multiple of the {kv_heads} KV heads; each KV head serves "
                "as many"
            )
        scale = self._scale(head_dim)
        limit = self.integer("floor_scale") or 8192
        # Llama 4 scales the queries of later tokens in layers without chunks.
        tuned = bool(self.values.get("attn_temperature_tuning"))
        return ModelAttention(
            q_heads,
            kv_heads,
            head_dim,
            causal=self._causal(),
            scale=scale,
            value_dim=value_dim if value_dim != head_dim else None,
            softcap=self.number("attn_logit_softcapping"),
            sinks=self.kind == "gpt_oss",
            alibi=self._alibi(head_dim**-0.5 if scale is None else scale),
            limit=limit if tuned else None,
            limit_key="attn_temperature_tuning" if tuned else "",
        )

    def _kv_heads(self, q_heads: int) -> int:
        if self.flag("multi_query_attention"):  # ChatGLM
            groups = self.integer("multi_query_group_num")
            return 1 if groups is None else groups
        # Falcon's older models have one head whatever num_kv_heads says.
        one = self.kind in ONE_KV_HEAD and self._get("multi_query") is None
        if (one or self.flag("multi_query")) and not self.flag("new_decoder_architecture"):
            return 1
        kind = self.inner.get("attn_type")
        if kind == "multiquery_attention":
            return 1
        if kind not in (None, "multihead_attention", "grouped_query_attention"):
            raise self.error(f"'attn_type' is {_shown(kind)}, which is not known", "attn_type")
        given = self.integer(
            "num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads", "kv_n_heads"
        )
        return q_heads if given is None else given

    def _causal(self) -> bool:
        if self.flag("is_decoder"):
            return True
        if not self.flag("is_causal", True) or self.flag("use_bidirectional_attention"):
            return False
        names = self.values.get("architectures")
        masked = isinstance(names, list) and any(
            "MaskedLM" in str(n) for n in cast(list[object], names)
        )
        return not masked and self.kind not in BIDIRECTIONAL

    def _alibi(self, scale: float) -> Alibi | None:
        kind = self.kind
        asked = self.flag("alibi") or kind == "bloom"
        # Baichuan's code is one for 7B, which rotates, and 13B, which has ALiBi.
        asked = asked or (kind == "baichuan" and self.layer_count() == 40)
        if not asked:
            return None
        if not self._causal():
            raise self.error(
                "'alibi' asks for biases by distance to both sides; write them as a score_mod, "
                "docs/attention.md says how",
                "alibi",
            )
        return Alibi(
            self.number("alibi_bias_max") or 8.0,
            scale if kind == "falcon" else 1.0,  # added before the scale
        )

    def _scale(self, head_dim: int) -> float | None:
        """What scores are multiplied with; None for 1/sqrt(head_dim)."""
        multiplier = self.number("attention_multiplier", "softmax_scale")
        if multiplier is not None:
            return multiplier
        scalar = self.number("query_pre_attn_scalar")
        if scalar is not None:
            return None if scalar == head_dim else scalar**-0.5
        unscaled = not self.flag("scale_attn_weights", True)
        if unscaled or self.kind in UNSCALED:
            return 1.0
        return self._yarn_scale(head_dim) if self.values.get("kv_lora_rank") else None

    def _yarn_scale(self, head_dim: int) -> float | None:
        """The scale of latent attention under YaRN; other models put it into rotations."""
        scaling = self.values.get("rope_scaling")
        if not isinstance(scaling, dict):
            return None
        table = cast(dict[str, object], scaling)
        every, factor = (self._checked(table, key) for key in ("mscale_all_dim", "factor"))
        if every is None or factor is None:
            return None
        grown = 0.1 * every * math.log(factor) + 1 if factor > 1 else 1.0
        return head_dim**-0.5 * grown * grown

    def layer_count(self) -> int | None:
        """The number of layers, None where the configuration does not say."""
        return self.integer("num_hidden_layers", "n_layer", "n_layers", "num_layers", most=100_000)

    def flag(self, key: str, default: bool = False) -> bool:
        """Whether `key` is true. Raises CompileError where it is no truth value."""
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        raise self.error(f"'{key}' is {_shown(value)}; it must be true or false", key)

    def natural(self, key: str) -> int | None:
        """The integer from 0 on under `key`, None where there is none or null."""
        value = self._get(key)
        return value if value == 0 and isinstance(value, int) else self.integer(key)

    def integer(self, *keys: str, most: int = LARGEST) -> int | None:
        """The first of `keys` that is there and not null."""
        for key in keys:
            value = self._get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                up_to = "" if most == LARGEST else f" up to {most}"
                raise self.error(
                    f"'{key}' is {_shown(value)}; it must be a positive integer{up_to}", key
                )
            return value
        return None

    def number(self, *keys: str) -> float | None:
        """The first of `keys` that is there and not null."""
        return next((found for key in keys if (found := self._checked(None, key))), None)

    def _checked(self, table: dict[str, object] | None, key: str) -> float | None:
        """The positive number under `key` of `table`, None where there is none or null."""
        value = self._get(key) if table is None else table.get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 < value <= _NUMBER_MAX
        ):
            raise self.error(f"'{key}' is {_shown(value)}; it must be a positive number", key)
        return float(value)

    def _get(self, key: str) -> object:
        value = self.values.get(key)
        return self.inner.get(key) if value is None else value

    def _needed(self, *keys: str) -> int:
        value = self.integer(*keys)
        if value is None:
            raise self.error(f"'{keys[0]}' is missing")
        return value

    def _latent(self, key: str) -> int:
        value = self.integer(key)
        if value is None:
            raise self.error(f"'{key}' is missing, which goes with 'kv_lora_rank'", "kv_lora_rank")
        return value


def _shown(value: object) -> str:
    """A value of the configuration as messages show it."""
    text = json.dumps(value) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= 40 else f"{text[:37]}..."

"""What the layers of a configuration see, where it speaks of windows, chunks or kinds of layers.

Each family of models has its own way to say which layers are which; the rules here are those of the
models' published code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .model_config import Config

FULL, SLIDING, CHUNKED = "full", "sliding", "chunked"
CROSS = "attention over another sequence"
OTHER = "no softmax attention over the sequence"

_KINDS = {
    **dict.fromkeys(("full_attention", "attention", "global", "global_attention", "full"), FULL),
    **dict.fromkeys(("sliding_attention", "sliding_window", "local", "local_attention"), SLIDING),
    "chunked_attention": CHUNKED,
}
"""What the entries of layer_types and its like mean; any other is no softmax attention."""

WINDOWS = (
    "sliding_window",
    "sliding_window_size",
    "attention_window_size",
    "local_attention",
    "window_size",
)

LISTS = ("layer_types", "layers_block_type", "attention_layers", "block_types", "_block_types")
"""Keys with an entry for each layer, or a shorter list that is repeated."""

_PATTERNS = {"gemma2": 2, "gpt_oss": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4}
"""Where nothing is written, every so many layers one sees all tokens, by model_type."""


@dataclass(frozen=True)
class Kind:
    """What one layer sees: in words, as fields of ModelAttention, or why it cannot be said."""

    name: str
    changes: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    refused: str = ""


def layer_kinds(config: Config) -> list[Kind] | None:
    """The kind of each layer; of one layer where all are alike; None where nothing is said.

    Raises CompileError.
    """
    window, chunk = _window(config), config.integer("attention_chunk_size")
    key, names = _names(config, window, chunk)
    if not names:
        return None
    kinds = {
        FULL: Kind("all tokens"),
        SLIDING: Kind(f"a window of {window} tokens", {"window": window or 0}),
        CHUNKED: Kind(f"chunks of {chunk} tokens", {"chunk": chunk or 0, "limit": None}),
    }
    found: list[Kind] = []
    for name in names:
        for kind, size, needed in (
            (SLIDING, window, WINDOWS[0]),
            (CHUNKED, chunk, "attention_chunk_size"),
        ):
            if name == kind and size is None:
                raise config.error(f"'{needed}' is missing, and there are {kind} layers")
        found.append(kinds.get(name) or _refused(key, name))
    return found


def _refused(key: str, name: str) -> Kind:
    """A layer that the configuration's `key` makes something else."""
    what = name if name in (OTHER, CROSS) else f"'{name}', which is {OTHER}"
    return Kind(what, refused=f"'{key}' makes it {what}")


def _window(config: Config) -> int | None:
    if not config.flag("use_sliding_window", True):
        return None
    if config.inner.get("sliding_window_size") == -1:  # how MPT says none
        return None
    neo = config.kind == "gpt_neo"
    return config.integer(*(key for key in WINDOWS if key != "window_size" or neo))


def _names(config: Config, window: int | None, chunk: int | None) -> tuple[str, list[str]]:
    """The key of the first rule that holds, and by it the kind of each layer.

    Of one layer where all are alike and nothing says how many; none where nothing is said.
    """
    cross = _numbers(config, key := "cross_attention_layers")
    if cross:
        return key, _each(config, lambda layer: CROSS if layer in cross else FULL)
    key, listed = _listed(config)
    if listed:
        return key, listed
    indices = _numbers(config, key := "attn_layer_indices")
    if indices:
        return key, _each(config, lambda layer: FULL if layer in indices else OTHER)
    if period := config.integer(key := "attn_layer_period"):  # Jamba
        offset = config.natural("attn_layer_offset") or 0
        return key, _each(config, lambda layer: FULL if layer % period == offset else OTHER)
    if interval := config.integer(key := "full_attention_interval"):
        return key, _each(config, lambda layer: OTHER if (layer + 1) % interval else FULL)
    if chunk is not None:
        return "attention_chunk_size", _chunked(config)
    return WINDOWS[0], _sliding(config) if window is not None else []


def _sliding(config: Config) -> list[str]:
    """Which layers have the window."""
    if every := config.integer("global_attn_every_n_layers"):
        return _each(config, lambda layer: SLIDING if layer % every else FULL)
    pattern = _pattern(config)
    if pattern:
        return _each(config, lambda layer: pattern[layer % len(pattern)])
    first = config.natural("max_window_layers")
    if config.flag("use_sliding_window") and first is not None:
        return _each(config, lambda layer: SLIDING if layer >= first else FULL)
    return [SLIDING] * (config.layer_count() or 1)


def _chunked(config: Config) -> list[str]:
    """Llama 4: layers without rotations see all, the others their chunk."""
    rotated = config.values.get("no_rope_layers")
    if rotated:
        flags = cast(list[object], rotated) if isinstance(rotated, list) else []
        if len(flags) != (config.layer_count() or len(flags)) or set(map(repr, flags)) - {"0", "1"}:
            raise config.error("'no_rope_layers' has a 0 or a 1 for each layer", "no_rope_layers")
        return [CHUNKED if flag else FULL for flag in flags]
    if config.kind in ("llama4_text", "llama4"):
        every = config.integer("no_rope_layer_interval") or 4
        return _each(config, lambda layer: CHUNKED if (layer + 1) % every else FULL)
    return [CHUNKED] * (config.layer_count() or 1)


def _pattern(config: Config) -> list[str] | None:
    """The kinds that are repeated: a number, letters L and G, or what the type of model has."""
    written = config.values.get("sliding_window_pattern")
    if isinstance(written, str):
        if not written or set(written) - {"L", "G"}:
            raise config.error(
                f"'sliding_window_pattern' is '{written}'; write a number, or letters L and G",
                "sliding_window_pattern",
            )
        return [SLIDING if letter == "L" else FULL for letter in written]
    every = config.integer("sliding_window_pattern", "_sliding_window_pattern", most=100_000)
    if every is None:
        every = _PATTERNS.get(config.kind)
    return None if every is None else [SLIDING] * (every - 1) + [FULL]


def _listed(config: Config) -> tuple[str, list[str]]:
    """The key that lists the kinds of layers, and the kinds; none where no key does."""
    for key in LISTS:
        written = config.values.get(key)
        if written is not None:
            return key, _read_list(config, key, written)
    groups = config.values.get("attention_types")  # GPT-Neo: [[["global", "local"], 12]]
    if groups is None:
        return "", []
    names: list[object] = []
    try:
        for kinds, times in cast("Sequence[tuple[Sequence[object], int]]", groups):
            if not isinstance(kinds, list) or not 0 < times <= 100_000:
                raise TypeError
            names += [*kinds] * times
    except (TypeError, ValueError):
        raise config.error(
            "'attention_types' lists kinds of layers and how often, as in "
            '[[["global", "local"], 12]]',
            "attention_types",
        ) from None
    return "attention_types", _read_list(config, "attention_types", names)


def _read_list(config: Config, key: str, written: object) -> list[str]:
    if not isinstance(written, list) or not written:
        raise config.error(f"'{key}' must be a list with the kind of each layer", key)
    entries = cast(list[object], written)
    wrong = next((entry for entry in entries if not isinstance(entry, str)), None)
    if wrong is not None:
        raise config.error(f"'{key}' must be a list of names, not of {wrong!r}", key)
    repeated = key in ("block_types", "_block_types")
    # RecurrentGemma calls attention what has a window.
    local = repeated and config.integer("attention_window_size") is not None
    names = [_KINDS.get(str(entry), str(entry)) for entry in entries]
    if local:
        names = [SLIDING if name == FULL else name for name in names]
    count = config.layer_count()
    if repeated and count is not None:
        return [names[layer % len(names)] for layer in range(count)]
    if count is not None and len(names) != count:
        raise config.error(f"'{key}' has {len(names)} entries, and there are {count} layers", key)
    return names


def _numbers(config: Config, key: str) -> list[int]:
    """A list of layer numbers; empty where there is none."""
    value = config.values.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(
        isinstance(each, int) for each in cast(list[object], value)
    ):
        raise config.error(f"'{key}' must be a list of layer numbers", key)
    return cast(list[int], value)


def _each(config: Config, kind: Callable[[int], str]) -> list[str]:
    count = config.layer_count()
    if count is None:
        raise config.error("'num_hidden_layers' is missing, and layers differ")
    return [kind(layer) for layer in range(count)]

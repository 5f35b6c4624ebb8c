"""What fa-gen reads from the configurations of known models: the table of docs/models.md.

python bench/model_configs.py            print the table
python bench/model_configs.py --write    put it into docs/models.md
python bench/model_configs.py --check    exit with status 1 unless it is there as it is
"""

from __future__ import annotations

from pathlib import Path

from fa.diagnostics import CompileError
from fa.frontends.model_config import read_config
from fa.frontends.model_layers import Layers, Refused
from fa.frontends.models import ModelAttention
from page_tables import Page

PAGE = Page("models.md", "model_configs.py")
CONFIGS = Path(__file__).resolve().parent.parent / "test" / "frontends" / "Inputs" / "configs"

HEAD = ("model", "model_type", "heads", "KV", "columns", "scale", "a token sees", "further")


def columns(model: ModelAttention) -> str:
    """Columns of queries and keys, and of values where those differ."""
    value = model.value_dim
    return f"{model.head_dim}" if value is None else f"{model.head_dim}, values {value}"


def keys(model: ModelAttention) -> str:
    """What keys a token sees, where all layers are alike."""
    before = "tokens up to itself" if model.causal else "all tokens"
    if model.window is not None:
        return f"the last {model.window:,} tokens"
    return before


def further(model: ModelAttention) -> str:
    """What else becomes of scores."""
    parts: list[str] = []
    if model.softcap is not None:
        parts.append(f"soft cap {model.softcap:g}")
    if model.sinks:
        parts.append("sinks")
    if model.alibi is not None:
        parts.append("ALiBi" + (" times the scale" if model.alibi.factor != 1 else ""))
    if model.limit is not None:
        parts.append(f"up to {model.limit:,} tokens")
    return ", ".join(parts)


def row(name: str, kind: str, layers: Layers) -> str:
    """The row of one configuration."""
    models = [layer for layer in layers.layers if not isinstance(layer, Refused)]
    first = models[0]
    sees = keys(first) if layers.same else f"by layer; {layers.summary()}"
    last = max(models, key=lambda model: len(further(model)))
    scale = "" if first.scale is None else f"{first.scale:.6g}"
    if len({model.scale for model in models}) > 1:
        scale = "by layer"
    cells = (f"{first.q_heads}", f"{first.kv_heads}", columns(first), scale, sees, further(last))
    return f"| {name} | {kind} | {' | '.join(cells)} |"


def table() -> str:
    """A row for each configuration: what is read, or why it is refused."""
    lines = [f"| {' | '.join(HEAD)} |", "| --- | --- | ---: | ---: | ---: | ---: | --- | --- |"]
    for path in sorted(CONFIGS.glob("*.json"), key=lambda path: path.name.lower()):
        text = path.read_text("utf-8")
        try:
            layers = read_config(text, path.name)
        except CompileError as error:
            kind = text.partition('"model_type": "')[2].partition('"')[0]
            lines.append(f"| {path.stem} | {kind} | | | | | refused | {error.message} |")
            continue
        kind = text.partition('"model_type": "')[2].partition('"')[0]
        lines.append(row(path.stem, kind, layers))
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.main(__doc__ or "", {"configurations": table})

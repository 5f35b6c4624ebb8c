"""Configurations of known families: what each says is there, or refused with the key's name."""

import json
from pathlib import Path

import numpy as np
import pytest
from fa.diagnostics import CompileError
from fa.dialects.fa import AttentionOp
from fa.dialects.interpreters.scalar_functions import evaluate
from fa.frontends.alibi import Alibi
from fa.frontends.model_config import read_config
from fa.frontends.model_layers import Layers
from fa.frontends.models import ModelAttention
from fa.tools.fa_gen import main

from ..benches import load

CONFIGS = Path(__file__).parent / "Inputs" / "configs"

A = ModelAttention

# By hand, from the models' published code: (layer, its attention).
LAYERS = [
    ("Llama-3.1-8B", None, A(32, 8, 128)),
    ("Mistral-7B-v0.1", None, A(32, 8, 128, window=4096)),
    ("Mixtral-8x7B", None, A(32, 8, 128)),
    ("Qwen2.5-7B", None, A(28, 4, 128)),
    ("Qwen2-window", 20, A(28, 4, 128)),
    ("Qwen2-window", 21, A(28, 4, 128, window=32768)),
    ("Qwen3-8B", None, A(32, 8, 128)),
    ("Qwen3-Next-80B-A3B", 3, A(16, 2, 256)),
    ("Phi-3-mini-4k", None, A(32, 32, 96, window=2047)),
    ("Gemma-2-2B", 0, A(8, 4, 256, window=4096, softcap=50.0)),
    ("Gemma-2-2B", 1, A(8, 4, 256, softcap=50.0)),
    ("Gemma-3-4B", 4, A(8, 4, 256, window=1024)),
    ("Gemma-3-4B", 5, A(8, 4, 256)),
    ("gpt-oss-20b", 0, A(64, 8, 64, window=128, sinks=True)),
    ("gpt-oss-20b", 23, A(64, 8, 64, sinks=True)),
    ("Llama-4-Scout", 0, A(40, 8, 128, chunk=8192, limit_key="attn_temperature_tuning")),
    ("Llama-4-Scout", 3, A(40, 8, 128, limit=8192, limit_key="attn_temperature_tuning")),
    ("Llama-3.2-11B-Vision", 4, A(32, 8, 128)),
    ("ChatGLM3-6B", None, A(32, 2, 128)),
    ("Falcon-7B", None, A(71, 1, 64)),
    ("Falcon-40B", None, A(128, 8, 64)),
    ("Falcon-RW-1B", None, A(32, 32, 64, alibi=Alibi(factor=0.125))),
    ("BLOOM-7B1", None, A(32, 32, 128, alibi=Alibi())),
    ("MPT-7B", None, A(32, 32, 128, alibi=Alibi())),
    ("DBRX", None, A(48, 8, 128)),
    ("Baichuan2-13B", None, A(40, 40, 128, alibi=Alibi())),
    ("StarCoder", None, A(48, 1, 128)),
    ("StarCoder2-7B", None, A(36, 4, 128, window=4096)),
    ("GPT-2", None, A(12, 12, 64)),
    ("GPT-2-inverse", 3, A(12, 12, 64, scale=0.125 / 4)),
    ("GPT-Neo-1.3B", 0, A(16, 16, 128, scale=1.0)),
    ("GPT-Neo-1.3B", 1, A(16, 16, 128, scale=1.0, window=256)),
    ("GPT-J-6B", None, A(16, 16, 256)),
    ("Pythia-1.4B", None, A(16, 16, 128)),
    ("OPT-1.3B", None, A(32, 32, 64)),
    ("OLMo-2-7B", None, A(32, 32, 128)),
    ("Granite-3.1-8B", None, A(32, 8, 128, scale=0.0078125)),
    ("Command-R7B", 2, A(32, 8, 128, window=4096)),
    ("Command-R7B", 3, A(32, 8, 128)),
    ("EXAONE-4.0-32B", 6, A(40, 8, 128, window=4096)),
    ("EXAONE-4.0-32B", 7, A(40, 8, 128)),
    ("DeepSeek-V3", None, A(128, 128, 192, scale=0.1352337788608801, value_dim=128)),
    ("Jamba-v0.1", 12, A(32, 8, 128)),
    ("RecurrentGemma-2B", 2, A(10, 1, 256, window=2048)),
    ("BERT-base", None, A(12, 12, 64, causal=False)),
    ("ModernBERT-base", 3, A(12, 12, 64, causal=False)),
    ("ModernBERT-base", 4, A(12, 12, 64, causal=False, window=128)),
    ("LLaDA-8B", None, A(32, 32, 128, causal=False)),
    ("SigLIP-so400m-vision", None, A(16, 16, 72, causal=False)),
]

REFUSED = [
    ("T5-small", None, "'is_encoder_decoder' asks for a model with an encoder and a decoder"),
    ("Whisper-tiny", None, "'is_encoder_decoder' asks for"),
    ("DeBERTa-v3-base", None, "'relative_attention' asks for"),
    ("Longformer-base", None, "'attention_window' is [512, "),
    ("Jina-v2-base", None, "'position_embedding_type' is 'alibi'"),
    ("Gemma-3-4B", None, "layers differ: 0-4, 6-10, 12-16, ..., 30-33: a window of 1024 tokens; "),
    ("Gemma-3-4B", 34, "there is no layer 34; the last is 33"),
    ("Llama-3.1-8B", 32, "there is no layer 32; the last is 31"),
    ("Jamba-v0.1", 0, "layer 0: 'attn_layer_period' makes it no softmax attention"),
    ("Qwen3-Next-80B-A3B", 2, "layer 2: 'full_attention_interval' makes it no softmax attention"),
    ("RecurrentGemma-2B", 1, "layer 1: 'block_types' makes it 'recurrent', which is no softmax"),
    ("Llama-3.2-11B-Vision", 8, "layer 8: 'cross_attention_layers' makes it attention over anoth"),
]


def layers(name: str) -> Layers:
    return read_config((CONFIGS / f"{name}.json").read_text(), f"{name}.json")


@pytest.mark.parametrize(("name", "layer", "expected"), LAYERS)
def test_layer(name: str, layer: int | None, expected: ModelAttention):
    assert layers(name).layer(layer) == expected


@pytest.mark.parametrize(("name", "layer", "message"), REFUSED)
def test_refused(name: str, layer: int | None, message: str):
    with pytest.raises(CompileError) as caught:
        layers(name).layer(layer)
    assert caught.value.message.startswith(message)
    assert (caught.value.location or "").startswith(f"{name}.json:")


def test_every_configuration_is_here():
    files = {path.stem for path in CONFIGS.glob("*.json")}
    assert files == {name for name, *_ in [*LAYERS, *REFUSED]}
    assert len(files) >= 30


def test_layers_that_hide_the_same_are_the_same():
    assert "#fa.causal" in str(layers("Gemma-3-4B").module("prefill", 1024))
    with pytest.raises(CompileError, match="layers differ"):
        layers("Gemma-3-4B").module("prefill", 1025)
    assert "#fa.causal" in str(layers("Gemma-3-4B").module("prefill", 1025, mask="causal"))
    for layer, mask in ((0, "#fa.window<left = 1023, right = 0>"), (5, "#fa.causal")):
        assert mask in str(layers("Gemma-3-4B").module("prefill", 1025, layer=layer))


def test_named_models_alternate_too():
    for layer, mask in ((0, "#fa.window<left = 127, right = 0>"), (1, "#fa.causal")):
        assert mask in str(Layers.named("gpt-oss-20b").module("prefill", 200, layer=layer))
    with pytest.raises(CompileError, match=r"layers differ: 0, 2, 4, \.\.\., 22: a window of 128"):
        Layers.named("gpt-oss-20b").module("prefill", 200)


def test_chunks_and_their_end():
    scout = layers("Llama-4-Scout")
    chunked = "#fa.all_of<[#fa.chunked<size = 8192>, #fa.causal]>"
    assert chunked in str(scout.module("prefill", 9000, layer=0))
    assert chunked not in str(scout.module("prefill", 8192))
    with pytest.raises(CompileError, match="'attn_temperature_tuning' changes the scores beyond"):
        scout.module("prefill", 9000, layer=3)


def test_windows_to_both_sides():
    bert = layers("ModernBERT-base")
    assert "#fa.window<left = 64, right = 64>" in str(bert.module("prefill", 66, layer=1))
    assert "mask" not in str(bert.module("prefill", 65, layer=1))


@pytest.mark.parametrize("heads", [1, 4, 6])
@pytest.mark.parametrize(("q_len", "kv_len"), [(5, 5), (1, 9)])
def test_alibi(heads: int, q_len: int, kv_len: int):
    """Slopes as the paper has them, and the score function at every index."""
    slopes = {1: [2**-8], 4: [0.25, 0.0625, 2**-6, 2**-8]}
    slopes[6] = [*slopes[4], 0.5, 0.125]
    model = ModelAttention(heads, 1, 64, alibi=Alibi(factor=0.5))
    phase = "prefill" if q_len > 1 else "decode"
    op = next(o for o in model.module(phase, kv_len).walk() if isinstance(o, AttentionOp))
    assert op.score_mod is not None
    for head, slope in enumerate(slopes[heads]):
        distance = np.arange(kv_len) - (np.arange(q_len)[:, None] + kv_len - q_len)
        query, key = np.arange(q_len)[:, None], np.arange(kv_len)
        zero = np.zeros((q_len, kv_len), np.float32)
        found = evaluate(op.score_mod, [zero, np.array(0), np.array(head), query, key])
        np.testing.assert_allclose(found, 0.5 * slope * distance, rtol=1e-6)


def test_layer_on_the_command_line(capsys: pytest.CaptureFixture[str]):
    arguments = ["--model", str(CONFIGS / "Gemma-3-4B.json"), "--phase", "decode", "--seq", "2000"]
    assert main(arguments) == 1
    assert "choose one with --layer N" in capsys.readouterr().err
    assert main([*arguments, "--layer", "0"]) == 0
    assert "#fa.window<left = 1023, right = 0>" in capsys.readouterr().out


def test_the_table_is_that_of_today():
    table = load("model_configs")
    assert (
        table.PAGE.parts(table.PAGE.path.read_text("utf-8"), "configurations")[1] == table.table()
    )


def test_configurations_are_json_objects():
    for path in CONFIGS.glob("*.json"):
        assert isinstance(json.loads(path.read_text()), dict)

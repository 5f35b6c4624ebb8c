"""Known models, configuration files, and fa-gen."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fa.diagnostics import CompileError
from fa.frontends.alibi import Alibi
from fa.frontends.model_config import read_config
from fa.frontends.models import MODELS, ModelAttention, find_model
from fa.tools.fa_gen import main

LLAMA = {
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}


def read(**changes: Any) -> ModelAttention:
    return read_config(json.dumps({**LLAMA, **changes}), "config.json").layer(None)


def test_names_in_any_case():
    assert find_model("LLaMA-3.1-8B") is MODELS["Llama-3.1-8B"]


def test_unknown_name():
    with pytest.raises(CompileError, match=r"unknown model 'Qwen9'.*there are Llama-3.1-8B, .*"):
        find_model("Qwen9")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_every_model_makes_a_module(name: str, phase: str):
    MODELS[name].module(phase, 33, batch=2).verify()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ModelAttention(32, 8, 128)),
        ({"head_dim": 64}, ModelAttention(32, 8, 64)),
        ({"head_dim": None}, ModelAttention(32, 8, 128)),
        ({"num_key_value_heads": None}, ModelAttention(32, 32, 128)),
        ({"num_key_value_heads": None, "multi_query": True}, ModelAttention(32, 1, 128)),
        ({"sliding_window": 4096}, ModelAttention(32, 8, 128, window=4096)),
        ({"sliding_window": 4096, "use_sliding_window": False}, ModelAttention(32, 8, 128)),
        ({"attn_logit_softcapping": 50.0}, ModelAttention(32, 8, 128, softcap=50.0)),
        ({"model_type": "gpt_oss"}, ModelAttention(32, 8, 128, sinks=True)),
        (
            {
                "kv_lora_rank": 512,
                "qk_nope_head_dim": 128,
                "qk_rope_head_dim": 64,
                "v_head_dim": 128,
            },
            ModelAttention(32, 32, 192, value_dim=128),
        ),
        ({"query_pre_attn_scalar": 256}, ModelAttention(32, 8, 128, scale=0.0625)),
        ({"attention_multiplier": 0.5}, ModelAttention(32, 8, 128, scale=0.5)),
        (
            {"text_config": {"n_head": 12, "n_embd": 768}},
            ModelAttention(12, 12, 64),
        ),
        (
            {"multi_query_attention": True, "multi_query_group_num": 2},
            ModelAttention(32, 2, 128),
        ),
        ({"attention_chunk_size": 512}, ModelAttention(32, 8, 128, chunk=512)),
        ({"alibi": True}, ModelAttention(32, 8, 128, alibi=Alibi())),
        ({"alibi": True, "alibi_bias_max": 4}, ModelAttention(32, 8, 128, alibi=Alibi(4.0))),
        ({"is_causal": False}, ModelAttention(32, 8, 128, causal=False)),
        ({"model_type": "bert"}, ModelAttention(32, 8, 128, causal=False)),
        ({"model_type": "bert", "is_decoder": True}, ModelAttention(32, 8, 128)),
        ({"scale_attn_weights": False}, ModelAttention(32, 8, 128, scale=1.0)),
    ],
)
def test_config(changes: dict[str, Any], expected: ModelAttention):
    assert read(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_attention_heads": None}, "'num_attention_heads' is missing"),
        ({"num_attention_heads": "32"}, "'num_attention_heads' is '32'; it must be a positive"),
        ({"num_attention_heads": 0}, "'num_attention_heads' is 0; it must be a positive integer"),
        ({"num_attention_heads": True}, "'num_attention_heads' is true; it must be a positive"),
        ({"num_attention_heads": 33}, "'hidden_size' is 4096, no multiple of the 33 heads"),
        ({"num_attention_heads": 1 << 64}, "'num_attention_heads' is 18446744073709551616; it mu"),
        ({"num_key_value_heads": 5}, "32 heads are no multiple of the 5 KV heads"),
        ({"hidden_size": None}, "'head_dim' is missing, and so is 'hidden_size'"),
        ({"attn_logit_softcapping": -1.0}, "'attn_logit_softcapping' is -1.0; it must be a posit"),
        ({"attn_logit_softcapping": 10**400}, "'attn_logit_softcapping' is 1000"),
        ({"kv_lora_rank": 512}, "'qk_nope_head_dim' is missing, which goes with 'kv_lora_rank'"),
        ({"alibi": True, "model_type": "bert"}, "'alibi' asks for biases by distance to both sid"),
        ({"alibi": 1}, "'alibi' is 1; it must be true or false"),
        ({"query_pre_attn_scalar": -1}, "'query_pre_attn_scalar' is -1; it must be a positive"),
        ({"model_type": ["bert"]}, "'model_type' is [\"bert\"]; it must be a name"),
        ({"position_embedding_type": {}}, "'position_embedding_type' is {}, which changes"),
        ({"is_causal": "no"}, "'is_causal' is 'no'; it must be true or false"),
        (
            {"sliding_window": 4, "use_sliding_window": True, "max_window_layers": "1"},
            "'max_window_layers' is '1'; it must be a positive integer",
        ),
        ({"attention_chunk_size": 4, "no_rope_layers": [2]}, "'no_rope_layers' has a 0 or a 1 fo"),
        ({"attn_config": {"attn_type": "x"}}, "'attn_type' is 'x', which is not known"),
        ({"text_config": 3}, "a model configuration is a JSON object"),
        ({"is_encoder_decoder": True}, "'is_encoder_decoder' asks for a model with an encoder an"),
        ({"new_attention_sinks": 4}, "'new_attention_sinks' is 4, which seems to change attentio"),
        ({"position_embedding_type": "relative_key"}, "'position_embedding_type' is 'relative_ke"),
        ({"layer_types": ["full_attention"], "num_hidden_layers": 2}, "'layer_types' has 1 entri"),
        ({"layer_types": ["sliding_attention"]}, "'sliding_window' is missing, and there are sli"),
        ({"layer_types": "all"}, "'layer_types' must be a list with the kind of each layer"),
        ({"layer_types": ["mamba"]}, "'layer_types' makes it 'mamba', which is no softmax atten"),
        ({"attention_types": [1]}, "'attention_types' lists kinds of layers and how often"),
        ({"full_attention_interval": 4}, "'num_hidden_layers' is missing, and layers differ"),
    ],
)
def test_bad_config(changes: dict[str, Any], message: str):
    with pytest.raises(CompileError) as caught:
        read(**changes)
    assert re.match(r"config\.json:1:\d+: error: " + re.escape(message), str(caught.value))


def test_an_error_stands_at_its_key():
    with pytest.raises(CompileError, match=r"^c\.json:3:2: error: 'head_dim' is 0"):
        read_config('{"num_attention_heads": 2,\n "hidden_size": 8,\n "head_dim": 0}', "c.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "a": }', "config.json:2:7: error: not valid JSON: "),
        ("[]", "config.json:1:1: error: a model configuration is a JSON object"),
        ("[" * 100000, "config.json:1:1: error: not a configuration: nested too deep"),
        ('{"a": 1' + "0" * 5000 + "}", "config.json:1:1: error: not a configuration: a number has"),
        ('{"a": NaN}', "config.json:1:1: error: not a configuration: NaN is no number of JSON"),
        ('{"a": 1, "a": 2}', "config.json:1:1: error: not a configuration: 'a' is given twice"),
    ],
)
def test_not_a_config(text: str, message: str):
    with pytest.raises(CompileError) as caught:
        read_config(text, "config.json")
    assert str(caught.value).startswith(message)


def test_window():
    model = read(sliding_window=64)
    assert "#fa.causal" in str(model.module("prefill", 64))
    for phase in ("prefill", "decode"):
        assert "#fa.window<left = 63, right = 0>" in str(model.module(phase, 65))
    assert "window" not in str(model.module("decode", 64))
    assert "window" not in str(model.module("prefill", 65, mask="none"))
    assert "#fa.causal" in str(model.module("prefill", 65, mask="causal"))


@pytest.mark.parametrize(
    ("phase", "mask", "expected"),
    [
        ("prefill", None, True),
        ("prefill", "none", False),
        ("decode", None, False),
        ("decode", "causal", True),
    ],
)
def test_mask(phase: str, mask: str | None, expected: bool):
    module = MODELS["Llama-3.1-8B"].module(phase, 16, mask=mask)
    assert ("causal" in str(module)) == expected


def test_a_bidirectional_model_has_no_mask():
    assert "causal" not in str(MODELS["LLaDA-8B"].module("prefill", 16))


@pytest.mark.parametrize("model", ["config.json", "."])
def test_fa_gen_reads_a_config(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    arguments = ["--model", str(tmp_path / model), "--phase", "decode", "--seq", "200"]
    assert main([*arguments, "--batch", "2", "--dtype", "f16"]) == 0
    assert "tensor<2x32x1x128xf16>" in capsys.readouterr().out


def test_fa_gen_output_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "x.mlir"
    arguments = ["--model", "qwen3-8b", "--phase", "prefill", "--seq", "9", "-o", str(out)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == ""
    assert "#fa.causal" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "x", "--phase", "decode", "--seq", "1"], "unknown model 'x'; "),
        (["--model", "gpt-2", "--phase", "x", "--seq", "1"], "unknown phase 'x'; there are pre"),
        (["--model", "gpt-2", "--phase", "decode", "--seq", "0"], "argument --seq: '0' is not a"),
        (["--model", "gpt-2", "--phase", "decode", "--seq", "1", "--mask", "x"], "unknown mask"),
        (["--model", "gpt-2", "--phase", "decode", "--seq", "1", "--dtype", "x"], "unknown dtype"),
        (["--model", "no.json", "--phase", "decode", "--seq", "1"], "cannot read 'no.json': No "),
        (["--phase", "decode"], "the following arguments are required: --model, --seq"),
        (["--modle", "x"], "the following arguments are required"),
    ],
)
def test_fa_gen_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"fa-gen: error: {message}")
    assert output.err.count("\n") == 1

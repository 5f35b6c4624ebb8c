"""The files that the commands of this folder read: texts of `texts.txt`, and binary ones."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from fa.tools import fa_asm, fa_compile, fa_pack
from onnx import TensorProto, helper

HERE = Path(__file__).parent
PRESET = HERE.parent.parent.parent / "machine" / "spec" / "presets" / "plena-64.toml"


def make(folder: Path) -> None:
    """Fill an empty folder, which is the current one of every command."""
    _texts(folder)
    _mlir(folder)
    _arrays(folder)
    _models(folder)
    _machines(folder)
    _kernels(folder)
    (folder / "dir").mkdir()
    (folder / "there").write_text("existing output\n")
    (folder / "garbage").write_bytes(bytes(range(256)) * 4)
    os.symlink("loop", folder / "loop")
    os.symlink("missing/target", folder / "dangling")


def _texts(folder: Path) -> None:
    for part in (HERE / "texts.txt").read_text("utf-8").split("--- ")[1:]:
        name, _, text = part.partition("\n")
        (folder / name).write_text(text, "utf-8")


def _mlir(folder: Path) -> None:
    good = (folder / "good.mlir").read_bytes()
    deep = "".join(f"{'(' * 1}" for _ in range(50000))
    write = {
        "latin1.mlir": b"// caf\xe9\n" + good,
        "utf16.mlir": good.decode().encode("utf-16"),
        "nul.mlir": good.replace(b"%q", b"\0q", 1),
        "cr.mlir": good.replace(b"attention %q", b"atention %q").replace(b"\n", b"\r\n"),
        "deep_attr.mlir": b'"test.op"() {a = ' + b"[" * 5000 + b"]" * 5000 + b"} : () -> ()\n",
        "deep_type.mlir": b"func.func @f(%a: " + b"tuple<" * 5000 + b">" * 5000 + b")\n",
        "deep_region.mlir": b"func.func @f() {" + b"scf.execute_region {" * 3000,
        "parentheses.mlir": deep.encode(),
        "long_line.mlir": b"x" * 2_000_000,
        "long_name.mlir": b"func.func @" + b"f" * 100_000 + b"(\n",
        "many_errors.mlir": b"fa.no\n" * 10_000,
        "half.mlir": good[: len(good) // 2],
        "bytecode.mlir": b"ML\xefR\x01MLIR\0" + bytes(64),
        "mac.asm": b"S_ADDI_INT gp1, gp0, 4\rS_ADI_INT gp1, gp0, 4\r",
        "latin1.asm": b"; caf\xe9\nS_ADDI_INT gp1, gp0, 4\n",
        "nul.asm": b"S_ADDI_INT gp1, gp0, 4\0\n",
        "latin1.mem": b"0x00200062\n\xe9\n",
        "nul.mem": b"0x00200062\n\0\n",
        "long.asm": b"S_ADDI_INT " * 100_000,
        "latin1.json": b'{"a": "caf\xe9"}',
        "utf16.json": '{"hidden_size": 64}'.encode("utf-16"),
        "deep.json": b"[" * 100_000,
        "digits.json": b'{"num_attention_heads": ' + b"9" * 5000 + b"}",
        "latin1.toml": b"# caf\xe9\n",
        "garbage.onnx": bytes(range(256)),
        "empty.onnx": b"",
        "text.onnx": good,
        "garbage.safetensors": bytes(range(256)),
        "empty.safetensors": b"",
        "huge_header.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
    }
    for name, data in write.items():
        (folder / name).write_bytes(data)
    for name in ("unicodé.mlir", "new\nline.mlir", "spa ce.mlir"):
        (folder / name).write_text("fa.nosuch\n", "utf-8")


def _arrays(folder: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((1, 1, 64, 64)).astype(np.float32)
    arrays: dict[str, Any] = {
        "q": values.astype(ml_dtypes.bfloat16),
        "order": np.asfortranarray(values),
        "object": np.array([{}, None], object),
        "structured": np.zeros((1, 1, 64, 64), [("a", "f4"), ("b", "i4")]),
        "zero": np.zeros((0,), np.float32),
        "scalar": np.float32(1),
        "flat": np.zeros(4096, np.float32),
        "wide": np.zeros((1, 1, 64, 65), np.float32),
        "rows": np.zeros((1, 1, 63, 64), np.float32),
        "int64": np.zeros((1, 1, 64, 64), np.int64),
        "complex": np.zeros((1, 1, 64, 64), np.complex64),
        "text": np.array(["a"]),
        "date": np.zeros((1, 1, 64, 64), "M8[s]"),
        "bytes": np.zeros(9, np.uint8),
        "void": np.zeros(4, "V3"),
        "tokens": np.zeros((1, 1, 3, 64), np.float32),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=name == "object")
    data = io.BytesIO()
    np.save(data, values)
    whole = data.getvalue()
    write = {
        "cut": whole[:-100],
        "header": whole[:20],
        "version": whole[:6] + b"\x09\x09" + whole[8:],
        "magic": b"\x93NUMPX" + whole[6:],
        "claims": whole.replace(b"(1, 1, 64, 64)", b"(9, 9, 9999999999, 64)"),
        "code": whole.replace(b"'<f4'", b"__import__('os').getcwd()"),
        "minus": whole.replace(b"(1, 1, 64, 64)", b"(1, 1, -64, 64)"),
    }
    for name, content in write.items():
        (folder / f"{name}.npy").write_bytes(content)
    (folder / "empty.npy").write_bytes(b"")
    np.savez(folder / "archive.npz", a=values)
    shutil.copy(folder / "archive.npz", folder / "archive.npy")


def _models(folder: Path) -> None:
    def value(name: str, *dims: Any, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, dims)

    def save(name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any], opset: int = 23):
        graph = helper.make_graph(nodes, "g", inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())

    qkv = [value(name, 1, 1, 64, 64) for name in "qkv"]
    y = [value("y", 1, 1, 64, 64)]

    def attention(**attributes: Any) -> list[Any]:
        return [helper.make_node("Attention", ["q", "k", "v"], ["y"], **attributes)]

    save("good", attention(), qkv, y)
    save("relu", [helper.make_node("Relu", ["q"], ["y"])], qkv, y)
    save("opset", attention(), qkv, y, 9)
    save("no_nodes", [], qkv, y)
    save("dynamic", attention(), [value("q", 1, 1, "n", 64), *qkv[1:]], y)
    save("rank", attention(), [value("q", 1, 64, 64), *qkv[1:]], y)
    save("heads", attention(), [qkv[0], value("k", 1, 3, 64, 64), value("v", 1, 3, 64, 64)], y)
    save("text_type", attention(), [value("q", 1, 1, 64, 64, kind=TensorProto.STRING), *qkv[1:]], y)
    save("scale_nan", attention(scale=float("nan")), qkv, y)
    save("softcap", attention(softcap=-1.0), qkv, y)
    save("attribute", attention(nosuch=1), qkv, y)
    save("causal_text", attention(is_causal="yes"), qkv, y)
    save("unknown_input", [helper.make_node("Attention", ["q", "k", "w"], ["y"])], qkv, y)
    save("one_input", [helper.make_node("Attention", ["q"], ["y"])], qkv, y)
    save("no_output", attention(), qkv, [value("z", 1, 1, 64, 64)])
    save("zero_dim", attention(), [value("q", 1, 1, 0, 64), *qkv[1:]], y)
    save("qk_mode", attention(qk_matmul_output_mode=9), qkv, y)
    save("cycle", [helper.make_node("Attention", ["y", "k", "v"], ["y"])], qkv, y)
    whole = (folder / "good.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(whole[:-20])
    lengths = value("n", 1, kind=TensorProto.INT64)
    node = helper.make_node("Attention", ["q", "k", "v", "", "", "", "n"], ["y"])
    save("lengths", [node], [*qkv, lengths], y, 24)


def _machines(folder: Path) -> None:
    text = PRESET.read_text("utf-8")

    def changed(name: str, table: str, value: str) -> None:
        before, after = text.split(f"[TRANSACTIONAL.CONFIG.{table}]", 1)
        rest = after.split("\n", 2)
        lines = [rest[0], f"value = {value}", rest[2]]
        joined = f"{before}[TRANSACTIONAL.CONFIG.{table}]" + "\n".join(lines)
        (folder / f"{name}.toml").write_text(joined, "utf-8")

    changed("negative", "MLEN", "-64")
    changed("zero", "MLEN", "0")
    changed("odd", "BLEN", "5")
    changed("text", "VLEN", '"wide"')
    changed("float", "VLEN", "64.5")
    changed("list", "MLEN", "[64]")
    changed("true", "MLEN", "true")
    changed("huge", "MLEN", "18446744073709551616")
    changed("digits", "MLEN", "9" * 5000)
    changed("differ", "VLEN", "128")
    (folder / "missing.toml").write_text(text.replace("CONFIG.HLEN]", "CONFIG.HLEM]"), "utf-8")
    (folder / "double.toml").write_text(text + "\n[TRANSACTIONAL.CONFIG.MLEN]\nvalue = 64\n")


def _kernels(folder: Path) -> None:
    kernel = folder / "kernel"
    assert fa_compile.main([str(folder / "good.mlir"), "-o", str(kernel)]) == 0
    assert fa_compile.main([str(folder / "good.mlir"), "--emulator-dir", str(folder / "emu")]) == 0
    args = [x for _ in range(3) for x in ("--arg", str(folder / "q.npy"))]
    assert fa_pack.main([str(kernel), *args, "-o", str(folder / "image")]) == 0
    image = (folder / "image").read_bytes()
    (folder / "image_cut").write_bytes(image[:-1])
    (folder / "image_magic").write_bytes(b"XXXX" + image[4:])
    (folder / "image_empty").write_bytes(b"")
    damage = {
        "k_asm": ("kernel.asm", b"nonsense\n"),
        "k_asm_bytes": ("kernel.asm", b"\xff\xfe"),
        "k_layout": ("layout.json", b"{}"),
        "k_layout_text": ("layout.json", b"no JSON"),
        "k_layout_list": ("layout.json", b"[]"),
        "k_layout_bytes": ("layout.json", b"\xff"),
        "k_layout_deep": ("layout.json", b"[" * 100_000),
        "k_mlir": ("kernel.mlir", b"nonsense\n"),
        "k_mem": ("kernel.mem", b"nonsense\n"),
    }
    for name, (file, data) in damage.items():
        shutil.copytree(kernel, folder / name)
        (folder / name / file).write_bytes(data)
    for file in ("kernel.asm", "layout.json", "kernel.mlir", "kernel.mem"):
        name = f"k_no_{file.replace('.', '_')}"
        shutil.copytree(kernel, folder / name)
        (folder / name / file).unlink()
    layout = json.loads((kernel / "layout.json").read_text())
    for name, key, value in (
        ("k_hbm_huge", "hbm_bytes", 10**18),
        ("k_hbm_minus", "hbm_bytes", -1),
        ("k_hbm_text", "hbm_bytes", "all"),
        ("k_regions", "regions", 3),
    ):
        shutil.copytree(kernel, folder / name)
        (folder / name / "layout.json").write_text(json.dumps({**layout, key: value}))
    for name, file, data in (
        ("e_mem", "kernel.mem", b"nonsense\n"),
        ("e_mem_bytes", "kernel.mem", b"\xff\n"),
        ("e_toml", "plena_settings.toml", b"[MODE\n"),
        ("e_toml_bytes", "plena_settings.toml", b"\xff\n"),
    ):
        shutil.copytree(folder / "emu", folder / name)
        (folder / name / file).write_bytes(data)
    assert fa_asm.main([str(folder / "good.asm"), "-o", str(folder / "made.mem")]) == 0

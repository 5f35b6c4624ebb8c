"""fa-pack, fa-unpack and fa-accuracy, and what they refuse."""

from __future__ import annotations

import json
import xml.dom.minidom
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from fa.compiler import Kernel
from fa.tools import fa_accuracy, fa_compile, fa_pack, fa_sim, fa_unpack

SOURCE = str(Path(__file__).parent / "Inputs" / "attention.mlir")
NAMES = ("q", "k", "v")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a compiled kernel, and its arguments as .npy files and by name."""
    assert fa_compile.main([SOURCE, "-o", str(tmp_path / "kernel")]) == 0
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name in NAMES:
        values = random.standard_normal((1, 1, 64, 64)).astype(ml_dtypes.bfloat16)
        np.save(tmp_path / f"{name}.npy", values)
        arrays[name] = values.astype(np.float32)
    pytest.importorskip("safetensors.numpy").save_file(arrays, str(tmp_path / "all.safetensors"))
    np.save(tmp_path / "new.npy", arrays["k"][:, :, :3])
    np.save(tmp_path / "bytes.npy", np.zeros(9, np.uint8))
    np.save(tmp_path / "integers.npy", np.arange(4).reshape(2, 2))
    return tmp_path


def run(tool, work: Path, text: str) -> int:
    """A tool with arguments in which ./ is the folder."""
    return tool.main([word.replace("./", f"{work}/") for word in text.split()])


def pack(work: Path, name: str = "image") -> Path:
    args = f"./kernel --arg ./q.npy --arg ./k.npy --arg ./v.npy -o ./{name}"
    assert run(fa_pack, work, args) == 0
    return work / name


def test_pack_unpack_and_simulate(work: Path) -> None:
    image = pack(work)
    kernel = Kernel.load(work / "kernel")
    args = [np.load(work / f"{n}.npy").view(ml_dtypes.bfloat16).astype(np.float32) for n in NAMES]
    assert image.read_bytes()[128:] == kernel.pack(*args)
    assert run(fa_pack, work, "./kernel --tensors ./all.safetensors -o ./named") == 0
    assert (work / "named").read_bytes() == image.read_bytes()
    mixed = "./kernel --arg ./q.npy --arg ./all.safetensors:k --arg ./v.npy --raw -o ./plain"
    assert run(fa_pack, work, mixed) == 0
    assert (work / "plain").read_bytes() == kernel.pack(*args)
    out = "--out ./a.npy --out ./b.npy --out ./c.npy --tensors ./stored.safetensors"
    for name in ("image", "plain"):
        assert run(fa_unpack, work, f"./kernel ./{name} --arguments {out}") == 0
        for path, expected in zip("abc", kernel.stored(*args), strict=True):
            assert np.array_equal(np.load(work / f"{path}.npy"), expected)
    sim = "./kernel --arg ./q.npy --arg ./k.npy --arg ./v.npy --out ./o.npy --dump-dir ./dump"
    assert run(fa_sim, work, sim) == 0
    assert run(fa_unpack, work, "./kernel ./dump/hbm.npy --out ./o2.npy") == 0
    assert np.array_equal(np.load(work / "o.npy"), np.load(work / "o2.npy"))


def test_append_in_place(work: Path) -> None:
    image = pack(work)
    text = "./kernel --append k=./new.npy --append v=./all.safetensors:k --at 61 --into ./image"
    before = image.read_bytes()
    assert run(fa_pack, work, text) == 1
    assert run(fa_pack, work, text.replace("all.safetensors:k", "new.npy")) == 0
    assert len(image.read_bytes()) == len(before)
    k = np.load(work / "k.npy").view(ml_dtypes.bfloat16).astype(np.float32)
    k[:, :, 61:] = np.load(work / "new.npy")
    v = np.load(work / "v.npy").view(ml_dtypes.bfloat16).astype(np.float32)
    v[:, :, 61:] = np.load(work / "new.npy")
    np.save(work / "k.npy", k)
    np.save(work / "v.npy", v)
    assert pack(work, "again").read_bytes() == image.read_bytes()


PACK_ERRORS = [
    ("./kernel --arg ./q.npy -o ./x", "the kernel takes 3 arguments, got 1"),
    ("./kernel --arg ./new.npy --arg ./k.npy --arg ./v.npy -o ./x", "must have shape (1, 1, 64,"),
    ("./kernel --arg ./integers.npy --arg ./k.npy --arg ./v.npy -o ./x", "holds int64"),
    ("./kernel --arg ./bytes.npy --arg ./k.npy --arg ./v.npy -o ./x", "is plain bf16; give its"),
    ("./kernel --arg ./all.safetensors -o ./x", "name a tensor of"),
    ("./kernel --arg ./all.safetensors:z -o ./x", "has no tensor 'z'; it has"),
    ("./kernel --tensors ./q.npy -o ./x", "is no .safetensors file"),
    ("./kernel --tensors ./nosuch -o ./x", "cannot read"),
    ("./kernel --tensors ./all.safetensors --arg ./q.npy -o ./x", "by --arg or by --tensors"),
    ("./kernel --arg ./q.npy", "the following arguments are required: -o/--output"),
    ("./kernel --append k=./new.npy", "--append needs --at N and --into IMAGE"),
    ("./kernel --append k=./new.npy --at 1 --into ./image -o ./x", "goes without other options"),
    ("./kernel --into ./image -o ./x", "--into and --at go with --append"),
    ("./kernel --append k --at 1 --into ./image", "--append takes NAME=FILE, got 'k'"),
    ("./kernel --append k=./new.npy --at 62 --into ./image", "cache overflow: k holds 64 tokens"),
    ("./kernel --append k=./new.npy --at -1 --into ./image", "'-1' is not an integer from"),
    ("./kernel --append z=./new.npy --at 1 --into ./image", "no argument called 'z'"),
    ("./kernel --append k=./bytes.npy --at 1 --into ./image", "must hold values"),
    ("./kernel --append k=./new.npy --append v=./q.npy --at 1 --into ./image", "cache overflow"),
    ("./kernel --append k=./new.npy --at 1 --into ./q.npy", "is no packed image"),
    ("./kernel --append k=./new.npy --at 1 --into ./nosuch", "cannot read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), PACK_ERRORS)
def test_fa_pack_bad_input(
    work: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    before = pack(work).read_bytes()
    assert run(fa_pack, work, text) == 1
    error = capsys.readouterr().err
    assert error.startswith("fa-pack: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert (work / "image").read_bytes() == before
    assert not (work / "x").exists()


def damaged(image: bytes) -> dict[str, bytes]:
    return {
        "short": image[:5000],
        "header": image[:64],
        "long": image + b"\0",
        "old": image.replace(b"FA-HBM 4", b"FA-HBM 1", 1),
        "other": image[:20] + b"ffff" + image[24:],
        "none": b"hello",
    }


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("short", "bytes of image, and this kernel's has"),
        ("header", "is no packed image"),
        ("long", "bytes of image, and this kernel's has"),
        ("old", "is a packed image of version 1, this is version 4; pack it again"),
        ("other", "was packed for another kernel"),
        ("none", "is no packed image; fa-pack writes them"),
    ],
)
def test_fa_unpack_bad_images(
    work: Path, capsys: pytest.CaptureFixture[str], kind: str, message: str
) -> None:
    (work / "bad").write_bytes(damaged(pack(work).read_bytes())[kind])
    assert run(fa_unpack, work, "./kernel ./bad --out ./o.npy") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (work / "o.npy").exists()


def test_fa_unpack_more(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack(work)
    assert run(fa_unpack, work, "./kernel ./image --out ./a.npy --out ./b.npy") == 1
    assert "the kernel has 1 results, but --out is given 2 times" in capsys.readouterr().err
    assert run(fa_unpack, work, "./kernel ./bytes.npy") == 1
    assert "holds 9 bytes, and this kernel's data" in capsys.readouterr().err
    assert run(fa_unpack, work, "./kernel ./image") == 0
    assert capsys.readouterr().out.startswith("result0: 1x1x64x64, ")


def test_fa_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "--model GPT-2 --seq 64 --rows 16 --data outliers --json ./a.json --plot ./a.svg "
        "--policy bf16 --policy plena --policy plena+smooth-keys+rotate --policy nvfp4-kv+k=mxfp8"
    )
    assert run(fa_accuracy, tmp_path, text) == 0
    table = capsys.readouterr().out
    assert "rel error" in table
    assert "nvfp4-kv+k=mxfp8 *" in table
    rows = json.loads((tmp_path / "a.json").read_text())["policies"]
    assert rows["bf16"]["relative"] < rows["plena"]["relative"]
    assert rows["plena+smooth-keys+rotate"]["by_source"]["K"] < rows["plena"]["by_source"]["K"]
    assert rows["plena"]["bytes_per_token"] == 2 * 12 * 64 * 9 / 8
    # Single sources add up to the whole, as independent errors do.
    for row in rows.values():
        total = np.sqrt(sum(value**2 for value in row["by_source"].values()))
        assert row["relative"] == pytest.approx(total, rel=0.2)
    xml.dom.minidom.parseString((tmp_path / "a.svg").read_text())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--model GPT-3 --seq 8", "unknown model 'GPT-3'"),
        ("--model GPT-2 --seq 0", "'0' is not a positive integer"),
        ("--model GPT-2 --seq 8 --policy fp8", "unknown policy 'fp8'"),
        ("--model GPT-2 --seq 8 --policy plena+k=fp8", "unknown number format 'fp8'"),
        ("--model GPT-2 --seq 8 --policy plena+x=bf16", "unknown role 'x'"),
        ("--model GPT-2 --seq 8 --policy plena+turn", "'turn' in policy 'plena+turn' is none of"),
        ("--model GPT-2 --seq 8 --policy plena+p=mxfp8", "P never leaves the chip"),
        ("--model GPT-2 --seq 8 --rule up", "argument --rule: invalid choice"),
        ("--model GPT-2 --seq 8 --machine nosuch", "no machine called 'nosuch'"),
        ("--model GPT-2 --seq 8 --arg ./x.npy", "--arg is given 1 times"),
        ("--model GPT-2 --seq 8 --arg ./x.npy --arg ./x.npy --arg ./x.npy", "cannot read"),
    ],
)
def test_fa_accuracy_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert run(fa_accuracy, tmp_path, text + " --plot ./p.svg") == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert message in output.err
    assert not (tmp_path / "p.svg").exists()

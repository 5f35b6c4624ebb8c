"""Directories of kernels: written whole, and loaded only where their files fit together."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fa
import numpy as np
import pytest
from fa.kernel_files import KERNEL_FILES, digest
from fa.output_files import check_directory, write_directory
from fa.tools import fa_compile, fa_sim

SOURCE = fa.attention(
    q_heads=2, kv_heads=1, q_len=20, kv_len=70, head_dim=16, mask="causal", sinks=True, lse=True
)


@pytest.fixture(scope="module")
def kernel() -> fa.Kernel:
    return fa.compile(SOURCE)


@pytest.fixture
def folder(kernel: fa.Kernel, tmp_path: Path) -> Path:
    kernel.save(tmp_path / "k")
    return tmp_path / "k"


def refusal(folder: Path) -> str:
    """The error of loading a directory, less the name of the directory."""
    with pytest.raises(fa.CompileError) as caught:
        fa.Kernel.load(folder)
    return str(caught.value).removeprefix(f"{folder}{os.sep}")


def sign(folder: Path, manifest: dict[str, Any] | None = None) -> None:
    """Write a manifest with digests that fit what is there."""
    if manifest is None:
        manifest = json.loads((folder / "layout.json").read_text())
    names = [name for name in KERNEL_FILES if name != "layout.json"]
    rest = {key: value for key, value in manifest.items() if key != "digests"}
    digests = {name: digest((folder / name).read_bytes()) for name in names}
    digests["layout.json"] = digest(json.dumps(rest, sort_keys=True).encode())
    (folder / "layout.json").write_text(json.dumps({**rest, "digests": digests}))


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The error of a manifest that has been changed and signed again."""
    manifest = json.loads((folder / "layout.json").read_text())
    change(manifest)
    sign(folder, manifest)
    found = refusal(folder)
    assert found.startswith("layout.json:1:1: error: ")
    return found


def test_the_words_of_the_program_file_are_what_runs(folder: Path, capsys):
    """Not those that the assembly beside it would give: the two must be equal."""
    path = folder / "kernel.mem"
    lines = path.read_text().splitlines()
    lines[3] = "0x00000034"
    path.write_text("\n".join(lines) + "\n")
    assert fa_sim.main([str(folder)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{path}:4:1: error: word 3 is 0x00000034, and line ")
    sign(folder)
    assert "word 3 is 0x00000034" in refusal(folder)


def test_a_comment_in_the_assembly_is_a_change(folder: Path):
    path = folder / "kernel.asm"
    path.write_text(path.read_text() + "; mine\n")
    assert refusal(folder).startswith(
        "kernel.asm:1:1: error: kernel.asm is not the one that layout"
    )


@pytest.mark.parametrize("name", KERNEL_FILES)
def test_files_of_another_kernel(folder: Path, name: str, tmp_path: Path):
    other = fa.attention(q_heads=2, kv_heads=1, q_len=20, kv_len=70, head_dim=16)
    fa.compile(other).save(tmp_path / "other")
    (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert "compile again" in refusal(folder)


@pytest.mark.parametrize("name", KERNEL_FILES)
def test_no_text(folder: Path, name: str):
    text = (folder / name).read_bytes()
    at = text.index(b"\n") + 1
    (folder / name).write_bytes(text[:at] + b"\xff" + text[at:])
    assert refusal(folder).startswith(f"{name}:2:1: error: not a text file in UTF-8")


@pytest.mark.parametrize("name", KERNEL_FILES)
def test_cut_and_missing_files(folder: Path, name: str):
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text[: len(text) // 2])
    assert f"{name}" in refusal(folder)
    (folder / name).unlink()
    assert "No such file" in refusal(folder)


def test_an_older_version_says_what_to_do(folder: Path):
    path = folder / "layout.json"
    path.write_text(path.read_text().replace('"version": 4', '"version": 3'))
    assert refusal(folder) == (
        "layout.json:1:1: error: layout version 3 cannot be read, this is version 4; compile again"
    )


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{}", '{"version": 4}', "9" * 5000, '"'])
def test_no_manifest(folder: Path, text: str):
    (folder / "layout.json").write_text(text)
    assert refusal(folder).startswith("layout.json:1:1: error: ")


def region(manifest: dict[str, Any], role: str = "argument") -> dict[str, Any]:
    """The first region of a role."""
    return next(entry for entry in manifest["regions"] if entry["role"] == role)


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "hbm_bytes": (lambda m: m.update(hbm_bytes=10**18), "'hbm_bytes' is an integer from 0 to"),
    "hbm_bytes is a text": (lambda m: m.update(hbm_bytes="1"), "'hbm_bytes' is an integer"),
    "hbm_bytes of another": (lambda m: m.update(hbm_bytes=64), "but the regions end at"),
    "base": (lambda m: m["regions"][-1].update(base=1 << 30), "scale_base of"),
    "off line": (lambda m: region(m).update(base=33), "which is no multiple of 64"),
    "negative": (lambda m: region(m).update(base=-64), "'base' is an integer from 0"),
    "shape": (lambda m: region(m).update(shape=[1, 2, 3, 1 << 40]), "no shape of a tensor"),
    "shape of texts": (lambda m: region(m).update(shape="abc"), "is a list of integers"),
    "rows": (lambda m: region(m).update(rows=1), "do not hold the"),
    "width": (lambda m: region(m).update(width=65), "not whole blocks"),
    "role": (lambda m: region(m).update(role="x"), "'role' is one of argument, constant"),
    "kind": (lambda m: region(m).update(kind=None), "'kind' is one of"),
    "index": (lambda m: region(m).update(index=99, recipe=[]), "there is no argument 99"),
    "element": (lambda m: region(m)["storage"].update(element="e9m9"), "'element' is one of"),
    "block": (lambda m: region(m)["storage"].update(block=1 << 60), "'block' is an integer"),
    "storage": (lambda m: region(m).update(storage=[]), "'storage' is a table"),
    "unknown": (lambda m: region(m).update(extra=1), "there is no 'extra' here"),
    "missing": (lambda m: region(m).pop("pitch"), "'pitch' is missing"),
    "regions": (lambda m: m.update(regions=3), "'regions' is a list"),
    "region": (lambda m: m["regions"].append(None), "an entry of 'regions' is a table"),
    "twice": (lambda m: m["regions"].append(m["regions"][0]), "has begun at"),
    "output": (lambda m: m.update(outputs=[["region", 99]]), "there is no region 99"),
    "output of what": (lambda m: m.update(outputs=[["make"]]), "no recipe: ['make']"),
    "deep": (lambda m: m.update(outputs=[nested(80)]), "at most 64 operations deep"),
    "huge": (
        lambda m: m.update(outputs=[["broadcast", [1 << 20] * 5, ["region", 0]]]),
        "which is no shape of a tensor",
    ),
    "reshape": (lambda m: m.update(outputs=[["reshape", [3], ["region", 0]]]), "cannot be resha"),
    "fp_mem": (lambda m: m.update(fp_mem=[1 << 16]), "a value of 'fp_mem' is an integer from 0"),
    "int_mem": (lambda m: m.update(int_mem=[0] * 1025), "'int_mem' has 1025 values"),
    "machine": (lambda m: m.pop("machine"), "'machine' is a table"),
    "settings": (lambda m: m["machine"].update(settings=[]), "the settings are a table"),
    "name": (lambda m: m["machine"].update(name=7), "the name of the machine is a text"),
    "sources": (lambda m: m["sources"][0].update(pcs="0-99999999999"), "names none of the"),
    "no sources": (lambda m: m.update(sources={}), "the map of instructions is a list"),
    "mask_tiles": (lambda m: m.update(mask_tiles=[{"rows": -1}]), "mask_tiles is damaged"),
    "surrogate": (lambda m: m.update(kernel="\ud800"), "the layout is damaged"),
}


def nested(depth: int) -> list[Any]:
    return ["additive", nested(depth - 1)] if depth else ["region", 0]


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_manifests(folder: Path, name: str):
    change, message = DAMAGED[name]
    assert message in changed(folder, change)


def small_hbm(manifest: dict[str, Any]) -> None:
    config = manifest["machine"]["settings"]["TRANSACTIONAL"]["CONFIG"]
    config["HBM_SIZE"]["value"] = manifest["hbm_bytes"] // 2 // 64 * 64


def test_regions_beyond_hbm(folder: Path):
    """Before anything runs, also where a module of instructions says so."""
    assert "of HBM, and machine plena-64 has" in changed(folder, small_hbm)


def test_regions_over_one_another(folder: Path):
    def change(manifest: dict[str, Any]) -> None:
        first, second = manifest["regions"][:2]
        by = second["base"] - first["base"]
        for key in ("base", "scale_base"):
            second[key] -= by

    assert re.search(r"where \w+ has begun at", changed(folder, change))


def recipe_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """A region that the host makes of something."""
    return next(entry for entry in manifest["regions"] if entry["recipe"])


@pytest.mark.parametrize(
    "recipe",
    [
        ["constant", [1], "f32", "no base64"],
        ["constant", [1 << 30], "f32", "AAAA"],
        ["transpose", [0, 0], ["argument", 0]],
        ["additive", ["argument"]],
        ["argument", -1],
        ["argument", 10**30],
        ["argument", True],
        ["pad", [1], ["argument", 0]],
        ["crop", [9, 9, 9, 9], [1, 1, 1, 1], ["argument", 0]],
        ["concat", 7, ["argument", 0], ["argument", 0]],
        ["prepare", "centre", 0, "f32", ["argument", 0]],
        ["prepare", "rotate", -5, "f32", ["argument", 0]],
        ["broadcast", [1 << 40], ["argument", 0]],
        "argument",
        {"argument": 0},
    ],
    ids=str,
)
def test_damaged_recipes(folder: Path, recipe: object):
    found = changed(folder, lambda manifest: recipe_of(manifest).update(recipe=recipe))
    assert "compile again" in found


def test_the_same_from_a_module(kernel: fa.Kernel):
    """The layout of a module of instructions is checked as one of a directory is."""
    text = kernel.mlir.replace("hbm_bytes = ", "hbm_bytes = 1", 1)
    with pytest.raises(fa.CompileError, match=r"hbm_bytes is 1[0-9]+, but the regions end at"):
        fa.compile(text)


def test_saving_makes_directories(kernel: fa.Kernel, tmp_path: Path):
    kernel.save(tmp_path / "a" / "b" / "c")
    loaded = fa.Kernel.load(tmp_path / "a" / "b" / "c")
    np.testing.assert_array_equal(loaded.words, kernel.words)
    assert loaded.layout == kernel.layout
    assert loaded.report == kernel.report


def test_saving_fails_whole(kernel: fa.Kernel, folder: Path, tmp_path: Path):
    """A directory that cannot be written is as it was; one that was not there is not."""
    (folder / "report.txt").unlink()
    (folder / "report.txt").mkdir()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(fa.CompileError, match=r"cannot write '.*': 'report.txt' in it is a dir"):
        kernel.save(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert os.listdir(tmp_path) == ["k"]
    kernel = fa.compile(SOURCE)
    kernel.__dict__["report"] = "\ud800"  # what no file can hold
    with pytest.raises(UnicodeEncodeError):
        kernel.save(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == ["k"]


def test_directories_above_go_with_what_failed(tmp_path: Path):
    def fail(folder: str) -> None:
        (Path(folder) / "x").write_text("1")
        raise OSError(28, "No space left on device")

    with pytest.raises(fa.CompileError, match=r"cannot write '.*c': No space left on device"):
        write_directory(str(tmp_path / "a" / "b" / "c"), fail)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "cannot be called"),
        ("a\0b", "has a NUL"),
        ("file", "Not a"),
        ("file/d", "is no directory"),
    ],
)
def test_directories_that_cannot_be(tmp_path: Path, path: str, message: str, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for use in (check_directory, lambda name: write_directory(name, lambda _: None)):
        with pytest.raises(fa.CompileError, match=message):
            use(path)
    assert os.listdir(tmp_path) == ["file"]


def test_the_tool_makes_directories(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.mlir").write_text(str(SOURCE))
    assert fa_compile.main(["x.mlir", "-o", "a/b", "--emulator-dir", "c/d"]) == 0
    assert sorted(os.listdir("a/b")) == sorted(KERNEL_FILES)
    assert fa_sim.main(["a/b", "--hbm-time", "none"]) == 0
    assert fa_sim.main(["c/d", "--hbm-time", "none", "--dump-dir", "e/f"]) == 0
    for flag in ("-o", "--emulator-dir"):
        capsys.readouterr()
        assert fa_compile.main(["x.mlir", flag, ""]) == 1
        assert "an output cannot be called" in capsys.readouterr().err

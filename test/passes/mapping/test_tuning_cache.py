"""The cache of choices: what it keeps, where, and what it ignores."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fa.machine import Machine
from fa.passes.mapping.tuning_cache import (
    Key,
    TuningCache,
    cache_folder,
    code_digest,
    compiler_version,
    machine_digest,
)

from ...machine.conftest import variant

PLENA64 = Machine.load("plena-64")
CHOICE = {"qk": "btmm", "pv": "mm", "unroll-rows": 4}


@pytest.fixture
def key() -> Key:
    return Key.of("1x4x64x64 #fa.causal bf16", PLENA64, "emulator")


@pytest.fixture
def remarks() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, remarks: list[str]) -> TuningCache:
    return TuningCache(tmp_path / "deep" / "cache", remarks.append)


def entry(cache: TuningCache, key: Key) -> Path:
    assert cache.folder is not None
    return cache.folder / key.name


def test_keeps_choices(cache: TuningCache, key: Key, remarks: list[str]):
    assert cache.get(key) is None
    cache.put(key, CHOICE)
    assert cache.get(key) == CHOICE
    cache.put(key, {"qk": "mm"})
    assert cache.get(key) == {"qk": "mm"}
    assert [path.name for path in entry(cache, key).parent.iterdir()] == [key.name]
    assert remarks == []


def test_every_part_of_the_key_counts(cache: TuningCache, key: Key):
    cache.put(key, CHOICE)
    machines = [Machine.load("plena-64-bf16"), variant(DC_EN=0), variant(HLEN=32)]
    others = [replace(key, problem="1x4x64x65 #fa.causal bf16"), replace(key, target="bytes")]
    others += [replace(key, machine=machine_digest(machine)) for machine in machines]
    assert len({each.name for each in [key, *others]}) == len(others) + 1
    assert all(cache.get(other) is None for other in others)


def test_names_of_machines_do_not_count():
    assert machine_digest(replace(PLENA64, name="mine")) == machine_digest(PLENA64)


def test_other_versions_are_stale(cache: TuningCache, key: Key, remarks: list[str]):
    cache.put(replace(key, version="0.0+old"), CHOICE)
    assert cache.get(key) is None
    (remark,) = remarks
    assert remark.endswith(f"is ignored: it is of version '0.0+old', this is '{key.version}'")
    cache.put(key, CHOICE)
    assert cache.get(key) == CHOICE
    assert len(remarks) == 1


def test_a_stale_version_is_one_line(cache: TuningCache, key: Key, remarks: list[str]):
    cache.put(replace(key, version="0.0\nfa: error: no"), CHOICE)
    assert cache.get(key) is None
    (remark,) = remarks
    assert "it is of version '0.0\\nfa: error: no', this is" in remark
    assert "\n" not in remark


def test_version_is_of_the_code():
    released, _, digest = compiler_version().partition("+")
    assert released
    assert len(digest) == 16


@pytest.mark.parametrize(
    "name", ["compiler.py", "search.py", "passes/tiling/fuse.py", "machine/spec/isa.py"]
)
def test_each_module_counts(tmp_path: Path, name: str):
    """Those beside the folders too: `search` chooses, `compiler` measures."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("a = 1\n")
    before = code_digest(tmp_path)
    (tmp_path / name).write_text("a = 2\n")
    assert code_digest(tmp_path) != before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        "{}",
        '{"key": {}, "choice": {}}',
        '{"key": 1, "choice": {}}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_damaged_entries(cache: TuningCache, key: Key, remarks: list[str], text: str):
    cache.put(key, CHOICE)
    entry(cache, key).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert cache.get(key) is None
    (remark,) = remarks
    assert remark == f"'{entry(cache, key)}' is ignored: it is damaged"
    assert "\n" not in remark


@pytest.mark.parametrize("value", [1.5, True, None, [1], {"a": 1}])
def test_choices_are_flat(cache: TuningCache, key: Key, remarks: list[str], value: object):
    cache.put(key, CHOICE)
    path = entry(cache, key)
    contents = json.loads(path.read_text())
    contents["choice"]["qk"] = value
    path.write_text(json.dumps(contents))
    assert cache.get(key) is None
    assert len(remarks) == 1


def test_an_entry_for_something_else(cache: TuningCache, key: Key, remarks: list[str]):
    """Two keys with one name: a collision, or a file that was copied."""
    cache.put(key, CHOICE)
    other = replace(key, target="analytic")
    os.rename(entry(cache, key), entry(cache, other))
    assert cache.get(other) is None
    assert remarks[0].endswith("it is for something else")


def test_what_cannot_be_read_or_written(tmp_path: Path, key: Key, remarks: list[str]):
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = TuningCache(blocked, remarks.append)
    cache.put(key, CHOICE)
    assert cache.get(key) is None
    assert len(remarks) == 2
    assert "cannot be written" in remarks[0]
    assert "is ignored" in remarks[1]
    folder = TuningCache(tmp_path, remarks.append)
    (tmp_path / key.name).mkdir()
    folder.put(key, CHOICE)
    assert folder.get(key) is None
    assert len(remarks) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["file", key.name])


def test_many_writers(cache: TuningCache, key: Key):
    """Whoever comes last wins, and nobody ever reads half an entry."""
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(cache.put, key, {"n": n, "pad": "x" * 10_000}) for n in range(100)]
        seen = [cache.get(key) for _ in range(200)]
        for job in jobs:
            job.result()
    assert all(choice is None or len(str(choice["pad"])) == 10_000 for choice in seen)
    assert cache.get(key) is not None


def test_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("FA_CACHE", "FA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "fa-compiler"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "fa-compiler"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "fa-compiler"
    monkeypatch.setenv("FA_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("FA_CACHE", "0")
    assert cache_folder() is None


def test_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: Key):
    monkeypatch.setenv("FA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("FA_CACHE", "0")
    cache = TuningCache.user()
    cache.put(key, CHOICE)
    assert cache.get(key) is None
    assert list(tmp_path.iterdir()) == []


def test_remarks_are_lines_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FA_CACHE_DIR", str(tmp_path))
    (tmp_path / key.name).write_text("{")
    assert TuningCache.user().get(key) is None
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"fa: remark: '{tmp_path / key.name}' is ignored: it is damaged\n"

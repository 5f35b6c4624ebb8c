"""What is installed: every package and every file that one reads stands in pyproject.toml."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = ("dialects", "frontends", "lowering", "machine", "passes", "tools")


def test_every_package_is_installed():
    folders = [path.parent for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]
    names = {"fa", *(".".join(("fa", *path.relative_to(ROOT).parts)) for path in folders)}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == names


def test_every_data_file_is_installed():
    data = PROJECT["tool"]["setuptools"]["package-data"]
    listed = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")[1:]).glob(pattern)
    }
    there = {
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in (".toml", ".html", ".json") and path.is_file()
    }
    assert there | {ROOT / "py.typed"} == listed


def test_licence():
    assert PROJECT["project"]["license"] == "Apache-2.0 WITH LLVM-exception"

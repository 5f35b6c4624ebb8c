"""docs/mapping.md: its tables have a row for every kernel that is measured, and show what is true.

That its commands run is in `test_readme.py`; that tables of costs and pictures are those of today,
in `make check`.
"""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "mapping.md"


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernels", ROOT / "bench" / "kernels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def rows(kernels: ModuleType, name: str) -> list[list[str]]:
    """The cells of one of the page's tables, without its head."""
    text = PAGE.read_text("utf-8")
    inside = text.split(kernels.BEGIN.format(name=name))[1].split(kernels.END.format(name=name))[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[2:]]


def integer(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_every_kernel_with_published_figures_is_there(kernels: ModuleType):
    found = rows(kernels, "peers")
    expected = [(row.name, table) for row in kernels.ROWS for table in kernels.TABLES]
    assert [(cells[0], cells[2]) for cells in found] == expected
    for cells, row in zip(found[::2], kernels.ROWS, strict=True):
        assert (integer(cells[3]), integer(cells[4])) == (row.published[0], row.target[0])
    for cells in found:
        ours, total, bound = (integer(cell) for cell in cells[5:8])
        assert bound <= ours < total
        assert float(cells[9]) < 8e-3


def test_every_model_is_there(kernels: ModuleType):
    found = rows(kernels, "models")
    expected = [(row.name, table) for row in kernels.LLAMA for table in kernels.TABLES]
    assert [tuple(cells[:2]) for cells in found] == expected
    for cells in found:
        before, ours = integer(cells[2]), integer(cells[3])
        assert cells[4] == f"{before / ours:.1f}"


def test_the_table_is_made(kernels: ModuleType):
    row, table = kernels.ROWS[0], "emulator"
    found = kernels.measure(row, table, True, 0)
    assert found.error is not None
    assert found.error < 8e-3
    assert found.least <= found.ours < found.total
    text = kernels.replaced(PAGE.read_text("utf-8"), [found])
    inside = text.split(kernels.BEGIN.format(name="peers"))[1]
    assert f"| {found.ours:,} | {found.total:,} | {found.least:,} |" in inside


def test_writing_takes_no_part_of_the_table():
    run = subprocess.run(
        [sys.executable, ROOT / "bench" / "kernels.py", "--write", "--quick"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "neither --quick nor --only" in run.stderr


def test_every_picture_is_shown():
    drawn = {path.name for path in (ROOT / "docs" / "mapping").glob("*.svg")}
    shown = re.findall(r"!\[[^\]]+\]\(mapping/([^)]+)\)", PAGE.read_text("utf-8"))
    assert sorted(shown) == sorted(drawn)

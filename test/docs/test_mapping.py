"""docs/mapping.md: its tables have a row for every kernel that is measured, and show what is true.

That its commands run is in `test_readme.py`; that tables of costs and pictures are those of today,
in `make check`.
"""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ..benches import load

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "mapping.md"


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    return load("kernels")


def rows(kernels: ModuleType, name: str) -> list[list[str]]:
    """The cells of one of the page's tables, without its head."""
    lines = kernels.PAGE.parts(PAGE.read_text("utf-8"), name)[1].splitlines()
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[2:]]


def integer(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_every_kernel_with_published_figures_is_there(kernels: ModuleType):
    found = rows(kernels, "peers")
    expected = [(row.name, table) for row in kernels.ROWS for table in kernels.TABLES]
    assert [(cells[0], cells[2]) for cells in found] == expected
    figures = [pair for row in kernels.ROWS for pair in zip(row.published, row.target, strict=True)]
    for cells, figure in zip(found, figures, strict=True):
        assert (integer(cells[3]), integer(cells[4])) == figure
        target, ours, total, bound = (integer(cell) for cell in cells[4:8])
        assert bound <= ours < total
        assert ours <= target
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
    inside = kernels.PAGE.parts(text, "peers")[1]
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

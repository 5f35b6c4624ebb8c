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


def test_the_tables_are_those_of_today(kernels: ModuleType):
    """All that is counted; errors, the last cell, need runs."""
    short = [row for row in kernels.LLAMA if not row.long]
    tables = (("peers", kernels.peers, kernels.ROWS), ("models", kernels.models, short))
    for name, make, some in tables:
        made = make(list(kernels.measurements(some, False, 0))).splitlines()[2:]
        expected = [[cell.strip() for cell in line.strip("| ").split("|")] for line in made]
        names = {row.name for row in some}
        found = [cells for cells in rows(kernels, name) if cells[0] in names]
        assert [cells[:-1] for cells in found] == [cells[:-1] for cells in expected]


def test_an_error_is_that_of_a_run(kernels: ModuleType):
    found = kernels.measure(kernels.ROWS[0], "emulator", True, 0)
    assert f"{found.error:.1e}" == rows(kernels, "peers")[0][9]


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

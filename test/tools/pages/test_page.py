"""The page of a kernel: what is in it, that it is true, and that it works in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fa
import pytest
from fa.tools.fa_compile import main
from fa.tools.pages.page import html_page, levels_of, page_data

from .chromium import Browser, find

SOURCE = Path(__file__).resolve().parents[3] / "examples" / "small.mlir"
CHROMIUM = find()
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def kernel() -> fa.Kernel:
    return fa.compile(SOURCE)


@pytest.fixture(scope="module")
def data(kernel: fa.Kernel) -> dict[str, Any]:
    return page_data(kernel)


@pytest.fixture(scope="module")
def causal() -> fa.Kernel:
    return fa.compile(
        fa.attention(q_heads=2, kv_heads=1, q_len=256, kv_len=256, head_dim=64, mask="causal"),
        passes="tile{q-tile=64 kv-tile=64},fuse",
    )


def level(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in data["levels"] if each["name"] == name)


def test_levels(kernel: fa.Kernel, data: dict[str, Any]):
    names = [each["name"] for each in data["levels"]]
    assert names[:4] == ["source", "input", "tile", "fuse"]
    assert names[-1] == "assembly"
    assert "\n".join(level(data, "source")["text"]) == SOURCE.read_text()
    assert level(data, "assembly")["text"] == kernel.asm.splitlines()
    for each in data["levels"]:
        assert len(each["text"]) == len(each["op"]) == len(each["place"])


def test_lines_know_their_operations(data: dict[str, Any]):
    """A line of the placed module says what its instructions in the assembly say."""
    number = data["names"].index("fa.scores %s")
    placed, assembly = level(data, "allocate-sram"), level(data, "assembly")
    (line,) = (t for t, n in zip(placed["text"], placed["op"], strict=True) if n == number)
    assert line.strip().startswith("%s = fa.scores ")
    made = [t for t, n in zip(assembly["text"], assembly["op"], strict=True) if n == number]
    assert any("M_BTMV" in text for text in made)
    here = next(i for i, t in enumerate(level(data, "source")["text"]) if "fa.attention" in t)
    place = level(data, "source")["place"][here]
    assert data["names"][place] == f"{SOURCE}:{here + 1}"
    assert place in level(data, "allocate-sram")["place"]
    assert place in assembly["place"]


def test_cycles_are_those_of_a_run(kernel: fa.Kernel, data: dict[str, Any]):
    cost = fa.cost(kernel)
    for table, cycles in (("emulator", cost.emulator_cycles), ("analytic", cost.analytic_cycles)):
        assert sum(data["by_pc"][table]) == cycles
        assert sum(data["units"][table].values()) == cycles
        assert sum(sum(each["cycles"][table].values()) for each in data["shares"]) == cycles
    assert sum(each["static"] for each in data["shares"]) == len(kernel.words)
    assert kernel.bounds is not None
    assert data["bounds"]["emulator"] == kernel.bounds.total.of("emulator")


def test_lengths_at_run_time_are_the_largest():
    kernel = fa.compile(
        fa.attention(q_heads=2, kv_heads=1, q_len=1, kv_len=200, head_dim=64, lengths=True)
    )
    found = page_data(kernel)["by_pc"]
    assert sum(found["emulator"]) == fa.cost(kernel).emulator_cycles


def test_tiles_alive_together_do_not_overlap(kernel: fa.Kernel):
    levels = levels_of(kernel)
    used = kernel.layout.sram
    vector = [each for each in levels.tiles if each.space == "vector"]
    most = max(each.address + each.elements for each in vector)
    assert most == used["vector_rows"] * kernel.machine.vlen
    assert {"%q", "%s", "%p"} <= {each.name for each in vector}
    assert all(0 <= each.start <= each.end < len(levels.steps) for each in levels.tiles)


def test_masks_are_drawn(causal: fa.Kernel):
    (grid,) = page_data(causal)["masks"]
    assert (grid["rows"], grid["cols"]) == (64, 64)
    assert list(grid["lines"]) == ["/...", "#/..", "##/.", "###/"]
    (count,) = causal.mask_tiles
    assert count.empty == 2 * "".join(grid["lines"]).count(".")


def test_one_file_that_needs_nothing_else(kernel: fa.Kernel, tmp_path: Path):
    text = html_page(kernel)
    assert text == html_page(kernel) == kernel.to_html()
    assert not re.search(
        r"""(src|href)=["'](?!data:)|@import|https?://(?!www\.w3\.org/2000/svg)""", text
    )
    found = re.search(r'application/json">(.*?)</script>', text)
    assert found is not None
    assert json.loads(found[1])["title"] == "small on plena-64"
    assert main([str(SOURCE), "--html", str(tmp_path / "page.html")]) == 0
    written = (tmp_path / "page.html").read_text()
    assert len(written) > 50_000


def test_a_source_cannot_end_the_script(tmp_path: Path):
    path = tmp_path / "x.mlir"
    path.write_text("// </script><script>alert(1)</script> <!-- \n" + SOURCE.read_text())
    assert fa.compile(path).to_html().count("</script>") == 2


def test_texts(kernel: fa.Kernel, capsys: pytest.CaptureFixture[str]):
    assert main([str(SOURCE), "--memory-map", "--profile"]) == 0
    text = capsys.readouterr().out
    rows = kernel.layout.sram["vector_rows"]
    assert f"vector SRAM: {64 * rows:,} of 65,536 elements  [#" in text
    assert re.search(
        r"^ +[\d,]+\.\.[\d,]+  %q +\d+\.\.\d+ +fa.load %q \.\. fa.scale %q_scaled$", text, re.M
    )
    cost = fa.cost(kernel)
    assert re.search(rf"^all +{cost.emulator_cycles:,} +{cost.analytic_cycles:,} ", text, re.M)
    assert re.search(rf"^fa.scores %s at {re.escape(str(SOURCE))}:4:8 +\d", text, re.M)


def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str]):
    assert main([str(SOURCE), "--html", "/dev/null/x.html"]) == 1
    assert capsys.readouterr().err.startswith("fa-compile: error: cannot write '/dev/null/x.html'")


def test_a_saved_kernel_has_a_page(kernel: fa.Kernel, tmp_path: Path):
    """Without the levels, of which a directory knows nothing."""
    kernel.save(tmp_path / "k")
    again = page_data(fa.Kernel.load(tmp_path / "k"))
    assert [each["name"] for each in again["levels"]] == ["assembly"]
    assert sum(again["by_pc"]["emulator"]) == fa.cost(kernel).emulator_cycles


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    found = Browser(CHROMIUM, tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


LIT = "[...document.querySelectorAll('.line.lit')].map(e => e.lastChild.textContent.trim())"


@in_browser
def test_in_a_browser(kernel: fa.Kernel, browser: Browser, tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text(kernel.to_html())
    # Two seconds on an idle machine; tests share theirs.
    assert browser.open(path) < 10
    assert browser.evaluate("document.title") == "small on plena-64"
    assert browser.evaluate("columns.map(c => c.level.name)") == [
        "source",
        "map",
        "allocate-sram",
        "assembly",
    ]
    assert browser.evaluate("document.querySelectorAll('#memories rect').length") > 8
    # A row of the table lights up its operation in all columns.
    number = browser.evaluate(
        "[...document.querySelectorAll('#shares tr.pick')]"
        ".findIndex(r => r.firstChild.textContent.startsWith('fa.scores %s '))"
    )
    browser.click("#shares tr.pick", number)
    lines = browser.evaluate(LIT)
    assert any(line.startswith("%o = fa.attention") for line in lines)
    assert sum(line.startswith("%s = fa.scores") for line in lines) == 2
    assert any(line.startswith("M_BTMV") for line in lines)
    assert not any(line.startswith("H_STORE_V") for line in lines)
    # The line of the source lights up all that stands for it.
    at = browser.evaluate("D.levels[0].text.findIndex(t => t.includes('fa.attention'))")
    browser.click(".column:first-child .line", at)
    assert browser.evaluate("columns.at(-1).set.size") == sum(
        kernel.sources.at(pc).location.startswith(f"{SOURCE}:{at + 1}:")
        for pc in range(len(kernel.words))
    )
    browser.click("#clear")
    assert browser.evaluate(LIT) == []
    # Loops fold and unfold.
    rows = browser.evaluate("columns.at(-1).visible.length")
    browser.click("#fold")
    assert browser.evaluate("columns.at(-1).visible.length") < rows == len(kernel.words)
    browser.click("#unfold")
    assert browser.evaluate("columns.at(-1).visible.length") == rows
    assert browser.errors == []
    assert browser.requests[-1] == path.as_uri()
    assert all(url.startswith("file:") for url in browser.requests)
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000

"""For people who explore: public names, short texts, tables, arguments by name, the story."""

import pydoc
from pathlib import Path

import fa
import numpy as np
import pytest

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "small.mlir"


@pytest.fixture(scope="module")
def kernel() -> fa.Kernel:
    return fa.compile(SOURCE)


@pytest.fixture(scope="module")
def arguments() -> list[np.ndarray]:
    return list(np.random.default_rng(0).standard_normal((3, 1, 1, 64, 64)))


def test_public_names():
    public = [name for name in dir(fa) if not name.startswith("_")]
    assert public == sorted(fa.__all__)
    text = pydoc.plain(pydoc.render_doc(fa))
    assert all(f" {name}(" in text for name in ("attention", "compile", "cost", "interpret"))
    assert "class Kernel" in text


def test_one_line_each(kernel: fa.Kernel, arguments: list[np.ndarray]):
    run, cost = kernel.run(*arguments), fa.cost(kernel)
    assert repr(kernel) == (
        "<fa.Kernel small(q: bf16[1, 1, 64, 64], k: bf16[1, 1, 64, 64], v: bf16[1, 1, 64, 64]) on "
        f"plena-64: {len(kernel.words)} instructions, {kernel.layout.hbm_bytes:,} bytes of HBM>"
    )
    assert repr(run).startswith(f"<fa.Run {run.cycles:,} cycles, ")
    assert repr(run).endswith("; float32[1, 1, 64, 64]>")
    assert repr(cost).startswith(f"<fa.Cost cycles: emulator {cost.emulator_cycles:,}, ")
    assert repr(kernel.layout).startswith("<fa.Layout small: 6 regions, ")
    for each in (kernel, run, cost, kernel.layout):
        html = each._repr_html_()
        assert html.startswith("<table>")
        assert html.count("<table>") == html.count("</table>")
        assert html.count("<tr>") > 2
    assert f"{cost.emulator_cycles:,}" in kernel._repr_html_()


def test_arguments_by_name(kernel: fa.Kernel, arguments: list[np.ndarray]):
    q, k, v = arguments
    expected = kernel.run(q, k, v).outputs[0]
    assert (kernel.run(v=v, q=q, k=k).outputs[0] == expected).all()
    assert (kernel.run(q, v=v, k=k).outputs[0] == expected).all()
    assert not (kernel.run(q, v=k, k=v).outputs[0] == expected).all()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"x": 0}, "no argument called 'x'; there are q, k, v"),
        ({"q": 0}, "the argument 'q' is given twice"),
        ({"k": 0}, "the argument 'v' is missing; there are q, k, v"),
    ],
)
def test_wrong_names(kernel: fa.Kernel, named: dict[str, int], said: str):
    with pytest.raises(fa.CompileError, match=said):
        kernel.run(np.zeros((1, 1, 64, 64)), **named)


def test_passes_as_a_list(kernel: fa.Kernel):
    from fa.passes.tiling.fuse import FusePass

    text = fa.compile(SOURCE, passes="tile{q-tile=64},fuse").asm
    assert fa.compile(SOURCE, passes=["tile{q-tile=64}", "fuse"]).asm == text
    assert fa.compile(SOURCE, passes=["tile{q-tile=64}", FusePass()]).asm == text
    for wrong in (3, ["tile", 3]):
        with pytest.raises(fa.CompileError, match="passes are text such as 'tile,fuse', or a list"):
            fa.compile(SOURCE, passes=wrong)


def test_what_a_source_is():
    with pytest.raises(fa.CompileError, match="no source but of type int; give MLIR text, the pa"):
        fa.compile(3)


def test_the_story(kernel: fa.Kernel):
    text = kernel.explain()
    cost = fa.cost(kernel)
    for part in (
        "1 query and 1 KV heads of 64, 64 queries, 64 keys; 4,096 scores are seen",
        f"passes: {kernel.passes}\n",
        "9 not possible: btmm takes 4 blocks of 64 rows at a time",
        f"memories: {kernel.layout.sram['vector_rows']} of 1,024 rows of vector SRAM",
        f"emulator: {cost.emulator_cycles:,} cycles, ",
    ):
        assert part in text


def test_the_story_of_given_passes():
    assert "mapping: not searched" in fa.compile(SOURCE, passes="tile,fuse").explain()


def test_a_saved_kernel_has_a_story(kernel: fa.Kernel, tmp_path: Path):
    kernel.save(tmp_path / "k")
    text = fa.Kernel.load(tmp_path / "k").explain()
    assert f"emulator: {fa.cost(kernel).emulator_cycles:,} cycles" in text
    assert "passes:" not in text

"""Each instruction of a kernel names the tile operation that it was made from."""

from fa.compiler import Kernel, kernel_of
from fa.compiler import compile as compile_attention
from fa.frontends.mlir import parse_module, run_passes
from fa.lowering.assembly import assembly, the_kernel
from fa.machine.program.source_map import HOST

SOURCE = """
func.func @one(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %o = fa.attention %q, %k, %v : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>,
      tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}
"""


def test_tile_operations_are_named():
    kernel = compile_attention(SOURCE)
    lines = kernel.asm.splitlines()
    sources = [kernel.sources.at(pc) for pc in range(len(lines))]
    names = {source.op for source in sources}
    assert {"func.func", "fa.load %q", "fa.load %k", "fa.scores %s", "fa.store"} <= names
    assert all(source.location.startswith("<string>:") for source in sources)
    prefetched = {
        source.op for source, line in zip(sources, lines, strict=True) if "H_PREFETCH_M" in line
    }
    assert prefetched == {"fa.load %k", "fa.load %v", "fa.load %ones_tile", "fa.load %unit_tile"}
    assert kernel.sources.at(len(lines)) == HOST


def test_both_ends_of_a_loop_belong_to_one_operation():
    kernel = compile_attention(SOURCE)
    open_loops = []
    for pc, line in enumerate(kernel.asm.split("\n")):
        if "C_LOOP_START" in line:
            open_loops.append(kernel.sources.at(pc))
        elif "C_LOOP_END" in line:
            assert kernel.sources.at(pc) == open_loops.pop()


def test_the_map_is_saved(tmp_path):
    kernel = compile_attention(SOURCE)
    kernel.save(tmp_path)
    again = Kernel.load(tmp_path)
    length = len(kernel.words)
    assert [again.sources.at(pc) for pc in range(length)] == [
        kernel.sources.at(pc) for pc in range(length)
    ]


def test_operations_of_a_kernel_stand_for_themselves():
    text = """
plena.kernel @k {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.m_mm %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
}
"""
    kernel = kernel_of(parse_module(text, "k.mlir"))
    assert str(kernel.sources.at(0)) == "plena.m_mm at k.mlir:4:3"
    assert kernel.argument_shapes == []
    assert kernel.run().instructions == 1


def test_comments_of_the_assembly_name_the_operation():
    module = parse_module(SOURCE, "one.mlir")
    run_passes(module, "fa-to-plena")
    lines = assembly(the_kernel(module), comments=True).splitlines()
    assert any("M_BTMV" in line and line.endswith("; fa.scores %s at one.mlir:4") for line in lines)

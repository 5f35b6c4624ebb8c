"""Kernels that need more integer registers than there are."""

from __future__ import annotations

import re

import fa
import numpy as np
import pytest
from fa.machine import Machine
from fa.machine.spec.params import PRESETS


def nest(depth: int) -> str:
    """Doubles a tensor tile by tile, in `depth` loops of two; each counter takes a register."""
    tensor = "x".join(["2"] * depth + ["4x64xbf16"])
    tile = "!fa.tile<4x64xbf16, vector>"
    loops = "".join(f"scf.for %i{n} = %c0 to %c2 step %c1 {{\n" for n in range(depth))
    place = ", ".join([*(f"%i{n}" for n in range(depth)), "%c0", "%c0"])
    return f"""
    func.func @nest(%x: tensor<{tensor}>) -> tensor<{tensor}> {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %out = memref.alloc() : memref<{tensor}, #fa.hbm>
      {loops}
      %a = fa.load %x[{place}] : tensor<{tensor}> -> {tile}
      %b = fa.scale %a by 2.0 : f32 : {tile} -> {tile}
      fa.store %b, %out[{place}] : {tile}, memref<{tensor}, #fa.hbm>
      {"}" * depth}
      %o = fa.result %out : memref<{tensor}, #fa.hbm> -> tensor<{tensor}>
      func.return %o : tensor<{tensor}>
    }}"""


def spill_entries(kernel: fa.Kernel) -> int:
    found = re.search(r"INT_MEM +(\d+) of", kernel.report)
    assert found
    return int(found[1])


@pytest.mark.parametrize(("depth", "spills"), [(4, False), (9, True), (12, True)])
def test_deep_nests(depth: int, spills: bool):
    kernel = fa.compile(nest(depth))
    assert (spill_entries(kernel) > 0) == spills
    assert ("S_ST_INT" in kernel.asm) == spills
    values = np.arange(2**depth * 4 * 64) % 251 - 120
    x = values.reshape(kernel.argument_shapes[0]).astype(np.float32)
    run = kernel.run(x, hbm_time="none")
    np.testing.assert_array_equal(run.outputs[0], 2 * x)


def test_int_mem_too_small(tmp_path):
    path = tmp_path / "few.toml"
    key = "[TRANSACTIONAL.CONFIG.INT_SRAM_DEPTH]"
    before, after = (PRESETS / "plena-64.toml").read_text().split(key)
    path.write_text(before + key + re.sub("value = 32", "value = 1", after, count=1))
    assert Machine.load(path).int_sram_depth == 1
    with pytest.raises(fa.CompileError, match=r"spilled integers need \d+ entries of INT_MEM"):
        fa.compile(nest(12), machine=path)

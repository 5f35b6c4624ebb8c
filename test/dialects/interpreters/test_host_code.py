"""Host code that no neutral operation stands for, and attributes of other dialects."""

from __future__ import annotations

import numpy as np
from fa.compiled_module import run_host
from fa.compiler import load_source
from fa.dialects.foreign.access import flag
from xdsl.dialects.builtin import BoolAttr, IntegerAttr, StringAttr, i32

UNSIGNED = """
#map = affine_map<(i) -> (i)>
func.func @main(%a: tensor<4xi32>, %b: tensor<4xi32>) -> tensor<4xi32> {
  %e = tensor.empty() : tensor<4xi32>
  %r = linalg.generic {
    indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]
  } ins(%a, %b : tensor<4xi32>, tensor<4xi32>) outs(%e : tensor<4xi32>) {
  ^bb0(%x: i32, %y: i32, %o: i32):
    %m = arith.maxui %x, %y : i32
    linalg.yield %m : i32
  } -> tensor<4xi32>
  func.return %r : tensor<4xi32>
}
"""


def test_flags():
    assert flag(BoolAttr.from_bool(True))
    assert not flag(BoolAttr.from_bool(False))
    assert flag(IntegerAttr(1, i32))
    assert not flag(StringAttr("true"))
    assert not flag(None)


def test_bodies_without_a_meaning():
    """Operations of a body that are known one by one, and not as a whole."""
    a, b = np.array([1, -1, 5, 0], np.int32), np.array([2, 3, 4, 0], np.int32)
    (found,) = run_host(load_source(UNSIGNED), [a, b])
    assert found.dtype == np.int32
    assert found.tolist() == [2, -1, 5, 0]

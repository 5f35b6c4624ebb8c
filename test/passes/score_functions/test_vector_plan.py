"""Functions of constants and of values under other names: folded, and no row reused too early."""

from __future__ import annotations

import fa
import numpy as np
import pytest

from ...attentions import relative_error

T = "tensor<1x1x8x16xbf16>"

INTEGERS = """%a = arith.constant 40 : index
  %c = arith.constant 2 : index
  %x = arith.{op} {of}, %c : index
  %y = arith.index_cast %x : index to i64
  %f = arith.sitofp %y : i64 to f32
  %t = arith.constant 0.02 : f32
  %g = arith.mulf %f, %t : f32
  %r = arith.addf %s, %g : f32"""

SELECT = """%m = arith.constant {chosen}
  %half = arith.constant 0.5 : f32
  %n = arith.constant 0xFF800000 : f32
  %t = arith.mulf %s, %half : f32
  %x = arith.select %m, {values} : f32
  %r = arith.addf %x, %s : f32"""

BODIES = {
    **{
        f"{op} {of}": INTEGERS.format(op=op, of=of)
        for op in ("shrsi", "shrui", "shli", "andi", "ori", "xori", "remui")
        for of in ("%a", "%i")
    },
    **{
        f"select {chosen} {values}": SELECT.format(chosen=chosen, values=values)
        for chosen, values in (
            ("true", "%s, %n"),
            ("false", "%n, %s"),
            ("false", "%s, %t"),
            ("true", "%half, %t"),
            ("true", "%n, %t"),
        )
    },
    "select by a comparison": """%two = arith.constant 2 : index
  %three = arith.constant 3 : index
  %m = arith.cmpi sgt, %three, %two : index
  %half = arith.constant 0.5 : f32
  %t = arith.mulf %s, %half : f32
  %r = arith.select %m, %t, %s : f32""",
    # %z is %x; its row may not be taken for %u before %z has been read.
    "another name": """%two = arith.constant 2.0 : f32
  %x = arith.mulf %s, %two : f32
  %y = arith.truncf %x : f32 to bf16
  %z = arith.extf %y : bf16 to f32
  %w = arith.addf %x, %two : f32
  %u = arith.mulf %w, %two : f32
  %r = arith.subf %u, %z : f32""",
    "integers that no float holds": """%a = arith.constant 9007199254740993 : i64
  %c = arith.constant 9007199254740992 : i64
  %x = arith.subi %a, %c : i64
  %f = arith.sitofp %x : i64 to f32
  %r = arith.mulf %s, %f : f32""",
}


@pytest.mark.parametrize("name", BODIES)
def test_on_the_machine(name: str):
    source = f"""func.func @f(%q: {T}, %k: {T}, %v: {T}) -> {T} {{
  %o = fa.attention %q, %k, %v {{}} score_mod {{
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
  {BODIES[name]}
    fa.yield %r : f32
  }} : {T}, {T}, {T} -> {T}
  func.return %o : {T}
}}"""
    random = np.random.default_rng(0)
    args = [random.standard_normal((1, 1, 8, 16)) for _ in range(3)]
    kernel = fa.compile(source, "plena-64-bf16", "tile,fuse,lower-to-isa")
    args = kernel.stored(*args)
    (want,) = fa.interpret(source, args, round=False)
    (have,) = kernel.run(*args).outputs
    # bf16 on chip; a row that sees nothing is 0 exactly.
    assert relative_error(have, want) <= 1.2e-2 if want.any() else not have.any()

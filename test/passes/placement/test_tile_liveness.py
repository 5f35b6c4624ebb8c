"""Allocation of tiles that loops carry in unusual ways: the interpreter agrees, addresses hold.

Each function stores tiles at the end; running allocated IR checks that no tile is read after
something else has overwritten its range.
"""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

FRAME = """
!T = !fa.tile<4x64xbf16, vector>
func.func @f(%x: tensor<8x64xbf16>) -> tensor<8x64xbf16> {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %a = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> !T
  %b = fa.load %x[%c4, %c0] : tensor<8x64xbf16> -> !T
  {body}
  fa.store {first}, %out[%c0, %c0] : !T, memref<8x64xbf16, #fa.hbm>
  fa.store {second}, %out[%c4, %c0] : !T, memref<8x64xbf16, #fa.hbm>
  %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return %o : tensor<8x64xbf16>
}}
"""


def program(body: str, first: str = "%r#0", second: str = "%r#1") -> ModuleOp:
    """A function with tiles %a and %b that runs `body` and stores two tiles."""
    return parse_module(FRAME.format(body=body, first=first, second=second))


def loop(body: str, yielded: str, initial: str = "%p = %a, %q = %b", count: str = "%c3") -> str:
    """%r:2 is what a loop carries out that carries %p and %q."""
    return f"""%r:2 = scf.for %i = %c0 to {count} step %c1 iter_args({initial}) -> (!T, !T) {{
      {body}
      scf.yield {yielded} : !T, !T
    }}"""


ADD = "fa.accumulate {}, {} : !T, !T -> !T"
DOUBLE = "fa.scale {} by 2.0 : f32 : !T -> !T"

PROGRAMS = {
    "swapped": program(loop("", "%q, %p")),
    "shifted": program(loop(f"%n = {ADD.format('%p', '%q')}", "%n, %p")),
    "one to both": program(loop("", "%q, %q")),
    "new to both": program(loop(f"%n = {ADD.format('%p', '%q')}", "%n, %n")),
    "swapped after an update": program(
        loop(f"%n = {DOUBLE.format('%p')}\n%m = {ADD.format('%q', '%p')}", "%m, %n")
    ),
    "kept": program(loop(f"%n = {DOUBLE.format('%p')}", "%n, %q")),
    "same initial value": program(
        loop(f"%n = {ADD.format('%p', '%q')}", "%n, %q", "%p = %a, %q = %a")
    ),
    "initial value read inside": program(loop(f"%n = {ADD.format('%p', '%a')}", "%n, %q")),
    "initial value read after": program(
        loop(f"%n = {DOUBLE.format('%p')}", "%n, %q"), first="%a", second="%r#0"
    ),
    "outer tile yielded": program(loop("", "%b, %p")),
    "new value while the old one lives": program(
        loop(f"%n = {DOUBLE.format('%p')}\n%m = {ADD.format('%p', '%n')}", "%n, %m")
    ),
    "result unused": program(loop(f"%n = {DOUBLE.format('%p')}", "%n, %q"), first="%r#1"),
    "no iteration": program(loop("", "%q, %p", count="%c0")),
    "one iteration": program(loop("", "%q, %p", count="%c1")),
    "nested": program(
        f"""%r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%p = %a, %q = %b) -> (!T, !T) {{
          %s:2 = scf.for %j = %c0 to %c2 step %c1 iter_args(%u = %q, %v = %p) -> (!T, !T) {{
            %n = {ADD.format("%u", "%v")}
            scf.yield %v, %n : !T, !T
          }}
          scf.yield %s#1, %s#0 : !T, !T
        }}"""
    ),
    "in place, twice the same operand": program(
        loop(f"%n = {ADD.format('%p', '%p')}", "%n, %q"), second="%b"
    ),
    "fill carried twice": program(
        "%z = fa.fill 0.0 : f32 : !T\n"
        + loop(f"%n = {ADD.format('%p', '%b')}", "%n, %q", "%p = %z, %q = %z")
    ),
}


def allocated(module: ModuleOp) -> ModuleOp:
    copy = module.clone()
    run_passes(copy, "allocate-sram", "plena-64")
    return copy


def arguments() -> list[np.ndarray]:
    """Small integers, so that a few sums and doublings are exact in bf16."""
    return [np.random.default_rng(0).integers(0, 4, (8, 64)).astype(np.float32)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_allocation_keeps_the_meaning(name: str):
    expected = fa.interpret(PROGRAMS[name], arguments())
    copy = allocated(PROGRAMS[name])
    np.testing.assert_array_equal(fa.interpret(copy, arguments()), expected)
    run_passes(copy, "cse,canonicalize,dce", "plena-64")
    np.testing.assert_array_equal(fa.interpret(copy, arguments()), expected)


class Source:
    """Random tile programs: nested loops that carry any mix of tiles."""

    def __init__(self, draw: st.DrawFn):
        self.draw = draw
        self.names = 0

    def fresh(self) -> str:
        self.names += 1
        return f"%t{self.names}"

    def pick(self, tiles: list[str]) -> str:
        return self.draw(st.sampled_from(tiles))

    def block(self, tiles: list[str], depth: int) -> tuple[list[str], list[str]]:
        """Lines, and the tiles that they leave to use."""
        lines: list[str] = []
        for _ in range(self.draw(st.integers(0, 3))):
            kind = self.draw(st.integers(0, 4))
            name = self.fresh()
            if kind == 0:
                lines.append(f"{name} = {DOUBLE.format(self.pick(tiles))}")
            elif kind == 1:
                lines.append(f"{name} = {ADD.format(self.pick(tiles), self.pick(tiles))}")
            elif kind == 2:
                lines.append(f"{name} = fa.fill 1.0 : f32 : !T")
            elif depth:
                lines += self.loop(name, tiles, depth)
                tiles = [*tiles, f"{name}#0", f"{name}#1"]
                continue
            else:
                continue
            tiles = [*tiles, name]
        return lines, tiles

    def loop(self, name: str, tiles: list[str], depth: int) -> list[str]:
        arguments = [self.fresh(), self.fresh()]
        initial = ", ".join(f"{argument} = {self.pick(tiles)}" for argument in arguments)
        count = self.draw(st.sampled_from(["%c1", "%c2", "%c3"]))
        body, inner = self.block([*tiles, *arguments], depth - 1)
        # What a loop carries comes from inside more often than from outside.
        inner = [*inner, *arguments, *inner[len(tiles) :]]
        return [
            f"{name}:2 = scf.for {self.fresh()} = %c0 to {count} step %c1 "
            f"iter_args({initial}) -> (!T, !T) {{",
            *body,
            f"scf.yield {self.pick(inner)}, {self.pick(inner)} : !T, !T",
            "}",
        ]


@st.composite
def programs(draw: st.DrawFn) -> ModuleOp:
    source = Source(draw)
    first = source.loop("%u", ["%a", "%b"], 3)
    lines, tiles = source.block(["%a", "%b", "%u#0", "%u#1"], 2)
    return program("\n".join([*first, *lines]), source.pick(tiles), source.pick(tiles))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs())
def test_random_loops(module: ModuleOp):
    expected = fa.interpret(module, arguments(), round=False)
    copy = allocated(module)
    np.testing.assert_array_equal(fa.interpret(copy, arguments(), round=False), expected)

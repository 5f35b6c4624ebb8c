"""What passes refuse: one line, at the operation, that says what would be right."""

from __future__ import annotations

import re
from pathlib import Path

import fa
import pytest
from fa.machine.spec.params import PRESETS

TILE = "!fa.tile<8x64xbf16, vector>"


def copying(body: str, result: str = "%o") -> str:
    """A function that copies a tile to the result, with `body` before that."""
    return f"""func.func @f(%x: tensor<8x64xbf16>) -> tensor<8x64xbf16> {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %out = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %a = fa.load %x[%c0, %c0] : tensor<8x64xbf16> -> {TILE}
  {body}
  fa.store %a, %out[%c0, %c0] : {TILE}, memref<8x64xbf16, #fa.hbm>
  %o = fa.result %out : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xbf16>
  func.return {result} : tensor<8x64xbf16>
}}
"""


LOAD = "%m = fa.load %x[{}, %c0] : tensor<8x64xbf16> -> " + TILE
STORE = "fa.store {}, %out[%c0, %c0] : {}, memref<8x64xbf16, #fa.hbm>"
LOADED, STORED = STORE.format("%m", TILE), STORE.format("%a", TILE)


def filled(kind: str) -> str:
    """A tile of zeros, stored so that it is not dead."""
    return copying(f"%z = fa.fill 0.0 : f32 : {kind}\n{STORE.format('%z', kind)}")


REFUSED = {
    "argument": (
        copying("").replace("%x: tensor<8x64xbf16>", "%x: tensor<8x64xbf16>, %n: index"),
        "1:1: error: argument 1 must be a tensor of static shape, got index",
    ),
    "index": (
        copying(
            "scf.for %i = %c0 to %c8 step %c1 {\n%s = arith.muli %i, %i : index\n"
            f"{LOAD.format('%s')}\n{LOADED}\n}}"
        ),
        "8:6: error: an index must be a sum of loop variables times constants; arith.muli gives",
    ),
    "carried index": (
        copying(
            "%t = scf.for %i = %c0 to %c8 step %c1 iter_args(%j = %c0) -> (index) {\n"
            f"{LOAD.format('%j')}\n{LOADED}\nscf.yield %j : index\n}}"
        ),
        "7:8: error: an index must be a sum of loop variables times constants; a carried value",
    ),
    "bounds": (
        copying(
            "scf.for %j = %c0 to %c8 step %c1 {\n"
            f"scf.for %i = %c0 to %j step %c1 {{\n{STORED}\n}}\n}}"
        ),
        "8:1: error: loop bounds must be constants, or end with fa.length",
    ),
    "step": (
        copying(f"scf.for %i = %c0 to %c8 step %c0 {{\n{STORED}\n}}"),
        "7:3: error: the step of a loop must be at least 1, got 0",
    ),
    "functions": (
        copying("") + copying("").replace("@f", "@g"),
        "12:1: error: a program is made of one function, and this is the second; "
        "outline-attention makes kernels of attentions, and leaves the rest to the host",
    ),
    "vector SRAM": (
        filled("!fa.tile<1024x128xbf16, vector>"),
        "6:8: error: this tile of 8x64 does not fit: tiles alive at once need 2056 rows of vector "
        "SRAM, and the machine has 1024",
    ),
    "rows": (
        filled("!fa.tile<4x65xbf16, vector>"),
        "7:8: error: a tile of 4x65 does not fill whole rows of vector SRAM, which are 64 wide",
    ),
}


def fails(text: str, machine: str | Path | None = None) -> str:
    with pytest.raises(fa.CompileError) as caught:
        fa.compile(text, machine=machine)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(text: str, message: str):
    assert fails(text).startswith(f"<string>:{message}")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("HBM_SIZE", 4096, "the tensors take .* bytes of HBM, and the machine has 4096"),
        ("FP_SRAM_DEPTH", 1, "constants take . entries of FP_MEM, and the machine has 1"),
        ("MATRIX_SRAM_SIZE", 64, "tiles of matrix SRAM, and the machine has 1"),
    ],
)
def test_small_machines(tmp_path: Path, key: str, value: int, message: str):
    before, after = (PRESETS / "plena-64.toml").read_text().split(f"[TRANSACTIONAL.CONFIG.{key}]")
    path = tmp_path / "small.toml"
    path.write_text(
        f"{before}[TRANSACTIONAL.CONFIG.{key}]" + re.sub(r"= \d+", f"= {value}", after, count=1)
    )
    module = fa.attention(q_heads=1, kv_heads=1, q_len=64, kv_len=64, head_dim=128)
    assert re.search(message, fails(str(module), path)), fails(str(module), path)

"""The fuzzer's own checks see bugs: each is planted, and found at the level where it acts."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.compiler import Kernel
from fa.diagnostics import OpError
from fa.dialects.fa.masks import CausalAttr
from fa.dialects.interpreters import reference
from fa.lowering.emit import score_functions
from fa.machine import mx
from fa.machine.host import hbm_image
from fa.passes.tensors.rotate import RotatePass
from fa.passes.tiling.fuse import FusePass
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from .case import Case
from .check import Mismatch, check

CASE = Case(
    q_len=40,
    kv_len=130,
    head_dim=16,
    value_dim=16,
    mask=["causal", {}],
    softcap=1.5,
    lse=True,
    tile="kv-tile=64",
)


def test_the_case_itself(tmp_path: Path):
    assert check(CASE, tmp_path) == ""


def test_a_mask_that_shows_one_key_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(CausalAttr, "keys", lambda self, _, query: (0, self.position(query) + 2))
    with pytest.raises(Mismatch, match=r"^tensor"):
        check(CASE, tmp_path)


def test_sums_that_are_not_rescaled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    online = reference.online_softmax

    def planted(*args: object):
        p, m, total, alpha = online(*args)
        return p, m, total, np.ones_like(alpha)

    monkeypatch.setattr(reference, "online_softmax", planted)
    with pytest.raises(Mismatch, match=r"^fused"):
        check(CASE, tmp_path)


def test_a_tanh_that_is_cut_off_too_early(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(score_functions, "TANH_LIMIT", 0.75)
    with pytest.raises(Mismatch, match=r"^simulated"):
        check(CASE, tmp_path)


def test_one_row_of_a_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    unpack = Kernel.unpack

    def planted(self: Kernel, hbm: NDArray[np.uint8]):
        outputs = unpack(self, hbm)
        outputs[0][0, 0, 17] *= 1.1
        return outputs

    monkeypatch.setattr(Kernel, "unpack", planted)
    with pytest.raises(Mismatch, match=r"^simulated, output: the row at \(0, 0, 17\)"):
        check(replace(CASE, softcap=None), tmp_path)


PREPARED = replace(CASE, lse=False, softcap=None, prepare="smooth-keys,rotate")


@pytest.mark.parametrize("late", [False, True])
def test_what_prepares(late: bool, tmp_path: Path):
    assert check(replace(PREPARED, late=late), tmp_path) == ""


def test_keys_that_are_turned_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    wide = RotatePass._wide
    monkeypatch.setattr(RotatePass, "_wide", lambda self, value: wide(RotatePass(5), value))
    with pytest.raises(Mismatch, match=r"^prepared, output"):
        check(PREPARED, tmp_path)


def test_keys_that_the_host_turns_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The program computes attention of what is stored all the same, the interpreter does not."""
    prepare = hbm_image.prepare

    def planted(values: NDArray[np.float32], step: str, value: int, dtype: str):
        return prepare(values, step, value + (step == "rotate"), dtype)

    monkeypatch.setattr(hbm_image, "prepare", planted)
    with pytest.raises(Mismatch, match=r"^quantized, rounded, output"):
        check(PREPARED, tmp_path)


def test_blocks_that_are_read_one_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What the caller quantizes is not packed by the host: scales in another order."""
    case = replace(CASE, quantize="boundary=storage", map="pv=mm")
    assert check(case, tmp_path) == ""
    place = hbm_image._place

    def planted(value: hbm_image.Value, *rest: object):
        if isinstance(value, mx.Blocks):
            value = dataclasses.replace(value, scales=np.roll(value.scales, 1, axis=-1))
        place(value, *rest)

    monkeypatch.setattr(hbm_image, "_place", planted)
    with pytest.raises(Mismatch, match=r"rounded, output|^simulated"):
        check(case, tmp_path)


def test_a_refusal_in_other_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def planted(self: FusePass, ctx: Context, op: ModuleOp):
        raise OpError(op, "this does not fit the 16 tiles of matrix SRAM")

    monkeypatch.setattr(FusePass, "apply", planted)
    with pytest.raises(fa.CompileError, match="this does not fit"):
        check(CASE, tmp_path)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (CASE, r"^simulated: 1 results instead of output, logsumexp$"),
        (replace(CASE, lse=False, qk="raw"), r"^simulated: 1 results instead of output, scores$"),
    ],
    ids=["logsumexp", "scores"],
)
def test_the_last_result_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: Case, message: str
):
    unpack = Kernel.unpack
    monkeypatch.setattr(Kernel, "unpack", lambda self, hbm: unpack(self, hbm)[:-1])
    with pytest.raises(Mismatch, match=message):
        check(case, tmp_path)

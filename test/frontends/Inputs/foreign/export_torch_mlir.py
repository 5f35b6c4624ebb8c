# ruff: noqa: E501 (operations of the torch dialect, a line each)
"""Writes the torch-mlir exports beside this file.

pip install --no-deps torch-mlir==20261001; python export_torch_mlir.py

Each case is the torch dialect as an export has it, lowered to linalg on tensors, TOSA and StableHLO
by torch-mlir's own pipelines, in generic form. The arguments and results in NAME.npz are those of
`reference` below, in float64; the three files of a case share them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch_mlir import ir
from torch_mlir.dialects import torch as torch_dialect
from torch_mlir.passmanager import PassManager

HERE = Path(__file__).parent
PIPELINES = {
    "linalg": "torch-backend-to-linalg-on-tensors-backend-pipeline",
    "tosa": "torch-backend-to-tosa-backend-pipeline",
    "stablehlo": "torch-backend-to-stablehlo-backend-pipeline",
}
HEAD = """
  %m2 = torch.constant.int -2
  %m1 = torch.constant.int -1
  %i0 = torch.constant.int 0
  %i1 = torch.constant.int 1
  %i2 = torch.constant.int 2
  %i3 = torch.constant.int 3
  %i6 = torch.constant.int 6
  %i16 = torch.constant.int 16
  %i4 = torch.constant.int 4
  %i8 = torch.constant.int 8
  %dtype = torch.constant.int 6
  %bf16 = torch.constant.int 15
  %false = torch.constant.bool false
  %true = torch.constant.bool true
  %none = torch.constant.none
  %s = torch.constant.float 3.5355339059327379e-01
  %f0 = torch.constant.float 0.0
  %ninf = torch.constant.float 0xFFF0000000000000
"""


def t(shape, element="f32"):
    return f"!torch.vtensor<[{','.join(map(str, shape))}],{element}>"


Q = (1, 4, 16, 8)
S = (1, 4, 16, 16)


def eager(q, k, v, between="", scores="%y", element="f32", soft="f32"):
    """Q K^T, times the scale, `between`, softmax, times V: [batch, heads, length, dim]."""
    b, h, n, d = q
    m, e = v[2], v[3]
    s = (b, h, n, m)
    convert = ""
    p = "%p"
    if element != soft:
        convert = (
            f"%pc = torch.prims.convert_element_type %p, %bf16 : {t(s, soft)}, !torch.int "
            f"-> {t(s, element)}"
        )
        p = "%pc"
    widen = ""
    if element != soft:
        widen = (
            f"%w = torch.prims.convert_element_type {scores}, %dtype : {t(s, element)}, !torch.int"
            f" -> {t(s, soft)}"
        )
        scores = "%w"
    return f"""
  %kt = torch.aten.transpose.int %k, %m2, %m1 : {t(k, element)}, !torch.int, !torch.int -> {t((b, h, d, m), element)}
  %x = torch.aten.matmul %q, %kt : {t(q, element)}, {t((b, h, d, m), element)} -> {t(s, element)}
  %y = torch.aten.mul.Scalar %x, %s : {t(s, element)}, !torch.float -> {t(s, element)}
  {between}
  {widen}
  %p = torch.aten._softmax {scores}, %m1, %false : {t(s, soft)}, !torch.int, !torch.bool -> {t(s, soft)}
  {convert}
  %o = torch.aten.matmul {p}, %v : {t(s, element)}, {t(v, element)} -> {t((b, h, n, e), element)}
  return %o : {t((b, h, n, e), element)}
"""


ADDED = f"""%z = torch.aten.add.Tensor %y, %b, %i1 : {t(S)}, {t((1, 1, 16, 16))}, !torch.int -> {t(S)}"""
CAUSAL = f"""
  %list = torch.prim.ListConstruct %i16, %i16 : (!torch.int, !torch.int) -> !torch.list<int>
  %ones = torch.aten.ones %list, %none, %none, %none, %none : !torch.list<int>, !torch.none, !torch.none, !torch.none, !torch.none -> {t((16, 16))}
  %low = torch.aten.tril %ones, %i0 : {t((16, 16))}, !torch.int -> {t((16, 16))}
  %hide = torch.aten.eq.Scalar %low, %f0 : {t((16, 16))}, !torch.float -> {t((16, 16), "i1")}
  %z = torch.aten.masked_fill.Scalar %y, %hide, %ninf : {t(S)}, {t((16, 16), "i1")}, !torch.float -> {t(S)}"""


def sdpa(
    q,
    k,
    v,
    mask="%none",
    causal="%false",
    scale="%none",
    gqa="%false",
    mtype="!torch.none",
    element="f32",
):
    out = t((*q[:3], v[3]), element)
    stype = "!torch.none" if scale == "%none" else "!torch.float"
    return f"""
  %o = torch.aten.scaled_dot_product_attention %q, %k, %v, {mask}, %f0, {causal}, {scale}, {gqa} : {t(q, element)}, {t(k, element)}, {t(v, element)}, {mtype}, !torch.float, !torch.bool, {stype}, !torch.bool -> {out}
  return %o : {out}
"""


def expand(name, n=2):
    """HF's repeat_kv: [1, 2, 16, 8] to [1, 4, 16, 8]."""
    five = (1, 2, n, 16, 8)
    return f"""
  %u{name} = torch.aten.unsqueeze %{name}, %i2 : {t((1, 2, 16, 8))}, !torch.int -> {t((1, 2, 1, 16, 8))}
  %l{name} = torch.prim.ListConstruct %i1, %i2, %i2, %i16, %i8 : (!torch.int, !torch.int, !torch.int, !torch.int, !torch.int) -> !torch.list<int>
  %e{name} = torch.aten.expand %u{name}, %l{name}, %false : {t((1, 2, 1, 16, 8))}, !torch.list<int>, !torch.bool -> {t(five)}
  %v{name} = torch.prim.ListConstruct %i1, %i4, %i16, %i8 : (!torch.int, !torch.int, !torch.int, !torch.int) -> !torch.list<int>
  %r{name} = torch.aten.view %e{name}, %v{name} : {t(five)}, !torch.list<int> -> {t(Q)}
"""


def repeated():
    body = eager(Q, Q, Q, CAUSAL, "%z").replace("int %k,", "int %rk,").replace(", %v :", ", %rv :")
    return expand("k") + expand("v") + body


KV = (1, 2, 16, 8)
CASES = {
    # name: arguments, element type, body, causal
    "eager": ([Q, Q, Q], "f32", eager(Q, Q, Q), False),
    "eager_causal": ([Q, Q, Q], "f32", eager(Q, Q, Q, CAUSAL, "%z"), True),
    "eager_mask_added": ([Q, Q, Q, (1, 1, 16, 16)], "f32", eager(Q, Q, Q, ADDED, "%z"), False),
    "eager_bf16": ([Q, Q, Q], "bf16", eager(Q, Q, Q, element="bf16"), False),
    "eager_repeat_kv": ([Q, KV, KV], "f32", repeated(), True),
    "sdpa": ([Q, Q, Q], "f32", sdpa(Q, Q, Q), False),
    "sdpa_causal": ([Q, Q, Q], "f32", sdpa(Q, Q, Q, causal="%true"), True),
    "sdpa_lengths": (
        [(2, 2, 5, 8), (2, 2, 16, 8), (2, 2, 16, 8)],
        "f32",
        sdpa((2, 2, 5, 8), (2, 2, 16, 8), (2, 2, 16, 8)),
        False,
    ),
}


def reference(q, k, v, bias=None, causal=False):
    """float64 attention."""
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], 1) for x in (k, v))
    s = np.einsum("bhid,bhjd->bhij", q, k) * q.shape[-1] ** -0.5
    s = s if bias is None else s + bias
    s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, -np.inf) if causal else s
    p = np.exp(s - s.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ v


def main() -> None:
    """Write all that torch-mlir lowers."""
    rng = np.random.default_rng(1)
    for name, (shapes, element, body, causal) in CASES.items():
        arrays = [rng.standard_normal(s).astype(np.float16).astype(np.float32) for s in shapes]
        if element == "bf16":
            arrays = [(a.view(np.uint32) & 0xFFFF0000).view(np.float32) for a in arrays]
        result = reference(*(a.astype(np.float64) for a in arrays), causal=causal)
        args = ", ".join(f"%{n}: {t(s, element)}" for n, s in zip("qkvb", shapes, strict=False))
        q, v = shapes[0], shapes[2]
        out = t((*q[:3], v[3]), element)
        source = f"func.func @main({args}) -> {out} {{{HEAD}{body}}}"
        written = False
        for dialect, pipeline in PIPELINES.items():
            with ir.Context() as context:
                torch_dialect.register_dialect(context)
                module = ir.Module.parse(source)
                try:
                    for step in ("func.func(torch-decompose-complex-ops)", pipeline):
                        PassManager.parse(f"builtin.module({step})").run(module.operation)
                except Exception as error:
                    print(f"{name} to {dialect}: {str(error)[:200]}")
                    continue
                text = module.operation.get_asm(print_generic_op_form=True)
                (HERE / f"torch_{name}_{dialect}.mlir").write_text(text)
                written = True
        if written:
            named = {f"arg{i}": a for i, a in enumerate(arrays)}
            np.savez_compressed(
                HERE / f"torch_{name}.npz", result=result.astype(np.float32), **named
            )


if __name__ == "__main__":
    main()

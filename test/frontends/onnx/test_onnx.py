"""ONNX import: every conformance case on tensors, operators in score functions, bad input."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fa
import numpy as np
import pytest
from fa.compiler import load_source
from fa.diagnostics import CompileError
from fa.frontends.mlir import module_text, parse_module
from fa.tools.fa_opt import main as fa_opt

pytest.importorskip("onnx", reason="needs onnx: pip install 'fa-compiler[onnx]'")

from fa.frontends.onnx.importer import import_onnx
from onnx import TensorProto, checker, helper, numpy_helper, save_model
from onnx.reference import ReferenceEvaluator

from ...benches import load

PREVIEW = "ai.onnx.preview"


CONFORMANCE = load("onnx_conformance")
CASES: list[Any] = CONFORMANCE.collect()


def test_all_cases_are_there():
    names = [case.node.op_type for case in CASES]
    assert (names.count("Attention"), names.count("FlexAttention")) == (93, 11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance_on_tensors(case: Any):
    assert CONFORMANCE.tensors(case) is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_text_reads_back(case: Any):
    module = load_source(case.model, case.constants)
    text = module_text(module)
    again = parse_module(text)
    assert module_text(again) == text
    assert case.difference(fa.interpret(again, case.arguments, round=False)) is None


# Models made here


def tensor(name: str, *dims: Any, dtype: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, dtype, dims)


def model(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], opset: int = 24, **constants: Any
) -> Any:
    initializers = [numpy_helper.from_array(np.asarray(x), name) for name, x in constants.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(PREVIEW, 1)]
    return helper.make_model(graph, opset_imports=opsets)


QKV = [tensor("q", 2, 4, 3, 8), tensor("k", 2, 2, 5, 8), tensor("v", 2, 2, 5, 6)]
Y = tensor("y", 2, 4, 3, 6)


def attention(*inputs: str, outputs: tuple[str, ...] = ("y",), **attributes: Any) -> Any:
    return helper.make_node(
        "Attention", ["q", "k", "v", *inputs], outputs, name="attn", **attributes
    )


def arrays(infos: list[Any], seed: int = 0) -> list[Any]:
    random = np.random.default_rng(seed)
    return [
        random.standard_normal([d.dim_value for d in info.type.tensor_type.shape.dim]).astype(
            np.float32
        )
        for info in infos
    ]


def agrees(made: Any, given: list[Any], **constants: Any) -> None:
    """The interpreter on the imported model gives what ONNX's own evaluator gives."""
    names = [info.name for info in made.graph.input]
    free = dict(zip([n for n in names if n not in constants], given, strict=True))
    checker.check_model(made)
    expected: Any = ReferenceEvaluator(made).run(None, {**free, **constants})
    results = fa.interpret(made, given, constants=constants)
    for got, want in zip(results, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_arguments_results_and_names(tmp_path: Path):
    path = tmp_path / "net.onnx"
    save_model(model([attention(is_causal=1)], QKV, [Y]), str(path))
    text = module_text(load_source(str(path)))
    assert "func.func @net(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>" in text
    assert "%y = fa.attention %q, %k, %v {mask = #fa.causal<offset = 0>}" in text
    assert load_source(path).is_structurally_equivalent(load_source(str(path)))


def test_two_nodes_in_a_row():
    nodes = [
        helper.make_node("Attention", ["q", "q", "q"], ["x"]),
        helper.make_node("Attention", ["x", "q", "q"], ["y"]),
    ]
    made = model(nodes, QKV[:1], [tensor("y", 2, 4, 3, 8)])
    agrees(made, arrays(QKV[:1]))


def test_lengths_from_an_initializer_and_as_a_constant():
    lengths = np.array([5, 2], np.int64)
    node = attention("", "", "", "n", is_causal=1)
    agrees(model([node], QKV, [Y], n=lengths), arrays(QKV))
    agrees(
        model([node], [*QKV, tensor("n", 2, dtype=TensorProto.INT64)], [Y]), arrays(QKV), n=lengths
    )


@pytest.mark.parametrize(
    "mask",
    [
        np.array([0.5, 0.0, -1.0], np.float32),
        np.array([[True], [True], [False]]),
        np.array([[0, -np.inf, 0, 0, 0]], np.float32),
        np.ones((2, 1, 3, 4), bool),
        np.zeros((4, 3, 2), np.float32),
        np.array([-np.inf, 1, 0.1], np.float32),
        np.array([-123456789, 1, 0.1], np.float32),
    ],
)
def test_constant_masks_too_short(mask: Any):
    made = model([attention("m")], QKV, [Y], m=mask)
    agrees(made, arrays(QKV))
    text = module_text(load_source(made))
    assert module_text(parse_module(text)) == text


def test_opset_23_broadcasts_a_single_column():
    q, k, v = arrays(QKV)
    mask = np.array([[0.0], [-np.inf], [1.0]], np.float32)
    got = fa.interpret(model([attention("m")], QKV, [Y], 23, m=mask), [q, k, v])[0]
    plain = fa.interpret(model([attention()], QKV, [Y], 23), [q, k, v])[0]
    np.testing.assert_allclose(got[:, :, [0, 2]], plain[:, :, [0, 2]], rtol=1e-5)
    assert (got[:, :, 1] == 0).all()


def test_integer_masks_are_added():
    made = model(
        [attention("m")], [*QKV, tensor("m", 3, 5, dtype=TensorProto.INT32)], [Y], opset=25
    )
    q, k, v = arrays(QKV)
    mask = np.arange(15, dtype=np.int32).reshape(3, 5) % 3
    agrees(made, [q, k, v, mask])


def test_mode_0_is_the_product_without_the_cap():
    scores = tensor("s", 2, 4, 3, 5)
    node = attention(outputs=("y", "", "", "s"), softcap=1.5, scale=0.25)
    q, k, v = arrays(QKV)
    got = fa.interpret(model([node], QKV, [Y, scores]), [q, k, v])[1]
    product = q @ np.repeat(k, 2, axis=1).swapaxes(2, 3)
    np.testing.assert_allclose(got, 0.25 * product, rtol=1e-5)


def test_present_without_past():
    node = attention(outputs=("y", "pk", "pv"))
    made = model([node], QKV, [Y, tensor("pk", 2, 2, 5, 8), tensor("pv", 2, 2, 5, 6)])
    agrees(made, arrays(QKV))


# Score and probability functions

SCORES = ("scores", TensorProto.FLOAT, [2, 4, 3, 5])
RESULT = ("out", TensorProto.FLOAT, [2, 4, 3, 5])


def flex(nodes: list[Any], which: str = "score_mod", **constants: Any) -> Any:
    initializers = [numpy_helper.from_array(np.asarray(x), name) for name, x in constants.items()]
    graph = helper.make_graph(
        nodes,
        "function",
        [helper.make_tensor_value_info(*SCORES)],
        [helper.make_tensor_value_info(*RESULT)],
        initializers,
    )
    node = helper.make_node("FlexAttention", ["q", "k", "v"], ["y"], name="flex", domain=PREVIEW)
    node.attribute.append(helper.make_attribute(which, graph))
    return model([node], QKV, [Y], opset=26)


def op(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def places(*dims: int) -> list[Any]:
    """Nodes that make `i`, the query, and `j`, the key, as tensors that broadcast."""
    return [
        op("Shape", "scores", "n", start=2, end=3),
        op("Squeeze", "n", "rows"),
        op("Range", "zero rows one", "flat_i"),
        op("Unsqueeze", "flat_i last", "i"),
        op("Constant", "", "five", value_int=5),
        op("Range", "zero five one", "j"),
    ]


PLACES: dict[str, Any] = {
    "zero": np.int64(0),
    "one": np.int64(1),
    "last": np.array([1]),
}

FUNCTIONS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "slopes of heads": (
        [
            *places(),
            op("Sub", "j i", "d"),
            op("Cast", "d", "f", to=TensorProto.FLOAT),
            op("Mul", "f slopes", "b"),
            op("Add", "scores b", "out"),
        ],
        {**PLACES, "slopes": np.float32([0.5, 0.25, 0.125, 0.0625]).reshape(4, 1, 1)},
    ),
    "window": (
        [
            *places(),
            op("Sub", "i j", "d"),
            op("Abs", "d", "a"),
            op("LessOrEqual", "a one", "near"),
            op("Equal", "j zero", "first"),
            op("Or", "near first", "seen"),
            op("Not", "seen", "hidden"),
            op("Where", "hidden low scores", "out"),
        ],
        {**PLACES, "low": np.float32(-100)},
    ),
    "chunks": (
        [
            *places(),
            op("Div", "i two", "a"),
            op("Mod", "j two", "b"),
            op("Equal", "a b", "same"),
            op("Cast", "same", "f", to=TensorProto.FLOAT),
            op("Add", "scores f", "out"),
        ],
        {**PLACES, "two": np.int64(2)},
    ),
    "range with start and step": (
        [
            op("Range", "start limit step", "r"),
            op("Add", "scores r", "out"),
        ],
        {"start": np.float32(0.5), "limit": np.float32(3), "step": np.float32(0.5)},
    ),
    "a matrix cut from a vector": (
        [
            op("Range", "zero limit one", "r"),
            op("Reshape", "r dims", "m"),
            op("Transpose", "m", "t", perm=[1, 0]),
            op("Cast", "t", "f", to=TensorProto.FLOAT),
            op("Expand", "f all", "e"),
            op("Add", "scores e", "out"),
        ],
        {
            "zero": np.int64(0),
            "limit": np.int64(15),
            "one": np.int64(1),
            "dims": np.array([5, -1]),
            "all": np.array([4, 3, 5]),
        },
    ),
    "arithmetic": (
        [
            op("Neg", "scores", "a"),
            op("Sigmoid", "a", "b"),
            op("Clip", "b low", "c"),
            op("Max", "c half scores", "d"),
            op("Pow", "d two", "e"),
            op("Exp", "e", "f"),
            op("Log", "f", "g"),
            op("Sqrt", "g", "h"),
            op("Reciprocal", "h", "r"),
            op("Relu", "r", "s"),
            op("Floor", "s", "t"),
            op("Sin", "t", "u"),
            op("Min", "u scores", "out"),
        ],
        {"low": np.float32(0.25), "half": np.float32(0.5), "two": np.int64(2)},
    ),
    "shapes": (
        [
            op("Shape", "scores", "dims"),
            op("Gather", "dims index", "extent", axis=0),
            op("Slice", "dims from to", "two"),
            op("Concat", "two extent", "three", axis=0),
            op("ConstantOfShape", "three", "zeros"),
            op("Size", "zeros", "count"),
            op("Cast", "count", "f", to=TensorProto.FLOAT),
            op("Identity", "scores", "same"),
            op("Div", "same f", "out"),
        ],
        {"index": np.array([3]), "from": np.array([1]), "to": np.array([3])},
    ),
}


@pytest.mark.parametrize("which", ["score_mod", "prob_mod"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, which: str):
    nodes, constants = FUNCTIONS[name]
    made = flex(nodes, which, **constants)
    agrees(made, arrays(QKV))
    text = module_text(load_source(made))
    assert module_text(parse_module(text)) == text


# Bad input


def refused(made: Any, **constants: Any) -> str:
    """The one line that importing `made` ends with."""
    with pytest.raises(CompileError) as caught:
        import_onnx(made, constants, "net.onnx")
    line = str(caught.value)
    assert line.startswith("net.onnx: error: ")
    assert "\n" not in line
    return line.removeprefix("net.onnx: error: ")


def changed(index: int, *dims: Any, dtype: int = TensorProto.FLOAT) -> list[Any]:
    """The inputs with another type for one."""
    infos = list(QKV)
    infos[index] = tensor("qkv"[index], *dims, dtype=dtype)
    return infos


PAST = [tensor("pk", 2, 2, 7, 8), tensor("pv", 2, 2, 7, 6)]

BAD: list[tuple[Any, str]] = [
    (
        model([op("Gelu", "q", "x"), op("Erf", "x", "z"), attention()], QKV, [Y]),
        "Gelu, Erf cannot be imported, first at Gelu that makes 'x'; the graph may hold Attention",
    ),
    (
        model([helper.make_node("Attention", ["q"], ["y"], domain="com.microsoft")], QKV, [Y]),
        "com.microsoft.Attention cannot be imported",
    ),
    (model([], QKV, [Y]), "the model's graph holds no nodes"),
    (
        model([attention()], changed(0, "batch", 4, 3, 8), [Y]),
        "input 'q' has the dynamic dimension 'batch' at position 0, shape [batch, 4, 3, 8]; give",
    ),
    (
        model([attention()], changed(0, 2, 4, None, 8), [Y]),
        "input 'q' has the dynamic dimension '?' at position 2",
    ),
    (
        model([attention()], changed(0, 2, 4, 3, 8, dtype=TensorProto.FLOAT8E4M3FN), [Y]),
        "input 'q' holds FLOAT8E4M3FN; there are FLOAT, FLOAT16",
    ),
    (
        model([attention()], [helper.make_empty_tensor_value_info("q"), *QKV[1:]], [Y]),
        "input 'q' has no declared type and shape",
    ),
    (
        model([attention("", "", "", "n")], [*QKV, tensor("n", 2, dtype=TensorProto.INT64)], [Y]),
        "Attention 'attn': nonpad_kv_seqlen ('n') must be known at compile time; give its values "
        "as constants={'n': [...]}, or --constant n=N,...",
    ),
    (
        model([attention("", "", "", "n")], QKV, [Y], n=np.array([5, 6])),
        "Attention 'attn': nonpad_kv_seqlen holds 6; it must be from 0 to 5 keys",
    ),
    (
        model([attention("", "", "", "n")], QKV, [Y], n=np.array([5])),
        "Attention 'attn': nonpad_kv_seqlen must hold 2 integers, got int64 of shape [1]",
    ),
    (
        model([attention("", "pk", "pv", "n")], [*QKV, *PAST], [Y], n=np.array([5, 5])),
        "Attention 'attn': nonpad_kv_seqlen cannot stand beside past_key and past_value",
    ),
    (
        model([attention("", "", "", "n")], QKV, [Y], 23, n=np.array([5, 5])),
        "Attention 'attn': version 23 of the operator takes at most 6 inputs, got 7",
    ),
    (
        model([attention("", "pk")], [*QKV, *PAST], [Y]),
        "Attention 'attn': past_key and past_value must be given together",
    ),
    (
        model([attention("", "pk", "pv")], [*QKV, PAST[0], tensor("pv", 2, 2, 6, 6)], [Y]),
        "Attention 'attn': past_key has 7 rows and past_value 6; they must agree",
    ),
    (
        model([attention("", "pk", "pv")], [*QKV, tensor("pk", 2, 1, 7, 8), PAST[1]], [Y]),
        "Attention 'attn': the operands must agree but for dimension 2",
    ),
    (
        model([attention(left_window_size=1)], QKV, [Y]),
        "Attention 'attn': version 24 of the operator has no attribute 'left_window_size'; there",
    ),
    (
        model([attention(left_window_size=-2)], QKV, [Y], 25),
        "Attention 'attn': attribute 'left_window_size' is -2; it must be at least -1",
    ),
    (
        model([attention(scale=1)], QKV, [Y]),
        "Attention 'attn': attribute 'scale' must be a float",
    ),
    (
        model([attention(softcap=-1.0)], QKV, [Y]),
        "Attention 'attn': attribute 'softcap' is -1.0; it must be finite and at least 0",
    ),
    (
        model([attention(is_causal=2)], QKV, [Y]),
        "Attention 'attn': attribute 'is_causal' is 2; it must be from 0 to 1",
    ),
    (
        model([attention(qk_matmul_output_mode=4)], QKV, [Y]),
        "Attention 'attn': attribute 'qk_matmul_output_mode' is 4; it must be from 0 to 3",
    ),
    (
        model([attention(softmax_precision=7)], QKV, [Y]),
        "Attention 'attn': attribute 'softmax_precision' is 7; there are 1 (FLOAT), 10",
    ),
    (
        model([attention()], QKV, [Y], 22),
        "Attention 'attn': the opset that the model imports has no such operator",
    ),
    (
        model([attention()], changed(0, 2, 3, 8), [Y]),
        "Attention 'attn': Q, K and V must all be of rank 3 or all of rank 4, got [3, 4, 4]",
    ),
    (
        model([attention(q_num_heads=3)], QKV, [Y]),
        "Attention 'attn': attribute 'q_num_heads' is 3, but the tensors have 4 heads",
    ),
    (
        model([helper.make_node("Attention", ["x"] * 3, ["y"])], [tensor("x", 1, 3, 8)], []),
        "Attention that makes 'y': Q, K and V of rank 3 need the attribute 'q_num_heads'",
    ),
    (
        model([attention("m")], QKV, [Y], m=np.zeros((3, 6), np.float32)),
        "Attention 'attn': attn_mask has 6 columns for 5 keys",
    ),
    (
        model([attention("m")], QKV, [Y], m=np.zeros((2, 5), np.float32)),
        "Attention 'attn': the bias must broadcast to 2x4x3x5, got 1x1x2x5",
    ),
    (model([attention()], QKV, [tensor("z", 2)]), "nothing makes the output 'z'"),
    (
        model([attention()], QKV, [tensor("y", 2, 4, 3, 8)]),
        "output 'y' is declared as [2, 4, 3, 8] but is [2, 4, 3, 6]",
    ),
    (
        model([attention("later"), attention(outputs=("later",))], QKV, [Y]),
        "Attention 'attn': nothing makes its input 'later' before it",
    ),
    (
        flex([op("MatMul", "scores w", "out")], w=np.eye(5, dtype=np.float32)),
        "FlexAttention 'flex': score_mod: the operator MatMul cannot stand in it; there are Abs",
    ),
    (
        flex([op("Add", "scores w", "out")], w=np.arange(100, dtype=np.float32)),
        "FlexAttention 'flex': score_mod: the operands of Add that makes 'out', 2x4x3x5, 100, do",
    ),
    (
        flex([op("Add", "scores w", "out")], w=np.random.rand(2, 4, 3, 5).astype(np.float32)),
        "FlexAttention 'flex': score_mod: a constant of 120 different elements; at most 64",
    ),
    (
        flex([op("Transpose", "scores", "t", perm=[0, 1, 3, 2]), op("Neg", "t", "out")]),
        "FlexAttention 'flex': score_mod: its output must hold floats of shape 2x4x3x5",
    ),
    (
        flex([op("Reshape", "scores d", "t"), op("Reshape", "t e", "out")], d=[-1], e=[2, 4, 3, 5]),
        "FlexAttention 'flex': score_mod: each element of its output may depend on the same",
    ),
    (
        flex([op("Greater", "scores z", "out")], z=np.float32(0)),
        "FlexAttention 'flex': score_mod: its output must hold floats of shape 2x4x3x5, got bool",
    ),
    (
        flex([op("Add", "scores q", "out")]),
        "FlexAttention 'flex': score_mod: 'q' is neither made in this graph nor a constant",
    ),
    (
        flex([op("Cast", "scores", "x", to=TensorProto.STRING), op("Neg", "x", "out")]),
        "FlexAttention 'flex': score_mod: Cast that makes 'x' to object is not supported",
    ),
]


@pytest.mark.parametrize(("made", "message"), BAD, ids=range(len(BAD)))
def test_refused(made: Any, message: str):
    assert refused(made).startswith(message)


def test_constants_that_do_not_fit():
    made = model([attention()], QKV, [Y])
    assert refused(made, n=[1]) == "constant 'n': the graph has no such input; there are q, k, v"
    assert refused(made, q=[1]) == "constant 'q' must have shape [2, 4, 3, 8], got [1]"


def test_files_that_are_no_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.onnx"
    with pytest.raises(CompileError, match="No such file or directory"):
        fa.compile(path)
    for data, message in [
        (b"\xff" * 20, "not an ONNX model: the file cannot be decoded"),
        (b"", "the model's graph holds no nodes"),
    ]:
        path.write_bytes(data)
        assert fa_opt([str(path)]) == 1
        assert capsys.readouterr().err == f"{path}: error: {message}\n"


def test_other_sources():
    wrong: Any = 7
    with pytest.raises(CompileError, match="no source but of type int; give MLIR text, the path"):
        fa.compile(wrong)
    with pytest.raises(CompileError, match="constants are for the inputs of an ONNX model"):
        fa.compile(
            fa.attention(q_heads=1, kv_heads=1, q_len=4, kv_len=4, head_dim=64), constants={"n": 1}
        )


def test_fa_opt(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "net.onnx"
    node = attention("", "", "", "n")
    save_model(model([node], [*QKV, tensor("n", 2, dtype=TensorProto.INT64)], [Y]), str(path))
    assert fa_opt([str(path), "--constant", "n=5,3"]) == 0
    assert "{mask = #fa.ragged<[5, 3]>}" in capsys.readouterr().out
    assert fa_opt([str(path), "--constant", "n=5,3", "--tile", "--fuse"]) == 0
    assert "fa.online_softmax" in capsys.readouterr().out
    assert fa_opt([str(path), "--constant", "n=5,x"]) == 1
    assert capsys.readouterr().err == (
        "fa-opt: error: argument --constant: write NAME=N,... with integers, not 'n=5,x'\n"
    )
    assert fa_opt([str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path}: error: Attention 'attn': nonpad_kv_seqlen")


def test_passes_report_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "net.onnx"
    wide = [tensor("q", 1, 1, 4, 4096), tensor("k", 1, 1, 4, 4096), tensor("v", 1, 1, 4, 4096)]
    save_model(model([attention()], wide, [tensor("y", 1, 1, 4, 4096)]), str(path))
    assert fa_opt([str(path), "--tile=q-tile=3"]) == 1
    assert capsys.readouterr().err.startswith(f"{path}: error: ")


def test_compile(tmp_path: Path):
    made = model([attention(is_causal=1)], QKV, [Y])
    q, k, v = arrays(QKV)
    kernel = fa.compile(made)
    want: Any = ReferenceEvaluator(made).run(None, {"q": q, "k": k, "v": v})
    got = kernel.run(q, k, v).outputs[0]
    assert np.linalg.norm(got - want[0]) / np.linalg.norm(want[0]) < 0.1


def test_without_onnx(tmp_path: Path):
    path = tmp_path / "net.onnx"
    save_model(model([attention()], QKV, [Y]), str(path))
    code = (
        "import sys\n"
        "sys.modules['onnx'] = None\n"
        "from fa.tools.fa_opt import main\n"
        f"sys.exit(main([{str(path)!r}]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert run.returncode == 1
    assert run.stderr == (
        "fa-opt: error: reading an ONNX model needs the package onnx, which is not installed: "
        "pip install 'fa-compiler[onnx]'\n"
    )

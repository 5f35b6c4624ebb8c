"""ONNX models in plain xDSL tools, which learn of it where a universe can name frontends."""

import io

import pytest
from fa import CompileError
from fa.frontends.mlir import make_context, module_text
from fa.frontends.onnx.importer import import_onnx
from fa.universe import FA_UNIVERSE
from fa.xdsl_compat import has_frontends
from onnx import TensorProto, helper

SHAPE = [1, 2, 8, 16]


def model() -> bytes:
    """Attention of two heads on keys of which a constant says how many count."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, SHAPE) for n in "qkvo"]
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, [1])
    node = helper.make_node("Attention", ["q", "k", "v", "", "", "", "lengths"], ["o"])
    graph = helper.make_graph([node], "g", [*values[:3], lengths], values[3:])
    opset = helper.make_opsetid("", 24)
    return helper.make_model(graph, opset_imports=[opset]).SerializeToString()


def test_the_universe_names_it_where_it_can():
    assert has_frontends() == hasattr(FA_UNIVERSE, "all_frontends")
    if not has_frontends():
        with pytest.raises(ModuleNotFoundError):
            import fa.frontends.onnx.xdsl_frontend  # noqa: F401
        return
    cls = FA_UNIVERSE.all_frontends["onnx"]()
    assert cls.name == "onnx"
    frontend = cls(constant=("lengths=5",))
    module = frontend.parse(make_context(), io.BytesIO(model()), "m.onnx")
    expected = import_onnx(model(), {"lengths": [5]}, "m.onnx")
    assert module_text(module) == module_text(expected)
    assert "ragged<[5]>" in module_text(module)
    with pytest.raises(CompileError, match="frontend 'onnx', option 'constant': write NAME=N"):
        cls(constant=("lengths",)).parse(make_context(), io.BytesIO(model()), "m.onnx")

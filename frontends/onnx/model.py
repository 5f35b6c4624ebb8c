"""ONNX models as plain data: all that this compiler asks of the `onnx` package is here.

A `Graph` holds nodes, the declared tensors at its boundary and constants as numpy arrays;
attributes are Python values. Nothing outside this module sees protobuf.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import CompileError

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

Array: TypeAlias = NDArray[Any]

PREVIEW_DOMAIN = "ai.onnx.preview"

INSTALL = "pip install 'fa-compiler[onnx]'"


@dataclass(frozen=True)
class Declared:
    """A tensor as a graph declares it.

    `dtype` is ONNX's name, `FLOAT16` for one, None where nothing is declared; an extent is a
    number, or the name of a dynamic dimension; `dims` is None for an unknown rank.
    """

    name: str
    dtype: str | None
    dims: tuple[int | str, ...] | None


@dataclass(frozen=True)
class Node:
    """One operator as the model gives it, and what its schema says.

    `since` is the opset version that defines the operator as the model means it, 0 where the
    `onnx` package has no such operator; `known` are that version's attributes, `most` is the
    largest number of inputs.
    """

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]
    since: int
    known: frozenset[str]
    most: int

    def __str__(self) -> str:
        if self.name:
            return f"{self.op} '{self.name}'"
        made = next((name for name in self.outputs if name), "nothing")
        return f"{self.op} that makes '{made}'"

    def input(self, index: int) -> str:
        """The name of an input, empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def output(self, index: int) -> str:
        """The name of an output, empty where it is left out."""
        return self.outputs[index] if index < len(self.outputs) else ""


@dataclass(frozen=True)
class Graph:
    """A graph of a model, or one in an attribute."""

    name: str
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array] = field(default_factory=dict[str, Array])


AttributeValue: TypeAlias = (
    int | float | str | list[int] | list[float] | list[str] | Array | Graph | None
)
"""What an attribute holds; None for a kind that no supported operator has."""


def require_onnx() -> None:
    """Raise CompileError where the `onnx` package is not installed."""
    try:
        import_module("onnx")
    except ImportError:
        raise CompileError(
            f"reading an ONNX model needs the package onnx, which is not installed: {INSTALL}"
        ) from None


def read(source: str | Path | bytes | ModelProto, location: str | None, folder: str = "") -> Graph:
    """The main graph of a model: a path, the bytes of a file, or a ModelProto.

    `location` is what errors call the model, `folder` where the bytes' external data lies. Raises
    CompileError for what cannot be read.
    """
    require_onnx()
    from onnx import ModelProto

    if isinstance(source, str | Path):
        folder = os.path.dirname(os.fspath(source))
        try:
            source = Path(source).read_bytes()
        except OSError as error:
            raise CompileError(f"cannot read '{location}': {error.strerror}") from None
    if isinstance(source, bytes):
        source = _parse(source, location, folder)
    elif not isinstance(cast(object, source), ModelProto):
        raise CompileError(
            f"this is no source but of type {type(source).__name__}; give MLIR text, the path of "
            "an .mlir or .onnx file, a module as fa.attention makes one, or an onnx ModelProto"
        )
    if not source.graph.node:
        raise CompileError("the model's graph holds no nodes", location)
    if source.functions:
        names = ", ".join(sorted({f"'{function.name}'" for function in source.functions}))
        raise CompileError(f"the model has functions of its own, {names}; inline them", location)
    opsets = {opset.domain: opset.version for opset in source.opset_import}
    return _Reader(opsets, location).graph(source.graph)


def _parse(data: bytes, location: str | None, folder: str) -> ModelProto:
    """A model from the bytes of a file, with its external data."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # protobuf's errors have no common base class
        raise CompileError("not an ONNX model: the file cannot be decoded", location) from None
    try:
        load_external_data_for_model(model, folder)
    except Exception as error:  # neither have those of files outside of the folder
        raise CompileError(f"cannot read the model's external data: {error}", location) from None
    return model


def numpy_dtype(number: int) -> np.dtype[Any]:
    """The numpy type of an ONNX element type. Raises KeyError where there is none."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(number)


class _Reader:
    """Turns protobuf into plain data."""

    def __init__(self, opsets: Mapping[str, int], location: str | None):
        self.location = location
        self.opsets = {self.domain(name): version for name, version in opsets.items()}

    def text(self, value: str) -> str:
        """A string of the model; protobuf gives the bytes of what is not UTF-8."""
        if not isinstance(cast(object, value), str):
            raise CompileError(f"the name {value!r} in the model is not UTF-8", self.location)
        return value

    def texts(self, values: Iterable[str]) -> tuple[str, ...]:
        """Strings of the model."""
        return tuple(self.text(value) for value in values)

    def domain(self, name: str) -> str:
        """A domain of operators under its short name."""
        return "" if self.text(name) == "ai.onnx" else name

    def element(self, number: int) -> str:
        """ONNX's name of an element type."""
        from onnx import TensorProto

        try:
            return str(TensorProto.DataType.Name(cast(Any, number)))
        except ValueError:
            raise CompileError(f"{number} is no element type", self.location) from None

    def graph(self, proto: GraphProto) -> Graph:
        """A graph with the graphs inside it."""
        if proto.sparse_initializer:
            raise CompileError("sparse initializers are not supported", self.location)
        constants = {self.text(tensor.name): self.array(tensor) for tensor in proto.initializer}
        return Graph(
            self.text(proto.name),
            tuple(self.declared(info) for info in proto.input if info.name not in constants),
            tuple(self.declared(info) for info in proto.output),
            tuple(self.node(node) for node in proto.node),
            constants,
        )

    def array(self, tensor: TensorProto) -> Array:
        """The values of a tensor."""
        from onnx import numpy_helper

        try:
            return np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # damaged tensors fail in many ways
            raise CompileError(f"constant '{tensor.name}': {error}", self.location) from None

    def declared(self, info: ValueInfoProto) -> Declared:
        """A declaration at the boundary of a graph."""
        name = self.text(info.name)
        kind = info.type.WhichOneof("value")
        if kind is None:
            return Declared(name, None, None)
        if kind != "tensor_type":
            raise CompileError(f"'{name}' is no tensor", self.location)
        tensor = info.type.tensor_type
        dims = None
        if tensor.HasField("shape"):
            dims = tuple(
                dim.dim_value if dim.HasField("dim_value") else self.text(dim.dim_param) or "?"
                for dim in tensor.shape.dim
            )
        return Declared(name, self.element(tensor.elem_type) if tensor.elem_type else None, dims)

    def node(self, proto: NodeProto) -> Node:
        """One operator."""
        from onnx import defs

        domain, op = self.domain(proto.domain), self.text(proto.op_type)
        since, known, most = 0, frozenset[str](), 0
        if domain in self.opsets and defs.has(op, domain):
            try:
                schema = defs.get_schema(op, self.opsets[domain], domain)
            except defs.SchemaError:
                pass  # newer than the opset that the model imports
            else:
                since, known = schema.since_version, frozenset(schema.attributes)
                most = schema.max_input
        return Node(
            op,
            domain,
            self.text(proto.name),
            self.texts(proto.input),
            self.texts(proto.output),
            {self.text(attribute.name): self.attribute(attribute) for attribute in proto.attribute},
            since,
            known,
            most,
        )

    def attribute(self, proto: AttributeProto) -> AttributeValue:
        """The value of an attribute."""
        from onnx import AttributeProto as Kinds

        match proto.type:
            case Kinds.FLOAT:
                return proto.f
            case Kinds.INT:
                return proto.i
            case Kinds.STRING:
                return proto.s.decode("utf-8", "replace")
            case Kinds.TENSOR:
                return self.array(proto.t)
            case Kinds.GRAPH:
                return self.graph(proto.g)
            case Kinds.FLOATS:
                return list(proto.floats)
            case Kinds.INTS:
                return list(proto.ints)
            case Kinds.STRINGS:
                return [text.decode("utf-8", "replace") for text in proto.strings]
            case _:
                return None

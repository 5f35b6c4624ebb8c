"""ONNX models of primitive operators, as operations `onnx.NAME` that `raise-attention` looks into.

Each operator becomes an operation of no registered dialect, with the attributes of the node; the
shapes of results are what the operation computes (`dialects/foreign`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

import numpy as np
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FileLineColLoc,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    StringAttr,
    TensorType,
    UnregisteredOp,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i8,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ...diagnostics import CompileError
from ...dialects.foreign.graph import Node as Tensor
from ...dialects.foreign.graph import leaf
from ...dialects.foreign.meanings import MEANINGS
from .model import Array, Graph, Node

ELEMENTS: Mapping[str, Any] = {
    "FLOAT": f32, "FLOAT16": f16, "BFLOAT16": bf16, "DOUBLE": f64, "BOOL": i1, "INT8": i8,
    "INT32": i32, "INT64": i64,
}  # fmt: skip

NUMBERS: Mapping[int, Any] = {1: f32, 3: i8, 6: i32, 7: i64, 9: i1, 10: f16, 11: f64, 16: bf16}
"""ONNX's numbers of element types."""


def takes(node: Node) -> bool:
    """Whether an operator can be an operation of a module."""
    return not node.domain and (node.op == "Constant" or f"onnx.{node.op}" in MEANINGS)


class PrimitiveImport:
    """The function of a graph of primitive operators while it is built."""

    def __init__(self, graph: Graph, given: Mapping[str, Array], location: str | None):
        self.graph = graph
        self.location = location
        self.constants = {**graph.constants, **given}
        self.block = Block()
        self.values: dict[str, SSAValue] = {}
        self.tensors: dict[SSAValue, Tensor] = {}
        self.node: Node | None = None

    def module(self, name: str) -> ModuleOp:
        """Build everything. Raises CompileError."""
        for info in self.graph.inputs:
            if info.name in self.constants:
                continue
            dims = info.dims
            if (
                info.dtype is None
                or info.dtype not in ELEMENTS
                or dims is None
                or any(isinstance(d, str) for d in dims)
            ):
                self._fail(f"input '{info.name}' has no type of static shape that is known here")
            kind = TensorType(ELEMENTS[info.dtype], cast("tuple[int, ...]", dims))
            value = self.block.insert_arg(kind, len(self.block.args))
            self._define(info.name, value, leaf(value))
        for node in self.graph.nodes:
            self._add(node)
        self.node = None
        results = [self._value(info.name) for info in self.graph.outputs]
        self.block.add_op(func.ReturnOp(*results))
        kinds = ([a.type for a in self.block.args], [r.type for r in results])
        function = func.FuncOp(name, kinds, Region(self.block))
        module = ModuleOp([function])
        for op in (module, function):
            op.location = self._place()
        return module

    def _place(self) -> Any:
        place = FileLineColLoc(StringAttr(self.location or "<onnx>"), IntAttr(0), IntAttr(0))
        return place if self.node is None else NameLoc(StringAttr(str(self.node)), place)

    def _fail(self, message: str) -> NoReturn:
        prefix = "" if self.node is None else f"{self.node}: "
        raise CompileError(f"{prefix}{message}", self.location)

    def _define(self, name: str, value: SSAValue, tensor: Tensor | None) -> None:
        self.values[name] = value
        if SSAValue.is_valid_name(name):
            value.name_hint = name
        if tensor is not None:
            self.tensors[value] = tensor

    def _insert(self, op: Operation) -> None:
        op.location = self._place()
        self.block.add_op(op)

    def _value(self, name: str) -> SSAValue:
        if name not in self.values:
            if name not in self.constants:
                self._fail(f"nothing makes '{name}' before it is read")
            self._constant(name, self.constants[name])
        return self.values[name]

    def _constant(self, name: str, values: Array) -> None:
        dtype = {"float32": "FLOAT", "float64": "DOUBLE"}.get(
            values.dtype.name, values.dtype.name.upper()
        )
        if dtype not in ELEMENTS:
            self._fail(f"constant '{name}' holds {values.dtype}")
        element = ELEMENTS[dtype]
        kind = TensorType(element, values.shape)
        if element == i1:
            data = DenseIntOrFPElementsAttr.from_list(kind, values.ravel().tolist())
        else:
            data = DenseIntOrFPElementsAttr(kind, BytesAttr(np.ascontiguousarray(values).tobytes()))
        op = arith.ConstantOp(data)
        self._insert(op)
        wide = values.astype(np.float32) if values.dtype.itemsize == 2 else values
        self._define(name, op.result, Tensor("constant", (), values.shape, element, wide))

    def _add(self, node: Node) -> None:
        self.node = node
        if node.op == "Constant":
            for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
                if name in node.attributes:
                    kind = np.float32 if "float" in name else np.int64
                    given = np.asarray(node.attributes[name])
                    values = given if name == "value" else given.astype(kind)
                    self._constant(node.outputs[0], values)
                    return
            self._fail("a constant of another form than numbers")
        operands = [self._value(name) for name in node.inputs if name]
        attributes = {k: self._attribute(node, k, v) for k, v in node.attributes.items()}
        cls = UnregisteredOp.with_name(f"onnx.{node.op}")
        # Operations carry their result types from the start; this one is to be asked for them.
        asked = cls.create(attributes=attributes)
        made = self._computed(asked, node, operands)
        kinds = [TensorType(each.element, each.shape) for each in made]
        op = cls.create(operands=operands, result_types=kinds, attributes=attributes)
        self._insert(op)
        for name, value, tensor in zip(node.outputs, op.results, made, strict=False):
            self._define(name, value, tensor)

    def _computed(self, op: Operation, node: Node, operands: list[SSAValue]) -> list[Tensor]:
        """The results of an operation."""
        try:
            made = MEANINGS[f"onnx.{node.op}"](op, [self.tensors[value] for value in operands])
        except (ValueError, IndexError, TypeError, KeyError) as error:
            self._fail(f"its operands do not fit: {error}")
        if made is None:
            self._fail("a form of it that is not known here")
        return [made] if isinstance(made, Tensor) else made

    def _attribute(self, node: Node, name: str, value: Any) -> Attribute:
        if name == "to" and isinstance(value, int) and value in NUMBERS:
            return NUMBERS[value]
        if isinstance(value, bool | int):
            return IntegerAttr(int(value), i64)
        if isinstance(value, float):
            return FloatAttr(value, f32)
        if isinstance(value, str):
            return StringAttr(value)
        if isinstance(value, tuple | list):
            listed = cast("Sequence[Any]", value)
            if all(isinstance(each, int) for each in listed):
                return DenseArrayBase.from_list(i64, list(listed))
        self._fail(f"attribute '{name}' is of a form that is not known here")

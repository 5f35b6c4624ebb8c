"""ONNX models as `fa.attention`: the way in for `.onnx` files.

A model whose graph holds `Attention` (ONNX opset 23, 24, 25) and `FlexAttention` (domain
`ai.onnx.preview`, version 1) becomes a module with one function. Its arguments are the graph's
inputs in their order, but for those that are given as constants; its results the graph's outputs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike
from xdsl.builder import ImplicitBuilder
from xdsl.dialects.builtin import (
    AnyFloat,
    FileLineColLoc,
    IntAttr,
    IntegerType,
    ModuleOp,
    NameLoc,
    StringAttr,
    TensorType,
    bf16,
    f16,
    f32,
    i1,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from ...diagnostics import CompileError
from ...dialects import fa
from . import attention
from .attention import dense
from .model import PREVIEW_DOMAIN, Array, Declared, Graph, Node, read
from .primitive import PrimitiveImport, takes

if TYPE_CHECKING:
    from onnx import ModelProto

OPERATORS = {
    ("", "Attention"): attention.attention,
    (PREVIEW_DOMAIN, "FlexAttention"): attention.flex_attention,
}
"""What makes the operations of a node: (scope, node) -> its outputs, None for those left out."""

ELEMENTS: Mapping[str, AnyFloat | IntegerType] = {
    "FLOAT": f32,
    "FLOAT16": f16,
    "BFLOAT16": bf16,
    "DOUBLE": f32,
    "BOOL": i1,
    **{f"{sign}INT{bits}": f32 for sign in ("", "U") for bits in (8, 16, 32, 64)},
}
"""The element types of arguments. Integers are masks that are added, doubles computed in f32."""

_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*")
_LISTED = 8


def import_onnx(
    source: str | Path | bytes | ModelProto,
    constants: Mapping[str, ArrayLike] | None = None,
    location: str | None = None,
    folder: str = "",
    primitive: bool = False,
) -> ModuleOp:
    """A module with one function that computes the graph of an ONNX model.

    `source` is a path, the bytes of a file, or a ModelProto. `constants` gives the values of graph
    inputs by name; they are no arguments then. The lengths of `nonpad_kv_seqlen` must be known so,
    or be an initializer. `location` is what errors call the model (default: its path), `folder`
    where external data of bytes lies. With `primitive` a graph of other operators becomes
    operations `onnx.NAME`, for `raise-attention`. float64 becomes f32. Raises CompileError for
    models with other operators, dynamic dimensions, and whatever the operators do not permit.
    """
    if isinstance(source, str | Path) and location is None:
        location = os.fspath(source)
    graph = read(source, location, folder)
    if primitive and all(takes(node) for node in graph.nodes):
        bound = {name: np.asarray(values) for name, values in (constants or {}).items()}
        name = graph.name if _SYMBOL.fullmatch(graph.name) else "model"
        return PrimitiveImport(graph, bound, location).module(name)
    return _Import(graph, constants or {}, location).module()


class _Import(attention.Scope):
    """The function of one graph while it is built."""

    def __init__(self, graph: Graph, given: Mapping[str, ArrayLike], location: str | None):
        self.graph = graph
        self.location = location
        self.constants = {**graph.constants, **self._bind(given)}
        self.values: dict[str, SSAValue] = {}
        self.node: Node | None = None
        self.made: list[tuple[Node, Operation]] = []

    def module(self) -> ModuleOp:
        """Build everything."""
        self._refuse_others()
        free = [info for info in self.graph.inputs if info.name not in self.constants]
        kinds = [self._type(info) for info in free]
        name = self.graph.name if _SYMBOL.fullmatch(self.graph.name) else "attention"
        function = FuncOp(name, (kinds, ()))
        for info, argument in zip(free, function.args, strict=True):
            _name(argument, info.name)
            self.values[info.name] = argument
        with ImplicitBuilder(function.body):
            for node in self.graph.nodes:
                self._add(node, function.body.block)
            results = [self._result(info) for info in self.graph.outputs]
            ReturnOp(*results)
        function.update_function_type()
        module = ModuleOp([function])
        self._verify()
        if self.location is not None:
            for op in (module, function, *function.body.block.ops):
                if not isinstance(op.location, NameLoc):
                    op.location = _place(self.location)
        return module

    def value(self, name: str) -> SSAValue:
        if name not in self.values:
            if name not in self.constants:
                self.fail(f"nothing makes its input '{name}' before it")
            value = self.constant(self.constants[name], name)
            _name(value, name)
            self.values[name] = value
        return self.values[name]

    def known(self, name: str) -> Array | None:
        return self.constants.get(name)

    def constant(self, values: Array, name: str) -> SSAValue:
        """A tensor that is known at compile time."""
        kind = ELEMENTS.get(_dtype_name(values.dtype))
        if kind is None:
            self.fail(f"constant '{name}' holds {values.dtype}")
        if 0 in values.shape:
            self.fail(f"constant '{name}' is empty")
        if isinstance(kind, IntegerType):
            return dense(kind, values.shape, values.astype(np.int64))
        floats = values.astype(np.float64)
        if np.all((floats == 0) | np.isneginf(floats)) and np.isneginf(floats).any():
            hidden = dense(i1, values.shape, (floats == 0).astype(np.int64))
            return fa.AdditiveOp(hidden, kind).result
        return dense(kind, values.shape, floats)

    def fail(self, message: str) -> NoReturn:
        prefix = "" if self.node is None else f"{self.node}: "
        raise CompileError(f"{prefix}{message}", self.location)

    def _bind(self, given: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """The constants that were given, checked against what the graph declares."""
        declared = {info.name: info for info in self.graph.inputs}
        bound: dict[str, Array] = {}
        for name, values in given.items():
            if name not in declared:
                names = ", ".join(declared) or "none"
                raise CompileError(
                    f"constant '{name}': the graph has no such input; there are {names}",
                    self.location,
                )
            array = np.asarray(values)
            dims = declared[name].dims
            if dims is not None and (
                len(dims) != array.ndim
                or any(d != n for d, n in zip(dims, array.shape, strict=True) if isinstance(d, int))
            ):
                raise CompileError(
                    f"constant '{name}' must have shape {_shape(dims)}, got {_shape(array.shape)}",
                    self.location,
                )
            bound[name] = array
        return bound

    def _refuse_others(self) -> None:
        """Raise CompileError where there are operators that are no attention."""
        others = [node for node in self.graph.nodes if (node.domain, node.op) not in OPERATORS]
        if not others:
            return
        names = list(dict.fromkeys(f"{n.domain}.{n.op}" if n.domain else n.op for n in others))
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        raise CompileError(
            f"{', '.join(names[:_LISTED])}{more} cannot be imported, first at {others[0]}; the "
            "graph may hold Attention and FlexAttention",
            self.location,
        )

    def _type(self, info: Declared) -> TensorType[Any]:
        """The type of an argument."""
        if info.dtype is None or info.dims is None:
            self.fail(f"input '{info.name}' has no declared type and shape")
        if info.dtype not in ELEMENTS:
            self.fail(f"input '{info.name}' holds {info.dtype}; there are {', '.join(ELEMENTS)}")
        for position, extent in enumerate(info.dims):
            if isinstance(extent, str):
                self.fail(
                    f"input '{info.name}' has the dynamic dimension '{extent}' at position "
                    f"{position}, shape {_shape(info.dims)}; give it a number, for instance with "
                    "onnx.tools.update_model_dims"
                )
        return TensorType(ELEMENTS[info.dtype], cast("Sequence[int]", info.dims))

    def _add(self, node: Node, block: Block) -> None:
        """The operations of one node, at the end of `block`."""
        self.node = node
        self._check(node)
        last = block.last_op
        outputs = OPERATORS[node.domain, node.op](self, node)
        op = block.first_op if last is None else last.next_op
        while op is not None:
            if self.location is not None:
                op.location = NameLoc(StringAttr(str(node)), _place(self.location))
            self.made.append((node, op))
            op = op.next_op
        for name, value in zip(node.outputs, outputs, strict=False):
            if name and value is not None:
                _name(value, name)
                self.values[name] = value
        self.node = None

    def _verify(self) -> None:
        """Verify the operations, and blame the node that they were made for."""
        for node, op in self.made:
            try:
                op.verify()
            except VerifyException as error:
                self.node = node
                self.fail(str(error))

    def _check(self, node: Node) -> None:
        """Check a node against the schema of its operator."""
        if not node.since:
            self.fail("the opset that the model imports has no such operator")
        unknown = sorted(set(node.attributes) - node.known)
        if unknown:
            self.fail(
                f"version {node.since} of the operator has no attribute '{unknown[0]}'; there are "
                f"{', '.join(sorted(node.known))}"
            )
        if len(node.inputs) > node.most:
            self.fail(
                f"version {node.since} of the operator takes at most {node.most} inputs, "
                f"got {len(node.inputs)}"
            )

    def _result(self, info: Declared) -> SSAValue:
        """The value of a graph output, of the declared shape."""
        if info.name not in self.values and info.name not in self.constants:
            self.fail(f"nothing makes the output '{info.name}'")
        value = self.value(info.name)
        dims = fa.tensor_dims(value)
        if info.dims is not None and (
            len(info.dims) != len(dims)
            or any(d != n for d, n in zip(info.dims, dims, strict=True) if isinstance(d, int))
        ):
            self.fail(
                f"output '{info.name}' is declared as {_shape(info.dims)} but is {_shape(dims)}"
            )
        return value


def _dtype_name(dtype: np.dtype[Any]) -> str:
    """ONNX's name of a numpy type."""
    names = {"float32": "FLOAT", "float64": "DOUBLE"}
    return names.get(dtype.name, dtype.name.upper())


def _place(location: str) -> FileLineColLoc:
    """The location of what stands in a file without lines."""
    return FileLineColLoc(StringAttr(location), IntAttr(0), IntAttr(0))


def _name(value: SSAValue, name: str) -> None:
    """Print `value` under its name in the model, where that can be an identifier."""
    if SSAValue.is_valid_name(name):
        value.name_hint = name


def _shape(dims: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, dims))}]"

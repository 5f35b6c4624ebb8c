"""ONNX models for plain `xdsl-opt`, from xDSL 0.75 on: files ending in `.onnx`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.frontend import Frontend

from .constants import parse_constants


@dataclass(frozen=True)
class OnnxFrontend(Frontend):
    """A module with one function that computes the graph of an ONNX model.

    Option: `constant`, texts `NAME=N,...` with the values of graph inputs that must be known:
    `xdsl-opt -f 'onnx{constant="nonpad_kv_seqlen=100,64"}' model.onnx`.
    """

    name = "onnx"

    constant: tuple[str, ...] = ()

    def parse(self, ctx: Context, input: IO[bytes], input_name: str) -> ModuleOp:
        """The module of the model in `input`, whose external data lie beside `input_name`.

        Raises CompileError.
        """
        from .importer import import_onnx

        constants = parse_constants(self.constant, "frontend 'onnx', option 'constant'")
        return import_onnx(input.read(), constants, input_name, os.path.dirname(input_name))

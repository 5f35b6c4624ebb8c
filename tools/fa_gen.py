"""fa-gen: write the MLIR of a model's attention."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..diagnostics import CompileError
from ..frontends.builder import DTYPES
from ..frontends.mlir import module_text
from ..frontends.model_config import read_config
from ..frontends.model_layers import Layers
from ..frontends.models import MASKS, MODELS, PHASES
from .support.driver import ToolParser, display_name, read_text, run_tool, write_text
from .support.numbers import count, natural

TOOL = "fa-gen"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-gen`; the exit status."""
    return run_tool(TOOL, lambda: _generate(arguments))


def _generate(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    module = load_model(args.model).module(
        args.phase,
        args.seq,
        layer=args.layer,
        batch=args.batch,
        mask=args.mask,
        lse=args.lse,
        dtype=args.dtype,
    )
    write_text(args.output, module_text(module))


def load_model(model: str) -> Layers:
    """The layers of a configuration file, of a folder with one, or of a name."""
    if not model:
        raise CompileError("a model cannot be called ''; write a name, or a config.json")
    path = Path(model)
    if model == "-" or path.suffix == ".json" or path.is_file():
        return read_config(read_text(model), display_name(model))
    if path.is_dir():
        inside = str(path / "config.json")
        return read_config(read_text(inside), inside)
    return Layers.named(model)


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(
        TOOL,
        "The MLIR of one layer's attention.",
        epilog="known models: " + ", ".join(MODELS),
    )
    parser.add_argument(
        "--model",
        metavar="FILE|NAME",
        required=True,
        help="a HuggingFace-style config.json, or the name of a known model",
    )
    parser.add_argument(
        "--phase",
        metavar="|".join(PHASES),
        required=True,
        help="all tokens as queries (prefill), or one query (decode)",
    )
    parser.add_argument(
        "--layer", metavar="N", type=natural, help="the layer, from 0; needed where layers differ"
    )
    parser.add_argument("--seq", metavar="N", type=count, required=True, help="tokens")
    parser.add_argument("--batch", metavar="B", type=count, default=1, help="sequences (1)")
    parser.add_argument(
        "--mask",
        metavar="|".join(MASKS),
        help="by default what the model does; none for decode",
    )
    parser.add_argument("--lse", action="store_true", help="also the logsumexp of every row")
    parser.add_argument(
        "--dtype", metavar="|".join(DTYPES), default="bf16", help="element type (bf16)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""fa-accuracy: what number formats cost in accuracy and save in memory, for a model's attention."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from ..diagnostics import CompileError
from ..frontends.builder import build_mask
from ..frontends.models import MASKS, MODELS, PHASES, ModelAttention
from .fa_gen import load_model
from .support.driver import ToolParser, check_outputs, run_tool, write_text
from .support.numbers import count, natural

if TYPE_CHECKING:
    from ..machine.numerics.error_sources import Formats, Problem
    from ..machine.spec.params import Machine
    from .support.arrays import Array

TOOL = "fa-accuracy"

HELPERS = ("smooth-keys", "rotate")
MOST_VALUES = 1 << 29
"""Values of Q, K and V together: in float64 4 GiB."""

DEFAULT_POLICIES = ("bf16", "plena", "mxfp8", "mxfp4-kv", "nvfp4-kv", "nvfp4-kv+smooth-keys+rotate")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-accuracy`; the exit status."""
    return run_tool(TOOL, lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    check_outputs([args.plot, args.json])
    if len(args.arg) not in (0, 3):
        raise CompileError(f"--arg is given {len(args.arg)} times; queries, keys and values are 3")
    layers = load_model(args.model)
    model = layers.layer(args.layer, args.phase, args.seq, args.mask)
    model.check_length(args.seq)
    _check_size(model, args)

    from ..machine.numerics.error_sources import SOURCES, Study

    machine = _machine(args.machine)
    problem = _problem(model, args)
    study = Study(problem)
    rows: dict[str, dict[str, Any]] = {}
    for text in args.policy or DEFAULT_POLICIES:
        formats = _formats(text, machine, args.rule)
        found = study.accuracy(formats)
        rows[text] = {
            **asdict(found),
            "bytes_per_token": formats.bytes_per_token(problem) / args.batch,
            "hbm_bytes": _compulsory_bytes(problem, formats, args.batch, model, args),
            "loaded": formats.loaded,
        }
    title = f"{args.model}, {args.phase} of {args.seq} tokens, {machine.name}, {args.data} data"
    if args.arg:
        title = f"{args.model}, {args.phase} of {args.seq} tokens, {machine.name}, given data"
    left_out = [
        name
        for name, there in (("sinks", model.sinks), ("ALiBi", model.alibi is not None))
        if there
    ]
    if left_out:
        title += f", without {' and '.join(left_out)}"
    if args.json is not None:
        document = {
            "model": args.model,
            "phase": args.phase,
            "seq": args.seq,
            "left_out": left_out,
            "policies": rows,
        }
        write_text(args.json, json.dumps(document, indent=2) + "\n")
    if args.plot is not None:
        from .support.accuracy_plot import error_plot

        errors = {name: {"all": row["relative"], **row["by_source"]} for name, row in rows.items()}
        write_text(args.plot, error_plot(f"Relative L2 error: {title}", errors))
    if "-" not in (args.plot, args.json):
        write_text(None, f"{title}\n\n{_table(rows, SOURCES)}")


def _machine(name: str) -> Machine:
    from ..frontends.machine_file import check_machine
    from ..machine.spec.params import Machine

    check_machine(name)
    return Machine.load(name)


def _formats(text: str, machine: Machine, rule: Any) -> Formats:
    """A policy as written: a preset, role=format pairs and helpers, joined by +."""
    from ..machine.numerics.error_sources import Formats
    from ..machine.numerics.storage_policies import Policy, PolicyError

    preset, overrides, helpers = "plena", dict[str, str](), set[str]()
    for index, part in enumerate(text.split("+")):
        role, equals, name = part.partition("=")
        if equals:
            overrides[role] = name
        elif part in HELPERS:
            helpers.add(part)
        elif index == 0:
            preset = part
        else:
            raise CompileError(
                f"'{part}' in policy '{text}' is none of {', '.join(HELPERS)}, ROLE=FORMAT"
            )
    try:
        policy = Policy.get(preset, overrides)
        policy.check_on_chip()
        return Formats.of(policy, machine, rule, "smooth-keys" in helpers, "rotate" in helpers)
    except PolicyError as error:
        raise CompileError(str(error)) from None


def _problem(model: ModelAttention, args: Any) -> Problem:
    """Queries, keys and values as given or random, rounded to bf16 as an interface would."""
    import numpy as np

    from ..machine.numerics.error_sources import Problem

    q_len = args.seq if args.phase == "prefill" else 1
    shapes = _shapes(model, args)
    values = _given(args.arg, shapes) if args.arg else _random(shapes, args.data, args.seed)
    mask = build_mask(args.mask or model.mask(args.phase, args.seq), q_len, args.seq)
    scale = model.scale if model.scale is not None else model.head_dim**-0.5
    q, k, v = (_bf16(value).astype(np.float64) for value in values)
    keys = None if mask is None else partial(mask.keys, 0)
    return Problem.of(q, k, v, scale, keys, args.rows, model.softcap)


def _shapes(model: ModelAttention, args: Any) -> tuple[tuple[int, ...], ...]:
    """Those of queries, keys and values."""
    q_len = args.seq if args.phase == "prefill" else 1
    return (
        (args.batch, model.q_heads, q_len, model.head_dim),
        (args.batch, model.kv_heads, args.seq, model.head_dim),
        (args.batch, model.kv_heads, args.seq, model.value_dim or model.head_dim),
    )


def _check_size(model: ModelAttention, args: Any) -> None:
    """Refuse what would take more memory than a computer has, before anything is allocated."""
    total = sum(math.prod(shape) for shape in _shapes(model, args))
    if total > MOST_VALUES:
        a_token = -(-total // (args.seq * args.batch))
        raise CompileError(
            f"queries, keys and values of --seq {args.seq}, --batch {args.batch} are {total:,} "
            f"values, and at most {MOST_VALUES:,} are computed here; "
            f"{max(1, MOST_VALUES // a_token):,} tokens fit"
        )


def _bf16(values: Array) -> Array:
    import ml_dtypes
    import numpy as np

    return values.astype(ml_dtypes.bfloat16).astype(np.float32)


def _given(paths: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    import numpy as np

    from .support.tensor_files import load_value

    arrays: list[Array] = []
    for path, shape in zip(paths, shapes, strict=True):
        array = load_value(path)
        if not isinstance(array, np.ndarray):
            raise CompileError(f"'{path}' must hold values, not codes")
        if array.shape != shape:
            raise CompileError(f"'{path}' must have shape {shape}, got {array.shape}")
        arrays.append(array)
    return arrays


def _random(shapes: Sequence[tuple[int, ...]], kind: str, seed: int) -> list[Array]:
    """Normal values; `outliers` has a mean key and a few large channels, as models have."""
    import numpy as np

    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal(shape, np.float32) for shape in shapes)
    if kind == "outliers":
        channels = k.shape[-1]
        k[..., :: max(1, channels // 4)] *= 8
        k += 2 * rng.standard_normal((1, k.shape[1], 1, channels), np.float32)
    return [q, k, v]


def _compulsory_bytes(
    problem: Problem, formats: Formats, batch: int, model: ModelAttention, args: Any
) -> int:
    """Bytes that a call moves if it reads Q, K and V once and writes O once."""
    queries = args.seq if args.phase == "prefill" else 1
    value_dim = model.value_dim or model.head_dim
    columns = model.head_dim * formats.q.bits_per_value + value_dim * formats.o.bits_per_value
    q_and_o = batch * model.q_heads * queries * columns / 8
    kv = args.seq * formats.bytes_per_token(problem)
    return round(q_and_o + kv)


def _table(rows: dict[str, dict[str, Any]], sources: Sequence[str]) -> str:
    """The figures, and below them where the errors arise."""
    header = ("policy", "rel error", "max error", "cosine", "SQNR dB", "bytes/token", "HBM bytes")
    lines: list[tuple[str, ...]] = [(*header, *sources)]
    for name, row in rows.items():
        label = name if row["loaded"] else f"{name} *"
        lines.append(
            (
                label,
                f"{row['relative']:.2e}",
                f"{row['maximum']:.2e}",
                f"{row['cosine']:.6f}",
                f"{row['sqnr_db']:.1f}",
                f"{row['bytes_per_token']:g}",
                f"{row['hbm_bytes']:,}",
                *(f"{row['by_source'][source]:.1e}" for source in sources),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = "".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )
    note = "* the machine cannot load this: OCP codes\n" if "*" in text else ""
    return (
        text
        + note
        + "Errors are relative L2 errors against float64; K ... O: that rounding alone.\n"
        "HBM bytes: Q, K, V read and O written once.\n"
    )


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "The error of attention under number format policies, where it arises, and the memory.",
        epilog="A policy is a preset (plena, mxfp8, mxfp4-kv, nvfp4-kv, bf16), with +ROLE=FORMAT "
        "and\n+smooth-keys, +rotate behind: nvfp4-kv+k=mxfp8-e4m3:32+rotate.\n"
        "known models: " + ", ".join(MODELS),
    )
    parser.add_argument(
        "--model",
        metavar="FILE|NAME",
        required=True,
        help="a HuggingFace-style config.json, or the name of a known model",
    )
    parser.add_argument(
        "--phase", choices=PHASES, default="prefill", help="all tokens as queries, or one"
    )
    parser.add_argument(
        "--layer", metavar="N", type=natural, help="the layer, from 0; needed where layers differ"
    )
    parser.add_argument("--seq", metavar="N", type=count, required=True, help="tokens")
    parser.add_argument("--batch", metavar="B", type=count, default=1, help="sequences (1)")
    parser.add_argument("--mask", choices=MASKS, help="by default what the model does")
    parser.add_argument(
        "--policy", metavar="POLICY", action="append", default=[], help="may be repeated"
    )
    parser.add_argument(
        "--rule",
        choices=("floor", "ceil", "rceil", "even"),
        default="rceil",
        help="how scales follow from their blocks (rceil)",
    )
    parser.add_argument("--machine", metavar="NAME|FILE.toml", default="plena-64")
    parser.add_argument(
        "--arg",
        metavar="FILE",
        action="append",
        default=[],
        help="queries, keys, values: .npy, or FILE.safetensors:NAME; random without",
    )
    parser.add_argument(
        "--data",
        choices=("normal", "outliers"),
        default="normal",
        help="what random data look like",
    )
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="of random data (0)")
    parser.add_argument(
        "--rows", metavar="N", type=count, default=128, help="query rows to compute (128)"
    )
    parser.add_argument("--plot", metavar="FILE.svg", help="where a plot goes")
    parser.add_argument("--json", metavar="FILE.json", help="where the figures go")
    return parser


if __name__ == "__main__":
    sys.exit(main())

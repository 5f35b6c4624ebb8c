"""ONNX's own conformance cases of Attention and FlexAttention, at three levels of this compiler.

python bench/onnx_conformance.py [--case TEXT] [--reasons] [--no-assembly]

Each case is the operator itself, not its expansion into smaller ones. *tensors*: the interpreter on
the imported module; *tiles*: the interpreter after tile, fuse and specialize-masks; both in
float32, at the tolerance that the case ships with. *assembly*: compiled, and simulated on plena-64
with plain bf16 everywhere; pooled relative L2 error at most 1.5e-2, NaN and infinities where
expected.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fa
import numpy as np
from fa.compiler import load_source
from fa.frontends.mlir import run_passes
from fa.machine import Trap

PRESET = Path(fa.__file__).parent / "machine" / "spec" / "presets" / "plena-64.toml"
TILED = "tile,fuse,specialize-masks"
OPERATORS = {"Attention": 93, "FlexAttention": 11}
"""How many cases onnx 1.23.2 ships for each operator."""

BFLOAT16_RTOL = 2**-6
"""What ONNX's test runner grants bf16 results: two units in the last place."""

ASSEMBLY_LIMIT = 1.5e-2


@dataclass(frozen=True)
class Case:
    """A model of one node with inputs and expected outputs."""

    name: str
    model: Any
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    rtol: float
    atol: float

    @property
    def node(self) -> Any:
        """The operator."""
        return self.model.graph.node[0]

    @property
    def constants(self) -> dict[str, Any]:
        """The inputs that must be known at compile time."""
        return {name: x for name, x in self._named() if name == "nonpad_kv_seqlen"}

    @property
    def arguments(self) -> list[Any]:
        """The inputs that are not."""
        constants = self.constants
        return [x for name, x in self._named() if name not in constants]

    def _named(self) -> list[tuple[str, Any]]:
        names = [info.name for info in self.model.graph.input]
        return list(zip(names, self.inputs, strict=True))

    def categories(self) -> list[str]:
        """The features that the case exercises."""
        attributes = {attribute.name for attribute in self.node.attribute}
        inputs = [*self.node.input, *[""] * 7]
        q, k = self.inputs[:2]
        heads = {a.name: a.i for a in self.node.attribute if a.name.endswith("num_heads")}
        if q.ndim == 4:
            heads = {"q_num_heads": q.shape[1], "kv_num_heads": k.shape[1]}
        holds = {
            "GQA": heads["q_num_heads"] != heads["kv_num_heads"],
            "masks": bool(inputs[3]),
            "causal": any(a.name == "is_causal" and a.i for a in self.node.attribute),
            "cache": bool(inputs[4]),
            "softcap": any(a.name == "softcap" and a.f for a in self.node.attribute),
            "ragged": bool(inputs[6]),
            "windows": bool(attributes & {"left_window_size", "right_window_size"}),
            "QK output": len(self.node.output) > 3,
            "fully masked": bool((self.outputs[0].astype(np.float32) == 0).all(axis=-1).any()),
            "score function": "score_mod" in attributes,
            "probability function": "prob_mod" in attributes,
            "float64": q.dtype == np.float64,
            "bf16": q.dtype.name == "bfloat16",
            "fp16": q.dtype == np.float16,
            "3-D": q.ndim == 3,
        }
        return [name for name, held in holds.items() if held]

    def difference(self, results: Sequence[Any]) -> str | None:
        """What is wrong with results in float32, None where they are within the tolerance.

        As in ONNX's test runner they are compared in the type of the model's outputs.
        """
        if len(results) != len(self.outputs):
            return f"{len(results)} results, expected {len(self.outputs)}"
        for number, (got, expected) in enumerate(zip(results, self.outputs, strict=True)):
            rtol = self.rtol
            if expected.dtype.name == "bfloat16":
                rtol = max(rtol, BFLOAT16_RTOL)
            want = expected.astype(np.float32)
            got = got.astype(expected.dtype).astype(np.float32)
            if got.shape != want.shape:
                return f"result {number} has shape {got.shape}, expected {want.shape}"
            close = np.isclose(got, want, rtol=rtol, atol=self.atol, equal_nan=True)
            if not close.all():
                return f"result {number} differs in {np.sum(~close)} of {close.size} elements"
        return None

    def pooled_error(self, results: Sequence[Any]) -> str | None:
        """What is wrong with results of the machine, None where they are near enough."""
        for number, (got, expected) in enumerate(zip(results, self.outputs, strict=True)):
            want = expected.astype(np.float64)
            finite = np.isfinite(want)
            if got.shape != want.shape or not np.array_equal(
                np.where(finite, 0, want), np.where(np.isfinite(got), 0, got), equal_nan=True
            ):
                return f"result {number} has NaN or infinities in other places"
            norm = float(np.linalg.norm(want[finite]))
            error = float(np.linalg.norm(got[finite] - want[finite])) / (norm or 1.0)
            if error > ASSEMBLY_LIMIT:
                return f"result {number} has a relative error above {ASSEMBLY_LIMIT}"
        return None


def collect() -> list[Case]:
    """The cases of both operators in operator form, in the order in which onnx lists them."""
    with warnings.catch_warnings():
        # Other operators' cases divide by zero and overflow on purpose.
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    return [
        Case(case.name, case.model, *case.data_sets[0], case.rtol, case.atol)
        for case in found
        if case.name.startswith(("test_attention_", "test_flexattention"))
        and "_expanded" not in case.name
    ]


def tensors(case: Case) -> str | None:
    """What the interpreter makes of the imported module; None: what is expected."""
    return case.difference(
        fa.interpret(case.model, case.arguments, round=False, constants=case.constants)
    )


def tiles(case: Case) -> str | None:
    """What the interpreter makes of the fused, tiled module."""
    module = load_source(case.model, case.constants)
    run_passes(module, TILED)
    return case.difference(fa.interpret(module, case.arguments, round=False))


def bf16_machine(directory: Path) -> Path:
    """A settings file: plena-64 with every HBM tensor of floats in plain bf16."""
    plain = (
        '[TRANSACTIONAL.PRECISION.{0}]\nformat = "Plain"\n'
        '[TRANSACTIONAL.PRECISION.{0}.DATA_TYPE]\ntype = "Fp"\nsign = true\n'
        "exponent = 8\nmantissa = 7\n\n"
    )
    blocks = re.split(r"(?m)^(?=\[TRANSACTIONAL\.\w+\.\w+\])", PRESET.read_text())
    replaced = [
        plain.format(block.split("]")[0].split(".")[-1]) if 'format = "Mx"' in block else block
        for block in blocks
    ]
    path = directory / "plena-64-bf16.toml"
    path.write_text("".join(replaced))
    return path


def assembly(case: Case, machine: Path) -> str | None:
    """What the simulator makes of the compiled kernel."""
    kernel = fa.compile(case.model, machine=machine, constants=case.constants)
    return case.pooled_error(kernel.run(*case.arguments).outputs)


def attempt(level: Callable[[Case], str | None], case: Case) -> str | None:
    """The reason why a case fails at a level, in one line; None where it passes."""
    try:
        return level(case)
    except fa.CompileError as error:
        return error.message
    except Trap as trap:
        return f"trap: {trap}"


def table(cases: Sequence[Case], failures: dict[str, dict[str, str | None]]) -> str:
    """Passed of all, by operator and within it by category."""
    levels = list(failures)
    lines = [f"{'':<26}{'cases':>7}" + "".join(f"{level:>12}" for level in levels)]

    def row(name: str, group: Sequence[Case]) -> None:
        counts = [sum(failures[level][case.name] is None for case in group) for level in levels]
        cells = "".join(f"{count:>12}" for count in counts)
        lines.append(f"{name:<26}{len(group):>7}{cells}")

    for operator in OPERATORS:
        own = [case for case in cases if case.node.op_type == operator]
        row(operator, own)
        features = Counter(name for case in own for name in case.categories())
        for name, _ in features.most_common():
            row(f"  {name}", [case for case in own if name in case.categories()])
    return "\n".join(lines)


def reasons(failures: dict[str, dict[str, str | None]], each: bool) -> str:
    """Why cases fail: how often each reason occurs, or every case with its own."""
    lines: list[str] = []
    for level, results in failures.items():
        failed = {name: reason for name, reason in results.items() if reason is not None}
        if not failed:
            continue
        lines.append(f"\nnot passed, {level}:")
        if each:
            lines += [f"  {name}: {reason}" for name, reason in failed.items()]
        else:
            counts = Counter(failed.values()).most_common()
            lines += [f"  {count:>4}  {reason}" for reason, count in counts]
    return "\n".join(lines)


def main() -> int:
    """Print the table; status 1 where a case fails on tensors or the set is not the known one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", default="", help="only cases with this text in their name")
    parser.add_argument("--reasons", action="store_true", help="the reason of every case")
    parser.add_argument("--no-assembly", action="store_true", help="leave out the simulator")
    args = parser.parse_args()
    cases = [case for case in collect() if args.case in case.name]
    with tempfile.TemporaryDirectory() as directory:
        machine = bf16_machine(Path(directory))
        runs: dict[str, Callable[[Case], str | None]] = {"tensors": tensors, "tiles": tiles}
        if not args.no_assembly:
            runs["assembly"] = lambda case: assembly(case, machine)
        failures = {
            level: {case.name: attempt(run, case) for case in cases} for level, run in runs.items()
        }
    print(table(cases, failures))
    if text := reasons(failures, args.reasons):
        print(text)
    counts = Counter(case.node.op_type for case in cases)
    if not args.case and counts != OPERATORS:
        print(f"\nexpected {OPERATORS}, found {dict(counts)}", file=sys.stderr)
        return 1
    return int(any(failures["tensors"].values()))


if __name__ == "__main__":
    sys.exit(main())

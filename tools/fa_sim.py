"""fa-sim: run a compiled kernel on the instruction simulator."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..diagnostics import CompileError
from .driver import (
    ToolParser,
    check_writable,
    run_tool,
    write_directory,
    write_text,
)
from .progress import ProgressBar

if TYPE_CHECKING:
    from ..compiler import Kernel, Run
    from .arrays import Array

TOOL = "fa-sim"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-sim`; the exit status."""
    return run_tool(TOOL, lambda: _simulate(arguments))


def _simulate(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    # What cannot be written is better known before a long simulation than after it.
    for path in (*args.out, *([args.stats] if args.stats not in (None, "-") else [])):
        check_writable(path)
    if args.dump_dir is not None and not os.path.isdir(args.dump_dir):
        check_writable(args.dump_dir)

    # numpy is only loaded when there is something to compute.
    from ..compiler import Kernel
    from ..machine import Trap
    from .arrays import load_array, save_array

    kernel = Kernel.load(args.directory)
    results = kernel.layout.results()
    if len(args.out) > len(results):
        raise CompileError(
            f"the kernel has {len(results)} results, but --out is given {len(args.out)} times"
        )
    values = [load_array(path) for path in args.arg] if args.arg else _zeros(kernel)
    try:
        with ProgressBar("simulating") as progress:
            run = kernel.run(*values, progress=progress, hbm_time=args.hbm_time)
    except Trap as trap:
        raise CompileError(f"the machine stops: {trap}", args.directory) from trap
    for path, output in zip(args.out, run.outputs, strict=False):
        save_array(path, output)
    if args.dump_dir is not None:
        _dump(run, kernel.layout.hbm_bytes, args.dump_dir)
    stats = statistics(run)
    if args.stats is not None:
        write_text(args.stats, json.dumps(stats, indent=2) + "\n")
    if args.stats != "-":
        write_text(None, "".join(f"{key}: {stats[key]}\n" for key in stats if key != "per_opcode"))


def _zeros(kernel: Kernel) -> list[Array]:
    """Arguments of zeros: what a kernel executes does not depend on its data."""
    import numpy as np

    return [np.zeros(shape, np.float32) for shape in kernel.argument_shapes]


def statistics(run: Run) -> dict[str, int | Mapping[str, Mapping[str, int]]]:
    """What `--stats` holds: cycles, instructions, HBM bytes, and all of it for each mnemonic."""
    return {
        "cycles": run.cycles,
        "instructions": run.instructions,
        "hbm_bytes_read": run.hbm_bytes_read,
        "hbm_bytes_written": run.hbm_bytes_written,
        "per_opcode": run.per_opcode,
    }


def _dump(run: Run, hbm_bytes: int, directory: str) -> None:
    """Write the state after the run: one `.npy` file for each memory and register bank.

    Of HBM only the `hbm_bytes` that the kernel uses.
    """
    import numpy as np

    state = run.simulator

    def write(folder: str) -> None:
        for name in ("vector", "matrix", "fp", "int", "gp", "f", "a"):
            np.save(os.path.join(folder, f"{name}.npy"), getattr(state, name))
        np.save(os.path.join(folder, "hbm.npy"), state.hbm[:hbm_bytes])

    write_directory(directory, write)


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "Run a compiled kernel on the instruction simulator.",
        epilog="Without --arg every argument is zero, which takes the same instructions and time.",
    )
    parser.add_argument("directory", metavar="DIR", help="what fa-compile wrote")
    parser.add_argument(
        "--arg",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="an argument of the kernel, in their order; - is standard input",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="where a result goes, in their order, as float32",
    )
    parser.add_argument(
        "--stats",
        metavar="FILE.json",
        help="where cycles, instructions, HBM bytes and the figures of each opcode go",
    )
    parser.add_argument(
        "--dump-dir", metavar="DIR", help="where the memories and registers go, as .npy files"
    )
    parser.add_argument(
        "--hbm-time",
        choices=("exact", "none"),
        default="exact",
        help="model the memory device (exact), or let transfers take no time (none)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

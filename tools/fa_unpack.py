"""fa-unpack: results of a kernel, or its arguments as stored, out of an HBM image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..diagnostics import CompileError
from .support.driver import ToolParser, check_files, read_bytes, run_tool, write_text

if TYPE_CHECKING:
    from ..compiler import Kernel
    from .support.arrays import Array

TOOL = "fa-unpack"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-unpack`; the exit status."""
    return run_tool(TOOL, lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    check_files([*args.out, args.tensors])

    from ..compiler import Kernel
    from .support.arrays import describe, save_array
    from .support.tensor_files import save_tensors

    kernel = Kernel.load(args.directory)
    found = _unpack(kernel, _image(kernel, args.image), args.arguments)
    if len(args.out) > len(found):
        what = "arguments in HBM" if args.arguments else "results"
        raise CompileError(
            f"the kernel has {len(found)} {what}, but --out is given {len(args.out)} times"
        )
    for path, array in zip(args.out, found.values(), strict=False):
        save_array(path, array)
    if args.tensors is not None:
        save_tensors(args.tensors, found)
    if not args.out and args.tensors is None:
        shown = [f"{name}: {describe(array)}\n" for name, array in found.items()]
        write_text(None, "".join(shown))


def _unpack(kernel: Kernel, image: bytes, arguments: bool) -> dict[str, Array]:
    """Results, or the arguments that are in HBM, by name, as float32."""
    import numpy as np

    if not arguments:
        values = kernel.unpack(image)
        return {f"result{number}": array for number, array in enumerate(values)}
    from ..machine.host.hbm_image import as_argument, unpack

    data = np.frombuffer(image, np.uint8)
    found: dict[str, np.ndarray] = {}
    for region in kernel.layout.regions:
        if region.role == "argument":
            tensor = kernel.layout.signature[region.index]
            values = as_argument(region, tensor, data)  # pyright: ignore
            found[region.name] = unpack(region, data) if values is None else values  # pyright: ignore
    return found


def _image(kernel: Kernel, path: str) -> bytes:
    """The image in a file: packed, plain bytes, or an `.npy` file of uint8 (a memory dump).

    Raises CompileError for another kernel's, another version's or another length.
    """
    from ..machine.host.image_file import HEADER_BYTES, check_header
    from ..machine.host.layout import LayoutError
    from .support.tensor_files import load_bytes

    dump = load_bytes(path)
    data = read_bytes(path) if dump is None else dump
    if len(data) == kernel.layout.hbm_bytes:
        return data
    if dump is not None:
        raise CompileError(
            f"'{path}' holds {len(data)} bytes, and this kernel's data {kernel.layout.hbm_bytes}"
        )
    try:
        check_header(
            data[:HEADER_BYTES],
            kernel.layout,  # pyright: ignore[reportArgumentType]
            len(data),
            path,
        )
    except LayoutError as error:
        raise CompileError(str(error)) from None
    return data[HEADER_BYTES:]


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "Read the results of a kernel out of an HBM image, with their padding removed and decoded "
        "to float32. Without --out and --tensors they are printed.",
    )
    parser.add_argument("directory", metavar="DIR", help="what fa-compile wrote")
    parser.add_argument(
        "image", metavar="IMAGE", help="a packed image, its plain bytes, or a dump (hbm.npy)"
    )
    parser.add_argument(
        "--arguments", action="store_true", help="the arguments as stored, instead of the results"
    )
    parser.add_argument(
        "--out",
        metavar="FILE.npy",
        action="append",
        default=[],
        help="where a result goes, in their order",
    )
    parser.add_argument(
        "--tensors", metavar="FILE.safetensors", help="where all of them go, by name"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""fa-pack: arguments of a kernel into an HBM image, and new tokens into one that is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..diagnostics import CompileError
from ..output_files import unwritable
from .support.driver import ToolParser, check_writable, run_tool, write_file
from .support.numbers import natural

if TYPE_CHECKING:
    from ..compiler import Kernel
    from .support.tensor_files import Argument

TOOL = "fa-pack"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `fa-pack`; the exit status."""
    return run_tool(TOOL, lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    if args.append:
        if args.arg or args.tensors or args.output is not None or args.raw:
            raise CompileError("--append changes the image --into; it goes without other options")
        if args.into is None or args.at is None:
            raise CompileError("--append needs --at N and --into IMAGE")
        _append(args.directory, args.into, args.append, args.at)
        return
    if args.into is not None or args.at is not None:
        raise CompileError("--into and --at go with --append; a new image is named by -o")
    if args.output is None:
        raise CompileError("the following arguments are required: -o/--output")
    check_writable(args.output)
    _pack(args.directory, args.arg, args.tensors, args.output, args.raw)


def _pack(
    directory: str, paths: Sequence[str], tensors: Sequence[str], output: str, raw: bool
) -> None:
    """Write a new image."""
    from ..compiler import Kernel
    from ..machine.host.image_file import header
    from .support.tensor_files import load_value

    kernel = Kernel.load(directory)
    if tensors and paths:
        raise CompileError("give the arguments by --arg or by --tensors, not by both")
    values = _named(kernel, tensors) if tensors else [load_value(path) for path in paths]
    image = kernel.pack(*values)

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            if not raw:
                file.write(header(kernel.layout))  # pyright: ignore[reportArgumentType]
            file.write(image)

    write_file(output, write)


def _named(kernel: Kernel, paths: Sequence[str]) -> list[Argument]:
    """The arguments by their names in the kernel's signature, from the files of tensors."""
    from .support.tensor_files import load_tensors, value_of

    found: dict[str, Argument] = {}
    for path in paths:
        found |= {name: value_of(array) for name, array in load_tensors(path).items()}
    names = [tensor.name for tensor in kernel.layout.signature]
    missing = [name for name in names if name not in found]
    if missing:
        raise CompileError(
            f"no tensor for argument {missing[0]}; the files have {', '.join(found) or 'none'}"
        )
    return [found[name] for name in names]


def _append(directory: str, image: str, pieces: Sequence[str], at: int) -> None:
    """Write new tokens into an image, all of them or none."""
    import numpy as np

    from ..compiler import Kernel
    from ..machine.host.image_file import HEADER_BYTES
    from .support.arrays import Array
    from .support.tensor_files import load_value

    kernel = Kernel.load(directory)
    values: list[tuple[str, Array]] = []
    for piece in pieces:
        name, equals, path = piece.partition("=")
        if not equals:
            raise CompileError(f"--append takes NAME=FILE, got '{piece}'")
        value = load_value(path)
        if not isinstance(value, np.ndarray):
            raise CompileError(f"'{path}' must hold values, which are quantized here")
        kernel.check_append(name, value.shape, at)
        values.append((name, value))
    offset = HEADER_BYTES if _has_header(kernel, image) else 0
    try:
        mapped = np.memmap(image, np.uint8, "r+", offset=offset)
    except OSError as error:
        raise unwritable(image, error) from None
    for name, value in values:
        kernel.append(mapped, name, value, at)
    mapped.flush()


def _has_header(kernel: Kernel, path: str) -> bool:
    """Whether an image of this kernel has a header; one without is known by its length.

    Raises CompileError where it is neither.
    """
    import os

    from ..machine.host.image_file import HEADER_BYTES, check_header
    from ..machine.host.layout import LayoutError

    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            data = file.read(HEADER_BYTES)
    except OSError as error:
        raise CompileError(f"cannot read '{path}': {error.strerror}") from None
    if size == kernel.layout.hbm_bytes:
        return False
    try:
        check_header(data, kernel.layout, size, path)  # pyright: ignore[reportArgumentType]
    except LayoutError as error:
        raise CompileError(str(error)) from None
    return True


def _parser() -> ToolParser:
    parser = ToolParser(
        TOOL,
        "Pack arguments of a compiled kernel into an HBM image: quantized, padded, each where the "
        "layout has it. With --append write new tokens of a KV cache into an image in place.",
    )
    parser.add_argument("directory", metavar="DIR", help="what fa-compile wrote")
    parser.add_argument(
        "--arg",
        metavar="FILE",
        action="append",
        default=[],
        help="an argument, in their order: FILE.npy or FILE.safetensors:NAME",
    )
    parser.add_argument(
        "--tensors",
        metavar="FILE.safetensors",
        action="append",
        default=[],
        help="a file with the arguments by name",
    )
    parser.add_argument("-o", "--output", metavar="IMAGE", help="the image to write")
    parser.add_argument(
        "--raw", action="store_true", help="write the plain bytes from HBM address 0, no header"
    )
    parser.add_argument(
        "--append",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="new tokens [batch, heads, tokens, dim] of the argument NAME",
    )
    parser.add_argument("--into", metavar="IMAGE", help="the image to append to")
    parser.add_argument("--at", metavar="N", type=natural, help="the token from which on to append")
    return parser


if __name__ == "__main__":
    sys.exit(main())

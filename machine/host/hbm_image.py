"""The host's side of a kernel: arrays into HBM as a layout has it, and back."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ..numerics import mx_blocks
from ..numerics.center_rotate import as_dtype, prepare
from .layout import Layout, LayoutError, Region, Storage, Tensor
from .recipe import Leaf, evaluate, leaves
from .recipe_inverse import is_arranged, is_moved, sources, taken_back

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Value: TypeAlias = "NDArray[np.floating] | mx_blocks.Blocks | bytes"
"""What an argument can be: values; or for one whose type is a storage form, that form as blocks or
as the bytes of `Blocks.to_bytes`."""


def prepared(values: NDArray[np.floating], region: Region) -> Array:
    """Values of an argument as they are quantized: rounded to its type, centred, rotated."""
    result = as_dtype(values, region.dtype)
    for step in region.prepare:
        result = prepare(result, step.step, step.value, step.dtype)
    return result


def _whole(values: NDArray[Any]) -> bool:
    """Whether an array is of whole numbers, in whatever type of numbers."""
    if values.dtype.kind in "iu":
        return True
    return values.dtype.kind == "f" and np.array_equal(values, np.round(values))


def argument(value: Value, tensor: Tensor) -> NDArray[np.floating] | mx_blocks.Blocks:
    """An argument checked against what the kernel's signature says of it.

    Raises LayoutError where shape, form or length differ.
    """
    if tensor.storage is None:
        if isinstance(value, mx_blocks.Blocks | bytes):
            raise LayoutError(f"argument {tensor.name} is plain {tensor.dtype}; give its values")
        _check_shape(value.shape, tensor)
        # Formats of numbers that numpy does not have are types that a library has added.
        if value.dtype.kind not in "fiub" and value.dtype.isbuiltin != 2:
            raise LayoutError(
                f"argument {tensor.name} holds {value.dtype}, which are no numbers here"
            )
        if tensor.dtype == "i32" and not _whole(value):
            raise LayoutError(f"argument {tensor.name} holds integers, got {value.tolist()}")
        return value
    if isinstance(value, bytes):
        s = tensor.storage
        try:
            return mx_blocks.from_bytes(
                value, tensor.shape, s.element, s.block, scale=s.scale, variant=s.variant
            )
        except ValueError as error:
            raise LayoutError(f"argument {tensor.name}: {error}") from None
    if not isinstance(value, mx_blocks.Blocks):
        raise LayoutError(
            f"argument {tensor.name} is stored as {tensor.storage}; give mx.Blocks or their bytes, "
            "or compile with boundary=values"
        )
    _check_shape(value.codes.shape, tensor)
    have = (value.fmt, value.scale, value.block, value.variant)
    want = tensor.storage
    if have != (want.element, want.scale, want.block, want.variant):
        raise LayoutError(
            f"argument {tensor.name} is stored as {want} ({want.variant}), got "
            f"{value.fmt}/{value.scale} x {value.block} ({value.variant})"
        )
    if value.axis % value.codes.ndim != value.codes.ndim - 1:
        raise LayoutError(f"argument {tensor.name} has its blocks along the last axis")
    return value


def _check_shape(shape: tuple[int, ...], tensor: Tensor) -> None:
    if shape != tensor.shape:
        raise LayoutError(f"argument {tensor.name} must have shape {tensor.shape}, got {shape}")


def pack(value: NDArray[np.floating] | mx_blocks.Blocks, region: Region, hbm: Bytes) -> None:
    """Write a tensor (of the region's shape) into an HBM image, elements and scales.

    Padding is not written: an image starts as zeros. Raises LayoutError where the shape differs.
    """
    shape = value.codes.shape if isinstance(value, mx_blocks.Blocks) else value.shape
    if shape != region.shape:
        raise LayoutError(f"{region.name} has shape {region.shape}, got {shape}")
    if region.line_rows:
        raise LayoutError(f"{region.name} is a result; nothing is written into it")
    if not isinstance(value, mx_blocks.Blocks):
        value = prepared(value, region)
    _place(value, region, hbm, 0)


def put(layout: Layout, region: Region, value: Value, hbm: Bytes) -> None:
    """Write the argument that a region is made of, in place; padding stays as it is.

    Raises LayoutError where the shape differs, or the region is made of other arguments as well.
    """
    checked = argument(value, layout.signature[region.index])
    used = set(leaves(region.recipe, "argument")) if region.recipe else {region.index}
    if used != {region.index}:
        raise LayoutError(f"{region.name} is made of several arguments; pack them again")

    def leaf(_: Leaf, index: int) -> Array:
        if isinstance(checked, mx_blocks.Blocks):
            raise LayoutError(f"argument {layout.signature[index].name} must be given as values")
        return as_dtype(checked, layout.signature[index].dtype)

    made = np.ascontiguousarray(evaluate(region.recipe, leaf)) if region.recipe else checked
    pack(made, region, hbm)


def append(
    values: NDArray[np.floating], region: Region, shape: tuple[int, ...], hbm: Bytes, at: int
) -> None:
    """Write rows of a packed argument of `shape`, from row `at` on, in place: new tokens.

    `values` has that shape but for the number of rows. Blocks that lie along rows belong to one
    token each; where an argument is stored transposed, tokens share blocks, and those of a block
    that takes a new one are quantized again from their stored values. Raises LayoutError, before
    anything is written, where the rows do not fit or the shape differs.
    """
    check_append(values.shape, region, shape, at)
    if not region.recipe:
        _place(prepared(values, region), region, hbm, at)
        return
    rows = np.zeros(shape, np.bool_)
    rows[..., at : at + values.shape[-2], :] = True
    numbers = sources(region.recipe, shape)
    new = (numbers > 0) & rows.reshape(-1)[numbers - 1]
    given = np.zeros(shape, np.float32)
    given[..., at : at + values.shape[-2], :] = as_dtype(values, region.dtype)
    merged = unpack(region, hbm)
    merged[new] = given.reshape(-1)[numbers[new] - 1]
    if not region.storage.scaled:
        _place(merged, region, hbm, 0)
        return
    blocks, made = unpack_blocks(region, hbm), quantized(merged, region.storage)
    touched = new.nonzero()
    size = region.storage.block
    for offset in range(size):
        # Every element of the blocks that hold a new one.
        column = touched[-1] // size * size + offset
        inside = column < blocks.codes.shape[-1]
        place = (*(axis[inside] for axis in touched[:-1]), column[inside])
        blocks.codes[place] = made.codes[place]
    scale_place = (*touched[:-1], touched[-1] // size)
    blocks.scales[scale_place] = made.scales[scale_place]
    _place(blocks, region, hbm, 0)


def check_append(rows: tuple[int, ...], region: Region, shape: tuple[int, ...], at: int) -> None:
    """Raise LayoutError unless rows of that shape can be written from row `at` on."""
    *outer, length, width = shape
    if len(rows) != len(shape) or (*rows[:-2], rows[-1]) != (*outer, width):
        expected = ", ".join(map(str, (*outer, "tokens", width)))
        raise LayoutError(f"{region.name} takes rows of shape ({expected}), got {rows}")
    if at < 0 or at + rows[-2] > length:
        raise LayoutError(
            f"cache overflow: {region.name} holds {length} tokens, and {rows[-2]} from {at} on "
            f"end at {at + rows[-2]}; compile for a longer cache"
        )
    if region.recipe and not (is_arranged(region.recipe) and is_moved(region.recipe)):
        raise LayoutError(
            f"{region.name} is computed by the host from what it is given; pack it again to append"
        )
    if any(step.step == "center" for step in region.prepare):
        raise LayoutError(
            f"{region.name} is stored less its mean over all tokens, which new ones change; "
            "compile without smooth-keys to append"
        )


def quantized(values: Array, storage: Storage) -> mx_blocks.Blocks:
    """Values in blocks along the last axis, as a storage format has them."""
    return mx_blocks.quantize(
        values,
        storage.element,
        storage.block,
        scale=storage.scale,
        rule=storage.rule,
        variant=storage.variant,
        rounding=storage.rounding,
    )


def _place(value: Array | mx_blocks.Blocks, region: Region, hbm: Bytes, at: int) -> None:
    """Elements and scales of whole rows from row `at` on, quantized where they are values."""
    storage = region.storage
    elements, scales = _views(region, hbm)
    if not storage.scaled:
        assert not isinstance(value, mx_blocks.Blocks)
        raw = value.astype(ml_dtypes.bfloat16).view(np.uint8)
        _fill(elements, raw, region.width * storage.element_bytes, at)
        return
    if not isinstance(value, mx_blocks.Blocks):
        value = quantized(value, storage)
    assert scales is not None
    _fill(elements, value.codes, region.width, at)
    _fill(scales, value.scales, region.width // storage.block, at)


def _views(region: Region, hbm: Bytes) -> tuple[Bytes, Bytes | None]:
    """A region's elements and scales in an image, as [groups, rows, panels, bytes]."""
    storage = region.storage
    raw = hbm[region.base : region.base + region.element_bytes]
    panels = (prod(region.outer), region.rows, region.panels)
    elements = raw.reshape(*panels, region.pitch * storage.element_bytes)
    if not storage.scaled:
        return elements, None
    codes = hbm[region.scale_base : region.scale_base + region.scale_bytes]
    return elements, codes.reshape(*panels, region.pitch // storage.block)


def _fill(view: Bytes, data: Bytes, width: int, at: int) -> None:
    """Write rows [..., rows, bytes] into panels of `width` bytes each, from row `at` on."""
    rows, columns = data.shape[-2:]
    data = data.reshape(-1, rows, columns)
    for panel in range(-(-columns // width)):
        part = data[..., panel * width : (panel + 1) * width]
        view[:, at : at + rows, panel, : part.shape[-1]] = part


def _gather(view: Bytes, region: Region, width: int, columns: int) -> Bytes:
    """Rows [..., rows, bytes] of a region's shape out of panels of `width` bytes each."""
    whole = np.ascontiguousarray(view[..., :width]).reshape(*view.shape[:2], -1)
    rows = region.shape[-2]
    return np.ascontiguousarray(whole[:, :rows, :columns]).reshape(*region.shape[:-1], columns)


def read_bytes(region: Region, size: int) -> NDArray[np.bool_]:
    """Which bytes of an image of `size` bytes hold elements that `unpack` reads; no padding.

    Of a block that holds some, all elements: they share a scale.
    """
    mask = np.zeros(size, np.uint8)
    elements, _ = _views(region, mask)
    unit, block = region.storage.element_bytes, region.storage.block if region.storage.scaled else 1
    rows = 1 if region.line_rows else region.shape[-2]
    values = min(region.line_rows or region.shape[-1], region.shape[-1])
    columns = -(-values // block) * block * unit
    ones = np.ones((len(elements), rows, columns), np.uint8)
    _fill(elements, ones, region.width * unit, 0)
    return mask != 0


def unpack_blocks(region: Region, hbm: Bytes) -> mx_blocks.Blocks:
    """A block-scaled region of an HBM image as codes and scales, without its padding."""
    storage = region.storage
    elements, scales = _views(region, hbm)
    assert scales is not None
    columns = region.shape[-1]
    return _as_blocks(
        _gather(elements, region, region.width, columns),
        _gather(scales, region, region.width // storage.block, -(-columns // storage.block)),
        storage,
    )


def unpack(region: Region, hbm: Bytes) -> Array:
    """Read a region of an HBM image back, without its padding, as float32 of the region's shape."""
    storage = region.storage
    if region.line_rows:
        return _unpack_lines(region, hbm)
    if storage.scaled:
        return mx_blocks.dequantize(unpack_blocks(region, hbm))
    size = storage.element_bytes
    raw = _gather(_views(region, hbm)[0], region, region.width * size, region.shape[-1] * size)
    return raw.view(ml_dtypes.bfloat16).astype(np.float32)


def _unpack_lines(region: Region, hbm: Bytes) -> Array:
    """The values of a region that has one for each row of tiles."""
    storage = region.storage
    elements, scales = _views(region, hbm)
    size = storage.element_bytes
    first = np.ascontiguousarray(elements[:, 0, :, : region.width * size])
    if scales is not None:
        codes = np.ascontiguousarray(scales[:, 0, :, : region.width // storage.block])
        values = mx_blocks.dequantize(_as_blocks(first, codes, storage))
    else:
        values = first.view(ml_dtypes.bfloat16).astype(np.float32)
    values = values.reshape(len(values), -1)[:, : region.line_rows]
    lines = values.reshape(*region.outer[:-1], -1)
    return np.ascontiguousarray(lines[..., : region.shape[-1]])


def _as_blocks(codes: Bytes, scales: Bytes, storage: Storage) -> mx_blocks.Blocks:
    return mx_blocks.Blocks(
        codes,
        scales,
        storage.element,
        storage.block,
        -1,
        storage.scale,
        storage.variant,
        np.float32(1),
    )


def image(layout: Layout, args: list[Value]) -> Bytes:
    """An HBM image with arguments and constants in place, everything else zero.

    Raises LayoutError where an argument does not fit.
    """
    if len(args) != len(layout.signature):
        raise LayoutError(f"the kernel takes {len(layout.signature)} arguments, got {len(args)}")
    checked = [argument(arg, tensor) for arg, tensor in zip(args, layout.signature, strict=True)]

    def leaf(kind: Leaf, index: int) -> Array:
        value = checked[index]
        if kind != "argument" or isinstance(value, mx_blocks.Blocks):
            raise LayoutError(f"argument {layout.signature[index].name} must be given as values")
        return as_dtype(value, layout.signature[index].dtype)

    hbm = np.zeros(layout.hbm_bytes, np.uint8)
    for index, regions in layout.arguments().items():
        for region in regions:
            made = checked[index]
            if region.recipe:
                made = np.ascontiguousarray(evaluate(region.recipe, leaf))
            pack(made, region, hbm)
    for region in layout.constants():
        pack(np.ascontiguousarray(evaluate(region.recipe, leaf)), region, hbm)
    return hbm


def integers(layout: Layout, args: Sequence[Value]) -> tuple[int, ...]:
    """What INT_MEM holds before a run on arguments, from entry 0 on: constants and lengths.

    Raises LayoutError for lengths that there cannot be.
    """
    given: dict[int, list[int]] = {}
    for each in layout.lengths:
        value = argument(args[each.argument], layout.signature[each.argument])
        assert isinstance(value, np.ndarray)
        given[each.argument] = [int(length) for length in value]
    return layout.integers(given)


def stored(layout: Layout, hbm: Bytes, args: list[NDArray[np.floating]]) -> list[Array]:
    """The arguments as an image holds them, in their own shapes.

    One that no tile is loaded from, or that the host computes on, is `args` in its interface type.
    """
    placed = layout.arguments()
    result: list[Array] = []
    for index, (arg, tensor) in enumerate(zip(args, layout.signature, strict=True)):
        if index in placed and (read := as_argument(placed[index][0], tensor, hbm)) is not None:
            result.append(read)
        else:
            plain = tensor.dtype == "i32"
            result.append(arg.astype(np.float32) if plain else as_dtype(arg, tensor.dtype))
    return result


def as_argument(region: Region, tensor: Tensor, hbm: Bytes) -> Array | None:
    """An argument as an image holds it, in its own shape; None where the host computed on it."""
    values = unpack(region, hbm)
    if not region.recipe:
        return values
    if is_arranged(region.recipe):
        return taken_back(values, region.recipe, tensor.shape)
    return None


def outputs(layout: Layout, hbm: Bytes) -> list[Array]:
    """The results in an HBM image, in order, as float32."""

    def leaf(kind: Leaf, index: int) -> Array:
        if kind != "region":
            raise LayoutError("a result is made of what lies in HBM")
        return unpack(layout.regions[index], hbm)

    return [np.ascontiguousarray(evaluate(recipe, leaf)) for recipe in layout.outputs]


def check_promises(layout: Layout, hbm: Bytes, args: list[NDArray[np.floating]] | None) -> None:
    """Check that the arguments in an image keep what a kernel was promised.

    `args` are those that it was made of, for arguments that the host computes on; without them such
    arguments cannot be checked. Raises LayoutError with what breaks a promise.
    """
    if not layout.promises:
        return
    placed = layout.arguments()

    def leaf(_: Leaf, index: int) -> Array:
        tensor = layout.signature[index]
        read = as_argument(placed[index][0], tensor, hbm) if index in placed else None
        if read is not None:
            return read
        if args is None:
            raise LayoutError(
                f"the kernel is right for some data only, and what the host computes of "
                f"{tensor.name} does not say whether this is such; pack all arguments again"
            )
        return as_dtype(args[index], tensor.dtype)

    for promise in layout.promises:
        broken = promise.broken(leaf)
        if broken is not None:
            raise LayoutError(broken)

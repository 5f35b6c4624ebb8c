"""The host's side of a kernel: arrays into HBM as a layout has it, and back."""

from __future__ import annotations

from math import prod

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from . import mx
from .layout import Layout, LayoutError, Region

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def as_dtype(values: NDArray[np.floating], dtype: str) -> Array:
    """Values rounded to an interface type (bf16, f16 or f32), as float32."""
    with np.errstate(over="ignore"):
        if dtype == "bf16":
            return values.astype(ml_dtypes.bfloat16).astype(np.float32)
        if dtype == "f16":
            return values.astype(np.float16).astype(np.float32)
        return values.astype(np.float32)


def padded(values: Array, region: Region) -> Array:
    """Values in the storage's shape [groups, rows, panels * width], zeros where padding is."""
    width = region.panels * region.width
    out = np.zeros((prod(region.outer), region.rows, width), np.float32)
    rows, cols = region.shape[-2:]
    out[:, :rows, :cols] = values.reshape(-1, rows, cols)
    return out


def pack(values: Array, region: Region, hbm: Bytes) -> None:
    """Write `values` (of the region's shape) into an HBM image, elements and scales.

    Raises LayoutError where the shape differs from the region's.
    """
    if values.shape != region.shape:
        raise LayoutError(f"{region.name} has shape {region.shape}, got {values.shape}")
    if region.line_rows:
        raise LayoutError(f"{region.name} is a result; nothing is written into it")
    blocks = padded(as_dtype(values, region.dtype), region)
    shaped = (*blocks.shape[:2], region.panels, region.width)
    elements = np.zeros((*shaped[:3], region.pitch * region.storage.element_bytes), np.uint8)
    used = region.width * region.storage.element_bytes
    if region.storage.scaled:
        coded = mx.quantize(
            blocks,
            region.storage.element,
            block=region.storage.block,
            scale=region.storage.scale,
            variant=region.storage.variant,
        )
        elements[..., :used] = coded.codes.reshape(shaped)
        per_panel = region.width // region.storage.block
        scales = np.zeros((*shaped[:3], region.pitch // region.storage.block), np.uint8)
        scales[..., :per_panel] = coded.scales.reshape(*shaped[:3], per_panel)
        start = region.base + region.scale_offset
        hbm[start : start + region.scale_bytes] = scales.reshape(-1)
    else:
        plain = blocks.astype(ml_dtypes.bfloat16).view(np.uint8)
        elements[..., :used] = plain.reshape(*shaped[:3], used)
    hbm[region.base : region.base + region.element_bytes] = elements.reshape(-1)


def unpack(region: Region, hbm: Bytes) -> Array:
    """Read a region of an HBM image back, without its padding, as float32 of the region's shape."""
    raw = hbm[region.base : region.base + region.element_bytes]
    size = region.storage.element_bytes
    shaped = (prod(region.outer), region.rows, region.panels, region.pitch * size)
    elements = np.ascontiguousarray(raw.reshape(shaped)[..., : region.width * size])
    if region.storage.scaled:
        start = region.base + region.scale_offset
        scales = hbm[start : start + region.scale_bytes].reshape(
            *shaped[:3], region.pitch // region.storage.block
        )[..., : region.width // region.storage.block]
        storage = region.storage
        blocks = mx.Blocks(
            elements,
            np.ascontiguousarray(scales),
            storage.element,
            storage.block,
            -1,
            storage.scale,
            storage.variant,
            np.float32(1),
        )
        values = mx.dequantize(blocks)
    else:
        values = elements.view(ml_dtypes.bfloat16).astype(np.float32)
    values = values.reshape(*shaped[:2], region.panels * region.width)
    if region.line_rows:
        lines = values[:, 0, : region.line_rows].reshape(*region.outer[:-1], -1)
        return np.ascontiguousarray(lines[..., : region.shape[-1]])
    rows, cols = region.shape[-2:]
    return np.ascontiguousarray(values[:, :rows, :cols]).reshape(region.shape)


def image(layout: Layout, args: list[Array]) -> Bytes:
    """An HBM image with the arguments in place, everything else zero."""
    hbm = np.zeros(layout.hbm_bytes, np.uint8)
    for index, regions in layout.arguments().items():
        for region in regions:
            pack(args[index], region, hbm)
    return hbm

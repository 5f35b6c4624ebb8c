"""The report of a compilation: what the kernel takes of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdsl.dialects.builtin import StringAttr

from ..dialects import plena
from ..dialects.discardable_attrs import attribute_of
from ..dialects.fa.discardable_attrs import UNFUSED, UNGROUPED
from ..dialects.json_attr import decode
from ..dialects.plena.discardable_attrs import NOT_CLEANED_UP, UNROLLED_LOOPS
from ..machine.host.layout import Layout, Region
from ..machine.spec.params import Machine
from ..passes.masks.mask_counts import mask_tiles
from .cleanup.kernel_pass import ops_of
from .cleanup.limit_loops import emitted, executed


def report(kernel: plena.KernelOp, layout: Layout, machine: Machine) -> str:
    """A page of text about a kernel: program size, memories, tensors in HBM, loops unrolled."""
    block = kernel.body.block
    lines = [
        f"kernel {layout.kernel} on {machine.name}",
        "",
        f"instructions       {emitted(block):>12,} static, {executed(block):,} executed",
        *_sram(layout.sram, machine),
        f"INT_MEM            {kernel_slots(kernel):>12,} of {machine.int_sram_depth:,} entries",
        f"HBM                {layout.hbm_bytes:>12,} of {machine.hbm_size:,} bytes",
        "",
        *(_region(region) for region in layout.regions),
    ]
    lost = [_lost(region) for region in layout.regions if region.kind == "bias"]
    if any(lost):
        lines += ["", *(line for line in lost if line)]
    unfused = attribute_of(kernel, UNFUSED)
    if isinstance(unfused, StringAttr):
        lines += ["", f"not fused: {unfused.data}"]
    ungrouped = attribute_of(kernel, UNGROUPED)
    if isinstance(ungrouped, StringAttr):
        lines += ["", f"heads of a group apart: {ungrouped.data}"]
    untidy = attribute_of(kernel, NOT_CLEANED_UP)
    if isinstance(untidy, StringAttr):
        lines += ["", f"not cleaned up, which would take too many registers: {untidy.data}"]
    masks = [f"  {count.where or 'attention'}: {count}" for count in mask_tiles(kernel)]
    if masks:
        lines += ["", "tiles of scores, over all heads and batches:", *masks]
    unrolled = attribute_of(kernel, UNROLLED_LOOPS)
    if unrolled is not None:
        limit = machine.max_loop_instructions
        lines += ["", f"loops unrolled, because an iteration executes more than {limit:,}:"]
        entries = cast("Sequence[Mapping[str, int]]", decode(unrolled))
        lines += [_unrolled(entry) for entry in entries]
    return "\n".join(lines) + "\n"


def _sram(used: Mapping[str, int], machine: Machine) -> list[str]:
    """What tiles take of each memory; a kernel that was not made from tiles says nothing."""
    memories = (
        ("vector_rows", "vector SRAM", machine.vector_sram_rows, "rows"),
        ("matrix_tiles", "matrix SRAM", machine.matrix_tiles, "tiles"),
        ("fp_mem", "FP_MEM", machine.fp_sram_depth, "entries"),
    )
    return [
        f"{name:<11}        {used[key]:>12,} of {size:,} {unit}"
        for key, name, size, unit in memories
        if key in used
    ]


def _unrolled(entry: Mapping[str, int]) -> str:
    return f"  {entry['iterations']} iterations of {entry['instructions']:,} instructions each"


def kernel_slots(kernel: plena.KernelOp) -> int:
    """Entries of INT_MEM that the kernel uses, for constants and for spilled registers."""
    used = kernel.int_mem_used
    for op in ops_of(kernel.body.block):
        for result in op.results:
            kind = result.type
            if type(kind) is plena.SlotType and kind.text:
                used = max(used, (kind.number or 0) + 1)
    return used


def _lost(region: Region) -> str:
    """What a bias loses in its blocks where it hides keys; nothing for any other region."""
    depth = next((step.value for step in region.prepare if step.step == "limit"), None)
    if depth is None or not region.storage.scaled:
        return ""
    import numpy as np

    from ..machine.host.hbm_image import quantized
    from ..machine.numerics.mx_blocks import dequantize

    size = region.storage.block
    values = np.linspace(-4, 4, 32 * (size - 1), dtype=np.float32).reshape(32, size - 1)
    blocks = np.pad(values, ((0, 0), (0, 1)), constant_values=-depth)
    off = np.abs(dequantize(quantized(blocks, region.storage)) - blocks)[:, :-1].max()
    return (
        f"{region.name}: a bias of -4 to 4 is off by up to {off:.2g} where its block of {size} "
        f"hides a key by {-depth} or less; -inf takes nothing from the others"
    )


def _region(region: Region) -> str:
    storage = region.storage
    form = storage.element
    if storage.scaled:
        form = f"{storage.element}/{storage.scale} blocks of {storage.block}"
    shape = "x".join(map(str, region.shape))
    return (
        f"{region.role:<9} {region.name:<10} {shape:<18} {form:<24} at {region.base:#x}, "
        f"{region.bytes:,} bytes"
    )

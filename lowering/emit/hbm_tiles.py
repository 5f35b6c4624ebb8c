"""Tiles between HBM and SRAM: H_PREFETCH_M, H_PREFETCH_V and H_STORE_V (ISA section 4.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Attribute, SSAValue

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.types import storage_of
from ...dialects.mx import BlockAttr
from ...machine.host.layout import Region
from ...passes.storage.quantize import storage_attribute
from ...passes.support.loop_affine import Affine, affine, per_iteration
from .emitter import Emitter

USE_STRIDE = 1
"""The flag by which a transfer takes its row stride from the STRIDE register."""


@dataclass(frozen=True)
class Transfer:
    """A transfer instruction and how many rows it moves; `flag` selects the format."""

    mnemonic: str
    amount: int
    flag: int


def byte_offset(region: Region, indices: Sequence[SSAValue]) -> Affine:
    """Bytes from a region's base to the element at some indices, by the iterations of loops."""
    size = region.storage.element_bytes
    places = [per_iteration(affine(index)) for index in indices]
    if region.line_rows:
        # The last index counts values; each `line_rows` of them have a group of rows.
        places.append(places.pop().divided(region.line_rows))
        total = Affine()
    else:
        col, row = places.pop(), places.pop()
        panel = col.divided(region.width)
        total = row.times(region.row_bytes).plus(panel.times(region.pitch * size))
    stride = region.group_bytes
    for place, extent in zip(reversed(places), reversed(region.outer), strict=True):
        total = total.plus(place.times(stride))
        stride *= extent
    return total


def load(e: Emitter, op: fa.LoadOp, region: Region, base: SSAValue, offset: SSAValue) -> None:
    """A tile from HBM; `base` is the region's address register, `offset` the tile's byte offset."""
    kind, machine = fa.tile(op.tile), e.machine
    storage = _decoding(op.source.type)
    if kind.space.data == "matrix":
        formats = (machine.matrix_weight, machine.matrix_kv)
        name, amount, unit = "H_PREFETCH_M", machine.prefetch_m, "HBM_M_WEIGHT_TYPE, HBM_M_KV_TYPE"
    else:
        formats = (machine.vector_act, machine.vector_kv)
        name, amount, unit = "H_PREFETCH_V", machine.prefetch_v, "HBM_V_ACT_TYPE, HBM_V_KV_TYPE"
    known: list[Attribute | None] = [storage_attribute(form, op) for form in formats]
    if storage not in known:
        raise OpError(
            op,
            f"{name} cannot read {storage or 'bf16'}: the machine's {unit} are "
            f"{formats[0]} and {formats[1]}",
        )
    # Activations and weights are the first format, keys and values the second.
    preferred = 1 if kind.space.data == "matrix" else 0
    flag = preferred if known[preferred] == storage else 1 - preferred
    _move(e, kind.rows, kind.cols, kind.placed, region, base, offset, Transfer(name, amount, flag))


def _decoding(kind: Attribute) -> Attribute | None:
    """What a reader must know of a storage format: not how its codes were made."""
    storage = storage_of(kind)
    return storage.decoding if isinstance(storage, BlockAttr) else storage


def store(e: Emitter, op: fa.StoreOp, region: Region, base: SSAValue, offset: SSAValue) -> None:
    """A tile to HBM."""
    kind, machine = fa.tile(op.tile), e.machine
    known: list[Attribute | None] = [
        storage_attribute(form, op) for form in (machine.vector_act, machine.vector_kv)
    ]
    storage = _decoding(op.target.type)
    if storage not in known:
        raise OpError(
            op,
            f"H_STORE_V cannot write {storage or 'bf16'}: the machine's HBM_V_ACT_TYPE, "
            f"HBM_V_KV_TYPE are {machine.vector_act} and {machine.vector_kv}",
        )
    how = Transfer("H_STORE_V", machine.writeback_v, known.index(storage))
    _move(e, kind.rows, kind.cols, kind.placed, region, base, offset, how)


def _move(
    e: Emitter,
    rows: int,
    cols: int,
    address: int,
    region: Region,
    base: SSAValue,
    offset: SSAValue,
    how: Transfer,
) -> None:
    """Panel by panel, `how.amount` rows at a time; rows of a panel are adjacent on both sides."""
    width = region.width
    e.stride(region.row_bytes)
    if region.storage.scaled:
        e.scale(region.scale_offset)
    chunk = how.amount * width
    with e.loop(rows // how.amount, e.constant(address), offset) as down:
        sram, start = down.carried
        with e.loop(cols // width, sram, start) as across:
            place, hbm = across.carried
            e.do(how.mnemonic, place, hbm, base, USE_STRIDE, how.flag)
            across.yields(
                e.add(place, rows * width),
                e.add(hbm, region.pitch * region.storage.element_bytes),
            )
        down.yields(e.add(sram, chunk), e.add(start, how.amount * region.row_bytes))

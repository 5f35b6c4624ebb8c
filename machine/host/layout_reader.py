"""Reading the manifest of a kernel: every value checked, so that what was read can be used.

Kinds of values, their ranges, and that they fit together: sizes that follow from others, regions
that cover their tensors and lie apart, recipes that make what their regions hold. `check_machine`
adds what the machine has room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast, get_args

from ..numerics.mx_elements import ELEMENTS
from ..spec.params import FP_MEM_ENTRIES, INT_MEM_ENTRIES, Machine
from .layout import (
    DERIVED,
    KINDS,
    LINE,
    STEPS,
    VERSION,
    Layout,
    LayoutError,
    Preparation,
    Region,
    Role,
    Storage,
    Tensor,
)
from .lengths import Lengths
from .promises import Promise
from .recipe import Leaf, leaves
from .recipe_rules import RecipeError, Shape, check_step, extents
from .recipe_shape import shape_of

DTYPES = ("bf16", "f16", "f32", "i1", "i32")
"""Element types of the interface."""

MOST_BYTES = 1 << 32
"""Bytes of a region: offsets in one have 32 bits."""

_ROLES: tuple[Role, ...] = get_args(Role)
_NUMBER = 1 << 48
"""More than any size or address of a machine."""

Json = Mapping[str, object]


def read_layout(data: Mapping[str, Any]) -> Layout:
    """The layout of a manifest; keys that are not of the layout are left to others.

    Raises LayoutError where it is of another version, or damaged.
    """
    version = data.get("version")
    if version != VERSION:
        raise LayoutError(
            f"layout version {version!r:.40} cannot be read, this is version {VERSION}; compile "
            "again"
        )
    try:
        layout = _layout(data)
        _check(layout, _integer(data, "hbm_bytes"))
    except (LayoutError, RecipeError) as error:
        raise LayoutError(f"the layout is damaged: {error}; compile again") from None
    return layout


def check_machine(layout: Layout, machine: Machine) -> None:
    """Check that a kernel's data fits the memories of its machine. Raises LayoutError."""
    for region in layout.regions:
        if region.stop > machine.hbm_size:
            raise LayoutError(
                f"{region.name} ends at byte {region.stop} of HBM, and machine {machine.name} has "
                f"{machine.hbm_size}; compile for a machine with more, or smaller tensors"
            )
        if region.width != machine.vlen:
            raise LayoutError(
                f"{region.name} is stored in panels of {region.width} columns, and machine "
                f"{machine.name} has VLEN = {machine.vlen}; compile again"
            )


def _layout(data: Mapping[str, Any]) -> Layout:
    return Layout(
        _text(data, "kernel"),
        tuple(_tensor(entry) for entry in _tables(data, "arguments")),
        tuple(_region(entry) for entry in _tables(data, "regions")),
        tuple(_list(data, "outputs")),
        _memory(data, "fp_mem", FP_MEM_ENTRIES, 16),
        _memory(data, "int_mem", INT_MEM_ENTRIES, 32),
        _counts(data, "sram"),
        tuple(_promise(entry) for entry in _tables(data, "promises")) if "promises" in data else (),
        tuple(_lengths(entry) for entry in _tables(data, "lengths")) if "lengths" in data else (),
    )


def _check(layout: Layout, hbm_bytes: int) -> None:
    """Check that the parts of a layout fit together."""
    if hbm_bytes != layout.hbm_bytes:
        raise LayoutError(f"hbm_bytes is {hbm_bytes}, but the regions end at {layout.hbm_bytes}")
    ordered = sorted(layout.regions, key=lambda region: region.base)
    for first, second in pairwise(ordered):
        if first.stop > second.base:
            raise LayoutError(
                f"{first.name} ends at byte {first.stop}, where {second.name} has begun at "
                f"{second.base}"
            )
    shapes = [tensor.shape for tensor in layout.signature]
    held = [region.shape for region in layout.regions]
    for region in layout.regions:
        for step in region.prepare:
            check_step(step.step, step.value, step.dtype, region.shape)
        made = _held(region, shapes)
        if made != region.shape:
            raise LayoutError(
                f"{region.name} has shape {list(region.shape)}, and what the host makes for it "
                f"{list(made)}"
            )
    for recipe in layout.outputs:
        shape_of(recipe, _leaf("region", held))
    for promise in layout.promises:
        _check_promise(promise, shapes)
    taken = len(layout.int_mem)
    for lengths in layout.lengths:
        known = lengths.argument < len(shapes) and shapes[lengths.argument] == (lengths.count,)
        if not known or layout.signature[lengths.argument].dtype != "i32":
            raise LayoutError(f"argument {lengths.argument} is not {lengths.count} lengths")
        if lengths.entry < taken or lengths.end > INT_MEM_ENTRIES:
            raise LayoutError(f"there is no room for lengths at entry {lengths.entry} of INT_MEM")
        taken = lengths.end


def _check_promise(promise: Promise, arguments: Sequence[Shape]) -> None:
    """Check that a promise is about tensors of one attention."""
    leaf = _leaf("argument", arguments)
    value = shape_of(promise.value, leaf)
    if len(value) != 4:
        raise LayoutError(f"a promise is about values of shape {list(value)}; they have rank 4")
    if not promise.query:
        return
    query, key = (shape_of(recipe, leaf) for recipe in (promise.query, promise.key))
    alike = len(query) == len(key) == 4 and query[0] == key[0] and query[3] == key[3]
    if not alike or query[1] % key[1]:
        raise LayoutError(f"a promise is about queries of {list(query)} and keys of {list(key)}")


def _promise(entry: Json) -> Promise:
    try:
        return Promise.from_json(entry)
    except ValueError as error:
        raise LayoutError(str(error)) from None


def _lengths(entry: Json) -> Lengths:
    try:
        return Lengths.from_json(entry)
    except ValueError as error:
        raise LayoutError(str(error)) from None


def _held(region: Region, arguments: Sequence[Shape]) -> Shape:
    """The shape of what the host puts into a region; its own where it puts nothing there."""
    if region.role == "argument":
        recipe = region.recipe or ["argument", region.index]
        made = shape_of(recipe, _leaf("argument", arguments))
        if next(leaves(recipe, "argument"), None) != region.index:
            raise LayoutError(f"{region.name} is made of other arguments than {region.index}")
        return made
    if region.role == "constant":
        return shape_of(region.recipe, _leaf("argument", ()))
    if region.recipe:
        raise LayoutError(f"{region.name} is a {region.role}, which is made of nothing")
    return region.shape


def _leaf(kind: Leaf, shapes: Sequence[Shape]) -> Any:
    def leaf(found: Leaf, index: int) -> Shape:
        if found != kind or not 0 <= index < len(shapes):
            raise LayoutError(f"there is no {found} {index} to make anything of here")
        return shapes[index]

    return leaf


def _tensor(entry: Json) -> Tensor:
    _keys(entry, ("name", "shape", "dtype"), ("storage",))
    storage = None if "storage" not in entry else _storage(_table(entry, "storage"))
    shape = extents(entry["shape"], "the shape of an argument")
    return Tensor(_text(entry, "name"), shape, _choice(entry, "dtype", DTYPES), storage)


def _storage(entry: Json) -> Storage:
    fields = ("element", "element_bytes", "block", "scale", "variant", "rule", "rounding")
    _keys(entry, fields)
    storage = Storage(
        _choice(entry, "element", ("bf16", *ELEMENTS)),
        _integer(entry, "element_bytes", 1, 2),
        _integer(entry, "block", 0, 1 << 16),
        cast("Any", _choice(entry, "scale", ("e8m0", "e4m3"))),
        cast("Any", _choice(entry, "variant", ("ocp", "plena"))),
        cast("Any", _choice(entry, "rule", ("floor", "ceil", "rceil", "even"))),
        cast("Any", _choice(entry, "rounding", ("nearest", "store"))),
    )
    if storage.scaled == (storage.element == "bf16"):
        raise LayoutError(f"{storage.element} is not stored in blocks of {storage.block}")
    if storage.element_bytes != (1 if storage.scaled else 2):
        raise LayoutError(f"{storage.element} does not take {storage.element_bytes} bytes")
    return storage


def _preparation(entry: Json) -> Preparation:
    _keys(entry, ("step", "value", "dtype"))
    step = cast("Any", _choice(entry, "step", STEPS))
    return Preparation(step, _integer(entry, "value"), _choice(entry, "dtype", DTYPES))


def _region(entry: Json) -> Region:
    sizes = ("rows", "panels", "width", "pitch")
    texts = ("name", "role", "kind", "index", "shape", "dtype", "storage")
    _keys(entry, (*texts, *sizes, "line_rows", "base", "prepare", "recipe", *DERIVED))
    region = Region(
        _text(entry, "name"),
        cast("Any", _choice(entry, "role", _ROLES)),
        cast("Any", _choice(entry, "kind", KINDS)),
        _integer(entry, "index", -1, 1 << 20),
        extents(entry["shape"], f"the shape of {entry['name']}"),
        _choice(entry, "dtype", DTYPES),
        _storage(_table(entry, "storage")),
        *(_integer(entry, key, 1, MOST_BYTES) for key in sizes),
        line_rows=_integer(entry, "line_rows", 0, MOST_BYTES),
        base=_integer(entry, "base"),
        prepare=tuple(_preparation(step) for step in _tables(entry, "prepare")),
        recipe=_list(entry, "recipe"),
    )
    _check_region(region)
    for key in DERIVED:
        if entry[key] != getattr(region, key):
            raise LayoutError(
                f"{key} of {region.name} is {entry[key]!r:.40}, but {getattr(region, key)} follows "
                "from the others"
            )
    return region


def _check_region(region: Region) -> None:
    """Check that a region is a whole number of blocks on a line of its own, and covers its
    tensor."""
    name, storage = region.name, region.storage
    block = max(1, storage.block)
    if region.base % LINE:
        raise LayoutError(f"{name} begins at byte {region.base}, which is no multiple of {LINE}")
    if region.pitch < region.width or region.width % block or region.pitch % block:
        raise LayoutError(
            f"panels of {region.width} elements every {region.pitch} are not whole blocks of "
            f"{block} in {name}"
        )
    if region.line_rows:
        rows, columns = (1, min(region.line_rows, region.shape[-1])) if region.shape else (1, 1)
        if region.role != "result":
            raise LayoutError(f"{name} has line_rows, which only a result has")
    elif len(region.shape) < 2:
        raise LayoutError(f"{name} has shape {list(region.shape)}; two dimensions are the least")
    else:
        rows, columns = region.shape[-2:]
    if not region.shape or rows > region.rows or columns > region.panels * region.width:
        raise LayoutError(
            f"{region.rows} rows of {region.panels} panels of {region.width} do not hold the "
            f"{list(region.shape)} of {name}"
        )
    if region.bytes >= MOST_BYTES:
        raise LayoutError(f"{name} takes {region.bytes} bytes; {MOST_BYTES - 1} are the most")


def _keys(entry: Json, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Check which keys an entry has."""
    for key in required:
        if key not in entry:
            raise LayoutError(f"'{key}' is missing")
    for key in entry:
        if key not in required and key not in optional:
            raise LayoutError(f"there is no {key!r:.40} here")


def _value(entry: Json, key: str) -> object:
    if key not in entry:
        raise LayoutError(f"'{key}' is missing")
    return entry[key]


def _text(entry: Json, key: str) -> str:
    value = _value(entry, key)
    if not isinstance(value, str):
        raise LayoutError(f"'{key}' is a text, not {value!r:.40}")
    return value


def _choice(entry: Json, key: str, known: Sequence[str]) -> str:
    value = _value(entry, key)
    if not isinstance(value, str) or value not in known:
        raise LayoutError(f"'{key}' is one of {', '.join(known)}, not {value!r:.40}")
    return value


def _integer(entry: Json, key: str, least: int = 0, most: int = _NUMBER) -> int:
    return _in_range(_value(entry, key), f"'{key}'", least, most)


def _in_range(value: object, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise LayoutError(f"{what} is an integer from {least} to {most}, not {value!r:.40}")
    return value


def _list(entry: Json, key: str) -> Sequence[Any]:
    value = _value(entry, key)
    if not isinstance(value, list | tuple):
        raise LayoutError(f"'{key}' is a list, not {value!r:.40}")
    return cast("Sequence[Any]", value)


def _table(entry: Json, key: str) -> Json:
    value = _value(entry, key)
    if not isinstance(value, Mapping):
        raise LayoutError(f"'{key}' is a table, not {value!r:.40}")
    return cast("Json", value)


def _tables(entry: Json, key: str) -> list[Json]:
    items = _list(entry, key)
    for item in items:
        if not isinstance(item, Mapping):
            raise LayoutError(f"an entry of '{key}' is a table, not {item!r:.40}")
    return cast("list[Json]", items)


def _memory(entry: Json, key: str, entries: int, bits: int) -> tuple[int, ...]:
    """Initial values of an on-chip memory."""
    values = _list(entry, key)
    if len(values) > entries:
        raise LayoutError(f"'{key}' has {len(values)} values, and the memory {entries} entries")
    return tuple(_in_range(value, f"a value of '{key}'", 0, (1 << bits) - 1) for value in values)


def _counts(entry: Json, key: str) -> dict[str, int]:
    table = _table(entry, key)
    return {name: _in_range(table[name], f"'{name}'", 0, _NUMBER) for name in table}

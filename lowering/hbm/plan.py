"""The HBM layout planner: a region for each tensor, from how the tiles access it.

Regions follow one another in the order weights, biases, masks, Q, K cache, V cache, O, further
results, buffers, each with its elements first and then its scales. Constant tensors are among them
by what they are used for; those of masks by products come last, so that all else lies where it does
without. The machine neither pads nor drops, so a region covers every row and
column that a load or a store touches. Panels of VLEN columns keep a pitch at which the scales of a
row of a panel never cross the 64-byte line that one prefetch reads (ISA section 5.4).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import gcd

from xdsl.dialects import arith, func, memref
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue
from xdsl.utils.hints import isa

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.fa.types import storage_of
from ...dialects.mx import BlockAttr, DequantizeOp, PreparationOp, QuantizeOp
from ...dialects.mx.types import LAST
from ...machine.host.layout import KINDS, LINE, Kind, Preparation, Region, Role, Storage, Tensor
from ...machine.host.recipe import Recipe, leaves
from ...machine.spec.params import Machine
from ...passes.support.loop_affine import Affine, affine, around, iterations, largest
from ...passes.support.operand_roles import load_role, masks_by_products, origin
from .constant_tensors import constant_recipe
from .host_recipes import CHAINED, argument_recipe, recipe_of

PLAIN = Storage("bf16", 2)


@dataclass(frozen=True)
class Interface:
    """What a tensor in HBM is to the host."""

    role: Role
    kind: Kind
    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    prepare: tuple[Preparation, ...] = ()
    recipe: Recipe = ()


def plan(machine: Machine, function: func.FuncOp) -> dict[SSAValue, Region]:
    """A region for each tensor and buffer that tiles are loaded from or stored to.

    Each is on a line of its own. Raises OpError where HBM or the address range of an offset (32
    bits) is too small.
    """
    accesses: dict[SSAValue, list[fa.LoadOp | fa.StoreOp]] = {}
    for op in function.walk():
        if isinstance(op, fa.LoadOp | fa.StoreOp):
            hbm = op.source if isinstance(op, fa.LoadOp) else op.target
            accesses.setdefault(hbm, []).append(op)
    for argument in _handed_through(function, accesses):
        accesses[argument] = []
    results = _results(function)
    interfaces = {hbm: _interface(hbm, ops, function, results) for hbm, ops in accesses.items()}
    constants = [hbm for hbm in accesses if interfaces[hbm].role == "constant"]
    for index, hbm in enumerate(constants):
        name = origin(hbm).name_hint or f"constant{index}"
        interfaces[hbm] = replace(interfaces[hbm], index=index, name=name)
    late = {hbm for hbm in constants if _masks_by_products(accesses[hbm])}
    ranked = sorted(
        accesses,
        key=lambda hbm: (hbm in late, KINDS.index(interfaces[hbm].kind), interfaces[hbm].index),
    )
    regions: dict[SSAValue, Region] = {}
    address = 0
    for hbm in ranked:
        region = _region(machine, hbm, interfaces[hbm], accesses[hbm])
        region = replace(region, base=address)
        address = -(-region.stop // LINE) * LINE
        if region.bytes >= 1 << 32:
            raise OpError(
                accesses[hbm][0],
                f"{region.name} takes {region.bytes} bytes; offsets in one tensor have 32 bits",
            )
        regions[hbm] = region
    if address > machine.hbm_size:
        raise OpError(
            function,
            f"the tensors take {address} bytes of HBM, and the machine has {machine.hbm_size}",
        )
    return regions


def signature(function: func.FuncOp) -> tuple[Tensor, ...]:
    """The function's arguments as the caller sees them."""
    return tuple(_tensor(argument) for argument in function.body.block.args)


def _tensor(argument: BlockArgument) -> Tensor:
    kind, function = argument.type, argument.block.parent_op()
    if not isa(kind, TensorType[Attribute]) or any(extent < 1 for extent in kind.get_shape()):
        assert function is not None
        raise OpError(
            function, f"argument {argument.index} must be a tensor of static shape, got {kind}"
        )
    storage = storage_of(kind)
    name = argument.name_hint or f"arg{argument.index}"
    return Tensor(name, *_shape(argument.type), None if storage is None else _storage(argument))


def _returned(function: func.FuncOp) -> func.ReturnOp:
    last = function.body.block.last_op
    if not isinstance(last, func.ReturnOp):
        raise OpError(function, "the function must end with func.return")
    return last


def _results(function: func.FuncOp) -> dict[SSAValue, tuple[int, Attribute]]:
    """The buffers that hold results: position and type of the first result made of each."""
    buffers: dict[SSAValue, tuple[int, Attribute]] = {}
    for index, value in enumerate(_returned(function).arguments):
        source = value
        while isinstance(source, OpResult) and isinstance(source.op, DequantizeOp | fa.HostOp):
            source = source.op.operands[0]
        if isinstance(source, OpResult) and isinstance(source.op, fa.ResultOp):
            buffers.setdefault(source.op.buffer, (index, _plain_type(value, source)))
    return buffers


def _handed_through(function: func.FuncOp, accessed: Collection[SSAValue]) -> list[BlockArgument]:
    """Arguments that results are made of and no tile is loaded from: what a mask hides whole."""
    known: dict[SSAValue, Recipe] = {origin(hbm): () for hbm in accessed}
    for tensor in list(known):
        _take_back(tensor, (), known)
    found: dict[BlockArgument, None] = {}

    def visit(value: SSAValue) -> None:
        if value in known:
            return
        if isinstance(value, OpResult) and isinstance(value.op, DequantizeOp | fa.HostOp):
            for operand in value.op.operands:
                visit(operand)
        elif isinstance(value, BlockArgument) and len(_tensor(value).shape) > 1:
            found[value] = None

    for value in _returned(function).arguments:
        visit(value)
    return list(found)


def _plain_type(value: SSAValue, source: SSAValue) -> Attribute:
    """The type in which the host sees a buffer: its shape, with the elements of the result."""
    kind = source.type
    assert isa(kind, TensorType[Attribute])
    return TensorType(fa.tensor_element(value), kind.get_shape())


def outputs(function: func.FuncOp, regions: dict[SSAValue, Region]) -> tuple[Recipe, ...]:
    """What the host makes each result of. Raises OpError for one that does not lie in HBM."""
    numbers = {hbm: number for number, hbm in enumerate(regions)}
    tensors: dict[SSAValue, Recipe] = {
        origin(hbm): ["region", number] for hbm, number in numbers.items()
    }
    for tensor, recipe in list(tensors.items()):
        _take_back(tensor, recipe, tensors)
    last = _returned(function)

    def make(value: SSAValue, index: int) -> Recipe:
        if value in tensors:
            return tensors[value]
        if isinstance(value, OpResult):
            if isinstance(value.op, fa.ResultOp) and value.op.buffer in numbers:
                return ["region", numbers[value.op.buffer]]
            if isinstance(value.op, DequantizeOp):
                return make(value.op.source, index)
            if isinstance(value.op, arith.ConstantOp):
                return constant_recipe(value.op)
            if isinstance(value.op, fa.HostOp):
                return recipe_of(value, lambda part: make(part, index))
        raise OpError(
            last, f"result {index} is neither computed by an attention nor one of its operands"
        )

    return tuple(make(value, index) for index, value in enumerate(last.arguments))


def _take_back(tensor: SSAValue, recipe: Recipe, known: dict[SSAValue, Recipe]) -> None:
    """What an arranged tensor was made of, as recipes that undo the arrangement.

    Of several operands all but one are constants.
    """
    while isinstance(tensor, OpResult) and isinstance(op := tensor.op, fa.HostOp):
        made = [
            number
            for number, operand in enumerate(op.operands)
            if not isinstance(operand.owner, arith.ConstantOp)
        ]
        back = op.inverse(made[0], recipe) if len(made) == 1 else None
        if back is None:
            return
        tensor, recipe = op.operands[made[0]], back
        known.setdefault(tensor, recipe)


def _interface(
    hbm: SSAValue,
    accesses: Sequence[fa.LoadOp | fa.StoreOp],
    function: func.FuncOp,
    results: dict[SSAValue, tuple[int, Attribute]],
) -> Interface:
    source = origin(hbm)
    if isinstance(source, BlockArgument) and source.block is function.body.block:
        tensor = _tensor(source)
        return Interface(
            "argument",
            _argument_kind(accesses),
            source.index,
            tensor.name,
            tensor.shape,
            tensor.dtype,
            _preparations(hbm),
        )
    if isinstance(source, OpResult) and isinstance(source.op, arith.ConstantOp | fa.HostOp):
        recipe = argument_recipe(source)
        used = list(dict.fromkeys(leaves(recipe, "argument")))
        if used:
            arguments = function.body.block.args
            return Interface(
                "argument",
                _argument_kind(accesses),
                used[0],
                "+".join(_tensor(arguments[index]).name for index in used),
                *_shape(source.type),
                _preparations(hbm),
                recipe,
            )
        return Interface(
            "constant",
            _argument_kind(accesses),
            -1,
            "constant",
            *_shape(source.type),
            _preparations(hbm),
            recipe,
        )
    if hbm in results:
        index, type_ = results[hbm]
        lines = any(isinstance(op, fa.StoreOp) and op.row is not None for op in accesses)
        kind: Kind = "result" if lines else "output"
        return Interface("result", kind, index, f"result{index}", *_shape(type_))
    if isinstance(source, OpResult) and isinstance(source.op, fa.ResultOp):
        raise OpError(source.op, CHAINED)
    if not isinstance(hbm, OpResult) or not isinstance(hbm.op, memref.AllocOp):
        raise OpError(
            accesses[0],
            "tiles are loaded from arguments of the function, from constants and from buffers",
        )
    return Interface("buffer", "buffer", -1, "buffer", fa.tensor_dims(hbm), "bf16")


def _masks_by_products(accesses: Sequence[fa.LoadOp | fa.StoreOp]) -> bool:
    """Whether tiles of a tensor are operands of products that mask, and of nothing else."""
    return all(isinstance(op, fa.LoadOp) and masks_by_products(op) for op in accesses)


_ROLE_KINDS: dict[str, Kind] = {
    "q": "query",
    "k": "key",
    "v": "value",
    "bias": "bias",
    "mask": "mask",
    "weights": "weight",
}


def _argument_kind(accesses: Sequence[fa.LoadOp | fa.StoreOp]) -> Kind:
    """What the tiles of a tensor are used for; the first in memory order where it is several.

    What no tile is loaded from is a cache that is handed through.
    """
    kinds = {_ROLE_KINDS[load_role(op)] for op in accesses if isinstance(op, fa.LoadOp)}
    for kind in KINDS:
        if kind in kinds:
            return kind
    return "key"


def _preparations(hbm: SSAValue) -> tuple[Preparation, ...]:
    """What the host does to an argument before it quantizes it, first step first."""
    steps: list[Preparation] = []
    while isinstance(hbm, OpResult) and isinstance(op := hbm.op, QuantizeOp | PreparationOp):
        if isinstance(op, PreparationOp):
            steps.append(Preparation(op.STEP, op.number, str(fa.tensor_element(hbm))))
        hbm = op.source
    return tuple(reversed(steps))


def _shape(kind: Attribute) -> tuple[tuple[int, ...], str]:
    assert isa(kind, TensorType[Attribute])
    return kind.get_shape(), str(kind.get_element_type())


def _storage(hbm: SSAValue) -> Storage:
    block = storage_of(hbm.type)
    if block is None:
        return PLAIN
    assert isinstance(block, BlockAttr)
    options = block.options
    owner = hbm.owner if isinstance(hbm.owner, Operation) else hbm.owner.parent_op()
    if options["variant"] != "plena" or block.bits != 8 or block.scales.data != "behind":
        assert owner is not None
        raise OpError(
            owner,
            f"the machine cannot load {block}: it reads 8-bit elements in its own variant with "
            "all scales behind the elements; `quantize` gives such formats",
        )
    if options["axis"] not in (LAST, len(fa.tensor_dims(hbm)) - 1):
        assert owner is not None
        raise OpError(owner, f"the machine's blocks lie along the last axis, not {options['axis']}")
    return Storage(
        options["fmt"],
        1,
        options["block"],
        options["scale"],
        options["variant"],
        options["rule"],
        options["rounding"],
    )


def _region(
    machine: Machine,
    hbm: SSAValue,
    interface: Interface,
    ops: list[fa.LoadOp | fa.StoreOp],
) -> Region:
    """A region that covers all accesses, still without an address."""
    storage = _storage(hbm)
    lines = [op for op in ops if isinstance(op, fa.StoreOp) and op.row is not None]
    if lines and len(lines) < len(ops):
        raise OpError(lines[0], "a buffer of lines is stored to by `row` stores only")
    width = machine.vlen
    line_rows = 0
    if lines:
        starts = {start for op in ops for start in _starts(affine(op.indices[-1]), op)}
        line_rows = gcd(*starts) or fa.tile(ops[0].tile).cols
        rows = max(fa.tile(op.tile).rows for op in ops)
        cols = max(fa.tile(op.tile).cols for op in ops)
        if line_rows > cols:
            line_rows = cols
    else:
        rows = max((_last(op, -2) + fa.tile(op.tile).rows for op in ops), default=0)
        cols = max((_last(op, -1) + fa.tile(op.tile).cols for op in ops), default=0)
        rows, cols = max(rows, interface.shape[-2]), max(cols, interface.shape[-1])
        for op in ops:
            if any(start % width for start in _starts(affine(op.indices[-1]), op)):
                raise OpError(op, f"tiles start at a multiple of VLEN = {width} columns")
    return Region(
        interface.name,
        interface.role,
        interface.kind,
        interface.index,
        interface.shape,
        interface.dtype,
        storage,
        rows=rows,
        panels=-(-cols // width),
        width=width,
        pitch=_pitch(width, storage),
        line_rows=line_rows,
        prepare=interface.prepare,
        recipe=interface.recipe,
    )


def _pitch(width: int, storage: Storage) -> int:
    """Elements from panel to panel: so many that a panel's scales are a power of two of bytes."""
    if not storage.scaled:
        return width
    scales = width // storage.block
    power = 1
    while power < scales:
        power *= 2
    return power * storage.block


def _starts(index: Affine, op: Operation) -> list[int]:
    """All values that an index takes where an operation stands."""
    values = [index.constant]
    for loop in around(op):
        coefficient = index.terms.get(loop.body.block.args[0], 0)
        if coefficient:
            values = [value + coefficient * at for at in iterations(loop) for value in values]
    # Coefficients may be fractions, places are none.
    return [int(value) for value in values]


def _last(op: fa.LoadOp | fa.StoreOp, position: int) -> int:
    """The largest value of one of the indices of an access."""
    # Coefficients may be fractions, places are none.
    return int(largest(affine(op.indices[position]), op))

"""`quantize`: the storage format of each HBM tensor, and bf16 on chip.

Precondition: tile IR in which all tensors that tiles are loaded from are known: tables
(`tabulate`), what the mapping wants (`map`), tiles of masks (`specialize-masks`). Postcondition:
each tensor that is loaded goes through `mx.quantize` into the format that the policy names for its
role, results are stored as the policy has O, other buffers in HBM are plain bf16, and every tile
holds bf16. A result that may hold -inf (a logsumexp, scores) is plain bf16 too: in a block of MX
elements an infinity turns all others to 0. Biases that hide keys by a huge number are limited
first, where they are stored in blocks (`mx.limit`). Formats that the machine cannot load or store
are refused, and so is the unfused form where P would be stored with 8 bits.

Run a second time with its defaults, it leaves what the first run decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    BFloat16Type,
    DictionaryAttr,
    MemRefType,
    ModuleOp,
    NoneAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, OpResult, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.types import HbmAttr, TileType
from ...dialects.machine_attr import settle_machine
from ...dialects.mx import BlockAttr, DequantizeOp, LimitOp, PreparationOp, QuantizeOp, block_format
from ...dialects.mx.discardable_attrs import POLICY
from ...machine.numerics.storage_policies import ROLES, Policy, PolicyError, settings_keys, unusable
from ...machine.spec.formats import HbmFormat, MxFormat, PlainFormat
from ...machine.spec.params import Machine
from ..support.operand_roles import Operand, operands, origin

BF16_TYPE = BFloat16Type()

BIAS_DEPTH = 4096
"""How far below the largest of its row a stored bias lies at most (`mx.limit`): nobody sees a key
there, unless scores differ by more, and elements of 8 bits beside it still tell tenths apart."""

Rule = Literal["floor", "ceil", "rceil", "even"]
Rounding = Literal["nearest", "store"]


@dataclass(frozen=True)
class QuantizePass(ModulePass):
    """Storage formats in HBM, bf16 in tiles."""

    name = "quantize"

    policy: str = "plena"
    """Formats for all roles: plena (what the machine file says), mxfp8, mxfp4-kv, nvfp4-kv or bf16
    (`machine/numerics/storage_policies.py`)."""
    weights: str | None = None
    """The format of weights, in place of the policy's: a name and a block size in elements, as in
    `mxfp8-e4m3:32`, or bf16."""
    k: str | None = None
    """The format of keys."""
    v: str | None = None
    """The format of values."""
    q: str | None = None
    """The format of queries."""
    o: str | None = None
    """The format of results."""
    p: str | None = None
    """The format of probabilities; any but bf16 is refused, for the machine computes in it."""
    statistics: str | None = None
    """The format of running maxima and sums; any but bf16 is refused likewise."""
    rule: Rule = "rceil"
    """How the host makes a scale of a block. rceil leaves the least error (docs/formats.md)."""
    rounding: Rounding = "nearest"
    """How the host rounds an element: to nearest, or as the machine's stores do."""
    boundary: Literal["values", "storage"] = "values"
    """`values`: the interface keeps its types, and the host quantizes. `storage`: the stored forms
    are the function's own types."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        policy = self._policy(op)
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            if not self._decided(function):
                host = self.boundary == "values"
                _Quantization(machine, policy, self.rule, self.rounding, host).function(function)
            if self.boundary == "storage":
                _stored_interface(function)

    def _policy(self, module: ModuleOp) -> Policy:
        given = {role: getattr(self, role) for role in ROLES}
        overrides = {role: text for role, text in given.items() if text is not None}
        try:
            policy = Policy.get(self.policy, overrides)
            policy.check_on_chip()
        except PolicyError as error:
            raise OpError(module, str(error)) from None
        if self.rounding == "store" and self.rule not in ("floor", "rceil"):
            raise OpError(
                module,
                f"rule={self.rule} needs rounding=nearest; the machine's stores have a rule of "
                "their own",
            )
        return policy

    def _decided(self, function: func.FuncOp) -> bool:
        """Whether an earlier run of another policy holds; else records this one."""
        formats = self._policy_record()
        before = attribute_of(function, POLICY)
        if before is not None:
            if formats is not None and formats != before:
                raise OpError(function, f"the function is quantized already, by {before}")
            return True
        if formats is not None:
            function.attributes[POLICY] = formats
        return False

    def _policy_record(self) -> DictionaryAttr | None:
        """The options that are not the defaults, None if all are."""
        named = ("policy", *ROLES)
        given = {
            field.name: StringAttr(getattr(self, field.name))
            for field in fields(self)
            if field.name in named and getattr(self, field.name) != field.default
        }
        return DictionaryAttr(given) if given else None


def _values(op: Operation) -> Iterator[SSAValue]:
    """What an operation defines: its results and the arguments of its blocks."""
    yield from op.results
    for region in op.regions:
        for block in region.blocks:
            yield from block.args


def storage_attribute(
    kind: HbmFormat,
    op: Operation,
    rule: str = "floor",
    rounding: str = "store",
) -> BlockAttr | None:
    """A machine's HBM format as IR, None for Plain bf16; raises OpError where it is unusable."""
    reason = unusable(kind)
    if reason is not None:
        raise OpError(op, f"the machine stores this operand as {kind}: {reason}")
    if isinstance(kind, PlainFormat):
        return None
    rule = "floor" if rounding == "store" else rule
    return BlockAttr.get(
        str(kind.element), "e8m0", kind.block, "plena", rule=rule, rounding=rounding
    )


class _Quantization:
    """Formats for one function."""

    def __init__(
        self, machine: Machine, policy: Policy, rule: str, rounding: str, host: bool = True
    ):
        self.machine = machine
        self.policy = policy
        self.rule = rule
        self.rounding = rounding
        self.host = host
        """Whether the host quantizes, and may prepare what it does."""
        self.last: dict[Block, Operation] = {}

    def function(self, function: func.FuncOp) -> None:
        """Convert arguments, buffers, results and tiles."""
        for operand in operands(function):
            # What the user can change is complained of first.
            if isinstance(origin(operand.value), BlockArgument):
                self._format(operand.role, operand.op)
        for operand in operands(function):
            if isinstance(operand.op, fa.LoadOp) and block_format(operand.value.type) is None:
                self.argument(operand)
        for alloc in [inner for inner in function.walk() if isinstance(inner, memref.AllocOp)]:
            self._buffer(alloc)
        for value in [value for inner in function.walk() for value in _values(inner)]:
            if isinstance(value.type, TileType) and value.type.element_type != BF16_TYPE:
                Rewriter.replace_value_with_new_type(value, value.type.holding(BF16_TYPE))

    def _format(self, role: str, op: Operation) -> HbmFormat:
        try:
            # Biases and masks are operands of the vector unit, as queries are.
            role = "q" if role in ("bias", "mask") else role
            return self.policy.storage(self.machine, role)
        except PolicyError as error:
            raise OpError(op, str(error)) from None

    def argument(self, operand: Operand) -> None:
        """Load from the stored form of a tensor, made once where the tensor is."""
        value = operand.value
        kind = self._format(operand.role, operand.op)
        storage = storage_attribute(kind, operand.op, self.rule, self.rounding)
        stored = _stored(fa.tensor_dims(value), storage)
        if value.type == stored:
            return
        # What the host makes of an argument stays its work with boundary=storage.
        host = self.host or not isinstance(value, BlockArgument)
        if storage is not None and operand.role == "bias" and host:
            value = self._limited(value, operand.op)
        for use in value.uses:
            if isinstance(use.operation, QuantizeOp) and use.operation.result.type == stored:
                operand.replace(use.operation.result)
                return
        convert = QuantizeOp(value, stored)
        convert.location = operand.op.location
        convert.result.name_hint = f"{value.name_hint or 'arg'}_stored"
        Rewriter.insert_op(convert, self._after(value))
        if isinstance(value, BlockArgument):
            self.last[value.block] = convert
        operand.replace(convert.result)

    def _limited(self, value: SSAValue, op: Operation) -> SSAValue:
        """A bias in which what hides keys leaves digits to what shares a block with it."""
        for use in value.uses:
            if isinstance(use.operation, LimitOp):
                return use.operation.result
        kind = TensorType(fa.tensor_element(value), fa.tensor_dims(value))
        limit = LimitOp(value, BIAS_DEPTH, kind)
        limit.location, limit.result.name_hint = op.location, value.name_hint
        Rewriter.insert_op(limit, self._after(value))
        if isinstance(value, BlockArgument):
            self.last[value.block] = limit
        return limit.result

    def _after(self, value: SSAValue) -> InsertPoint:
        """Where a tensor is known: behind its operation, or at the start of the function."""
        if isinstance(value, OpResult):
            return InsertPoint.after(value.op)
        assert isinstance(value, BlockArgument)
        if value.block in self.last:
            return InsertPoint.after(self.last[value.block])
        return InsertPoint.at_start(value.block)

    def _buffer(self, alloc: memref.AllocOp) -> None:
        """Results in the format of O, which go back to the type they had; scores and P in bf16."""
        old = alloc.memref.type
        assert isinstance(old, MemRefType)
        users = [use.operation for use in alloc.memref.uses]
        results = [user for user in users if isinstance(user, fa.ResultOp)]
        if results:
            form = self._format("o", alloc)
            if isinstance(form, MxFormat) and any(_ruins(u, form) for u in users):
                form = self._wide(alloc, form)
            storage = storage_attribute(form, alloc)
        else:
            self._require_wide(alloc)
            storage = None
        new = MemRefType(BF16_TYPE, old.get_shape(), memory_space=HbmAttr.get(storage))
        if new == old:
            return
        Rewriter.replace_value_with_new_type(alloc.memref, new)
        for result in results:
            _restore(result, TensorType(BF16_TYPE, old.get_shape()))

    def _wide(self, alloc: memref.AllocOp, form: HbmFormat) -> HbmFormat:
        """Plain bf16 for a result that blocks would ruin.

        Raises OpError where the machine does not store it.
        """
        for key in settings_keys("o"):
            offered = self.machine.hbm_formats[key]
            if isinstance(offered, PlainFormat) and unusable(offered) is None:
                return offered
        raise OpError(
            alloc,
            f"this result may hold -inf or values of padding, and stored as {form} what shares a "
            "block with them would be lost; use a machine with Plain bf16 activations",
        )

    def _require_wide(self, alloc: memref.AllocOp) -> None:
        """Scores and probabilities are stored as bf16 or not at all."""
        keys = settings_keys("o")
        formats = [self.machine.hbm_formats[key] for key in keys]
        if not any(isinstance(form, PlainFormat) and unusable(form) is None for form in formats):
            raise OpError(
                alloc,
                f"scores and probabilities would be stored as {formats[0]} ({keys[0]}), which "
                "ruins them; fuse first, or use a machine with Plain bf16 activations",
            )


def _ruins(user: Operation, form: MxFormat) -> bool:
    """Whether a store may bring into a block what all else in it is lost beside.

    That is -inf, or what stands for it: hidden scores, sums of no keys; and values of no row.
    """
    if not isinstance(user, fa.StoreOp):
        return False
    source = user.tile.owner
    while isinstance(source, fa.ScaleOp):
        source = source.source.owner
    if isinstance(source, fa.LogsumexpOp):
        # The rows behind the last query, stored with it, may see no key even where no query does.
        # Lanes behind the last row of the tile hold anything.
        beside = fa.tile(source.maximum).rows % form.block != 0
        return beside or source.empty_rows is not None or _masks(source)
    if isinstance(source, fa.AccumulateOp):
        # A bias is loaded, the product with V is not.
        return isinstance(source.addend.owner, fa.LoadOp)
    return isinstance(source, fa.MaskOp)


def _masks(op: Operation) -> bool:
    """Whether the function around an operation has a mask that hides more than padding."""
    function = op
    while (parent := function.parent_op()) is not None and not isinstance(function, func.FuncOp):
        function = parent
    return any(isinstance(i, fa.MaskOp) and i.shown is not None for i in function.walk())


def _stored(shape: Sequence[int], storage: BlockAttr | None) -> TensorType[Attribute]:
    return TensorType(BF16_TYPE, shape, NoneAttr() if storage is None else storage)


def _restore(result: fa.ResultOp, plain: TensorType[Attribute]) -> None:
    """Let a result hold bf16, and convert it into the type it had."""
    wanted = result.tensor.type
    if wanted == plain:
        return
    assert isinstance(wanted, TensorType)
    value = Rewriter.replace_value_with_new_type(result.tensor, plain)
    convert = DequantizeOp(value, wanted)
    convert.location = result.location
    value.replace_all_uses_with(convert.result)
    Rewriter.insert_op(convert, InsertPoint.after(result))
    convert.operands[0] = value


def _stored_interface(function: func.FuncOp) -> None:
    """Make the stored forms of arguments and results the function's types.

    An argument takes the type that it is quantized to, a result the type that it is stored in; what
    converts at the boundary disappears. Raises OpError where an argument is needed in two forms, or
    is prepared by the host before it is quantized.
    """
    for argument in function.body.block.args:
        _stored_argument(function, argument)
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    for index, value in enumerate(last.arguments):
        source = value
        if isinstance(source, OpResult) and isinstance(source.op, DequantizeOp):
            source = source.op.source
        if not isinstance(source, OpResult) or not isinstance(source.op, fa.ResultOp):
            continue
        buffer = source.op.buffer.type
        assert isinstance(buffer, MemRefType)
        space = buffer.memory_space
        storage = space.storage if isinstance(space, HbmAttr) else NoneAttr()
        kind = TensorType(BF16_TYPE, buffer.get_shape(), storage)
        converted = value is not source
        if source.type != kind:
            source = Rewriter.replace_value_with_new_type(source, kind)
        if converted:
            last.operands[index] = source
            if not any(True for _ in value.uses):
                assert isinstance(value, OpResult)
                Rewriter.erase_op(value.op)
    function.update_function_type()


def _prepares(op: Operation) -> bool:
    """Whether an operation is the host's work on an argument before it is quantized."""
    if isinstance(op, PreparationOp):
        return True
    if not isinstance(op, fa.HostOp) or not op.only_moves:
        return False
    users = [use.operation for result in op.results for use in result.uses]
    return any(isinstance(user, QuantizeOp) or _prepares(user) for user in users)


def _is_stored_plain(value: SSAValue) -> bool:
    """Whether a tensor, arranged or not, is stored as plain bf16 wherever it is read."""
    for use in value.uses:
        user = use.operation
        if isinstance(user, fa.HostOp) and user.only_moves:
            plain = _is_stored_plain(user.results[0])
        else:
            plain = isinstance(user, QuantizeOp) and block_format(user.result.type) is None
        if not plain:
            return False
    return value.first_use is not None


def _retype(value: SSAValue) -> None:
    """Let a tensor and all that is arranged of it hold bf16, which is how they are stored."""
    plain = Rewriter.replace_value_with_new_type(
        value, TensorType(BF16_TYPE, fa.tensor_dims(value))
    )
    for use in list(plain.uses):
        user = use.operation
        if isinstance(user, QuantizeOp):
            user.result.replace_all_uses_with(plain)
            Rewriter.erase_op(user)
        else:
            _retype(user.results[0])


def _stored_argument(function: func.FuncOp, argument: BlockArgument) -> None:
    if _is_stored_plain(argument):
        _retype(argument)
        return
    users = [use.operation for use in argument.uses]
    converts = [user for user in users if isinstance(user, QuantizeOp)]
    prepared = next((user for user in users if _prepares(user)), None)
    if prepared is not None:
        arranged = "; write map{boundary=storage} before it, and no group-heads"
        raise OpError(
            prepared,
            f"{prepared.name} is the host's work before it quantizes; with boundary=storage "
            "the caller has quantized already"
            + ("" if isinstance(prepared, PreparationOp) else arranged),
        )
    if not converts:
        return
    if len(users) > 1:
        raise OpError(
            function,
            f"argument {argument.index} is needed in {len(users)} forms; with boundary=storage it "
            "can have one: give its roles one format",
        )
    converted = converts[0].result
    kind = converted.type
    converted.replace_all_uses_with(argument)
    Rewriter.erase_op(converts[0])
    Rewriter.replace_value_with_new_type(argument, kind)

"""Running `fa` and `mx` IR of any level with numpy.

Tensors are float32 arrays that hold values of their element type; tiles likewise. A placed tile
lives in an address range, and reading one whose range something else has written since is an error:
so running allocated IR checks the allocation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import (
    IntegerAttr,
    IntegerType,
    MemRefType,
    ModuleOp,
    TensorType,
)
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_terminator,
    register_impls,
)
from xdsl.interpreters.arith import ArithFunctions
from xdsl.interpreters.func import FuncFunctions
from xdsl.interpreters.scf import ScfFunctions
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.utils.exceptions import InterpretationError
from xdsl.utils.hints import isa

from ...machine.numerics.bounded_scores import ROUNDED
from ...machine.numerics.mx_blocks import Blocks, dequantize
from ...xdsl_compat import number, scalar
from .. import fa, mx
from ..fa.mapping_attrs import BATCHED_FACTOR
from ..fa.types import TileType, storage_of
from ..mx import semantics as mx_semantics
from . import reference as semantics
from .dense_constants import array_type
from .host_ops import HostFunctions
from .linalg import PlainConstants, PlainFunctions
from .reference import Array, Rounder
from .scalar_functions import evaluate, evaluate_mask


@dataclass
class OnChip:
    """Who owns which address range of each on-chip memory."""

    owners: dict[str, list[tuple[int, int, Array]]] = field(
        default_factory=dict[str, list[tuple[int, int, Array]]]
    )

    def write(self, kind: TileType, value: Array) -> None:
        """`value` now fills the range of a placed tile; what overlapped it is gone."""
        start, stop = kind.placed, kind.placed + kind.elements
        others = self.owners.get(kind.space.data, [])
        kept = [owner for owner in others if owner[1] <= start or stop <= owner[0]]
        self.owners[kind.space.data] = [*kept, (start, stop, value)]

    def holds(self, kind: TileType, value: Array) -> bool:
        """Whether the range of a placed tile still holds `value`."""
        start, stop = kind.placed, kind.placed + kind.elements
        return any(
            (first, last) == (start, stop) and owner is value
            for first, last, owner in self.owners.get(kind.space.data, [])
        )


@register_impls
class FaFunctions(InterpreterFunctions):
    """Implementations of `fa`, `mx` and of the upstream operations on HBM buffers."""

    def __init__(self, rnd: Rounder):
        super().__init__()
        self.round = rnd
        self.chip = OnChip()

    def _read(self, op: Operation, args: Sequence[Any]) -> None:
        """Check that each placed operand is still where its type says."""
        scratch: object = getattr(op, "scratch", None)
        for index, (operand, value) in enumerate(zip(op.operands, args, strict=True)):
            kind = operand.type
            if not isinstance(kind, TileType) or kind.at is None or operand is scratch:
                continue
            if not self.chip.holds(kind, value):
                raise InterpretationError(
                    f"operand {index} of {op.name} is no longer at {kind.space.data} address "
                    f"{kind.at}: something has overwritten it"
                )

    def _write(self, op: Operation, values: Sequence[Any]) -> PythonValues:
        """Give each placed result its range, scratch room first."""
        scratch: SSAValue | None = getattr(op, "scratch", None)
        if scratch is not None and (kind := fa.tile(scratch)).at is not None:
            self.chip.write(kind, np.full(kind.dims, np.nan, np.float32))
        results: list[Any] = []
        for result, value in zip(op.results, values, strict=True):
            if isinstance(result.type, TileType):
                # A new array for each result: identity says which write a range holds.
                value = np.array(value, np.float32)
                if result.type.at is not None:
                    self.chip.write(result.type, value)
            results.append(value)
        return tuple(results)

    @impl(memref.AllocOp)
    def alloc(self, _: Interpreter, op: memref.AllocOp, args: PythonValues) -> PythonValues:
        kind = op.memref.type
        assert isa(kind, MemRefType[Attribute])
        return (np.zeros(kind.get_shape(), np.float32),)

    @impl(fa.RowLoopOp)
    def row_loop(
        self, interpreter: Interpreter, op: fa.RowLoopOp, args: PythonValues
    ) -> PythonValues:
        return interpreter.run_ssacfg_region(op.body, ())

    @impl_terminator(fa.YieldOp)
    def leave(
        self, _: Interpreter, op: fa.YieldOp, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()

    @impl(fa.ResultOp)
    def result(self, _: Interpreter, op: fa.ResultOp, args: PythonValues) -> PythonValues:
        return (args[0].copy(),)

    @impl(mx.QuantizeOp)
    def quantize(self, _: Interpreter, op: mx.QuantizeOp, args: PythonValues) -> PythonValues:
        kind = op.result.type
        assert isinstance(kind, TensorType)
        if self.round.enabled and storage_of(kind) is not None:
            return (stored(args[0], kind),)
        return (self.round(args[0], kind.get_element_type()),)

    @impl(mx.DequantizeOp)
    def dequantize(self, _: Interpreter, op: mx.DequantizeOp, args: PythonValues) -> PythonValues:
        return (self.round(args[0], fa.tensor_element(op.result)),)

    @impl(mx.RequantizeOp)
    def requantize(self, _: Interpreter, op: mx.RequantizeOp, args: PythonValues) -> PythonValues:
        return (stored(args[0], op.result.type) if self.round.enabled else args[0],)

    @impl(fa.AttentionOp)
    def attention(self, _: Interpreter, op: fa.AttentionOp, args: PythonValues) -> PythonValues:
        q, k, v, *rest = args
        mask_mod = None
        if op.mask_mod is not None:
            rows, cols = range(q.shape[2]), range(k.shape[2])
            mask_mod = _mask_function(op.mask_mod, rows, cols)
        extras = semantics.Extras(
            softcap=op.cap,
            mask_mod=mask_mod,
            score_mod=_function(op.score_mod),
            bias=rest.pop(0) if op.bias is not None else None,
            sinks=rest.pop(0) if op.sinks is not None else None,
            lengths=_lengths(rest.pop(0), k.shape[2]) if op.lengths is not None else None,
            prob_mod=_function(op.prob_mod),
            stage=op.stage,
            check=lambda s: _check_bound(s, op.promised, "score_bound", EXACT),
        )
        out, lse, scores = semantics.attention_with_scores(
            q, k, v, op.factor, op.moving_mask or op.resolved_mask, extras
        )
        results = [self.round(np.asarray(out, np.float32), fa.tensor_element(op.output))]
        if op.logsumexp is not None:
            results.append(np.asarray(lse, np.float32))
        if op.scores is not None:
            plain = np.asarray(scores, np.float32)
            results.append(self.round(plain, fa.tensor_element(op.scores)))
        return tuple(results)

    @impl(fa.MapOp)
    def map(self, _: Interpreter, op: fa.MapOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        values = args[0]
        batch, head, row, col = map(number, args[1:5])
        kind = fa.tile(op.result)
        rows = row + np.arange(kind.rows, dtype=np.int64)[:, None]
        cols = col + np.arange(kind.cols, dtype=np.int64)[None, :]
        place = [np.asarray(index) for index in (batch, head)]
        tables = [_spread_table(table, kind) for table in args[5 : 5 + len(op.tables)]]
        mapped = evaluate(op.function, [values, *place, rows, cols, *tables])
        return self._write(op, [self.round(mapped, kind.element_type)])

    @impl(fa.LoadOp)
    def load(self, _: Interpreter, op: fa.LoadOp, args: PythonValues) -> PythonValues:
        source, *indices = args
        kind = fa.tile(op.tile)
        *outer, row, col = map(number, indices)
        block = source[tuple(outer)][row : row + kind.rows, col : col + kind.cols]
        tile = np.zeros(kind.dims, np.float32)
        tile[: block.shape[0], : block.shape[1]] = block
        return self._write(op, [self.round(tile, kind.element_type)])

    @impl(fa.ViewOp)
    def view(self, _: Interpreter, op: fa.ViewOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        (row, col), (rows, cols) = op.start, fa.tile(op.result).dims
        return (args[0][row : row + rows, col : col + cols],)

    @impl(fa.StoreOp)
    def store(self, _: Interpreter, op: fa.StoreOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        tile, target = args[:2]
        indices = map(number, args[2:])
        if op.row is not None:
            *outer, col = indices
            place = target[tuple(outer)][col : col + tile.shape[1]]
            place[:] = tile[0, : place.shape[0]]
        else:
            *outer, row, col = indices
            place = target[tuple(outer)][row : row + tile.shape[0], col : col + tile.shape[1]]
            place[:] = self.round(
                tile[: place.shape[0], : place.shape[1]], fa.tensor_element(op.target)
            )
        if self.round.enabled and storage_of(op.target.type) is not None:
            place[:] = stored(place, op.target.type)
        return ()

    @impl(fa.FillOp)
    def fill(self, _: Interpreter, op: fa.FillOp, args: PythonValues) -> PythonValues:
        kind = fa.tile(op.tile)
        values = np.full(kind.dims, op.value.value.data, np.float32)
        return self._write(op, [self.round(values, kind.element_type)])

    @impl(fa.ScaleOp)
    def scale(self, _: Interpreter, op: fa.ScaleOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        kind = fa.tile(op.result).element_type
        factor = self.round(np.array(op.factor.value.data, np.float32), kind)
        return self._write(op, [self.round(args[0] * factor, kind)])

    @impl(fa.ScoresOp)
    def scores(self, _: Interpreter, op: fa.ScoresOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        query, key = args[:2]
        kind = fa.tile(op.result)
        if op.packing is not None:
            query = semantics.unpacked(query, kind.rows, op.packing.numbers)
            key = key[:, : query.shape[1]]
        product = query @ key.T
        if op.batched:
            product *= np.float32(BATCHED_FACTOR)
        if op.hiding is not None:
            hidden = _hidden(op, op.hiding, args[2], args[3])
            product = np.where(hidden, np.float32(-np.inf), product)
        return self._write(op, [self.round(product, kind.element_type)])

    @impl(fa.MatmulOp)
    def matmul(self, _: Interpreter, op: fa.MatmulOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        if op.transposed:
            product = (args[0] @ args[1].T) * np.float32(BATCHED_FACTOR)
        else:
            product = args[0] @ args[1]
        return self._write(op, [self.round(product, fa.tile(op.result).element_type)])

    @impl(fa.RepackOp)
    def repack(self, _: Interpreter, op: fa.RepackOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        self._expect_unit(op, args[1])
        return self._write(op, [self.round(args[0], fa.tile(op.result).element_type)])

    def _expect_unit(self, op: Operation, unit: Array) -> None:
        """Check the tile by which rows are packed."""
        size = unit.shape[1]
        if not np.array_equal(unit[:size], np.eye(size, dtype=np.float32) / BATCHED_FACTOR):
            raise InterpretationError(
                f"{op.name} needs {1 / BATCHED_FACTOR:g} times the unit matrix to copy elements"
            )

    @impl(fa.MaskOp)
    def mask(self, _: Interpreter, op: fa.MaskOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        scores = args[0]
        batch, head, row, col = map(number, args[1:5])
        kind = fa.tile(op.result)
        rows, cols = range(row, row + kind.rows), range(col, col + kind.cols)
        if op.hidden is not None:
            seen = args[5] == 0
        else:
            seen = semantics.visible(rows, cols, op.kv_len.value.data, op.shown, batch)
            if op.mask_mod is not None:
                seen = seen & _mask_function(op.mask_mod, rows, cols)(batch, head)
        return self._write(op, [np.where(seen, scores, np.float32(-np.inf))])

    @impl(fa.LengthOp)
    def length(self, interpreter: Interpreter, op: fa.LengthOp, args: PythonValues) -> PythonValues:
        found = int(args[0][number(args[1])])
        semantics.check_length(found, op.most.value.data)
        return (scalar(interpreter, IntegerAttr.from_index_int_value(op.rounded(found))),)

    @impl(fa.LimitOp)
    def limit(self, _: Interpreter, op: fa.LimitOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        col, length = map(number, args[1:3])
        seen = col + np.arange(fa.tile(op.result).cols) < length
        return self._write(op, [np.where(seen, args[0], np.float32(-np.inf))])

    @impl(fa.SoftmaxOp)
    def softmax(self, _: Interpreter, op: fa.SoftmaxOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        element, statistic = _elements(op.result, op.total)
        first = None if op.first is None else (args[1], args[2])
        _check_bound(args[0], op.bound, "bounded")
        return self._write(op, semantics.softmax(args[0], element, statistic, self.round, first))

    @impl(fa.ProbabilitiesOp)
    def probabilities(
        self, _: Interpreter, op: fa.ProbabilitiesOp, args: PythonValues
    ) -> PythonValues:
        self._read(op, args)
        s, m, total = args
        element, statistic = _elements(op.result, op.total)
        p = semantics.exponentials(s, m, element, self.round)
        return self._write(op, [semantics.normalize(p, total, element, statistic, self.round)])

    @impl(fa.SinkOp)
    def sink(self, _: Interpreter, op: fa.SinkOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        dims, score = fa.tile(op.maximum).dims, args[0][0].max()
        total = np.float32(0 if np.isneginf(score) else 1)
        return self._write(op, [np.full(dims, value, np.float32) for value in (score, total)])

    @impl(fa.OnlineSoftmaxOp)
    def online(self, _: Interpreter, op: fa.OnlineSoftmaxOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        s = args[0]
        m, total = np.full(len(s), -np.inf, np.float32), np.zeros(len(s), np.float32)
        if op.maximum is not None:
            m, total = args[1:3]
        elif op.total is not None:
            total = args[1]
        _check_bound(s, op.bound, "bounded")
        element, statistic = _elements(op.result, op.new_total)

        def step(total: Array) -> tuple[Array, Array, Array, Array]:
            if op.bounded is not None:
                return semantics.bounded_softmax(s, total, element, statistic, self.round)
            return semantics.online_softmax(s, m, total, element, statistic, self.round)

        if op.unsummed is not None:
            zero = np.zeros_like(m)
            p, m, total, alpha = step(zero)
            return self._write(op, [p, m, zero, alpha])
        if op.ones is None:
            return self._write(op, step(total))
        # Sums in units of the batched instructions' factor, the same in each column.
        before = (total if total.ndim == 1 else total[:, 0]) / np.float32(BATCHED_FACTOR)
        p, m, total, alpha = step(before)
        lanes = np.broadcast_to(
            total[:, None] * np.float32(BATCHED_FACTOR), fa.tile(op.new_total).dims
        )
        return self._write(op, [p, m, lanes, alpha])

    @impl(fa.AccumulateOp)
    def accumulate(self, _: Interpreter, op: fa.AccumulateOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        element = fa.tile(op.result).element_type
        acc = args[0]
        if op.alpha is not None:
            acc = self.round(acc * args[2][:, None], element)
        return self._write(op, [self.round(acc + args[1], element)])

    @impl(fa.NormalizeOp)
    def normalize(self, _: Interpreter, op: fa.NormalizeOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        acc = args[0]
        element = fa.tile(op.result).element_type
        statistic = element if op.total is None else fa.tile(op.total).element_type
        if op.total is None:
            # The first columns hold the sum, and those behind them what it divides.
            total, columns = acc[:, 0], op.sum_columns
            divided = semantics.normalize(acc, total, element, statistic, self.round, op.multiplier)
            result = np.zeros_like(divided)
            result[:, columns : 2 * columns] = divided[:, columns : 2 * columns]
            return self._write(op, [result])
        total = args[1] if args[1].ndim == 1 else args[1][:, 0]
        result = semantics.normalize(acc, total, element, statistic, self.round, op.multiplier)
        return self._write(op, [result])

    @impl(fa.NormalizePackedOp)
    def normalize_packed(
        self, _: Interpreter, op: fa.NormalizePackedOp, args: PythonValues
    ) -> PythonValues:
        self._read(op, args)
        self._expect_unit(op, args[1])
        acc, kind = args[0], fa.tile(op.result)
        element, sums, streams = kind.element_type, op.sums.value.data, op.rows_together
        divided = semantics.normalize(acc, acc[:, 0], element, element, self.round, op.multiplier)[
            :, sums : 2 * sums
        ]
        slices = divided.reshape(-1, streams, op.slices, op.width).swapaxes(1, 2)
        packed = slices.reshape(-1, kind.cols)
        result = np.zeros(kind.dims, np.float32)
        result[: len(packed)] = packed
        return self._write(op, [result])

    @impl(fa.LogsumexpOp)
    def logsumexp(self, _: Interpreter, op: fa.LogsumexpOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        kind = fa.tile(op.result)
        line = semantics.logsumexp(
            args[0], args[1], kind.cols, kind.rows, self.round, kind.element_type
        )
        return self._write(op, [line])

    @impl(fa.SpreadOp)
    def spread(self, _: Interpreter, op: fa.SpreadOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        kind = fa.tile(op.result)
        lines = np.broadcast_to(args[0][:, None], kind.dims)
        return self._write(op, [self.round(lines, kind.element_type)])

    @impl(fa.CollectOp)
    def collect(self, _: Interpreter, op: fa.CollectOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        return self._write(op, [self.round(args[0].max(axis=1), fa.tile(op.result).element_type)])

    @impl(fa.CombineOp)
    def combine(self, _: Interpreter, op: fa.CombineOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        element, statistic = _elements(op.acc, op.total)
        return self._write(
            op, semantics.combine(args[:3], args[3:6], element, statistic, self.round)
        )

    @impl(fa.CopyOp)
    def copy(self, _: Interpreter, op: fa.CopyOp, args: PythonValues) -> PythonValues:
        self._read(op, args)
        return self._write(op, [args[0]])

    @impl(fa.ScratchOp)
    def scratch(self, _: Interpreter, op: fa.ScratchOp, args: PythonValues) -> PythonValues:
        return self._write(op, [np.full(fa.tile(op.tile).dims, np.nan, np.float32)])


EXACT = 1e-5
"""What a promise about scores that are not rounded on the way may be off by, relative."""


def _check_bound(
    scores: NDArray[np.floating], bound: float | None, name: str, slack: float = ROUNDED
) -> None:
    """Raise InterpretationError where scores break a promise."""
    if bound is None:
        return
    reach = semantics.beyond(scores, (1 + slack) * bound)
    if reach is not None:
        raise InterpretationError(f"scores reach {reach:.4g}, beyond {name} = {bound:g}")


def _hidden(op: fa.ScoresOp, hiding: fa.Hiding, choice: Array, tiles: Array) -> NDArray[np.bool_]:
    """The scores that a product hides: what it adds to them is not 0."""
    assert op.packing is not None
    streams, width, _, _ = op.packing.numbers
    keys, (rows, cols) = tiles.shape[1], fa.tile(op.result).dims
    panels, hidden = cols // keys, np.zeros((rows, cols), np.bool_)
    for place, block in enumerate(hiding.blocks):
        if block < 0:
            continue
        group, panel = divmod(place, panels)
        tile, lanes = divmod(block, keys // width)
        columns = tiles[tile * keys : (tile + 1) * keys, lanes * width : (lanes + 1) * width]
        chosen = choice[hiding.choices[group]].reshape(streams, width)
        first, start = group * streams, panel * keys
        hidden[first : first + streams, start : start + keys] = chosen @ columns.T != 0
    return hidden


def _lengths(values: NDArray[Any], most: int) -> tuple[int, ...]:
    """Lengths of batches; raises InterpretationError for one that there cannot be."""
    found = tuple(int(value) for value in values)
    for length in found:
        semantics.check_length(length, most)
    return found


def _function(region: Region | None) -> Callable[..., Array] | None:
    """A score or probability function as one on arrays."""
    if region is None:
        return None
    return lambda *values: evaluate(region, [np.asarray(value) for value in values])


def _spread_table(table: Array, kind: TileType) -> Array:
    """A table of `fa.map` over a tile: its first row for all rows, its columns again and again."""
    rows = table if table.shape[0] == kind.rows else table[:1]
    return np.tile(rows, (1, kind.cols // table.shape[1]))


def _mask_function(
    region: Region, rows: range, cols: range
) -> Callable[[int, int], NDArray[np.bool_]]:
    """A mask function as one of batch and head that gives a matrix."""
    return lambda batch, head: evaluate_mask(
        region, batch, head, np.asarray(rows), np.asarray(cols)
    )


def _elements(tile: SSAValue, statistic: SSAValue) -> tuple[Attribute, Attribute]:
    return fa.tile(tile).element_type, fa.tile(statistic).element_type


def stored(values: Array, kind: Attribute) -> Array:
    """`values` after a round trip through the block-scaled storage format of a type, if it has one.

    A last block that the shape cuts short is as if filled up with zeros.
    """
    return mx_semantics.stored(values, storage_of(kind))


def _argument(index: int, kind: Attribute, arg: Array | Blocks, rnd: Rounder) -> Array:
    """An argument as the function's type has it: rounded, quantized, or an array of codes.

    Raises InterpretationError where shape or form differ.
    """
    if not isa(kind, TensorType[Attribute]):
        raise InterpretationError(f"argument {index} must be a tensor, got {kind}")
    values = dequantize(arg) if isinstance(arg, Blocks) else arg
    if kind.get_shape() != values.shape:
        raise InterpretationError(
            f"argument {index} must have shape {kind.get_shape()}, got {values.shape}"
        )
    element = kind.get_element_type()
    if isa(element, IntegerType):
        if values.dtype.kind not in "iub":
            raise InterpretationError(f"argument {index} holds integers, got {values.dtype}")
        return values.astype(array_type(element))
    values = rnd(np.asarray(values, np.float32), element)
    return stored(values, kind) if rnd.enabled else values


def run_function(
    module: ModuleOp, args: Sequence[Array | Blocks], rounded: bool = True
) -> list[Array]:
    """Run the module's only function on arrays and return its results.

    An argument whose type is block-scaled can be `mx.Blocks`. `rounded=False` computes in float32
    throughout. Raises InterpretationError for arguments that do not fit the function, and where an
    operation has no meaning here.
    """
    functions = [f for f in module.ops if isinstance(f, func.FuncOp) and not f.is_declaration]
    if len(functions) != 1:
        raise InterpretationError(f"the module must hold one function, got {len(functions)}")
    function = functions[0]
    kinds = list(function.function_type.inputs)
    if len(kinds) != len(args):
        raise InterpretationError(
            f"@{function.sym_name.data} takes {len(kinds)} arguments, got {len(args)}"
        )
    rnd = Rounder(rounded)
    values = [
        _argument(index, kind, arg, rnd)
        for index, (kind, arg) in enumerate(zip(kinds, args, strict=True))
    ]
    interpreter = Interpreter(module)
    for functions_ in (ArithFunctions(), FuncFunctions(), ScfFunctions(), FaFunctions(rnd)):
        interpreter.register_implementations(functions_)
    interpreter.register_implementations(HostFunctions(rnd))
    interpreter.register_implementations(PlainFunctions())
    interpreter.register_implementations(PlainConstants(), override=True)
    return list(interpreter.call_op(function.sym_name.data, tuple(values)))
